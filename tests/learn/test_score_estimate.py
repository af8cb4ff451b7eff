from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from granum.errors import ShapeError
from granum.learn import compute_features, measure_intensity
from granum.learn.class_prior import apply_prior
from granum.learn.classifiers import fit_classifier
from granum.learn.folds import make_folds
from granum.learn.held_out import HeldOut, predict_held_out
from granum.learn.joint_table import ious
from granum.learn.score_estimate import Scorer


def run(phases, n_painted, *, family="logistic", labels=None):
    """Return scorer, held-out probabilities, and the function that predicts unseen images."""
    data = phases.training(n_painted)
    labels = data.labels if labels is None else labels
    folds = make_folds(data)

    def fit(pixels):
        planes = np.ascontiguousarray(data.painted[:, pixels])
        return fit_classifier(
            family, planes, labels[pixels], n_classes=len(data.classes), weights=data.weights[pixels], seed=0
        ).probabilities

    return Scorer(data, folds), predict_held_out(data, folds, fit), fit(np.arange(data.labels.size))


def truth_on_unseen(phases, n_painted, predict, data, prior):
    """Return the mean IoU on the images that were not painted."""
    table = np.zeros((3, 3))
    for image, classes in zip(phases.images[n_painted:], phases.classes[n_painted:], strict=True):
        channels = image[None]
        planes = compute_features(channels, data.features, intensity=measure_intensity(channels))
        predicted = apply_prior(predict(planes.reshape(len(planes), -1)), prior).argmax(axis=0)
        table += np.bincount(classes.ravel() * 3 + predicted, minlength=9).reshape(3, 3)
    return ious(table).mean()


def iou_of_strokes(scorer, held_out):
    """Return what a table of left-out painted pixels would claim."""
    labels, predicted = scorer.data.labels.astype(int), held_out.painted.argmax(axis=0)
    return ious(np.bincount(labels * 3 + predicted, scorer.data.weights, minlength=9).reshape(3, 3)).mean()


@pytest.mark.parametrize("noise", [0.8, 1.6, 2.4])
def test_the_score_is_the_truth_on_unseen_images_where_strokes_claim_more(draw_phases, noise):
    found, truths, claims = [], [], []
    for seed in range(3):
        phases = draw_phases(7, seed=seed, noise=noise)
        scorer, held_out, predict = run(phases, 3)
        score = scorer.score(held_out)
        found.append(score.miou)
        truths.append(truth_on_unseen(phases, 3, predict, scorer.data, score.prior))
        claims.append(iou_of_strokes(scorer, held_out))
    error = np.subtract(found, truths)
    assert np.mean(claims) > np.mean(truths) + 0.1
    assert abs(error.mean()) < 0.05
    assert np.abs(error).max() < 0.09


def test_strokes_that_say_nothing_get_a_score_that_says_nothing(draw_phases):
    phases = draw_phases(6, seed=5)
    data = phases.training(3)
    # every stroke gets any class: nothing can be learnt
    rng = np.random.default_rng(0)
    scorer, held_out, _ = run(phases, 3, labels=rng.integers(0, 3, data.stroke_of.max() + 1)[data.stroke_of])
    assert scorer.score(held_out).miou < 0.45


def test_pipelines_are_ranked_as_the_truth_ranks_them(draw_phases):
    phases = draw_phases(7, seed=2, noise=1.4)
    scorer, held_out, predict = run(phases, 3)
    scores, ranks, truths = [], [], []
    for spoilt in (0.0, 0.2, 0.5):
        # a pipeline that mixes noise into what it says
        def worse(found, spoilt=spoilt):
            noise = np.random.default_rng(found.shape[1]).dirichlet((0.3, 0.3, 0.3), found.shape[1]).T
            return ((1 - spoilt) * found + spoilt * noise).astype(np.float32)

        score = scorer.score(HeldOut(worse(held_out.painted), worse(held_out.sample)))
        scores.append(score.miou)
        ranks.append(score.rank)
        truths.append(
            truth_on_unseen(phases, 3, lambda planes, worse=worse: worse(predict(planes)), scorer.data, score.prior)
        )
    assert scores[0] > scores[1] > scores[2]
    assert ranks[0] > ranks[1] > ranks[2]
    assert truths[0] > truths[1] > truths[2]


def test_smoothing_that_loses_small_things_is_not_preferred_though_strokes_cannot_tell(draw_phases):
    scorer, held_out, _ = run(draw_phases(3, seed=4, noise=0.6), 3)
    # a pipeline that sees no rare phase outside its strokes
    sample = held_out.sample.copy()
    sample[2] *= 0.02
    blind = HeldOut(held_out.painted, (sample / sample.sum(axis=0)).astype(np.float32))
    fine, lost = scorer.score(held_out), scorer.score(blind)
    assert lost.painted_miou > fine.painted_miou - 0.05
    assert lost.rank < fine.rank


