"""Merging parts that touch, most evident pair first: kernels for `convex_merge`.

Parts and the edges between them (pairs that touch) are tables; each part has a linked list of its edges, which go to
the better connected part when two are merged. A part with very many edges has only those looked at again that a merge
changed, and all once the queue is empty, so the cost stays nearly linear even where one part touches all others.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from granum.separate.hulls import fill_chains, join_chains, part_extents, run_end, twice_hull_area

__all__ = ["Edges", "Parts", "find_contacts", "make_hulls", "merge_parts", "part_sums", "renumber"]

_STRIPS = 16
_HUB = 64  # edges of a part that are all evaluated anew after each merge


class Parts(NamedTuple):
    """Tables over the parts; row 0 is background."""

    area: NDArray[np.int64]
    peak: NDArray[np.float32]
    hull: NDArray[np.int64]  # where it begins in the pool of points, lengths of its left and right chain
    light: NDArray[np.float64]  # sum of image - background over the inner pixels, and their number
    inner: NDArray[np.int64]
    doubt: NDArray[np.float64]  # 0 evident .. 1 just at the limit, of the merges done
    head: NDArray[np.int64]
    degree: NDArray[np.int64]
    target: NDArray[np.int32]


class Edges(NamedTuple):
    """Tables over the pairs of parts that touch."""

    ends: NDArray[np.int32]
    saddle: NDArray[np.float32]
    cut: NDArray[np.float64]  # number, sum and sum of squares of image - background over the pixels of the cut
    following: NDArray[np.int64]
    alive: NDArray[np.bool_]
    version: NDArray[np.int64]


@njit(cache=True)
def _contact(labels, y, x, j, i):  # type: ignore[no-untyped-def]
    """Return whether two pixels belong to different parts and meet in the mask: corners need a common neighbour."""
    a, b = labels[y, x], labels[j, i]
    return a > 0 and b > 0 and a != b and (y == j or x == i or labels[y, i] > 0 or labels[j, x] > 0)


@njit(cache=True)
def _row_contacts(labels, distance, light, y, place, keys, saddles, values):  # type: ignore[no-untyped-def]
    """Write the contacts of one row with itself and the next, from `place` on (none without room); return the end."""
    height, width = labels.shape
    size = np.int64(height) * width + 1
    for x in range(width):
        here = labels[y, x]
        if here == 0:
            continue
        if 0 < x < width - 1 and y < height - 1:  # most pixels lie inside a part
            below = labels[y + 1]
            if labels[y, x + 1] == here and below[x - 1] == here and below[x] == here and below[x + 1] == here:
                continue
        for way in range(4):  # right, down left, down, down right
            j, i = (y, x + 1) if way == 0 else (y + 1, x + way - 2)
            if i < 0 or i >= width or j >= height or labels[j, i] == here or not _contact(labels, y, x, j, i):
                continue
            if len(keys) > 0:
                there = labels[j, i]
                keys[place] = min(here, there) * size + max(here, there)
                saddles[place] = min(distance[y, x], distance[j, i])
                values[place] = (light[y, x] + light[j, i]) / 2
            place += 1
    return place


def find_contacts(
    labels: NDArray[np.int32], distance: NDArray[np.float32], light: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Return key (lower label * (pixels + 1) + higher), saddle and image of all pairs of pixels at cuts, row by row."""
    none = np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32)
    counts = _all_contacts(labels, distance, light, np.zeros(len(labels), np.int64), *none)
    ends = np.cumsum(counts)
    n = int(ends[-1])
    found = np.empty(n, np.int64), np.empty(n, np.float32), np.empty(n, np.float32)
    if n:
        _all_contacts(labels, distance, light, ends - counts, *found)
    return found


@njit(cache=True, parallel=True)
def _all_contacts(labels, distance, light, start, keys, saddles, values):  # type: ignore[no-untyped-def]
    """Write the contacts of each row from its start on, none without room; return their number per row."""
    counts = np.empty(len(labels), np.int64)
    for y in prange(len(labels)):
        row = np.int64(y)  # the loop counts without sign, and row - 1 would turn into a float
        counts[y] = _row_contacts(labels, distance, light, row, start[y], keys, saddles, values) - start[y]
    return counts


