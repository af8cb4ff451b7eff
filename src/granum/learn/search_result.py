"""From the best pipeline to the model that is kept, with its report and where it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.learn.folds import Folds
from granum.learn.held_out import HeldOut
from granum.learn.importance import measure_importance
from granum.learn.learning_curve import measure_learning_curve
from granum.learn.pixel_classifier import common_pixel_size
from granum.learn.pixel_model import ContextStage, PixelModel, Stage
from granum.learn.score_estimate import Scorer
from granum.learn.score_report import ScoreReport
from granum.learn.search_data import SearchData
from granum.learn.search_space import Pipeline
from granum.learn.search_state import Trial, order_trials
from granum.learn.search_trial import TrialRunner
from granum.learn.training_data import TrainingImage
from granum.learn.validation import estimate_scores

__all__ = ["build_model", "describe_origin", "explain_pipeline", "fingerprint_images", "report_scores"]

_PACKAGES = ("numpy", "numba", "scikit-learn", "lightgbm", "optuna")
_MOST_KEPT = 50


def build_model(runner: TrialRunner, pipeline: Pipeline, *, prior: NDArray[np.float64]) -> PixelModel:
    """Return a pipeline trained on everything that is painted, with the prior of its score (`Score.prior`).

    Raises
    ------
    SearchStopped
        When the search was stopped.
    """
    search = runner.data
    data = search.data
    fitted = runner.fit(pipeline)
    context = None
    if fitted.second is not None and pipeline.context is not None:
        context = ContextStage(fitted.context_columns, fitted.second, pipeline.context.sigmas)
    return PixelModel(
        classes=data.classes,
        n_channels=data.images[0].channels.shape[0],
        channel_names=data.images[0].channel_names,
        dtype=str(data.images[0].channels.dtype),
        pixel_size_nm=common_pixel_size(data.images),
        features=data.features,
        normalisation=pipeline.normalisation,
        intensity=search.training,
        first=Stage(fitted.columns, fitted.first),
        context=context,
        prior=tuple(map(float, prior)),
        smoothing_px=pipeline.smoothing_px,
    )


def explain_pipeline(
    runner: TrialRunner,
    scorer: Scorer,
    pipeline: Pipeline,
    held_out: HeldOut,
    *,
    seed: int,
    should_stop: Callable[[], bool],
) -> tuple[tuple[tuple[int, float], ...], tuple[tuple[str, float], ...]]:
    """Return the learning curve of a pipeline, and what features its first stage needs.

    Raises
    ------
    SearchStopped
        When the search was stopped.
    """
    data, folds = runner.data.data, runner.data.folds

    def evaluate(thinned: Folds) -> HeldOut:
        thin = TrialRunner(
            replace(runner.data, folds=thinned), seed=seed, should_stop=should_stop, threads=runner.threads
        )
        return thin.run(pipeline)

    curve = measure_learning_curve(scorer, evaluate, miou=scorer.score(held_out).miou, seed=seed)
    n_channels = data.images[0].channels.shape[0]
    columns = sorted({column for part in pipeline.parts for column in part.columns(data.features, n_channels)})
    # predictors take rows of the bank as it is for this normalisation
    seen = replace(data, painted=runner.data.painted(pipeline.normalisation))
    importance = measure_importance(seen, folds, runner.fit_folds(pipeline), columns=columns, seed=seed)
    return curve, importance


def report_scores(
    runner: TrialRunner, scorer: Scorer, pipeline: Pipeline, held_out: HeldOut, *, n_resamples: int, seed: int
) -> ScoreReport:
    """Return the scores of a pipeline with their intervals."""
    return estimate_scores(
        runner.data.data,
        runner.data.folds,
        held_out,
        sample_weights=scorer.sample_weights,
        normalisation=pipeline.normalisation,
        n_resamples=n_resamples,
        seed=seed,
    )


def describe_origin(
    search: SearchData,
    trials: Sequence[Trial],
    report: ScoreReport | None,
    *,
    settings: dict[str, Any],
    fingerprints: Sequence[dict[str, Any]],
    notes: Sequence[str],
) -> dict[str, Any]:
    """Return what a model says about itself, JSON types; no clock times, so the same search gives the same bytes."""
    data = search.data
    best = next((trial for trial in trials if trial.is_best), None)
    return {
        "kind": "search",
        "pipeline": None if best is None else best.pipeline.to_json(),
        "description": "" if best is None else best.description,
        "report": None if report is None else report.to_json(),
        "leaderboard": [trial.to_json() for trial in order_trials(trials)[:_MOST_KEPT]],
        "n_trials": len(trials),
        "n_images": int(np.unique(data.image_of).size),
        "n_strokes": int(np.unique(data.stroke_of).size),
        "n_painted_px": sum(stroke.n_px for stroke in data.strokes),
        "settings": settings,
        "images": [*fingerprints],
        "versions": {name: _version(name) for name in ("granum", *_PACKAGES)},
        "notes": [*notes],
    }


def fingerprint_images(images: Sequence[TrainingImage]) -> list[dict[str, Any]]:
    """Return name, shape, and the SHA-256 of pixels and strokes of every image.

    Notes
    -----
    About 1 GB per second.
    """
    found = []
    for image in images:
        one: dict[str, Any] = {
            "name": image.name,
            "shape": [*image.channels.shape],
            "dtype": str(image.channels.dtype),
            "pixels_sha256": _hash(image.channels),
            "strokes_sha256": None,
        }
        if image.scribbles is not None:
            painted = image.scribbles
            one["strokes_sha256"] = _hash(painted.y, painted.x, painted.class_ids, painted.strokes)
        if image.area is not None:
            one["area_sha256"] = _hash(image.area)
        found.append(one)
    return found


def _hash(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 of the bytes of arrays, little-endian, in C order."""
    digest = hashlib.sha256()
    for array in arrays:
        rows = array if array.ndim > 1 else array[None]
        for row in rows:
            digest.update(np.ascontiguousarray(row, row.dtype.newbyteorder("<")).data)
    return digest.hexdigest()


def _version(name: str) -> str | None:
    """Return the version of an installed package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
