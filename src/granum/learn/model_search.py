"""`search_model`: looks for the best pipeline within some seconds; stopped at any moment, it returns the best so far.

A first model is there before anything is validated. Then pipelines are tried one after the other (`search_plan`), each
on folds that it has not seen; whenever another one is chosen it is trained on everything at once, so there always is a
model to keep.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from granum.errors import SettingError
from granum.learn.classifiers import FAMILIES, available_families
from granum.learn.compile_clock import CompileClock
from granum.learn.held_out import HeldOut
from granum.learn.normalisation_choice import choose_normalisation
from granum.learn.pixel_classifier import fit_first_model
from granum.learn.pixel_model import PixelModel
from granum.learn.score_estimate import Scorer
from granum.learn.score_report import ScoreReport
from granum.learn.scribbles import PixelClass
from granum.learn.search_choice import balanced_accuracy, choose_best, reaches_edges, scores_without
from granum.learn.search_data import prepare_search
from granum.learn.search_plan import plan_pipelines
from granum.learn.search_result import build_model, describe_origin, explain_pipeline, fingerprint_images, report_scores
from granum.learn.search_sampler import Sampler, make_sampler
from granum.learn.search_space import Normalisation, Pipeline
from granum.learn.search_state import SearchProgress, SearchResult, StudyFile, Trial, order_trials
from granum.learn.search_trial import SearchStopped, TrialPruned, TrialRunner
from granum.learn.training_data import TrainingData, TrainingImage, gather_training_data

__all__ = ["SearchProgress", "SearchResult", "Trial", "search_model"]

_MOST_PAINTED = 40_000
_LEAST_PER_CLASS, _MOST_PER_CLASS = 100, 1500
_N_SAMPLE = 8192
_QUICK_RESAMPLES, _RESAMPLES = 12, 100
_PRUNE_BELOW = 0.04
# the report takes this much of the budget, between these many seconds
_REPORT_SHARE, _LEAST_REPORT_S, _MOST_REPORT_S = 0.2, 0.6, 15.0
_CURVE_FROM_S = 20.0
_LEAST_TOLD_S = 2.0
# share of the painted pixels of a class
_MOST_SMOOTHED_AWAY = 0.03


def search_model(
    images: Sequence[TrainingImage],
    classes: Sequence[PixelClass] = (),
    *,
    budget_s: float = 60.0,
    most_trials: int | None = None,
    seed: int = 0,
    progress: Callable[[SearchProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    study: Path | None = None,
) -> SearchResult:
    """Look for the best way from pixels to classes.

    Parameters
    ----------
    images : sequence of TrainingImage
        At least one with strokes of two classes; those without are looked at for grey levels and class frequencies.
    classes : sequence of PixelClass
        Names of the classes; none: those that come with the strokes.
    budget_s : float
        Seconds, over 0. What numba compiles at the first use on a computer does not count.
    most_trials : int, optional
        Number of pipelines instead of seconds, at least 1: the same model, byte for byte, on any machine with the same
        packages and any number of cores.
    seed : int
        Of all that is random.
    progress : callable, optional
        Told after every pipeline, and before what takes long.
    should_stop : callable, optional
        Asked often, from several threads; when it says True the best so far is returned, within 0.3 s or so.
    study : Path, optional
        A file of trials: those of an earlier search of the same images, strokes and seed are taken over, others added.

    Returns
    -------
    result : SearchResult

    Raises
    ------
    SettingError
        A budget of 0 or less; nothing is painted, or one class only; the study is of something else.
    ShapeError
        Images and strokes do not fit.

    Notes
    -----
    A pipeline that fails is recorded and the search goes on. Memory: about 0.5 GB at most, whatever the images.
    """
    if not (isinstance(budget_s, int | float) and math.isfinite(budget_s) and budget_s > 0):
        raise SettingError(f"budget_s: is {budget_s}, must be over 0 seconds.")
    if most_trials is not None and most_trials < 1:
        raise SettingError(f"most_trials: is {most_trials}, must be at least 1.")
    return _Search(
        images, classes, float(budget_s), most_trials, seed, progress or (lambda now: None), should_stop, study
    ).run()


class _Search:
    """One search: its trials, and the best so far."""

    def __init__(
        self,
        images: Sequence[TrainingImage],
        classes: Sequence[PixelClass],
        budget_s: float,
        most_trials: int | None,
        seed: int,
        progress: Callable[[SearchProgress], None],
        should_stop: Callable[[], bool] | None,
        study: Path | None,
    ) -> None:
        self.began, self.compiling = time.monotonic(), CompileClock()
        self.images, self.classes, self.budget_s, self.most_trials = images, classes, budget_s, most_trials
        self.seed, self.progress, self.asked_to_stop = seed, progress, should_stop or (lambda: False)
        self.study_path = study
        self.trials: list[Trial] = []
        self.notes: list[str] = []
        self.best: Trial | None = None
        self.model: PixelModel | None = None
        self.report: ScoreReport | None = None
        reserve = min(max(_REPORT_SHARE * budget_s, _LEAST_REPORT_S), _MOST_REPORT_S, 0.5 * budget_s)
        # in seconds of `_elapsed`
        self.trials_end = math.inf if most_trials is not None else budget_s - reserve
        self.end = math.inf if most_trials is not None else budget_s

    def run(self) -> SearchResult:
        """Search."""
        with self.compiling:
            return self._run()

    def _run(self) -> SearchResult:
        data = self._gather()
        fingerprints = fingerprint_images(self.images)
        first = fit_first_model(data, seed=self.seed)
        self.model = first
        self._tell("a first model is ready")
        choice = choose_normalisation(data)
        self.notes += [*data.notes, *([choice.note] if choice.note else [])]
        normalisations: tuple[Normalisation, ...] = (
            ("image", "training") if choice.is_measured else (choice.normalisation,)
        )
        self.search = prepare_search(data, seed=self.seed, should_stop=self.asked_to_stop)
        self.scorer = Scorer(self.search.data, self.search.folds, sample_weights=self.search.sample_weights)
        self.runner = TrialRunner(self.search, seed=self.seed, should_stop=self._is_over)
        self.study = StudyFile(self.study_path, self._fingerprint(fingerprints))
        self.trials = list(self.study.read())
        if any(fold.test.size for fold in self.search.folds):
            try:
                if self.trials:
                    self._keep_best(known=None)
                self._try_pipelines(normalisations)
            except SearchStopped:
                pass
            self._finish_report()
        else:
            self.notes.append(
                "Every class is one painted pixel, so nothing can be left out and tested: this is the first model, not "
                "scored. Paint a stroke of each class."
            )
        if missing := [FAMILIES[name].title for name in FAMILIES if name not in available_families()]:
            self.notes.append(f"Not installed, so not tried: {', '.join(missing)}.")
        notes = tuple(dict.fromkeys(self.notes))
        model = self.model
        settings = {"seed": self.seed} | (
            {"budget_s": self.budget_s} if self.most_trials is None else {"most_trials": self.most_trials}
        )
        about = describe_origin(
            self.search, self.trials, self.report, settings=settings, fingerprints=fingerprints, notes=notes
        )
        model = replace(model, about=about)
        self.model = model
        self._tell("done")
        if self.most_trials is None and self.compiling.seconds > _LEAST_TOLD_S:
            said = f"{self.compiling.seconds:.0f} s more went into compiling, which a computer does once."
            notes = (*notes, said)  # not in the model: it says nothing about it
        return SearchResult(model, order_trials(self.trials), self.report, notes)

    def _gather(self) -> TrainingData:
        """Return features of painted pixels and of the sample."""
        self._tell("computing features")
        n_painted = sum(image.scribbles is not None for image in self.images)
        n_classes = max(len(self.classes), 2)
        most = int(np.clip(_MOST_PAINTED // max(n_painted * n_classes, 1), _LEAST_PER_CLASS, _MOST_PER_CLASS))
        return gather_training_data(self.images, self.classes, most_per_class=most, n_sample=_N_SAMPLE, seed=self.seed)

    def _try_pipelines(self, normalisations: Sequence[Normalisation]) -> None:
        """Try pipelines until time, number or patience is over."""
        plan = plan_pipelines(
            lambda: self.trials,
            normalisations=normalisations,
            sampler=self._sampler,
            may_use_context=reaches_edges(self.search.data),
        )
        for pipeline in plan:
            if self._is_over() or (self.most_trials is not None and len(self.trials) >= self.most_trials):
                return
            self._tell(f"trying {pipeline.describe()}")
            self._try(pipeline)

    def _try(self, pipeline: Pipeline) -> None:
        """Try one pipeline, and keep it when it is chosen."""
        began = self._elapsed()
        data = self.search.data
        cost = pipeline.cost(data.features, data.images[0].channels.shape[0], self.search.n_classes)
        partial: list[float] = []

        def prune(done: int, held_out: HeldOut) -> bool:
            partial.append(balanced_accuracy(held_out.painted, data.labels))
            others = [trial.partial[done - 1] for trial in self.trials if len(trial.partial) >= done]
            return bool(others) and partial[-1] < max(others) - _PRUNE_BELOW and len(self.trials) > 4

        trial = Trial(len(self.trials), pipeline, "done", 0.0, cost)
        held_out: HeldOut | None = None
        try:
            held_out = self.runner.run(pipeline, prune=prune)
            score = self.scorer.score(held_out)
            trial = replace(trial, miou=score.miou, rank=score.rank, without=scores_without(self.scorer, held_out))
        except SearchStopped:
            raise
        except TrialPruned as reason:
            trial = replace(trial, state="pruned", problem=str(reason))
        except Exception as error:  # one pipeline must not end a search; what went wrong is kept and shown
            trial = replace(trial, state="failed", problem=f"{type(error).__name__}: {error}")
        trial = replace(trial, partial=tuple(partial), seconds=self._elapsed() - began)
        self.trials.append(trial)
        self.study.add(trial)
        if held_out is not None and trial.state == "done":
            self._keep_best(known=(trial.number, held_out))
        self._tell("")

    def _keep_best(self, *, known: tuple[int, HeldOut] | None) -> None:
        """Train the chosen pipeline on everything, unless it is the one that is kept already."""
        chosen = choose_best(self.trials)
        if chosen is None or (self.best is not None and chosen.number == self.best.number):
            return
        held_out = known[1] if known is not None and known[0] == chosen.number else self.runner.run(chosen.pipeline)
        model = build_model(self.runner, chosen.pipeline, prior=self.scorer.score(held_out).prior)
        report = report_scores(
            self.runner, self.scorer, chosen.pipeline, held_out, n_resamples=_QUICK_RESAMPLES, seed=self.seed
        )
        self._set_best(chosen, report)
        self.model = model

    def _set_best(self, chosen: Trial, report: ScoreReport) -> None:
        """Mark the trial that is kept."""
        self.report = report
        self.trials = [replace(trial, is_best=trial.number == chosen.number) for trial in self.trials]
        at = next(place for place, trial in enumerate(self.trials) if trial.is_best)
        self.trials[at] = replace(self.trials[at], low=report.low, high=report.high)
        self.best = self.trials[at]

    def _finish_report(self) -> None:
        """Make the report of the best complete, as far as there is time."""
        if self.best is None:
            self.notes.append("The search ended before a pipeline was scored: this is the first model, not scored.")
            return
        self.trials_end = self.end
        if self._is_over():
            return
        self._tell("validating the best")
        pipeline = self.best.pipeline
        try:
            held_out = self.runner.run(pipeline)
            n_resamples, with_curve = self._afford(held_out)
            report = report_scores(
                self.runner, self.scorer, pipeline, held_out, n_resamples=n_resamples, seed=self.seed
            )
            self._set_best(self.best, report)
            if with_curve:
                self._check_smoothing(pipeline)
                curve, importance = explain_pipeline(
                    self.runner, self.scorer, pipeline, held_out, seed=self.seed, should_stop=self._is_over
                )
                self._set_best(self.best, replace(report, learning_curve=curve, importance=importance))
        except SearchStopped:
            return

    def _check_smoothing(self, pipeline: Pipeline) -> None:
        """Leave the final smoothing out when it takes thin structures away."""
        if self.model is None or not pipeline.smoothing_px:
            return
        if self.runner.smoothing_loss(pipeline, pipeline.smoothing_px) > _MOST_SMOOTHED_AWAY:
            self.model = replace(self.model, smoothing_px=0.0)
            self.notes.append("The classes are not smoothed, because that would take thin painted structures away.")

    def _afford(self, held_out: HeldOut) -> tuple[int, bool]:
        """Return how many resamples the interval gets, and whether there is time for the learning curve."""
        if self.most_trials is not None:
            return _RESAMPLES, True
        began = self._elapsed()
        self.scorer.score(held_out)
        each = self._elapsed() - began
        left = self.end - self._elapsed()
        parts = self.best.pipeline.parts if self.best is not None else ()
        # an average of what was tried took no time: the time of its parts counts
        trial_s = sum(
            max((one.seconds for one in self.trials if part in one.pipeline.parts), default=0) for part in parts
        )
        with_curve = self.budget_s >= _CURVE_FROM_S and left > 3.0 * trial_s + 30 * each
        if with_curve:
            left -= 2.5 * trial_s
        return int(np.clip(0.7 * left / max(each, 1e-4), _QUICK_RESAMPLES // 2, _RESAMPLES)), with_curve

    def _sampler(self) -> Sampler:
        """Return what proposes pipelines after the ladder."""
        sampler, note = make_sampler(self.seed)
        if note:
            self.notes.append(note)
        return sampler

    def _is_over(self) -> bool:
        """Return whether to stop."""
        return self._elapsed() > self.trials_end or self.asked_to_stop()

    def _elapsed(self) -> float:
        """Return the seconds of the budget that are used."""
        return time.monotonic() - self.began - self.compiling.seconds

    def _fingerprint(self, fingerprints: Sequence[dict[str, Any]]) -> str:
        """Return one text of all that scores depend on."""
        from granum import __version__

        classes = [[one.id, one.name] for one in self.search.data.classes]
        about = {"images": [*fingerprints], "classes": classes, "seed": self.seed, "version": __version__}
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()

    def _tell(self, stage: str) -> None:
        """Tell how far it is."""
        self.progress(
            SearchProgress(
                stage,
                self._elapsed(),
                self.budget_s,
                len(self.trials),
                order_trials(self.trials),
                self.best,
                self.model,
                self.report,
            )
        )
