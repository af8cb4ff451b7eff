"""What one threshold misses: insides darker than their rims, and pale objects that touch strong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from granum.segment.components import component_areas, count_labels, keep_components, label_components, name_runs
from granum.segment.depth import deeper_than

__all__ = ["add_pale_neighbours", "fill_dim_insides"]

_DIM = 0.4
_HOLE_PX, _HOLE_SHARE = 4, 0.01
_SHADED_SHARE = 0.08
_CORE_OF_RADIUS = 0.35
_MOST_OF_USUAL = 4


def fill_dim_insides(mask: NDArray[np.bool_], relief: NDArray[np.float32], level: float) -> NDArray[np.bool_]:
    """Fill holes that are brighter than the background; holes down to the background stay open.

    Parameters
    ----------
    mask : (Y, X) ndarray of bool
        True on objects.
    relief : (Y, X) ndarray of float32
        The image that was thresholded, objects bright.
    level : float
        Its threshold.

    Returns
    -------
    mask : (Y, X) ndarray of bool
        With every hole filled that nowhere falls below half way from the open background to the level.

    Notes
    -----
    Done only when at least 8 % of the single objects (of up to twice the median area) have such holes: with blur, small
    gaps between touching particles are not dark either. A particle in a scanning electron micrograph is bright at its
    edge and dim inside; a gap between touching particles is as dark as the background. Fails for shells so thick that
    their inside is as dark as the background: it stays open.
    """
    # most masks have no closed gap once small holes are filled; the grey levels of gaps are then not asked for
    if mask.all() or not mask.any() or not keep_components(~mask, connectivity=1, inner=True).any():
        return mask
    gaps = label_components(~mask)
    n = int(gaps.max())
    total, count, lowest, outside = _measure_gaps(gaps, relief, n)
    is_open = outside.astype(bool)
    is_open[0] = False
    if not is_open.any() or is_open[1:].all():
        return mask
    background = total[is_open].sum() / count[is_open].sum()
    dim = (lowest > background + _DIM * (level - background)) & ~is_open
    dim[0] = False
    if not dim.any():
        return mask
    filled = _add_gaps(mask, gaps, dim)
    return filled if _single_objects_are_dim(mask, filled) else mask


def _single_objects_are_dim(mask: NDArray[np.bool_], filled: NDArray[np.bool_]) -> bool:
    """Return whether holes are found in single objects too, not only between the members of a clump."""
    runs = name_runs(filled)
    areas, solid = component_areas(runs), component_areas(runs, mask)
    areas[0] = solid[0] = filled.size - areas.sum()  # what is outside of both
    single = areas <= 2 * np.median(areas[1:])
    single[0] = False
    holed = single & (areas - solid >= np.maximum(_HOLE_PX, _HOLE_SHARE * areas))
    return bool(holed.sum() >= _SHADED_SHARE * single.sum())


@njit(cache=True, parallel=True)
def _add_gaps(mask: Any, gaps: Any, wanted: Any) -> Any:
    """Return the mask with the wanted gaps."""
    filled = np.empty(mask.shape, np.bool_)
    for y in prange(mask.shape[0]):
        for x in range(mask.shape[1]):
            filled[y, x] = mask[y, x] or wanted[gaps[y, x]]
    return filled


@njit(cache=True)
def _measure_gaps(gaps: Any, relief: Any, n: Any) -> Any:
    """Return sum, number, lowest value and whether it reaches the frame for each gap."""
    height, width = gaps.shape
    total, count, outside = np.zeros(n + 1), np.zeros(n + 1, np.int64), np.zeros(n + 1, np.uint8)
    lowest = np.full(n + 1, np.inf)
    for y in range(height):
        x = 0
        while x < width:
            k, first = gaps[y, x], x
            level, least = total[k], lowest[k]  # sums go on pixel by pixel: the order of rounding stays
            while x < width and gaps[y, x] == k:
                level += relief[y, x]
                least = min(least, relief[y, x])
                x += 1
            total[k], lowest[k] = level, least
            count[k] += x - first
            if y == 0 or first == 0 or y == height - 1 or x == width:
                outside[k] = 1
    return total, count, lowest, outside


def add_pale_neighbours(mask: NDArray[np.bool_], level_mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add what one level for all finds beside the objects that have a level of their own.

    Parameters
    ----------
    mask : (Y, X) ndarray of bool
        Objects at levels of their own.
    level_mask : (Y, X) ndarray of bool
        Objects at one level for all.

    Returns
    -------
    mask : (Y, X) ndarray of bool
        With the bodies of `level_mask` that lie outside. Rims around the objects, thinner than 0.35 of the usual
        radius, are none, nor is what is over four times as large as the usual object (the tissue around nuclei).
    """
    rest = level_mask & ~mask
    if not mask.any() or not rest.any():
        return mask | rest if not mask.any() else mask
    areas = np.sort(component_areas(name_runs(mask))[1:])
    usual = areas[np.searchsorted(np.cumsum(areas), areas.sum() / 2)]
    core = _CORE_OF_RADIUS * float(np.sqrt(usual / np.pi))
    # the frame is no edge: an object cut by it is as thick as it would be outside
    bodies = deeper_than(rest, max(core, 1.5))
    if not bodies.any():
        return mask
    near = ~deeper_than(~bodies, max(core, 1.5))
    found = label_components(rest & near)
    large = count_labels(found, int(found.max())) > _MOST_OF_USUAL * usual
    large[0] = True
    return mask | ~large[found]
