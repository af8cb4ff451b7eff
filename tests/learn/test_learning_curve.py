from __future__ import annotations

import numpy as np
import pytest

from granum.errors import SettingError
from granum.learn.classifiers import fit_classifier
from granum.learn.folds import make_folds
from granum.learn.held_out import predict_held_out
from granum.learn.learning_curve import measure_learning_curve, thin_folds
from granum.learn.score_estimate import Scorer


def test_fewer_strokes_are_part_of_more_and_test_the_same_pixels(draw_phases):
    data = draw_phases(3, seed=1).training(3)
    folds = make_folds(data)
    quarter, half = (thin_folds(data, folds, share=share) for share in (0.25, 0.5))
    for few, some, whole in zip(quarter, half, folds, strict=True):
        assert set(few.train) < set(some.train) < set(whole.train)
        assert np.array_equal(few.test, whole.test)
        assert np.array_equal(few.sample, whole.sample)
        assert set(data.labels[few.train]) == {0, 1, 2}
        strokes = [np.unique(data.stroke_of[fold.train]).size for fold in (few, some, whole)]
        assert strokes[0] == pytest.approx(strokes[2] / 4, abs=3)
        assert strokes[1] == pytest.approx(strokes[2] / 2, abs=3)


def test_one_stroke_of_every_class_always_stays(draw_phases):
    data = draw_phases(2, seed=1, n_strokes=1).training(2)
    for fold in thin_folds(data, make_folds(data), share=0.01):
        assert set(data.labels[fold.train]) == {0, 1, 2}


def test_the_curve_rises_and_ends_at_the_score_of_all_strokes(draw_phases):
    first, last, curves = [], [], []
    for seed in range(4):
        data = draw_phases(3, seed=seed, noise=1.4).training(3)
        scorer = Scorer(data, make_folds(data))

        def evaluate(folds, data=data):
            def fit(pixels):
                planes = np.ascontiguousarray(data.painted[:, pixels])
                return fit_classifier("logistic", planes, data.labels[pixels], n_classes=3).probabilities

            return predict_held_out(data, folds, fit)

        miou = scorer.score(evaluate(scorer.folds)).miou
        curve = measure_learning_curve(scorer, evaluate, miou=miou, shares=(0.5, 0.1))
        assert [n_px for n_px, _ in curve] == sorted(n_px for n_px, _ in curve)
        assert curve[-1] == (sum(stroke.n_px for stroke in data.strokes), miou)
        curves.append(curve)
        first.append(curve[0][1])
        last.append(curve[-1][1])
    assert len(curves[0]) == 3
    assert np.mean(first) < np.mean(last) - 0.02


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5])
def test_a_share_out_of_its_range_is_refused(draw_phases, share):
    data = draw_phases(2, seed=1).training(2)
    with pytest.raises(SettingError, match="share is"):
        thin_folds(data, make_folds(data), share=share)
