"""Which pixels of a layer an act of painting covers: the same for ever, on every machine.

Points and radius are rounded to 1/64 px when a stroke comes in; what is kept, painted and replayed are the rounded
ones. Then:

- brush, eraser: pixels whose centre is at most `radius` from the path, and the pixel under each point (so that a path
  of radius 0.5 is a connected line of single pixels); a radius below 0.5 counts as 0.5.
- polygon: pixels whose centre is inside the outline or on it (winding number, so that the loops of a freehand outline
  leave no hole), and a path of radius 0.5 along it.
- fill: the pixels that are joined by edges to the pixel under the point through pixels of the same class. The region
  must end, at other classes or at the edge of the image, within `FARTHEST_FILL` pixels.

The geometry is that of `granum.separate.drawing`, which corrections by hand use too. Runs are cut at the borders of
tiles here, so that everything behind costs what the stroke costs, not what the image costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.app.paint_messages import Stroke
from granum.app.problems import Problem
from granum.app.tiles import TILE
from granum.separate.drawing import Runs, join_runs, outline_runs, path_runs

__all__ = ["FARTHEST_FILL", "TileKey", "check_points", "cover", "fill", "quantise", "record_runs", "split_runs"]

TileKey = tuple[int, int]
"""Row and column of a tile."""
FARTHEST_FILL = 4096
_STEPS = 64  # per pixel
_MARGIN = 4096  # px: a pointer may leave the image, not the screen
_MOST_ROWS = 20_000_000  # rows that the pieces of one path may cross: half a second of work
_MOST_RUNS = 500_000  # of one fill: a line of 6 MB in the journal


def quantise(values: Iterable[float]) -> NDArray[np.float64]:
    """Round numbers to 1/64, halves upwards."""
    return np.floor(np.asarray(list(values), dtype=np.float64) * _STEPS + 0.5) / _STEPS


def check_points(stroke: Stroke, shape: tuple[int, int]) -> None:
    """Refuse a stroke that no pointer draws.

    Raises
    ------
    Problem
        422 when a point is far outside the image, a polygon has too few corners, or the work would be absurd.
    """
    points = np.asarray(stroke.points)
    for axis, name in enumerate("yx"):
        low, high = -_MARGIN, shape[axis] - 1 + _MARGIN
        wrong = points[(points[:, axis] < low) | (points[:, axis] > high), axis]
        if len(wrong):
            text = f"points: {name} is {wrong[0]:g}, must lie in {low}..{high} (the image and {_MARGIN} px around it)."
            raise Problem(422, "setting", text)
    least, most = {"polygon": (3, 20_000), "fill": (1, 1)}.get(stroke.tool, (1, 20_000))
    if not least <= len(points) <= most:
        text = f"points: {len(points)} are given, a {stroke.tool} takes {least}..{most}."
        raise Problem(422, "setting", text)
    path = np.concatenate([points, points[:1]]) if stroke.tool == "polygon" else points
    reach = 0.5 if stroke.tool == "polygon" else stroke.radius
    n_rows = float(np.abs(np.diff(path[:, 0])).sum()) + len(path) * (2 * reach + 1)
    if n_rows > _MOST_ROWS:
        text = (
            f"points: the path crosses {n_rows:.0f} rows of pixels, at most {_MOST_ROWS}; draw it in several strokes."
        )
        raise Problem(422, "setting", text)


def cover(tool: str, path: NDArray[np.float64], radius: float, shape: tuple[int, int]) -> Runs:
    """Return the pixels of a brush, eraser or polygon as runs (rows, first, last), `last` inclusive.

    Parameters
    ----------
    tool : str
        "brush", "eraser" or "polygon".
    path : (N, 2) ndarray of float64
        Points (y, x), rounded by `quantise`.
    radius : float
        In pixels, rounded; not used for a polygon.
    shape : (int, int)
        Rows and columns of the image; what lies outside is left out.
    """
    if tool != "polygon":
        return path_runs(path, shape, radius=radius)
    inside = outline_runs(path, shape)
    line = path_runs(np.concatenate([path, path[:1]]), shape, radius=0.5)
    rows, first, last = (np.concatenate([one, other]) for one, other in zip(inside, line, strict=True))
    return join_runs(rows, first, last)


def record_runs(record: dict[str, Any], shape: tuple[int, int]) -> Runs:
    """Return the pixels of a stroke in a journal; those of a fill are in it, so that they depend on nothing else.

    Raises
    ------
    ValueError, KeyError, TypeError
        When it is none, or reaches outside an image of `shape`.
    """
    if record["tool"] == "fill":
        runs = np.asarray(record["runs"], dtype=np.int32).reshape(-1, 3)
        inside = (runs[:, 0] < shape[0]) & (runs[:, 2] < shape[1]) & (runs.min(axis=1) >= 0)
        if not inside.all():
            raise ValueError("runs outside the image")
        return runs[:, 0].copy(), runs[:, 1].copy(), runs[:, 2].copy()
    path = np.asarray(record["path"], dtype=np.float64).reshape(-1, 2)
    return cover(record["tool"], path, float(record["radius"]), shape)


def fill(read: Callable[[int, int, int, int], NDArray[np.uint8]], point: list[float], shape: tuple[int, int]) -> Runs:
    """Return the pixels of a flood fill.

    Parameters
    ----------
    read : callable
        (y0, x0, y1, x1) -> classes of that part of the layer.
    point : [float, float]
        (y, x) where it starts.
    shape : (int, int)
        Rows and columns of the image.

    Raises
    ------
    Problem
        422 "outside" when the point is not in the image, "not_closed" when the region goes on for more than
        `FARTHEST_FILL` pixels, "too_intricate" when it has more than 500,000 runs.

    Notes
    -----
    The region is looked for in windows of 128, 1024 and 4096 px around the point: 2 ms for small regions, 0.5 s for
    the largest.
    """
    y, x = (math.floor(value + 0.5) for value in point)
    if not (0 <= y < shape[0] and 0 <= x < shape[1]):
        text = f"points: the fill starts at y {y}, x {x}, outside the image of {shape[0]} x {shape[1]} pixels."
        raise Problem(422, "outside", text)
    for reach in (128, 1024, FARTHEST_FILL):
        y0, x0 = max(y - reach, 0), max(x - reach, 0)
        y1, x1 = min(y + reach + 1, shape[0]), min(x + reach + 1, shape[1])
        # one pixel more than may be filled, where there is one: reaching it means that the region goes on
        y0, x0, y1, x1 = max(y0 - 1, 0), max(x0 - 1, 0), min(y1 + 1, shape[0]), min(x1 + 1, shape[1])
        open_sides = (y - y0 > reach, x - x0 > reach, y1 - 1 - y > reach, x1 - 1 - x > reach)
        runs, state = _flood(read(y0, x0, y1, x1), y - y0, x - x0, open_sides, _MOST_RUNS)
        if state == 2:
            raise Problem(
                422, "too_intricate", f"The region has more than {_MOST_RUNS} runs of pixels; fill parts of it."
            )
        if state == 0:
            rows, first, last = runs[0] + y0, runs[1] + x0, runs[2] + x0
            order = np.lexsort((first, rows))
            return rows[order].astype(np.int32), first[order].astype(np.int32), last[order].astype(np.int32)
    text = f"The region is not closed within {FARTHEST_FILL} px of the point; draw its border to the end first."
    raise Problem(422, "not_closed", text)


def split_runs(runs: Runs) -> dict[TileKey, NDArray[np.uint16]]:
    """Return runs cut at the borders of tiles: tile -> (N, 3) array of row, first and last column inside the tile."""
    rows, first, last = runs
    if not len(rows):
        return {}
    x0, x1 = int(first.min()) // TILE, int(last.max()) // TILE
    y0, y1 = int(rows[0]) // TILE, int(rows[-1]) // TILE
    counts = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.int64)
    _count_pieces(rows, first, last, y0, x0, counts)
    ends = np.cumsum(counts.ravel())
    pieces = np.empty((int(ends[-1]), 3), np.uint16)
    _cut_pieces(rows, first, last, y0, x0, (ends - counts.ravel()).reshape(counts.shape), pieces)
    found: dict[TileKey, NDArray[np.uint16]] = {}
    for index in np.flatnonzero(counts):
        y, x = divmod(int(index), counts.shape[1])
        found[y0 + y, x0 + x] = pieces[ends[index] - counts[y, x] : ends[index]].copy()
    return found


@njit(nogil=True, cache=True)
def _count_pieces(rows: Any, first: Any, last: Any, y0: int, x0: int, counts: Any) -> None:
    for i in range(len(rows)):
        for tile in range(first[i] // TILE, last[i] // TILE + 1):
            counts[rows[i] // TILE - y0, tile - x0] += 1


@njit(nogil=True, cache=True)
def _cut_pieces(rows: Any, first: Any, last: Any, y0: int, x0: int, place: Any, pieces: Any) -> None:
    for i in range(len(rows)):
        y = rows[i] // TILE
        for tile in range(first[i] // TILE, last[i] // TILE + 1):
            at = place[y - y0, tile - x0]
            pieces[at, 0] = rows[i] - y * TILE
            pieces[at, 1] = max(first[i] - tile * TILE, 0)
            pieces[at, 2] = min(last[i] - tile * TILE, TILE - 1)
            place[y - y0, tile - x0] = at + 1


@njit(nogil=True, cache=True)
def _flood(plane: Any, y: int, x: int, open_sides: tuple[bool, bool, bool, bool], most: int) -> Any:
    """Fill from (y, x), changing the plane; return runs (3, n), and 0 done, 1 reached an open side, 2 too many runs."""
    height, width = plane.shape
    top, left, bottom, right = open_sides
    old = plane[y, x]
    new = old ^ np.uint8(255)  # any other class: it marks what is done
    runs, n = np.empty((3, 256), np.int64), 0
    seeds, n_seeds = np.empty((2, 1024), np.int64), 1
    seeds[0, 0], seeds[1, 0] = y, x
    while n_seeds > 0:
        n_seeds -= 1
        y, x = seeds[0, n_seeds], seeds[1, n_seeds]
        if plane[y, x] != old:
            continue
        a, b = x, x
        while a > 0 and plane[y, a - 1] == old:
            a -= 1
        while b + 1 < width and plane[y, b + 1] == old:
            b += 1
        plane[y, a : b + 1] = new
        if (top and y == 0) or (bottom and y == height - 1) or (left and a == 0) or (right and b == width - 1):
            return runs[:, :0], 1
        if n == most:
            return runs[:, :0], 2
        if n == runs.shape[1]:
            more = np.empty((3, 2 * n), np.int64)
            more[:, :n] = runs
            runs = more
        runs[0, n], runs[1, n], runs[2, n] = y, a, b
        n += 1
        for row in (y - 1, y + 1):
            if row < 0 or row >= height:
                continue
            for column in range(a, b + 1):
                if plane[row, column] == old and (column == a or plane[row, column - 1] != old):
                    if n_seeds == seeds.shape[1]:
                        more_seeds = np.empty((2, 2 * n_seeds), np.int64)
                        more_seeds[:, :n_seeds] = seeds
                        seeds = more_seeds
                    seeds[0, n_seeds], seeds[1, n_seeds] = row, column
                    n_seeds += 1
    return runs[:, :n], 0