def test_frequencies_are_those_of_the_images_not_of_the_strokes(draw_phases):
    phases = draw_phases(4, seed=3, noise=1.0)
    scorer, held_out, _ = run(phases, 4)
    real = np.bincount(np.concatenate([one.ravel() for one in phases.classes]), minlength=3) / (4 * 128**2)
    assert real.min() < 0.07
    np.testing.assert_allclose(scorer.score(held_out).frequencies, real, atol=0.04)


def test_the_prior_of_a_model_that_is_too_sure_is_stronger(draw_phases):
    scorer, held_out, _ = run(draw_phases(3, seed=3), 3)
    score = scorer.score(held_out)

    def sharpen(found, power):
        sharp = found.astype(np.float64) ** power
        return (sharp / sharp.sum(axis=0)).astype(np.float32)

    power = score.power / 0.8
    too_sure = scorer.score(HeldOut(sharpen(held_out.painted, power), sharpen(held_out.sample, power)))
    assert too_sure.power == pytest.approx(0.8, abs=0.05)
    np.testing.assert_allclose(too_sure.frequencies, score.frequencies, atol=0.01)
    assert too_sure.prior.min() < too_sure.frequencies.min()
    assert too_sure.prior.sum() == pytest.approx(1.0)


def test_a_stage_that_is_sure_of_itself_is_judged_by_the_one_before(draw_phases):
    scorer, held_out, predict = run(phases := draw_phases(7, seed=2, noise=1.8), 3)

    def sharpen(found):
        # right on every stroke, as strokes are deep inside phases, and as sure everywhere else
        sharp = np.full_like(found, 0.001)
        np.put_along_axis(sharp, found.argmax(axis=0)[None], 1.0, axis=0)
        return sharp / sharp.sum(axis=0)

    painted = np.full_like(held_out.painted, 0.001)
    np.put_along_axis(painted, scorer.data.labels[None].astype(int), 1.0, axis=0)
    blind = HeldOut(painted / painted.sum(axis=0), sharpen(held_out.sample))
    alone = scorer.score(blind)
    judged = scorer.score(replace(blind, judge=held_out))
    truth = truth_on_unseen(phases, 3, lambda planes: sharpen(predict(planes)), scorer.data, judged.prior)
    assert alone.miou > truth + 0.15
    assert judged.miou == pytest.approx(truth, abs=0.08)
    np.testing.assert_array_equal(judged.judge_frequencies, scorer.score(held_out).frequencies)
    with pytest.raises(ShapeError, match="held out painted"):
        scorer.score(replace(blind, judge=HeldOut(held_out.painted[:, 1:], held_out.sample)))


def test_a_model_that_is_not_sure_enough_gets_a_prior_that_leaves_rare_classes_alone(draw_phases):
    phases = draw_phases(6, seed=0, noise=1.2)
    scorer, held_out, predict = run(phases, 3, family="extra_trees")
    score = scorer.score(held_out)
    assert score.power > 2
    assert score.prior.min() > 2 * score.frequencies.min()
    by_frequencies = truth_on_unseen(phases, 3, predict, scorer.data, score.frequencies)
    assert truth_on_unseen(phases, 3, predict, scorer.data, score.prior) > by_frequencies + 0.1


def test_folds_that_were_not_run_yet_are_left_out_of_the_score(draw_phases):
    scorer, held_out, _ = run(draw_phases(3, seed=1), 3)
    whole = scorer.score(held_out).miou
    first = scorer.folds.folds[0]
    painted, sample = np.full_like(held_out.painted, np.nan), np.full_like(held_out.sample, np.nan)
    painted[:, first.test] = held_out.painted[:, first.test]
    sample[:, first.sample] = held_out.sample[:, first.sample]
    part = scorer.score(HeldOut(painted, sample))
    assert part.n_tested == first.test.size
    assert part.miou != whole
    assert part.miou == pytest.approx(whole, abs=0.15)


def test_the_same_twice_is_the_same_to_the_bit(draw_phases):
    scorer, held_out, _ = run(draw_phases(2, seed=1), 2)
    assert scorer.score(held_out).table.tobytes() == scorer.score(held_out).table.tobytes()


def test_without_a_sample_the_painted_pixels_are_scored(draw_phases):
    scorer, held_out, _ = run(draw_phases(4, seed=1, noise=0.8), 4)
    score = scorer.score(HeldOut(held_out.painted, np.full_like(held_out.sample, np.nan)))
    assert score.table.sum() == pytest.approx(1.0)
    assert score.miou == score.painted_miou == score.rank > 0.6


def test_what_does_not_belong_to_the_data_is_refused(draw_phases):
    scorer, held_out, _ = run(draw_phases(2, seed=1), 2)
    with pytest.raises(ShapeError, match="held out sample"):
        scorer.score(HeldOut(held_out.painted, held_out.sample[:, 1:]))
