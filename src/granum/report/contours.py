"""Outlines of objects along the edges of their pixels, holes included: exact, filling them gives back the labels.

Vertices are pixel corners: the first pixel of an image covers the square from (0, 0) to (1, 1). That is the convention
of QuPath, ImageJ and COCO; in granum's own convention (pixel centres are integers) subtract 0.5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_labels

__all__ = ["Polygon", "fill_contours", "trace_contours"]

Polygon = list[NDArray[np.int32]]
"""Rings of corners (y, x), not closed: the outer ring first, then its holes."""


@njit(cache=True)
def _trace_rings(labels: Any) -> Any:
    """Walk every boundary with the object on the right hand; return corners, ring ends and ring labels."""
    height, width = labels.shape
    walked = np.zeros((height, width), np.uint8)  # top edge of the pixel is part of a ring already
    corners = np.empty((1024, 2), np.int32)
    ends = np.empty(64, np.int64)
    owners = np.empty(64, np.int32)
    n_corners, n_rings = 0, 0
    step_y, step_x = (0, 1, 0, -1), (1, 0, -1, 0)
    # the pixels ahead of a corner, as offsets from it: on the left and on the right hand, for right, down, left, up
    left_y, left_x = (-1, 0, 0, -1), (0, 0, -1, -1)
    right_y, right_x = (0, 0, -1, -1), (0, -1, -1, 0)
    for y0 in range(height):
        for x0 in range(width):
            label = labels[y0, x0]
            if label == 0 or walked[y0, x0] or (y0 > 0 and labels[y0 - 1, x0] == label):
                continue
            y, x, direction = y0, x0, 0
            while True:
                if direction == 0:
                    if walked[y, x]:
                        break
                    walked[y, x] = 1
                y += step_y[direction]
                x += step_x[direction]
                ly, lx = y + left_y[direction], x + left_x[direction]
                ry, rx = y + right_y[direction], x + right_x[direction]
                right = 0 <= ry < height and 0 <= rx < width and labels[ry, rx] == label
                left = 0 <= ly < height and 0 <= lx < width and labels[ly, lx] == label
                if right and not left:
                    continue
                # pixels that touch only by a corner are not joined: turn right there
                direction = (direction + 3) % 4 if right else (direction + 1) % 4
                if n_corners == len(corners):
                    more = np.empty((2 * n_corners, 2), np.int32)
                    more[:n_corners] = corners
                    corners = more
                corners[n_corners, 0] = y
                corners[n_corners, 1] = x
                n_corners += 1
            if n_rings == len(ends):
                more_ends = np.empty(2 * n_rings, np.int64)
                more_ends[:n_rings] = ends
                ends = more_ends
                more_owners = np.empty(2 * n_rings, np.int32)
                more_owners[:n_rings] = owners
                owners = more_owners
            ends[n_rings] = n_corners
            owners[n_rings] = label
            n_rings += 1
    return corners[:n_corners], ends[:n_rings], owners[:n_rings]


def _simple_rings(ring: NDArray[np.int32]) -> Polygon:
    """Cut a ring that touches itself at a corner into rings that do not."""
    codes = list(map(tuple, ring.tolist()))
    if len(set(codes)) == len(codes):
        return [ring]
    rings: Polygon = []
    stack: list[tuple[int, int]] = []
    place: dict[tuple[int, int], int] = {}
    for code in codes:
        if code in place:
            start = place[code]
            rings.append(np.array(stack[start:], dtype=np.int32))
            for gone in stack[start:]:
                del place[gone]
            del stack[start:]
        place[code] = len(stack)
        stack.append(code)
    rings.append(np.array(stack, dtype=np.int32))
    return rings


def _doubled_area(ring: NDArray[np.int32]) -> int:
    """Return twice the signed area: positive for an outer ring, negative for a hole."""
    y, x = ring[:, 0].astype(np.int64), ring[:, 1].astype(np.int64)
    return int(np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:]) + x[-1] * y[0] - y[-1] * x[0])


def _surrounds(outer: NDArray[np.int32], hole: NDArray[np.int32]) -> bool:
    """Return whether the pixel just inside the hole's first corner lies inside the outer ring."""
    corner = hole[np.lexsort((hole[:, 1], hole[:, 0]))[0]]  # topmost, then leftmost: the hole is below and right of it
    y, x = corner[0] + 0.5, corner[1] + 0.5
    ay, ax = outer[:, 0], outer[:, 1]
    by = np.roll(ay, -1)
    crosses = (np.minimum(ay, by) < y) & (np.maximum(ay, by) > y) & (ax < x)
    return bool(np.count_nonzero(crosses) % 2)


def _group_rings(rings: Polygon) -> list[Polygon]:
    """Return polygons: each outer ring with the holes inside it."""
    if len(rings) == 1:
        return [rings]
    outers = [ring for ring in rings if _doubled_area(ring) > 0]
    holes = [ring for ring in rings if _doubled_area(ring) < 0]
    polygons = [[outer] for outer in outers]
    for hole in holes:
        inside = [polygon for polygon in polygons if len(outers) == 1 or _surrounds(polygon[0], hole)]
        min(inside, key=lambda polygon: _doubled_area(polygon[0])).append(hole)
    return polygons


def trace_contours(labels: ArrayLike) -> dict[int, list[Polygon]]:
    """Return the outline of every object along pixel edges.

    Parameters
    ----------
    labels : (Y, X) array_like of int
        0 background, 1..K objects; an object may have holes and several parts.

    Returns
    -------
    contours : dict of int -> list of Polygon
        For each label, in rising order, its parts. A part is a list of rings, the outer one first and then its holes.
        A ring is an (N, 2) int32 array of corners (y, x), only where the direction changes, not closed; outer rings run
        clockwise on the screen, holes the other way. No ring touches itself.

    Notes
    -----
    One pass over the image and one over the boundaries. Parts that touch only by a corner are separate.

    Examples
    --------
    >>> import numpy as np
    >>> from granum.report import trace_contours
    >>> trace_contours(np.array([[0, 0, 0], [0, 1, 1]]))[1][0][0].tolist()
    [[1, 3], [2, 3], [2, 1], [1, 1]]
    """
    corners, ends, owners = _trace_rings(check_labels(labels))
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    found: dict[int, Polygon] = {}
    for ring in np.argsort(owners, kind="stable").tolist():
        rings = _simple_rings(corners[starts[ring] : ends[ring]])
        found.setdefault(int(owners[ring]), []).extend(rings)
    return {label: _group_rings(rings) for label, rings in found.items()}


def fill_contours(polygons: list[Polygon], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask that polygons along pixel edges enclose; the inverse of `trace_contours` for one label.

    Parameters
    ----------
    polygons : list of Polygon
        Rings of integer corners (y, x) with horizontal and vertical sides.
    shape : (int, int)
        Shape of the mask.

    Returns
    -------
    mask : (Y, X) bool ndarray
        Pixels inside an odd number of rings.
    """
    height, width = shape
    flips = np.zeros((height, width + 1), dtype=np.uint8)
    for ring in (ring for polygon in polygons for ring in polygon):
        for (y, x), (next_y, _) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            flips[min(y, next_y) : max(y, next_y), x] ^= 1
    return np.bitwise_xor.accumulate(flips, axis=1)[:, :width].astype(bool)