@njit(cache=True, parallel=True)
def part_peaks(labels, distance, n_parts):  # type: ignore[no-untyped-def]
    """Return the largest distance of each part."""
    height, width = labels.shape
    n_strips = max(1, min(_STRIPS, labels.size // (8 * (n_parts + 1))))  # a maximum is the same in any order
    rows = (height + n_strips - 1) // n_strips
    peaks = np.zeros((n_strips, n_parts + 1), np.float32)
    for strip in prange(n_strips):
        peak = peaks[strip]
        for y in range(np.int64(strip) * rows, min(height, (np.int64(strip) + 1) * rows)):
            for x in range(width):
                part = labels[y, x]
                if part > 0 and distance[y, x] > peak[part]:
                    peak[part] = distance[y, x]
    for strip in range(1, n_strips):
        for part in range(n_parts + 1):
            peaks[0, part] = max(peaks[0, part], peaks[strip, part])
    return peaks[0].copy()


@njit(cache=True)
def part_sums(labels, distance, light, n_parts):  # type: ignore[no-untyped-def]
    """Return the peak of each part, and sum and number of the light of its inner half (by distance)."""
    peak = part_peaks(labels, distance, n_parts)
    height, width = labels.shape
    total, inner = np.zeros(n_parts + 1), np.zeros(n_parts + 1, np.int64)
    if light.size == labels.size:
        for y in range(height):
            for x in range(width):
                part = labels[y, x]
                if part > 0 and 2 * distance[y, x] >= peak[part]:
                    total[part] += light[y, x]
                    inner[part] += 1
    return peak, total, inner


@njit(cache=True, parallel=True)
def make_hulls(labels, n_parts):  # type: ignore[no-untyped-def]
    """Return the area of each part, its row in the table of hulls, and the pool of points with room for merging."""
    area, top, start, columns = part_extents(labels, n_parts)
    hull = np.zeros((n_parts + 1, 3), np.int64)
    for number in prange(n_parts):
        here = np.int64(number) + 1
        points = np.empty((6 * (start[here + 1] - start[here]), 2), np.int64)
        hull[here, 1], hull[here, 2] = fill_chains(columns[start[here] : start[here + 1]], top[here], points)
    total = np.int64(0)
    for part in range(1, n_parts + 1):
        hull[part, 0] = total
        total += hull[part, 1] + hull[part, 2]
    pool = np.empty((2 * total, 2), np.int64)
    for number in prange(n_parts):
        here = np.int64(number) + 1
        points = np.empty((6 * (start[here + 1] - start[here]), 2), np.int64)
        n_left, n_right = fill_chains(columns[start[here] : start[here + 1]], top[here], points)
        for i in range(n_left + n_right):
            pool[hull[here, 0] + i, 0], pool[hull[here, 0] + i, 1] = points[i, 0], points[i, 1]
    return area, hull, pool


@njit(cache=True)
def _join(parts, pool, p, q, scratch):  # type: ignore[no-untyped-def]
    """Write the hull of two parts to scratch (left chain, then right chain); return both lengths and the area."""
    a, al, ar = parts.hull[p]
    b, bl, br = parts.hull[q]
    half = len(scratch) // 2
    n_left = join_chains(pool[a : a + al], pool[b : b + bl], scratch[:half])
    n_right = join_chains(pool[a + al : a + al + ar], pool[b + bl : b + bl + br], scratch[half:])
    return n_left, n_right, twice_hull_area(scratch[:n_left], scratch[half : half + n_right]) / 8


@njit(cache=True)
def _dip(parts, edges, e):  # type: ignore[no-untyped-def]
    """Return the part of the fainter contrast that the cut is darker by, half a deviation counted against it."""
    p, q = edges.ends[e]
    n, total, square = edges.cut[e]
    if parts.inner[p] == 0 or parts.inner[q] == 0 or n == 0:
        return 0.0
    contrast = min(parts.light[p] / parts.inner[p], parts.light[q] / parts.inner[q])
    if contrast <= 0:
        return 0.0
    mean = total / n
    return 1 - (mean + np.sqrt(max(square / n - mean * mean, 0.0)) / 2) / contrast


@njit(cache=True)
def _evidence(parts, pool, edges, e, limits, scratch):  # type: ignore[no-untyped-def]
    """Return the key of one edge (below 1: to be merged, lowest first) and how doubtful that decision is, 0 to 1."""
    max_deficit, max_neck, min_dip = limits
    p, q = edges.ends[e]
    _, _, hull_area = _join(parts, pool, p, q, scratch)
    deficit = max(hull_area - parts.area[p] - parts.area[q], 0.0) / min(parts.area[p], parts.area[q])
    low = min(parts.peak[p], parts.peak[q])
    neck = np.float64(edges.saddle[e]) / low if low > 0 else 1.0
    bend = deficit / max_deficit if max_deficit > 0 else np.inf
    dip = _dip(parts, edges, e)
    if dip >= min_dip:  # a dark line counts as much as a bent outline
        doubt = min_dip / dip if dip > 0 else 1.0
        return np.inf, min(doubt, 1 / bend) if bend >= 1 else doubt
    if neck >= max_neck:
        doubt = (1 - neck) / (1 - max_neck) if max_neck < 1 else 0.0
        return -neck, min(max(doubt, 0.0), bend)
    if bend < 1:
        return bend, bend
    return np.inf, 1 / bend


@njit(cache=True)
def _queue(parts, pool, edges, e, limits, scratch, heap):  # type: ignore[no-untyped-def]
    """Evaluate one edge anew and queue it if it is to be merged."""
    edges.version[e] += 1
    key, _ = _evidence(parts, pool, edges, e, limits, scratch)
    if key < 1:
        heapq.heappush(heap, (key, e, edges.version[e]))


@njit(cache=True)
def _find_edge(parts, edges, p, r):  # type: ignore[no-untyped-def]
    """Return the edge between two parts, or -1; searches the shorter list and unlinks what is gone."""
    if parts.degree[r] < parts.degree[p]:
        p, r = r, p
    previous, h = -1, parts.head[p]
    while h >= 0:
        e = h >> 1
        if not edges.alive[e]:
            if previous < 0:
                parts.head[p] = edges.following[h]
            else:
                edges.following[previous] = edges.following[h]
        elif edges.ends[e, 1 - (h & 1)] == r:
            return e
        else:
            previous = h
        h = edges.following[h]
    return -1


@njit(cache=True)
def _collect(parts, pool):  # type: ignore[no-untyped-def]
    """Move the hulls in use to the front of the pool; return where it is free."""
    fresh, n = np.empty_like(pool), 0
    for part in range(1, len(parts.area)):
        if parts.target[part] == part:
            start, size = parts.hull[part, 0], parts.hull[part, 1] + parts.hull[part, 2]
            fresh[n : n + size] = pool[start : start + size]
            parts.hull[part, 0] = n
            n += size
    pool[:n] = fresh[:n]
    return n


@njit(cache=True)
def _unite(parts, pool, free, p, q, scratch):  # type: ignore[no-untyped-def]
    """Add part q to part p, its hull at the free end of the pool; return the new end."""
    n_left, n_right, _ = _join(parts, pool, p, q, scratch)
    parts.target[q] = p
    if free + n_left + n_right > len(pool):
        parts.hull[p, 1] = parts.hull[p, 2] = 0
        free = _collect(parts, pool)
    half = len(scratch) // 2
    pool[free : free + n_left] = scratch[:n_left]
    pool[free + n_left : free + n_left + n_right] = scratch[half : half + n_right]
    parts.hull[p, 0], parts.hull[p, 1], parts.hull[p, 2] = free, n_left, n_right
    parts.area[p] += parts.area[q]
    parts.peak[p] = max(parts.peak[p], parts.peak[q])
    parts.light[p] += parts.light[q]
    parts.inner[p] += parts.inner[q]
    return free + n_left + n_right


@njit(cache=True)
def _take_edges(parts, edges, p, q, changed):  # type: ignore[no-untyped-def]
    """Give the edges of q to p, adding up those to the same part; return how many are listed in `changed`."""
    n, h = 0, parts.head[q]
    while h >= 0:
        e, side, after = h >> 1, h & 1, edges.following[h]
        if edges.alive[e]:
            r = edges.ends[e, 1 - side]
            same = _find_edge(parts, edges, p, r)
            if same >= 0:
                edges.alive[e] = False
                parts.degree[r] -= 1
                edges.saddle[same] = max(edges.saddle[same], edges.saddle[e])
                edges.cut[same] += edges.cut[e]
                e = same
            else:
                edges.ends[e, side] = p
                edges.following[h] = parts.head[p]
                parts.head[p] = h
                parts.degree[p] += 1
            changed[n] = e
            n += 1
        h = after
    return n


@njit(cache=True)
def _link(parts, edges):  # type: ignore[no-untyped-def]
    """Set up the list of edges of each part."""
    for e in range(len(edges.ends)):
        for side in range(2):
            part = edges.ends[e, side]
            edges.following[2 * e + side] = parts.head[part]
            parts.head[part] = 2 * e + side
            parts.degree[part] += 1


@njit(cache=True)
def _work_off(parts, pool, free, edges, limits, scratch, heap, changed):  # type: ignore[no-untyped-def]
    """Merge what is queued, lowest key first; return the free end of the pool and whether a hub was merged."""
    hubs = False
    while len(heap) > 0:
        key, e, version = heapq.heappop(heap)
        if not edges.alive[e] or version != edges.version[e]:
            continue
        now, doubt = _evidence(parts, pool, edges, e, limits, scratch)
        if now > key:  # a hub has changed meanwhile
            if now < 1:
                heapq.heappush(heap, (now, e, version))
            continue
        p, q = edges.ends[e]
        if parts.degree[p] < parts.degree[q] or (parts.degree[p] == parts.degree[q] and p > q):
            p, q = q, p
        edges.alive[e] = False
        parts.degree[p] -= 1
        parts.doubt[p] = max(doubt, parts.doubt[p], parts.doubt[q])
        free = _unite(parts, pool, free, p, q, scratch)
        n = _take_edges(parts, edges, p, q, changed)
        if parts.degree[p] <= _HUB:
            h = parts.head[p]
            while h >= 0:
                if edges.alive[h >> 1]:
                    _queue(parts, pool, edges, h >> 1, limits, scratch, heap)
                h = edges.following[h]
        else:
            hubs = True
            for i in range(n):
                _queue(parts, pool, edges, changed[i], limits, scratch, heap)
    return free, hubs


@njit(cache=True)
def merge_parts(parts, pool, edges, limits, height):  # type: ignore[no-untyped-def]
    """Merge all parts that belong together; fills `parts.target`, and `parts.doubt` for merges and kept cuts."""
    scratch = np.empty((2 * (2 * height + 3), 2), np.int64)  # a chain has one point per half row at most
    changed = np.empty(len(edges.ends) + 1, np.int64)
    _link(parts, edges)
    free, again = len(pool) // 2, True
    heap = [(np.float64(0), np.int64(0), np.int64(-1))]
    while again:
        for e in range(len(edges.ends)):
            if edges.alive[e]:
                _queue(parts, pool, edges, e, limits, scratch, heap)
        free, again = _work_off(parts, pool, free, edges, limits, scratch, heap, changed)
    for e in range(len(edges.ends)):
        if edges.alive[e]:
            _, doubt = _evidence(parts, pool, edges, e, limits, scratch)
            for side in range(2):
                parts.doubt[edges.ends[e, side]] = max(parts.doubt[edges.ends[e, side]], doubt)


@njit(cache=True)
def renumber(labels, target, doubt):  # type: ignore[no-untyped-def]
    """Return labels of the merged parts, 1..K in raster order, and the doubt of each."""
    names = np.zeros(len(target), np.int32)
    root = target.copy()
    height, width = labels.shape
    for part in range(len(target)):
        while root[part] != root[root[part]]:
            root[part] = root[root[part]]
    doubts, n = np.empty(len(target)), 0
    for y in range(height):
        x = 0
        while x < width:
            label = labels[y, x]
            part = root[label]
            if label > 0 and names[part] == 0:
                doubts[n] = doubt[part]
                n += 1
                names[part] = n
            x = run_end(labels[y], x)
    for part in range(len(target)):
        root[part] = names[root[part]]
    return _name_parts(labels, root), doubts[:n].copy()


@njit(cache=True, parallel=True)
def _name_parts(labels, names):  # type: ignore[no-untyped-def]
    """Return the labels by their names; what is not positive is background."""
    out = np.empty_like(labels)
    for y in prange(labels.shape[0]):
        for x in range(labels.shape[1]):
            out[y, x] = names[labels[y, x]] if labels[y, x] > 0 else 0
    return out
