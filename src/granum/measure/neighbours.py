"""Distance of each object to its nearest neighbour."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.object_table import ObjectTable

__all__ = ["measure_neighbours"]

_FEW = 100_000  # a sweep costs about N^1.5; a tree costs 0.1 s to import and never N^2


def measure_neighbours(objects: ObjectTable) -> NDArray[np.float64]:
    """Measure the distance from each centroid to the nearest other centroid.

    Parameters
    ----------
    objects : dict of (K,) ndarray
        With the columns ``y`` and ``x``, all of one frame.

    Returns
    -------
    neighbour_distance : (K,) ndarray of float64
        In pixels; NaN where there is no other object.

    Notes
    -----
    A neighbour outside the image is not seen, so distances of objects near the border are upper bounds.
    Cost: O(K log K).

    Examples
    --------
    >>> measure_neighbours({"y": np.array([0.0, 3.0]), "x": np.array([0.0, 4.0])})
    array([5., 5.])
    """
    points = np.column_stack([objects["y"], objects["x"]]).astype(np.float64)
    if len(points) < 2:
        return np.full(len(points), np.nan)
    if len(points) > _FEW:
        from scipy.spatial import cKDTree

        return np.ascontiguousarray(cKDTree(points).query(points, k=2)[0][:, 1])
    main = int(np.argmax(np.ptp(points, axis=0)))
    order = np.argsort(points[:, main], kind="stable")
    nearest = np.empty(len(points))
    nearest[order] = _sweep(points[order], main)
    return nearest


@njit(cache=True)
def _sweep(points: Any, main: Any) -> Any:
    """Return the distance to the nearest other point; the points are sorted along the axis `main`."""
    n = len(points)
    nearest = np.empty(n)
    for i in range(n):
        best = np.inf
        for way in (-1, 1):
            j = i + way
            while 0 <= j < n and (points[j, main] - points[i, main]) ** 2 < best:
                square = (points[j, 0] - points[i, 0]) ** 2 + (points[j, 1] - points[i, 1]) ** 2
                best = min(best, square)
                j += way
        nearest[i] = np.sqrt(best)
    return nearest
