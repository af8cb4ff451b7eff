"""`Scorer`: from held-out probabilities to the scores on whole images, quickly enough for every trial of a search.

1. How much too sure the pipeline is, is measured on left-out strokes (`calibration`).
2. The class frequencies correct for the balance of strokes (`class_prior`).
3. The joint table of true and predicted classes is expected over all pixels, not only painted ones (`joint_table`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from granum.learn.calibration import apply_temperature, fit_temperature
from granum.learn.class_prior import apply_prior, estimate_prior
from granum.learn.folds import Folds
from granum.learn.held_out import HeldOut
from granum.learn.joint_table import EDGE_SHARE, find_neighbours, ious, joint_table
from granum.learn.training_data import TrainingData

__all__ = ["Score", "Scorer"]


@dataclass(frozen=True, eq=False)
class Score:
    """What is expected on whole images.

    Parameters
    ----------
    table : (K, K) ndarray of float64
        Share of all pixels with each true (row) and predicted (column) class.
    prior : (K,) ndarray of float64
        Class frequencies that were used.
    power : float
        Of the calibration (`fit_temperature`); far below 1: the pipeline is much too sure of itself.
    n_tested : int
        Painted pixels that were tested.
    """

    table: NDArray[np.float64]
    prior: NDArray[np.float64]
    power: float
    n_tested: int

    @property
    def miou(self) -> float:
        """Mean IoU of the classes."""
        return float(ious(self.table).mean())


class Scorer:
    """Scores pipelines on the same folds of the same data.

    Parameters
    ----------
    data : TrainingData
        Painted pixels and the sample.
    folds : Folds
        What every pipeline leaves out.

    Notes
    -----
    Pipelines are compared on the same pixels, so their differences are surer than their scores. A score costs about
    10 ms for 12,000 painted and 8,192 sampled pixels.
    """

    def __init__(self, data: TrainingData, folds: Folds) -> None:
        self.data = data
        self.folds = folds
        self.neighbours = find_neighbours(data.sample_image, data.sample_y, data.sample_x)

    def score(
        self,
        held_out: HeldOut,
        *,
        prior: NDArray[np.float64] | None = None,
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
            Class frequencies that it predicts with; those of the held-out sample when not given.
        painted_weights, sample_weights : ndarray, optional
            Factors of the pixels (for resampling).
        edge_share : float
            How much of the truth at a pixel is taken from its neighbour (`joint_table`).
        """
        held_out.check(self.data)
        used_prior = estimate_prior(held_out.sample, weights=sample_weights) if prior is None else np.asarray(prior)
        tested = np.flatnonzero(np.isfinite(held_out.painted).all(axis=0))
        labels = self.data.labels[tested]
        weights = self.data.weights[tested].astype(np.float64)
        if painted_weights is not None:
            weights = weights * painted_weights[tested]
        weights = _balance(labels, weights, len(self.data.classes))
        power = fit_temperature(held_out.painted[:, tested], labels, weights=weights)
        # in the middle of a search some folds have not been run yet
        known = np.isfinite(held_out.sample).all(axis=0).astype(np.float64)
        sample_weights = known if sample_weights is None else known * sample_weights
        sure = np.nan_to_num(held_out.sample, nan=1.0 / len(self.data.classes))
        predicted = apply_prior(sure, used_prior).argmax(axis=0)
        posterior = apply_prior(apply_temperature(sure, power), used_prior)
        if not sample_weights.any():
            return Score(self._painted_table(held_out, tested, weights, used_prior), used_prior, power, tested.size)
        table = joint_table(
            predicted, posterior, neighbours=self.neighbours, edge_share=edge_share, weights=sample_weights
        )
        return Score(table, used_prior, power, int(tested.size))

    def _painted_table(
        self, held_out: HeldOut, tested: NDArray[np.int64], weights: NDArray[np.float64], prior: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the table of painted pixels, for when there is no sample: too good, as strokes avoid what is hard."""
        n_classes = len(self.data.classes)
        labels = self.data.labels[tested]
        predicted = apply_prior(held_out.painted[:, tested], prior).argmax(axis=0)
        table = np.zeros((n_classes, n_classes))
        np.add.at(table, (labels, predicted), weights * prior[labels])
        total = table.sum()
        return table / total if total > 0 else np.full_like(table, 1.0 / n_classes**2)


def _balance(labels: NDArray[np.uint8], weights: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """Return weights under which every tested class weighs the same."""
    total = np.bincount(labels, weights, minlength=n_classes)
    balanced: NDArray[np.float64] = weights / np.where(total > 0, total, 1.0)[labels]
    return balanced
