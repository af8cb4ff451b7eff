"""A mask as runs of pixels grouped by connected component: what the clustering splitters work on.

A run is a stretch of foreground pixels in one row. A particle of n pixels has about sqrt(n) runs, so everything that
can be summed over a run in closed form costs the square root of what it costs over pixels. No label image is needed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

__all__ = ["ComponentRuns", "component_pixels", "find_component_runs", "group_peaks", "peak_radii"]


class ComponentRuns(NamedTuple):
    """Runs of a mask, in image order inside each component; components in the order of their first pixels.

    Parameters
    ----------
    rows, starts, stops : (R,) ndarray of int32
        Run r covers the pixels ``[rows[r], starts[r]:stops[r]]``.
    offsets : (C + 1,) ndarray of int64
        Runs of component c are ``offsets[c]:offsets[c + 1]``.
    row_offsets : (Y + 1,) ndarray of int64
        Runs of row y in image order are ``in_image_order[row_offsets[y]:row_offsets[y + 1]]``.
    in_image_order : (R,) ndarray of int64
        Position of each run of the image among the grouped ones.
    component : (R,) ndarray of int32
        Component of each grouped run.
    shape : tuple of int
        Shape of the mask.
    """

    rows: NDArray[np.int32]
    starts: NDArray[np.int32]
    stops: NDArray[np.int32]
    offsets: NDArray[np.int64]
    row_offsets: NDArray[np.int64]
    in_image_order: NDArray[np.int64]
    component: NDArray[np.int32]
    shape: tuple[int, int]


def find_component_runs(mask: NDArray[np.bool_], connectivity: int) -> ComponentRuns:
    """Return the runs of a C-contiguous boolean mask grouped by component, joined by edges (1) or corners too (2)."""
    pixels = mask.view(np.uint8)
    row_offsets = np.concatenate([[0], np.cumsum(_count_runs(pixels))]).astype(np.int64)
    rows, starts, stops = _write_runs(pixels, row_offsets)
    component, n_components = _join_runs(starts, stops, row_offsets, connectivity - 1)
    offsets, position = _group(component, n_components)
    order = np.empty_like(position)
    order[position] = np.arange(len(position))
    return ComponentRuns(
        rows[order], starts[order], stops[order], offsets, row_offsets, position, component[order], pixels.shape
    )


def group_peaks(runs: ComponentRuns, peaks: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of `peaks` grouped by component, in their own order, and (C + 1,) offsets into them.

    A peak belongs to the component of its nearest pixel; peaks that lie on the background are left out.
    """
    nearest = np.floor(peaks + 0.5).astype(np.int64)
    of = _components_at(nearest, runs.starts, runs.stops, runs.row_offsets, runs.in_image_order, runs.component)
    inside = np.flatnonzero(of >= 0)
    grouped = inside[np.argsort(of[inside], kind="stable")]
    counts = np.bincount(of[inside], minlength=len(runs.offsets) - 1)
    return grouped.astype(np.int64), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def peak_radii(runs: ComponentRuns, peaks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the radius of the largest disc of foreground about each peak: exact distance to the background less 0.5.

    What lies outside the image is not background. Without any background the radius is the image's diagonal.
    """
    nearest = np.floor(peaks + 0.5).astype(np.int64)
    return _radii(nearest, runs.starts, runs.stops, runs.row_offsets, runs.in_image_order, *runs.shape)


def component_pixels(runs: ComponentRuns, component: int) -> NDArray[np.int64]:
    """Return the (n, 2) pixels (y, x) of one component, in image order."""
    here = slice(int(runs.offsets[component]), int(runs.offsets[component + 1]))
    lengths = (runs.stops[here] - runs.starts[here]).astype(np.int64)
    first = np.cumsum(lengths) - lengths
    x = np.arange(lengths.sum()) - np.repeat(first - runs.starts[here], lengths)
    return np.stack([np.repeat(runs.rows[here].astype(np.int64), lengths), x], axis=1)


@njit(cache=True, parallel=True)
def _count_runs(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    height, width = pixels.shape
    counts = np.empty(height, np.int64)
    for y in prange(height):
        row = pixels[y]
        n = np.int64(row[0])
        for x in range(1, width):
            n += row[x] & (row[x - 1] ^ 1)
        counts[y] = n
    return counts


@njit(cache=True, parallel=True)
def _write_runs(pixels: NDArray[np.uint8], row_offsets: NDArray[np.int64]) -> tuple[NDArray[np.int32], ...]:
    height, width = pixels.shape
    n = row_offsets[-1]
    rows, starts, stops = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    for y in prange(height):
        row = pixels[y]
        r, last, x = row_offsets[y], row_offsets[y + 1], 0
        while r < last:
            while row[x] == 0:
                x += 1
            rows[r], starts[r] = y, x
            while x < width and row[x] != 0:
                x += 1
            stops[r] = x
            r += 1
    return rows, starts, stops


@njit(cache=True)
def _root(parent: NDArray[np.int32], r: Any) -> Any:
    while parent[r] != r:
        parent[r] = parent[parent[r]]
        r = parent[r]
    return r


@njit(cache=True)
def _join_runs(
    starts: NDArray[np.int32], stops: NDArray[np.int32], row_offsets: NDArray[np.int64], slack: int
) -> tuple[NDArray[np.int32], int]:
    """Union-find over runs that touch; the earliest run of a component is its root."""
    parent = np.arange(len(starts)).astype(np.int32)
    for y in range(1, len(row_offsets) - 1):
        above, end_above = row_offsets[y - 1], row_offsets[y]
        for r in range(row_offsets[y], row_offsets[y + 1]):
            while above < end_above and stops[above] + slack <= starts[r]:
                above += 1
            a = above
            while a < end_above and starts[a] < stops[r] + slack:
                one, other = _root(parent, a), _root(parent, r)
                if one < other:
                    parent[other] = one
                elif other < one:
                    parent[one] = other
                a += 1
    n = 0
    component = np.empty(len(starts), np.int32)
    for r in range(len(starts)):
        if parent[r] == r:
            component[r] = n
            n += 1
        else:
            component[r] = component[_root(parent, r)]
    return component, n


@njit(cache=True)
def _group(component: NDArray[np.int32], n_components: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counting sort: offsets of each component and the place of each run."""
    offsets = np.zeros(n_components + 1, np.int64)
    for c in component:
        offsets[c + 1] += 1
    for c in range(n_components):
        offsets[c + 1] += offsets[c]
    free = offsets[:-1].copy()
    position = np.empty(len(component), np.int64)
    for r in range(len(component)):
        position[r] = free[component[r]]
        free[component[r]] += 1
    return offsets, position


@njit(cache=True)
def _run_at(
    y: int,
    x: int,
    starts: NDArray[np.int32],
    stops: NDArray[np.int32],
    row_offsets: NDArray[np.int64],
    in_image_order: NDArray[np.int64],
) -> int:
    """Return the grouped run that covers pixel (y, x), or -1."""
    low, high = row_offsets[y], row_offsets[y + 1]
    while low < high:
        middle = (low + high) // 2
        if stops[in_image_order[middle]] <= x:
            low = middle + 1
        else:
            high = middle
    if low < row_offsets[y + 1] and starts[in_image_order[low]] <= x:
        return in_image_order[low]
    return -1


@njit(cache=True)
def _components_at(
    peaks: NDArray[np.int64],
    starts: NDArray[np.int32],
    stops: NDArray[np.int32],
    row_offsets: NDArray[np.int64],
    in_image_order: NDArray[np.int64],
    component: NDArray[np.int32],
) -> NDArray[np.int64]:
    of = np.full(len(peaks), -1, np.int64)
    for i in range(len(peaks)):
        r = _run_at(peaks[i, 0], peaks[i, 1], starts, stops, row_offsets, in_image_order)
        if r >= 0:
            of[i] = component[r]
    return of


@njit(cache=True)
def _radii(
    peaks: NDArray[np.int64],
    starts: NDArray[np.int32],
    stops: NDArray[np.int32],
    row_offsets: NDArray[np.int64],
    in_image_order: NDArray[np.int64],
    height: int,
    width: int,
) -> NDArray[np.float64]:
    radii = np.empty(len(peaks))
    for i in range(len(peaks)):
        y, x = peaks[i]
        nearest = np.float64(height) ** 2 + np.float64(width) ** 2
        dy = 0
        while dy * dy < nearest and dy < height:
            for row in (y - dy, y + dy):
                if row < 0 or row >= height:
                    continue
                r = _run_at(row, x, starts, stops, row_offsets, in_image_order)
                if r < 0:
                    nearest = min(nearest, np.float64(dy * dy))
                    continue
                if starts[r] > 0:
                    nearest = min(nearest, np.float64(dy * dy + (x - starts[r] + 1) ** 2))
                if stops[r] < width:
                    nearest = min(nearest, np.float64(dy * dy + (stops[r] - x) ** 2))
            dy += 1
        radii[i] = max(np.sqrt(nearest) - 0.5, 0.0)
    return radii
