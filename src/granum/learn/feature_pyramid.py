"""`Pyramid`: normalised grey levels of one channel around a window, and the same reduced by 2, 4, 8, ...

The image goes on beyond its borders by reflection (the border pixel is repeated), without end. Pixel (j, i) of level k
is the mean of 2**k x 2**k pixels from (j 2**k, i 2**k) on, counted from the origin of the whole image. So a pixel of
any level is the same number for every window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.learn.feature_input import Run, Window
from granum.learn.feature_scales import feature_scales
from granum.learn.feature_set import FeatureSet

__all__ = ["Level", "Pyramid", "build_pyramid"]

_NOTHING = np.zeros((0, 0), np.float32)
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
    plane: NDArray[Any], features: FeatureSet, *, window: Window, offset: float, scale: float, run: Run
) -> Pyramid:
    """Return all levels that features need for a window.

    Parameters
    ----------
    plane : (Y, X) ndarray
        The whole image.
    features : FeatureSet
        What will be computed.
    window : tuple of int
        (y0, x0, y1, x1).
    offset, scale : float
        Grey levels become ``(level - offset) / scale``; what is not finite becomes 0.
    run : callable
        Does pieces of work, in threads.
    """
    frames = _frames(features, window)
    top, left, bottom, right = frames[0]
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
    pyramid = [Level(top, left, levels, _NOTHING)]
    for frame in frames[1:]:
        pyramid.append(_reduce(pyramid[-1], frame, "deviation" in features.kinds or "entropy" in features.kinds, run))
    return tuple(pyramid)


def _frames(features: FeatureSet, window: Window) -> list[Window]:
    """Return the part of every level that is needed: for its own scales, and for the level above."""
    y0, x0, y1, x1 = window
    scales = feature_scales(features)
    frames: list[Window] = []
    above: Window | None = None
    for level in range(max((item.level for item in scales), default=0), -1, -1):
        needed = [] if above is None else [tuple(2 * place for place in above)]
        if level == 0:
            needed.append(window)
        for item in scales:
            if item.level == level:
                (top, bottom), (left, right) = (
                    reduced_range(a, b, factor=item.factor) for a, b in ((y0, y1), (x0, x1))
                )
                needed.append((top - item.reach, left - item.reach, bottom + item.reach, right + item.reach))
        tops, lefts, bottoms, rights = zip(*needed, strict=True)
        above = (min(tops), min(lefts), max(bottoms), max(rights))
        frames.insert(0, above)
    return frames


def _reduce(finer: Level, frame: Window, variances: bool, run: Run) -> Level:
    """Return the next level."""
    top, left, bottom, right = frame
    down, across = 2 * top - finer.y, 2 * left - finer.x
    part = slice(down, down + 2 * (bottom - top)), slice(across, across + 2 * (right - left))
    source, inner = finer.levels[part], finer.variances[part] if finer.variances.size else _NOTHING
    target = np.empty((bottom - top, right - left), np.float32)
    spread = np.empty_like(target) if variances else _NOTHING

    def halve(first: int) -> Callable[[], None]:
        here, finer_rows = slice(first, first + _ROWS), slice(2 * first, 2 * (first + _ROWS))
        return lambda: _halve(source[finer_rows], inner[finer_rows], target[here], spread[here])

    run([halve(first) for first in range(0, bottom - top, _ROWS)])
    return Level(top, left, target, spread)
