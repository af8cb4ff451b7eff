"""Distance of each object to its nearest neighbour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from granum.object_table import ObjectTable

__all__ = ["measure_neighbours"]


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
    distance, _ = cKDTree(points).query(points, k=2)
    return np.ascontiguousarray(distance[:, 1])
