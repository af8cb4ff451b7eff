"""Cut touching particles along the watersheds of a relief: the distance map, the image, or its gradient."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import cv2
import numba
import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_image, check_labels, check_mask, check_peaks, check_same_shape
from granum.errors import SettingError, ShapeError
from granum.segment.components import label_components
from granum.separate.basins import rename_labels
from granum.separate.distance import distance_map
from granum.separate.hierarchy import check_dynamic, flood_maxima, merged_names
from granum.separate.peaks import find_distance_peaks, smooth_relief
from granum.steps import Range

__all__ = ["flood", "split_by_watershed"]

_TASK = 64  # components that one thread takes at a time
_DOWN = np.array([-1, 0, 0, 1, -1, -1, 1, 1])  # neighbours: four by edges, then four by corners
_ACROSS = np.array([0, -1, 1, 0, -1, 1, -1, 1])


def split_by_watershed(
    mask: ArrayLike,
    peaks: ArrayLike | None = None,
    image: ArrayLike | None = None,
    *,
    relief: Literal["distance", "intensity", "gradient"] = "distance",
    min_dynamic: Annotated[float, Range(0, 1)] = 0.05,
    min_depth: Annotated[float, Range(0, 1000, unit="px")] = 0.5,
    smoothing: Annotated[float, Range(0, 100, unit="px")] = 0.0,
) -> NDArray[np.int32]:
    """Cut the foreground into particles along the watersheds of a relief.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    peaks : (N, 2) array_like, optional
        One (y, x) per particle, from which to flood; those outside the mask are left out. None takes the maxima of the
        relief that stand out enough (for "gradient": of the distance map).
    image : (Y, X) array_like, optional
        Needed for "intensity" and "gradient".
    relief : {"distance", "intensity", "gradient"}
        What is flooded from its heights down. "distance": cuts at necks of the outline. "intensity": cuts along the
        valleys of the image (its ridges, when the particles are darker than what is around them). "gradient": cuts
        along edges in the image, from the middle of each particle.
    min_dynamic : float
        Part of its own height by which a maximum must stand above the saddle to a higher one, 0 to 1. The height of an
        intensity is counted from the median of the background.
    min_depth : float
        The same in pixels, 0 to 1000; for "intensity" not used.
    smoothing : float
        Standard deviation of a Gaussian over the relief, in pixels, 0 to 100; 0 leaves it as it is.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        1..K in raster order of the maxima, or in the order of the peaks that lie in the mask (of several on one pixel,
        the first). Every foreground pixel has a label: a component without a peak is one particle, numbered after the
        others.

    Raises
    ------
    ShapeError
        Arrays that do not have two axes, do not fit each other, or a relief whose image is missing.
    SettingError
        A setting is out of its range.

    Notes
    -----
    Without `peaks` the cost is that of `watershed_hierarchy` and 8 bytes per pixel; with them, that of `flood`. Results
    equal ``skimage.segmentation.watershed`` with ``connectivity=2`` up to ties, but never cross a corner of background.

    References
    ----------
    .. [1] F. Meyer, "Topographic distance and watershed lines", Signal Processing 38 (1994).
       doi:10.1016/0165-1684(94)90060-4
    """
    check_dynamic(min_dynamic, min_depth)
    pixels = check_mask(mask)
    if relief not in ("distance", "intensity", "gradient"):
        raise SettingError(f"relief: {relief!r} is not known; choose 'distance', 'intensity' or 'gradient'.")
    if relief == "distance":
        field = smooth_relief(distance_map(pixels), smoothing)
    else:
        if image is None:
            raise ShapeError(f"image: is missing, relief={relief!r} needs it.")
        values = check_image(image).astype(np.float32, copy=False)
        check_same_shape(values, pixels.shape, name="image")
        values = smooth_relief(values, smoothing)
        field = _rise_above_background(values, pixels) if relief == "intensity" else -_gradient(values)
    if peaks is None and relief == "gradient":
        peaks = find_distance_peaks(pixels, min_dynamic=min_dynamic, min_depth=min_depth)
    if peaks is None:
        labels, tree, names = flood_maxima(field, pixels)
        survives = tree.survives(min_dynamic, min_depth if relief == "distance" else 0.0)
        rename_labels(labels, merged_names(tree, survives)[names])
        return labels
    return _flood_from_peaks(field, check_peaks(peaks, pixels.shape), pixels)


def flood(
    relief: ArrayLike, markers: ArrayLike, mask: ArrayLike | None = None, *, connectivity: Literal[1, 2] = 1
) -> NDArray[np.int32]:
    """Flood a relief from markers, from the heights down.

    Parameters
    ----------
    relief : (Y, X) array_like
        High inside objects. Taken as float32.
    markers : (Y, X) array_like of int
        Labels from which to flood, 0 elsewhere; those outside the mask are left out.
    mask : (Y, X) array_like of bool, optional
        Pixels to flood; None floods all.
    connectivity : {1, 2}
        Neighbours by edges (1), or also by corners (2) where both pixels share an edge neighbour in the mask.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        The markers, grown; 0 outside the mask and in 4-connected components without a marker.

    Raises
    ------
    ShapeError
        Arrays that do not have two axes, or do not fit each other.
    SettingError
        `connectivity` is neither 1 nor 2.

    Notes
    -----
    Pixels are taken from the highest to the lowest; of equal ones, those fewer steps into their plateau, then by
    position. So a plateau is shared at equal distances, and a tile gives the answer of the whole image; where all
    heights differ, it is that of ``skimage.segmentation.watershed(-relief, markers, connectivity, mask=mask)``. One
    heap per component, in parallel; n log n in the pixels of the largest one.
    """
    if connectivity not in (1, 2):
        raise SettingError(f"connectivity: is {connectivity!r}, must be 1 (edges) or 2 (edges and corners).")
    field = check_image(relief, name="relief").astype(np.float32, copy=False)
    seeds = check_labels(markers, name="markers")
    check_same_shape(seeds, field.shape, name="markers")
    pixels = np.ones(field.shape, np.bool_) if mask is None else check_mask(mask)
    check_same_shape(pixels, field.shape, name="mask")
    positions = np.flatnonzero((seeds != 0) & pixels)
    labels = _flood_positions(field, positions, seeds.ravel()[positions], pixels, connectivity == 2)
    np.maximum(labels, 0, out=labels)
    return labels


def _rise_above_background(image: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the image counted from the median of its background, upwards to the objects."""
    if mask.all():
        return image - image.min()
    if not mask.any():
        return np.zeros_like(image)
    background = np.median(image[~mask])
    rise = image - background
    return rise if image[mask].mean(dtype=np.float64) >= background else -rise


