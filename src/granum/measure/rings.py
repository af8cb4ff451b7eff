"""A nucleus and the ring around it: local background for what is inside, and the ratio of nucleus over cytoplasm.

A pixel of a ring belongs to the nearest nucleus, so rings never overlap, and neighbours are in no ring.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.measure.runs import find_runs

__all__ = ["NucleusRings", "RingLevels", "find_rings", "measure_levels", "measure_nowhere"]

_GAP, _WIDTH = 0.15, 0.5  # where the ring begins and how wide it is, in usual radii
_FEWEST = 8  # pixels of a ring


class NucleusRings(NamedTuple):
    """Pixels of nuclei and of their rings as flat indices, those of one nucleus together in raster order.

    Parameters
    ----------
    values : (K,) ndarray of int32
        Label of each nucleus, ascending.
    inside, inside_start : ndarray of int64
        Pixels of nucleus k are ``inside[inside_start[k]:inside_start[k + 1]]``.
    ring, ring_start : ndarray of int64
        The same of its ring, which may be empty.
    clear : (Y, X) ndarray of bool
        Analysed, and neither nucleus nor the blurred edge of one.
    radius : float
        Usual radius of the nuclei in pixels.
    """

    values: NDArray[np.int32]
    inside: NDArray[np.int64]
    inside_start: NDArray[np.int64]
    ring: NDArray[np.int64]
    ring_start: NDArray[np.int64]
    clear: NDArray[np.bool_]
    radius: float


class RingLevels(NamedTuple):
    """Grey levels of one stain, one row per nucleus."""

    inside: NDArray[np.float64]  # mean of the nucleus
    middle: NDArray[np.float64]  # median of the nucleus
    ring: NDArray[np.float64]  # mean of the ring, NaN where it has too few pixels
    ground: NDArray[np.float64]  # median of the ring, NaN likewise
    spread: NDArray[np.float64]  # robust width of the ring, NaN likewise


def find_rings(
    labels: NDArray[np.int32], area: NDArray[np.bool_] | None = None, cells: NDArray[np.int32] | None = None
) -> NucleusRings:
    """Return the pixels of each nucleus and of the ring around it.

    Parameters
    ----------
    labels : (Y, X) ndarray of int32
        Nuclei.
    area : (Y, X) ndarray of bool, optional
        Analysed area.
    cells : (Y, X) ndarray of int32, optional
        Cell of each nucleus; a ring keeps to its own cell where that leaves it 8 pixels or more.
    """
    runs = find_runs(labels)
    n = len(runs)
    flat = labels.ravel()
    inside = np.flatnonzero(flat)
    row_of = np.zeros(int(runs.values[-1]) + 1 if n else 1, np.int32)
    row_of[runs.values] = np.arange(n, dtype=np.int32)
    rows = row_of[flat[inside]]
    inside = inside[np.argsort(rows, kind="stable")]
    sizes = np.bincount(rows, minlength=n)
    radius = float(np.median(np.sqrt(sizes / math.pi))) if n else 0.0
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    gap = max(1.0, round(_GAP * radius))
    reach = gap + max(2.0, round(_WIDTH * radius))
    analysed = np.ones(labels.shape, np.bool_) if area is None else area
    if n == 0:
        empty = np.zeros(0, np.int64)
        return NucleusRings(runs.values, inside, starts, empty, np.zeros(1, np.int64), analysed.copy(), 0.0)
    distance, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    clear = analysed & (distance > gap)
    ring = np.flatnonzero(clear.ravel() & (distance.ravel() <= reach))
    # OpenCV numbers the pixels of the nuclei itself; the number of each leads back to its label
    own = np.zeros(int(nearest.max()) + 1, np.int32)
    own[nearest.ravel()[inside]] = rows[np.argsort(rows, kind="stable")]
    of = own[nearest.ravel()[ring]]
    if cells is not None:
        same = cells.ravel()[ring] == runs.values[of]
        enough = np.bincount(of[same], minlength=n) >= _FEWEST
        kept = same | ~enough[of]
        ring, of = ring[kept], of[kept]
    order = np.argsort(of, kind="stable")
    ring_starts = np.concatenate([[0], np.cumsum(np.bincount(of, minlength=n))]).astype(np.int64)
    return NucleusRings(runs.values, inside, starts, ring[order], ring_starts, clear, radius)


def measure_levels(image: NDArray[Any], rings: NucleusRings) -> RingLevels:
    """Return the grey levels of an image in nuclei and rings."""
    table = np.full((5, len(rings.values)), np.nan)
    flat = image.ravel()
    _fill_levels(flat.astype(np.float64, copy=False) if flat.dtype.kind != "f" else flat, *rings[1:5], _FEWEST, table)
    return RingLevels(*table)


def measure_nowhere(
    image: NDArray[Any], rings: NucleusRings, *, most: int = 4000, seed: int = 0
) -> NDArray[np.float64]:
    """Return the contrast of places where no nucleus is: each nucleus with its ring, moved elsewhere.

    Parameters
    ----------
    image : (Y, X) ndarray
        The stain.
    rings : NucleusRings
        From `find_rings`.
    most : int
        Places that are tried.
    seed : int
        Of the places.

    Returns
    -------
    contrast : (N,) ndarray of float64
        Mean inside less mean of the ring; fewer than `most` where nuclei leave little room.
    """
    n = len(rings.values)
    if n == 0:
        return np.zeros(0)
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, n, most) if n > 1 else np.zeros(most, np.int64)
    places = rng.random((most, 2))
    contrast = np.full(most, np.nan)
    _fill_nowhere(
        np.ascontiguousarray(image, np.float64).ravel(), rings.clear.ravel(), np.int64(image.shape[0]),
        np.int64(image.shape[1]), *rings[1:5], chosen, places, _FEWEST, contrast,
    )  # fmt: skip
    return contrast[np.isfinite(contrast)]


@njit(cache=True)
def _fill_levels(
    flat: Any, inside: Any, inside_start: Any, ring: Any, ring_start: Any, fewest: Any, table: Any
) -> None:
    """Fill (5, K): see `RingLevels`."""
    for k in range(len(inside_start) - 1):
        values = flat[inside[inside_start[k] : inside_start[k + 1]]]
        origin = np.float64(values[0])
        total = 0.0
        for value in values:
            total += value - origin
        table[0, k] = origin + total / len(values)
        table[1, k] = np.median(values)
        around = flat[ring[ring_start[k] : ring_start[k + 1]]]
        if len(around) < fewest:
            continue
        origin = np.float64(around[0])
        total = 0.0
        for value in around:
            total += value - origin
        table[2, k] = origin + total / len(around)
        ground = np.median(around)
        table[3, k] = ground
        table[4, k] = np.median(np.abs(around - ground)) / 0.6745


@njit(cache=True)
def _fill_nowhere(
    flat: Any, clear: Any, height: Any, width: Any, inside: Any, inside_start: Any, ring: Any, ring_start: Any,
    chosen: Any, places: Any, fewest: Any, contrast: Any,
) -> None:  # fmt: skip
    """Fill (N,): mean inside less mean of the ring of nuclei moved to places without a nucleus; NaN where one is."""
    for i in range(len(chosen)):
        k = chosen[i]
        a, b, c, d = inside_start[k], inside_start[k + 1], ring_start[k], ring_start[k + 1]
        if d - c < fewest:
            continue
        first = inside[a]
        dy = np.int64(places[i, 0] * height) - first // width
        dx = np.int64(places[i, 1] * width) - first % width
        free = True
        total = 0.0
        for j in range(a, b):
            y, x = inside[j] // width + dy, inside[j] % width + dx
            if y < 0 or y >= height or x < 0 or x >= width or not clear[y * width + x]:
                free = False
                break
            total += flat[y * width + x]
        if not free:
            continue
        around, n_around = 0.0, 0
        for j in range(c, d):
            y, x = ring[j] // width + dy, ring[j] % width + dx
            if 0 <= y < height and 0 <= x < width and clear[y * width + x]:
                around += flat[y * width + x]
                n_around += 1
        if n_around >= fewest:
            contrast[i] = total / (b - a) - around / n_around
