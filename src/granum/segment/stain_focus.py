"""Height, edge and focus of the objects of a stain: what tells nuclei from noise, debris and light of other planes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.segment.components import component_areas, label_components, name_runs

__all__ = [
    "MeasuredRegions",
    "keep_real_regions",
    "measure_regions",
    "median_outside",
    "pick_regions",
    "sums_in_regions",
    "usual_region",
    "weighted_median",
    "wide_regions",
]

_LEAST_HEIGHT = 6.0  # noise widths that an object must rise over its surroundings
_LEAST_AREA = 0.15  # of the usual object; smaller is debris
_SMALL, _LEAST_CONTENT = 0.45, 0.15  # a nucleus may be small or dim: what is small holds this share of the usual stain
_LEAST_OF_NUCLEUS = 0.25  # of the usual nucleus of the other stain; a shrunken nucleus has half its radius
_LEAST_EVIDENCE = 0.12  # slope x sqrt(area), in shares of the usual object's
_EDGE = math.sqrt(2 * math.pi)  # a step blurred by sigma falls by height / (2.5 sigma) per pixel
_SOFT = 1.6  # slope x radius / height: 0.69 for a Gaussian blob, 2 for a disc blurred by a fifth of its radius
_BLOB = 0.9
_LARGER, _SKIRT = 1.3, 0.3  # a glow is larger than a nucleus, and keeps so much of its height a radius outside
_LEAST_BLUR = 1.5  # pixels; what is sharper cannot be called out of focus
_WIDER = 2.5  # blur over that of what is in focus
_FADED = 1.4  # the same, for what is dim and larger than a nucleus
_DIM = 0.5  # soft objects count from this share of the height of sharp ones


class MeasuredRegions(NamedTuple):
    """Connected objects 1..K; row 0 of each array is the background."""

    labels: NDArray[np.int32]
    area: NDArray[np.float64]
    height: NDArray[np.float64]  # mean inside over the local background
    slope: NDArray[np.float64]  # mean fall across the outline, per pixel


def measure_regions(
    fine: NDArray[np.float32],
    sharp: NDArray[np.float32],
    mask: NDArray[np.bool_],
    others: NDArray[np.bool_] | None = None,
) -> MeasuredRegions:
    """Return area, height and slope of the connected regions of a mask.

    Parameters
    ----------
    fine, sharp : (Y, X) ndarray of float32
        The relief, 0 in the background; and a less smoothed image, for the steepness of outlines.
    mask : (Y, X) ndarray of bool
        The regions.
    others : (Y, X) ndarray of bool, optional
        What stands close by: outlines that lie in it do not count.
    """
    labels = label_components(mask)
    areas = component_areas(name_runs(mask)).astype(np.float64)
    nowhere = np.zeros((0, 0), np.bool_)
    height, slope = _heights_and_slopes(fine, sharp, labels, nowhere if others is None else others, len(areas) - 1)
    return MeasuredRegions(labels, areas, height, slope)


def usual_region(of: MeasuredRegions, width: float, nucleus: float = 0.0) -> tuple[float, float, float] | None:
    """Return area, height and slope of the usual object, or None when nothing rises from the noise.

    `nucleus` is the area of a usual nucleus in another stain, 0 where it is not known: nothing weighs more than it.
    """
    real = of.height >= _LEAST_HEIGHT * width
    real[0] = False
    if not real.any():
        return None
    # by edge x area: soft patches of background are large, but have no edge; specks are many, but small
    area = of.area if nucleus <= 0 else np.minimum(of.area, nucleus)
    weights = np.maximum(of.slope, 0)[real] * area[real] ** 0.75
    if weights.sum() <= 0:
        return None
    return (
        weighted_median(of.area[real], weights),
        weighted_median(of.height[real], weights),
        weighted_median(of.slope[real], weights),
    )


def keep_real_regions(
    of: MeasuredRegions,
    width: float,
    *,
    min_area: int | None = None,
    focus: float | None = 0.0,
    nucleus: float = 0.0,
    wide: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], float]:
    """Return which regions stay (K + 1,), which were left out as out of focus, and the usual blur of outlines.

    Parameters
    ----------
    of : MeasuredRegions
        What was found.
    width : float
        Of the noise, in the units of the heights.
    min_area : int, optional
        Least number of pixels; by default 0.15 of the usual.
    nucleus : float
        Area of a usual nucleus in another stain, 0 where it is not known.
    wide : (K + 1,) ndarray of bool, optional
        From `wide_regions`.
    focus : float, optional
        Blur of what is in focus in another stain, 0 where it is not known; None leaves everything in.
    """
    usual = usual_region(of, width, nucleus)
    real = of.height >= _LEAST_HEIGHT * width
    real[0] = False
    if usual is None:
        return real, np.zeros(len(real), np.bool_), 0.0
    real &= of.area >= (max(9.0, _LEAST_AREA * usual[0], _LEAST_OF_NUCLEUS * nucleus) if min_area is None else min_area)
    if min_area is None:
        real &= (of.area >= _SMALL * usual[0]) | (of.area * of.height >= _LEAST_CONTENT * usual[0] * usual[1])
    blur = of.height / np.maximum(_EDGE * of.slope, 1e-30)
    sharpness = np.sqrt(of.area / math.pi) / np.maximum(_EDGE * blur, 1e-30)
    soft = np.zeros(len(real), np.bool_)
    if focus is not None:
        blurred = real & (blur > _LEAST_BLUR)
        soft = blurred & (sharpness < _SOFT)
        sharp = real & ~soft
        # a glow is large: by its whole area a few of them would say what is sharp
        size = np.minimum(of.area, nucleus) if nucleus > 0 else of.area
        own = weighted_median(blur[sharp], size[sharp]) if sharp.any() else focus
        far = blur > _WIDER * own if own > 0 else np.zeros(len(blur), np.bool_)
        dim = of.height < _DIM * usual[1]
        if nucleus > 0 and own > 0:  # larger than a nucleus, dimmer and less sharp than what is in focus
            faded = blurred & dim & (of.area > _LARGER * nucleus) & (blur > _FADED * own)
            wide = faded if wide is None else wide | faded
        if wide is not None:
            soft |= blurred & wide
            sharp &= ~wide
        if sharp.any():
            soft &= (
                far
                | (wide if wide is not None else False)
                | (of.height < _DIM * weighted_median(of.height[sharp], size[sharp]))
            )
        else:
            soft &= far | (wide if wide is not None else False) | (sharpness < _BLOB)
        real &= ~soft
    evidence = np.maximum(of.slope, 0) * np.sqrt(of.area)
    if real.any():
        strong = evidence >= _LEAST_EVIDENCE * weighted_median(evidence[real], np.sqrt(evidence[real]))
        real &= strong if focus is not None else strong | (blur > _LEAST_BLUR)
    return real, soft, weighted_median(blur[real], of.area[real]) if real.any() else 0.0


def wide_regions(flat: NDArray[np.float32], labels: NDArray[np.int32], nucleus: float) -> NDArray[np.bool_]:
    """Return which regions 1..K fade so slowly that they are light of another plane (K + 1,).

    Parameters
    ----------
    flat : (Y, X) ndarray of float32
        The stain, 0 in the background, local backgrounds not taken away: they hide the skirts of a glow.
    labels : (Y, X) ndarray of int32
        Regions.
    nucleus : float
        Area of a usual nucleus.

    Notes
    -----
    One nuclear radius outside its outline, a nucleus in focus has fallen to its surroundings; a glow that is larger
    than a nucleus has a third of its height left there.
    """
    areas, height = sums_in_regions(labels, flat, int(labels.max()))
    large = areas > _LARGER * nucleus
    large[0] = False
    wide = np.zeros(len(areas), np.bool_)
    if not large.any():
        return wide
    height /= np.maximum(areas, 1)
    ground = median_outside(labels, flat)
    radius = math.sqrt(nucleus / math.pi)
    # whatever is nearer to a pixel of the shell than the region itself lies in the window too
    reach = math.ceil(2.4 * radius) + 4
    boxes = _boxes(labels, len(areas))
    for name in np.flatnonzero(large):
        y0, y1, x0, x1 = (int(side) for side in boxes[name])
        window = (slice(max(y0 - reach, 0), y1 + reach), slice(max(x0 - reach, 0), x1 + reach))
        part = labels[window]
        distance, nearest = cv2.distanceTransformWithLabels(
            (part == 0).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        of_region = np.zeros(int(nearest.max()) + 1, np.bool_)
        of_region[nearest[part == name]] = True
        shell = (distance > 0.8 * radius) & (distance < 1.2 * radius) & of_region[nearest]
        values = flat[window][shell].astype(np.float64)
        level = values.cumsum()[-1] / len(values) if len(values) else 0.0
        wide[name] = level - ground > _SKIRT * (height[name] - ground)
    return wide


def sums_in_regions(
    labels: NDArray[np.int32], values: NDArray[np.float32], n: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the pixels of regions 1..n (n + 1,), and the sums of their values; 0 for the background."""
    areas, sums = _sum_regions(labels, values, np.int64(n))
    return areas, sums


