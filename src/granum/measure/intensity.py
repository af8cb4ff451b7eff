"""Grey levels of each object, and its contrast against the background around it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image, check_same_shape
from granum.measure.runs import ObjectRuns, find_runs, plain_labels
from granum.object_table import ObjectTable

__all__ = ["intensity_of_runs", "measure_intensity", "saturation_level"]

_MOST_SAMPLES = 1 << 20  # background pixels looked at for the median of the whole image
_FEWEST_RING_PIXELS = 8


@njit(cache=True)
def _grey_levels_of(image, level, rows, first, last, row):  # type: ignore[no-untyped-def]
    """Fill row (5): mean, SD, sum, saturated fraction, pixels; differences to the first pixel, then to the mean."""
    n, saturated = 0, 0
    origin = np.float64(image[rows[0], first[0]])
    total = 0.0
    for r in range(len(rows)):
        part = 0.0
        for x in range(first[r], last[r] + 1):
            value = np.float64(image[rows[r], x])
            part += value - origin
            saturated += value >= level
        total += part
        n += last[r] - first[r] + 1
    mean = origin + total / n
    squares = 0.0
    for r in range(len(rows)):
        part = 0.0
        for x in range(first[r], last[r] + 1):
            part += (np.float64(image[rows[r], x]) - mean) ** 2
        squares += part
    row[0], row[1], row[2], row[3], row[4] = mean, np.sqrt(squares / n), n * origin + total, saturated / n, n


@njit(cache=True, parallel=True)
def _grey_levels(image, level, start, rows, first, last, table):  # type: ignore[no-untyped-def]
    """Fill table (K, 5), see `_grey_levels_of`."""
    for k in prange(len(table)):
        s, e = start[k], start[k + 1]
        _grey_levels_of(image, level, rows[s:e], first[s:e], last[s:e], table[k])


@njit(cache=True, parallel=True)
def _find_clear(labels, area):  # type: ignore[no-untyped-def]
    """Return the mask of analysed background with no object right beside it (4 neighbours)."""
    height, width = labels.shape
    clear = np.empty((height, width), np.bool_)
    for y in prange(height):
        row, above, below = labels[y], labels[max(y - 1, 0)], labels[min(y + 1, height - 1)]
        clear[y, 0] = row[0] | row[min(1, width - 1)] | above[0] | below[0] == 0
        for x in range(1, width - 1):
            clear[y, x] = row[x] | row[x - 1] | row[x + 1] | above[x] | below[x] == 0
        clear[y, width - 1] = row[width - 1] | row[max(width - 2, 0)] | above[width - 1] | below[width - 1] == 0
        if area.size > 0:
            for x in range(width):
                clear[y, x] &= area[y, x]
    return clear


@njit(cache=True)
def _is_chain(rows, first, last):  # type: ignore[no-untyped-def]
    """Return whether an object is one run per row, each touching the one above."""
    chained = True
    for r in range(1, len(rows)):
        chained &= rows[r] == rows[r - 1] + 1 and first[r] <= last[r - 1] + 1 and last[r] >= first[r - 1] - 1
    return chained


@njit(cache=True)
def _sort(values, n):  # type: ignore[no-untyped-def]
    """Sort the first n values in place (Shell's sort; NumPy's takes seconds to compile)."""
    gap = 1
    while 3 * gap + 1 < n:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            value, j = values[i], i
            while j >= gap and values[j - gap] > value:
                values[j] = values[j - gap]
                j -= gap
            values[j] = value
        gap //= 3


@njit(cache=True)
def _median(values):  # type: ignore[no-untyped-def]
    """Return the median by Hoare's selection, 0 of nothing; the values change their order."""
    n = len(values)
    if n == 0:
        return 0.0
    middle, low, high = n // 2, 0, n - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while pivot < values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i, j = i + 1, j - 1
        if j < middle:
            low = i
        if middle < i:
            high = j
    upper = np.float64(values[middle])
    if n % 2 == 1:
        return upper
    lower = values[0]
    for i in range(1, middle):
        lower = max(lower, values[i])
    return (np.float64(lower) + upper) / 2


@njit(cache=True)
def _grown(values, n, more):  # type: ignore[no-untyped-def]
    """Return `values` with room for `more` beyond the first `n`."""
    if n + more <= len(values):
        return values
    longer = np.empty(2 * len(values) + more, values.dtype)
    for i in range(n):
        longer[i] = values[i]
    return longer


@njit(cache=True)
def _ring_of(clear, image, reach, rows, first, last):  # type: ignore[no-untyped-def]
    """Return the grey levels of the clear pixels within `reach` of one object.

    Row by row, the dilation by a disc is the union of the runs nearby, each widened by the disc's half width there.
    """
    height, width = clear.shape
    half = np.empty(reach + 1, np.int64)
    for dy in range(reach + 1):
        half[dy] = int(math.sqrt(reach * reach - dy * dy))
    chained = _is_chain(rows, first, last)
    values = np.empty(64 + 4 * reach * (rows[-1] - rows[0] + 1 + reach), image.dtype)
    spans = np.empty(2 * reach + 1, np.int64)
    n, low, high = 0, 0, 0
    for y in range(max(0, rows[0] - reach), min(height - 1, rows[-1] + reach) + 1):
        while low < len(rows) and rows[low] < y - reach:
            low += 1
        while high < len(rows) and rows[high] <= y + reach:
            high += 1
        if high - low > len(spans):
            spans = np.empty(2 * (high - low), np.int64)
        begin, end = width, -1
        for r in range(low, high):
            widening = half[abs(rows[r] - y)]
            left, right = max(0, first[r] - widening), min(width - 1, last[r] + widening)
            begin, end = min(begin, left), max(end, right)
            spans[r - low] = (np.int64(left) << 32) | right
        n_spans = high - low
        if chained:  # spans that touch one after the other make one span
            spans[0] = (np.int64(begin) << 32) | end
            n_spans = min(n_spans, 1)
        else:
            _sort(spans, n_spans)
        x = 0
        for i in range(n_spans):
            x, end = max(x, spans[i] >> 32), spans[i] & 0xFFFFFFFF
            values = _grown(values, n, max(0, end - x + 1) + 1)
            while x <= end:
                values[n] = image[y, x]
                n += clear[y, x]
                x += 1
    return values[:n]


