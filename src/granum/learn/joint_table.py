"""The joint table of true and predicted classes over whole images, expected from probabilities; scores follow from it.

Nobody painted the pixels of the sample, but the calibrated posterior says how likely each class is there, and the
prediction is known: the mean of (what is predicted) x (posterior) is the table one would count with the truth in hand.

Strokes keep away from edges, where even the eye is unsure, so calibration on strokes cannot know how wrong the edges
are. Where an edge lies is taken to be known to about a pixel: the truth at a pixel may be what is found next to it.
This needs pairs of neighbours in the sample.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

__all__ = ["EDGE_SHARE", "find_neighbours", "ious", "joint_table"]

EDGE_SHARE = 0.8
"""How much the neighbour counts: a normal distribution of 0.8 px moves 82 % of the edge pixels by one pixel or more."""
_REACH = 1.5


def find_neighbours(
    image: NDArray[np.int32], y: NDArray[np.int32], x: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs (first, second) of touching pixels of an image, corners too, each in both directions."""
    if y.size < 2:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    pairs = cKDTree(np.column_stack([y, x, image.astype(np.float64) * 1e7])).query_pairs(_REACH, output_type="ndarray")
    pairs = pairs.astype(np.int64)
    return np.concatenate([pairs[:, 0], pairs[:, 1]]), np.concatenate([pairs[:, 1], pairs[:, 0]])


def joint_table(
    predicted: NDArray[np.int64],
    posterior: NDArray[np.float32],
    *,
    neighbours: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
    edge_share: float = EDGE_SHARE,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the expected share of all pixels with each true class (row) and predicted class (column).

    Parameters
    ----------
    predicted : (m,) ndarray of int
        Class index that the pipeline gives.
    posterior : (K, m) ndarray
        Calibrated, with the frequencies of the classes.
    neighbours : (first, second), optional
        Pairs of pixels (`find_neighbours`).
    edge_share : float
        How much of the truth at a pixel is taken from its neighbour, 0 to 1.
    weights : (m,) ndarray, optional
        Of each pixel.
    """
    n_classes, n_px = posterior.shape
    weights = np.ones(n_px) if weights is None else weights
    own = _sum_by_class(predicted, posterior, weights, n_classes)
    total = own.sum()
    if total <= 0:
        return np.full((n_classes, n_classes), 1.0 / n_classes**2)
    if neighbours is not None and neighbours[0].size and edge_share > 0:
        first, second = neighbours
        both = weights[first] * (weights[second] > 0)
        beside = _sum_by_class(predicted[first], posterior[:, second], both, n_classes)
        column, found = own.sum(axis=0), beside.sum(axis=0)
        # a predicted class without pairs keeps what it has
        scale = np.divide(column, found, out=np.zeros(n_classes), where=found > 0)
        moved = np.where(found > 0, beside * scale, own)
        own = (1.0 - edge_share) * own + edge_share * moved
    table: NDArray[np.float64] = own / total
    return table


def ious(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return intersection over union of every class; 1 for a class that is neither there nor predicted."""
    hit = np.diag(table)
    union = table.sum(axis=0) + table.sum(axis=1) - hit
    return np.divide(hit, union, out=np.ones(len(hit)), where=union > 1e-12)


def _sum_by_class(
    predicted: NDArray[np.int64], posterior: NDArray[np.float32], weights: NDArray[np.float64], n_classes: int
) -> NDArray[np.float64]:
    rows = [np.bincount(predicted, weights * row, minlength=n_classes) for row in posterior]
    return np.asarray(rows, np.float64)
