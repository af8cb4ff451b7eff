"""Where an object ends: every object gets the grey level that lies between itself and its own background.

One threshold for a whole image draws bright objects too large and faint ones too small. Here the outline of each object
moves to its own level.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image, check_labels, check_same_shape
from granum.errors import SettingError
from granum.preprocess.middle_value import median_of
from granum.segment.depth import deeper_than
from granum.separate.distance import distance_map
from granum.step_cache import remembered
from granum.steps import Range

__all__ = ["refine_object_levels"]

_CLEAR_SNR = 8.0


def refine_object_levels(
    labels: ArrayLike,
    relief: ArrayLike,
    image: ArrayLike,
    area: ArrayLike | None = None,
    *,
    level: Literal["counts", "half"] = "counts",
    max_growth: Annotated[int, Range(0, 100, unit="px")] = 15,
) -> NDArray[np.int32]:
    """Move the outline of every object to its own level between inside and background.

    Parameters
    ----------
    labels : (Y, X) array_like of int
        Objects 1..K; touching ones stay apart at the line where they meet.
    relief : (Y, X) array_like
        Smoothed image, objects bright, from `segment_automatically`.
    image : (Y, X) array_like
        The image itself; gives the noise and, for "counts", the mean inside and outside.
    area : (Y, X) array_like of bool, optional
        Objects do not grow out of it.
    level : {"counts", "half"}
        "half": half way between background and inside, where a blurred step of equal noise has its edge. "counts":
        the level at which a pixel is as likely background as object when both are counts of electrons or photons
        (Poisson), (a - b) / ln(a / b) for means a and b; it lies lower for bright objects on a dark ground.
    max_growth : int
        How far an outline may move out, in pixels; at most half the radius of the object (at least 3).

    Returns
    -------
    labels : (Y, X) ndarray of int32
        The same objects with the same numbers.

    Raises
    ------
    ShapeError
        The arrays do not fit.
    SettingError
        A setting is out of its range or not one of its words.

    Notes
    -----
    In noise the contrast of a single object is not known well; it is drawn towards the median contrast of all by
    1 / (1 + (contrast / noise / 8)^2), so that noisy images keep one level for all. The background of an object is
    the mean of far pixels around it. Fails for objects whose inside is darker than their rim (shells). granum's own;
    the "counts" level is the minimum cross-entropy threshold of Li and Lee [1]_ for each object.

    References
    ----------
    .. [1] C. H. Li, C. K. Lee, Pattern Recognition 26, 617-625 (1993), :doi:`10.1016/0031-3203(93)90115-D`.
    """
    if level not in ("counts", "half"):
        raise SettingError(f"separate.object_levels.level: {level!r} is not one of counts, half.")
    if not 0 <= max_growth <= 100:
        raise SettingError(f"separate.object_levels.max_growth: {max_growth!r} is out of range, must be 0 to 100.")
    labels = check_labels(labels)
    relief = check_image(relief, name="relief").astype(np.float32, copy=False)
    image = check_image(image)
    check_same_shape(relief, labels.shape, name="relief")
    check_same_shape(image, labels.shape, name="image")
    inside_area = check_area(area, labels.shape)
    if not labels.any():
        return labels.copy()
    levels, radius, start = _own_levels(labels, relief, image, level)
    reach = np.minimum(np.clip(0.5 * radius, 3, None), max_growth).astype(np.int32)
    domain = np.zeros(labels.shape, np.uint8) if inside_area is None else (~inside_area).astype(np.uint8)
    territory = _grow(labels, domain, reach)
    refined = _flood_levels(labels, territory, relief, levels.astype(np.float32), start)
    _fill_own_holes(refined, labels, territory)
    return refined


@remembered
def _own_levels(
    labels: NDArray[np.int32], relief: NDArray[np.float32], image: NDArray[Any], level: str
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.int64]]:
    """Return the level, the radius and the flat index of the centre of every object."""
    n = int(labels.max())
    distance = distance_map(labels > 0)
    radius = np.zeros(n + 1, np.float32)
    start = np.zeros(n + 1, np.int64)
    _find_centres(labels, distance, radius, start)
    inner, inner_image = _core_means(labels, distance, radius, relief, np.ascontiguousarray(image))
    ground = _background_at(relief, labels, start, float(np.median(radius[1:][radius[1:] > 0])))
    return ground + _fractions(inner, inner_image, ground, image, relief, labels, level), radius, start


@njit(cache=True)
def _find_centres(labels: Any, distance: Any, radius: Any, start: Any) -> None:
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            k = labels[y, x]
            if k > 0 and distance[y, x] > radius[k]:
                radius[k] = distance[y, x]
                start[k] = y * width + x


@njit(cache=True)
def _sum_core(
    labels: Any, distance: Any, radius: Any, relief: Any, image: Any, total: Any, total_image: Any, count: Any
) -> None:
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            k = labels[y, x]
            if k > 0 and distance[y, x] >= 0.5 * radius[k]:
                total[k] += relief[y, x]
                total_image[k] += image[y, x]
                count[k] += 1


def _core_means(
    labels: Any, distance: Any, radius: Any, relief: Any, image: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the means of relief and image over the inner half of each object."""
    total, total_image = np.zeros(len(radius)), np.zeros(len(radius))
    count = np.zeros(len(radius), np.int64)
    _sum_core(labels, distance, radius, relief, image.astype(np.float32, copy=False), total, total_image, count)
    count = np.maximum(count, 1)
    return total / count, total_image / count


