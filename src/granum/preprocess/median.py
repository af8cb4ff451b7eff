"""Median in large square windows of 16-bit images: a sliding two-level histogram per band of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

__all__ = ["median_of_levels"]


def median_of_levels(levels: NDArray[np.uint16], radius: int) -> NDArray[np.uint16]:
    """Return the median of the (2 radius + 1)^2 window around each pixel; the edge pixels repeat beyond the border.

    Parameters
    ----------
    levels : (Y, X) ndarray of uint16
        Intensities.
    radius : int
        Pixels; at least 1.

    Returns
    -------
    median : (Y, X) ndarray of uint16

    Notes
    -----
    Cost per pixel grows with the radius, not with its square. Rows are independent, so threads do not change the
    result.
    """
    padded = np.pad(levels, radius, mode="edge")
    median = np.empty_like(levels)
    _median_rows(padded, radius, median)
    return median


@njit(cache=True, parallel=True)
def _median_rows(padded: Any, radius: int, median: Any) -> None:
    rows, columns = median.shape
    side = 2 * radius + 1
    middle = (side * side) // 2
    bands = min(rows, 16)
    for band in prange(bands):
        fine = np.zeros(65536, np.int32)
        coarse = np.zeros(256, np.int32)
        for y in range(rows * band // bands, rows * (band + 1) // bands):
            fine[:] = 0
            coarse[:] = 0
            for dy in range(side):
                for x in range(side):
                    value = padded[y + dy, x]
                    fine[value] += 1
                    coarse[value >> 8] += 1
            for x in range(columns):
                if x > 0:
                    for dy in range(side):
                        old = padded[y + dy, x - 1]
                        fine[old] -= 1
                        coarse[old >> 8] -= 1
                        new = padded[y + dy, x + side - 1]
                        fine[new] += 1
                        coarse[new >> 8] += 1
                below = 0
                block = 0
                while below + coarse[block] <= middle:
                    below += coarse[block]
                    block += 1
                level = block << 8
                while below + fine[level] <= middle:
                    below += fine[level]
                    level += 1
                median[y, x] = level
