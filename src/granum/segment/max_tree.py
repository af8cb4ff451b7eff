"""The max-tree (component tree) of an image, and what each of its components looks like: kernels.

A component at level t is a connected piece of ``levels >= t``. Pieces of falling levels hold each other, so they form a
tree, with the whole image at the root. Pixels are joined 8-wise: then disjoint components never touch.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "build_max_tree",
    "describe_components",
    "gradient_magnitude",
    "number_components",
    "select_components",
    "write_labels",
]

_DIAGONAL = 0.5**0.5


@njit(cache=True)
def _root(above: NDArray[np.int32], pixel: int) -> int:
    """Return the root of a pixel's set, halving the path to it."""
    while above[pixel] != pixel:
        above[pixel] = above[above[pixel]]
        pixel = above[pixel]
    return pixel


@njit(cache=True)
def _sort_pixels(levels: NDArray[np.uint16]) -> NDArray[np.int32]:
    """Return the flat indices of the pixels by rising level; pixels of one level in raster order."""
    starts = np.zeros(65537, np.int64)
    for level in levels:
        starts[level + 1] += 1
    for level in range(65536):
        starts[level + 1] += starts[level]
    order = np.empty(levels.size, np.int32)
    for pixel in range(levels.size):
        level = levels[pixel]
        order[starts[level]] = pixel
        starts[level] += 1
    return order


