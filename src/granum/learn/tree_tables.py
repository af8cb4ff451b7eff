"""`TreeTables`: decision trees as plain arrays, checked so that no walk can leave them or go round.

Trees of at most 64 leaves are scored by bit vectors (QuickScorer, Lucchese et al. 2015, 10.1145/2766462.2767733):
leaves are numbered from left to right, each node knows the leaves that stay possible when its pixel goes right, and
the leaf of a pixel is the lowest bit that all its nodes leave. No branch depends on a pixel, so it runs along the
pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.errors import ModelError

__all__ = ["MOST_BITS", "TreeTables", "round_down"]

MOST_BITS = 64


@dataclass(frozen=True, eq=False)
class TreeTables:
    """Binary trees: at a node, ``feature <= threshold`` goes left.

    Parameters
    ----------
    node_start, leaf_start : (T + 1,) ndarray of int32
        The nodes of tree `t` are ``node_start[t]:node_start[t + 1]``, so the leaves; a tree without nodes is one leaf.
    feature : (N,) ndarray of int32
        Of each node.
    threshold : (N,) ndarray of float32
        Of each node.
    left, right : (N,) ndarray of int32
        Child: a node of its tree when 0 or more (always a later one), else the leaf ``-1 - child`` of its tree.
    values : (L, V) ndarray of float32
        Of each leaf: shares of the classes (V = classes), or what is added to one class (V = 1).
    adds_to : (T,) ndarray of int32
        Class (row) from which on the values of a tree are added.
    """

    node_start: NDArray[np.int32]
    leaf_start: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    values: NDArray[np.float32]
    adds_to: NDArray[np.int32]

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.adds_to)

    @property
    def most_leaves(self) -> int:
        """Leaves of the largest tree."""
        return int(np.diff(self.leaf_start).max(initial=1))

    def check(self, n_features: int, n_rows: int) -> None:
        """Refuse tables that are not trees over `n_features` features adding to `n_rows` rows.

        Raises
        ------
        ModelError
            When an index is out of range, a node is reached twice or never, or a child comes before its parent.
        """
        n_nodes = self.node_start[1:].astype(np.int64) - self.node_start[:-1]
        n_leaves = self.leaf_start[1:].astype(np.int64) - self.leaf_start[:-1]
        fine = (
            self.n_trees > 0
            and self.node_start[0] == 0
            and self.leaf_start[0] == 0
            and self.node_start[-1] == len(self.feature)
            and self.leaf_start[-1] == len(self.values)
            and bool((n_nodes >= 0).all())
            and bool((n_leaves == n_nodes + 1).all())
            and bool(((self.adds_to >= 0) & (self.adds_to.astype(np.int64) + self.values.shape[1] <= n_rows)).all())
            and bool(((self.feature >= 0) & (self.feature < n_features)).all())
        )
        if fine and len(self.feature):
            tree = np.repeat(np.arange(self.n_trees), n_nodes)
            own = np.arange(len(tree)) - self.node_start[tree]
            seen_nodes = np.zeros(len(tree) + 1, np.int64)
            seen_leaves = np.zeros(len(self.values) + 1, np.int64)
            for child in (self.left.astype(np.int64), self.right.astype(np.int64)):
                inner = child >= 0
                fine = fine and bool(((child > own) & (child < n_nodes[tree]))[inner].all())
                fine = fine and bool((-1 - child < n_leaves[tree])[~inner].all())
                if not fine:
                    break
                seen_nodes += np.bincount((self.node_start[tree] + child)[inner], minlength=len(seen_nodes))
                seen_leaves += np.bincount(
                    (self.leaf_start[tree] - 1 - child)[~inner], minlength=len(seen_leaves)
                )  # fmt: skip
            if fine:
                roots = np.zeros(len(tree), np.int64)
                roots[self.node_start[:-1][n_nodes > 0]] = 1
                alone = np.zeros(len(self.values), np.int64)
                alone[self.leaf_start[:-1][n_nodes == 0]] = 1
                fine = bool((seen_nodes[:-1] + roots == 1).all()) and bool((seen_leaves[:-1] + alone == 1).all())
        if not fine:
            raise ModelError("model: its decision trees are not trees (a child out of place); the file is damaged.")

    def bit_vectors(self) -> tuple[NDArray[np.unsignedinteger], NDArray[np.float32]]:
        """Return the mask of every node, as narrow as the largest tree allows, and leaf values from left to right."""
        most = self.most_leaves
        dtype = np.uint16 if most <= 16 else np.uint32 if most <= 32 else np.uint64
        masks = np.empty(len(self.feature), np.uint64)
        order = np.empty(len(self.values), np.int32)
        _number_leaves(self.node_start, self.leaf_start, self.left, self.right, masks, order)
        return masks.astype(dtype), np.ascontiguousarray(self.values[order])


@njit(cache=True, nogil=True)
def _number_leaves(node_start, leaf_start, left, right, masks, order):  # type: ignore[no-untyped-def]
    """Fill the leaf of every place from left to right, and the mask of each node (leaves of its left side cleared)."""
    for tree in range(len(node_start) - 1):
        base, leaf_base = node_start[tree], leaf_start[tree]
        n_nodes = node_start[tree + 1] - base
        if n_nodes == 0:
            order[leaf_base] = leaf_base
            continue
        count = np.empty(n_nodes, np.int64)  # leaves under each node; children come later, so backwards
        for node in range(n_nodes - 1, -1, -1):
            a, b = left[base + node], right[base + node]
            count[node] = (count[a] if a >= 0 else 1) + (count[b] if b >= 0 else 1)
        place = np.empty(n_nodes, np.int64)  # first leaf under each node
        place[0] = 0
        for node in range(n_nodes):
            a, b = left[base + node], right[base + node]
            n_left = count[a] if a >= 0 else 1
            begin = place[node]
            ones = np.uint64(0xFFFFFFFFFFFFFFFF) if n_left >= 64 else (np.uint64(1) << np.uint64(n_left)) - np.uint64(1)
            masks[base + node] = ~(ones << np.uint64(begin)) if begin < 64 else np.uint64(0xFFFFFFFFFFFFFFFF)
            if a >= 0:
                place[a] = begin
            else:
                order[leaf_base + begin] = leaf_base - 1 - a
            if b >= 0:
                place[b] = begin + n_left
            else:
                order[leaf_base + begin + n_left] = leaf_base - 1 - b


def round_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 not above each threshold: float32 values compare with it as with the threshold."""
    below = thresholds.astype(np.float32)
    too_high = below.astype(np.float64) > thresholds
    below[too_high] = np.nextafter(below[too_high], np.float32(-np.inf))
    return below
