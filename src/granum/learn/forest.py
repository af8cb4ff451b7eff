"""Random forests and extremely randomised trees: trained by scikit-learn, kept as plain trees of at most 64 leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.learn.tree_tables import TreeTables, round_down

__all__ = ["fit_extra_trees", "fit_random_forest"]

Stop = Callable[[], bool] | None


def fit_random_forest(
    planes: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    seed: int,
    should_stop: Stop,
    trees: int = 60,
    most_leaves: int = 64,
    least_in_leaf: int = 3,
    feature_share: float = 0.15,
) -> dict[str, Any]:
    """Return the fields of a `TreeClassifier`: a random forest on (F, n) features and (n,) class indices without gaps.

    Each tree sees a resample of the pixels and, at each node, the given share of the features. `should_stop` ends it
    early with the trees that there are.
    """
    from sklearn.ensemble import RandomForestClassifier

    return _fit(RandomForestClassifier, planes, labels, weights, seed, should_stop, trees, {
        "max_leaf_nodes": most_leaves, "min_samples_leaf": least_in_leaf, "max_features": feature_share,
    })  # fmt: skip


def fit_extra_trees(
    planes: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    seed: int,
    should_stop: Stop,
    trees: int = 60,
    most_leaves: int = 64,
    least_in_leaf: int = 3,
    feature_share: float = 0.3,
) -> dict[str, Any]:
    """Return the fields of a `TreeClassifier`: trees with random thresholds.

    Geurts et al. 2006, 10.1007/s10994-006-6226-1. As `fit_random_forest`, on all pixels.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    return _fit(ExtraTreesClassifier, planes, labels, weights, seed, should_stop, trees, {
        "max_leaf_nodes": most_leaves, "min_samples_leaf": least_in_leaf, "max_features": feature_share,
    })  # fmt: skip


def _fit(
    kind: Any,
    planes: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    seed: int,
    should_stop: Stop,
    n_trees: int,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Train in portions of ten trees, and take the trees over."""
    rows = np.nan_to_num(planes.T, nan=0.0)
    model = kind(n_estimators=0, warm_start=True, n_jobs=1, random_state=seed, **settings)
    while len(getattr(model, "estimators_", ())) < n_trees:
        if getattr(model, "estimators_", ()) and should_stop is not None and should_stop():
            break
        model.n_estimators = min(n_trees, model.n_estimators + 10)
        model.fit(rows, labels, sample_weight=weights)
    return {
        "tables": take_over([tree.tree_ for tree in model.estimators_], int(labels.max()) + 1),
        "base": np.zeros(int(labels.max()) + 1, np.float32),
        "is_mean": True,
        "importance": np.asarray(model.feature_importances_, np.float64),
    }


def take_over(trees: list[Any], n_classes: int) -> TreeTables:
    """Return scikit-learn's trees (``estimator.tree_``) as tables; leaves become the shares of the classes."""
    nodes, leaves = [0], [0]
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in ("feature", "threshold", "left", "right", "values")}
    for tree in trees:
        inner = tree.children_left >= 0
        numbers = np.where(inner, np.cumsum(inner) - 1, -np.cumsum(~inner))  # nodes 0, 1, ..., leaves -1, -2, ...
        parts["feature"].append(tree.feature[inner].astype(np.int32))
        parts["threshold"].append(round_down(tree.threshold[inner]))
        parts["left"].append(numbers[tree.children_left[inner]].astype(np.int32))
        parts["right"].append(numbers[tree.children_right[inner]].astype(np.int32))
        shares = tree.value[~inner, 0, :n_classes]
        parts["values"].append((shares / shares.sum(axis=1, keepdims=True)).astype(np.float32))
        nodes.append(nodes[-1] + int(inner.sum()))
        leaves.append(leaves[-1] + int((~inner).sum()))
    whole = {name: np.concatenate(part) for name, part in parts.items()}
    return TreeTables(
        node_start=np.array(nodes, np.int32),
        leaf_start=np.array(leaves, np.int32),
        adds_to=np.zeros(len(trees), np.int32),
        **whole,
    )
