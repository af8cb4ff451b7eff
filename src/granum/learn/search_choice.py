"""Which pipeline is kept: the best score, or a faster one that is not worse beyond noise.

All pipelines are scored on the same pixels, so what matters is how their difference moves when a fold is left out (the
jackknife), which is far less than how each score moves.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from granum.learn.held_out import HeldOut
from granum.learn.score_estimate import Scorer
from granum.learn.search_state import Trial
from granum.learn.training_data import TrainingData

__all__ = ["balanced_accuracy", "choose_best", "reaches_edges", "scores_without"]

_LEAST_LOSS, _MOST_LOSS = 0.003, 0.01
# of one core per Mpx: 1536 x 1536 pixels within 1.2 s on two cores
_QUICK_S_PER_MPX = 1.0
_MOST_LOSS_IF_SLOW = 0.015
_POINT_PX, _DENSE = 4, 0.25


def choose_best(trials: Iterable[Trial]) -> Trial | None:
    """Return the trial to keep, None when none is done.

    Notes
    -----
    Of those whose rank is below the best by less than a standard error of the difference (0.003 to 0.01; to 0.015 when
    the best is slower than 1 s per Mpx), the fastest; of those that are quick enough, 1 s per Mpx, the best.
    """
    done = [(trial, trial.merit) for trial in trials if trial.state == "done" and trial.miou is not None]
    if not done:
        return None
    best, most = max(done, key=lambda one: (one[1], -one[0].number))
    is_slow = best.seconds_per_mpx > _QUICK_S_PER_MPX
    highest = _MOST_LOSS_IF_SLOW if is_slow else _MOST_LOSS
    good = [
        (trial, merit)
        for trial, merit in done
        if most - merit <= np.clip(_standard_error(best, trial), _LEAST_LOSS, highest)
    ]
    return min(good, key=lambda one: (round(max(one[0].seconds_per_mpx, _QUICK_S_PER_MPX), 2), -one[1], one[0].number))[
        0
    ]


def scores_without(scorer: Scorer, held_out: HeldOut) -> tuple[float, ...]:
    """Return the score without each fold."""
    folds = scorer.folds.folds
    if len(folds) < 2:
        return ()
    found = []
    for fold in folds:
        painted = np.ones(scorer.data.labels.size)
        sample = np.ones(scorer.data.sample_image.size)
        painted[fold.test] = 0.0
        sample[fold.sample] = 0.0
        is_empty = not sample.any() or not painted.any()
        found.append(
            scorer.score(
                held_out,
                painted_weights=None if is_empty else painted,
                sample_weights=None if is_empty else sample,
            ).rank
        )
    return tuple(found)


def reaches_edges(data: TrainingData) -> bool:
    """Return whether edges between phases are painted too, so that left-out pixels can tell what context is worth.

    Notes
    -----
    True for points and for images that are painted densely, not for strokes. Strokes keep away from edges, where a
    context stage does its good or harm: on sandstone strokes it gained up to 0.09 on left-out strokes and lost up to
    0.09 on whole images; on nickel strokes it lost 0.02 on left-out ones and gained 0.02.
    """
    n_px = np.array([stroke.n_px for stroke in data.strokes])
    if not n_px.size:
        return False
    painted = np.unique(data.image_of)
    area = sum(data.images[image].channels[0].size for image in painted)
    return bool(np.median(n_px) <= _POINT_PX or n_px.sum() >= _DENSE * area)


def balanced_accuracy(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """Return the mean over classes of the share that is right; pixels without an answer are left out."""
    known = np.isfinite(probabilities).all(axis=0)
    right = probabilities[:, known].argmax(axis=0) == labels[known]
    total = np.bincount(labels[known], minlength=len(probabilities))
    hit = np.bincount(labels[known], right, minlength=len(probabilities))
    return float((hit[total > 0] / total[total > 0]).mean()) if total.any() else 0.0


def _standard_error(one: Trial, other: Trial) -> float:
    """Return the standard error of the difference of two scores; 0 when it cannot be told."""
    n = len(one.without)
    if n < 2 or n != len(other.without):
        return 0.0
    difference = np.subtract(one.without, other.without)
    return float(np.sqrt((n - 1) / n * ((difference - difference.mean()) ** 2).sum()))