def _gradient(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the length of the Sobel gradient."""
    across = cv2.Sobel(image, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(image, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _flood_from_peaks(
    relief: NDArray[np.float32], peaks: NDArray[np.float64], mask: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Flood from peaks; components without one get labels of their own, after those of the peaks."""
    y, x = np.rint(peaks).astype(np.int64).T
    positions = (y * mask.shape[1] + x)[mask[y, x]]
    first = np.sort(np.unique(positions, return_index=True)[1])
    positions = positions[first]
    labels = _flood_positions(relief, positions, np.arange(1, len(positions) + 1, dtype=np.int32), mask, True)
    lone = labels < 0
    if lone.any():
        without = np.unique(-labels[lone])
        labels[lone] = (np.searchsorted(without, -labels[lone]) + len(positions) + 1).astype(np.int32)
    return labels


def _flood_positions(
    relief: NDArray[np.float32],
    positions: NDArray[np.int64],
    seeds: NDArray[np.int32],
    mask: NDArray[np.bool_],
    corners: bool,
) -> NDArray[np.int32]:
    """Flood from flat positions; pixels of components without a seed are minus the component."""
    labels = -label_components(mask)
    component = -labels.ravel()[positions]
    order = np.argsort(component, kind="stable")
    starts = np.unique(component[order], return_index=True)[1]
    with numba.parallel_chunksize(_TASK):
        _flood_components(relief, positions[order], seeds[order], np.append(starts, len(order)), corners, labels)
    return labels


@njit(cache=True)
def _goes_first(heap: Any, relief: Any, one: Any, two: Any) -> Any:
    """Return whether entry `one` of the heap is flooded before entry `two`."""
    first, second = relief[heap[one, 1]], relief[heap[two, 1]]
    if first != second:
        return first > second
    if heap[one, 0] != heap[two, 0]:
        return heap[one, 0] < heap[two, 0]
    return heap[one, 1] < heap[two, 1]


@njit(cache=True)
def _push(heap: Any, size: Any, relief: Any, steps: Any, position: Any) -> Any:
    """Add a pixel that lies so many steps inside its plateau."""
    if size == len(heap):
        grown = np.empty((2 * size, 2), np.int64)
        grown[:size] = heap
        heap = grown
    heap[size, 0], heap[size, 1] = steps, position
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if not _goes_first(heap, relief, at, above):
            break
        for k in range(2):
            heap[at, k], heap[above, k] = heap[above, k], heap[at, k]
        at = above
    return heap, size + 1


@njit(cache=True)
def _pop(heap: Any, size: Any, relief: Any) -> Any:
    """Remove the first entry, which the caller has read."""
    size -= 1
    heap[0, 0], heap[0, 1] = heap[size, 0], heap[size, 1]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= size:
            return size
        if below + 1 < size and _goes_first(heap, relief, below + 1, below):
            below += 1
        if not _goes_first(heap, relief, below, at):
            return size
        for k in range(2):
            heap[at, k], heap[below, k] = heap[below, k], heap[at, k]
        at = below


@njit(cache=True, parallel=True)
def _flood_components(relief: Any, positions: Any, seeds: Any, starts: Any, corners: Any, labels: Any) -> None:
    """Flood each component from its own seeds; positive labels are flooded, negative ones wait, 0 is background."""
    height, width = labels.shape
    flat_relief = relief.ravel()
    flat_labels = labels.ravel()
    reach = 8 if corners else 4
    for group in prange(len(starts) - 1):
        heap = np.empty((256, 2), np.int64)
        size = 0
        for i in range(starts[group], starts[group + 1]):
            flat_labels[positions[i]] = seeds[i]
            heap, size = _push(heap, size, flat_relief, 0, positions[i])
        while size > 0:
            steps, position = heap[0, 0], heap[0, 1]
            size = _pop(heap, size, flat_relief)
            y, x = position // width, position % width
            for k in range(reach):
                v, u = y + _DOWN[k], x + _ACROSS[k]
                if v < 0 or u < 0 or v >= height or u >= width or labels[v, u] >= 0:
                    continue
                if k >= 4 and labels[y, u] == 0 and labels[v, x] == 0:
                    continue
                labels[v, u] = flat_labels[position]
                other = v * width + u
                inside = steps + 1 if flat_relief[other] == flat_relief[position] else 0
                heap, size = _push(heap, size, flat_relief, inside, other)
