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
    side, pad = 2 * patch + 1, patch + search
    scale = np.float32(1.0 / (side * side))
    height = 32
    bands = (rows + height - 1) // height
    for band in prange(bands):
        first = band * height
        last = min(first + height, rows)
        total = np.zeros((last - first, columns), np.float32)
        weights = np.zeros((last - first, columns), np.float32)
        width = columns + 2 * patch
        distances = np.empty(columns, np.float32)
        column_sums = np.empty(width, np.float32)
        squares = np.empty((side, width), np.float32)
        for dy in range(-search, search + 1):
            for dx in range(-search, search + 1):
                for y in range(first - 2 * patch, last):
                    # row y + 2*patch of the squared differences enters the window, its oldest row leaves
                    source = y + 2 * patch + search
                    here = padded[source, search : search + width]
                    there = padded[source + dy, search + dx : search + dx + width]
                    newest = squares[(y + 2 * patch) % side]
                    for x in range(width):
                        difference = here[x] - there[x]
                        newest[x] = difference * difference
                    if y < first:
                        continue
                    column_sums[:] = squares[0]
                    for row in range(1, side):
                        one = squares[row]
                        for x in range(width):
                            column_sums[x] += one[x]
                    distances[:] = column_sums[:columns]
                    for k in range(1, side):
                        moved = column_sums[k : k + columns]
                        for x in range(columns):
                            distances[x] += moved[x]
                    row_weights, row_total = weights[y - first], total[y - first]
                    near = padded[y + pad + dy, pad + dx : pad + dx + columns]
                    for x in range(columns):
                        excess = max((distances[x] * scale - np.float32(2.0)) * inverse, np.float32(0.0))
                        # exp(-excess) as (Taylor of exp(-excess / 8))**8, right to 1e-4: this loop becomes vector code
                        part = excess * np.float32(-0.125)
                        value = np.float32(1.0) + part * np.float32(1 / 6)
                        value = np.float32(1.0) + part * np.float32(1 / 5) * value
                        value = np.float32(1.0) + part * np.float32(1 / 4) * value
                        value = np.float32(1.0) + part * np.float32(1 / 3) * value
                        value = np.float32(1.0) + part * np.float32(1 / 2) * value
                        value = np.float32(1.0) + part * value
                        value *= value
                        value *= value
                        value *= value
                        weight = value if excess < np.float32(5.0) else np.float32(0.0)  # below 0.7 % is nothing
                        row_weights[x] += weight
                        row_total[x] += weight * near[x]
        for y in range(first, last):
            for x in range(columns):
                average[y, x] = total[y - first, x] / weights[y - first, x]
