"""Median in large square windows of 16-bit images: a sliding three-level histogram per band of rows."""

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
        # counts of levels, of blocks of 64 levels, and of groups of 32 blocks: a search looks at some 64 entries
        fine = np.zeros(65536, np.int32)
        blocks = np.zeros(1024, np.int32)
        groups = np.zeros(32, np.int32)
        for y in range(rows * band // bands, rows * (band + 1) // bands):
            fine[:] = 0
            blocks[:] = 0
            groups[:] = 0
            for dy in range(side):
                for x in range(side):
                    value = padded[y + dy, x]
                    fine[value] += 1
                    blocks[value >> 6] += 1
                    groups[value >> 11] += 1
            for x in range(columns):
                if x > 0:
                    for dy in range(side):
                        old = padded[y + dy, x - 1]
                        fine[old] -= 1
                        blocks[old >> 6] -= 1
                        groups[old >> 11] -= 1
                        new = padded[y + dy, x + side - 1]
                        fine[new] += 1
                        blocks[new >> 6] += 1
                        groups[new >> 11] += 1
                below = 0
                group = 0
                while below + groups[group] <= middle:
                    below += groups[group]
                    group += 1
                block = group << 5
                while below + blocks[block] <= middle:
                    below += blocks[block]
                    block += 1
                level = block << 6
                while below + fine[level] <= middle:
                    below += fine[level]
                    level += 1
                median[y, x] = level
