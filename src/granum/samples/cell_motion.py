"""Where simulated cells are at each time: slow, persistent walks on a torus larger than the frame.

Cells leave the frame at one side and others come in, so that their density stays; they push each other off where their
nuclei would overlap, and lightly where their bodies do.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from granum.samples.cell_cast import CellCast
from granum.samples.cell_lineage import CellLineage

__all__ = ["walk_cells"]

_TURN_PER_H = 0.7  # rad of the random turning of a heading in an hour
_DEAD_JITTER = 0.008  # over the diameter of a nucleus, from frame to frame
_PUSHES = 4


def walk_cells(
    cast: CellCast,
    lineage: CellLineage,
    starts: NDArray[np.float64],
    *,
    times_h: NDArray[np.float64],
    shape: tuple[int, int],
    margin: float,
    speed_px_h: float,
    nucleus_diameter: float,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return the (y, x) of all cells at all times, NaN where a cell is not there.

    Parameters
    ----------
    cast, lineage : CellCast, CellLineage
        The cells, and when they are there.
    starts : (M, 2) ndarray of float64
        Where those of the start are.
    times_h : (T,) ndarray of float64
        Rising, from 0.
    shape, margin : (int, int), float
        Frame in px, and how far the world reaches beyond it.
    speed_px_h : float
        Median speed of a living cell.
    nucleus_diameter : float
        In px.
    seed : int
        Seed.

    Returns
    -------
    centres : (T, N, 2) ndarray of float64
    """
    rng = np.random.default_rng(seed)
    n = len(lineage.parent)
    world = np.array(shape) + 2 * margin
    reach = (cast.nucleus_radius[:, 0] * np.sqrt(cast.aspect.max(axis=1))) * np.where(cast.n_nuclei == 2, 1.9, 1.0)
    position = np.full((n, 2), np.nan)
    position[: len(starts)] = starts
    heading, pace = rng.uniform(0, 2 * math.pi, n), speed_px_h * np.exp(0.4 * rng.normal(size=n).clip(-2, 2))
    centres = np.full((len(times_h), n, 2), np.nan)
    born = len(starts)
    before = 0.0
    for number, time in enumerate(times_h):
        while born < n and lineage.born_h[born] <= time:
            _place_daughters(position, born, lineage, reach, rng)
            born += 2
        there = (lineage.born_h <= time) & (lineage.end_h > time)
        rows = np.flatnonzero(there)
        if number:
            passed = time - before
            alive = lineage.death_h[rows] > time
            steps = max(1, math.ceil(passed))
            for _ in range(steps):
                heading[rows] += _TURN_PER_H * math.sqrt(passed / steps) * rng.normal(size=len(rows))
                way = pace[rows] * passed / steps * alive
                position[rows] += np.column_stack([way * np.sin(heading[rows]), way * np.cos(heading[rows])])
            position[rows] += _DEAD_JITTER * nucleus_diameter * rng.normal(size=(len(rows), 2))
        for _ in range(_PUSHES):
            _push_apart(position, rows, reach, cast.shapes.radius, world, margin)
        wrapped = (position[rows] + margin) % world - margin
        position[rows] = wrapped
        centres[number, rows] = wrapped
        before = float(time)
    return centres


def _place_daughters(
    position: NDArray[np.float64],
    first: int,
    lineage: CellLineage,
    reach: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Put two daughters beside each other where their mother was."""
    mother = lineage.parent[first]
    turn = rng.uniform(0, 2 * math.pi)
    apart = 0.6 * (reach[first] + reach[first + 1]) * np.array([math.sin(turn), math.cos(turn)])
    position[first], position[first + 1] = position[mother] + apart, position[mother] - apart


def _push_apart(
    position: NDArray[np.float64], rows: NDArray[np.intp], reach: NDArray[np.float64], size: NDArray[np.float64],
    world: NDArray[np.float64], margin: float,
) -> None:  # fmt: skip
    """Move cells apart whose nuclei overlap, and a little those whose bodies do, in place."""
    if len(rows) < 2:
        return
    points = (position[rows] + margin) % world
    farthest = max(2 * float(reach[rows].max()), 0.8 * float(size[rows].max()))
    pairs = cKDTree(points, boxsize=world).query_pairs(min(farthest, float(world.min()) / 2 - 1), output_type="ndarray")
    if len(pairs) == 0:
        return
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    one, two = pairs.T
    between = points[two] - points[one]
    between -= world * np.round(between / world)
    distance = np.hypot(*between.T)
    hard = reach[rows[one]] + reach[rows[two]] - distance
    soft = 0.4 * (size[rows[one]] + size[rows[two]]) - distance
    push = np.maximum(0.5 * np.maximum(hard, 0), 0.012 * np.maximum(soft, 0))
    way = between / np.maximum(distance, 1e-6)[:, None] * push[:, None]
    np.add.at(position, rows[two], way)
    np.add.at(position, rows[one], -way)
