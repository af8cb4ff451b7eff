"""The classes of one plane as sparse tiles at every level: memory only where somebody painted.

Level n + 1 is made from level n alone: of four pixels the most frequent class that is not 0, of equally frequent ones
the larger number. So a thin stroke stays visible however far one zooms out. Only the part of the coarser tiles above a
change is made anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.app.strokes import TileKey
from granum.app.tiles import TILE, count_levels, level_shape

__all__ = ["PaintTiles", "Rect", "join_rects", "write_runs"]

Tile = NDArray[np.uint8]
Rect = tuple[int, int, int, int]
"""(y0, x0, y1, x1), half open."""


class PaintTiles:
    """Sparse tiles of uint8 classes with coarser copies.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the plane.

    Attributes
    ----------
    areas : (256,) ndarray of int64
        Painted pixels per class; entry 0 means nothing.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.areas = np.zeros(256, np.int64)
        self._tiles: list[dict[TileKey, Tile]] = [{} for _ in range(count_levels(shape))]
        self._versions: list[dict[TileKey, int]] = [{} for _ in self._tiles]
        self._stale: dict[TileKey, Rect] = {}

    @property
    def nbytes(self) -> int:
        """Memory of all tiles."""
        return sum(len(tiles) for tiles in self._tiles) * TILE * TILE

    def __contains__(self, key: TileKey) -> bool:
        """Whether there is a tile at level 0."""
        return key in self._tiles[0]

    def painted(self) -> dict[TileKey, Tile]:
        """Return copies of all tiles of level 0."""
        return {key: tile.copy() for key, tile in self._tiles[0].items()}

    def copy_of(self, key: TileKey) -> Tile | None:
        """Return a copy of a tile of level 0, None when nobody painted there."""
        tile = self._tiles[0].get(key)
        return None if tile is None else tile.copy()

    def write(self, key: TileKey, runs: NDArray[np.uint16], class_id: int, version: int) -> Rect | None:
        """Give runs of a tile a class; return what has changed."""
        tile = self._tiles[0].get(key)
        if tile is None:
            if not class_id:
                return None
            tile = self._tiles[0][key] = np.zeros((TILE, TILE), np.uint8)
        return self._changed(key, write_runs(tile, runs, np.uint8(class_id), self.areas), version)

    def replace(self, key: TileKey, new: Tile, version: int) -> Rect | None:
        """Give a tile other content; return what has changed."""
        tile = self._tiles[0].setdefault(key, np.zeros((TILE, TILE), np.uint8))
        return self._changed(key, _copy_changes(new, tile, self.areas), version)

    def version(self, level: int, y: int, x: int) -> int:
        """Return the version of the last change in a tile or in its neighbours, which give its halo."""
        self._refresh()
        near = ((y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
        return max(self._versions[level].get(key, 0) for key in near)

    def changed_since(self, version: int) -> list[Rect]:
        """Return the tiles of level 0 that have changed after a version, as rectangles in order."""
        height, width = self.shape
        return [
            (y * TILE, x * TILE, min((y + 1) * TILE, height), min((x + 1) * TILE, width))
            for (y, x), last in sorted(self._versions[0].items())
            if last > version
        ]

    def cut(self, level: int, y: int, x: int, *, halo: int = 1) -> Tile | None:
        """Return a tile with `halo` pixels more on every side; None when all of it is 0.

        What lies outside the image repeats its edge.
        """
        self._refresh()
        height, width = level_shape(self.shape, level)
        tiles = self._tiles[level]
        if not any((y + dy, x + dx) in tiles for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
            return None
        y0, x0 = y * TILE - halo, x * TILE - halo
        y1, x1 = min((y + 1) * TILE, height) + halo, min((x + 1) * TILE, width) + halo
        block = self._read(tiles, y0, x0, y1, x1)
        if not block.any():
            return None
        inner = block[max(-y0, 0) : min(y1, height) - y0, max(-x0, 0) : min(x1, width) - x0]
        if inner.shape == block.shape:
            return block
        outside = ((max(-y0, 0), max(y1 - height, 0)), (max(-x0, 0), max(x1 - width, 0)))
        return np.pad(inner, outside, mode="edge")

    def window(self, y0: int, x0: int, y1: int, x1: int) -> Tile:
        """Return a part of the plane at full resolution, as a new array."""
        return self._read(self._tiles[0], y0, x0, y1, x1)

    def _read(self, tiles: dict[TileKey, Tile], y0: int, x0: int, y1: int, x1: int) -> Tile:
        block = np.zeros((y1 - y0, x1 - x0), np.uint8)
        for y in range(y0 // TILE, (y1 - 1) // TILE + 1):
            for x in range(x0 // TILE, (x1 - 1) // TILE + 1):
                tile = tiles.get((y, x))
                if tile is None:
                    continue
                top, left = max(y * TILE, y0), max(x * TILE, x0)
                bottom, right = min((y + 1) * TILE, y1), min((x + 1) * TILE, x1)
                part = tile[top - y * TILE : bottom - y * TILE, left - x * TILE : right - x * TILE]
                block[top - y0 : bottom - y0, left - x0 : right - x0] = part
        return block

    def _changed(self, key: TileKey, local: Rect, version: int) -> Rect | None:
        """Note a change in a tile; its coarser copies are made when somebody looks."""
        y0, x0, y1, x1 = local
        if y1 <= y0:
            return None
        self._versions[0][key] = version
        self._stale[key] = join_rects(self._stale.get(key), local)
        y, x = key[0] * TILE, key[1] * TILE
        return y + y0, x + x0, y + y1, x + x1

    def _refresh(self) -> None:
        """Make the coarser copies of what has changed."""
        stale, self._stale = self._stale, {}
        for level in range(1, len(self._tiles)):
            above: dict[TileKey, Rect] = {}
            for key, (y0, x0, y1, x1) in stale.items():
                up = (key[0] // 2, key[1] // 2)
                coarse = self._tiles[level].get(up)
                if coarse is None:
                    coarse = self._tiles[level][up] = np.zeros((TILE, TILE), np.uint8)
                y, x = key[0] % 2 * (TILE // 2), key[1] % 2 * (TILE // 2)
                rect = (y + y0 // 2, x + x0 // 2, y + (y1 + 1) // 2, x + (x1 + 1) // 2)
                _halve(self._tiles[level - 1][key], coarse, y, x, *rect)
                above[up] = join_rects(above.get(up), rect)
                newest = self._versions[level]
                newest[up] = max(newest.get(up, 0), self._versions[level - 1][key])
            stale = above


def join_rects(one: Rect | None, other: Rect) -> Rect:
    """Return the rectangle around two rectangles."""
    if one is None:
        return other
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


@njit(nogil=True, cache=True)
def write_runs(tile: Any, runs: Any, class_id: Any, areas: Any) -> Any:
    """Write a class into a tile, keep the areas, return the rectangle that has changed (y1 = 0: nothing)."""
    y0, x0, y1, x1 = TILE, TILE, 0, 0
    for i in range(len(runs)):
        y: Any = np.int64(runs[i, 0])
        for x in range(np.int64(runs[i, 1]), np.int64(runs[i, 2]) + 1):
            old = tile[y, x]
            if old != class_id:
                tile[y, x] = class_id
                areas[old] -= 1
                areas[class_id] += 1
                y0, x0, y1, x1 = min(y0, y), min(x0, x), max(y1, y + 1), max(x1, x + 1)
    return y0, x0, y1, x1


@njit(nogil=True, cache=True)
def _copy_changes(new: Any, tile: Any, areas: Any) -> Any:
    """Copy a tile over another, keep the areas, return the rectangle that has changed (y1 = 0: nothing)."""
    y0, x0, y1, x1 = TILE, TILE, 0, 0
    for y in range(TILE):
        for x in range(TILE):
            if tile[y, x] != new[y, x]:
                areas[tile[y, x]] -= 1
                areas[new[y, x]] += 1
                tile[y, x] = new[y, x]
                y0, x0, y1, x1 = min(y0, y), min(x0, x), max(y1, y + 1), max(x1, x + 1)
    return y0, x0, y1, x1


@njit(nogil=True, cache=True)
def _halve(fine: Any, coarse: Any, oy: int, ox: int, y0: int, x0: int, y1: int, x1: int) -> None:
    """Make the rectangle of a coarse tile from a fine one whose corner is at (oy, ox) in it."""
    for y in range(y0, y1):
        for x in range(x0, x1):
            fy, fx = 2 * (y - oy), 2 * (x - ox)
            four = (fine[fy, fx], fine[fy, fx + 1], fine[fy + 1, fx], fine[fy + 1, fx + 1])
            best, most = np.uint8(0), 0
            for one in four:
                n = 0
                for other in four:
                    if other == one:
                        n += 1
                if one != 0 and (n > most or (n == most and one > best)):
                    best, most = one, n
            coarse[y, x] = best