@njit(cache=True)
def build_max_tree(levels: NDArray[np.uint16], width: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return (order, parent) of flat `levels`: pixels by rising level, the root first, and each pixel's parent pixel.

    One pixel of each component, its canonical pixel, stands for it: its parent has a lower level (the root is its own
    parent). The parent of every other pixel is the canonical pixel of its component.
    """
    order = _sort_pixels(levels)
    size = levels.size
    parent = np.empty(size, np.int32)
    above = np.full(size, -1, np.int32)  # union-find, balanced by rank
    rank = np.zeros(size, np.uint8)
    lowest = np.empty(size, np.int32)  # the canonical pixel of a set, kept at its union-find root
    for step in range(size - 1, -1, -1):
        pixel = order[step]
        parent[pixel] = pixel
        above[pixel] = pixel
        lowest[pixel] = pixel
        top = pixel
        x = pixel % width
        for dy in range(-width, width + 1, width):
            for dx in range(-1, 2):
                neighbour = pixel + dy + dx
                if (dy == 0 and dx == 0) or neighbour < 0 or neighbour >= size or x + dx < 0 or x + dx >= width:
                    continue
                if above[neighbour] < 0:
                    continue
                other = _root(above, neighbour)
                if other == top:
                    continue
                parent[lowest[other]] = pixel
                if rank[top] < rank[other]:
                    top, other = other, top
                elif rank[top] == rank[other]:
                    rank[top] += 1
                above[other] = top
                lowest[top] = pixel
    for pixel in order:
        higher = parent[pixel]
        if levels[parent[higher]] == levels[higher]:
            parent[pixel] = parent[higher]
    return order, parent


@njit(cache=True)
def number_components(
    levels: NDArray[np.uint16], order: NDArray[np.int32], parent: NDArray[np.int32], min_area: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.uint16]]:
    """Return (node, above, area, level) of the components of at least `min_area` pixels; 0 is the root, always there.

    `node` is the smallest of them around each pixel, `above` the next larger one, always with a lower number.
    """
    sizes = np.ones(order.size, np.int32)
    count = 0
    for step in range(order.size - 1, 0, -1):
        pixel = order[step]
        sizes[parent[pixel]] += sizes[pixel]
        if levels[parent[pixel]] != levels[pixel] and sizes[pixel] >= min_area:
            count += 1
    above = np.zeros(count + 1, np.int32)
    area = np.zeros(count + 1, np.int32)
    level = np.zeros(count + 1, np.uint16)
    area[0] = sizes[order[0]]
    level[0] = levels[order[0]]
    node = np.zeros(order.size, np.int32)
    count = 0
    for step in range(1, order.size):
        pixel = order[step]
        up = parent[pixel]
        node[pixel] = node[up]
        if levels[up] != levels[pixel] and sizes[pixel] >= min_area:
            count += 1
            above[count] = node[up]
            area[count] = sizes[pixel]
            level[count] = levels[pixel]
            node[pixel] = count
    return node, above, area, level


@njit(cache=True)
def gradient_magnitude(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the length of the gradient per pixel by central differences."""
    height, width = image.shape
    result = np.empty((height, width), np.float32)
    for y in range(height):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            dy = (image[down, x] - image[up, x]) * np.float32(0.5)
            dx = (image[y, right] - image[y, left]) * np.float32(0.5)
            result[y, x] = np.sqrt(dy * dy + dx * dx)
    return result


@njit(cache=True)
def _widen(extents: NDArray[np.int32], row: int, y: int, x: int) -> None:
    """Extend the ranges of y, x, y + x and y - x of one component by a pixel."""
    extents[row, 0] = min(extents[row, 0], y)
    extents[row, 1] = max(extents[row, 1], y)
    extents[row, 2] = min(extents[row, 2], x)
    extents[row, 3] = max(extents[row, 3], x)
    extents[row, 4] = min(extents[row, 4], y + x)
    extents[row, 5] = max(extents[row, 5], y + x)
    extents[row, 6] = min(extents[row, 6], y - x)
    extents[row, 7] = max(extents[row, 7], y - x)


@njit(cache=True)
def _add_edges(
    levels: NDArray[np.uint16],
    gradient: NDArray[np.float32],
    node: NDArray[np.int32],
    width: int,
    sums: NDArray[np.float64],
    extents: NDArray[np.int32],
) -> None:
    """Count each pair of neighbours at the component that holds only the brighter, take it off where both are held.

    Columns of `sums`: crossings of grid lines (length of the outline up to a factor), gradient, number of pairs.
    """
    size = levels.size
    for pixel in range(size):
        here = node[pixel]
        y, x = pixel // width, pixel % width
        _widen(extents, here, y, x)
        for direction in range(4):
            dy = 1 if direction > 0 else 0
            dx = (1, 0, 1, -1)[direction]
            weight = 1.0 if direction < 2 else _DIAGONAL
            # both ends of a line that leaves the image count, here and at the opposite side
            if y - dy < 0 or x - dx < 0 or x - dx >= width:
                sums[here, 0] += weight
            neighbour = pixel + dy * width + dx
            if neighbour >= size or x + dx < 0 or x + dx >= width:
                sums[here, 0] += weight
                continue
            there = node[neighbour]
            if here == there:
                continue
            inner, outer = (here, there) if levels[pixel] > levels[neighbour] else (there, here)
            sums[inner, 0] += weight
            sums[outer, 0] -= weight
            if direction < 2 and min(levels[pixel], levels[neighbour]) > 0:
                mean = 0.5 * (np.float64(gradient[pixel]) + np.float64(gradient[neighbour]))
                sums[inner, 1] += mean
                sums[outer, 1] -= mean
                sums[inner, 2] += 1
                sums[outer, 2] -= 1


@njit(cache=True)
def describe_components(
    levels: NDArray[np.uint16],
    gradient: NDArray[np.float32],
    node: NDArray[np.int32],
    above: NDArray[np.int32],
    width: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (convexity, edge) of numbered components: outline of the hull over the outline; mean gradient along it.

    Both outlines in four directions (Crofton). Level 0 is the outside of the analysed area: it has no gradient.
    """
    count = above.size
    sums = np.zeros((count, 3))
    extents = np.empty((count, 8), np.int32)
    extents[:, ::2] = 2**30
    extents[:, 1::2] = -(2**30)
    _add_edges(levels, gradient, node, width, sums, extents)
    convexity = np.empty(count, np.float32)
    edge = np.empty(count, np.float32)
    for row in range(count - 1, -1, -1):
        ranges = extents[row, 1::2] - extents[row, ::2] + 1
        hull = 2 * (ranges[0] + ranges[1] + _DIAGONAL * (ranges[2] + ranges[3]))
        convexity[row] = hull / max(sums[row, 0], 1.0)
        edge[row] = max(sums[row, 1], 0.0) / max(sums[row, 2], 1.0)
        if row > 0:
            up = above[row]
            sums[up] += sums[row]
            for column in range(0, 8, 2):
                extents[up, column] = min(extents[up, column], extents[row, column])
                extents[up, column + 1] = max(extents[up, column + 1], extents[row, column + 1])
    return convexity, edge


@njit(cache=True)
def select_components(
    above: NDArray[np.int32], area: NDArray[np.int32], score: NDArray[np.float64], number_power: float
) -> NDArray[np.int32]:
    """Return for each component the selected one that holds it, -1 when none does.

    From the leaves up, a component wins over the best selection inside it when its score is at least the mean of theirs
    weighted by area, times their effective number to `number_power`. Components of score 0 are not for selection.
    """
    count = above.size
    weight = np.zeros(count)
    value = np.zeros(count)
    square = np.zeros(count)
    taken = np.zeros(count, np.bool_)
    for row in range(count - 1, -1, -1):
        w, v, s = weight[row], value[row], square[row]
        inside = v / w * (w * w / s) ** number_power if w > 0 else 0.0
        if score[row] > 0 and score[row] >= inside:
            taken[row] = True
            w = np.float64(area[row])
            v, s = score[row] * w, w * w
        if row > 0:
            weight[above[row]] += w
            value[above[row]] += v
            square[above[row]] += s
    owner = np.full(count, -1, np.int32)
    for row in range(count):
        if row > 0 and owner[above[row]] >= 0:
            owner[row] = owner[above[row]]
        elif taken[row]:
            owner[row] = row
    return owner


@njit(cache=True)
def write_labels(
    number: NDArray[np.int32], node: NDArray[np.int32], count: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return labels 1..K in raster order from the object (0..K-1, or -1) of each node, and the object of each label."""
    labels = np.zeros(node.size, np.int32)
    turn = np.zeros(count, np.int32)
    given = np.zeros(count, np.int32)
    last = 0
    for pixel in range(node.size):
        item = number[node[pixel]]
        if item >= 0:
            if given[item] == 0:
                turn[last] = item
                last += 1
                given[item] = last
            labels[pixel] = given[item]
    return labels, turn
