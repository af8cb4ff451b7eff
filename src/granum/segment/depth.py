"""What of a mask lies deeper than a distance: what most users of a distance map ask, at a third of its cost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_mask
from granum.errors import SettingError

__all__ = ["deeper_than"]

_ROWS = 32  # rows per strip


def deeper_than(mask: ArrayLike, depth: float) -> NDArray[np.bool_]:
    """Return the foreground pixels whose distance to the nearest background pixel is larger than `depth`.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground; it goes on beyond the frame.
    depth : float
        In pixels, at least 0.

    Returns
    -------
    deep : (Y, X) ndarray of bool
        The same as ``distance_map(mask) > depth``; all of a mask that has no background.

    Raises
    ------
    ShapeError
        `mask` does not have two axes, or is empty.
    SettingError
        `depth` is negative or not a number.

    Notes
    -----
    Each pixel with background at most `depth` above or below it covers a stretch of its row; what no stretch covers is
    deep. Linear cost at any depth, in strips on all cores.

    Examples
    --------
    >>> deeper_than([[0, 1, 1, 1, 0]], 1)
    array([[False, False,  True, False, False]])
    """
    if not depth >= 0:
        raise SettingError(f"depth: {depth!r} is out of range, must be at least 0.")
    pixels = check_mask(mask).view(np.uint8)
    largest = _largest_square(float(depth), pixels.shape[0] ** 2 + pixels.shape[1] ** 2)
    reach = math.isqrt(largest)
    stretch = np.array([math.isqrt(largest - y * y) for y in range(reach + 1)], np.int32)
    return np.asarray(_uncovered(pixels, stretch).view(np.bool_))


def _largest_square(depth: float, most: int) -> int:
    """Return the largest whole square whose root, as a distance map has it (float32), is not over `depth`."""
    depth = min(depth, 1e6)
    limit = np.float32(depth)
    square = min(int(depth * depth) + 2, most)
    while square > 0 and np.sqrt(np.float32(square)) > limit:
        square -= 1
    return square


@njit(cache=True, parallel=True)
def _uncovered(mask: Any, stretch: Any) -> Any:
    """Return what is not covered by the stretches around the columns' nearest background, `stretch[rows away]` wide."""
    height, width = mask.shape
    reach = np.int32(len(stretch) - 1)
    far = np.int32(reach + 1)
    one, none = np.int32(1), np.int32(0)
    deep = np.empty(mask.shape, np.uint8)
    for strip in prange((height + _ROWS - 1) // _ROWS):
        y0, y1 = strip * _ROWS, min(height, (strip + 1) * _ROWS)
        rows = np.empty((y1 - y0, width), np.int32)
        near = np.full(width, far, np.int32)
        for y in range(max(0, y0 - reach), y0):
            for x in range(width):
                near[x] = min(np.int32(near[x] + one), far) if mask[y, x] else none
        for y in range(y0, y1):
            for x in range(width):
                near[x] = min(np.int32(near[x] + one), far) if mask[y, x] else none
                rows[y - y0, x] = near[x]
        near[:] = far
        for y in range(min(height, y1 + reach) - 1, y1 - 1, -1):
            for x in range(width):
                near[x] = min(np.int32(near[x] + one), far) if mask[y, x] else none
        for y in range(y1 - 1, y0 - 1, -1):
            for x in range(width):
                near[x] = min(np.int32(near[x] + one), far) if mask[y, x] else none
                rows[y - y0, x] = min(rows[y - y0, x], near[x])
        for y in range(y0, y1):
            covered = np.int64(-1)
            for x in range(width):
                distance = rows[y - y0, x]
                if distance <= reach:
                    covered = max(covered, x + np.int64(stretch[distance]))
                deep[y, x] = np.uint8(covered < x)
            covered = np.int64(width)
            for x in range(width - 1, -1, -1):
                distance = rows[y - y0, x]
                if distance <= reach:
                    covered = min(covered, x - np.int64(stretch[distance]))
                if covered <= x:
                    deep[y, x] = 0
    return deep
