"""Decide which cuts of an over-segmentation are kept: parts are merged while their union stays convex."""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_image, check_labels, check_mask, check_same_shape
from granum.errors import SettingError
from granum.separate.distance import distance_map
from granum.separate.hierarchy import check_dynamic, flood_to_dynamic
from granum.separate.part_graph import Edges, Parts, find_contacts, make_hulls, merge_parts, part_sums, renumber
from granum.steps import Range

__all__ = ["merge_convex_parts", "split_by_shape"]

_TILE = 16  # pixels; the background is averaged over tiles this large ..
_REACH = 2.0  # .. and then over this many tiles (standard deviation)


def merge_convex_parts(
    labels: ArrayLike,
    distance: ArrayLike,
    image: ArrayLike | None = None,
    *,
    max_deficit: Annotated[float, Range(0)] = 0.1,
    max_neck: Annotated[float, Range(0, 1)] = 0.95,
    min_dip: Annotated[float, Range(0, 1)] = 0.2,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Merge neighbouring parts, most evident pair first, while their union is convex.

    Parameters
    ----------
    labels : (Y, X) array_like of int
        Parts of an over-segmentation; 0 is background. Gaps in the labels are allowed.
    distance : (Y, X) array_like
        Distance map of their union (smoothed or not), in pixels: high inside objects. Taken as float32.
    image : (Y, X) array_like, optional
        Relief on which objects are bright. With it, a line between two parts that is dark along its whole length keeps
        them apart even where the outline shows nothing. None goes by the outline alone.
    max_deficit : float
        At least 0. Two parts are merged when the area that their union lacks to its convex hull is less than this
        part of the smaller one's area.
    max_neck : float
        0 to 1. They are merged whatever the hull when the distance at their saddle is at least this part of the lower
        of their two peaks: there is no neck.
    min_dip : float
        0 to 1. They are kept apart, whatever the outline, when the image on the cut (mean plus half a deviation) is
        lower than the fainter part by at least this part of its height above the background.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        1..K without gaps, in raster order of their first pixels.
    confidence : (K,) ndarray of float32
        0.5 to 1 for each label, see Notes.

    Raises
    ------
    ShapeError
        An array without two axes, or two of different shapes.
    SettingError
        A setting is out of its range.

    Notes
    -----
    Each decision has a ratio to its limit: ``r = max_deficit / deficit`` for a cut that is kept, ``deficit /
    max_deficit`` for a merge; ``(1 - neck) / (1 - max_neck)`` for a merge without neck and ``min_dip / dip`` for a
    cut by its dark line, where those are the more evident. With the largest r of all cuts that bound an object and all
    merges inside it, ``confidence = 1 - r**2 / 2``, where ``r**2`` is ``exp(-2 |log(deficit / max_deficit)|)``: 1
    where there was nothing to decide, 0.875 at twice the limit, 0.5 at the limit. It says how clear the decision was,
    and is no probability.

    Hulls are exact, those of unions come from the hulls of both parts, and only parts of one 4-connected piece of the
    mask are merged; nothing depends on the number of threads. Three passes over the pixels, then E log E in the number
    of pairs that touch. It fails where the particles themselves are not convex (splits too much) and where overlapping
    ones have a convex outline (merges them, unless `image` shows a line).

    Examples
    --------
    >>> labels = np.ones((6, 9), np.int32)
    >>> labels[:, 4:] = 2
    >>> merged, confidence = merge_convex_parts(labels, distance_map(labels > 0))
    >>> int(merged.max()), float(confidence[0])
    (1, 1.0)
    """
    _check_settings(max_deficit=max_deficit, max_neck=max_neck, min_dip=min_dip)
    parts_of = check_labels(labels)
    field = check_image(distance, name="distance").astype(np.float32, copy=False)
    check_same_shape(field, parts_of.shape, name="distance")
    n_parts = int(parts_of.max())
    if n_parts > parts_of.size:  # a few huge values must not ask for gigabytes of tables
        values, rows = np.unique(parts_of, return_inverse=True)
        parts_of = (rows.reshape(parts_of.shape) + int(values[0] > 0)).astype(np.int32)
        n_parts = int(parts_of.max())
    light = np.zeros((1, 1), np.float32)
    if image is not None:
        bright = check_image(image).astype(np.float32, copy=False)
        check_same_shape(bright, parts_of.shape, name="image")
        light = bright - _background(bright, parts_of)
    parts, pool = _list_parts(parts_of, field, light, n_parts)
    # without an image the distance stands in for it, and no dip is high enough
    seen = image is not None
    edges = _list_edges(parts_of, field, light if seen else field)
    limits = (float(max_deficit), float(max_neck), float(min_dip) if seen else np.inf)
    merge_parts(parts, pool, edges, limits, len(parts_of))
    merged, doubt = renumber(parts_of, parts.target, parts.doubt)
    return merged, (1 - doubt**2 / 2).astype(np.float32)


def split_by_shape(
    mask: ArrayLike,
    relief: ArrayLike | None = None,
    *,
    smoothing: Annotated[float, Range(0, 20, unit="px")] = 0.5,
    min_dynamic: Annotated[float, Range(0, 1)] = 0.04,
    max_deficit: Annotated[float, Range(0)] = 0.1,
    max_neck: Annotated[float, Range(0, 1)] = 0.95,
    min_dip: Annotated[float, Range(0, 1)] = 0.2,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Split a mask into convex objects: a watershed with many parts, then `merge_convex_parts`.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    relief : (Y, X) array_like, optional
        Image on which objects are bright; dark lines on it are cuts, too.
    smoothing : float
        0 to 20. Standard deviation in pixels of the Gaussian over the distance map; 0 for none.
    min_dynamic : float
        0 to 1. Part of its own height by which a maximum of the distance must stand out to begin a part of its own.
    max_deficit : float
        At least 0; what the union of two parts may lack to its convex hull, see `merge_convex_parts`.
    max_neck : float
        0 to 1; saddle over peak from which there is no neck, see `merge_convex_parts`.
    min_dip : float
        0 to 1; how dark a line keeps two parts apart, see `merge_convex_parts`.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        1..K without gaps, in raster order; every pixel of the mask belongs to an object.
    confidence : (K,) ndarray of float32
        0.5 to 1 for each label, see `merge_convex_parts`.

    Raises
    ------
    ShapeError
        An array without two axes, or two of different shapes.
    SettingError
        A setting is out of its range.

    Examples
    --------
    >>> y, x = np.mgrid[:30, :50]
    >>> mask = np.minimum(np.hypot(y - 15, x - 15), np.hypot(y - 15, x - 36)) < 12
    >>> labels, confidence = split_by_shape(mask)
    >>> int(labels.max())
    2
    """
    _check_settings(max_deficit=max_deficit, max_neck=max_neck, min_dip=min_dip)
    check_dynamic(min_dynamic, 0.0)
    if not 0 <= smoothing <= 20:
        raise SettingError(f"smoothing: is {smoothing!r}, must be 0 to 20 pixels.")
    pixels = check_mask(mask)
    parts, distance = over_segment(pixels, distance_map(pixels), smoothing=smoothing, min_dynamic=min_dynamic)
    return merge_convex_parts(parts, distance, relief, max_deficit=max_deficit, max_neck=max_neck, min_dip=min_dip)


def over_segment(
    mask: NDArray[np.bool_], distance: NDArray[np.float32], *, smoothing: float, min_dynamic: float = 0.04
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the many parts from which `split_by_shape` starts, and the smoothed distance that they come from."""
    if smoothing > 0:
        distance = np.asarray(cv2.GaussianBlur(distance, (0, 0), smoothing), np.float32)
    return flood_to_dynamic(distance, mask, min_dynamic=min_dynamic)[0], distance


def _check_settings(*, max_deficit: float, max_neck: float, min_dip: float) -> None:
    """Raise `SettingError` for a setting out of its range."""
    if not 0 <= max_deficit < np.inf:
        raise SettingError(f"max_deficit: is {max_deficit!r}, must be at least 0 (part of the smaller part's area).")
    for name, value in (("max_neck", max_neck), ("min_dip", min_dip)):
        if not 0 <= value <= 1:
            raise SettingError(f"{name}: is {value!r}, must be 0 to 1.")


def _background(image: NDArray[np.float32], labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the local mean of the image outside the parts and their blurred rim; 0 for an image without any."""
    near = cv2.dilate((labels > 0).view(np.uint8), np.ones((7, 7), np.uint8))
    far = (1 - near).astype(np.float32)
    if not far.any():
        return np.full(image.shape, image.min(), np.float32)
    size = tuple(-(-n // _TILE) for n in image.shape[::-1])
    share = cv2.GaussianBlur(cv2.resize(far, size, interpolation=cv2.INTER_AREA), (0, 0), _REACH)
    level = cv2.GaussianBlur(cv2.resize(image * far, size, interpolation=cv2.INTER_AREA), (0, 0), _REACH)
    # where none is near, that of the whole image fades in
    whole, little = float(image[far > 0].mean()), 1e-3
    local = (level + little * whole) / (share + little)
    return np.asarray(cv2.resize(local, image.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _list_parts(
    labels: NDArray[np.int32], distance: NDArray[np.float32], light: NDArray[np.float32], n_parts: int
) -> tuple[Parts, NDArray[np.int64]]:
    """Return the tables of the parts and the pool of their hulls."""
    area, hull, pool = make_hulls(labels, n_parts)
    peak, total, inner = part_sums(labels, distance, light, n_parts)
    n = n_parts + 1
    head, degree = np.full(n, -1, np.int64), np.zeros(n, np.int64)
    return Parts(area, peak, hull, total, inner, np.zeros(n), head, degree, np.arange(n, dtype=np.int32)), pool


def _list_edges(labels: NDArray[np.int32], distance: NDArray[np.float32], light: NDArray[np.float32]) -> Edges:
    """Return the table of the pairs of parts that touch, in the order of their labels."""
    keys, saddles, values = find_contacts(labels, distance, light)
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order].astype(np.float64)
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    n = len(first)
    cut, saddle = np.zeros((n, 3)), np.zeros(n, np.float32)
    if n:
        cut[:, 0] = np.diff(first, append=len(keys))
        cut[:, 1], cut[:, 2] = np.add.reduceat(values, first), np.add.reduceat(values**2, first)
        saddle = np.maximum.reduceat(saddles[order], first)
    ends = np.stack(np.divmod(keys[first], labels.size + 1), axis=1).astype(np.int32)
    return Edges(ends, saddle, cut, np.empty(2 * n, np.int64), np.ones(n, np.bool_), np.zeros(n, np.int64))
