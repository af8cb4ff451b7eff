"""Shapes of simulated cells: a body and arms that flow into each other, and a thin veil beside them.

A cell is a union of tapered capsules with rounded corners (smooth minimum of their distances), roughened at the edge.
Cells that die or divide draw their arms in and become discs. Where two cells overlap, a pixel belongs to the one that
reaches deeper there, so that neighbours share a border as pressed cells do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "N_ARMS",
    "ROUND_RADIUS",
    "CellShapes",
    "cell_capsules",
    "draw_cell_shapes",
    "draw_cells",
    "keep_largest_parts",
]

N_ARMS = 5
ROUND_RADIUS = 0.54
"""Radius of a rounded cell over the size of the spread one."""


@dataclass(frozen=True, eq=False)
class CellShapes:
    """What a cell looks like in all its frames, one row per cell.

    Parameters
    ----------
    radius : (N,) ndarray of float64
        Size in px.
    turn, stretch, width : (N,) ndarray of float64
        Direction of the long axis in rad, half its straight part over `radius`, and half the width of the body over it.
    arms : (N, 5, 4) ndarray of float64
        Angle in rad, length, width at the root and at the tip, both over `radius`; length 0 where there is no arm.
    veil : (N, 3) ndarray of float64
        Angle, distance and radius of the thin veil, over `radius`; radius 0 where there is none.
    phase, roundness : (N,) ndarray of float64
        Where the cell is in its slow unrest, and how far it rounds up when it dies, 0 to 1.
    """

    radius: NDArray[np.float64]
    turn: NDArray[np.float64]
    stretch: NDArray[np.float64]
    width: NDArray[np.float64]
    arms: NDArray[np.float64]
    veil: NDArray[np.float64]
    phase: NDArray[np.float64]
    roundness: NDArray[np.float64]


def draw_cell_shapes(
    count: int,
    *,
    radius: float,
    kinds: tuple[float, float, float] = (0.4, 0.4, 0.2),
    slender: float = 1.0,
    veils: float = 0.35,
    seed: int = 0,
) -> CellShapes:
    """Draw shapes of spread, macrophage-like cells: long, branched and compact ones.

    Parameters
    ----------
    count : int
        How many.
    radius : float
        Median size in px.
    kinds : (float, float, float)
        Shares of long, branched and compact cells; their sum is 1.
    slender : float
        How much longer and thinner the long ones are than those of macrophages.
    veils : float
        Share of cells with a veil.
    seed : int
        Seed.
    """
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, count, p=kinds)
    arms = np.zeros((count, N_ARMS, 4))
    turn = rng.uniform(0, 2 * math.pi, count)
    n_arms = np.select([kind == 0, kind == 1], [rng.integers(1, 3, count), rng.integers(2, 6, count)], 1)
    if slender > 1:  # spindles end in a point at both sides
        n_arms[kind == 0] = 2
    spread = np.where(kind == 2, 0.3, 1.0)[:, None]
    for arm in range(N_ARMS):
        # the arms of a long cell leave at its ends, those of a branched one all around
        ends = turn + math.pi * (arm % 2) + rng.normal(0, 0.3, count)
        around = turn + 2 * math.pi * arm / np.maximum(n_arms, 1) + rng.normal(0, 0.35, count)
        arms[:, arm, 0] = np.where(kind == 0, ends, around)
    arms[:, :, 1] = rng.uniform(0.7, 1.9, (count, N_ARMS)) * spread * (np.arange(N_ARMS) < n_arms[:, None])
    arms[:, :, 2] = rng.uniform(0.22, 0.4, (count, N_ARMS))
    arms[:, :, 3] = rng.uniform(0.06, 0.2, (count, N_ARMS)) * np.where(kind == 0, 1 / slender**2, 1)[:, None]
    veil = np.column_stack(
        [rng.uniform(0, 2 * math.pi, count), rng.uniform(0.5, 1.0, count), rng.uniform(0.6, 1.0, count)]
    )
    veil[rng.random(count) >= veils, 2] = 0
    return CellShapes(
        radius * np.exp(0.2 * rng.normal(size=count).clip(-2, 2)),
        turn,
        np.select([kind == 0, kind == 1], [rng.uniform(0.5, 1.0, count), rng.uniform(0.1, 0.4, count)], 0.1),
        np.where(kind == 0, 0.5 / slender, 0.5),
        arms,
        veil,
        rng.uniform(0, 2 * math.pi, count),
        rng.choice([1.0, 0.85, 0.45], count, p=[0.6, 0.25, 0.15]),
    )


def cell_capsules(
    shapes: CellShapes,
    rows: NDArray[np.intp],
    centres: NDArray[np.float64],
    rounded: NDArray[np.float64],
    time_h: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the parts of cells at a time.

    Parameters
    ----------
    shapes : CellShapes
        Of all cells.
    rows : (N,) ndarray of intp
        Which of them.
    centres : (N, 2) ndarray of float64
        (y, x) in px.
    rounded : (N,) ndarray of float64
        0 spread, 1 a disc.
    time_h : float
        Arms stretch and swing slowly, with a period of some hours.

    Returns
    -------
    capsules : (N, 6, 6) ndarray of float64
        Rows (y, x, radius) of both ends; both radii 0 where there is no arm.
    veils : (N, 3) ndarray of float64
        (y, x, radius).
    """
    n = len(rows)
    radius, turn = shapes.radius[rows], shapes.turn[rows]
    spread = 1 - rounded
    phase = shapes.phase[rows]
    swing = spread * np.sin(0.7 * time_h + phase)
    body = radius * (shapes.width[rows] * spread + ROUND_RADIUS * rounded)
    half = radius * shapes.stretch[rows] * spread * (1 + 0.1 * swing)
    capsules = np.zeros((n, 1 + N_ARMS, 6))
    for end, sign in enumerate((1, -1)):
        capsules[:, 0, 3 * end] = centres[:, 0] + sign * half * np.sin(turn)
        capsules[:, 0, 3 * end + 1] = centres[:, 1] + sign * half * np.cos(turn)
        capsules[:, 0, 3 * end + 2] = body * (1 - 0.12 * end * spread)
    for arm in range(N_ARMS):
        angle, length, root, tip = shapes.arms[rows, arm].T
        there = (length > 0) & (spread > 0.05)
        beat = np.sin(0.9 * time_h + phase + 2.4 * arm)
        angle = angle + 0.12 * beat
        # an arm begins where the body does in its direction, and what is drawn in is drawn in whole
        start = half * np.cos(angle - turn)
        reach = radius * (0.45 + length * (1 + 0.12 * beat)) * spread
        y0, x0 = centres[:, 0] + start * np.sin(turn), centres[:, 1] + start * np.cos(turn)
        part = np.column_stack(
            [
                y0,
                x0,
                radius * np.minimum(root, 0.9 * shapes.width[rows]),
                y0 + reach * np.sin(angle),
                x0 + reach * np.cos(angle),
                radius * tip,
            ]
        )
        part[:, [2, 5]] *= spread[:, None]
        capsules[:, 1 + arm] = np.where(there[:, None], part, 0)
    angle, distance, size = shapes.veil[rows].T
    veils = np.column_stack(
        [
            centres[:, 0] + radius * distance * spread * np.sin(angle),
            centres[:, 1] + radius * distance * spread * np.cos(angle),
            np.where(spread > 0.3, radius * size * spread, 0),
        ]
    )
    return capsules, veils


