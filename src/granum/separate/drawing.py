"""Which pixels a stroke, an outline or a cut covers: one exact rasteriser for everything that is drawn by hand.

A shape comes back as runs ``(rows, first, last)``: int32 arrays, `last` inclusive, sorted by row and column, disjoint
and not touching each other in their row. Runs cost about the square root of the pixels, so a stroke over a large
image needs no mask of its bounding box. Coordinates are (y, x) with integers at pixel centres; what lies outside the
image is left out. Every shape is defined by an exact rule, so client, server and a later replay agree on each pixel.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from granum.errors import SettingError

__all__ = ["Runs", "join_runs", "outline_runs", "path_runs", "runs_box", "supercover_runs"]

Runs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
_FARTHEST = 1e7  # px: no image is so large, and float64 keeps half pixels exact far beyond


def path_runs(points: ArrayLike, shape: tuple[int, int], *, radius: float) -> Runs:
    """Return the pixels under a disc that is swept along a path.

    Parameters
    ----------
    points : (N, 2) array_like of float
        Corners (y, x) of the path; one point is a single disc.
    shape : (int, int)
        Rows and columns of the image.
    radius : float
        Of the disc, in pixels; under 0.5 it counts as 0.5, so that a path never has gaps.

    Returns
    -------
    rows, first, last : (R,) ndarray of int32
        Pixels whose centre lies at most `radius` from the path, and the pixel under each of its points.

    Raises
    ------
    SettingError
        When the points or the radius are no finite numbers, or lie beyond 10 million pixels.
    """
    path = _checked(points, 1)
    if not 0 <= radius <= _FARTHEST:
        raise SettingError(f"radius: {radius!r} must be a number of pixels from 0 to {_FARTHEST:g}.")
    return join_runs(*_sweep(path, max(float(radius), 0.5), shape[0], shape[1]))


def outline_runs(points: ArrayLike, shape: tuple[int, int]) -> Runs:
    """Return the pixels inside a closed outline.

    Parameters
    ----------
    points : (N, 2) array_like of float
        Corners (y, x), at least 3; the last is joined to the first.
    shape : (int, int)
        Rows and columns of the image.

    Returns
    -------
    rows, first, last : (R,) ndarray of int32
        Pixels whose centre lies inside (winding number not 0, so that loops of a freehand line leave no hole) or on the
        outline.

    Raises
    ------
    SettingError
        When there are fewer than 3 points, or they are no finite numbers.
    """
    return join_runs(*_fill(_checked(points, 3), shape[0], shape[1]))


def supercover_runs(points: ArrayLike, shape: tuple[int, int]) -> Runs:
    """Return every pixel that a path enters, corners and edges of the pixel squares included.

    Parameters
    ----------
    points : (N, 2) array_like of float
        Corners (y, x) of the path, at least 2.
    shape : (int, int)
        Rows and columns of the image.

    Returns
    -------
    rows, first, last : (R,) ndarray of int32
        Pixels joined by edges: no 8-connected way leads across.

    Raises
    ------
    SettingError
        When there are fewer than 2 points, or they are no finite numbers.
    """
    return join_runs(*_cross(_checked(points, 2), shape[0], shape[1]))


def runs_box(runs: Runs) -> tuple[int, int, int, int]:
    """Return (y0, x0, y1, x1), half open, around runs; all 0 when there are none."""
    rows, first, last = runs
    if not len(rows):
        return 0, 0, 0, 0
    return int(rows[0]), int(first.min()), int(rows[-1]) + 1, int(last.max()) + 1


def _checked(points: ArrayLike, n_least: int) -> NDArray[np.float64]:
    try:
        path = np.ascontiguousarray(np.asarray(points, dtype=np.float64))
    except (TypeError, ValueError):
        raise SettingError("points: must be a list of pairs [y, x].") from None
    if path.ndim != 2 or path.shape[1:] != (2,) or len(path) < n_least:
        raise SettingError(f"points: shape {path.shape} does not fit; at least {n_least} pairs [y, x] are needed.")
    if not (np.abs(path) <= _FARTHEST).all():
        raise SettingError(f"points: must be finite numbers within {_FARTHEST:g} pixels.")
    return path


def join_runs(rows: NDArray[Any], first: NDArray[Any], last: NDArray[Any]) -> Runs:
    """Return runs sorted by row and column, those that overlap or touch joined; the input is not changed.

    Parameters
    ----------
    rows, first, last : (N,) ndarray of int
        Row, first and last column of each run.
    """
    order = np.lexsort((first, rows))
    joined: Runs = _join_sorted(rows[order], first[order], last[order])
    return joined


@njit(nogil=True, cache=True)
def _join_sorted(rows, first, last):  # type: ignore[no-untyped-def]
    n = 0
    for i in range(len(rows)):
        if n > 0 and rows[i] == rows[n - 1] and first[i] <= last[n - 1] + 1:
            last[n - 1] = max(last[n - 1], last[i])
            continue
        rows[n], first[n], last[n] = rows[i], first[i], last[i]
        n += 1
    return rows[:n].copy(), first[:n].copy(), last[:n].copy()


@njit(nogil=True, cache=True)
def _put(runs, n, y, a, b, height, width):  # type: ignore[no-untyped-def]
    """Add the run [a, b] of row y, cut to the image, to a growing (3, n) array; return it and the new n."""
    if y < 0 or y >= height or a > b or b < 0 or a >= width:
        return runs, n
    if n == runs.shape[1]:
        more = np.empty((3, 2 * n), np.int32)
        more[:, :n] = runs
        runs = more
    runs[0, n], runs[1, n], runs[2, n] = y, max(a, 0), min(b, width - 1)
    return runs, n + 1


@njit(nogil=True, cache=True)
def _near(y, x, ay, ax, by, bx, square):  # type: ignore[no-untyped-def]
    """Return whether (y, x) lies within the root of `square` of the stretch from a to b."""
    dy, dx = by - ay, bx - ax
    length = dy * dy + dx * dx
    t = 0.0
    if length > 0:
        t = min(max(((y - ay) * dy + (x - ax) * dx) / length, 0.0), 1.0)
    ey, ex = y - (ay + t * dy), x - (ax + t * dx)
    return ey * ey + ex * ex <= square


@njit(nogil=True, cache=True)
def _capsule_row(y, ay, ax, by, bx, radius):  # type: ignore[no-untyped-def]
    """Return the columns [a, b] that `_near` says of row y are covered; a > b when none is."""
    low, high = np.inf, -np.inf
    for py, px in ((ay, ax), (by, bx)):
        rest = radius * radius - (y - py) * (y - py)
        if rest >= 0:
            half = math.sqrt(rest)
            low, high = min(low, px - half), max(high, px + half)
    dy, dx = by - ay, bx - ax
    length = math.sqrt(dy * dy + dx * dx)
    if length > 0:  # the rectangle between the two discs
        ny, nx = -dx / length * radius, dy / length * radius
        corners = ((ay + ny, ax + nx), (by + ny, bx + nx), (by - ny, bx - nx), (ay - ny, ax - nx))
        for i in range(4):
            cy, cx = corners[i]
            ey, ex = corners[(i + 1) % 4]
            if min(cy, ey) <= y <= max(cy, ey) and cy != ey:
                x = cx + (y - cy) * (ex - cx) / (ey - cy)
                low, high = min(low, x), max(high, x)
    if low > high:
        return 0, -1
    # the ends above are right to rounding errors; the rule itself decides about the pixels there
    square = radius * radius
    a, b = math.floor(low) - 1, math.ceil(high) + 1
    while a <= b and not _near(y, a, ay, ax, by, bx, square):
        a += 1
    while b >= a and not _near(y, b, ay, ax, by, bx, square):
        b -= 1
    return a, b


@njit(nogil=True, cache=True)
def _sweep(path, radius, height, width):  # type: ignore[no-untyped-def]
    """Return runs of a swept disc; those of neighbouring stretches are joined as they come."""
    runs, n = np.empty((3, 256), np.int32), 0
    top = max(math.floor(path[:, 0].min() - radius), 0)
    bottom = min(math.ceil(path[:, 0].max() + radius), height - 1)
    open_first = np.zeros(max(bottom - top + 1, 0), np.int64)
    open_last = np.full(max(bottom - top + 1, 0), -1, np.int64)
    for i in range(len(path)):
        ay, ax = path[max(i - 1, 0)]
        by, bx = path[i]
        if i == 0 and len(path) > 1:
            by, bx = ay, ax
        for y in range(max(math.floor(min(ay, by) - radius), top), min(math.ceil(max(ay, by) + radius), bottom) + 1):
            a, b = _capsule_row(float(y), ay, ax, by, bx, radius)
            if a > b:
                continue
            k = y - top
            if open_first[k] <= open_last[k] and a <= open_last[k] + 1 and b >= open_first[k] - 1:
                open_first[k], open_last[k] = min(a, open_first[k]), max(b, open_last[k])
                continue
            if open_first[k] <= open_last[k]:
                runs, n = _put(runs, n, y, open_first[k], open_last[k], height, width)
            open_first[k], open_last[k] = a, b
        y, x = math.floor(by + 0.5), math.floor(bx + 0.5)
        runs, n = _put(runs, n, y, x, x, height, width)
    for k in range(len(open_first)):
        if open_first[k] <= open_last[k]:
            runs, n = _put(runs, n, top + k, open_first[k], open_last[k], height, width)
    return runs[0, :n], runs[1, :n], runs[2, :n]


@njit(nogil=True, cache=True)
def _fill(path, height, width):  # type: ignore[no-untyped-def]
    """Return runs of a closed outline: inside by winding number, and what lies on it."""
    runs, n = np.empty((3, 256), np.int32), 0
    top = max(math.ceil(path[:, 0].min()), 0)
    bottom = min(math.floor(path[:, 0].max()), height - 1)
    count = np.zeros(max(bottom - top + 2, 1), np.int64)
    for i in range(len(path)):
        ay, by = path[i, 0], path[(i + 1) % len(path), 0]
        for y in range(max(math.ceil(min(ay, by)), top), min(math.ceil(max(ay, by)) - 1, bottom) + 1):
            count[y - top + 1] += 1
    for k in range(1, len(count)):
        count[k] += count[k - 1]
    place = count[:-1].copy()
    crossing, turn = np.empty(count[-1]), np.empty(count[-1], np.int64)
    for i in range(len(path)):
        ay, ax = path[i]
        by, bx = path[(i + 1) % len(path)]
        for y in range(max(math.ceil(min(ay, by)), top), min(math.ceil(max(ay, by)) - 1, bottom) + 1):
            crossing[place[y - top]] = ax + (y - ay) * (bx - ax) / (by - ay)
            turn[place[y - top]] = 1 if by > ay else -1
            place[y - top] += 1
        if ay == by and ay == math.floor(ay):  # a level side lies on the outline
            runs, n = _put(runs, n, int(ay), math.ceil(min(ax, bx)), math.floor(max(ax, bx)), height, width)
        elif by == math.floor(by) and bx == math.floor(bx):
            runs, n = _put(runs, n, int(by), int(bx), int(bx), height, width)
    for k in range(len(count) - 1):
        here = slice(count[k], count[k + 1])
        order = np.argsort(crossing[here], kind="mergesort")
        winding = 0
        for j in range(len(order)):
            winding += turn[here][order[j]]
            if j + 1 < len(order) and winding != 0:
                left, right = crossing[here][order[j]], crossing[here][order[j + 1]]
                runs, n = _put(runs, n, top + k, math.ceil(left), math.floor(right), height, width)
            elif crossing[here][order[j]] == math.floor(crossing[here][order[j]]):
                x = int(crossing[here][order[j]])
                runs, n = _put(runs, n, top + k, x, x, height, width)
    return runs[0, :n], runs[1, :n], runs[2, :n]


@njit(nogil=True, cache=True)
def _cross(path, height, width):  # type: ignore[no-untyped-def]
    """Return runs of all pixels whose closed square the path meets."""
    runs, n = np.empty((3, 256), np.int32), 0
    for i in range(len(path) - 1):
        ay, ax = path[i]
        by, bx = path[i + 1]
        first, last = math.ceil(min(ay, by) - 0.5), math.floor(max(ay, by) + 0.5)
        for y in range(max(first, 0), min(last, height - 1) + 1):
            left, right = min(ax, bx), max(ax, bx)
            if ay != by:  # the part of the stretch inside the row
                one = ax + (min(max(y - 0.5, min(ay, by)), max(ay, by)) - ay) * (bx - ax) / (by - ay)
                two = ax + (min(max(y + 0.5, min(ay, by)), max(ay, by)) - ay) * (bx - ax) / (by - ay)
                left, right = max(left, min(one, two)), min(right, max(one, two))
            runs, n = _put(runs, n, y, math.ceil(left - 0.5), math.floor(right + 0.5), height, width)
    return runs[0, :n], runs[1, :n], runs[2, :n]
