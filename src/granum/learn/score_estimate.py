"""`Scorer`: from held-out probabilities to the scores on whole images, quickly enough for every trial of a search.

1. How much too sure the pipeline is, is measured on left-out strokes (`calibration`).
2. Calibrated probabilities of unpainted pixels tell how frequent the classes are (`class_prior`); probabilities as they
   are may tell of twice as much of a rare class.
3. The joint table of true and predicted classes is expected over all pixels, not only painted ones (`joint_table`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from granum.learn.calibration import apply_temperature, fit_temperature
from granum.learn.class_prior import apply_prior, estimate_prior
from granum.learn.folds import Folds
from granum.learn.held_out import HeldOut
from granum.learn.joint_table import EDGE_SHARE, find_neighbours, ious, joint_table
from granum.learn.training_data import TrainingData

__all__ = ["Score", "Scorer"]

_SHRINK = 0.002
_LEAST_POWER = 0.7


@dataclass(frozen=True, eq=False)
class Score:
    """What is expected on whole images.

    Parameters
    ----------
    table : (K, K) ndarray of float64
        Share of all pixels with each true (row) and predicted (column) class.
    frequencies : (K,) ndarray of float64
        Of the classes, estimated.
    power : float
        Of the calibration (`fit_temperature`); far below 1: the pipeline is much too sure of itself.
    n_tested : int
        Painted pixels that were tested.
    painted_miou : float
        Mean IoU on left-out strokes, weighed by the frequencies of the classes: too good, but it does not depend on
        calibration.
    judge_frequencies : (K,) ndarray of float64
        Of the classes, by the one who judges (`HeldOut.judge`).
    """

    table: NDArray[np.float64]
    frequencies: NDArray[np.float64]
    power: float
    n_tested: int
    painted_miou: float
    judge_frequencies: NDArray[np.float64]

    @property
    def prior(self) -> NDArray[np.float64]:
        """What the model should weigh its classes with: the same decisions as calibrating first, then `frequencies`.

        The largest of p ** power * f is the largest of p * f ** (1 / power). The power counts as at least 0.7: the
        model of all images is not as much too sure as those of the folds, and a rare class must not vanish for it.
        """
        logs = np.log(self.frequencies) / max(self.power, _LEAST_POWER)
        weighed: NDArray[np.float64] = np.exp(logs - logs.max())
        return np.maximum(weighed / weighed.sum(), 1e-9)

    @property
    def miou(self) -> float:
        """Mean IoU of the classes over whole images: what is reported."""
        return float(ious(self.table).mean())

    @property
    def rank(self) -> float:
        """What pipelines are compared by: half of `miou`, half of `painted_miou`.

        `miou` alone may prefer a pipeline whose errors its probabilities hide; left-out strokes alone prefer one that
        smooths small things away. Their errors have little to do with each other.
        """
        return 0.5 * (self.miou + self.painted_miou)


@dataclass(frozen=True, eq=False)
class _Calibrated:
    """Which painted pixels were tested, with their weights; power; the sample with its weights; frequencies."""

    tested: NDArray[np.int64]
    weights: NDArray[np.float64]
    power: float
    drawn: NDArray[np.float64]
    sample: NDArray[np.float32]
    frequencies: NDArray[np.float64]


class Scorer:
    """Scores pipelines on the same folds of the same data.

    Parameters
    ----------
    data : TrainingData
        Painted pixels and the sample.
    folds : Folds
        What every pipeline leaves out.
    sample_weights : (m,) ndarray of float64, optional
        How many pixels each of the sample stands for, when it was not drawn evenly.

    Notes
    -----
    Pipelines are compared on the same pixels, so their differences are surer than their scores. A score costs about
    20 ms for 12,000 painted and 8,192 sampled pixels.
    """

    def __init__(self, data: TrainingData, folds: Folds, *, sample_weights: NDArray[np.float64] | None = None) -> None:
        self.data = data
        self.folds = folds
        self.sample_weights = np.ones(data.sample_image.size) if sample_weights is None else sample_weights
        self.neighbours = find_neighbours(data.sample_image, data.sample_y, data.sample_x)

    def score(
        self,
        held_out: HeldOut,
        *,
        prior: NDArray[np.float64] | None = None,
        known: Score | None = None,
        painted_weights: NDArray[np.float64] | None = None,
        sample_weights: NDArray[np.float64] | None = None,
        edge_share: float = EDGE_SHARE,
    ) -> Score:
        """Return the expected scores of a pipeline.

        Parameters
        ----------
        held_out : HeldOut
            Its probabilities of balanced classes.
        prior : (K,) ndarray, optional
            What it weighs its classes with when it predicts; `Score.prior`, which is best, when not given.
        known : Score, optional
            Of the same pipeline; the frequencies of the classes are taken from it.
        painted_weights, sample_weights : ndarray, optional
            Factors of the pixels (for resampling).
        edge_share : float
            How much of the truth at a pixel is taken from its neighbour (`joint_table`).
        """
        held_out.check(self.data)
        weights = (painted_weights, sample_weights)
        own = self._calibrate(held_out, None if known is None else known.frequencies, *weights)
        judge = own
        if held_out.judge is not None:
            judge = self._calibrate(held_out.judge, None if known is None else known.judge_frequencies, *weights)
        score = Score(np.zeros((0, 0)), own.frequencies, own.power, int(own.tested.size), 0.0, judge.frequencies)
        prior = score.prior if prior is None else prior
        painted_table = self._painted_table(held_out, own.tested, own.weights, prior, own.frequencies)
        score = replace(score, table=painted_table, painted_miou=float(ious(painted_table).mean()))
        drawn = np.where(np.isfinite(held_out.sample).all(axis=0), judge.drawn, 0.0)
        if not drawn.any():
            return score
        predicted = apply_prior(np.nan_to_num(held_out.sample), prior).argmax(axis=0)
        posterior = apply_prior(judge.sample, judge.frequencies)
        table = joint_table(predicted, posterior, neighbours=self.neighbours, edge_share=edge_share, weights=drawn)
        return replace(score, table=table)

    def _calibrate(
        self,
        held_out: HeldOut,
        frequencies: NDArray[np.float64] | None,
        painted_weights: NDArray[np.float64] | None,
        sample_weights: NDArray[np.float64] | None,
    ) -> _Calibrated:
        """Return probabilities at the sample that are as sure as they are right, and what they tell of frequencies."""
        tested = np.flatnonzero(np.isfinite(held_out.painted).all(axis=0))
        labels = self.data.labels[tested]
        weights = self.data.weights[tested].astype(np.float64)
        if painted_weights is not None:
            weights = weights * painted_weights[tested]
        weights = _balance(labels, weights, len(self.data.classes))
        power = fit_temperature(held_out.painted[:, tested], labels, weights=weights)
        # in the middle of a search some folds have not been run yet
        drawn = np.where(np.isfinite(held_out.sample).all(axis=0), self.sample_weights, 0.0)
        if sample_weights is not None:
            drawn = drawn * sample_weights
        sample = apply_temperature(np.nan_to_num(held_out.sample, nan=1.0 / len(self.data.classes)), power)
        if frequencies is None:
            frequencies = estimate_prior(sample, weights=drawn, shrink=_SHRINK)
        return _Calibrated(tested, weights, power, drawn, sample, frequencies)

    def _painted_table(
        self,
        held_out: HeldOut,
        tested: NDArray[np.int64],
        weights: NDArray[np.float64],
        prior: NDArray[np.float64],
        frequencies: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the table of left-out strokes: too good, as strokes avoid what is hard."""
        n_classes = len(self.data.classes)
        labels = self.data.labels[tested]
        predicted = apply_prior(held_out.painted[:, tested], prior).argmax(axis=0)
        table = np.zeros((n_classes, n_classes))
        np.add.at(table, (labels, predicted), weights * frequencies[labels])
        total = table.sum()
        return table / total if total > 0 else np.full_like(table, 1.0 / n_classes**2)


def _balance(labels: NDArray[np.uint8], weights: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """Return weights under which every tested class weighs the same."""
    total = np.bincount(labels, weights, minlength=n_classes)
    balanced: NDArray[np.float64] = weights / np.where(total > 0, total, 1.0)[labels]
    return balanced
