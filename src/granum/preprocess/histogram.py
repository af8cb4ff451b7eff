"""One histogram of an image: exact for integers of up to 65,536 levels, else 65,536 bins over the range.

Everything that needs only the distribution of the values (percentiles, thresholds) reads this and never sorts pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image

__all__ = ["Histogram", "count_values"]

_LEVELS = 65_536
_BAND = 1 << 20  # pixels per call: keeps temporaries in cache
_LARGE = 1 << 22  # pixels from which 16-bit images are counted on all cores
_STRIPS = 8
_BULK = (0.001, 0.999)
_BULK_BINS = 256  # fewer bins than this are too few for the bulk of the pixels
_MARGIN = 16  # widths of the bulk that its own bins cover on each side
_ZOOMS = 4  # each gains a factor of 2,000


@dataclass(frozen=True)
class Histogram:
    """Counts of equally spaced values.

    Parameters
    ----------
    counts : (N,) ndarray of int64
        Pixels per bin; the first bin and the last are not empty, unless there is no pixel at all.
    low : float
        Value of bin 0; bin i stands for ``low + i * step``.
    step : float
        Distance of two bins; 1 when `exact`.
    exact : bool
        True when each bin holds one integer value; else a bin reaches half a step to both sides.
    """

    counts: NDArray[np.int64]
    low: float
    step: float
    exact: bool

    def values(self) -> NDArray[np.float64]:
        """Return the value of each bin."""
        return np.asarray(self.low + self.step * np.arange(self.counts.size), np.float64)

    def bulk(self) -> tuple[int, int]:
        """Return the bins of the 0.1 % and the 99.9 % quantile."""
        cumulative = np.cumsum(self.counts)
        first, last = np.searchsorted(cumulative, np.array(_BULK) * cumulative[-1])
        return int(first), int(last)

    def percentile(self, percent: float) -> float:
        """Return a percentile as `numpy.percentile` does, to half a step where the bins are not exact."""
        cumulative = np.cumsum(self.counts)
        position = percent / 100 * (cumulative[-1] - 1)
        below, above = np.searchsorted(cumulative, [np.floor(position), np.ceil(position)], side="right")
        share = position - np.floor(position)
        return float(self.low + self.step * (below + share * (above - below)))


def count_values(image: ArrayLike, area: ArrayLike | None = None) -> Histogram:
    """Count how often each value occurs.

    Parameters
    ----------
    image : (Y, X) array_like
        Any real dtype.
    area : (Y, X) array_like of bool, optional
        Only these pixels are counted.

    Returns
    -------
    histogram : Histogram
        Exact for booleans and for integers that span fewer than 65,536 levels. Otherwise 65,536 bins between the
        smallest and the largest value; when outliers stretch that range so far that 99.8 % of the pixels fall into
        fewer than 256 bins (but are not all equal), the bins cover that bulk with 16 times its width on each side, and
        what lies beyond is counted in the end bins.

    Notes
    -----
    2 ns per pixel for 8 and 16 bit, 5 ns for floats; under 30 MB of temporaries at any image size.

    Examples
    --------
    >>> import numpy as np
    >>> count_values(np.array([[3, 3, 5]], dtype=np.uint16)).counts
    array([2, 0, 1])
    """
    image = check_image(image)
    area = check_area(area, image.shape)
    if image.dtype == np.uint16 and area is None and image.size >= _LARGE:
        return _trim(_count_strips(image, _STRIPS).sum(axis=0), 0.0, 1.0, exact=True)
    if image.dtype in (np.uint8, np.uint16):
        return _trim(_count_bands(_bands(image, area), np.iinfo(image.dtype).max + 1), 0.0, 1.0, exact=True)
    low, high = _limits(image, area)
    if low is None or high is None:
        return Histogram(np.zeros(1, np.int64), 0.0, 1.0, exact=True)
    if image.dtype.kind in "iu" and int(high) - int(low) < _LEVELS:
        shifted = (((band - low).astype(np.uint16), inside) for band, inside in _bands(image, area, wide=np.int64))
        return _trim(_count_bands(shifted, _LEVELS), float(low), 1.0, exact=True)
    if low == high:
        return Histogram(np.array([image.size if area is None else area.sum()]), float(low), 1.0, exact=True)
    histogram = _count_floats(image, area, float(low), float(high))
    for _ in range(_ZOOMS):
        near, far = _bulk_limits(image, area, histogram)
        if not near < far:
            break
        histogram = _count_floats(image, area, near, far)
    return histogram


def _bulk_limits(image: NDArray[Any], area: NDArray[np.bool_] | None, histogram: Histogram) -> tuple[float, float]:
    """Return the range that gives the bulk of the pixels its own bins; an empty one when it has them already."""
    first, last = histogram.bulk()
    if last - first >= _BULK_BINS:
        return 0.0, 0.0
    # the true limits of the bulk, not those of its few bins: it may be one single value
    below = histogram.low + (first - 0.5) * histogram.step
    above = histogram.low + (last + 0.5) * histogram.step
    inside = (image >= below) & (image <= above)
    if area is not None:
        inside &= area
    values = image[inside]
    low, high = float(values.min()), float(values.max())
    if low == high or (high - low) * 2 * _MARGIN > histogram.step * (histogram.counts.size - 1):
        return 0.0, 0.0
    margin = _MARGIN * (high - low)
    start, end = histogram.low, histogram.low + histogram.step * (histogram.counts.size - 1)
    return max(start, low - margin), min(end, high + margin)


def _bands(
    image: NDArray[Any], area: NDArray[np.bool_] | None, *, wide: Any = None
) -> Iterator[tuple[NDArray[Any], NDArray[np.uint8] | None]]:
    """Yield bands of rows with their part of the area."""
    rows = max(1, _BAND // image.shape[1])
    for y in range(0, image.shape[0], rows):
        band = image[y : y + rows]
        inside = None if area is None else area[y : y + rows].view(np.uint8)
        yield (band if wide is None else band.astype(wide)), inside


def _limits(image: NDArray[Any], area: NDArray[np.bool_] | None) -> tuple[Any, Any]:
    """Return the smallest and the largest value in the area, as Python numbers."""
    if area is None:
        return image.min().item(), image.max().item()
    if not area.any():
        return None, None
    values = image[area]
    return values.min().item(), values.max().item()


def _count_bands(bands: Iterator[tuple[NDArray[Any], NDArray[np.uint8] | None]], levels: int) -> NDArray[np.int64]:
    """Count uint8 or uint16 bands."""
    counts = np.zeros(levels, np.int64)
    everywhere = np.zeros((0, 0), np.uint8)
    for band, inside in bands:
        _add_levels(band, everywhere if inside is None else inside, counts)
    return counts


def _count_floats(image: NDArray[Any], area: NDArray[np.bool_] | None, low: float, high: float) -> Histogram:
    """Count into 65,536 bins whose first and last values are `low` and `high`; what lies beyond goes to the ends."""
    step = (high - low) / (_LEVELS - 1)
    counts = np.zeros(_LEVELS, np.int64)
    everywhere = np.zeros((0, 0), np.uint8)
    for band, inside in _bands(image, area, wide=None if image.dtype.kind == "f" else np.float64):
        _add_floats(band, everywhere if inside is None else inside, low, step, counts)
    return _trim(counts, low, step, exact=False)


@njit(cache=True, parallel=True)
def _count_strips(image: Any, n_strips: Any) -> Any:
    """Return the counts of the values of a 16-bit image for each of its strips of rows."""
    counts = np.zeros((n_strips, _LEVELS), np.int64)
    rows = (image.shape[0] + n_strips - 1) // n_strips
    for strip in prange(n_strips):
        for y in range(strip * rows, min(image.shape[0], (strip + 1) * rows)):
            for x in range(image.shape[1]):
                counts[strip, image[y, x]] += 1
    return counts


@njit(cache=True, nogil=True)
def _add_levels(band: Any, inside: Any, counts: Any) -> None:
    """Add the values of an unsigned band to the counts; an empty `inside` counts all."""
    if inside.size == 0:
        for y in range(band.shape[0]):
            for x in range(band.shape[1]):
                counts[band[y, x]] += 1
        return
    for y in range(band.shape[0]):
        for x in range(band.shape[1]):
            if inside[y, x]:
                counts[band[y, x]] += 1


@njit(cache=True)
def _add_floats(band: Any, inside: Any, low: Any, step: Any, counts: Any) -> None:
    """Add the values of a band to the bins; an empty `inside` counts all."""
    last = len(counts) - 1
    for y in range(band.shape[0]):
        for x in range(band.shape[1]):
            if inside.size == 0 or inside[y, x]:
                counts[int(np.rint(min(max((np.float64(band[y, x]) - low) / step, 0.0), float(last))))] += 1


def _trim(counts: NDArray[np.int64], low: float, step: float, *, exact: bool) -> Histogram:
    """Drop empty bins at both ends."""
    filled = np.flatnonzero(counts)
    if filled.size == 0:
        return Histogram(np.zeros(1, np.int64), low, step, exact)
    return Histogram(counts[filled[0] : filled[-1] + 1], low + filled[0] * step, step, exact)
