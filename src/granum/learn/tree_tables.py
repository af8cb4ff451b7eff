"""`TreeTables`: decision trees as plain arrays, checked so that no walk can leave them or go round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from granum.errors import ModelError

__all__ = ["MOST_CHOICES", "TreeTables", "round_down"]

MOST_CHOICES = 256
"""Leaves of the largest tree that is worked out from the leaves up."""


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

    def choices(self) -> tuple[NDArray[np.int32], NDArray[np.int32], int, NDArray[np.float32]]:
        """Return the trees as `tree_kernels` works them out from the leaves up.

        Returns
        -------
        left, right : (N,) ndarray of int32
            Row of each child: first come the numbers of the leaves, then the nodes of a tree.
        n_constant : int
            Rows of leaves.
        values : (V / 4, L, 4) or (1, L, 1) ndarray of float32
            Of each leaf, four classes beside each other, 0 where there are no more.
        """
        n_constant, (n_leaves, n_values) = self.most_leaves, self.values.shape
        rows = [np.where(child >= 0, n_constant + child, -1 - child) for child in (self.left, self.right)]
        left, right = (row.astype(np.int32) for row in rows)
        if n_values == 1:
            return left, right, n_constant, np.ascontiguousarray(self.values[None])
        values = np.zeros((n_leaves, -(-n_values // 4) * 4), np.float32)
        values[:, :n_values] = self.values
        return left, right, n_constant, np.ascontiguousarray(values.reshape(n_leaves, -1, 4).transpose(1, 0, 2))


def round_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 not above each threshold: float32 values compare with it as with the threshold."""
    below = thresholds.astype(np.float32)
    too_high = below.astype(np.float64) > thresholds
    below[too_high] = np.nextafter(below[too_high], np.float32(-np.inf))
    return below
