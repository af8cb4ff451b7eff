"""The kernel of non-local means: patch distances by running sums, one band of rows per task."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

__all__ = ["average_like_patches"]


def average_like_patches(
    image: NDArray[np.float32], patch_radius: int, search_radius: int, strength: float
) -> NDArray[np.float32]:
    """Average each pixel with those whose patches look alike, in an image whose noise has standard deviation 1.

    Parameters
    ----------
    image : (Y, X) ndarray of float32
        In units of the noise.
    patch_radius, search_radius : int
        Pixels.
    strength : float
        h of the weight ``exp(-max(d - 2, 0) / h**2)``, where d is the mean squared difference of two patches.

    Returns
    -------
    image : (Y, X) ndarray of float32
    """
    pad = patch_radius + search_radius
    padded = np.pad(image, pad, mode="reflect" if min(image.shape) > pad else "edge")
    average = np.empty_like(image)
    _average_bands(padded, patch_radius, search_radius, np.float32(1 / strength**2), average)
    return average


@njit(cache=True, parallel=True)
def _average_bands(padded: Any, patch: int, search: int, inverse: float, average: Any) -> None:
    rows, columns = average.shape
    side = 2 * patch + 1
    scale = np.float32(1.0 / (side * side))
    height = 32
    bands = (rows + height - 1) // height
    for band in prange(bands):
        first = band * height
        last = min(first + height, rows)
        total = np.zeros((last - first, columns), np.float32)
        weights = np.zeros((last - first, columns), np.float32)
        column_sums = np.empty(columns + 2 * patch, np.float32)
        squares = np.empty((side, columns + 2 * patch), np.float32)
        for dy in range(-search, search + 1):
            for dx in range(-search, search + 1):
                for y in range(first - 2 * patch, last):
                    # row y + 2*patch of the squared differences enters the window, its oldest row leaves
                    source = y + 2 * patch + search
                    slot = (y + 2 * patch) % side
                    for x in range(columns + 2 * patch):
                        difference = padded[source, x + search] - padded[source + dy, x + search + dx]
                        squares[slot, x] = difference * difference
                    if y < first:
                        continue
                    for x in range(columns + 2 * patch):
                        value = squares[0, x]
                        for row in range(1, side):
                            value += squares[row, x]
                        column_sums[x] = value
                    for x in range(columns):
                        distance = column_sums[x]
                        for k in range(1, side):
                            distance += column_sums[x + k]
                        excess = (distance * scale - np.float32(2.0)) * inverse
                        if excess < np.float32(5.0):  # beyond, the weight is below 0.7 %
                            weight = np.exp(-max(excess, np.float32(0.0)))
                            weights[y - first, x] += weight
                            total[y - first, x] += weight * padded[y + patch + search + dy, x + patch + search + dx]
        for y in range(first, last):
            for x in range(columns):
                average[y, x] = total[y - first, x] / weights[y - first, x]
