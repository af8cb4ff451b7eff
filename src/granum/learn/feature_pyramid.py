"""`Pyramid`: normalised grey levels of one channel around a window, and the same reduced by 2, 4, 8, ...

The image goes on beyond its borders by reflection (the border pixel is repeated), without end. Pixel (j, i) of level k
is the mean of 2**k x 2**k pixels from (j 2**k, i 2**k) on, counted from the origin of the whole image. So a pixel of
any level is the same number for every window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.learn.feature_scales import FeatureScale

__all__ = ["Level", "Pyramid", "build_pyramid"]

_ROWS = 64  # of one piece of work
_LARGEST = 1e6  # normalised levels beyond are cut: their squares must stay finite in float32


@dataclass(frozen=True, eq=False)
class Level:
    """One level: its pixels from (y, x) of the infinite image on.

    Parameters
    ----------
    y, x : int
        Place of the first pixel, in pixels of this level.
    levels : (h, w) ndarray of float32
        Mean grey levels.
    variances : (h, w) ndarray of float32
        Variance of the pixels of the image inside each pixel; (0, 0) when not needed, or on level 0.
    """

    y: int
    x: int
    levels: NDArray[np.float32]
    variances: NDArray[np.float32]


Pyramid = tuple[Level, ...]


def reduced_range(start: int, stop: int, *, factor: int) -> tuple[int, int]:
    """Return which pixels of a reduced image are needed to interpolate the pixels from start to stop."""
    if factor == 1:
        return start, stop
    return (2 * start - factor + 1) // (2 * factor), (2 * (stop - 1) - factor + 1) // (2 * factor) + 2


def _reflect(start: int, stop: int, size: int) -> NDArray[np.int64]:
    place = np.arange(start, stop) % (2 * size)
    return np.minimum(place, 2 * size - 1 - place)


@njit(cache=True, nogil=True)
def _halve(source, inner, target, variances):  # type: ignore[no-untyped-def]
    """Fill the means of 2 x 2 pixels; and the variances inside them, from those inside the pixels."""
    quarter = np.float32(0.25)
    height, width = target.shape
    for y in range(height):
        above, below = source[2 * y], source[2 * y + 1]
        row = target[y]
        for x in range(width):
            row[x] = quarter * ((above[2 * x] + above[2 * x + 1]) + (below[2 * x] + below[2 * x + 1]))
        if variances.size > 0:
            spread = variances[y]
            for x in range(width):
                mean = row[x]
                a, b, c, d = above[2 * x] - mean, above[2 * x + 1] - mean, below[2 * x] - mean, below[2 * x + 1] - mean
                spread[x] = quarter * ((a * a + b * b) + (c * c + d * d))
            if inner.size > 0:
                upper, lower = inner[2 * y], inner[2 * y + 1]
                for x in range(width):
                    spread[x] += quarter * ((upper[2 * x] + upper[2 * x + 1]) + (lower[2 * x] + lower[2 * x + 1]))


def build_pyramid(
    plane: NDArray[Any],
    scales: Iterable[FeatureScale],
    *,
    window: tuple[int, int, int, int],
    offset: float,
    scale: float,
    variances: bool,
    run: Callable[[list[Callable[[], None]]], None],
) -> Pyramid:
    """Return all levels that the scales need for a window.

    Parameters
    ----------
    plane : (Y, X) ndarray
        The whole image.
    scales : iterable of FeatureScale
        What is computed.
    window : tuple of int
        (y0, x0, y1, x1).
    offset, scale : float
        Grey levels become ``(level - offset) / scale``; what is not finite becomes 0.
    variances : bool
        Whether the variances inside pixels are needed.
    run : callable
        Does pieces of work, in threads.
    """
    y0, x0, y1, x1 = window
    needed = {0: [y0, x0, y1, x1]}
    for item in scales:
        (top, bottom), (left, right) = (reduced_range(a, b, factor=item.factor) for a, b in ((y0, y1), (x0, x1)))
        frame = [top - item.reach, left - item.reach, bottom + item.reach, right + item.reach]
        old = needed.get(item.level, frame)
        needed[item.level] = [
            min(old[0], frame[0]),
            min(old[1], frame[1]),
            max(old[2], frame[2]),
            max(old[3], frame[3]),
        ]
    for level in range(max(needed), 0, -1):
        frame = [2 * place for place in needed[level]]
        old = needed.get(level - 1, frame)
        needed[level - 1] = [
            min(old[0], frame[0]), min(old[1], frame[1]), max(old[2], frame[2]), max(old[3], frame[3])
        ]  # fmt: skip
    nothing = np.zeros((0, 0), np.float32)
    top, left, bottom, right = needed[0]
    rows, columns = _reflect(top, bottom, plane.shape[0]), _reflect(left, right, plane.shape[1])
    levels = np.empty((bottom - top, right - left), np.float32)

    def normalise(first: int) -> Callable[[], None]:
        def work() -> None:
            part = plane[np.ix_(rows[first : first + _ROWS], columns)].astype(np.float64)
            part -= offset
            part /= scale
            if plane.dtype.kind == "f":
                part[~np.isfinite(part)] = 0
                np.clip(part, -_LARGEST, _LARGEST, out=part)
            levels[first : first + _ROWS] = part

        return work

    run([normalise(first) for first in range(0, len(rows), _ROWS)])
    pyramid = [Level(top, left, levels, nothing)]
    for number in range(1, max(needed) + 1):
        top, left, bottom, right = needed[number]
        finer = pyramid[-1]
        down, across = 2 * top - finer.y, 2 * left - finer.x
        source = finer.levels[down : down + 2 * (bottom - top), across : across + 2 * (right - left)]
        inner = finer.variances[down : down + 2 * (bottom - top), across : across + 2 * (right - left)]
        target = np.empty((bottom - top, right - left), np.float32)
        spread = np.empty_like(target) if variances else nothing

        def halve(
            first: int,
            source: NDArray[np.float32] = source,
            inner: NDArray[np.float32] = inner,
            target: NDArray[np.float32] = target,
            spread: NDArray[np.float32] = spread,
        ) -> Callable[[], None]:
            here, finer_rows = slice(first, first + _ROWS), slice(2 * first, 2 * (first + _ROWS))
            return lambda: _halve(source[finer_rows], inner[finer_rows], target[here], spread[here])

        run([halve(first) for first in range(0, bottom - top, _ROWS)])
        pyramid.append(Level(top, left, target, spread))
    return tuple(pyramid)
