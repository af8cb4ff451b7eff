"""The global threshold formulas: from the counts of equally spaced values to the last bin of the background.

All take counts (N,) of int64 whose first and last bins are filled, N at least 2, and look for bright objects: what
lies above the returned bin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["isodata_bin", "li_bin", "otsu_bin", "triangle_bin", "yen_bin"]


def otsu_bin(counts: NDArray[np.int64]) -> int:
    """Return the cut with the largest variance between the classes, the lowest of equal ones, in exact arithmetic."""
    below = np.cumsum(counts)
    moment = np.cumsum(counts * np.arange(counts.size))
    pixels, total = int(below[-1]), int(moment[-1])
    # a cut behind an empty bin is the same cut as the one before
    cuts = np.flatnonzero(counts[:-1])
    low, first = below[cuts].astype(np.float64), moment[cuts].astype(np.float64)
    spread = (float(total) * low - float(pixels) * first) ** 2 / (low * (pixels - low))
    # float64 may swap near-equal cuts: those are compared as fractions of integers
    best = -1
    top, under = -1, 1
    for cut in cuts[spread >= spread.max() * (1 - 1e-9)].tolist():
        count, part = int(below[cut]), int(moment[cut])
        value, divisor = (total * count - pixels * part) ** 2, count * (pixels - count)
        if value * under > top * divisor:
            best, top, under = cut, value, divisor
    return best


def li_bin(counts: NDArray[np.int64]) -> int:
    """Return the cut of least cross-entropy, by Li and Tam's iteration from the mean."""
    level = np.arange(counts.size)
    below = np.cumsum(counts).astype(np.float64)
    moment = np.cumsum(counts * level).astype(np.float64)
    threshold, before = moment[-1] / below[-1], -np.inf
    while abs(threshold - before) > 0.5:
        before = threshold
        cut = int(threshold)
        mean_back = moment[cut] / below[cut]
        mean_fore = (moment[-1] - moment[cut]) / (below[-1] - below[cut])
        if mean_back == 0:  # the background is one single level: log(0) is not defined, the cut is found
            break
        threshold = (mean_back - mean_fore) / (np.log(mean_back) - np.log(mean_fore))
    return int(threshold)


def isodata_bin(counts: NDArray[np.int64]) -> int:
    """Return the lowest cut that lies half way between the means of its two classes."""
    level = np.arange(counts.size)
    below = np.cumsum(counts).astype(np.float64)
    moment = np.cumsum(counts * level).astype(np.float64)
    low = moment[:-1] / below[:-1]
    high = (moment[-1] - moment[:-1]) / (below[-1] - below[:-1])
    distance = (low + high) / 2 - level[:-1]
    return int(np.flatnonzero((distance >= 0) & (distance < 1))[0])


def triangle_bin(counts: NDArray[np.int64]) -> int:
    """Return the bin farthest from the line between the peak and the end of the longer tail."""
    last = counts.size - 2
    counts, width = _merge_bins(counts)
    peak = int(np.argmax(counts))
    # the longer tail is worked on as the left one
    flip = peak < counts.size - 1 - peak
    if flip:
        counts, peak = counts[::-1], counts.size - 1 - peak
    distance = counts[peak] * np.arange(peak) - peak * counts[:peak]
    found = int(np.argmax(distance)) if peak else 0
    # at two levels the foot of the triangle is the peak itself: a mask must not end up empty for that
    return min(_last_of_merged(counts.size - 1 - found if flip else found, width), last)


def yen_bin(counts: NDArray[np.int64]) -> int:
    """Return the cut with the largest correlation criterion."""
    counts, width = _merge_bins(counts)
    share = counts / counts.sum()
    below = np.cumsum(share)[:-1]
    squares = np.cumsum(share**2)[:-1]
    squares_above = np.cumsum((share**2)[::-1])[::-1][1:]
    return _last_of_merged(int(np.argmax((below * (1 - below)) ** 2 / (squares * squares_above))), width)


def _merge_bins(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Join neighbouring bins until the central 99.8 % of the pixels span at most 256; return how many were joined."""
    if counts.size <= 256:
        return counts, 1
    below = np.cumsum(counts)
    first, last = np.searchsorted(below, np.array([0.001, 0.999]) * below[-1])
    width = max(1, -(-int(last - first + 1) // 256))
    padded = np.pad(counts, (0, -counts.size % width))
    return padded.reshape(-1, width).sum(axis=1), width


def _last_of_merged(found: int, width: int) -> int:
    """Return the last original bin of a merged one."""
    return found * width + width - 1
