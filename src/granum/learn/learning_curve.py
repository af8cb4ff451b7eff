"""Would more strokes help? The score that a quarter and a half of the strokes would have given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError
from granum.learn.folds import Folds
from granum.learn.held_out import HeldOut
from granum.learn.score_estimate import Scorer
from granum.learn.training_data import TrainingData

__all__ = ["measure_learning_curve", "thin_folds"]


def thin_folds(data: TrainingData, folds: Folds, *, share: float, seed: int = 0) -> Folds:
    """Return folds that learn from a share of the strokes of every class and test the same pixels.

    Parameters
    ----------
    data, folds : TrainingData, Folds
        What all strokes give.
    share : float
        Over 0, at most 1. Of every class at least one stroke stays in every fold.
    seed : int
        Which strokes; those of a smaller share are among those of a larger one.
    """
    if not 0 < share <= 1:
        raise SettingError(f"share is {share:g}, must be over 0 and at most 1.")
    turn = np.random.default_rng(seed).permutation(int(data.stroke_of.max()) + 1)
    thinned = []
    for fold in folds.folds:
        kept = [np.zeros(0, np.int64)]
        for one in np.unique(data.labels[fold.train]):
            own = fold.train[data.labels[fold.train] == one]
            strokes = np.unique(data.stroke_of[own])
            chosen = strokes[np.argsort(turn[strokes])][: max(1, round(share * strokes.size))]
            kept.append(own[np.isin(data.stroke_of[own], chosen)])
        thinned.append(replace(fold, train=np.sort(np.concatenate(kept))))
    return replace(folds, folds=tuple(thinned))


def measure_learning_curve(
    scorer: Scorer,
    evaluate: Callable[[Folds], HeldOut],
    *,
    miou: float,
    prior: NDArray[np.float64] | None = None,
    shares: Sequence[float] = (0.25, 0.5),
    seed: int = 0,
) -> tuple[tuple[int, float], ...]:
    """Return (painted pixels, mean IoU) for some shares of the strokes and for all of them, ascending.

    Parameters
    ----------
    scorer : Scorer
        Of the pipeline's data.
    evaluate : callable
        Runs the pipeline on folds; once for every share.
    miou : float
        The score with all strokes.
    prior : (K,) ndarray, optional
        What the model weighs its classes with; the best for every share when not given.
    shares : sequence of float
        Below 1.
    seed : int
        Which strokes.
    """
    data = scorer.data
    n_px = _painted_px(data)
    points = []
    for share in sorted(shares):
        thinned = thin_folds(data, scorer.folds, share=share, seed=seed)
        kept = sum(fold.train.size for fold in thinned.folds) / max(sum(f.train.size for f in scorer.folds.folds), 1)
        points.append((round(n_px * kept), scorer.score(evaluate(thinned), prior=prior).miou))
    return (*points, (n_px, float(miou)))


def _painted_px(data: TrainingData) -> int:
    """Return how many pixels were painted, kept or not."""
    return sum(stroke.n_px for stroke in data.strokes) if data.strokes else int(data.labels.size)
