"""Which pipeline is kept: the best score, or a faster one that is not worse beyond noise.

All pipelines are scored on the same pixels, so what matters is how their difference moves when a fold is left out (the
jackknife), which is far less than how each score moves.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from granum.learn.class_prior import apply_prior
from granum.learn.held_out import HeldOut
from granum.learn.score_estimate import Scorer
from granum.learn.search_state import Trial

__all__ = ["balanced_accuracy", "choose_best", "painted_ease", "scores_without"]

_LEAST_LOSS, _MOST_LOSS = 0.003, 0.01
# of one core per Mpx: 1536 x 1536 pixels within 1.2 s on two cores
_QUICK_S_PER_MPX = 1.0
_MOST_LOSS_IF_SLOW = 0.015


def choose_best(trials: Iterable[Trial]) -> Trial | None:
    """Return the trial to keep, None when none is done.

    Notes
    -----
    Of those whose score is below the best by less than a standard error of the difference (0.003 to 0.01; to 0.015 when
    the best is slower than 1 s per Mpx), the fastest; of equally fast ones the better.
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
    return min(good, key=lambda one: (round(one[0].seconds_per_mpx, 2), -one[1], one[0].number))[0]


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


def painted_ease(scorer: Scorer, held_out: HeldOut) -> float:
    """Return how much more sure a pipeline is at left-out painted pixels than at all pixels, classes weighing the same.

    Notes
    -----
    Strokes keep away from edges, and what a context stage gains inside phases it may lose there. On sandstone strokes,
    where this was 0.005 to 0.02, context gained up to 0.06 on left-out strokes and lost up to 0.09 on whole images.
    """
    data, n_classes = scorer.data, len(held_out.painted)
    known = np.isfinite(held_out.painted).all(axis=0)
    drawn = np.isfinite(held_out.sample).all(axis=0)
    if not known.any() or not drawn.any():
        return 1.0
    frequencies = scorer.score(held_out).frequencies
    labels, weights = data.labels[known], data.weights[known].astype(np.float64)
    per_class = np.bincount(labels, weights, minlength=n_classes)
    weights *= frequencies[labels] / np.where(per_class > 0, per_class, 1.0)[labels]
    painted = apply_prior(held_out.painted[:, known], frequencies).max(axis=0)
    sample = apply_prior(held_out.sample[:, drawn], frequencies).max(axis=0)
    of_sample = scorer.sample_weights[drawn]
    return float(painted @ weights / weights.sum() - sample @ of_sample / of_sample.sum())


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
