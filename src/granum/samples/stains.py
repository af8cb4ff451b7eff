"""Nuclei and bodies of simulated cells as two stains show them, in photoelectrons and before any blur."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["assign_cells", "fill_nuclei", "find_outlines", "light_nuclei"]


@njit(cache=True, nogil=True)
def fill_nuclei(nuclei: NDArray[np.float64], outlines: NDArray[np.float64], labels: NDArray[np.int32]) -> None:
    """Write the numbers of nuclei into `labels`, in place; where two overlap, the one in which a pixel lies deeper.

    Rows of `nuclei` are (y, x, half the long axis, half the short axis, angle), of `outlines` amplitude and phase of
    the harmonics 2 and 3.
    """
    height, width = labels.shape
    for k in range(nuclei.shape[0]):
        y, x, reach = nuclei[k, 0], nuclei[k, 1], _reach(nuclei[k], outlines[k])
        for i in range(max(math.ceil(y - reach), 0), min(int(y + reach) + 1, height)):
            for j in range(max(math.ceil(x - reach), 0), min(int(x + reach) + 1, width)):
                s = _level(i, j, nuclei[k], outlines[k])
                if s < 1:
                    held = labels[i, j] - 1
                    if held < 0 or s < _level(i, j, nuclei[held], outlines[held]):
                        labels[i, j] = k + 1


@njit(cache=True, nogil=True)
def light_nuclei(
    nuclei: NDArray[np.float64],
    outlines: NDArray[np.float64],
    light: NDArray[np.float64],
    shifts: NDArray[np.int64],
    chromatin: NDArray[np.float32],
    planes: NDArray[np.float32],
) -> None:
    """Add what two stains show of nuclei to `planes` (2, Y, X), in place.

    Rows of `light` are the height in both planes and the share of it that is patchy; `shifts` says where in the
    repeating texture each nucleus reads.
    """
    height, width = planes.shape[1:]
    tall, wide = chromatin.shape
    for k in range(nuclei.shape[0]):
        y, x, reach = nuclei[k, 0], nuclei[k, 1], _reach(nuclei[k], outlines[k])
        for i in range(max(math.ceil(y - reach), 0), min(int(y + reach) + 1, height)):
            for j in range(max(math.ceil(x - reach), 0), min(int(x + reach) + 1, width)):
                s = _level(i, j, nuclei[k], outlines[k])
                cover = min(max((1 - s) * nuclei[k, 3] + 0.5, 0.0), 1.0)
                if cover > 0:
                    dome = 0.35 + 0.65 * math.sqrt(max(1 - s * s, 0.0))
                    patch = 1 + light[k, 2] * chromatin[(i + shifts[k, 0]) % tall, (j + shifts[k, 1]) % wide]
                    for plane in range(2):
                        planes[plane, i, j] += np.float32(light[k, plane] * cover * dome * max(patch, 0.25))


@njit(cache=True, nogil=True)
def _reach(nucleus: NDArray[np.float64], outline: NDArray[np.float64]) -> float:
    """Return how far a nucleus and its soft edge reach from its centre."""
    return nucleus[2] * (1 + outline[0] + outline[2]) + 2


@njit(cache=True, nogil=True)
def _level(i: int, j: int, nucleus: NDArray[np.float64], outline: NDArray[np.float64]) -> float:
    """Return 0 at the centre of a nucleus and 1 on its outline."""
    dy, dx = i - nucleus[0], j - nucleus[1]
    cos, sin = math.cos(nucleus[4]), math.sin(nucleus[4])
    u, v = (cos * dx + sin * dy) / nucleus[2], (cos * dy - sin * dx) / nucleus[3]
    s = math.sqrt(u * u + v * v)
    if s < 1e-9:
        return 0.0
    turn = math.atan2(v, u)
    wobble = outline[0] * math.cos(2 * turn - outline[1]) + outline[2] * math.cos(3 * turn - outline[3])
    return s / (1 + wobble)


@njit(cache=True, nogil=True)
def assign_cells(
    bodies: NDArray[np.int32],
    labels: NDArray[np.int32],
    body_of: NDArray[np.int64],
    nuclei: NDArray[np.float64],
    cells: NDArray[np.int32],
) -> None:
    """Write into `cells` the number of the nearest nucleus of the same body; a nucleus keeps its own pixels.

    Bodies without a nucleus in the frame stay 0.
    """
    n_bodies = 0
    for k in range(body_of.size):
        n_bodies = max(n_bodies, body_of[k] + 1)
    first = np.full(n_bodies, -1, np.int64)
    following = np.full(body_of.size, -1, np.int64)
    for k in range(body_of.size - 1, -1, -1):
        following[k] = first[body_of[k]]
        first[body_of[k]] = k
    for i in range(bodies.shape[0]):
        for j in range(bodies.shape[1]):
            if labels[i, j] > 0:
                cells[i, j] = labels[i, j]
                continue
            body = bodies[i, j] - 1
            if body < 0 or body >= n_bodies:
                continue
            k = first[body]
            best, nearest = -1, 1e30
            while k >= 0:
                distance = (nuclei[k, 0] - i) ** 2 + (nuclei[k, 1] - j) ** 2
                if distance < nearest:
                    best, nearest = k, distance
                k = following[k]
            cells[i, j] = best + 1


@njit(cache=True, nogil=True)
def find_outlines(cells: NDArray[np.int32], outline: NDArray[np.bool_]) -> None:
    """Mark the pixels of cells that have a 4-neighbour of another cell or of the background; the frame is no edge."""
    height, width = cells.shape
    for i in range(height):
        for j in range(width):
            own = cells[i, j]
            if own > 0:
                outline[i, j] = (
                    (i > 0 and cells[i - 1, j] != own)
                    or (i + 1 < height and cells[i + 1, j] != own)
                    or (j > 0 and cells[i, j - 1] != own)
                    or (j + 1 < width and cells[i, j + 1] != own)
                )
