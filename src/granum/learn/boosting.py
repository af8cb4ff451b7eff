"""Boosted trees: trained by LightGBM, taken over from its text, so that a model predicts where LightGBM is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import MissingExtraError
from granum.learn.tree_tables import TreeTables, round_down

__all__ = ["fit_boosted_trees", "load_lightgbm"]


def load_lightgbm() -> Any:
    """Return the package.

    Raises
    ------
    MissingExtraError
        When it is not installed, or its OpenMP library is missing.
    """
    try:
        import lightgbm
    except (ImportError, OSError) as error:  # OSError: libgomp.so.1 or libomp.dylib is not there
        raise MissingExtraError(
            f"LightGBM cannot be used ({error}); run `pip install lightgbm` (on macOS also `brew install libomp`, on "
            f"Debian `apt install libgomp1`), or choose another family."
        ) from None
    return lightgbm


def fit_boosted_trees(
    planes: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    seed: int,
    should_stop: Callable[[], bool] | None,
    rounds: int = 100,
    most_leaves: int = 15,
    rate: float = 0.05,
    feature_share: float = 0.3,
    pixel_share: float = 0.7,
    least_in_leaf: int = 20,
    penalty: float = 1.0,
) -> dict[str, Any]:
    """Return the fields of a `TreeClassifier`: boosted trees on (F, n) features and (n,) class indices without gaps.

    One tree per class and round (one per round for two classes). LightGBM runs on one thread, the only way in which
    the same seed gives the same trees. `should_stop` ends it early with the rounds that there are.
    """
    lightgbm = load_lightgbm()
    n_classes = int(labels.max()) + 1
    # few pixels: leaves must be allowed to be smaller, or there is no tree at all
    fewest = max(1, min(least_in_leaf, int(np.bincount(labels).min()) // 2, len(labels) // 20))
    settings = {
        "objective": "binary" if n_classes == 2 else "multiclass",
        "num_leaves": most_leaves,
        "learning_rate": rate,
        "feature_fraction": feature_share,
        "bagging_fraction": pixel_share,
        "bagging_freq": 1,
        "min_data_in_leaf": fewest,
        "min_sum_hessian_in_leaf": 1e-3,
        "lambda_l2": penalty,
        "seed": seed % (2**31 - 1),
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "use_missing": False,
        "verbosity": -1,
    }
    if n_classes > 2:
        settings["num_class"] = n_classes
    rows = np.nan_to_num(np.ascontiguousarray(planes.T), nan=0.0)
    # told here too: its default of 20 pixels per leaf would leave features out before training knows better
    binning = {"verbosity": -1, "feature_pre_filter": False, "min_data_in_bin": min(3, fewest)}
    data = lightgbm.Dataset(rows, labels, weight=weights, params=binning, free_raw_data=True)
    booster = lightgbm.Booster(settings, data)
    for done in range(rounds):
        if done and should_stop is not None and should_stop():
            break
        if booster.update():  # no tree can be split any more
            break
    text = booster.model_to_string()
    trees = [_read_tree(section) for section in text.split("\nTree=")[1:]]
    adds_to = (
        np.zeros(len(trees), np.int32) + 1 if n_classes == 2 else np.arange(len(trees), dtype=np.int32) % n_classes
    )
    return {
        "tables": _join(trees, adds_to),
        "base": np.zeros(n_classes, np.float32),
        "is_mean": False,
        "importance": np.asarray(booster.feature_importance("gain"), np.float64),
        "package_text": text,
    }


def _read_tree(section: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of one tree of LightGBM's text; its children are numbered as in `TreeTables`."""
    lines = dict(line.split("=", 1) for line in section.split("\n\n")[0].splitlines() if "=" in line)

    def numbers(name: str) -> NDArray[np.float64]:
        return np.array(lines.get(name, "").split(), np.float64)

    values = numbers("leaf_value")
    if int(lines["num_leaves"]) == 1:
        empty = np.zeros(0)
        return {"feature": empty, "threshold": empty, "left": empty, "right": empty, "values": values[:1]}
    return {
        "feature": numbers("split_feature"),
        "threshold": numbers("threshold"),
        "left": numbers("left_child"),
        "right": numbers("right_child"),
        "values": values,
    }


def _join(trees: list[dict[str, NDArray[Any]]], adds_to: NDArray[np.int32]) -> TreeTables:
    """Return the tables of all trees."""

    def starts(name: str) -> NDArray[np.int32]:
        return np.concatenate([[0], np.cumsum([len(tree[name]) for tree in trees])]).astype(np.int32)

    whole = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    return TreeTables(
        node_start=starts("feature"),
        leaf_start=starts("values"),
        feature=whole["feature"].astype(np.int32),
        threshold=round_down(whole["threshold"]),
        left=whole["left"].astype(np.int32),
        right=whole["right"].astype(np.int32),
        values=whole["values"].astype(np.float32)[:, None],
        adds_to=adds_to,
    )
