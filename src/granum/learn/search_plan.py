"""What a search tries: a ladder of pipelines that were good on real micrographs, then whatever a sampler proposes.

The ladder is fixed and starts with what is cheap, so a few seconds give something sensible. It settles the
normalisation first, because nothing else matters as much, then averages of what was good, then context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from granum.learn.classifiers import available_families
from granum.learn.search_sampler import Sampler
from granum.learn.search_space import Context, Normalisation, Part, Pipeline
from granum.learn.search_state import Trial

__all__ = ["plan_pipelines"]

_MOST_PARTS = 3
_CLOSE = 0.05
_FEW_TREES = (("least_in_leaf", 10), ("most_leaves", 7), ("rate", 0.2), ("rounds", 40))
_WIDE = (("hidden", (64, 32)), ("members", 3))
Trials = Callable[[], Sequence[Trial]]


def plan_pipelines(
    trials: Trials,
    *,
    normalisations: Sequence[Normalisation],
    sampler: Callable[[], Sampler],
    may_use_context: bool,
) -> Iterator[Pipeline]:
    """Return pipelines without end, none twice.

    Parameters
    ----------
    trials : callable
        All trials so far.
    normalisations : sequence of str
        Which are possible.
    sampler : callable
        Makes the sampler, once the ladder is climbed.
    may_use_context : bool
        Whether left-out pixels can tell what a context stage is worth.
    """
    seen = {trial.pipeline.key for trial in trials()}
    for pipeline in _ladder(trials, normalisations, may_use_context):
        if pipeline.key not in seen:
            seen.add(pipeline.key)
            yield pipeline
    proposer = sampler()
    while True:
        normalisation = _best_normalisation(trials(), normalisations)
        best_plain = _best(trials(), is_plain=True)
        has_first = best_plain is not None and may_use_context
        pipeline = proposer.ask(trials(), normalisation, best_plain.pipeline.parts if has_first and best_plain else ())
        if pipeline.key in seen:
            continue
        seen.add(pipeline.key)
        yield pipeline
        for blend in _blends_with(trials(), pipeline):
            if blend.key not in seen:
                seen.add(blend.key)
                yield blend


def _ladder(trials: Trials, normalisations: Sequence[Normalisation], may_use_context: bool) -> Iterator[Pipeline]:
    """Return the fixed pipelines; later ones depend on how the earlier ones did."""
    networks = Part("mlp")
    for one in normalisations:
        yield Pipeline((networks,), one)
    families = available_families()  # loads packages, which takes a second
    few = Part("lightgbm", _FEW_TREES) if "lightgbm" in families else None
    forest = Part("extra_trees") if "extra_trees" in families else None
    trees = few or forest
    if trees is not None:
        for one in normalisations:
            yield Pipeline((trees,), one)
    normalisation = _best_normalisation(trials(), normalisations)
    if trees is not None:
        yield Pipeline((networks, trees), normalisation)
    if forest is not None:
        yield Pipeline((forest,), normalisation)
        yield Pipeline((networks, forest), normalisation)
        if few is not None:
            yield Pipeline((networks, few, forest), normalisation)
            yield Pipeline((few, forest), normalisation)
    best = _best(trials(), is_plain=True)
    if best is not None and may_use_context:
        yield Pipeline(best.pipeline.parts, normalisation, Context((trees or networks,)))
    if "lightgbm" in families:
        many = Part("lightgbm")
        yield Pipeline((many,), normalisation)
        yield Pipeline((networks, many), normalisation)
        if forest is not None:
            yield Pipeline((many, forest), normalisation)
    yield Pipeline((Part("mlp", _WIDE),), normalisation)
    for family in ("qda", "logistic"):
        if family in families:
            yield Pipeline((Part(family),), normalisation)
    best = _best(trials(), is_plain=True)
    if best is not None and may_use_context:
        yield Pipeline(best.pipeline.parts, normalisation, Context((networks,)))
        yield Pipeline(best.pipeline.parts, normalisation, Context(best.pipeline.parts))


def _blends_with(trials: Sequence[Trial], pipeline: Pipeline) -> Iterator[Pipeline]:
    """Return averages of a pipeline that has just been tried with the best one, when it was good."""
    tried = next((trial for trial in reversed(trials) if trial.pipeline == pipeline), None)
    best = _best(trials, is_plain=pipeline.context is None)
    if tried is None or tried.miou is None or best is None or best.miou is None or best.pipeline == pipeline:
        return
    if tried.merit < best.merit - _CLOSE or best.pipeline.normalisation != pipeline.normalisation:
        return
    if pipeline.context is None:
        for parts in _joined(best.pipeline.parts, pipeline.parts):
            yield replace(pipeline, parts=parts)
        return
    context = best.pipeline.context
    if context is not None and best.pipeline.first == pipeline.first and context.sigmas == pipeline.context.sigmas:
        for parts in _joined(context.parts, pipeline.context.parts):
            yield replace(pipeline, context=replace(context, parts=parts))


def _joined(old: tuple[Part, ...], new: tuple[Part, ...]) -> Iterator[tuple[Part, ...]]:
    """Return the parts of both together, or each old one exchanged when that would be too many."""
    more = tuple(part for part in new if part not in old)
    if not more:
        return
    if len(old) + len(more) <= _MOST_PARTS:
        yield old + more
        return
    for out in range(len(old)):
        kept = old[:out] + old[out + 1 :]
        if len(kept) + len(more) <= _MOST_PARTS:
            yield kept + more


def _best(trials: Sequence[Trial], *, is_plain: bool) -> Trial | None:
    """Return the trial with the best score among those with or without context."""
    done = [trial for trial in trials if trial.miou is not None and (trial.pipeline.context is None) == is_plain]
    return max(done, key=lambda trial: (trial.merit, -trial.number), default=None)


def _best_normalisation(trials: Sequence[Trial], normalisations: Sequence[Normalisation]) -> Normalisation:
    """Return the normalisation of the best trial."""
    done = [trial for trial in trials if trial.miou is not None]
    if not done:
        return normalisations[0]
    return max(done, key=lambda trial: (trial.merit, -trial.number)).pipeline.normalisation