def pick_regions(labels: NDArray[np.int32], wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of some of the regions 1..K; the first of `wanted` (K + 1,) does not count."""
    return np.asarray(_pick(labels, wanted))


def median_outside(labels: NDArray[np.int32], values: NDArray[np.float32]) -> float:
    """Return the median of the values of the background as `numpy.median` does; 0 without one.

    Two counts, of the upper and of the lower half of the bits of each value: in order, as floats are, once the negative
    ones are turned round. A sorting median would take 10 times as long and copy the image.
    """
    upper = _count_upper(labels, values)
    n = int(upper.sum())
    if n == 0:
        return 0.0
    middle: list[np.float32] = []
    ends = np.cumsum(upper)
    for rank in ((n - 1) // 2, n // 2):
        half = int(np.searchsorted(ends, rank, side="right"))
        lower = np.cumsum(_count_lower(labels, values, half))
        rest = int(np.searchsorted(lower, rank - (ends[half] - upper[half]), side="right"))
        key = half << 16 | rest
        bits = key ^ 0x80000000 if key & 0x80000000 else key ^ 0xFFFFFFFF
        middle.append(np.uint32(bits).view(np.float32))
        if n % 2:
            middle.append(middle[0])
            break
    return float(np.mean(np.array(middle, np.float32)))


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the value at half of the weight."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)])


@njit(cache=True, nogil=True)
def _heights_and_slopes(relief: Any, sharp: Any, labels: Any, others: Any, n: Any) -> Any:
    """Return per object the mean inside, and how fast `sharp` falls across its outline, down the slope of `relief`.

    The direction comes from the smoother image and the fall is signed, so noise cancels along the outline.
    """
    rows, columns = labels.shape
    inside, n_inside = np.zeros(n + 1), np.zeros(n + 1)
    slope, n_edge = np.zeros(n + 1), np.zeros(n + 1)
    for y in range(rows):
        for x in range(columns):
            name = labels[y, x]
            if name == 0:
                continue
            inside[name] += relief[y, x]
            n_inside[name] += 1
            if 0 < y < rows - 1 and 0 < x < columns - 1 and (others.size == 0 or not others[y, x]):
                edge = labels[y - 1, x] == 0 or labels[y + 1, x] == 0 or labels[y, x - 1] == 0 or labels[y, x + 1] == 0
                if edge:
                    across, down = relief[y, x + 1] - relief[y, x - 1], relief[y + 1, x] - relief[y - 1, x]
                    length = np.sqrt(across * across + down * down)
                    if length > 0:
                        fall = (sharp[y, x + 1] - sharp[y, x - 1]) * across + (sharp[y + 1, x] - sharp[y - 1, x]) * down
                        slope[name] += fall / length / 2
                    n_edge[name] += 1
    return inside / np.maximum(n_inside, 1), slope / np.maximum(n_edge, 1)


@njit(cache=True, nogil=True)
def _sum_regions(labels: Any, values: Any, n: Any) -> Any:
    """Count and sum the pixels of each region."""
    areas, sums = np.zeros(n + 1, np.int64), np.zeros(n + 1)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            name = labels[y, x]
            if name:
                areas[name] += 1
                sums[name] += values[y, x]
    return areas, sums


@njit(cache=True, nogil=True)
def _pick(labels: Any, wanted: Any) -> Any:
    """Return where the label is a wanted one."""
    picked = np.zeros(labels.shape, np.bool_)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if labels[y, x]:
                picked[y, x] = wanted[labels[y, x]]
    return picked


@njit(cache=True, nogil=True)
def _boxes(labels: Any, n: Any) -> Any:
    """Return first row, row behind the last, first column, column behind the last of each region."""
    boxes = np.zeros((n, 4), np.int64)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            name = labels[y, x]
            if name:
                box = boxes[name]
                if box[1] == 0:
                    box[0], box[2] = y, x
                box[1] = y + 1
                box[2], box[3] = min(box[2], x), max(box[3], x + 1)
    return boxes


@njit(cache=True, nogil=True)
def _count_upper(labels: Any, values: Any) -> Any:
    """Count the upper halves of the ordered bits of the background."""
    counts = np.zeros(1 << 16, np.int64)
    bits = values.view(np.uint32)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if labels[y, x] == 0:
                key = bits[y, x]
                counts[(key ^ (np.uint32(0xFFFFFFFF) if key >> 31 else np.uint32(0x80000000))) >> 16] += 1
    return counts


@njit(cache=True, nogil=True)
def _count_lower(labels: Any, values: Any, upper: Any) -> Any:
    """Count the lower halves of those with a given upper one."""
    counts = np.zeros(1 << 16, np.int64)
    bits = values.view(np.uint32)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if labels[y, x] == 0:
                key = bits[y, x]
                key = key ^ (np.uint32(0xFFFFFFFF) if key >> 31 else np.uint32(0x80000000))
                if key >> 16 == upper:
                    counts[key & 0xFFFF] += 1
    return counts
