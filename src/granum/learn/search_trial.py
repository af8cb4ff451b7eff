"""Runs pipelines: probabilities of every pixel by a fold that had not seen it, and the model of all strokes.

The context stage learns from probabilities of first stages that had not seen the pixel, those of the same folds. What
every single classifier said is kept, so an average of classifiers that were tried costs next to nothing. Folds run side
by side; they do not know of each other, so results do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from granum.errors import GranumError
from granum.learn.blend import blend_classifiers
from granum.learn.classifiers import fit_classifier
from granum.learn.fitted_classifier import FittedClassifier
from granum.learn.held_out import HeldOut
from granum.learn.probability_smoothing import context_planes
from granum.learn.search_data import SearchData
from granum.learn.search_space import CONTEXT_SIGMAS, Context, Part, Pipeline
from granum.learn.side_by_side import side_by_side

__all__ = ["FittedPipeline", "SearchStopped", "TrialPruned", "TrialRunner"]

Prune = Callable[[int, HeldOut], bool]
_MOST_THREADS = 4
_MOST_FIRST_STAGES = 4
_MOST_HELD = 300  # a quarter of a megabyte each
_MOST_AT_ONCE = 1 << 16  # pixels: predicting them takes less than a person notices, so that a search stops at once


class SearchStopped(GranumError):
    """The search was stopped within a trial; what was found before is kept."""


class TrialPruned(GranumError):
    """A trial was given up after some of its folds."""


@dataclass(frozen=True, eq=False)
class FittedPipeline:
    """Both stages, trained on everything that is painted.

    Parameters
    ----------
    columns : tuple of int
        Planes of the bank that the first stage sees.
    first : FittedClassifier
        The first stage.
    context_columns : tuple of int
        Planes of the bank that the second stage sees; the smoothed probabilities come after them.
    second : FittedClassifier, optional
        The second stage.
    sample : (K, m) ndarray of float32
        What it says about the sample, classes being equally frequent.
    """

    columns: tuple[int, ...]
    first: FittedClassifier
    context_columns: tuple[int, ...]
    second: FittedClassifier | None
    sample: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Around:
    """Smoothed probabilities of a first stage at painted pixels and at the sample, and which painted ones are known."""

    painted: NDArray[np.float32]
    sample: NDArray[np.float32]
    known: NDArray[np.bool_]


class TrialRunner:
    """Trains pipelines on the same data.

    Parameters
    ----------
    data : SearchData
        Painted pixels, folds, patches.
    seed : int
        Of every classifier.
    should_stop : callable, optional
        Asked between and within trainings; it must be safe to ask from several threads.
    threads : int, optional
        How many folds run side by side.
    """

    def __init__(
        self,
        data: SearchData,
        *,
        seed: int = 0,
        should_stop: Callable[[], bool] | None = None,
        threads: int | None = None,
    ) -> None:
        self.data = data
        self.seed = seed
        self.threads = max(1, min(threads or numba.get_num_threads(), _MOST_THREADS))
        self._should_stop = should_stop or (lambda: False)
        self._held: dict[str, HeldOut] = {}
        self._fitted: dict[str, FittedClassifier] = {}
        self._around: dict[str, _Around] = {}

    def run(self, pipeline: Pipeline, *, prune: Prune | None = None) -> HeldOut:
        """Return what a pipeline says about pixels that it has not seen.

        Parameters
        ----------
        pipeline : Pipeline
            What to try.
        prune : callable, optional
            Asked after each fold, with the number of folds done and what they said; True gives the trial up.

        Raises
        ------
        SearchStopped
            When the search was stopped.
        TrialPruned
            When `prune` said so.
        """
        if pipeline.context is None:
            return self._mean(pipeline.parts, lambda part: self._held_plain(pipeline, part, prune))
        around = self._first_stage(pipeline)
        context = pipeline.context
        held = self._mean(context.parts, lambda part: self._held_context(pipeline, context, part, around, prune))
        first = slice(0, self.data.n_classes)  # CONTEXT_SIGMAS begins with 0: probabilities as they are
        painted = np.where(around.known, around.painted[first], np.float32(np.nan))
        return replace(held, judge=HeldOut(painted, around.sample[first]))

    def fit(self, pipeline: Pipeline) -> FittedPipeline:
        """Return a pipeline trained on everything that is painted.

        Raises
        ------
        SearchStopped
            When the search was stopped.
        """
        first = self._fit_stage(pipeline, pipeline.parts, None)
        columns = self._union(pipeline.parts)
        seen = self.data.sample(pipeline.normalisation)
        if pipeline.context is None:
            sample = first.probabilities(seen, rows=np.array(columns))
            return FittedPipeline(columns, first, (), None, sample)
        second = self._fit_stage(pipeline, pipeline.context.parts, self._first_stage(pipeline))
        around = np.empty((len(CONTEXT_SIGMAS) * self.data.n_classes, seen.shape[1]), np.float32)
        for number, patch in enumerate(self.data.patches):
            if patch.sample.size:
                around[:, patch.sample] = self._look_around(pipeline, first, number)[:, patch.sample_at]
        context_columns = self._union(pipeline.context.parts)
        planes = np.concatenate([seen[list(context_columns)], self._take(pipeline.context, around)])
        return FittedPipeline(columns, first, context_columns, second, second.probabilities(planes))

    def fit_folds(self, pipeline: Pipeline) -> list[Callable[[NDArray[np.float32]], NDArray[np.float32]]]:
        """Return the first stage by folds, as functions of all planes of the bank (for the importance of features)."""

        def train(pixels: NDArray[np.int64]) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
            members = [self._train(part, self._planes(pipeline, part), pixels) for part in pipeline.parts]
            return lambda planes: self._predict_members(pipeline.parts, members, planes)

        return list(side_by_side(train, [fold.train for fold in self.data.folds.folds], threads=self.threads))

    def smoothing_loss(self, pipeline: Pipeline, sigma: float) -> float:
        """Return the largest share of its painted pixels that a class loses when its probabilities are smoothed.

        Thin structures vanish by smoothing, and only strokes on them can tell.
        """
        around, labels = self._first_stage(pipeline), self.data.data.labels
        n_classes = self.data.n_classes
        kept = []
        for one in (0.0, sigma):
            start = CONTEXT_SIGMAS.index(one) * n_classes
            right = around.painted[start : start + n_classes].argmax(axis=0) == labels
            found = np.bincount(labels[around.known], right[around.known], minlength=n_classes)
            kept.append(found / np.maximum(np.bincount(labels[around.known], minlength=n_classes), 1))
        return float((kept[0] - kept[1]).max())

    def _predict_members(
        self, parts: Sequence[Part], members: Sequence[FittedClassifier], planes: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the mean of classifiers, each on its columns."""
        found = [
            member.probabilities(planes, rows=self._columns(part)) for part, member in zip(parts, members, strict=True)
        ]
        return np.mean(found, axis=0, dtype=np.float32)

    def _mean(self, parts: Sequence[Part], held_of: Callable[[Part], HeldOut]) -> HeldOut:
        """Return the mean of what the classifiers of a stage said."""
        held = [held_of(part) for part in parts]
        if len(held) == 1:
            return held[0]
        return HeldOut(
            np.mean([one.painted for one in held], axis=0, dtype=np.float32),
            np.mean([one.sample for one in held], axis=0, dtype=np.float32),
        )

    def _held_plain(self, pipeline: Pipeline, part: Part, prune: Prune | None) -> HeldOut:
        """Train and test one classifier fold by fold."""
        key = f"{pipeline.normalisation} {part}"
        if key not in self._held:
            painted = self._planes(pipeline, part)
            sample = self.data.sample(pipeline.normalisation)[self._columns(part)]
            known = np.ones(painted.shape[1], np.bool_)
            self._keep(key, self._by_folds(part, painted, sample, known, prune))
        return self._held[key]

    def _held_context(
        self, pipeline: Pipeline, context: Context, part: Part, around: _Around, prune: Prune | None
    ) -> HeldOut:
        """Train and test one classifier of the second stage fold by fold."""
        key = f"{pipeline.first.key} {context.sigmas} {part}"
        if key not in self._held:
            painted = np.concatenate([self._planes(pipeline, part), self._take(context, around.painted)])
            seen = self.data.sample(pipeline.normalisation)[self._columns(part)]
            sample = np.concatenate([seen, self._take(context, around.sample)])
            self._keep(key, self._by_folds(part, painted, sample, around.known, prune))
        return self._held[key]

    def _keep(self, key: str, held_out: HeldOut) -> None:
        """Keep what a classifier said, and forget what is oldest."""
        while len(self._held) >= _MOST_HELD:
            self._held.pop(next(iter(self._held)))
        self._held[key] = held_out

    def _by_folds(
        self,
        part: Part,
        painted: NDArray[np.float32],
        sample: NDArray[np.float32],
        known: NDArray[np.bool_],
        prune: Prune | None,
    ) -> HeldOut:
        """Train one classifier on what each fold keeps, and test it on what it leaves out."""
        held = self._nothing()

        def one_fold(number: int) -> list[tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float32]]]:
            fold = self.data.folds.folds[number]
            classifier = self._train(part, painted, fold.train[known[fold.train]])
            found = []
            for target, planes, pixels in (
                (held.painted, painted, fold.test[known[fold.test]]),
                (held.sample, sample, fold.sample),
            ):
                if pixels.size:
                    chosen = np.ascontiguousarray(planes[:, pixels])
                    found.append((target, pixels, classifier.probabilities(chosen, threads=1)))
            return found

        numbers = range(len(self.data.folds))
        for done, found in enumerate(side_by_side(one_fold, numbers, threads=self.threads), 1):
            for target, pixels, probabilities in found:
                target[:, pixels] = probabilities
            if prune is not None and done < len(numbers) and prune(done, held):
                raise TrialPruned(f"It was worse than others after {done} of {len(numbers)} folds.")
        return held

    def _first_stage(self, pipeline: Pipeline) -> _Around:
        """Return smoothed probabilities of the first stage where its folds had not seen the pixel, computed once."""
        key = pipeline.first.key
        if key in self._around:
            return self._around[key]
        data = self.data
        n_planes = len(CONTEXT_SIGMAS) * data.n_classes
        painted = np.zeros((n_planes, data.data.labels.size), np.float32)
        sample = np.zeros((n_planes, data.data.sample_image.size), np.float32)
        known = np.zeros(data.data.labels.size, np.bool_)

        def one_fold(number: int) -> None:
            fold = data.folds.folds[number]
            members = [self._train(part, self._planes(pipeline, part), fold.train) for part in pipeline.parts]
            first = self._blend(pipeline.parts, members, 0)
            for place, patch in enumerate(data.patches):
                tested, drawn = np.isin(patch.painted, fold.test), np.isin(patch.sample, fold.sample)
                if not (tested.any() or drawn.any()):
                    continue
                # folds test different pixels, so they write to different places
                around = self._look_around(pipeline, first, place)
                known[patch.painted[tested]] = True
                painted[:, patch.painted[tested]] = around[:, patch.painted_at[tested]]
                sample[:, patch.sample[drawn]] = around[:, patch.sample_at[drawn]]

        for _ in side_by_side(one_fold, range(len(data.folds)), threads=self.threads):
            pass
        while len(self._around) >= _MOST_FIRST_STAGES:
            self._around.pop(next(iter(self._around)))
        self._around[key] = _Around(painted, sample, known)
        return self._around[key]

    def _look_around(self, pipeline: Pipeline, first: FittedClassifier, number: int) -> NDArray[np.float32]:
        """Return smoothed probabilities of a patch, (S * K, h * w)."""
        planes = self.data.patch(number, pipeline.normalisation)
        rows = np.array(self._union(pipeline.parts))
        found = np.empty((self.data.n_classes, planes.shape[1]), np.float32)
        for start in range(0, planes.shape[1], _MOST_AT_ONCE):
            self._check()
            found[:, start : start + _MOST_AT_ONCE] = first.probabilities(
                planes[:, start : start + _MOST_AT_ONCE], rows=rows, threads=1
            )
        around = context_planes(found.reshape(len(found), *self.data.patches[number].shape), CONTEXT_SIGMAS)
        return around.reshape(len(around), -1)

    def _fit_stage(self, pipeline: Pipeline, parts: tuple[Part, ...], around: _Around | None) -> FittedClassifier:
        """Return a stage trained on everything; classifiers that were trained before are taken from there."""
        context = pipeline.context
        missing: list[tuple[str, Part]] = []
        keys = []
        for part in parts:
            key = f"{pipeline.normalisation} {part}"
            if around is not None and context is not None:
                key = f"{pipeline.first.key} {context.sigmas} {part}"
            keys.append(key)
            if key not in self._fitted:
                missing.append((key, part))

        def train(wanted: tuple[str, Part]) -> FittedClassifier:
            planes = self._planes(pipeline, wanted[1])
            if around is None or context is None:
                return self._train(wanted[1], planes, np.arange(planes.shape[1]))
            planes = np.concatenate([planes, self._take(context, around.painted)])
            return self._train(wanted[1], planes, np.flatnonzero(around.known))

        for (key, _), classifier in zip(missing, side_by_side(train, missing, threads=self.threads), strict=True):
            self._fitted[key] = classifier
        n_context = 0 if around is None or context is None else len(context.sigmas) * self.data.n_classes
        return self._blend(parts, [self._fitted[key] for key in keys], n_context)

    def _blend(self, parts: Sequence[Part], members: Sequence[FittedClassifier], n_context: int) -> FittedClassifier:
        """Return the classifiers of a stage as one, whose planes are the columns of all, then the context."""
        union = self._union(parts)
        place = {column: row for row, column in enumerate(union)}
        around = range(len(union), len(union) + n_context)
        with_rows = [
            (member, [*(place[int(column)] for column in self._columns(part)), *around])
            for part, member in zip(parts, members, strict=True)
        ]
        return blend_classifiers(with_rows, n_features=len(union) + n_context)

    def _train(self, part: Part, planes: NDArray[np.float32], pixels: NDArray[np.int64]) -> FittedClassifier:
        """Train one classifier on some of the painted pixels."""
        self._check()
        data = self.data.data
        labels, weights = data.labels[pixels], data.weights[pixels].astype(np.float64)
        # whatever is left out, the classes that are left weigh the same
        per_class = np.bincount(labels, weights, minlength=self.data.n_classes)
        weights /= np.where(per_class > 0, per_class, 1.0)[labels]
        classifier = fit_classifier(
            part.family,
            np.ascontiguousarray(planes[:, pixels]),
            labels,
            n_classes=self.data.n_classes,
            weights=weights,
            seed=self.seed,
            should_stop=self._should_stop,
            **dict(part.settings),
        )
        self._check()  # one that was stopped has learnt only half
        return classifier

    def _planes(self, pipeline: Pipeline, part: Part) -> NDArray[np.float32]:
        """Return the features of the painted pixels that a classifier sees."""
        return self.data.painted(pipeline.normalisation)[self._columns(part)]

    def _columns(self, part: Part) -> NDArray[np.int64]:
        """Return the planes that a classifier sees."""
        data = self.data.data
        return np.asarray(part.columns(data.features, data.images[0].channels.shape[0]), np.int64)

    def _union(self, parts: Sequence[Part]) -> tuple[int, ...]:
        """Return the planes that any classifier of a stage sees."""
        return tuple(sorted({int(column) for part in parts for column in self._columns(part)}))

    def _take(self, context: Context, around: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scales of a context stage out of all that are kept."""
        n_classes = self.data.n_classes
        return around[
            [CONTEXT_SIGMAS.index(sigma) * n_classes + k for sigma in context.sigmas for k in range(n_classes)]
        ]

    def _nothing(self) -> HeldOut:
        """Return probabilities that are not known yet."""
        shape = (self.data.n_classes, self.data.data.labels.size), (self.data.n_classes, self.data.data.sample.shape[1])
        return HeldOut(np.full(shape[0], np.nan, np.float32), np.full(shape[1], np.nan, np.float32))

    def _check(self) -> None:
        """Raise when the search was stopped."""
        if self._should_stop():
            raise SearchStopped("The search was stopped.")
