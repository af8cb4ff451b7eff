"""A layer of spread cells that covers exactly the share of the dish that was asked for.

Cells are laid one by one; the first so many are taken that cover a little less than the share, and then all edges move
out by the same fraction of a pixel (or, in a dish that is nearly full, by as much as it takes) until they cover it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.samples.cell_shapes import CellShapes, cell_capsules, draw_cell_shapes, draw_cells
from granum.samples.noise import draw_repeating_texture, draw_texture

__all__ = ["CellLayer", "SpreadCells", "draw_spread_cells", "lay_cells"]

_Layer = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]  # cells, depth, apart
_LAYERS = 2.2  # cells laid over each pixel at most, before edges move


@dataclass(frozen=True, eq=False)
class SpreadCells:
    """Cells of a dish in the order in which it fills.

    Parameters
    ----------
    shapes : CellShapes
        What they look like.
    centres, drift : (N, 2) ndarray of float64
        (y, x) in px at the start, and px that they move in an hour.
    rounded : (N,) ndarray of float64
        0 spread, 1 a sphere.
    texture : (N, 2) ndarray of int64
        Where each reads its textures.
    """

    shapes: CellShapes
    centres: NDArray[np.float64]
    drift: NDArray[np.float64]
    rounded: NDArray[np.float64]
    texture: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CellLayer:
    """Cells as they lie.

    Parameters
    ----------
    cells : (Y, X) ndarray of int32
        Number of the topmost cell, 0 = empty.
    depth : (Y, X) ndarray of float32
        Distance in px from the edge of the layer; 0 = empty.
    apart : (Y, X) ndarray of float32
        Distance from the edge of the cell, also where it meets another one.
    n_cells : int
        How many were laid.
    """

    cells: NDArray[np.int32]
    depth: NDArray[np.float32]
    apart: NDArray[np.float32]
    n_cells: int


def draw_spread_cells(
    shape: tuple[int, int], *, radius: float, spindle: float, rounded_share: float, drift_px_h: float, seed: int = 0
) -> SpreadCells:
    """Draw enough cells to fill a dish, aligned with their neighbours.

    Parameters
    ----------
    shape : (int, int)
        Frame in px.
    radius : float
        Median size in px.
    spindle : float
        Share of long cells, 0 to 1.
    rounded_share : float
        Share of rounded cells.
    drift_px_h : float
        How fast cells move.
    seed : int
        Seed.
    """
    seeds = [int(one) for one in np.random.SeedSequence(seed).generate_state(3)]
    rng = np.random.default_rng(seeds[0])
    margin = 2.5 * radius
    world = np.array(shape) + 2 * margin
    n = max(int(_LAYERS * world.prod() / (1.9 * radius**2)), 4)
    rest = 1 - spindle
    shapes = draw_cell_shapes(
        n, radius=radius, kinds=(spindle, 0.6 * rest, 0.4 * rest), slender=1.6, veils=0.2, seed=seeds[1]
    )
    centres = rng.uniform(0, world, (n, 2)) - margin
    # spindles lie along their neighbours, in swirls some cells wide
    step = max(int(radius / 4), 1)
    field = draw_texture((int(world[0]) // step + 2, int(world[1]) // step + 2), scale=5 * radius / step, seed=seeds[2])
    at = ((centres + margin) / step).astype(int)
    aligned = math.pi / 2 * field[at[:, 0], at[:, 1]] + rng.normal(0, 0.22, n)
    arms = shapes.arms.copy()
    arms[:, :, 0] += (aligned - shapes.turn)[:, None]
    drift = drift_px_h * rng.normal(size=(n, 2)) / math.sqrt(2)
    rounded = (rng.random(n) < rounded_share).astype(np.float64)
    size = shapes.radius * np.where(rounded > 0, 0.7, 1.0)
    return SpreadCells(
        replace(shapes, radius=size, turn=aligned, arms=arms), centres, drift, rounded, rng.integers(0, 512, (n, 2))
    )


def lay_cells(
    spread: SpreadCells,
    *,
    shape: tuple[int, int],
    confluency: float,
    time_h: float = 0.0,
    room: NDArray[np.float32] | None = None,
    ruffle_seed: int = 0,
) -> CellLayer:
    """Lay cells until they cover a share of the frame, exactly to the pixel.

    Parameters
    ----------
    spread : SpreadCells
        The cells.
    shape : (int, int)
        Frame in px.
    confluency : float
        Share of the frame that is covered, 0 to 1; of the room, where one is given.
    time_h : float
        Cells have drifted so long.
    room : (Y, X) ndarray of float32, optional
        Distance in px from the edge of where cells may be; 0 or below where they may not.
    ruffle_seed : int
        Seed of the texture of the edges.
    """
    centres = spread.centres + time_h * spread.drift
    rows = np.arange(len(centres))
    radius = float(np.median(spread.shapes.radius))
    free = shape[0] * shape[1] if room is None else int(np.count_nonzero(room > 0))
    target = round(confluency * free)
    rows = rows[: _enough(spread, centres, confluency, shape)]
    layer, first = _lay(spread, rows, centres, shape, time_h, radius, ruffle_seed)
    if room is not None:
        first[room <= 0] = 0
    covered = np.bincount(first.ravel(), minlength=len(rows) + 1)[1:].cumsum()
    n = int(np.searchsorted(covered, target, side="right"))
    if n < len(rows):
        layer, _ = _lay(spread, rows[:n], centres, shape, time_h, radius, ruffle_seed)
    cells, depth, apart = _cut(layer, room)
    missing = target - int(np.count_nonzero(cells))
    if missing > 0:
        way, moved = _move_edges(cells, depth, apart, missing, room)
        if way > 0.1 * radius and n < len(rows):  # edges would move far, so one more cell and edges that move in
            n += 1
            layer, _ = _lay(spread, rows[:n], centres, shape, time_h, radius, ruffle_seed)
            moved = _draw_in(*_cut(layer, room), target)
        cells, depth, apart = moved
    return CellLayer(cells, depth, apart, n)


def _cut(layer: _Layer, room: NDArray[np.float32] | None) -> _Layer:
    """Return a layer without what lies where no cell may be."""
    if room is None:
        return layer
    cells, depth, apart = layer
    inside = room > 0
    return (
        np.where(inside, cells, 0).astype(np.int32), np.where(inside, np.minimum(depth, room), 0),
        np.where(inside, np.minimum(apart, room), 0),
    )  # fmt: skip


def _draw_in(cells: NDArray[np.int32], depth: NDArray[np.float32], apart: NDArray[np.float32], target: int) -> _Layer:
    """Return a layer of which the `target` pixels are left that lie farthest from an edge."""
    order = np.flatnonzero(cells)
    order = order[np.argsort(-depth.ravel()[order], kind="stable")]
    way = depth.ravel()[order[min(target, len(order) - 1)]]
    kept = np.zeros(cells.shape, np.bool_)
    kept.ravel()[order[:target]] = True
    tiny = np.float32(0.01)
    return (
        np.where(kept, cells, 0).astype(np.int32), np.where(kept, np.maximum(depth - way, tiny), 0),
        np.where(kept, np.maximum(np.minimum(apart, depth - way), tiny), 0),
    )  # fmt: skip


def _enough(spread: SpreadCells, centres: NDArray[np.float64], confluency: float, shape: tuple[int, int]) -> int:
    """Return how many cells surely cover the share: twice what random discs would need, and a dozen in the frame."""
    if confluency == 0:
        return 0
    layers = min(2 * -math.log(max(1 - confluency, 0.02)) + 0.15, _LAYERS)
    inside = np.cumsum(((centres >= 0) & (centres < shape)).all(axis=1))
    dozen = int(np.searchsorted(inside, 12)) + 1
    return min(max(math.ceil(layers / _LAYERS * len(centres)), dozen), len(centres))


def _lay(
    spread: SpreadCells, rows: NDArray[np.intp], centres: NDArray[np.float64], shape: tuple[int, int], time_h: float,
    radius: float, seed: int,
) -> tuple[_Layer, NDArray[np.int32]]:  # fmt: skip
    """Return numbers, depth and distance from the next cell, and the first cell that covers each pixel."""
    cells, first = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    depth, second, thick = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    rounded = spread.rounded[rows]
    capsules, veils = cell_capsules(spread.shapes, rows, centres[rows], rounded, time_h)
    ruffle = draw_repeating_texture(max(0.08 * radius, 0.6), max(0.3 * radius, 2.0), seed)
    shifts = spread.texture[rows] - np.floor(centres[rows]).astype(np.int64)
    smooth, rough = 0.35 * radius * (1 - 0.6 * rounded), 0.05 * radius * (1 - 0.8 * rounded)
    draw_cells(capsules, veils, smooth, rough, shifts, ruffle, cells, depth, second, thick, first)
    return (cells, depth, depth - second), first


def _move_edges(
    cells: NDArray[np.int32], depth: NDArray[np.float32], apart: NDArray[np.float32], missing: int,
    room: NDArray[np.float32] | None,
) -> tuple[float, _Layer]:  # fmt: skip
    """Give the `missing` empty pixels that are nearest to a cell to it; return how far edges moved, and the layer."""
    empty = cells == 0
    if empty.all():
        return math.inf, (cells, depth, apart)
    distance, nearest = cv2.distanceTransformWithLabels(
        empty.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    may = empty if room is None else empty & (room > 0)
    order = np.flatnonzero(may)
    order = order[np.argsort(distance.ravel()[order], kind="stable")][:missing]
    number = np.zeros(int(nearest.max()) + 1, np.int32)
    number[nearest[~empty]] = cells[~empty]
    way = np.float32(distance.ravel()[order].max())
    grown = np.zeros(cells.shape, np.bool_)
    grown.ravel()[order] = True
    cells = np.where(grown, number[nearest], cells)
    depth = np.where(empty, np.where(grown, way - distance + np.float32(0.5), 0), depth + way)
    apart = np.where(empty, depth, apart + np.minimum(way, 1))
    return float(way), (cells, depth.astype(np.float32), apart.astype(np.float32))
