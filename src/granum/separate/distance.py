"""The exact Euclidean distance of every foreground pixel to the nearest background pixel."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_mask
from granum.errors import SettingError

__all__ = ["distance_map", "squared_distance_map"]

Edge = Literal["inside", "outside"]

_ROWS = 32  # rows per strip: a strip stays in the level-2 cache between the sweeps over it
_SHORT = 96  # runs up to this length are searched whole, on vector units, which beats the envelope
_TILE = 32  # pixels of such a run at a time; a constant, so that the loop over them is unrolled


def distance_map(mask: ArrayLike, *, edge: Edge = "inside") -> NDArray[np.float32]:
    """Return the exact Euclidean distance to the nearest background pixel.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    edge : {"inside", "outside"}
        What lies beyond the frame. "inside": objects go on there, so a particle that the frame cuts keeps its full
        depth (SciPy's convention). "outside": background, so the frame cuts it off.

    Returns
    -------
    distance : (Y, X) ndarray of float32
        In pixels; 0 in the background, at least 1 in the foreground. A mask without any background is taken with
        ``edge="outside"``: its distances are those to the frame.

    Raises
    ------
    ShapeError
        `mask` does not have two axes, or is empty.
    SettingError
        `edge` is unknown.

    Notes
    -----
    Two sweeps [1]_: down and up the columns, then along the runs of foreground in each row. Squared distances are exact
    integers; only the last square root is rounded. Linear cost, in strips on all cores; no memory but the result.

    References
    ----------
    .. [1] A. Meijster, J. B. T. M. Roerdink, W. H. Hesselink, "A general algorithm for computing distance transforms in
       linear time", 2000. doi:10.1007/0-306-47025-X_36

    Examples
    --------
    >>> distance_map([[0, 1, 1, 1, 0]])
    array([[0., 1., 2., 1., 0.]], dtype=float32)
    """
    return _measure(mask, edge, root=True).view(np.float32)


def squared_distance_map(mask: ArrayLike, *, edge: Edge = "inside") -> NDArray[np.int32]:
    """Return the squared distance of `distance_map` as exact integers.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    edge : {"inside", "outside"}
        What lies beyond the frame, see `distance_map`.

    Returns
    -------
    squared : (Y, X) ndarray of int32
        In square pixels; distances of 46,340 pixels and more are held at 2**31 - 1.

    Raises
    ------
    ShapeError
        `mask` does not have two axes, or is empty.
    SettingError
        `edge` is unknown.
    """
    return _measure(mask, edge, root=False)


def _measure(mask: ArrayLike, edge: str, *, root: bool) -> NDArray[np.int32]:
    """Return squared distances, or with `root` the bits of float32 distances."""
    if edge not in ("inside", "outside"):
        raise SettingError(f"edge: {edge!r} is not known; choose 'inside' or 'outside'.")
    pixels = check_mask(mask).view(np.uint8)
    frame = edge == "outside" or bool(pixels.all())
    below, above = _column_ends(pixels)
    _carry_columns(below, above, pixels.shape[0], frame)
    squared = np.empty(pixels.shape, np.int32)
    _sweep_strips(pixels, squared, squared.view(np.float32), above, below, frame, root)
    return squared


@njit(cache=True)
def _far(height: int, width: int) -> int:
    """Return a column distance that no pixel can have."""
    return height + width + 1


@njit(cache=True, parallel=True)
def _column_ends(mask: Any) -> Any:
    """Count, per strip and column, the foreground rows before the first and after the last background pixel."""
    height, width = mask.shape
    strips = (height + _ROWS - 1) // _ROWS
    leading = np.zeros((strips, width), np.int32)
    trailing = np.zeros((strips, width), np.int32)
    one, none = np.int32(1), np.int32(0)
    for strip in prange(strips):
        y0, y1 = strip * _ROWS, min(height, (strip + 1) * _ROWS)
        for y in range(y0, y1):
            for x in range(width):
                trailing[strip, x] = np.int32(trailing[strip, x] + one) if mask[y, x] else none
        for y in range(y1 - 1, y0 - 1, -1):
            for x in range(width):
                leading[strip, x] = np.int32(leading[strip, x] + one) if mask[y, x] else none
    return leading, trailing


@njit(cache=True)
def _carry_columns(leading: Any, trailing: Any, height: Any, frame: Any) -> None:
    """Turn the ends of each strip into the column distances of the rows just above and just below it, in place."""
    strips, width = leading.shape
    outside = np.int32(0 if frame else _far(height, width))
    carry = np.full(width, outside, np.int32)
    for strip in range(strips):
        rows = np.int32(min(height, (strip + 1) * _ROWS) - strip * _ROWS)
        for x in range(width):
            inside = trailing[strip, x]
            trailing[strip, x] = carry[x]
            carry[x] = np.int32(carry[x] + rows) if inside == rows else inside
    carry[:] = outside
    for strip in range(strips - 1, -1, -1):
        rows = np.int32(min(height, (strip + 1) * _ROWS) - strip * _ROWS)
        for x in range(width):
            inside = leading[strip, x]
            leading[strip, x] = carry[x]
            carry[x] = np.int32(carry[x] + rows) if inside == rows else inside


@njit(cache=True, parallel=True)
def _sweep_strips(mask: Any, along: Any, distance: Any, above: Any, below: Any, frame: Any, root: Any) -> None:
    """Write column distances, then distances over them; `distance` is `along` seen as float32, whose zeros are its."""
    height, width = along.shape
    far = _far(height, width)
    one, none = np.int32(1), np.int32(0)
    for strip in prange((height + _ROWS - 1) // _ROWS):
        y0, y1 = strip * _ROWS, min(height, (strip + 1) * _ROWS)
        for y in range(y0, y1):
            before = above[strip] if y == y0 else along[y - 1]
            for x in range(width):
                along[y, x] = np.int32(before[x] + one) if mask[y, x] else none
        for y in range(y1 - 1, y0 - 1, -1):
            after = below[strip] if y == y1 - 1 else along[y + 1]
            for x in range(width):
                along[y, x] = min(along[y, x], np.int32(after[x] + one))
        power = np.empty(_SHORT + 2, np.int32)
        nearest = np.empty(_TILE, np.int32)
        column = np.empty(width + 2, np.int64)
        apex = np.empty(width + 2, np.int32)
        start = np.empty(width + 2, np.int32)
        for y in range(y0, y1):
            x = 0
            while x < width:
                if along[y, x] == 0:
                    x += 1
                    continue
                first = x
                while x < width and along[y, x] != 0:
                    x += 1
                # between two background pixels of a row, nothing beyond them can be nearer
                left = first > 0 or frame
                right = x < width or frame
                if x - first <= _SHORT and (left or right):
                    _search_run(along, distance, y, first, x, left, right, root, power, nearest)
                else:
                    _envelope_run(along, distance, y, first, x, left, right, root, far, column, apex, start)


@njit(cache=True)
def _search_run(
    along: Any, distance: Any, y: Any, first: Any, stop: Any, left: Any, right: Any, root: Any, power: Any, nearest: Any
) -> None:
    """Try every column for every pixel of a short run, which vector units do faster than the envelope."""
    length = stop - first
    limit = np.int32(length + 1)  # one end of the run is background, so no distance is longer
    for i in range(length):
        near = min(along[y, first + i], limit)
        power[i] = near * near
    for tile in range(0, length, _TILE):
        for i in range(_TILE):
            to_left = np.int32(tile + i + 1) if left else limit
            to_right = np.int32(abs(length - tile - i)) if right else limit
            ends = min(to_left, to_right)
            nearest[i] = ends * ends
        for j in range(length):
            here = power[j]
            shift = np.int32(tile - j)
            for i in range(_TILE):
                step = np.int32(i) + shift
                nearest[i] = min(nearest[i], np.int32(here + np.int32(step * step)))
        if root:
            for i in range(min(_TILE, length - tile)):
                distance[y, first + tile + i] = np.sqrt(np.float32(nearest[i]))
        else:
            for i in range(min(_TILE, length - tile)):
                along[y, first + tile + i] = nearest[i]


@njit(cache=True)
def _envelope_run(
    along: Any,
    distance: Any,
    y: Any,
    first: Any,
    stop: Any,
    left: Any,
    right: Any,
    root: Any,
    far: Any,
    column: Any,
    apex: Any,
    start: Any,
) -> None:
    """Build the lower envelope of the parabolas of all columns of a run and of its ends, and read it."""
    length = stop - first
    column[0] = 0 if left else far
    column[length + 1] = 0 if right else far
    for x in range(1, length + 1):
        column[x] = along[y, first + x - 1]
    last = -1
    for x in range(length + 2):
        if column[x] >= far:
            continue
        begin = np.int64(0)
        while last >= 0:
            other = apex[last]
            rise = column[x] * column[x] - column[other] * column[other]
            # first pixel where the parabola of x is strictly below the one of `other`
            begin = (rise + np.int64(x - other) * np.int64(x + other)) // (2 * np.int64(x - other)) + 1
            if begin > start[last]:
                break
            last -= 1
            begin = np.int64(0)
        if begin <= length + 1:
            last += 1
            apex[last] = x
            start[last] = begin
    for x in range(length, 0, -1):
        while start[last] > x:
            last -= 1
        step = np.int64(x - apex[last])
        squared = column[apex[last]] * column[apex[last]] + step * step
        if root:
            distance[y, first + x - 1] = np.sqrt(np.float64(squared))
        else:
            along[y, first + x - 1] = min(squared, 2147483647)
