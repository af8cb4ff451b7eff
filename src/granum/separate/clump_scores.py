"""How much the parts of every clump look like single objects, without labels: convex, and cut along short lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from granum.separate.hulls import fill_chains, part_extents, run_end, twice_hull_area

__all__ = ["clumps_of_parts", "hull_areas", "outlines", "score_clumps"]

_CUT_COST = 0.3
_STRIPS = 16


def score_clumps(
    labels: NDArray[np.int32], clumps: NDArray[np.int32], n_clumps: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the score and the number of parts of every clump.

    Parameters
    ----------
    labels : (Y, X) ndarray of int32
        Parts, 1..K without gaps.
    clumps : (Y, X) ndarray of int32
        Connected regions that hold the parts.
    n_clumps : int
        The largest clump number.

    Returns
    -------
    scores : (n_clumps + 1,) ndarray of float64
        Area-weighted mean over the parts of solidity x (1 - 0.3 x cut share), 0..1; index 0 is unused. The cut share is
        the part of the outline that borders on another part.
    counts : (n_clumps + 1,) ndarray of int64
        Parts in each clump.
    """
    n_parts = int(labels.max())
    area, hull = hull_areas(labels, n_parts)
    outline, cut, clump_of = outlines(labels, clumps, n_parts)
    solidity = np.minimum(area / np.maximum(hull, 1.0), 1.0)
    value = solidity * (1 - _CUT_COST * cut / np.maximum(outline, 1))
    weights = np.bincount(clump_of[1:], weights=area[1:], minlength=n_clumps + 1)
    scores = np.bincount(clump_of[1:], weights=(value * area)[1:], minlength=n_clumps + 1) / np.maximum(weights, 1)
    return scores, np.bincount(clump_of[1:], minlength=n_clumps + 1)


@njit(cache=True, parallel=True)
def hull_areas(labels: Any, n_parts: Any) -> Any:
    """Return the area of every part 0..K and of its convex hull, in pixels."""
    area, top, first, columns = part_extents(labels, n_parts)
    hull = np.zeros(n_parts + 1)
    for part in prange(n_parts):
        k = np.int64(part) + 1
        if area[k] == 0:
            continue
        points = np.empty((6 * (first[k + 1] - first[k]), 2), np.int64)
        left, right = fill_chains(columns[first[k] : first[k + 1]], top[k], points)
        hull[k] = twice_hull_area(points[:left], points[left : left + right]) / 8.0
    return area.astype(np.float64), hull


def outlines(
    labels: NDArray[np.int32], clumps: NDArray[np.int32], n_parts: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return outline and cut outline of every part 0..K in pixel edges, and the clump that holds it."""
    # whole numbers, so that it does not matter how many strips are added; many parts leave no room for many strips
    n_strips = max(1, min(_STRIPS, labels.size // (8 * (n_parts + 1))))
    outline, cut, last = _strip_outlines(labels, clumps, n_parts, n_strips)
    clump_of = last[0]
    for strip in last[1:]:
        clump_of = np.where(strip != 0, strip, clump_of)
    return outline.sum(axis=0), cut.sum(axis=0), clump_of


@njit(cache=True)
def clumps_of_parts(labels: Any, clumps: Any, n_parts: Any) -> Any:
    """Return the clump that holds each part 0..K, by its last pixel."""
    clump_of = np.zeros(n_parts + 1, np.int32)
    width = labels.shape[1]
    for y in range(labels.shape[0]):
        row = labels[y]
        x = 0
        while x < width:
            k = row[x]
            x = run_end(row, x)
            clump_of[k] = clumps[y, x - 1]
    return clump_of


@njit(cache=True)
def _count_edges(row: Any, other: Any, edges: Any, cuts: Any, there: Any, frame: Any) -> None:
    """Count the edges between two rows for the parts of one or both; with `frame` all pixels of the first have one."""
    width = len(row)
    x = 0
    while x < width:
        if not frame and x + 16 <= width:  # most pixels have the same label above and below
            apart = np.int32(0)
            at = np.uint64(x)  # without sign: a column counted from the end would keep the compiler from vector units
            for i in range(16):
                apart |= row[at + np.uint64(i)] ^ other[at + np.uint64(i)]
            if apart == 0:
                x += 16
                continue
        for a in range(x, min(width, x + 16)):
            one, two = row[a], other[a]
            if frame:
                edges[one] += np.int64(one != 0)
            elif one != two:
                both = np.int64((one != 0) & (two != 0))
                edges[one] += np.int64(one != 0)
                cuts[one] += both
                if there:
                    edges[two] += np.int64(two != 0)
                    cuts[two] += both
        x += 16


@njit(cache=True, parallel=True)
def _strip_outlines(labels: Any, clumps: Any, n_parts: Any, n_strips: Any) -> Any:
    """Return the same for each strip of rows."""
    height, width = labels.shape
    rows = (height + n_strips - 1) // n_strips
    outline = np.zeros((n_strips, n_parts + 1), np.int64)
    cut = np.zeros((n_strips, n_parts + 1), np.int64)
    clump_of = np.zeros((n_strips, n_parts + 1), np.int64)
    for strip in prange(n_strips):
        edges, cuts, clump = outline[strip], cut[strip], clump_of[strip]
        first_row, last_row = np.int64(strip) * rows, min(height, (np.int64(strip) + 1) * rows)
        for y in range(first_row, last_row):
            row = labels[y]
            x = 0
            while x < width:
                k, first = row[x], x
                x = run_end(row, x)
                if k != 0:
                    clump[k] = clumps[y, x - 1]
                    edges[k] += 2
                    cuts[k] += np.int64(first > 0 and row[first - 1] != 0) + np.int64(x < width and row[x] != 0)
            # a pair of rows counts for both where both belong to the strip
            if y == 0:
                _count_edges(row, row, edges, cuts, False, True)
            elif y == first_row:
                _count_edges(row, labels[y - 1], edges, cuts, False, False)
            if y + 1 == height:
                _count_edges(row, row, edges, cuts, False, True)
            else:
                _count_edges(row, labels[y + 1], edges, cuts, y + 1 < last_row, False)
    return outline, cut, clump_of
