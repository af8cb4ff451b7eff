"""Gaussian smoothing of probability planes: the same bytes in any window, because plain sums in fixed order make it up.

OpenCV's blur rounds differently in the middle of a row and at its end, so it cannot be used where tiles must equal
the whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["context_planes", "smooth_planes", "smoothing_radius"]


def smoothing_radius(sigma: float) -> int:
    """Return how many pixels away a smoothed pixel looks: three sigma, rounded up."""
    return math.ceil(3 * sigma)


def _kernel(sigma: float) -> NDArray[np.float32]:
    """Return the weights of the middle and of one side; the whole sums to 1."""
    steps = np.arange(smoothing_radius(sigma) + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    return (weights / (2 * weights.sum() - weights[0])).astype(np.float32)


@njit(cache=True, nogil=True)
def _reflect(i, n):  # type: ignore[no-untyped-def]
    """Return the place within 0..n - 1 of a place beyond the border: b a | a b c."""
    i = i % (2 * n)
    return i if i < n else 2 * n - 1 - i


@njit(cache=True, nogil=True)
def _smooth_in_place(plane, weights):  # type: ignore[no-untyped-def]
    """Smooth a plane; beyond rows that are overwritten already, their old values are kept in a ring."""
    height, width = plane.shape
    radius = len(weights) - 1
    long_row = np.empty(width + 2 * radius, plane.dtype)
    result = np.empty(width, plane.dtype)
    for y in range(height):
        row = plane[y]
        long_row[radius : radius + width] = row
        for x in range(radius):
            long_row[x] = row[_reflect(x - radius, width)]
            long_row[width + radius + x] = row[_reflect(width + x, width)]
        for x in range(width):
            result[x] = weights[0] * long_row[x + radius]
        for k in range(1, radius + 1):
            weight = weights[k]
            before, after = long_row[radius - k :], long_row[radius + k :]
            for x in range(width):
                result[x] += weight * (before[x] + after[x])
        row[:] = result
    ring = np.empty((radius + 1, width), plane.dtype)
    for y in range(height):
        row = plane[y]
        ring[y % (radius + 1)] = row
        for x in range(width):
            result[x] = weights[0] * row[x]
        for k in range(1, radius + 1):
            weight = weights[k]
            above, below = _reflect(y - k, height), _reflect(y + k, height)
            before = ring[above % (radius + 1)] if above < y else plane[above]
            after = ring[below % (radius + 1)] if below < y else plane[below]
            for x in range(width):
                result[x] += weight * (before[x] + after[x])
        row[:] = result


def smooth_planes(planes: NDArray[np.float32], sigma: float) -> None:
    """Smooth (K, h, w) planes in place with a Gaussian of `sigma` pixels, 0 = not at all.

    Beyond the borders planes go on by reflection. Memory: three sigma rows per thread.
    """
    if sigma <= 0:
        return
    weights = _kernel(sigma)
    if planes.size < 100_000 or numba.get_num_threads() == 1:
        for plane in planes:
            _smooth_in_place(plane, weights)
        return
    with ThreadPoolExecutor(min(len(planes), numba.get_num_threads())) as pool:
        for job in [pool.submit(_smooth_in_place, plane, weights) for plane in planes]:
            job.result()


def context_planes(
    probabilities: NDArray[np.float32], sigmas: Sequence[float], *, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return what a second stage sees of the first: its probabilities smoothed at every scale.

    Parameters
    ----------
    probabilities : (K, h, w) ndarray of float32
        Of the first stage, without prior.
    sigmas : sequence of float
        In pixels; 0 = as they are.
    out : (S * K, h, w) ndarray of float32, optional
        Where to write.

    Returns
    -------
    planes : (S * K, h, w) ndarray of float32
        All classes at the first scale, then at the next.
    """
    n = len(probabilities)
    if out is None:
        out = np.empty((n * len(sigmas), *probabilities.shape[1:]), np.float32)
    for place, sigma in enumerate(sigmas):
        part = out[place * n : (place + 1) * n]
        part[...] = probabilities
        smooth_planes(part, sigma)
    return out
