"""Opening of a mask of few pixels by a large disc: only where the disc has room, the rest costs one reading.

A disc fits at a pixel when the column through it and then each of its rows do; nearly everywhere the column does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.segment.components import name_runs

__all__ = ["boxes_of", "open_by_disc", "widen_by_disc"]

_ALIGNED = 32  # pixels; boxes that start at multiples of it are filtered with the same rounding as the whole image
_LARGE = 0.5  # of the image; where the boxes cover more of it they cost more than it


def open_by_disc(mask: NDArray[np.bool_], disc: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return a mask opened by a disc, as `cv2.morphologyEx` does.

    Parameters
    ----------
    mask : (Y, X) ndarray of bool
        Foreground; what lies outside the frame does not count.
    disc : (D, D) ndarray of uint8
        Odd sides; each row one run around the middle, the middle column full.

    Notes
    -----
    10 Mpx with 3 % foreground: 0.03 s of one core, 3 bytes per pixel.
    """
    return np.asarray(_open(mask, _half_rows(disc)))


def widen_by_disc(mask: NDArray[np.bool_], disc: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return a mask dilated by a disc, as `cv2.dilate` does: each run is painted once per row of the disc."""
    return np.asarray(_widen(mask, _half_rows(disc)))


def _half_rows(disc: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return how far each row of a disc reaches to both sides."""
    return np.asarray((np.count_nonzero(disc, axis=1) - 1) // 2, np.int32)


def boxes_of(mask: NDArray[np.bool_], margin: int) -> Iterator[tuple[tuple[slice, slice], NDArray[np.bool_]]]:
    """Yield a window around each 8-connected piece of a mask, and which of its pixels are the piece's.

    `margin` pixels around it lie in the window, but for the frame. Where the windows would cover more than half of the
    image, it is the only one.
    """
    rows, columns = mask.shape
    bounds, offsets, names = name_runs(mask, connectivity=2)
    n = int(names.max(initial=0))
    boxes = _bounding_boxes(bounds, offsets, names, n)
    y0, y1 = np.maximum(boxes[:, 0] - margin, 0), np.minimum(boxes[:, 1] + margin, rows)
    x0 = np.maximum(boxes[:, 2] - margin, 0) // _ALIGNED * _ALIGNED
    x1 = np.minimum((boxes[:, 3] + margin + 2 * _ALIGNED - 1) // _ALIGNED * _ALIGNED, columns)
    if float(((y1 - y0) * (x1 - x0)).sum()) > _LARGE * mask.size:
        yield (slice(0, rows), slice(0, columns)), mask
        return
    order = np.argsort(names, kind="stable")
    ends = np.cumsum(np.bincount(names, minlength=n + 1))
    row_of = np.repeat(np.arange(rows, dtype=np.int64), np.diff(offsets))
    for k in range(n):
        window = (slice(int(y0[k]), int(y1[k])), slice(int(x0[k]), int(x1[k])))
        core = np.zeros((int(y1[k] - y0[k]), int(x1[k] - x0[k])), np.bool_)
        own = order[ends[k] : ends[k + 1]]
        _paint(bounds[own], row_of[own] - y0[k], x0[k], core)
        yield window, core


@njit(cache=True, nogil=True)
def _paint(bounds: Any, rows: Any, x0: Any, core: Any) -> None:
    """Paint runs into a window."""
    for k in range(len(rows)):
        core[rows[k], bounds[k, 0] - x0 : bounds[k, 1] - x0] = True


@njit(cache=True, nogil=True)
def _bounding_boxes(bounds: Any, offsets: Any, names: Any, n: Any) -> Any:
    """Return first row, row behind the last, first column, column behind the last of each piece (N, 4)."""
    boxes = np.zeros((n, 4), np.int64)
    for y in range(len(offsets) - 1):
        for k in range(offsets[y], offsets[y + 1]):
            box = boxes[names[k] - 1]
            if box[1] == 0:
                box[0], box[2], box[3] = y, bounds[k, 0], bounds[k, 1]
            box[1] = y + 1
            box[2], box[3] = min(box[2], bounds[k, 0]), max(box[3], bounds[k, 1])
    return boxes


@njit(cache=True, nogil=True)
def _open(mask: Any, half: Any) -> Any:
    """Paint the disc wherever it fits; `half` is half the length of each of its rows."""
    rows, columns = mask.shape
    reach = len(half) // 2
    opened = np.zeros((rows, columns), np.bool_)
    high = np.zeros(columns, np.int32)  # pixels above and with this one that are all in the mask
    long = np.zeros((rows, columns), np.int16)  # pixels left of and with this one that are
    for y in range(rows):
        run = 0
        for x in range(columns):
            if mask[y, x]:
                run = min(run + 1, 32767)
                long[y, x] = run
            else:
                run = 0
    for y in range(rows + reach):
        if y < rows:
            for x in range(columns):
                high[x] = (high[x] + 1) * mask[y, x]
        middle = y - reach
        if middle < 0:
            continue
        need = min(y, rows - 1) - max(middle - reach, 0) + 1
        first = -1
        for x in range(columns + 1):
            fits = x < columns and high[x] >= need and _fits(long, middle, x, half, reach)
            if fits and first < 0:
                first = x
            if not fits and first >= 0:
                _paint_discs(opened, middle, first, x, half)
                first = -1
    return opened


@njit(cache=True, nogil=True)
def _widen(mask: Any, half: Any) -> Any:
    """Paint the disc around every pixel."""
    rows, columns = mask.shape
    wide = np.zeros((rows, columns), np.bool_)
    for y in range(rows):
        first = -1
        for x in range(columns + 1):
            inside = x < columns and mask[y, x]
            if inside and first < 0:
                first = x
            if not inside and first >= 0:
                _paint_discs(wide, y, first, x, half)
                first = -1
    return wide


@njit(cache=True, nogil=True)
def _paint_discs(to: Any, middle: Any, first: Any, end: Any, half: Any) -> None:
    """Paint discs around the pixels `first` to `end - 1` of a row."""
    reach = len(half) // 2
    for v in range(max(middle - reach, 0), min(middle + reach + 1, to.shape[0])):
        side = half[v - middle + reach]
        to[v, max(first - side, 0) : min(end + side, to.shape[1])] = True


@njit(cache=True, nogil=True)
def _fits(long: Any, middle: Any, x: Any, half: Any, reach: Any) -> Any:
    """Return whether all rows of the disc lie in runs."""
    rows, columns = long.shape
    for v in range(max(middle - reach, 0), min(middle + reach + 1, rows)):
        side = half[v - middle + reach]
        last = min(x + side, columns - 1)
        if long[v, last] < last - max(x - side, 0) + 1:
            return False
    return True
