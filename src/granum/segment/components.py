"""Number the connected pieces of a mask."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_mask
from granum.errors import SettingError, ShapeError

__all__ = ["ComponentNames", "component_areas", "count_labels", "keep_components", "label_components", "name_runs"]

_ROWS = 32  # rows per strip


def label_components(mask: ArrayLike, *, connectivity: Literal[1, 2] = 1) -> NDArray[np.int32]:
    """Return one label per connected component of the foreground.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    connectivity : {1, 2}
        Neighbours by edges (1, right for particles), or by edges and corners (2).

    Returns
    -------
    labels : (Y, X) ndarray of int32
        0 in the background, 1..K in raster order of each component's first pixel, as ``scipy.ndimage.label`` numbers
        them.

    Raises
    ------
    ShapeError
        `mask` does not have two axes, or is empty.
    SettingError
        `connectivity` is neither 1 nor 2.

    Notes
    -----
    Union-find over the runs of each row [1]_, so the cost beside one reading and one writing of the pixels goes with
    the number of runs, not of pixels. Strips are read and written on all cores; 12 bytes per run.

    References
    ----------
    .. [1] L. He, Y. Chao, K. Suzuki, "A run-based two-scan labeling algorithm", IEEE Trans. Image Process. 17 (2008).
       doi:10.1109/TIP.2008.919369

    Examples
    --------
    >>> label_components([[1, 0, 1], [1, 0, 0]])
    array([[1, 0, 2],
           [1, 0, 0]], dtype=int32)
    """
    if connectivity not in (1, 2):
        raise SettingError(f"connectivity: is {connectivity!r}, must be 1 (edges) or 2 (edges and corners).")
    pixels = check_mask(mask).view(np.uint8)
    if pixels.size >= 2**31:
        raise ShapeError(f"mask: has {pixels.size} pixels, one piece may have {2**31 - 1}; cut it into tiles.")
    return np.asarray(_write_runs(*name_runs(pixels.view(np.bool_), connectivity=connectivity), pixels.shape[1]))


class ComponentNames(NamedTuple):
    """The runs of foreground of a mask, and the component of each: all that areas and sums need, without labels.

    Parameters
    ----------
    bounds : (R, 2) ndarray of int32
        First column of each run in raster order, and the one behind its last.
    offsets : (Y + 1,) ndarray of int64
        Runs of row y are ``offsets[y]:offsets[y + 1]``.
    names : (R,) ndarray of int32
        Component of each run, 1..K, as `label_components` numbers them.
    """

    bounds: NDArray[np.int32]
    offsets: NDArray[np.int64]
    names: NDArray[np.int32]


def name_runs(mask: NDArray[np.bool_], *, connectivity: Literal[1, 2] = 1) -> ComponentNames:
    """Return the runs of a C-contiguous mask and their components."""
    pixels = mask.view(np.uint8)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(_count_runs(pixels))])
    bounds = _list_runs(pixels, offsets)
    return ComponentNames(bounds, offsets, _join_runs(bounds, offsets, np.int32(connectivity - 1)))


def component_areas(runs: ComponentNames, part: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Return how many pixels each component 0..K has, or how many of them are True in `part`; 0 in the background."""
    n = int(runs.names.max(initial=0))
    if part is None:
        return np.asarray(_sum_runs(runs.bounds, runs.names, n))
    return np.asarray(_sum_part(*runs, part.view(np.uint8), n))


def keep_components(
    mask: NDArray[np.bool_],
    *,
    connectivity: Literal[1, 2],
    min_area: int = 0,
    max_area: int | None = None,
    inner: bool = False,
) -> NDArray[np.bool_]:
    """Return a mask of some of its connected components.

    Parameters
    ----------
    mask : (Y, X) ndarray of bool
        Foreground.
    connectivity : {1, 2}
        Neighbours by edges, or by edges and corners.
    min_area, max_area : int, optional
        Components of fewer, or of more pixels go.
    inner : bool
        Components that touch the border of the image go.

    Notes
    -----
    No labels are written: areas and borders are counted on runs, so that it costs a fifth of the way through a label
    image.
    """
    bounds, offsets, names = name_runs(mask, connectivity=connectivity)
    most = np.int64(mask.size if max_area is None else min(max_area, mask.size))
    keep = _wanted_runs(bounds, offsets, names, mask.shape[1], np.int64(min(min_area, mask.size + 1)), most, inner)
    return np.asarray(_paint_runs(bounds, offsets, keep, mask.shape[1]).view(np.bool_))


def count_labels(labels: NDArray[np.int32], n: int) -> NDArray[np.int64]:
    """Return how many pixels each label 0..n has, as `numpy.bincount` without its 8 bytes per pixel.

    Labels must lie in that range: nothing checks them.
    """
    return np.asarray(_count_pixels(labels, np.int64(n)))


@njit(cache=True)
def _count_pixels(labels: Any, n: Any) -> Any:
    """Count pixels run by run."""
    areas = np.zeros(n + 1, np.int64)
    width = labels.shape[1]
    for y in range(labels.shape[0]):
        row = labels[y]
        first = 0
        for x in range(1, width):
            if row[x] != row[first]:
                areas[row[first]] += x - first
                first = x
        areas[row[first]] += width - first
    return areas


@njit(cache=True, parallel=True)
def _count_runs(mask: Any) -> Any:
    """Count the runs of foreground in each row."""
    height, width = mask.shape
    counts = np.empty(height, np.int64)
    for y in prange(height):
        count = np.int64(mask[y, 0] != 0)
        for x in range(1, width):
            count += np.int64((mask[y, x] != 0) & (mask[y, x - 1] == 0))
        counts[y] = count
    return counts