def _background_at(relief: Any, labels: Any, start: Any, radius: float) -> NDArray[np.float64]:
    """Return the mean of the far background around every object."""
    is_far = deeper_than(labels == 0, max(3.0, 0.5 * radius))
    if not is_far.any():
        is_far = labels == 0
    if not is_far.any():
        return np.full(len(start), float(relief.min()))
    far, there = _far_values(relief, is_far)
    sigma = max(15.0, 3 * radius)
    shrink = max(1, int(sigma / 4))
    height, width = relief.shape
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    share = cv2.resize(far, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(there, size, interpolation=cv2.INTER_AREA)
    share, total = (cv2.GaussianBlur(values, (0, 0), sigma / shrink) for values in (share, total))
    y = np.minimum(start // width * size[1] // height, size[1] - 1)
    x = np.minimum(start % width * size[0] // width, size[0] - 1)
    share, total = share[y, x], total[y, x]
    mean = total / np.maximum(share, 1e-6)
    if (share <= 0.02).any():
        mean = np.where(share > 0.02, mean, np.float32(relief[is_far].mean()))
    return mean.astype(np.float64)


@njit(cache=True, parallel=True)
def _far_values(relief: Any, is_far: Any) -> Any:
    """Return 1 and the relief where it is far, 0 elsewhere."""
    far, there = np.empty(relief.shape, np.float32), np.empty(relief.shape, np.float32)
    for y in prange(relief.shape[0]):
        for x in range(relief.shape[1]):
            far[y, x] = np.float32(is_far[y, x])
            there[y, x] = relief[y, x] * far[y, x]
    return far, there


def _fractions(
    inner: Any, inner_image: Any, ground: Any, image: Any, relief: Any, labels: Any, level: str
) -> NDArray[np.float64]:
    """Return how far the level of every object lies over its background."""
    contrast = np.maximum(inner - ground, 0)
    typical = float(np.median(contrast[1:]))
    rows = slice(None, None, max(1, image.shape[0] // 512))
    free = labels[rows] == 0
    residual = image[rows].astype(np.float32)
    outside = float(residual[free].mean()) if free.any() else float(inner_image[1:].min())
    sign = 1.0 if outside <= inner_image[1:].mean() else -1.0
    residual = sign * residual - relief[rows]
    residual = (residual - cv2.blur(residual, (15, 1)))[free]
    noise = 1.4826 * float(median_of(np.abs(residual - median_of(residual)))) if residual.size else 0.0
    weight = 1.0 if typical <= 0 else 1 / (1 + (typical / max(noise, 1e-9 * typical) / _CLEAR_SNR) ** 2)
    fraction = np.full(len(inner), 0.5)
    if level == "counts":
        a, b = np.maximum(inner_image, 1e-6), np.maximum(inner_image - sign * contrast, 1.0)
        a = np.maximum(a, 1.0)
        ratio = np.where(np.abs(a - b) > 1e-6 * a, a / b, 1.0)
        mean = np.where(ratio != 1, (a - b) / np.where(ratio != 1, np.log(ratio), 1.0), a)
        fraction = np.where(ratio != 1, (mean - b) / np.where(ratio != 1, a - b, 1.0), 0.5)
        fraction = np.clip(fraction, 0.33, 0.6)
    return fraction * ((1 - weight) * contrast + weight * typical)


def _grow(labels: NDArray[np.int32], closed: NDArray[np.uint8], reach: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the labels grown in rings of equal steps, each at most by its reach."""
    framed = _frame(labels, closed)
    queue = np.empty(framed.size, np.int32 if framed.size < 2**31 else np.int64)
    _grow_framed(framed.ravel(), np.int64(framed.shape[1]), reach, queue)
    return np.asarray(_unframe(framed))


@njit(cache=True, parallel=True)
def _frame(labels: Any, closed: Any) -> Any:
    """Return the labels with a frame of one pixel; the frame and what is closed are -1."""
    height, width = labels.shape
    framed = np.empty((height + 2, width + 2), np.int32)
    framed[0], framed[height + 1] = -1, -1
    for y in prange(height):
        framed[y + 1, 0], framed[y + 1, width + 1] = -1, -1
        for x in range(width):
            framed[y + 1, x + 1] = labels[y, x] if labels[y, x] > 0 or closed[y, x] == 0 else np.int32(-1)
    return framed


@njit(cache=True, parallel=True)
def _unframe(framed: Any) -> Any:
    """Return the labels without their frame, 0 where it was closed."""
    height, width = framed.shape[0] - 2, framed.shape[1] - 2
    labels = np.empty((height, width), np.int32)
    for y in prange(height):
        for x in range(width):
            labels[y, x] = max(framed[y + 1, x + 1], np.int32(0))
    return labels


@njit(cache=True)
def _grow_framed(territory: Any, stride: Any, reach: Any, queue: Any) -> None:
    """Grow framed labels into what is 0, in place; equal claims go to the pixel that comes first in raster order."""
    tail = 0
    for first in range(stride, territory.size - stride):
        if territory[first] > 0 and (
            territory[first - 1] == 0
            or territory[first + 1] == 0
            or territory[first - stride] == 0
            or territory[first + stride] == 0
        ):
            queue[tail] = first
            tail += 1
    around = np.array([-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1])
    beside = np.array([-stride, -1, 1, stride])
    # one ring after the other: all pixels of a ring are as many steps from their object
    head, ring, done = 0, tail, 0
    while head < tail:
        if head == ring:
            ring = tail
            done += 1
        pixel = np.int64(queue[head])
        head += 1
        k = territory[pixel]
        if done >= reach[k]:
            continue
        # diagonal steps in every second ring only: an octagon, not a square
        if done % 2 == 0:
            for step in range(4):
                other = pixel + beside[step]
                if territory[other] == 0:
                    territory[other] = k
                    queue[tail] = other
                    tail += 1
        else:
            for step in range(8):
                other = pixel + around[step]
                if territory[other] == 0:
                    territory[other] = k
                    queue[tail] = other
                    tail += 1


@njit(cache=True)
def _flood_levels(labels: Any, territory: Any, relief: Any, levels: Any, start: Any) -> Any:
    """Return what is reached from each centre inside its territory above its level; the object itself if nothing is."""
    height, width = labels.shape
    refined = np.zeros(labels.shape, np.int32)
    kept = np.zeros(len(levels), np.uint8)
    stack = np.empty(labels.size, np.int64)
    for k in range(1, len(levels)):
        y, x = start[k] // width, start[k] % width
        if labels[y, x] != k or relief[y, x] <= levels[k]:
            kept[k] = 1
            continue
        stack[0] = start[k]
        top = 1
        refined[y, x] = k
        while top > 0:
            top -= 1
            y, x = stack[top] // width, stack[top] % width
            for step in range(4):
                b, a = y + (step == 0) - (step == 1), x + (step == 2) - (step == 3)
                if b < 0 or a < 0 or b >= height or a >= width:
                    continue
                if refined[b, a] == 0 and territory[b, a] == k and relief[b, a] > levels[k]:
                    refined[b, a] = k
                    stack[top] = b * width + a
                    top += 1
    for y in range(height):
        for x in range(width):
            k = labels[y, x]
            if k > 0 and kept[k] == 1:
                refined[y, x] = k
    return refined


@njit(cache=True)
def _fill_own_holes(refined: Any, labels: Any, territory: Any) -> None:
    """Give back pixels that an object had and that it now encloses."""
    height, width = refined.shape
    seen = np.zeros(refined.shape, np.uint8)
    stack = np.empty(refined.size, np.int64)
    for y0 in range(height):
        for x0 in range(width):
            if refined[y0, x0] != 0 or labels[y0, x0] == 0 or seen[y0, x0] != 0:
                continue
            owner = labels[y0, x0]
            stack[0] = y0 * width + x0
            seen[y0, x0] = 1
            top, last = 1, 1
            closed = True
            while top > 0:
                top -= 1
                y, x = stack[top] // width, stack[top] % width
                for step in range(4):
                    b, a = y + (step == 0) - (step == 1), x + (step == 2) - (step == 3)
                    if b < 0 or a < 0 or b >= height or a >= width:
                        closed = False
                        continue
                    if refined[b, a] == owner or seen[b, a] != 0:
                        continue
                    if refined[b, a] != 0 or labels[b, a] != owner:
                        closed = False
                        continue
                    seen[b, a] = 1
                    stack[top] = b * width + a
                    top += 1
                last = max(last, top)
            if closed:
                _paint_hole(refined, labels, owner, y0, x0, stack)


@njit(cache=True)
def _paint_hole(refined: Any, labels: Any, owner: Any, y0: Any, x0: Any, stack: Any) -> None:
    height, width = refined.shape
    stack[0] = y0 * width + x0
    refined[y0, x0] = owner
    top = 1
    while top > 0:
        top -= 1
        y, x = stack[top] // width, stack[top] % width
        for step in range(4):
            b, a = y + (step == 0) - (step == 1), x + (step == 2) - (step == 3)
            if 0 <= b < height and 0 <= a < width and refined[b, a] == 0 and labels[b, a] == owner:
                refined[b, a] = owner
                stack[top] = b * width + a
                top += 1
