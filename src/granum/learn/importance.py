"""Which features a pipeline needs: what it loses on left-out strokes when a group of features is shuffled.

Features of a kind or of a scale say much the same, so single ones are replaced by their neighbours and none seems to
matter; groups are shuffled as a whole. The same for every family of classifiers, and on pixels that were not learnt
from, so a feature that only helped to learn by heart counts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from granum.learn.folds import Folds
from granum.learn.held_out import Predict
from granum.learn.training_data import TrainingData

__all__ = ["group_features", "measure_importance"]

_LEAST = 1e-4
_KINDS = {
    "pixel": "grey level",
    "gaussian": "smoothed grey level",
    "laplacian": "Laplacian",
    "gradient": "gradient",
    "difference": "difference of Gaussians",
    "structure": "structure tensor",
    "hessian": "Hessian",
    "deviation": "local deviation",
    "entropy": "local entropy",
    "minimum": "local extremes",
    "maximum": "local extremes",
    "line": "lines",
    "position": "position",
}


def group_features(names: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """Return the rows of features by kind, by scale, and by channel where there are several, named for people."""
    groups: dict[str, list[int]] = {}
    channels = {name.split()[0] for name in names if " " in name}
    for row, name in enumerate(names):
        words = name.split()
        part = (words[1] if len(words) > 1 else words[0]).split("_")[0]
        groups.setdefault(f"kind: {_KINDS.get(part, part)}", []).append(row)
        if len(words) > 2:
            scale = "the pixel itself" if words[2] == "0" else f"{words[2]} px"
            groups.setdefault(f"scale: {scale}", []).append(row)
            if len(channels) > 1:
                groups.setdefault(f"channel: {words[0][1:]}", []).append(row)
    return {name: np.array(rows, np.int64) for name, rows in groups.items()}


def measure_importance(
    data: TrainingData,
    folds: Folds,
    predictors: Sequence[Predict],
    *,
    columns: Sequence[int] | None = None,
    most_px: int = 2000,
    seed: int = 0,
) -> tuple[tuple[str, float], ...]:
    """Return (group of features, share), the largest first; the shares of the kinds sum to 1, those of the scales too.

    Parameters
    ----------
    data, folds : TrainingData, Folds
        Painted pixels, and what was left out.
    predictors : sequence of callable
        One per fold, trained without what it leaves out (`predict_held_out`, `keep`); it takes all rows of
        ``data.painted``.
    columns : sequence of int, optional
        Rows that the pipeline uses; groups are made of these.
    most_px : int
        Painted pixels per fold, at most.
    seed : int
        Of the choice and of the shuffling.

    Returns
    -------
    importance : tuple of (str, float)
        By the rise of the log loss, classes weighing the same. All 0 when no group matters.
    """
    used = list(range(len(data.names))) if columns is None else sorted(set(columns))
    groups = {
        name: np.array(used, np.int64)[rows] for name, rows in group_features([data.names[at] for at in used]).items()
    }
    rise = dict.fromkeys(groups, 0.0)
    rng = np.random.default_rng(seed)
    for fold, predict in zip(folds.folds, predictors, strict=True):
        if not fold.test.size:
            continue
        at = np.sort(rng.permutation(fold.test)[:most_px])
        planes = np.ascontiguousarray(data.painted[:, at])
        labels, weights = data.labels[at], data.weights[at].astype(np.float64)
        before = _loss(predict(planes), labels, weights)
        turn = rng.permutation(at.size)
        for name, rows in groups.items():
            shuffled = planes.copy()
            shuffled[rows] = planes[rows][:, turn]
            rise[name] += (_loss(predict(shuffled), labels, weights) - before) * at.size
    total: dict[str, float] = {}
    for name, value in rise.items():
        kind = name.split(":")[0]
        total[kind] = total.get(kind, 0.0) + max(value, 0.0)
    shares = [(name, max(value, 0.0) / (total[name.split(":")[0]] or 1.0)) for name, value in rise.items()]
    return tuple(sorted(shares, key=lambda one: (-one[1], one[0])))


def _loss(probabilities: NDArray[np.float32], labels: NDArray[np.uint8], weights: NDArray[np.float64]) -> float:
    chance = np.maximum(probabilities[labels, np.arange(labels.size)], _LEAST)
    return float(-(weights @ np.log(chance)) / weights.sum())