@njit(cache=True)
def _any_of(row: Any, x: Any) -> Any:
    """Return whether one of 16 pixels of 0 and 1 is 1."""
    found, at = np.uint8(0), np.uint64(x)  # without sign: see `_all_of`
    for i in range(16):
        found |= row[at + np.uint64(i)]
    return found


@njit(cache=True)
def _all_of(row: Any, x: Any) -> Any:
    """Return whether all of 16 pixels of 0 and 1 are 1."""
    # an index with a sign may count from the end, which would keep the compiler from vector units
    found, at = np.uint8(1), np.uint64(x)
    for i in range(16):
        found &= row[at + np.uint64(i)]
    return found


@njit(cache=True)
def _sum_runs(bounds: Any, names: Any, n: Any) -> Any:
    """Return the pixels of each component."""
    areas = np.zeros(n + 1, np.int64)
    for run in range(len(names)):
        areas[names[run]] += bounds[run, 1] - bounds[run, 0]
    return areas


@njit(cache=True)
def _sum_part(bounds: Any, offsets: Any, names: Any, part: Any, n: Any) -> Any:
    """Return the pixels of each component that are 1 in `part`."""
    areas = np.zeros(n + 1, np.int64)
    for y in range(len(offsets) - 1):
        for run in range(offsets[y], offsets[y + 1]):
            count = np.int64(0)
            for x in range(bounds[run, 0], bounds[run, 1]):
                count += part[y, x]
            areas[names[run]] += count
    return areas


@njit(cache=True, parallel=True)
def _list_runs(mask: Any, offsets: Any) -> Any:
    """Return the first column of each run, and the one behind its last."""
    height, width = mask.shape
    bounds = np.empty((offsets[-1], 2), np.int32)
    for y in prange(height):
        run = offsets[y]
        x = 0
        row = mask[y]
        while run < offsets[y + 1]:
            # sixteen pixels at a time where they are all alike, which vector units see at once
            while x + 16 <= width and _any_of(row, x) == 0:
                x += 16
            while row[x] == 0:
                x += 1
            bounds[run, 0] = x
            while x + 16 <= width and _all_of(row, x) != 0:
                x += 16
            while x < width and row[x] != 0:
                x += 1
            bounds[run, 1] = x
            run += 1
    return bounds


@njit(cache=True)
def _first_run(joined: Any, run: Any) -> Any:
    """Return the first run of a component, halving the path on the way."""
    while joined[run] != run:
        joined[run] = joined[joined[run]]
        run = joined[run]
    return run


@njit(cache=True)
def _join_runs(bounds: Any, offsets: Any, slack: Any) -> Any:
    """Return the component (1..K) of each run; the earliest run of each is its root, so numbers follow the raster."""
    joined = np.arange(len(bounds)).astype(np.int32)
    for y in range(1, len(offsets) - 1):
        above, run = offsets[y - 1], offsets[y]
        while above < offsets[y] and run < offsets[y + 1]:
            if bounds[above, 1] + slack > bounds[run, 0] and bounds[run, 1] + slack > bounds[above, 0]:
                one, two = _first_run(joined, above), _first_run(joined, run)
                joined[max(one, two)] = min(one, two)
            if bounds[above, 1] < bounds[run, 1]:
                above += 1
            else:
                run += 1
    count = 0
    for run in range(len(joined)):
        if joined[run] == run:
            count += 1
            joined[run] = count
        else:
            joined[run] = joined[joined[run]]
    return joined


@njit(cache=True, parallel=True)
def _write_runs(bounds: Any, offsets: Any, names: Any, width: Any) -> Any:
    """Return the label image of named runs."""
    height = len(offsets) - 1
    labels = np.empty((height, width), np.int32)
    for strip in prange((height + _ROWS - 1) // _ROWS):
        for y in range(strip * _ROWS, min(height, (strip + 1) * _ROWS)):
            done = 0
            for run in range(offsets[y], offsets[y + 1]):
                labels[y, done : bounds[run, 0]] = 0
                labels[y, bounds[run, 0] : bounds[run, 1]] = names[run]
                done = bounds[run, 1]
            labels[y, done:] = 0
    return labels


@njit(cache=True)
def _wanted_runs(bounds: Any, offsets: Any, names: Any, width: Any, least: Any, most: Any, inner: Any) -> Any:
    """Return for each run whether its component is of a wanted area and, with `inner`, away from the border."""
    n = 0
    for run in range(len(names)):
        n = max(n, names[run])
    areas = np.zeros(n + 1, np.int64)
    outside = np.zeros(n + 1, np.uint8)
    last = len(offsets) - 2
    for y in range(len(offsets) - 1):
        for run in range(offsets[y], offsets[y + 1]):
            areas[names[run]] += bounds[run, 1] - bounds[run, 0]
            if y == 0 or y == last or bounds[run, 0] == 0 or bounds[run, 1] == width:
                outside[names[run]] = 1
    keep = np.empty(len(names), np.uint8)
    for run in range(len(names)):
        area = areas[names[run]]
        keep[run] = least <= area and area <= most and not (inner and outside[names[run]] != 0)
    return keep


@njit(cache=True, parallel=True)
def _paint_runs(bounds: Any, offsets: Any, keep: Any, width: Any) -> Any:
    """Return the mask of some runs."""
    height = len(offsets) - 1
    mask = np.empty((height, width), np.uint8)
    for strip in prange((height + _ROWS - 1) // _ROWS):
        for y in range(strip * _ROWS, min(height, (strip + 1) * _ROWS)):
            mask[y] = 0
            for run in range(offsets[y], offsets[y + 1]):
                if keep[run]:
                    mask[y, bounds[run, 0] : bounds[run, 1]] = 1
    return mask
