from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from granum.app.learn_messages import ScoreReport as Message
from granum.learn import IntensityScale, estimate_scores
from granum.learn.class_prior import apply_prior
from granum.learn.classifiers import fit_classifier
from granum.learn.folds import make_folds
from granum.learn.held_out import HeldOut, predict_held_out
from granum.learn.joint_table import ious
from granum.learn.pixel_features import compute_features
from granum.learn.score_estimate import Scorer
from granum.learn.score_interval import score_interval
from granum.learn.score_warnings import score_warnings


def run(data):
    """Return folds, held-out probabilities and the training function of a logistic pipeline."""
    folds = make_folds(data)

    def fit(pixels):
        planes = np.ascontiguousarray(data.painted[:, pixels])
        weights = data.weights[pixels]
        return fit_classifier("logistic", planes, data.labels[pixels], n_classes=3, weights=weights).probabilities

    return folds, predict_held_out(data, folds, fit), fit


def test_the_report_holds_together_and_is_the_message_of_the_app(draw_phases):
    data = draw_phases(4, seed=2).training(4)
    folds, held_out, _ = run(data)
    report = estimate_scores(data, folds, held_out, learning_curve=[(10, 0.5)], importance=[("kind: lines", 1.0)])
    assert 0 <= report.low < report.miou < report.high <= 1
    assert np.mean([one.iou for one in report.per_class]) == pytest.approx(report.miou)
    assert [one.class_id for one in report.per_class] == [1, 2, 3]
    np.testing.assert_allclose(np.sum(report.confusion, axis=1), 1)
    np.testing.assert_allclose(np.diag(report.confusion), [one.recall for one in report.per_class])
    assert sum(one.n_px for one in report.per_class) == data.labels.size
    assert sum(one.n_strokes for one in report.per_class) == len(data.strokes)
    assert report.method.startswith("Each of the 4 painted images was left out in turn")
    message = Message.model_validate(report.to_json())
    assert message.miou == report.miou
    assert message.per_class[1].name == "phase"
    assert report == estimate_scores(
        data, folds, held_out, learning_curve=[(10, 0.5)], importance=[("kind: lines", 1.0)]
    )


def test_the_interval_holds_the_truth_in_most_runs_and_more_images_narrow_it(draw_phases):
    inside, widths = [], []
    for seed in range(6):
        phases = draw_phases(8, seed=seed, noise=1.6)
        data = phases.training(3)
        folds, held_out, fit = run(data)
        scorer = Scorer(data, folds)
        score = scorer.score(held_out)
        low, high = score_interval(scorer, held_out, score, n_resamples=20)
        predict = fit(np.arange(data.labels.size))
        table = np.zeros((3, 3))
        for image, classes in zip(phases.images[3:], phases.classes[3:], strict=True):
            scale = IntensityScale((float(np.median(image)),), (float(np.ptp(np.percentile(image, (2, 98)))),))
            planes = compute_features(image[None], data.features, intensity=scale)
            predicted = apply_prior(predict(planes.reshape(len(planes), -1)), score.prior).argmax(axis=0)
            table += np.bincount(classes.ravel() * 3 + predicted, minlength=9).reshape(3, 3)
        inside.append(low <= ious(table).mean() <= high)
        widths.append(high - low)
    assert sum(inside) >= 5
    assert np.mean(widths) < 0.35
    more = draw_phases(8, seed=0, noise=1.6).training(8)
    folds, held_out, _ = run(more)
    scorer = Scorer(more, folds)
    low, high = score_interval(scorer, held_out, scorer.score(held_out), n_resamples=20)
    assert high - low < np.mean(widths)


def test_one_image_and_two_strokes_give_something_wide_and_say_so(draw_phases):
    phases = draw_phases(1, seed=1, n_strokes=1)
    for strokes in phases.strokes:
        strokes[strokes == 3] = 0
    data = phases.training(1)
    folds = make_folds(data)

    def fit(pixels):
        planes = np.ascontiguousarray(data.painted[:, pixels])
        return fit_classifier("logistic", planes, data.labels[pixels], n_classes=2).probabilities

    report = estimate_scores(data, folds, predict_held_out(data, folds, fit))
    assert 0 <= report.low <= report.miou <= report.high <= 1
    assert report.high - report.low > 0.15
    text = " ".join(report.warnings)
    assert "Only 1 stroke of matrix" in text
    assert "Only 1 stroke of phase" in text
    assert "Only one image is painted" in text
    assert "painted pixels could be tested" in text
    assert "the rest of this image" in report.method


def test_a_few_strokes_are_a_warning_and_many_are_none(draw_phases):
    data = draw_phases(3, seed=2).training(3)
    folds, held_out, _ = run(data)
    scorer = Scorer(data, folds)
    score = scorer.score(held_out)
    assert score_warnings(scorer, score) == []
    labels = data.labels.copy()
    strokes = np.unique(data.stroke_of[labels == 2])
    labels[np.isin(data.stroke_of, strokes[2:])] = 1
    scorer = Scorer(replace(data, labels=labels), folds)
    assert "Only 2 strokes of rare: its score is a guess." in score_warnings(scorer, score)


def test_an_image_with_other_grey_levels_is_named_when_that_matters(draw_phases):
    data = draw_phases(3, seed=2).training(3)
    odd = IntensityScale((data.intensity[1].offset[0] + 3 * data.intensity[1].scale[0],), data.intensity[1].scale)
    data = replace(data, intensity=(data.intensity[0], odd, data.intensity[2]))
    folds, held_out, _ = run(data)
    scorer = Scorer(data, folds)
    (warning,) = score_warnings(scorer, scorer.score(held_out), normalisation="training")
    assert warning.startswith("The grey levels of image 1 are unlike those of all other painted images")
    assert score_warnings(scorer, scorer.score(held_out), normalisation="image") == []


def test_probabilities_that_say_nothing_are_a_warning(draw_phases):
    data = draw_phases(3, seed=2).training(3)
    folds, held_out, _ = run(data)
    # sure, and of another class
    wrong = HeldOut(np.eye(3, dtype=np.float32)[:, (data.labels + 1) % 3], held_out.sample)
    scorer = Scorer(data, folds)
    assert any("sure where it is wrong" in one for one in score_warnings(scorer, scorer.score(wrong)))


def test_without_a_sample_it_is_said_that_the_score_is_too_good(draw_phases):
    data = draw_phases(3, seed=2).training(3, n_sample=0)
    folds, held_out, _ = run(data)
    report = estimate_scores(data, folds, held_out)
    assert 0 < report.low <= report.high <= 1
    assert any("is too good" in one for one in report.warnings)
