"""Size and shape of each object: moments, Feret diameters, perimeter, hull."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from granum.measure.runs import ObjectRuns, find_runs
from granum.object_table import ObjectTable
from granum.separate.hulls import push_corner

__all__ = ["measure_shape", "shape_of_runs"]


@njit(cache=True)
def _sum_of_squares(n):  # type: ignore[no-untyped-def]
    """Return 0^2 + 1^2 + ... + n^2, continued to negative n so that differences stay right."""
    return n * (n + 1) * (2 * n + 1) // 6


@njit(cache=True)
def _moments_of(k, start, rows, first, last, area, box, centre, spread):  # type: ignore[no-untyped-def]
    """Fill row k of the tables of `_moments`."""
    y0, x0 = np.int64(rows[start[k]]), np.int64(first[start[k]])
    low_x, high_x = x0, x0
    n = sy = sx = syy = sxx = sxy = np.int64(0)
    for r in range(start[k], start[k + 1]):
        y, a, b = rows[r] - y0, first[r] - x0, last[r] - x0
        low_x, high_x = min(low_x, a + x0), max(high_x, b + x0)
        m = b - a + 1
        column_sum = (a + b) * m // 2
        n += m
        sy += y * m
        sx += column_sum
        syy += y * y * m
        sxx += _sum_of_squares(b) - _sum_of_squares(a - 1)
        sxy += y * column_sum
    # move the origin to the pixel nearest the centroid, in whole numbers: nothing is rounded or cancelled
    cy, cx = (2 * sy + n) // (2 * n), (2 * sx + n) // (2 * n)
    syy += cy * (n * cy - 2 * sy)
    sxx += cx * (n * cx - 2 * sx)
    sxy += n * cy * cx - cx * sy - cy * sx
    sy -= n * cy
    sx -= n * cx
    dy, dx = sy / n, sx / n
    area[k] = n
    box[k, 0], box[k, 1] = y0, low_x
    box[k, 2], box[k, 3] = rows[start[k + 1] - 1], high_x
    centre[k, 0], centre[k, 1] = y0 + cy + dy, x0 + cx + dx
    spread[k, 0] = syy / n - dy * dy
    spread[k, 1] = sxx / n - dx * dx
    spread[k, 2] = sxy / n - dy * dx


@njit(cache=True, parallel=True)
def _moments(start, rows, first, last, area, box, centre, spread):  # type: ignore[no-untyped-def]
    """Fill area (K,), box (K, 4: y0, x0, y1, x1 inclusive), centre (K, 2) and spread (K, 3: yy, xx, xy variances)."""
    for k in prange(len(area)):
        _moments_of(k, start, rows, first, last, area, box, centre, spread)


@njit(cache=True)
def _overlap(a, b, c, d):  # type: ignore[no-untyped-def]
    """Return how many whole numbers lie both in a..b and in c..d."""
    return max(0, min(b, d) - max(a, c) + 1)


@njit(cache=True)
def _intercepts_of(rows, first, last):  # type: ignore[no-untyped-def]
    """Return how often lines enter one object: along rows and columns, and along both diagonals."""
    n = above = slanted = 0
    row_begin = begin = end = p = 0
    for r in range(len(rows)):
        if r > row_begin and rows[r] != rows[r - 1]:
            begin, end = (row_begin, r) if rows[r] == rows[r - 1] + 1 else (r, r)
            row_begin = r
            p = begin
        a, b = first[r], last[r]
        n += b - a + 1
        while p < end and last[p] < a - 1:
            p += 1
        q = p
        while q < end and first[q] <= b + 1:
            above += _overlap(a, b, first[q], last[q])
            slanted += _overlap(a - 1, b - 1, first[q], last[q]) + _overlap(a + 1, b + 1, first[q], last[q])
            q += 1
    return len(rows) + n - above, 2 * n - slanted


@njit(cache=True)
def _hull(rows, first, last):  # type: ignore[no-untyped-def]
    """Return the corners (y, x) of the convex hull of the pixel squares of one object, in one turning sense."""
    n_rows = 1
    for r in range(1, len(rows)):
        n_rows += rows[r] != rows[r - 1]
    left = np.empty((2 * n_rows, 2), np.int64)
    right = np.empty((2 * n_rows, 2), np.int64)
    n_left = n_right = 0
    r = 0
    while r < len(rows):
        y, a = np.int64(rows[r]), np.int64(first[r])
        while r + 1 < len(rows) and rows[r + 1] == y:
            r += 1
        b = -(np.int64(last[r]) + 1)  # mirrored, so that one chain rule serves both sides
        for corner in range(2):
            n_left = push_corner(left, n_left, y + corner, a)
            n_right = push_corner(right, n_right, y + corner, b)
        r += 1
    hull = np.empty((n_left + n_right, 2), np.int64)
    for i in range(n_left):
        hull[i, 0], hull[i, 1] = left[i, 0], left[i, 1]
    for i in range(n_right):
        hull[n_left + i, 0] = right[n_right - 1 - i, 0]
        hull[n_left + i, 1] = -right[n_right - 1 - i, 1]
    return hull


@njit(cache=True)
def _reach(hull, i, j):  # type: ignore[no-untyped-def]
    """Return the distance of corner j from the edge i -> i + 1, times the length of the edge."""
    n = len(hull)
    i2, j = (i + 1) % n, j % n
    ey, ex = hull[i2, 0] - hull[i, 0], hull[i2, 1] - hull[i, 1]
    return ey * (hull[j, 1] - hull[i, 1]) - ex * (hull[j, 0] - hull[i, 0])


@njit(cache=True)
def _square_distance(hull, i, j):  # type: ignore[no-untyped-def]
    n = len(hull)
    i, j = i % n, j % n
    return (hull[i, 0] - hull[j, 0]) ** 2 + (hull[i, 1] - hull[j, 1]) ** 2


@njit(cache=True)
def _calipers(hull):  # type: ignore[no-untyped-def]
    """Return the smallest and the largest width of a convex polygon (rotating callipers)."""
    n = len(hull)
    narrowest, farthest = np.inf, np.int64(0)
    j = 1
    for i in range(n):
        if j == i:
            j += 1
        while _reach(hull, i, j + 1) > _reach(hull, i, j):
            j += 1
        narrowest = min(narrowest, _reach(hull, i, j) / np.sqrt(np.float64(_square_distance(hull, i, i + 1))))
        for step in range(2):  # with parallel edges the next corner is as far
            farthest = max(farthest, _square_distance(hull, i, j + step), _square_distance(hull, i + 1, j + step))
    return narrowest, np.sqrt(np.float64(farthest))


@njit(cache=True)
def _diagonal_width(hull, sign):  # type: ignore[no-untyped-def]
    """Return the width of the hull along y + sign x, in pixel steps as the perimeter counts them."""
    low = high = hull[0, 0] + sign * hull[0, 1]
    for i in range(len(hull)):
        place = hull[i, 0] + sign * hull[i, 1]
        low, high = min(low, place), max(high, place)
    return high - low - 1


@njit(cache=True)
def _outline_of(rows, first, last, row):  # type: ignore[no-untyped-def]
    """Fill row (6): feret min and max, hull area, straight and diagonal intercepts, diagonal widths of the hull."""
    hull = _hull(rows, first, last)
    row[0], row[1] = _calipers(hull)
    doubled = 0
    for i in range(len(hull)):
        doubled += _reach(hull, i, 0)
    row[2] = doubled / 2
    row[3], row[4] = _intercepts_of(rows, first, last)
    row[5] = _diagonal_width(hull, 1) + _diagonal_width(hull, -1)


@njit(cache=True, parallel=True)
def _outlines(start, rows, first, last, table):  # type: ignore[no-untyped-def]
    """Fill table (K, 6), see `_outline_of`."""
    for k in prange(len(table)):
        _outline_of(
            rows[start[k] : start[k + 1]], first[start[k] : start[k + 1]], last[start[k] : start[k + 1]], table[k]
        )


def _ellipse(spread: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return axes, orientation and eccentricity of the ellipses of the variances (K, 3: yy, xx, xy)."""
    yy, xx, xy = spread.T
    root = np.hypot((xx - yy) / 2, xy)
    large = (xx + yy) / 2 + root
    small = np.maximum((xx + yy) / 2 - root, 0.0)
    small[small < 1e-12 * large] = 0.0  # a line of pixels is a line, not 1e-8 wide
    # rows run downwards and the angle counter-clockwise, hence the sign
    orientation = np.degrees(np.arctan2(-2 * xy, xx - yy) / 2)
    orientation[orientation <= -90] = 90.0
    orientation[root == 0] = 0.0
    ratio = np.divide(small, large, out=np.ones_like(large), where=large > 0)
    return {
        "major_axis": 4 * np.sqrt(large),
        "minor_axis": 4 * np.sqrt(small),
        "orientation": orientation + 0.0,  # no -0.0
        "eccentricity": np.sqrt(np.maximum(1 - ratio, 0.0)),
    }


