"""Where simulated particles lie: apart, or touching an earlier one, in a frame of any size."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["place_discs"]

_TRIES = 60
_GAP = 2.0  # px between particles that do not touch


@njit(cache=True)
def _is_free(
    y: float, x: float, radius: float, closeness: float, gap: float, cell: float,
    heads: NDArray[np.int64], nexts: NDArray[np.int64], discs: NDArray[np.float64],
) -> bool:  # fmt: skip
    """Return whether a disc keeps its distance from all earlier ones, looked up in a grid of linked lists."""
    row, column = int(y / cell) + 1, int(x / cell) + 1
    for i in range(max(row - 1, 0), min(row + 2, heads.shape[0])):
        for j in range(max(column - 1, 0), min(column + 2, heads.shape[1])):
            k = heads[i, j]
            while k >= 0:
                apart = (discs[k, 2] + radius) * closeness + gap
                if (discs[k, 0] - y) ** 2 + (discs[k, 1] - x) ** 2 < apart * apart:
                    return False
                k = nexts[k]
    return True


@njit(cache=True)
def _place(
    radii: NDArray[np.float64], attached: NDArray[np.bool_], draws: NDArray[np.float64],
    height: float, width: float, overlap: float, gap: float,
) -> NDArray[np.float64]:  # fmt: skip
    """Return rows (y, x, radius), NaN for a disc that found no room in all its tries."""
    n, tries = draws.shape[0], draws.shape[1]
    cell = max(2 * radii.max() + gap, 1.0)
    heads = np.full((int(height / cell) + 3, int(width / cell) + 3), -1, np.int64)
    nexts = np.full(n, -1, np.int64)
    discs = np.full((n, 3), np.nan)
    placed = np.empty(n, np.int64)
    n_placed = 0
    for k in range(n):
        for t in range(tries):
            u, v, w = draws[k, t, 0], draws[k, t, 1], draws[k, t, 2]
            # where the frame is crowded, the last tries go the other way
            if n_placed > 0 and attached[k] == (3 * t < 2 * tries):
                near = placed[min(int(u * n_placed), n_placed - 1)]
                distance = (discs[near, 2] + radii[k]) * (1 - overlap * w)
                y = discs[near, 0] + distance * np.sin(2 * np.pi * v)
                x = discs[near, 1] + distance * np.cos(2 * np.pi * v)
                free_of, keep_off = 1 - overlap, 0.0
            else:
                y, x, free_of, keep_off = u * height - 0.5, v * width - 0.5, 1.0, gap
            if not (-0.5 <= y <= height - 0.5 and -0.5 <= x <= width - 0.5):
                continue
            if _is_free(y, x, radii[k], free_of, keep_off, cell, heads, nexts, discs):
                discs[k, 0], discs[k, 1], discs[k, 2] = y, x, radii[k]
                row, column = int(y / cell) + 1, int(x / cell) + 1
                nexts[k], heads[row, column] = heads[row, column], k
                placed[n_placed] = k
                n_placed += 1
                break
    return discs


def place_discs(
    radii: NDArray[np.float64],
    *,
    height: int,
    width: int,
    touching: float = 0.4,
    overlap: float = 0.1,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Place discs at random, some of them touching an earlier one.

    Parameters
    ----------
    radii : (N,) ndarray of float
        Radii in px, all positive.
    height, width : int
        Size of the frame in px; centres lie in it, edges may reach out.
    touching : float
        Share of the discs that are attached to an earlier one, 0 to 1; the others keep 2 px off all earlier ones.
    overlap : float
        Share of the sum of two radii by which attached discs may overlap at most, 0 to 0.9.
    seed : int
        Seed.

    Returns
    -------
    discs : (M, 3) ndarray of float64
        Rows (y, x, radius) in the order of placing; M < N when the frame is full.

    Notes
    -----
    A grid of cells of the largest diameter: about linear in N, 50,000 discs take 0.2 s.

    Examples
    --------
    >>> import numpy as np
    >>> place_discs(np.full(5, 4.0), height=100, width=100).shape
    (5, 3)
    """
    radii = np.ascontiguousarray(radii, dtype=np.float64)
    if radii.size == 0:
        return np.zeros((0, 3))
    rng = np.random.default_rng(seed)
    attached = rng.random(radii.size) < touching
    discs = _place(radii, attached, rng.random((radii.size, _TRIES, 3)), height, width, overlap, _GAP)
    return discs[~np.isnan(discs[:, 0])]
