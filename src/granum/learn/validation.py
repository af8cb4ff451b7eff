"""`estimate_scores`: the report of a pipeline from what it said about left-out pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from granum.learn.folds import Folds
from granum.learn.held_out import HeldOut
from granum.learn.joint_table import ious
from granum.learn.score_estimate import Scorer
from granum.learn.score_interval import score_interval
from granum.learn.score_report import ClassScore, ScoreReport
from granum.learn.score_warnings import score_warnings
from granum.learn.training_data import TrainingData

__all__ = ["estimate_scores"]


def estimate_scores(
    data: TrainingData,
    folds: Folds,
    held_out: HeldOut,
    *,
    prior: NDArray[np.float64] | None = None,
    sample_weights: NDArray[np.float64] | None = None,
    normalisation: str = "",
    learning_curve: Sequence[tuple[int, float]] = (),
    importance: Sequence[tuple[str, float]] = (),
    n_resamples: int = 100,
    seed: int = 0,
) -> ScoreReport:
    """Return how good a pipeline is on unseen images, as far as strokes and unpainted pixels tell.

    Parameters
    ----------
    data : TrainingData
        Painted pixels and the sample.
    folds : Folds
        What was left out.
    held_out : HeldOut
        What the pipeline said about it.
    prior : (K,) ndarray, optional
        What the model weighs its classes with when it predicts; `Score.prior`, which is best, when not given.
    sample_weights : (m,) ndarray of float64, optional
        How many pixels each of the sample stands for, when it was not drawn evenly.
    normalisation : {"", "image", "training"}
        How the pipeline treats grey levels, for the warnings.
    learning_curve, importance : sequence
        As they stand in the report.
    n_resamples : int
        Of the bootstrap, at least 10.
    seed : int
        Of the bootstrap.

    Returns
    -------
    report : ScoreReport
        Defined for any strokes that a model can be trained on; with one image and two strokes, wide and with warnings.

    Raises
    ------
    ShapeError
        `held_out` does not belong to the data.

    Notes
    -----
    Measured errors against the truth on unseen images stand in docs/ideas/honest_scores.md. It fails, unseen, when
    images to come differ from the painted ones; and when a class has parts that nobody painted.
    """
    scorer = Scorer(data, folds, sample_weights=sample_weights)
    score = scorer.score(held_out, prior=prior)
    low, high = score_interval(scorer, held_out, score, prior=prior, n_resamples=max(n_resamples, 10), seed=seed)
    table = score.table
    true, predicted, hit = table.sum(axis=1), table.sum(axis=0), np.diag(table)
    tested = np.isfinite(held_out.painted).all(axis=0)
    per_class = []
    for index, (one, iou) in enumerate(zip(data.classes, ious(table), strict=True)):
        own = tested & (data.labels == index)
        per_class.append(
            ClassScore(
                class_id=one.id,
                name=one.name,
                iou=float(iou),
                precision=float(hit[index] / predicted[index]) if predicted[index] > 0 else 0.0,
                recall=float(hit[index] / true[index]) if true[index] > 0 else 0.0,
                n_px=int(own.sum()),
                n_strokes=int(np.unique(data.stroke_of[own]).size),
            )
        )
    confusion = table / np.where(true > 0, true, 1.0)[:, None]
    return ScoreReport(
        method=_describe(folds, np.unique(data.image_of).size),
        miou=score.miou,
        low=float(low),
        high=float(high),
        per_class=tuple(per_class),
        confusion=tuple(tuple(float(value) for value in row) for row in confusion),
        learning_curve=tuple((int(n_px), float(value)) for n_px, value in learning_curve),
        importance=tuple((str(name), float(share)) for name, share in importance),
        warnings=tuple(dict.fromkeys(score_warnings(scorer, score, normalisation=normalisation))),
    )


def _describe(folds: Folds, n_images: int) -> str:
    """Return one sentence about what was left out."""
    if folds.kind == "stroke":
        left = "Neighbouring strokes were left out together in turn; the score speaks for the rest of this image"
    elif n_images > len(folds) - len(folds.of_strokes) and n_images > len(folds):
        left = f"The {n_images} painted images were left out in {len(folds)} groups; the score speaks for unseen images"
    else:
        left = f"Each of the {n_images} painted images was left out in turn; the score speaks for unseen images"
    return (
        f"{left}, all pixels and not only painted ones: calibrated probabilities at unpainted pixels, edges known to "
        "about 1 px."
    )
