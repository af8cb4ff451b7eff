"""`TreeClassifier`: the form of all families of trees; a forest averages shares, boosting sums scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from granum.errors import ModelError
from granum.learn.fitted_classifier import Arrays, FittedClassifier, take_array
from granum.learn.tree_kernels import fill_trees_by_choices, fill_trees_by_walks
from granum.learn.tree_tables import MOST_CHOICES, TreeTables

__all__ = ["TreeClassifier"]


@dataclass(frozen=True, eq=False, kw_only=True)
class TreeClassifier(FittedClassifier):
    """Many decision trees on features as they are.

    Parameters
    ----------
    tables : TreeTables
        The trees.
    base : (P,) ndarray of float32
        Score of each class before any tree (boosting).
    is_mean : bool
        True: leaves hold shares of the classes, which are averaged. False: scores, whose softmax is taken.
    package_text : str
        The model in the words of the package that trained it, for use elsewhere; granum never reads it.
    """

    tables: TreeTables
    base: NDArray[np.float32]
    is_mean: bool
    package_text: str = ""
    form: ClassVar[str] = "trees"

    def __post_init__(self) -> None:
        is_small = self.tables.most_leaves <= MOST_CHOICES
        object.__setattr__(self, "_choices", self.tables.choices() if is_small else None)

    def _fill(self, planes, rows, slots, first, last, out) -> None:  # type: ignore[no-untyped-def]
        trees, one = self.tables, np.float32(1)
        start = (planes, rows, trees.node_start, trees.leaf_start, trees.feature, trees.threshold)
        end = (trees.adds_to, self.base, one, self.is_mean, slots, first, last, out)
        if (choices := self._choices) is not None:  # type: ignore[attr-defined]
            fill_trees_by_choices(*start, *choices, *end)
        else:
            fill_trees_by_walks(*start, trees.left, trees.right, trees.values, *end)

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON types and arrays, what `load_classifier` takes."""
        about, arrays = super().to_state()
        about["is_mean"] = self.is_mean
        trees = self.tables
        return about, arrays | {
            "node_start": trees.node_start,
            "leaf_start": trees.leaf_start,
            "feature": trees.feature,
            "threshold": trees.threshold,
            "left": trees.left,
            "right": trees.right,
            "values": trees.values,
            "adds_to": trees.adds_to,
            "base": self.base,
        }

    @classmethod
    def from_state(cls, about: dict[str, Any], arrays: Arrays, known: dict[str, Any]) -> TreeClassifier:
        """Return what `to_state` made; `known` are the checked fields of `FittedClassifier`."""
        is_mean, n_present = about.get("is_mean"), len(known["present"])
        if not isinstance(is_mean, bool):
            raise ModelError("model: whether its trees are averaged is not said; the file is damaged.")
        names = ("node_start", "leaf_start", "feature", "left", "right", "adds_to")
        whole = {name: take_array(arrays, name, "int32", (None,)) for name in names}
        n_nodes, n_trees = len(whole["feature"]), len(whole["adds_to"])
        shapes = {"left": n_nodes, "right": n_nodes, "node_start": n_trees + 1, "leaf_start": n_trees + 1}
        for name, size in shapes.items():
            take_array(arrays, name, "int32", (size,))
        tables = TreeTables(
            **whole,
            threshold=take_array(arrays, "threshold", "float32", (n_nodes,)),
            values=take_array(arrays, "values", "float32", (None, n_present if is_mean else 1)),
        )
        tables.check(known["n_features"], n_present)
        if is_mean and (tables.values.min() < 0 or tables.values.sum(axis=1).min() <= 0):
            raise ModelError("model: a leaf of its trees holds no shares of classes; the file is damaged.")
        base = take_array(arrays, "base", "float32", (n_present,))
        return cls(tables=tables, base=base, is_mean=is_mean, **known)
