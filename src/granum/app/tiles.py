"""Cutting a plane into tiles at any level: the one geometry that the server and the page share.

Level n is the plane halved n times, its size rounded up. A tile has 512 rows and columns, less at the right and the
bottom edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TILE", "count_levels", "cut_decimated", "halve", "level_shape", "tile_grid"]

TILE = 512


def level_shape(shape: tuple[int, int], level: int) -> tuple[int, int]:
    """Return the size of a plane halved `level` times, each time rounded up."""
    step = 1 << level
    return -(-shape[0] // step), -(-shape[1] // step)


def count_levels(shape: tuple[int, int]) -> int:
    """Return the number of levels until the plane fits into one tile; at least 1."""
    level = 0
    while max(level_shape(shape, level)) > TILE:
        level += 1
    return level + 1


def tile_grid(shape: tuple[int, int], level: int) -> tuple[int, int]:
    """Return the number of rows and columns of tiles at a level."""
    height, width = level_shape(shape, level)
    return -(-height // TILE), -(-width // TILE)


def halve(plane: NDArray[Any]) -> NDArray[Any]:
    """Return the plane at half size, rounded up, each pixel the mean of 2 x 2 (of what there is at odd edges)."""
    height, width = plane.shape
    if height % 2 or width % 2:
        plane = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    wide: Any = np.float32 if plane.dtype == np.float32 else np.float64
    if plane.dtype.kind in "iu" and plane.dtype.itemsize <= 2:
        wide = np.int32
    total: Any = plane[0::2, 0::2].astype(wide)
    total += plane[1::2, 0::2]
    total += plane[0::2, 1::2]
    total += plane[1::2, 1::2]
    mean = (total + 2) // 4 if wide is np.int32 else total / 4
    return np.ascontiguousarray(mean.astype(plane.dtype))


def cut_decimated(labels: NDArray[Any], level: int, y: int, x: int, *, halo: int = 1) -> NDArray[Any]:
    """Return one tile of a mask or of labels: every 2**level-th pixel, `halo` pixels more on every side.

    Pixels outside repeat the edge of the plane. Labels are never averaged.
    """
    step = 1 << level
    height, width = level_shape((labels.shape[0], labels.shape[1]), level)
    rows = np.clip(np.arange(y * TILE - halo, min((y + 1) * TILE, height) + halo), 0, height - 1) * step
    columns = np.clip(np.arange(x * TILE - halo, min((x + 1) * TILE, width) + halo), 0, width - 1) * step
    # a slice reads far less of a memory map than an index array does; the halo is added from the edges afterwards
    block = labels[rows[0] : rows[-1] + 1 : step, columns[0] : columns[-1] + 1 : step]
    return np.ascontiguousarray(block[(rows - rows[0]) // step][:, (columns - columns[0]) // step])