@njit(cache=True, nogil=True)
def draw_cells(
    capsules: NDArray[np.float64],
    veils: NDArray[np.float64],
    smoothness: NDArray[np.float64],
    roughness: NDArray[np.float64],
    shifts: NDArray[np.int64],
    ruffle: NDArray[np.float32],
    labels: NDArray[np.int32],
    depth: NDArray[np.float32],
    second: NDArray[np.float32],
    thick: NDArray[np.float32],
    first: NDArray[np.int32],
) -> None:
    """Draw cells in place: number of the cell, depth below its edge in px, and share of its full thickness.

    `second` gets the depth of the cell that comes next in a pixel, so that the difference is 0 on the border of two
    cells; `first` the smallest number of a cell that covers a pixel. `ruffle` is a texture of mean 0 and deviation 1
    that repeats; `shifts` says where each cell reads it, so that the edge moves with the cell. `depth` must hold zeros;
    its largest value wins a pixel.
    """
    height, width = labels.shape
    tall, wide = ruffle.shape
    for k in range(capsules.shape[0]):
        k_smooth = max(smoothness[k], 1e-3)
        top, bottom, left, right = 1e9, -1e9, 1e9, -1e9
        for c in range(capsules.shape[1]):
            for end in range(2):
                r = capsules[k, c, 3 * end + 2] + k_smooth
                if capsules[k, c, 2] <= 0 and capsules[k, c, 5] <= 0:
                    continue
                y, x = capsules[k, c, 3 * end], capsules[k, c, 3 * end + 1]
                top, bottom = min(top, y - r), max(bottom, y + r)
                left, right = min(left, x - r), max(right, x + r)
        if veils[k, 2] > 0:
            top, bottom = min(top, veils[k, 0] - veils[k, 2]), max(bottom, veils[k, 0] + veils[k, 2])
            left, right = min(left, veils[k, 1] - veils[k, 2]), max(right, veils[k, 1] + veils[k, 2])
        more = 3 * roughness[k]
        for i in range(max(int(top - more), 0), min(int(bottom + more) + 2, height)):
            for j in range(max(int(left - more), 0), min(int(right + more) + 2, width)):
                d = 1e9
                for c in range(capsules.shape[1]):
                    r0, r1 = capsules[k, c, 2], capsules[k, c, 5]
                    if r0 <= 0 and r1 <= 0:
                        continue
                    y0, x0 = capsules[k, c, 0], capsules[k, c, 1]
                    ay, ax = capsules[k, c, 3] - y0, capsules[k, c, 4] - x0
                    along = ay * ay + ax * ax
                    s = ((i - y0) * ay + (j - x0) * ax) / along if along > 1e-9 else 0.0
                    s = min(max(s, 0.0), 1.0)
                    dy, dx = i - y0 - s * ay, j - x0 - s * ax
                    one = math.sqrt(dy * dy + dx * dx) - (r0 + s * (r1 - r0))
                    blend = max(k_smooth - abs(d - one), 0.0) / k_smooth
                    d = min(d, one) - blend * blend * k_smooth * 0.25
                a, b = (i + shifts[k, 0]) % tall, (j + shifts[k, 1]) % wide
                # some stretches of the edge are ruffled and others are taut: the same texture, five times as wide
                ruffled = max(ruffle[(i + shifts[k, 0]) // 5 % tall, (j + shifts[k, 1]) // 5 % wide], np.float32(0))
                rough = roughness[k] * (0.35 + 0.9 * ruffled) * ruffle[a, b]
                deep = rough - d
                share = 1.0
                if veils[k, 2] > 0:
                    dy, dx = i - veils[k, 0], j - veils[k, 1]
                    thin = veils[k, 2] - math.sqrt(dy * dy + dx * dx) + 2.5 * rough
                    if thin > 0 and deep < 0.35 * thin:
                        # a veil lies under what is thick, and never lets two cells part over it
                        share = 0.12 if deep <= 0 else 0.12 + 0.88 * min(deep / (0.35 * thin), 1.0)
                        deep = max(deep, 0.35 * thin)
                if deep <= 0:
                    continue
                if first[i, j] == 0:
                    first[i, j] = k + 1
                second[i, j] = np.float32(max(second[i, j], min(deep, depth[i, j])))
                if deep > depth[i, j]:
                    depth[i, j] = np.float32(deep)
                    thick[i, j] = np.float32(share)
                    labels[i, j] = k + 1


@njit(cache=True, nogil=True)
def _find_root(parents: NDArray[np.int64], at: int) -> int:
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


@njit(cache=True, nogil=True)
def keep_largest_parts(labels: NDArray[np.int32]) -> None:
    """Set to 0, in place, all of a cell but its largest part: bits behind another cell, and crumbs of a rough edge."""
    height, width = labels.shape
    parts = np.zeros((height, width), np.int64)
    parents = np.zeros(height * width // 2 + 2, np.int64)
    n = 0
    for i in range(height):
        for j in range(width):
            own = labels[i, j]
            if own == 0:
                continue
            up = parts[i - 1, j] if i > 0 and labels[i - 1, j] == own else 0
            left = parts[i, j - 1] if j > 0 and labels[i, j - 1] == own else 0
            if up == 0 and left == 0:
                n += 1
                parents[n] = n
                parts[i, j] = n
            elif up > 0 and left > 0:
                a, b = _find_root(parents, up), _find_root(parents, left)
                parents[max(a, b)] = min(a, b)
                parts[i, j] = min(a, b)
            else:
                parts[i, j] = max(up, left)
    sizes, owner = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    largest = 0
    for i in range(height):
        for j in range(width):
            if labels[i, j] > 0:
                root = _find_root(parents, parts[i, j])
                parts[i, j] = root
                sizes[root] += 1
                owner[root] = labels[i, j]
                largest = max(largest, labels[i, j])
    best = np.zeros(largest + 1, np.int64)
    for root in range(1, n + 1):
        if sizes[root] > sizes[best[owner[root]]]:
            best[owner[root]] = root
    for i in range(height):
        for j in range(width):
            if labels[i, j] > 0 and parts[i, j] != best[labels[i, j]]:
                labels[i, j] = 0
