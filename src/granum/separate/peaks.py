"""Where particles are: maxima of the distance map, or of any relief, that stand out enough."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_image, check_mask, check_same_shape
from granum.errors import SettingError
from granum.separate.distance import distance_map
from granum.separate.hierarchy import BasinTree, check_dynamic, flood_maxima
from granum.steps import Range

__all__ = ["find_distance_peaks", "find_peaks_with_dynamics"]


def find_distance_peaks(
    mask: ArrayLike,
    *,
    min_dynamic: Annotated[float, Range(0, 1)] = 0.05,
    min_depth: Annotated[float, Range(0, 1000, unit="px")] = 0.5,
    smoothing: Annotated[float, Range(0, 100, unit="px")] = 0.0,
    min_distance: Annotated[int, Range(1, 10000, unit="px")] | None = None,
    every_component: bool = True,
    edge: Literal["inside", "outside"] = "inside",
) -> NDArray[np.float64]:
    """Return one peak per particle: the deep places of the mask.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    min_dynamic : float
        Part of its own height by which a maximum of the distance map must stand above the saddle to a higher one, 0 to
        1. Two equal discs of radius r that meet in a neck of half-width s are two peaks while 1 - s / r is more than
        this, whatever their size. Less splits more.
    min_depth : float
        The same in pixels, 0 to 1000: what a rough outline on the pixel grid can make by itself.
    smoothing : float
        Standard deviation of a Gaussian over the distance map, in pixels, 0 to 100; 0 leaves it exact.
    min_distance : int, optional
        In place of `min_dynamic` and `min_depth`: maxima at least this many pixels apart along one axis, 1 to 10000, as
        ``skimage.feature.peak_local_max(distance, min_distance=..., exclude_border=False)`` finds them. Not scale-free.
    every_component : bool
        With `min_distance`: add the deepest pixel of a component that got no peak because a higher one is near. Without
        it, the peaks are to the letter those of scikit-image, and such particles are lost.
    edge : {"inside", "outside"}
        What lies beyond the frame, see `distance_map`.

    Returns
    -------
    peaks : (N, 2) ndarray of float64
        As (y, x), in raster order. Each 4-connected component has at least one (but see
        `every_component`); those at the frame are kept.

    Raises
    ------
    ShapeError
        `mask` does not have two axes, or is empty.
    SettingError
        A setting is out of its range.

    Notes
    -----
    A plateau gives one peak, the pixel nearest to its centroid. Linear cost, on all cores, and 8 bytes per pixel beside
    the mask. Strongly overlapping particles without a neck have one maximum and cannot be told apart here.

    References
    ----------
    .. [1] M. Grimaud, "A new measure of contrast: the dynamics", Proc. SPIE 1769 (1992). doi:10.1117/12.60650

    Examples
    --------
    >>> find_distance_peaks([[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]])
    array([[2., 2.]])
    """
    check_dynamic(min_dynamic, min_depth)
    if min_distance is not None and not 1 <= min_distance <= 10000:
        raise SettingError(f"min_distance: is {min_distance!r}, must be 1 to 10000 pixels, or None.")
    pixels = check_mask(mask)
    relief = smooth_relief(distance_map(pixels, edge=edge), smoothing)
    if min_distance is not None:
        return _find_distant_peaks(relief, pixels, int(min_distance), every_component)
    tree = flood_maxima(relief, pixels)[1]
    return tree.peaks[tree.survives(min_dynamic, min_depth)]


def find_peaks_with_dynamics(relief: ArrayLike, mask: ArrayLike | None = None) -> BasinTree:
    """Return all regional maxima of a relief with their heights, saddles and dynamics, to threshold as often as wanted.

    Parameters
    ----------
    relief : (Y, X) array_like
        High inside objects. Taken as float32.
    mask : (Y, X) array_like of bool, optional
        Where to look; None looks everywhere.

    Returns
    -------
    tree : BasinTree
        ``tree.peaks``, ``tree.heights``, ``tree.saddles``, ``tree.dynamics``; ``tree.survives(min_dynamic)`` selects
        rows.

    Raises
    ------
    ShapeError
        An array without two axes, or two of different shapes.

    Notes
    -----
    `watershed_hierarchy` gives the basins as well, for one pass over the labels more.
    """
    field = check_image(relief, name="relief").astype(np.float32, copy=False)
    pixels = np.ones(field.shape, np.bool_) if mask is None else check_mask(mask)
    check_same_shape(pixels, field.shape, name="mask")
    return flood_maxima(field, pixels)[1]


def smooth_relief(relief: NDArray[np.float32], smoothing: float) -> NDArray[np.float32]:
    """Return the relief after a Gaussian of standard deviation `smoothing`, or itself for 0."""
    if not 0 <= smoothing <= 100:
        raise SettingError(f"smoothing: is {smoothing!r}, must be 0 to 100 pixels.")
    if smoothing == 0:
        return relief
    return np.asarray(cv2.GaussianBlur(relief, (0, 0), float(smoothing), borderType=cv2.BORDER_REPLICATE), np.float32)


def _find_distant_peaks(
    relief: NDArray[np.float32], mask: NDArray[np.bool_], distance: int, every_component: bool
) -> NDArray[np.float64]:
    """Return the maxima of square windows, thinned from the highest down, and the best of components without one."""
    side = 2 * distance + 1
    highest = cv2.dilate(relief, np.ones((side, side), np.uint8), borderType=cv2.BORDER_REPLICATE)
    np.not_equal(highest, relief, out=highest)
    candidates = np.flatnonzero((highest == 0) & mask)
    del highest
    candidates = candidates[np.argsort(-relief.ravel()[candidates], kind="stable")]
    kept = candidates[_keep_distant(candidates, relief.shape[1], distance)]
    peaks = np.stack(np.divmod(kept, relief.shape[1]), axis=1).astype(np.float64)
    if every_component:
        labels, tree, names = flood_maxima(relief, mask)
        highest_there = np.isinf(tree.saddles)
        seen = np.zeros(len(tree), np.bool_)
        seen[tree.targets(highest_there)[names[labels.ravel()[kept]] - 1]] = True
        peaks = np.concatenate([peaks, tree.peaks[highest_there & ~seen]])
    return peaks[np.lexsort((peaks[:, 1], peaks[:, 0]))]


@njit(cache=True)
def _keep_distant(candidates: Any, width: Any, distance: Any) -> Any:
    """Return which candidates, from first to last, have no kept one nearer than `distance` along both axes."""
    keep = np.zeros(len(candidates), np.bool_)
    cells: dict[tuple[int, int], int] = {}
    for i in range(len(candidates)):
        y, x = candidates[i] // width, candidates[i] % width
        near = False
        for v in range(y // distance - 1, y // distance + 2):
            for u in range(x // distance - 1, x // distance + 2):
                # a cell as wide as the distance holds one kept candidate at most
                if (v, u) in cells:
                    other = cells[(v, u)]
                    near |= abs(other // width - y) < distance and abs(other % width - x) < distance
        if not near:
            keep[i] = True
            cells[(y // distance, x // distance)] = candidates[i]
    return keep
