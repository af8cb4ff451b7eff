from __future__ import annotations

import builtins
import importlib.util

import pytest

from granum.learn import search_sampler
from granum.learn.classifiers import FAMILIES
from granum.learn.search_sampler import NearbySampler, OptunaSampler, make_sampler
from granum.learn.search_space import Part, Pipeline
from granum.learn.search_state import Trial

FIRST = (Part("mlp"),)


def ask(sampler, n, score, trials=()):
    """Ask for pipelines one after the other, and tell their scores."""
    trials = list(trials)
    for number in range(len(trials), len(trials) + n):
        pipeline = sampler.ask(trials, "image", FIRST)
        trials.append(Trial(number, pipeline, "done", 0.0, 1.0, miou=score(pipeline)))
    return trials


def likes_networks(pipeline):
    part = (pipeline.context.parts if pipeline.context else pipeline.parts)[0]
    return 0.9 if part.family == "mlp" else 0.5


@pytest.mark.parametrize("kind", [NearbySampler, OptunaSampler])
def test_proposals_are_pipelines_within_the_ranges(kind):
    if kind is OptunaSampler:
        pytest.importorskip("optuna")
    for trial in ask(kind(0), 25, likes_networks):
        assert Pipeline.from_json(trial.pipeline.to_json()) == trial.pipeline
        part = (trial.pipeline.context.parts if trial.pipeline.context else trial.pipeline.parts)[0]
        for name, one in FAMILIES[part.family].ranges.items():
            value = part.setting(name)
            assert value in one[1] if one[0] == "choice" else one[1] <= value <= one[2]


@pytest.mark.parametrize("kind", [NearbySampler, OptunaSampler])
def test_what_was_good_is_proposed_more_often(kind):
    if kind is OptunaSampler:
        pytest.importorskip("optuna")
    trials = ask(kind(1), 40, likes_networks)
    good = [likes_networks(trial.pipeline) > 0.8 for trial in trials]
    assert sum(good[20:]) > 8


@pytest.mark.parametrize("kind", [NearbySampler, OptunaSampler])
def test_the_same_seed_proposes_the_same(kind):
    if kind is OptunaSampler:
        pytest.importorskip("optuna")
    one, other = (ask(kind(5), 12, likes_networks) for _ in range(2))
    assert [trial.pipeline for trial in one] == [trial.pipeline for trial in other]
    assert [trial.pipeline for trial in ask(kind(6), 12, likes_networks)] != [trial.pipeline for trial in one]


def test_trials_of_the_ladder_that_no_sampler_proposes_are_no_obstacle():
    pytest.importorskip("optuna")
    blend = Pipeline((Part("mlp"), Part("extra_trees")))
    odd = Pipeline((Part("mlp", (("hidden", (7,)),)),))
    before = [
        Trial(0, blend, "done", 0.0, 1.0, miou=0.8),
        Trial(1, odd, "done", 0.0, 1.0, miou=0.7),
        Trial(2, Pipeline((Part("logistic"),)), "failed", 0.0, 1.0),
        Trial(3, Pipeline((Part("qda"),)), "pruned", 0.0, 1.0, partial=(0.3,)),
    ]
    assert len(ask(OptunaSampler(0), 3, likes_networks, before)) == 7


def test_without_optuna_it_draws_by_itself_and_says_so(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(search_sampler, "find_spec", lambda name: None if name == "optuna" else found(name))
    imported = builtins.__import__

    def no_optuna(name, *rest, **more):
        if name.split(".")[0] == "optuna":
            raise ImportError(name)
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", no_optuna)
    sampler, note = make_sampler(0)
    assert "Optuna is not installed" in note
    assert len(ask(sampler, 5, likes_networks)) == 5
