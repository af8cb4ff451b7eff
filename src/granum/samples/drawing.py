"""Drawing simulated particles into labels and brightness, each in its own box."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["draw_stacked", "draw_transmission"]


@njit(cache=True)
def _edge_distance(dy: float, dx: float, radius: float, outline: NDArray[np.float32]) -> tuple[float, float]:
    """Return the distance from the centre, and the radius of the outline in that direction."""
    n = outline.size
    at = (math.atan2(dy, dx) / (2 * math.pi)) % 1.0 * n
    low = int(at)
    share = at - low
    reach = outline[low % n] * (1 - share) + outline[(low + 1) % n] * share
    return math.sqrt(dy * dy + dx * dx), reach * radius


@njit(cache=True)
def draw_transmission(
    labels: NDArray[np.int32],
    signal: NDArray[np.float32],
    discs: NDArray[np.float64],
    outlines: NDArray[np.float32],
    strength: NDArray[np.float64],
    flatness: NDArray[np.float64],
    fringes: NDArray[np.float64],
) -> None:
    """Add what the beam meets in each particle to `signal`, and write its number into `labels`; later ones on top.

    `strength` is the signal at the centre; `flatness` 0.5 is a sphere, towards 0 a plate. Rows of `fringes` are
    (amplitude, rings, wave number along y, along x): rings for thickness fringes, else a plane wave in rad/px.
    """
    height, width = labels.shape
    for k in range(discs.shape[0]):
        y, x, radius = discs[k, 0], discs[k, 1], discs[k, 2]
        reach = radius * outlines[k].max() + 1.5
        amplitude, rings, wave_y, wave_x = fringes[k, 0], fringes[k, 1], fringes[k, 2], fringes[k, 3]
        for i in range(max(math.ceil(y - reach), 0), min(int(y + reach) + 1, height)):
            for j in range(max(math.ceil(x - reach), 0), min(int(x + reach) + 1, width)):
                dy, dx = i - y, j - x
                distance, edge = _edge_distance(dy, dx, radius, outlines[k])
                cover = min(max(edge - distance + 0.5, 0.0), 1.0)
                if cover <= 0:
                    continue
                s = min(distance / edge, 1.0)
                # the rim of a real particle is not infinitely thin: a fifth of its thickness stays
                thickness = 0.2 + 0.8 * (1 - s * s) ** flatness[k]
                phase = 2 * math.pi * rings * s if rings > 0 else wave_y * dy + wave_x * dx
                signal[i, j] += np.float32(strength[k] * cover * thickness * (1 + amplitude * math.cos(phase)))
                if distance < edge:
                    labels[i, j] = k + 1


@njit(cache=True)
def draw_stacked(
    labels: NDArray[np.int32],
    brightness: NDArray[np.float32],
    relief: NDArray[np.float32],
    discs: NDArray[np.float64],
    outlines: NDArray[np.float32],
    strength: NDArray[np.float64],
    steepness: NDArray[np.float64],
) -> None:
    """Lay each particle on what is there: brightness, height and number of the topmost one remain.

    Brightness follows secondary electrons: more from slopes and edges, a little more from the side of the detector.
    """
    height, width = labels.shape
    for k in range(discs.shape[0]):
        y, x, radius = discs[k, 0], discs[k, 1], discs[k, 2]
        reach = radius * outlines[k].max() + 1.5
        base = relief[min(max(int(y + 0.5), 0), height - 1), min(max(int(x + 0.5), 0), width - 1)] * 0.8
        p = steepness[k]
        for i in range(max(math.ceil(y - reach), 0), min(int(y + reach) + 1, height)):
            for j in range(max(math.ceil(x - reach), 0), min(int(x + reach) + 1, width)):
                dy, dx = i - y, j - x
                distance, edge = _edge_distance(dy, dx, radius, outlines[k])
                cover = min(max(edge - distance + 0.5, 0.0), 1.0)
                if cover <= 0:
                    continue
                s = min(distance / edge, 0.995)
                top = math.sqrt(1 - s**p)
                slope = p * s ** (p - 1) / (2 * top)
                upright = 1 / math.sqrt(1 + slope * slope)
                lit = -(dy + dx) / (1.4143 * distance) * slope * upright if distance > 0 else 0.0
                yield_ = 0.62 + 0.16 * lit + 0.24 * (min(1 / upright, 3.2) - 1)
                brightness[i, j] = np.float32(brightness[i, j] * (1 - cover) + cover * strength[k] * yield_)
                if distance < edge:
                    labels[i, j] = k + 1
                    relief[i, j] = np.float32(base + radius * (0.4 + top))
