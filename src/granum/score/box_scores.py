"""How well objects agree with hand-drawn boxes, where no outline is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from granum.arrays import check_labels
from granum.errors import ShapeError

__all__ = ["BoxScores", "centres_in_boxes"]


@dataclass(frozen=True)
class BoxScores:
    """Agreement of objects with boxes, one to one.

    Parameters
    ----------
    true_positives : int
        Pairs of a box and an object with its centroid in the box.
    n_boxes, n_objects : int
        Boxes drawn, and objects found.
    """

    true_positives: int
    n_boxes: int
    n_objects: int

    @property
    def precision(self) -> float:
        """Share of the objects that have a box."""
        if self.n_objects == 0:
            return 1.0 if self.n_boxes == 0 else 0.0
        return self.true_positives / self.n_objects

    @property
    def recall(self) -> float:
        """Share of the boxes that have an object."""
        if self.n_boxes == 0:
            return 1.0 if self.n_objects == 0 else 0.0
        return self.true_positives / self.n_boxes

    @property
    def f1(self) -> float:
        """2 TP / (boxes + objects); 1 when there are neither."""
        both = self.n_boxes + self.n_objects
        return 2 * self.true_positives / both if both else 1.0


def _find_centroids(labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the centroids (y, x) of all labels, ascending."""
    y, x = np.nonzero(labels)
    _, index, area = np.unique(labels[y, x], return_inverse=True, return_counts=True)
    return np.column_stack([np.bincount(index, y) / area, np.bincount(index, x) / area])


def centres_in_boxes(boxes: ArrayLike, labels: ArrayLike) -> BoxScores:
    """Match objects to boxes by their centroids, as many pairs as possible, each box and object once.

    Parameters
    ----------
    boxes : (N, 4) array_like of float
        Rows (y0, x0, y1, x1) in px; edges belong to the box. Pixel centres are integers.
    labels : (Y, X) array_like of int
        Labels, 0 = background.

    Returns
    -------
    scores : BoxScores
        Counts, precision, recall and F1.

    Raises
    ------
    ShapeError
        Boxes that are not rows of four, or labels that are none.

    Notes
    -----
    An object whose centroid lies in several boxes goes to the box that lets most boxes have one (Hopcroft-Karp).

    Examples
    --------
    >>> centres_in_boxes([[0, 0, 2, 2], [0, 3, 2, 5]], [[0, 0, 0, 0], [0, 1, 0, 0]]).recall
    0.5
    """
    rows = np.asarray(boxes, dtype=np.float64)
    if rows.size == 0:
        rows = rows.reshape(0, 4)
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise ShapeError(f"boxes: has shape {rows.shape}, needs (N, 4) as (y0, x0, y1, x1).")
    centres = _find_centroids(check_labels(labels))
    order = np.argsort(centres[:, 0], kind="stable")
    y = centres[order, 0]
    box_index, centre_index = [], []
    for row, (y0, x0, y1, x1) in enumerate(rows):
        near = order[np.searchsorted(y, y0) : np.searchsorted(y, y1, side="right")]
        inside = near[(centres[near, 1] >= x0) & (centres[near, 1] <= x1)]
        box_index.append(np.full(inside.size, row))
        centre_index.append(inside)
    if not box_index or len(centres) == 0:
        return BoxScores(0, len(rows), len(centres))
    i, j = np.concatenate(box_index), np.concatenate(centre_index)
    graph = csr_array((np.ones(i.size, np.int8), (i, j)), shape=(len(rows), len(centres)))
    matched = maximum_bipartite_matching(graph, perm_type="column")
    return BoxScores(int(np.count_nonzero(matched >= 0)), len(rows), len(centres))
