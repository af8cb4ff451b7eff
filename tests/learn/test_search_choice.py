from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from granum.learn.held_out import HeldOut
from granum.learn.score_estimate import Scorer
from granum.learn.search_choice import balanced_accuracy, choose_best, reaches_edges, scores_without
from granum.learn.search_data import prepare_search
from granum.learn.search_space import Part, Pipeline
from granum.learn.search_state import Trial
from granum.learn.search_trial import TrialRunner


def trial(number, miou, cost, without=(), state="done"):
    return Trial(number, Pipeline((Part("logistic"),)), state, 0.0, cost, miou=miou, without=without)


def test_the_best_score_is_kept():
    assert choose_best([trial(0, 0.7, 1.0), trial(1, 0.8, 1.0), trial(2, 0.75, 1.0)]).number == 1


def test_a_faster_one_is_kept_when_the_difference_is_noise():
    slow = trial(0, 0.800, 2.0, (0.80, 0.79, 0.81))
    noisy = trial(1, 0.793, 1.5, (0.80, 0.77, 0.82))
    assert choose_best([slow, noisy]).number == 1


def test_a_faster_one_is_not_kept_when_it_is_surely_worse():
    slow = trial(0, 0.800, 2.0, (0.80, 0.79, 0.81))
    surely_worse = trial(1, 0.793, 0.5, (0.793, 0.783, 0.803))
    assert choose_best([slow, surely_worse]).number == 0
    much_worse = trial(2, 0.76, 0.1, (0.9, 0.6, 0.8))
    assert choose_best([slow, much_worse]).number == 0


def test_among_those_that_are_quick_enough_only_the_score_counts():
    assert choose_best([trial(0, 0.80, 0.9, (0.8, 0.8)), trial(1, 0.799, 0.1, (0.79, 0.81))]).number == 0


def test_trials_without_a_score_are_passed_over():
    assert choose_best([]) is None
    assert choose_best([trial(0, None, 1.0, state="failed"), trial(1, None, 1.0, state="pruned")]) is None
    assert choose_best([trial(0, None, 1.0, state="failed"), trial(1, 0.2, 1.0)]).number == 1


def test_of_equals_the_first_is_kept():
    assert choose_best([trial(1, 0.8, 1.0), trial(0, 0.8, 1.0)]).number == 0


def test_classes_count_the_same_and_unknown_pixels_not_at_all():
    probabilities = np.array([[0.9, 0.9, 0.9, 0.1, 0.9, np.nan], [0.1, 0.1, 0.1, 0.9, 0.1, np.nan]], np.float32)
    labels = np.array([0, 0, 0, 1, 1, 1], np.uint8)
    assert balanced_accuracy(probabilities, labels) == pytest.approx(0.75)
    assert balanced_accuracy(np.full((2, 6), np.nan, np.float32), labels) == 0.0


def test_points_and_dense_painting_reach_edges_and_strokes_do_not(draw_phases):
    phases = draw_phases(2, size=96)
    assert not reaches_edges(phases.training(2))
    rng = np.random.default_rng(0)
    points = tuple(np.where(rng.random(one.shape) < 0.02, one + 1, 0).astype(np.uint8) for one in phases.classes)
    assert reaches_edges(replace(phases, strokes=points).training(2))
    dense = tuple((one + 1).astype(np.uint8) for one in phases.classes)
    assert reaches_edges(replace(phases, strokes=dense).training(2))


def test_a_score_without_a_fold_does_not_depend_on_it(draw_phases):
    search = prepare_search(draw_phases(3, size=96).training(3, n_sample=600))
    scorer = Scorer(search.data, search.folds)
    held = TrialRunner(search).run(Pipeline((Part("logistic"),)))
    before = scores_without(scorer, held)
    assert len(before) == 3
    spoilt = HeldOut(held.painted.copy(), held.sample.copy())
    fold = search.folds.folds[1]
    spoilt.painted[:, fold.test] = 1 / 3
    spoilt.sample[:, fold.sample] = 1 / 3
    after = scores_without(scorer, spoilt)
    assert after[1] == pytest.approx(before[1])
    assert after[0] != pytest.approx(before[0])