@njit(cache=True, parallel=True)
def _ring_medians(clear, image, reach, start, rows, first, last, median, count):  # type: ignore[no-untyped-def]
    """Fill median (K,) and count (K,) of the background ring of each object."""
    for k in prange(len(median)):
        s, e = start[k], start[k + 1]
        ring = _ring_of(clear, image, reach[k], rows[s:e], first[s:e], last[s:e])
        count[k] = len(ring)
        median[k] = _median(ring)


def _background_median(labels: NDArray[np.int32], image: NDArray[Any], area: NDArray[np.bool_] | None) -> float | None:
    """Return the median of the analysed background (of a regular sample of it in a large image), or None."""
    background = labels == 0
    if area is not None:
        background &= area
    levels = image[background]
    if levels.size == 0:
        return None
    return float(np.median(levels[:: max(1, levels.size // _MOST_SAMPLES)]))


def saturation_level(dtype: np.dtype[Any]) -> float:
    """Return the largest value of an integer type; floating types and masks do not saturate."""
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else math.inf


def _for_kernels(image: NDArray[Any]) -> NDArray[Any]:
    """Return the image in one of three types that hold its values exactly, so that few kernels are compiled."""
    if image.dtype.kind == "f":
        return image
    if image.dtype.kind == "u" and image.dtype.itemsize <= 2:
        return image.astype(np.uint16, copy=False)
    return image.astype(np.float32 if image.dtype.itemsize <= 2 else np.float64)


def intensity_of_runs(
    runs: ObjectRuns, labels: NDArray[np.int32], image: NDArray[Any], area: NDArray[np.bool_] | None, level: float
) -> ObjectTable:
    """Return the intensity columns of objects given as runs, all arguments checked; see `measure_intensity`."""
    geometry = (runs.start, runs.rows, runs.first, runs.last)
    pixels = _for_kernels(image)
    table = np.empty((len(runs), 5))
    _grey_levels(pixels, level, *geometry, table)
    mean, sd, total, saturated, n_pixels = np.ascontiguousarray(table.T)
    ring_width = np.clip(np.sqrt(4 * n_pixels / math.pi) / 4, 3, 10)
    median, count = np.empty(len(runs)), np.empty(len(runs), np.int64)
    analysed = np.zeros((0, 0), np.bool_) if area is None else area
    reach = np.round(ring_width).astype(np.int64) + 1
    _ring_medians(_find_clear(labels, analysed), pixels, reach, *geometry, median, count)
    alone = count < _FEWEST_RING_PIXELS
    if alone.any():
        everywhere = _background_median(labels, image, area)
        median[alone] = mean[alone] if everywhere is None else everywhere
    return {
        "intensity_mean": mean,
        "intensity_sd": sd,
        "intensity_sum": total,
        "contrast": mean - median,
        "saturated_fraction": saturated,
    }


def measure_intensity(labels: ArrayLike, image: ArrayLike, area: ArrayLike | None = None) -> ObjectTable:
    """Measure the grey levels of each object and its contrast against the background around it.

    Parameters
    ----------
    labels : (Y, X) array_like of int
        0 is background; each other value is one object.
    image : (Y, X) array_like
        The image as it was read, any real type; NaN and infinities count as the median of the rest.
    area : (Y, X) array_like of bool, optional
        The analysed area; background outside of it is not looked at.

    Returns
    -------
    objects : dict of (K,) ndarray of float64
        ``intensity_mean, intensity_sd, intensity_sum, contrast`` of `granum.object_table.COLUMNS`, in grey levels of
        the file, one row per object in ascending label; and ``saturated_fraction``, the share (0..1) of the
        object's pixels at the largest value of the image's integer type (0 for floating images).

    Raises
    ------
    ShapeError
        When an array has the wrong type, or the shapes differ.

    Notes
    -----
    `intensity_sd` divides by the number of pixels. Sums run over differences to the first pixel and then to the mean,
    so a large offset costs no digits.
    `contrast` is the mean inside minus the median of a ring of background: analysed pixels of label 0 at most
    ``clip(ecd / 4, 3, 10) + 1`` px away, without those that touch any object (the blurred edge). Where fewer than
    8 such pixels exist, as in a dense agglomerate, it is taken against the median of the whole analysed background;
    where there is no background at all it is 0.

    Examples
    --------
    >>> labels = np.zeros((20, 20), np.int32)
    >>> labels[8:12, 8:12] = 1
    >>> image = np.where(labels > 0, 50, 200).astype(np.uint8)
    >>> float(measure_intensity(labels, image)["contrast"][0])
    -150.0
    """
    checked_labels, checked_image = plain_labels(labels), check_image(image)
    check_same_shape(checked_labels, checked_image.shape, name="labels")
    checked_area = check_area(area, checked_image.shape)
    level = saturation_level(np.asarray(image).dtype)
    return intensity_of_runs(find_runs(checked_labels), checked_labels, checked_image, checked_area, level)
