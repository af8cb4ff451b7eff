from __future__ import annotations

import itertools

import pytest

from granum.learn import search_plan
from granum.learn.search_plan import plan_pipelines
from granum.learn.search_sampler import NearbySampler
from granum.learn.search_state import Trial


def climb(n, score, normalisations=("image", "training"), before=(), may_use_context=True):
    """Return the first n trials of a search in which `score` says how good a pipeline is."""
    trials = list(before)
    plan = plan_pipelines(
        lambda: trials,
        normalisations=normalisations,
        sampler=lambda: NearbySampler(0),
        may_use_context=may_use_context,
    )
    for pipeline in itertools.islice(plan, n):
        trials.append(Trial(len(trials), pipeline, "done", 0.0, 1.0, miou=score(pipeline)))
    return trials


def likes_levels_as_they_are(pipeline):
    return 0.5 + 0.3 * (pipeline.normalisation == "training") + 0.01 * len(pipeline.parts)


def test_the_first_pipelines_settle_the_normalisation_and_the_rest_keeps_to_it():
    trials = climb(30, likes_levels_as_they_are)
    assert {trial.pipeline.normalisation for trial in trials[:4]} == {"image", "training"}
    assert {trial.pipeline.normalisation for trial in trials[4:]} == {"training"}


def test_nothing_is_tried_twice():
    keys = [trial.pipeline.key for trial in climb(40, likes_levels_as_they_are)]
    assert len(set(keys)) == len(keys)
    before = climb(10, likes_levels_as_they_are)
    keys = [trial.pipeline.key for trial in climb(25, likes_levels_as_they_are, before=before)]
    assert len(set(keys)) == len(keys)


def test_the_ladder_holds_single_classifiers_averages_and_context():
    trials = climb(18, likes_levels_as_they_are)
    assert any(len(trial.pipeline.parts) > 1 for trial in trials)
    assert any(trial.pipeline.context for trial in trials)
    families = {part.family for trial in trials for part in trial.pipeline.parts}
    assert {"mlp", "extra_trees", "qda", "logistic"} <= families


def test_context_is_not_tried_where_strokes_cannot_tell_what_it_is_worth():
    trials = climb(40, likes_levels_as_they_are, may_use_context=False)
    assert not any(trial.pipeline.context for trial in trials)


def test_a_single_normalisation_is_not_questioned():
    assert {one.pipeline.normalisation for one in climb(25, likes_levels_as_they_are, ("image",))} == {"image"}


def test_a_good_new_classifier_is_averaged_with_the_best():
    def score(pipeline):
        return 0.8 if pipeline.context is None else 0.1

    trials = climb(60, score, ("image",))
    at = [len(trial.pipeline.parts) for trial in trials[20:] if trial.pipeline.context is None]
    assert max(at) > 1
    assert max(at) <= 3


def test_a_search_goes_on_when_everything_fails():
    assert len(climb(30, lambda pipeline: None)) == 30


@pytest.mark.parametrize("missing", [("lightgbm",), ("lightgbm", "extra_trees", "random_forest")])
def test_families_that_are_not_installed_are_left_out(monkeypatch, missing):
    known = [name for name in search_plan.available_families() if name not in missing]
    monkeypatch.setattr(search_plan, "available_families", lambda: tuple(known))
    monkeypatch.setattr("granum.learn.search_sampler.available_families", lambda: tuple(known))
    families = {
        part.family
        for trial in climb(40, likes_levels_as_they_are)
        for part in (*trial.pipeline.parts, *(trial.pipeline.context.parts if trial.pipeline.context else ()))
    }
    assert "mlp" in families
    assert not families & set(missing)