def _outline(runs: ObjectRuns, area: NDArray[np.int64], box: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Return what depends on the outline: Feret diameters, perimeter, circularity, solidity, convexity."""
    table = np.empty((len(runs), 6))
    _outlines(runs.start, runs.rows, runs.first, runs.last, table)
    feret_min, feret_max, hull_area, straight, diagonal, diagonal_width = np.ascontiguousarray(table.T)
    perimeter = math.pi / 4 * (straight + diagonal / math.sqrt(2))
    hull_straight = (box[:, 2] - box[:, 0] + 1) + (box[:, 3] - box[:, 1] + 1)
    hull_perimeter = math.pi / 4 * (hull_straight + diagonal_width / math.sqrt(2))
    return {
        "feret_min": feret_min,
        "feret_max": feret_max,
        "perimeter": perimeter,
        "circularity": 4 * math.pi * area / perimeter**2,
        "solidity": area / hull_area,
        "convexity": np.minimum(hull_perimeter / perimeter, 1.0),
    }


def shape_of_runs(runs: ObjectRuns, *, basic: bool) -> ObjectTable:
    """Return the shape columns of objects given as runs; see `measure_shape`."""
    n = len(runs)
    area, box = np.empty(n, np.int64), np.empty((n, 4), np.int64)
    centre, spread = np.empty((n, 2)), np.empty((n, 3))
    _moments(runs.start, runs.rows, runs.first, runs.last, area, box, centre, spread)
    ellipse = _ellipse(spread)
    outline: dict[str, NDArray[Any]] = {} if basic else _outline(runs, area, box)
    return {
        "label": runs.values.copy(),
        "y": centre[:, 0].copy(),
        "x": centre[:, 1].copy(),
        "area": area,
        "ecd": np.sqrt(4 * area / math.pi),
        **{name: ellipse[name] for name in ("major_axis", "minor_axis", "orientation")},
        **outline,
        "eccentricity": ellipse["eccentricity"],
        "bbox_height": box[:, 2] - box[:, 0] + 1,
        "bbox_width": box[:, 3] - box[:, 1] + 1,
    }


def measure_shape(labels: ArrayLike, *, basic: bool = False) -> ObjectTable:
    """Measure size and shape of each object.

    Parameters
    ----------
    labels : (Y, X) array_like of int
        0 is background; each other value is one object. Gaps in the values, holes and several pieces are allowed.
    basic : bool, default: False
        Leave out what needs the outline: Feret diameters, perimeter, circularity, solidity, convexity.

    Returns
    -------
    objects : dict of (K,) ndarray
        Columns ``label, y, x, area, ecd, major_axis, minor_axis, orientation, feret_min, feret_max, perimeter,
        circularity, solidity, convexity, eccentricity, bbox_height, bbox_width`` of `granum.object_table.COLUMNS`,
        ascending in ``label``; lengths in pixels, angles in degrees. Without objects the columns are empty.

    Raises
    ------
    ShapeError
        When `labels` has not two axes, or is not an array of non-negative integers.

    Notes
    -----
    Sums are whole numbers, so areas, boxes and hulls are exact, and nothing depends on the number of threads.
    Conventions: second moments are those of the pixel centres (as in scikit-image), so a one-pixel object has axes of
    length 0. Feret diameters and hull are those of the *pixel squares*: one pixel has feret_min 1 and feret_max 1.414.
    The corners that a digital disc lacks to its hull count, so its solidity is about 0.95, where scikit-image, which
    counts pixel centres in the hull, says about 0.98. `convexity` measures the hull with the same four directions as
    the perimeter: exactly 1 for a digitally convex object. Circularity follows the Crofton perimeter and exceeds 1
    for objects of a few pixels.
    Cost: two passes over the labels, then proportional to the number of outline pixels.

    References
    ----------
    .. [1] M. I. Shamos, Computational Geometry, PhD thesis, Yale (1978): rotating callipers.
    .. [2] G. Lehmann, D. Legland, Efficient N-dimensional surface estimation using Crofton formula and run-length
       encoding, Insight Journal (2012).
    .. [3] ISO 9276-6:2008, Descriptive and quantitative representation of particle shape and morphology.

    Examples
    --------
    >>> labels = np.zeros((5, 8), np.int32)
    >>> labels[1:3, 1:5] = 7
    >>> objects = measure_shape(labels)
    >>> float(objects["area"][0]), float(objects["feret_min"][0]), float(objects["x"][0])
    (8.0, 2.0, 2.5)
    """
    return shape_of_runs(find_runs(labels), basic=basic)
