"""Round particles that overlap so far that the outline shows no neck: told by the size and shape of all the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

__all__ = ["measure_aspects", "split_overlapping_discs"]

_ROUND_ASPECT = 1.2
_MIN_ROUND_SHARE = 0.6
_MAX_SPREAD = 0.2
_MIN_OBJECTS = 20
_STRIPS = 16
_CONFIDENCE = 0.4


def split_overlapping_discs(
    labels: NDArray[np.int32], confidence: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32], int]:
    """Cut objects in two that are as wide as the usual disc, but too long and too large to be one.

    Parameters
    ----------
    labels : (Y, X) ndarray of int32
        Objects 1..K without gaps.
    confidence : (K,) ndarray of float32
        Of each object.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        The second halves are numbered from K + 1.
    confidence : (K + n,) ndarray of float32
        0.4 at most for both halves: the cut rests on the other particles, not on the pair itself.
    n_cut : int
        How many objects were cut.

    Notes
    -----
    Does nothing unless the particles are discs of one size: at least 20 objects, 60 % of them with an aspect under 1.2,
    and a relative spread (1.4826 MAD / median) of their diameters of at most 0.2. An object is then a pair when its
    aspect is at least 1.3, its short axis is within 20 % of the usual diameter and its area 1.3 to 2.2 times the usual
    one. The cut is the short axis. granum's own. Fails for rods mixed with discs of their width: such rods are cut.
    """
    n = len(confidence)
    if n < _MIN_OBJECTS:
        return labels, confidence, 0
    moments = _moments(labels, n)
    area, y, x, long, short, angle = _ellipses(moments)
    aspect = long / short
    whole = (moments[:, 6] == 0) & (moments[:, 0] > 0)
    round_ones = whole & (aspect < _ROUND_ASPECT)
    if round_ones.sum() < _MIN_ROUND_SHARE * whole.sum():
        return labels, confidence, 0
    diameters = np.sqrt(4 * area[round_ones] / np.pi)
    usual = float(np.median(diameters))
    if 1.4826 * np.median(np.abs(diameters - usual)) > _MAX_SPREAD * usual:
        return labels, confidence, 0
    share = area / (np.pi / 4 * usual**2)
    pair = whole & (aspect >= 1.3) & (np.abs(short / usual - 1) <= 0.2) & (share >= 1.3) & (share <= 2.2)
    pair[0] = False
    n_cut = int(pair.sum())
    if n_cut == 0:
        return labels, confidence, 0
    second = np.zeros(n + 1, np.int32)
    second[pair] = np.arange(n + 1, n + n_cut + 1, dtype=np.int32)
    cut = labels.copy()
    _cut_pairs(cut, second, y, x, np.cos(angle), np.sin(angle))
    sure = confidence.copy()
    sure[pair[1:]] = np.minimum(sure[pair[1:]], np.float32(_CONFIDENCE))
    return cut, np.concatenate([sure, sure[pair[1:]]]), n_cut


def measure_aspects(labels: NDArray[np.int32], n: int) -> NDArray[np.float64]:
    """Return long over short axis of the ellipse with the same second moments, for each label 0..n."""
    _, _, _, long, short, _ = _ellipses(_moments(labels, n))
    return long / short


def _ellipses(moments: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return area, centre, axes and the angle of the long axis against y, from the sums of `_moments`."""
    area = np.maximum(moments[:, 0], 1)
    y, x = moments[:, 1] / area, moments[:, 2] / area
    yy, xx, yx = (moments[:, 3] / area - y * y, moments[:, 4] / area - x * x, moments[:, 5] / area - y * x)
    spread = np.hypot((yy - xx) / 2, yx)
    middle = (yy + xx) / 2 + 1 / 12
    long, short = 4 * np.sqrt(middle + spread), 4 * np.sqrt(np.maximum(middle - spread, 1e-9))
    return area, y, x, long, short, 0.5 * np.arctan2(2 * yx, yy - xx)


def _moments(labels: NDArray[np.int32], n: int) -> NDArray[np.float64]:
    """Return area, sums of y, x, yy, xx, yx and a border mark for every label."""
    # sums of whole numbers below 2**53 are exact, so that it does not matter how many strips are added
    exact = labels.size * max(labels.shape) ** 2 < 2**53
    n_strips = max(1, min(_STRIPS, labels.size // (28 * (n + 1)))) if exact else 1
    sums = _strip_moments(labels, n, n_strips)
    total = sums.sum(axis=0) if n_strips > 1 else sums[0]
    np.minimum(total[:, 6], 1, out=total[:, 6])
    return np.asarray(total)


@njit(cache=True, parallel=True)
def _strip_moments(labels: Any, n: Any, n_strips: Any) -> Any:
    """Return the same for each strip of rows."""
    height, width = labels.shape
    rows = (height + n_strips - 1) // n_strips
    of_strips = np.zeros((n_strips, n + 1, 7))
    for strip in prange(n_strips):
        sums = of_strips[strip]
        for row in range(np.int64(strip) * rows, min(height, (np.int64(strip) + 1) * rows)):
            for column in range(width):
                k = labels[row, column]
                if k > 0:
                    sums[k, 0] += 1
                    sums[k, 1] += row
                    sums[k, 2] += column
                    sums[k, 3] += row * row
                    sums[k, 4] += column * column
                    sums[k, 5] += row * column
                    if row == 0 or column == 0 or row == height - 1 or column == width - 1:
                        sums[k, 6] = 1
    return of_strips


@njit(cache=True)
def _cut_pairs(labels: Any, second: Any, y: Any, x: Any, along_y: Any, along_x: Any) -> None:
    height, width = labels.shape
    for row in range(height):
        for column in range(width):
            k = labels[row, column]
            if k > 0 and second[k] > 0 and (row - y[k]) * along_y[k] + (column - x[k]) * along_x[k] > 0:
                labels[row, column] = second[k]
