"""Convex hulls of pixel sets as two chains of whole numbers: kernels for `convex_merge` and the measures of shape.

The left chain of a hull has its smallest x, the right chain its largest, both from top to bottom. The right one is kept
mirrored (-x), so that one rule serves both. Two hulls are joined by merging their chains by y: linear, and exact.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

__all__ = ["fill_chains", "join_chains", "part_extents", "push_corner", "run_end", "twice_hull_area"]

_STRIPS = 16


@njit(cache=True)
def run_end(row, x):  # type: ignore[no-untyped-def]
    """Return the column behind the run of equal labels that begins at x, sixteen pixels at a time where it can."""
    # indices without sign: a column counted from the end would keep the compiler from vector units
    width, part, at = np.uint64(len(row)), row[x], np.uint64(x + 1)
    while at + np.uint64(16) <= width:
        other = part ^ part
        for i in range(16):
            other |= row[at + np.uint64(i)] ^ part
        if other != 0:
            break
        at += np.uint64(16)
    while at < width and row[at] == part:
        at += np.uint64(1)
    return np.int64(at)


@njit(cache=True)
def push_corner(chain, n, y, x):  # type: ignore[no-untyped-def]
    """Add (y, x) to the convex chain of smallest x, y never decreasing; return the new length."""
    if n > 0 and chain[n - 1, 0] == y:
        if x >= chain[n - 1, 1]:
            return n
        n -= 1
    while n > 1:
        ya, xa, yb, xb = chain[n - 2, 0], chain[n - 2, 1], chain[n - 1, 0], chain[n - 1, 1]
        if xb * (y - ya) < xa * (y - yb) + x * (yb - ya):
            break
        n -= 1
    chain[n, 0], chain[n, 1] = y, x
    return n + 1


@njit(cache=True)
def part_extents(labels, n_parts):  # type: ignore[no-untyped-def]
    """Return area, top row, first table row (n_parts + 2) and the table of first and last columns of all parts."""
    width = labels.shape[1]
    # whole numbers: it does not matter how many strips there are; many parts leave no room for many
    n_strips = max(1, min(_STRIPS, labels.size // (8 * (n_parts + 1))))
    areas, tops, bottoms = _strip_extents(labels, n_parts, n_strips)
    area, top, bottom = areas[0], tops[0], bottoms[0]
    start = np.zeros(n_parts + 2, np.int64)
    for part in range(1, n_parts + 1):
        for strip in range(1, n_strips):
            area[part] += areas[strip, part]
            top[part] = min(top[part], tops[strip, part])
            bottom[part] = max(bottom[part], bottoms[strip, part])
        start[part + 1] = start[part] + max(0, bottom[part] - top[part] + 1)
    columns = np.empty((start[n_parts + 1], 2), np.int32)
    columns[:, 0], columns[:, 1] = width, -1
    _fill_columns(labels, top, start, columns)
    return area, top, start, columns


@njit(cache=True, parallel=True)
def _strip_extents(labels, n_parts, n_strips):  # type: ignore[no-untyped-def]
    """Return area, top and bottom row of all parts in each strip of rows."""
    height, width = labels.shape
    rows = (height + n_strips - 1) // n_strips
    areas = np.zeros((n_strips, n_parts + 1), np.int64)
    tops = np.full((n_strips, n_parts + 1), height, np.int64)
    bottoms = np.full((n_strips, n_parts + 1), -1, np.int64)
    for strip in prange(n_strips):
        area, top, bottom = areas[strip], tops[strip], bottoms[strip]
        for y in range(np.int64(strip) * rows, min(height, (np.int64(strip) + 1) * rows)):
            row = labels[y]
            x = 0
            while x < width:
                part, first = row[x], x
                x = run_end(row, x)
                if part > 0:
                    area[part] += x - first
                    top[part] = min(top[part], y)
                    bottom[part] = y
    return areas, tops, bottoms


@njit(cache=True, parallel=True)
def _fill_columns(labels, top, start, columns):  # type: ignore[no-untyped-def]
    """Write the first and last column of each part in each row; no two rows share a place."""
    height, width = labels.shape
    for line in prange(height):
        y = np.int64(line)
        row = labels[y]
        x = 0
        while x < width:
            part, first = row[x], x
            x = run_end(row, x)
            if part > 0:
                place = start[part] + y - top[part]
                columns[place, 0] = min(columns[place, 0], first)
                columns[place, 1] = max(columns[place, 1], x - 1)


@njit(cache=True)
def fill_chains(columns, top, points):  # type: ignore[no-untyped-def]
    """Write the hull of one part from its columns per row; return the lengths of both chains.

    Its corners are the middles of the pixel edges, in half pixels: the hull of a digital disc then has nearly the area
    of its pixels, where whole pixel squares would add the steps of the outline. The left chain begins at points[0], the
    right one, moved down to follow it, needs as much room: 3 points for each row and chain.
    """
    n_left = n_right = 0
    room = 3 * len(columns)
    left, right = points[:room], points[room:]
    for row in range(len(columns)):
        if columns[row, 1] < 0:
            continue
        y, a, b = 2 * (top + row), 2 * np.int64(columns[row, 0]), -2 * np.int64(columns[row, 1])
        for step in range(-1, 2):
            out = 1 - abs(step)
            n_left = push_corner(left, n_left, y + step, a - out)
            n_right = push_corner(right, n_right, y + step, b - out)
    for i in range(n_right):
        points[n_left + i, 0], points[n_left + i, 1] = right[i, 0], right[i, 1]
    return n_left, n_right


@njit(cache=True)
def join_chains(one, two, out):  # type: ignore[no-untyped-def]
    """Write the chain of the hull of two chains; return its length."""
    i = j = n = 0
    while i < len(one) or j < len(two):
        if j == len(two) or (i < len(one) and one[i, 0] <= two[j, 0]):
            n = push_corner(out, n, one[i, 0], one[i, 1])
            i += 1
        else:
            n = push_corner(out, n, two[j, 0], two[j, 1])
            j += 1
    return n


@njit(cache=True)
def twice_hull_area(left, right):  # type: ignore[no-untyped-def]
    """Return twice the area between a left and a (mirrored) right chain, which end at the same rows."""
    doubled = np.int64(0)
    for i in range(1, len(left)):
        doubled -= (left[i, 0] - left[i - 1, 0]) * (left[i, 1] + left[i - 1, 1])
    for i in range(1, len(right)):
        doubled -= (right[i, 0] - right[i - 1, 0]) * (right[i, 1] + right[i - 1, 1])
    return doubled
