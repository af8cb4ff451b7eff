"""`HeldOut`: what a pipeline says about pixels that it was not trained on; all that scores are computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from granum.errors import ShapeError
from granum.learn.folds import Folds
from granum.learn.training_data import TrainingData

__all__ = ["HeldOut", "Predict", "predict_held_out"]

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Probabilities of a pipeline, each by the fold that had not seen the pixel.

    Parameters
    ----------
    painted : (K, n) ndarray of float32
        At the painted pixels, in the order of `TrainingData.labels`; NaN where no fold tests a pixel. Posteriors of
        balanced classes: before any prior, after context and smoothing.
    sample : (K, m) ndarray of float32
        The same at the sample, in the order of `TrainingData.sample_image`.
    judge : HeldOut, optional
        Whose probabilities tell how often the pipeline is right; its own when not given. A context stage is judged by
        its first stage: inside phases it learns that what lies around is always right, and is sure of it at edges too.
    """

    painted: NDArray[np.float32]
    sample: NDArray[np.float32]
    judge: HeldOut | None = None

    def check(self, data: TrainingData) -> None:
        """Raise ShapeError when they do not belong to the data."""
        n_classes = len(data.classes)
        for name, found, n in (
            ("painted", self.painted, data.labels.size),
            ("sample", self.sample, data.sample_image.size),
        ):
            if found.shape != (n_classes, n):
                raise ShapeError(f"held out {name}: {found.shape}; must be {(n_classes, n)}, classes by pixels.")
        if self.judge is not None:
            self.judge.check(data)


def predict_held_out(
    data: TrainingData,
    folds: Folds,
    fit: Callable[[NDArray[np.int64]], Predict],
    *,
    keep: list[Predict] | None = None,
) -> HeldOut:
    """Train on what each fold keeps, and predict what it leaves out.

    Parameters
    ----------
    data : TrainingData
        Painted pixels and the sample.
    folds : Folds
        Of the same data.
    fit : callable
        Places of the pixels to learn from -> a function (F, n) planes -> (K, n) probabilities of balanced classes.
    keep : list, optional
        What was fitted is appended to it, one per fold (for `measure_importance`).
    """
    n_classes = len(data.classes)
    painted = np.full((n_classes, data.labels.size), np.nan, np.float32)
    sample = np.full((n_classes, data.sample_image.size), np.nan, np.float32)
    for fold in folds.folds:
        predict = fit(fold.train)
        if keep is not None:
            keep.append(predict)
        if fold.test.size:
            painted[:, fold.test] = predict(np.ascontiguousarray(data.painted[:, fold.test]))
        if fold.sample.size:
            sample[:, fold.sample] = predict(np.ascontiguousarray(data.sample[:, fold.sample]))
    return HeldOut(painted, sample)
