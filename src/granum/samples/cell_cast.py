"""Who is in a simulated dish: what stays the same about each cell, and what it is at one time.

`CellCast` holds shapes, nuclei and brightness of all cells of a series; `CellMoment` says which of them are there at a
time, where, how round and how dead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.samples.cell_shapes import ROUND_RADIUS, CellShapes, draw_cell_shapes

__all__ = ["CELL_OVER_NUCLEUS", "CellCast", "CellMoment", "draw_cell_cast", "place_cells"]

CELL_OVER_NUCLEUS = 1.7  # size of a cell over the diameter of its nucleus
_NUCLEUS_LOG_SD = 0.12


@dataclass(frozen=True, eq=False)
class CellCast:
    """All cells of a series, one row per cell; (N, 2) where a cell may have a second nucleus.

    Parameters
    ----------
    shapes : CellShapes
        Their outlines.
    n_nuclei : (N,) ndarray of int64
        1 or 2.
    nucleus_radius, aspect : (N, 2) ndarray of float64
        Radius in px of the disc of the same area, and long over short axis.
    nucleus_turn : (N, 2) ndarray of float64
        Angle in rad.
    outlines : (N, 2, 4) ndarray of float64
        Amplitude and phase of the harmonics 2 and 3 of the outline.
    live_light, dead_light, patchy : (N, 2) ndarray of float64
        Brightness in both stains over the usual one, and how patchy the chromatin is.
    swelling : (N,) ndarray of float64
        Diameter of the dead nucleus over the living one.
    grainy : (N,) ndarray of float64
        Strength of the granules.
    texture : (N, 2) ndarray of int64
        Where the cell reads its textures.
    seeds : (N,) ndarray of int64
        For what is drawn cell by cell.
    """

    shapes: CellShapes
    n_nuclei: NDArray[np.int64]
    nucleus_radius: NDArray[np.float64]
    aspect: NDArray[np.float64]
    nucleus_turn: NDArray[np.float64]
    outlines: NDArray[np.float64]
    live_light: NDArray[np.float64]
    dead_light: NDArray[np.float64]
    patchy: NDArray[np.float64]
    swelling: NDArray[np.float64]
    grainy: NDArray[np.float64]
    texture: NDArray[np.int64]
    seeds: NDArray[np.int64]

    def joined(self, others: CellCast) -> CellCast:
        """Return these cells and others behind them."""
        own, more = vars(self), vars(others)
        shapes = CellShapes(**_joined(vars(self.shapes), vars(others.shapes)))
        rest = [name for name in own if name != "shapes"]
        return CellCast(shapes, **_joined({name: own[name] for name in rest}, more))


def _joined(own: dict[str, NDArray[Any]], more: dict[str, Any]) -> dict[str, Any]:
    return {name: np.concatenate([array, more[name]]) for name, array in own.items()}


@dataclass(frozen=True, eq=False)
class CellMoment:
    """The cells that are there at one time.

    Parameters
    ----------
    time_h : float
        Since the start.
    cells : (N,) ndarray of intp
        Rows of the cast.
    centres : (N, 2) ndarray of float64
        (y, x) in px; may lie outside the frame.
    dying : (N,) ndarray of float64
        How far the dead stain has replaced the live one, 0 to 1; at 0.5 the cell counts as dead.
    is_dead : (N,) ndarray of bool
        Whether its time of death has come.
    rounding : (N,) ndarray of float64
        How round the cell is because it divides or has just divided, 0 to 1.
    growth : (N,) ndarray of float64
        Diameter of the nucleus over the grown one (daughters are smaller).
    tracks : (N, 2) ndarray of int64
        Number of the track of each nucleus.
    stage : (2,) ndarray of float64
        How far the stage is off (y, x); everything moves with it.
    """

    time_h: float
    cells: NDArray[np.intp]
    centres: NDArray[np.float64]
    dying: NDArray[np.float64]
    is_dead: NDArray[np.bool_]
    rounding: NDArray[np.float64]
    growth: NDArray[np.float64]
    tracks: NDArray[np.int64]
    stage: NDArray[np.float64]


def draw_cell_cast(count: int, *, nucleus_diameter: float, binucleate: float, seed: int = 0) -> CellCast:
    """Draw cells.

    Parameters
    ----------
    count : int
        How many.
    nucleus_diameter : float
        Median diameter of a living nucleus in px.
    binucleate : float
        Share of cells with two nuclei.
    seed : int
        Seed.
    """
    seeds = [int(one) for one in np.random.SeedSequence(seed).generate_state(3)]
    rng = np.random.default_rng(seeds[0])
    shapes = draw_cell_shapes(count, radius=CELL_OVER_NUCLEUS * nucleus_diameter, seed=seeds[1])
    pairs = (count, 2)
    n_nuclei = 1 + (rng.random(count) < binucleate).astype(np.int64)
    own = np.exp(_NUCLEUS_LOG_SD * rng.normal(size=(count, 1)).clip(-2.5, 2.5) + 0.05 * rng.normal(size=pairs))
    radius = nucleus_diameter / 2 * own * np.where(n_nuclei == 2, 0.9, 1.0)[:, None]
    aspect = rng.uniform(1.0, 1.45, pairs)
    swelling = rng.choice([0.85, 1.1, 1.35], count, p=[0.25, 0.4, 0.35]) * rng.uniform(0.92, 1.08, count)
    swelling[n_nuclei == 2] = np.minimum(swelling[n_nuclei == 2], 1.0)
    # a cell is large enough for its nuclei, spread and rounded
    reach = radius.max(axis=1) * np.maximum(swelling, 1) * np.where(n_nuclei == 2, 2.1, 1.1)
    need = np.maximum(1.12 * reach / ROUND_RADIUS, 2.3 * (radius * np.sqrt(aspect)).max(axis=1))
    shapes = replace(shapes, radius=np.maximum(shapes.radius, need))
    outlines = np.zeros((count, 2, 4))
    outlines[..., 0] = 0.05 * np.abs(rng.normal(size=pairs)).clip(0, 2)
    outlines[..., 2] = 0.03 * np.abs(rng.normal(size=pairs)).clip(0, 2)
    outlines[..., 1::2] = rng.uniform(0, 2 * math.pi, (count, 2, 2))
    return CellCast(
        shapes, n_nuclei, radius,
        aspect=aspect,
        nucleus_turn=shapes.turn[:, None] + rng.normal(0, 0.5, pairs),
        outlines=outlines,
        live_light=np.exp(0.28 * rng.normal(size=pairs).clip(-2, 2)),
        dead_light=np.exp(0.35 * rng.normal(size=pairs).clip(-2, 2)),
        patchy=rng.uniform(0.12, 0.35, pairs),
        swelling=swelling,
        grainy=np.exp(0.35 * rng.normal(size=count).clip(-2, 2)),
        texture=rng.integers(0, 512, pairs),
        seeds=rng.integers(0, 2**31, count),
    )  # fmt: skip


def place_cells(
    cast: CellCast, *, shape: tuple[int, int], margin: float, n_inside: int, touching: float, seed: int = 0
) -> NDArray[np.float64]:
    """Place cells in and around a frame, some of them with their nuclei against those of an earlier one.

    Parameters
    ----------
    cast : CellCast
        The cells.
    shape : (int, int)
        Height and width of the frame in px.
    margin : float
        How far beyond the frame they lie, in px.
    n_inside : int
        The first so many have their centre in the frame, the others outside of it.
    touching : float
        Share of cells that touch an earlier one with their nuclei.
    seed : int
        Seed.

    Returns
    -------
    centres : (N, 2) ndarray of float64
        (y, x); where the frame is full, cells lie closer than they would like.
    """
    rng = np.random.default_rng(seed)
    n = len(cast.n_nuclei)
    nucleus = cast.nucleus_radius[:, 0] * cast.n_nuclei
    room = 0.6 * cast.shapes.radius + 0.5 * nucleus
    attached = rng.random(n) < touching
    centres = np.zeros((n, 2))
    for k in range(n):
        inside = k < n_inside
        best, widest = None, -np.inf
        for attempt in range(24):
            beside = attached[k] and k > 0 and attempt < 16
            if beside:
                near = int(rng.integers(k))
                turn, apart = rng.uniform(0, 2 * math.pi), (nucleus[near] + nucleus[k]) * rng.uniform(1.0, 1.08)
                point = centres[near] + apart * np.array([math.sin(turn), math.cos(turn)])
            else:
                near = -1
                point = rng.uniform(-margin, np.array(shape) + margin - 1)
                if inside:
                    point = rng.uniform(-0.5, np.array(shape) - 0.5)
            if inside != bool((point >= -0.5).all() and (point <= np.array(shape) - 0.5).all()):
                continue
            gaps = np.hypot(*(centres[:k] - point).T) - (nucleus[:k] + nucleus[k] if beside else room[:k] + room[k])
            if beside:
                gaps[near] = 0
            gap = float(gaps.min()) if k else 0.0
            if gap > widest:
                best, widest = point, gap
            if gap >= 0:
                break
        centres[k] = best if best is not None else rng.uniform(-0.5, np.array(shape) - 0.5)
    return centres
