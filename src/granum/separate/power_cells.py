"""The kernel that divides components into Voronoi or power cells and moves the centres to the cells' centroids.

Pixel p belongs to the centre c with the smallest |p - c|^2 - w; ties go to the earlier centre. Along one row that
function differs between two centres by a straight line, so a run is cut at a few crossings instead of pixel by pixel.
All sums are integers: their order, and so the number of threads, cannot change the result.

Each component is laid out in square tiles about as large as one particle, and a
tile looks only at the centres that can own one of its pixels. So a sweep costs the same per particle however many
there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

__all__ = ["cut_components"]

# up to this many centres a component is one tile
FEW = 6
# by how much a squared radius may outgrow the one at the peak
MOST_GROWTH = 1.2**2


@njit(cache=True)
def _measure(runs: Any, first: int, last: int) -> Any:
    """Return the box (y0, x0, y1, x1), the number of pixels and the mean of the variances of y and x."""
    rows, starts, stops = runs
    y0, x0 = np.int64(rows[first]), np.int64(starts[first])
    left, right = x0, x0
    n, sy, sx, squares = np.int64(0), 0.0, 0.0, 0.0
    for r in range(first, last):
        left, right = min(left, np.int64(starts[r])), max(right, np.int64(stops[r]) - 1)
        length = np.float64(stops[r] - starts[r])
        dy, dx = np.float64(rows[r] - y0), starts[r] - x0 + (length - 1) / 2
        n += np.int64(stops[r] - starts[r])
        sy += length * dy
        sx += length * dx
        squares += length * (dy * dy + dx * dx + (length * length - 1) / 12)
    return y0, left, np.int64(rows[last - 1]), right, n, (squares / n - (sy / n) ** 2 - (sx / n) ** 2) / 2


@njit(cache=True)
def _lay_tiles(
    runs: Any, first: int, last: int, frame: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Cut the runs at the tiles' columns and sort the pieces (y, start, stop) by tile."""
    rows, starts, stops = runs
    y0, x0, side, ny, nx = frame
    offsets = np.zeros(ny * nx + 1, np.int64)
    for r in range(first, last):
        base = (rows[r] - y0) // side * nx
        for tx in range((starts[r] - x0) // side, (stops[r] - 1 - x0) // side + 1):
            offsets[base + tx + 1] += 1
    for tile in range(ny * nx):
        offsets[tile + 1] += offsets[tile]
    free, pieces = offsets.copy(), np.empty((offsets[-1], 3), np.int32)
    for r in range(first, last):
        base = (rows[r] - y0) // side * nx
        for tx in range((starts[r] - x0) // side, (stops[r] - 1 - x0) // side + 1):
            piece = free[base + tx]
            free[base + tx] += 1
            pieces[piece, 0] = rows[r]
            pieces[piece, 1] = max(np.int64(starts[r]), x0 + tx * side)
            pieces[piece, 2] = min(np.int64(stops[r]), x0 + (tx + 1) * side)
    return offsets, pieces


@njit(cache=True)
def _sort_centres(
    centres: NDArray[np.float64], frame: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort the centres by the tile in which they lie: offsets and members."""
    y0, x0, side, ny, nx = frame
    tile_of, offsets = np.empty(len(centres), np.int64), np.zeros(ny * nx + 1, np.int64)
    for c in range(len(centres)):
        ty = min(max(np.int64(centres[c, 0] - y0) // side, 0), ny - 1)
        tx = min(max(np.int64(centres[c, 1] - x0) // side, 0), nx - 1)
        tile_of[c] = ty * nx + tx
        offsets[tile_of[c] + 1] += 1
    for tile in range(ny * nx):
        offsets[tile + 1] += offsets[tile]
    members, free = np.empty(len(centres), np.int64), offsets.copy()
    for c in range(len(centres)):
        members[free[tile_of[c]]] = c
        free[tile_of[c]] += 1
    return offsets, members


@njit(cache=True)
def _find_rivals(
    tile: int,
    centres: NDArray[np.float64],
    weights: NDArray[np.float64],
    heaviest: float,
    frame: NDArray[np.int64],
    offsets: NDArray[np.int64],
    members: NDArray[np.int64],
    rivals: NDArray[np.int64],
    floors: NDArray[np.float64],
) -> int:
    """Write the centres that can own a pixel of the tile into `rivals`; return how many.

    A centre is out when its smallest value over the tile exceeds another one's largest. Rings of tiles are searched
    until no centre further away can matter.
    """
    y0, x0, side, ny, nx = frame
    ty, tx, half = tile // nx, tile % nx, (side - 1) / 2
    middle_y, middle_x = y0 + ty * side + half, x0 + tx * side + half
    n, bound, ring = 0, np.inf, 0
    while ring <= max(ny, nx) and np.float64(max(ring - 1, 0) * side) ** 2 - heaviest <= bound:
        for gy in range(max(ty - ring, 0), min(ty + ring, ny - 1) + 1):
            step = 1 if gy == ty - ring or gy == ty + ring else 2 * ring
            for gx in range(tx - ring, tx + ring + 1, step):
                if gx < 0 or gx >= nx:
                    continue
                for m in range(offsets[gy * nx + gx], offsets[gy * nx + gx + 1]):
                    c = members[m]
                    dy, dx = abs(centres[c, 0] - middle_y), abs(centres[c, 1] - middle_x)
                    floor = max(dy - half, 0.0) ** 2 + max(dx - half, 0.0) ** 2 - weights[c]
                    if floor <= bound:
                        rivals[n], floors[n] = c, floor
                        n += 1
                        bound = min(bound, (dy + half) ** 2 + (dx + half) ** 2 - weights[c])
        ring += 1
    kept = 0
    for i in range(n):
        if floors[i] <= bound:
            rivals[kept] = rivals[i]
            kept += 1
    return kept


@njit(cache=True)
def _cut(start: Any, stop: Any, slopes: Any, levels: Any, rivals: Any, n: int) -> Any:
    """Return which rival owns pixel `start` of a row, and where its stretch ends, at most at `stop`.

    The rival i has the value ``levels[i] - slopes[i] * x`` (less x squared, which all share).
    """
    best, lowest = 0, levels[0] - slopes[0] * start
    for i in range(1, n):
        value = levels[i] - slopes[i] * start
        if value < lowest or (value == lowest and rivals[i] < rivals[best]):
            best, lowest = i, value
    length = np.float64(stop - start)
    for i in range(n):
        gain = slopes[i] - slopes[best]
        lead = levels[i] - slopes[i] * start - lowest
        if gain > 0 and lead < gain * length:
            crossing = lead / gain
            length = np.ceil(crossing) if rivals[i] < rivals[best] else np.floor(crossing) + 1
    return best, min(start + max(np.int64(length), 1), stop)


@njit(cache=True)
def _sweep(
    centres: NDArray[np.float64],
    weights: NDArray[np.float64],
    frame: NDArray[np.int64],
    tiles: tuple[NDArray[np.int64], NDArray[np.int32]],
    sums: NDArray[np.int64],
    name: int,
    out: NDArray[np.int32],
) -> None:
    """Add up (pixels, sum of y, sum of x) of every cell; write the cells when `name` is not negative."""
    k, (_, x0, side, ny, nx) = len(centres), frame
    offsets, members = _sort_centres(centres, frame)
    rivals, floors, heaviest, n = np.arange(k), np.empty(k), weights.max(), k
    slopes, levels = np.empty(k), np.empty(k)
    sums[:] = 0
    for tile in range(ny * nx):
        if tiles[0][tile] == tiles[0][tile + 1]:
            continue
        tx = x0 + tile % nx * side
        if ny * nx > 1:
            n = _find_rivals(tile, centres, weights, heaviest, frame, offsets, members, rivals, floors)
        for i in range(n):
            slopes[i] = 2 * (centres[rivals[i], 1] - tx)
        for piece in range(tiles[0][tile], tiles[0][tile + 1]):
            y, a, b = np.int64(tiles[1][piece, 0]), np.int64(tiles[1][piece, 1]), np.int64(tiles[1][piece, 2])
            if n > 1:
                for i in range(n):
                    c = rivals[i]
                    levels[i] = (y - centres[c, 0]) ** 2 + (centres[c, 1] - tx) ** 2 - weights[c]
            while a < b:
                i, end = (0, b) if n == 1 else _cut(a - tx, b - tx, slopes, levels, rivals, n)
                if n > 1:
                    end += tx
                c = rivals[i]
                sums[c, 0] += end - a
                sums[c, 1] += (end - a) * y
                sums[c, 2] += (a + end - 1) * (end - a) // 2
                if name >= 0:
                    out[y, a:end] = name + c
                a = end


@njit(cache=True)
def _move(centres: Any, weights: Any, first_weights: Any, sums: Any, size_weighted: bool) -> float:
    """Move each centre to its cell's centroid and return the sum of squared shifts; an empty cell's stays."""
    shift = 0.0
    for c in range(len(centres)):
        if sums[c, 0] == 0:
            continue
        y, x = sums[c, 1] / sums[c, 0], sums[c, 2] / sums[c, 0]
        shift += (y - centres[c, 0]) ** 2 + (x - centres[c, 1]) ** 2
        centres[c, 0], centres[c, 1] = y, x
        if size_weighted:
            # bounded, because where cells fill the plane a larger cell would pull ever more to itself
            weights[c] = max(first_weights[c], min(sums[c, 0] / np.pi, MOST_GROWTH * first_weights[c]))
    return shift


@njit(cache=True)
def _cut_component(
    runs: Any,
    first: int,
    last: int,
    centres: Any,
    weights: Any,
    max_iterations: int,
    tolerance: float,
    name: int,
    out: Any,
    size_weighted: bool,
) -> int:
    """Iterate and write one component; return how many of its cells are empty."""
    k = len(centres)
    y0, x0, y1, x1, n_pixels, variance = _measure(runs, first, last)
    # a sparse component fills little of its box: never many more tiles than centres
    side = np.int64(max(np.sqrt(n_pixels / k), np.sqrt((y1 - y0 + 1) * (x1 - x0 + 1) / (8.0 * k)), 4.0))
    if k <= FEW:
        side = max(y1 - y0, x1 - x0) + 1
    frame = np.array([y0, x0, side, (y1 - y0) // side + 1, (x1 - x0) // side + 1])
    tiles = _lay_tiles(runs, first, last, frame)
    sums = np.zeros((k, 3), np.int64)
    first_weights = weights.copy()
    for _ in range(max_iterations):
        _sweep(centres, weights, frame, tiles, sums, -1, out)
        # scikit-learn's stopping rule, after which the cells follow the last move once more
        if _move(centres, weights, first_weights, sums, size_weighted) <= tolerance * variance:
            break
    _sweep(centres, weights, frame, tiles, sums, name, out)
    return np.sum(sums[:, 0] == 0)


@njit(cache=True, parallel=True)
def cut_components(
    order: NDArray[np.int64],
    runs: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    offsets: NDArray[np.int64],
    peak_offsets: NDArray[np.int64],
    centres: NDArray[np.float64],
    weights: NDArray[np.float64],
    max_iterations: int,
    tolerance: float,
    names: NDArray[np.int64],
    out: NDArray[np.int32],
    size_weighted: bool,
) -> int:
    """Run Lloyd's iterations in every component and write cell c of component k as ``names[k] + c`` into `out`."""
    n_empty = 0
    for i in prange(len(order)):
        k = order[i]
        first, last, p, q = offsets[k], offsets[k + 1], peak_offsets[k], peak_offsets[k + 1]
        if q - p < 2:
            for r in range(first, last):
                out[runs[0][r], runs[1][r] : runs[2][r]] = names[k]
        else:
            n_empty += _cut_component(
                runs, first, last, centres[p:q], weights[p:q], max_iterations, tolerance, names[k], out, size_weighted
            )
    return n_empty
