"""The basins of all maxima of a relief, and where they meet: kernels for `hierarchy`, `peaks` and `watershed`.

Each pixel points at its highest neighbour, so it ends in the basin that a flood from above would give it, without any
queue or sort of pixels; what is left to sort is one saddle per pair of basins that touch. Pixels of equal height are
ordered by position, which makes every result independent of strips and threads.

Two pixels are neighbours across a corner only where they share a neighbour along an edge: basins never leave a
component.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from granum.errors import ShapeError

__all__ = ["find_basins", "find_plateau_centres", "follow_parents", "join_basins", "rename_labels"]

_ROWS = 32  # rows per strip
_CACHED = 1024  # pairs of touching basins that a strip remembers, so that it lists most pairs once
_NONE = np.float32(-np.inf)


def find_basins(
    relief: NDArray[np.float32], mask: NDArray[np.bool_], *, corners: bool
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Return the basin of each pixel (1..N), the flat position of each maximum, and which pairs touch, highest first.

    The pairs are an (E, 2) array of basins (0..N-1) and the (E,) heights of their saddles; a pair may come more than
    once.
    """
    height, width = mask.shape
    if mask.size >= 2**31:
        raise ShapeError(f"mask: has {mask.size} pixels, one piece may have {2**31 - 1}; cut it into tiles.")
    pixels = mask.view(np.uint8)
    labels = np.empty(mask.shape, np.int32)
    listed = np.empty(height * ((width + 1) // 2), np.int32)  # touched only where maxima are written
    counts = _climb(relief, pixels, corners, labels, listed)
    step = _ROWS * ((width + 1) // 2)
    maxima = np.concatenate([listed[i * step : i * step + n] for i, n in enumerate(counts)]).astype(np.int64)
    del listed
    labels.ravel()[maxima] = np.arange(1, len(maxima) + 1, dtype=np.int32)
    _follow(labels.ravel(), _ROWS * width)
    room = max(256, _ROWS * width // 8)
    while True:
        pairs, saddles, counts = _find_saddles(relief, pixels, corners, labels, room)
        if counts.max() <= room:
            break
        room = int(counts.max())
    pairs = np.concatenate([pairs[i, :n] for i, n in enumerate(counts)])
    saddles = np.concatenate([saddles[i, :n] for i, n in enumerate(counts)])
    # equal saddles in the order of their maxima, which no tiling changes
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -saddles))
    return labels, maxima, pairs[order], saddles[order]


@njit(cache=True)
def _load_row(relief: Any, mask: Any, y: Any, row: Any) -> None:
    """Copy row y of the relief to row[1:-1], with `_NONE` outside the mask and the image."""
    height, width = mask.shape
    row[:] = _NONE
    if 0 <= y < height:
        for x in range(width):
            row[x + 1] = relief[y, x] if mask[y, x] else _NONE


@njit(cache=True, parallel=True)
def _climb(relief: Any, mask: Any, corners: Any, labels: Any, listed: Any) -> Any:
    """Write -1 - (flat position of the highest of a pixel and its neighbours), and list the maxima strip by strip."""
    height, width = mask.shape
    strips = (height + _ROWS - 1) // _ROWS
    counts = np.zeros(strips, np.int64)
    for strip in prange(strips):
        y0, y1 = strip * _ROWS, min(height, (strip + 1) * _ROWS)
        count = y0 * ((width + 1) // 2)
        above = np.empty(width + 2, np.float32)
        here = np.empty(width + 2, np.float32)
        below = np.empty(width + 2, np.float32)
        _load_row(relief, mask, y0 - 1, above)
        _load_row(relief, mask, y0, here)
        for y in range(y0, y1):
            _load_row(relief, mask, y + 1, below)
            for x in range(width):
                if here[x + 1] == _NONE:
                    labels[y, x] = 0
                    continue
                north, south, west, east = above[x + 1], below[x + 1], here[x], here[x + 2]
                # in the order of positions, so that the earliest of equal neighbours wins
                best, shift = north, -width
                if corners:
                    if above[x] >= best and above[x] > _NONE and (north > _NONE or west > _NONE):
                        best, shift = above[x], -width - 1
                    if above[x + 2] > best and (north > _NONE or east > _NONE):
                        best, shift = above[x + 2], -width + 1
                if west > best:
                    best, shift = west, -1
                if here[x + 1] > best:
                    best, shift = here[x + 1], 0
                if east > best:
                    best, shift = east, 1
                if corners and below[x] > best and (south > _NONE or west > _NONE):
                    best, shift = below[x], width - 1
                if south > best:
                    best, shift = south, width
                if corners and below[x + 2] > best and (south > _NONE or east > _NONE):
                    best, shift = below[x + 2], width + 1
                labels[y, x] = -1 - (y * width + x + shift)
                if shift == 0:
                    listed[count] = y * width + x
                    count += 1
            above, here, below = here, below, above
        counts[strip] = count - y0 * ((width + 1) // 2)
    return counts


@njit(cache=True, parallel=True)
def _follow(labels: Any, step: Any) -> None:
    """Replace each pointer by the basin that it leads to.

    A path may cross strips: threads then write the same basin to the same pixel, whichever comes first.
    """
    for strip in prange((labels.size + step - 1) // step):
        for start in range(strip * step, min(labels.size, (strip + 1) * step)):
            pointer = labels[start]
            if pointer >= 0:
                continue
            while pointer < 0:
                pointer = labels[-1 - pointer]
            basin = pointer
            position = start
            while True:
                pointer = labels[position]
                if pointer >= 0:
                    break
                labels[position] = basin
                position = -1 - pointer


@njit(cache=True)
def _note_saddle(one: Any, two: Any, saddle: Any, slots: Any, pairs: Any, saddles: Any, count: Any) -> Any:
    """List a pair of basins with its saddle, or raise the saddle of the pair when it is still remembered."""
    low, high = (one, two) if one < two else (two, one)
    slot = (low * 31 + high) & (_CACHED - 1)
    known = slots[slot]
    if known >= 0 and pairs[known, 0] == low - 1 and pairs[known, 1] == high - 1:
        saddles[known] = max(saddles[known], saddle)
        return count
    if count < len(saddles):
        pairs[count, 0], pairs[count, 1], saddles[count] = low - 1, high - 1, saddle
        slots[slot] = count
    return count + 1


@njit(cache=True, parallel=True)
def _find_saddles(relief: Any, mask: Any, corners: Any, labels: Any, room: Any) -> Any:
    """List per strip which basins touch, and how high; counts past `room` say how much room is needed."""
    height, width = mask.shape
    strips = (height + _ROWS - 1) // _ROWS
    pairs = np.empty((strips, room, 2), np.int32)
    saddles = np.empty((strips, room), np.float32)
    counts = np.zeros(strips, np.int64)
    for strip in prange(strips):
        slots = np.full(_CACHED, -1, np.int64)
        count = 0
        for y in range(strip * _ROWS, min(height, (strip + 1) * _ROWS)):
            last = y + 1 == height
            for x in range(width):
                own = labels[y, x]
                if own == 0:
                    continue
                level = relief[y, x]
                east = labels[y, x + 1] if x + 1 < width else 0
                south = labels[y + 1, x] if not last else 0
                if east > 0 and east != own:
                    saddle = min(level, relief[y, x + 1])
                    count = _note_saddle(own, east, saddle, slots, pairs[strip], saddles[strip], count)
                if south > 0 and south != own:
                    saddle = min(level, relief[y + 1, x])
                    count = _note_saddle(own, south, saddle, slots, pairs[strip], saddles[strip], count)
                if not corners or last:
                    continue
                if x > 0:
                    other = labels[y + 1, x - 1]
                    if other > 0 and other != own and (south > 0 or labels[y, x - 1] > 0):
                        saddle = min(level, relief[y + 1, x - 1])
                        count = _note_saddle(own, other, saddle, slots, pairs[strip], saddles[strip], count)
                if x + 1 < width:
                    other = labels[y + 1, x + 1]
                    if other > 0 and other != own and (south > 0 or east > 0):
                        saddle = min(level, relief[y + 1, x + 1])
                        count = _note_saddle(own, other, saddle, slots, pairs[strip], saddles[strip], count)
        counts[strip] = count
    return pairs, saddles, counts


@njit(cache=True)
def _find_root(joined: Any, basin: Any) -> Any:
    """Return the highest maximum of the joined basins that hold `basin`, halving the path on the way."""
    while joined[basin] != basin:
        joined[basin] = joined[joined[basin]]
        basin = joined[basin]
    return basin


@njit(cache=True)
def join_basins(heights: Any, pairs: Any, saddles: Any) -> Any:
    """Join basins from the highest saddle down; the lower maximum ends at the saddle, the earlier of equal ones stays.

    Returns per basin the saddle where it ends (-inf: never) and the basin that it touches there (-1: none).
    """
    joined = np.arange(len(heights))
    ends = np.full(len(heights), -np.inf, np.float32)
    parents = np.full(len(heights), -1, np.int32)
    for i in range(len(saddles)):
        one, two = pairs[i, 0], pairs[i, 1]
        first, second = _find_root(joined, one), _find_root(joined, two)
        if first == second:
            continue
        if heights[first] < heights[second] or (heights[first] == heights[second] and first > second):
            first, second = second, first
            one, two = two, one
        joined[second] = first
        ends[second] = saddles[i]
        parents[second] = one
    return ends, parents


@njit(cache=True)
def follow_parents(parents: Any, keep: Any) -> Any:
    """Return for each basin the first one with `keep` on its way to the root; a basin without a parent is kept."""
    targets = np.full(len(parents), -1, np.int64)
    for start in range(len(parents)):
        basin = start
        while targets[basin] < 0 and not keep[basin] and parents[basin] >= 0:
            basin = parents[basin]
        target = targets[basin] if targets[basin] >= 0 else basin
        basin = start
        while targets[basin] < 0:
            targets[basin] = target
            if basin == target:
                break
            basin = parents[basin]
    return targets


@njit(cache=True)
def _note_equal(labels: Any, relief: Any, y: Any, x: Any, level: Any, queue: Any, count: Any) -> Any:
    """Put a pixel of the plateau into the queue, once: its label is negative while it is there."""
    if labels[y, x] > 0 and relief[y, x] == level:
        labels[y, x] = -labels[y, x]
        if count == len(queue):
            grown = np.empty(2 * len(queue), np.int64)
            grown[:count] = queue
            queue = grown
        queue[count] = y * labels.shape[1] + x
        count += 1
    return queue, count


@njit(cache=True)
def find_plateau_centres(relief: Any, labels: Any, maxima: Any, corners: Any) -> Any:
    """Return for each maximum the pixel of its plateau that is nearest to the plateau's centroid, as flat position."""
    height, width = labels.shape
    centres = np.empty(len(maxima), np.int64)
    queue = np.empty(64, np.int64)
    for i in range(len(maxima)):
        first_y, first_x = maxima[i] // width, maxima[i] % width
        level = relief[first_y, first_x]
        queue, count = _note_equal(labels, relief, first_y, first_x, level, queue, 0)
        done = 0
        sum_y, sum_x = 0, 0
        while done < count:
            y, x = queue[done] // width, queue[done] % width
            done += 1
            sum_y += y - first_y  # from the first pixel, so that rounding is the same wherever the plateau lies
            sum_x += x - first_x
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    v, u = y + dy, x + dx
                    if v < 0 or u < 0 or v >= height or u >= width or (dy == 0 and dx == 0):
                        continue
                    if dy != 0 and dx != 0 and not (corners and (labels[y, u] != 0 or labels[v, x] != 0)):
                        continue
                    queue, count = _note_equal(labels, relief, v, u, level, queue, count)
        nearest = -1.0
        for k in range(count):
            y, x = queue[k] // width, queue[k] % width
            labels[y, x] = -labels[y, x]
            away = (y - first_y - sum_y / count) ** 2 + (x - first_x - sum_x / count) ** 2
            if nearest < 0 or away < nearest or (away == nearest and queue[k] < centres[i]):
                nearest, centres[i] = away, queue[k]
    return centres


@njit(cache=True, parallel=True)
def rename_labels(labels: Any, names: Any) -> None:
    """Replace each label by names[label], in place."""
    for y in prange(labels.shape[0]):
        for x in range(labels.shape[1]):
            if labels[y, x] != 0:
                labels[y, x] = names[labels[y, x]]
