from __future__ import annotations

import numpy as np
import pytest

from granum.learn.score_estimate import Scorer
from granum.learn.search_data import prepare_search
from granum.learn.search_result import build_model, explain_pipeline, fingerprint_images, report_scores
from granum.learn.search_space import Context, Part, Pipeline
from granum.learn.search_trial import TrialRunner

LINEAR, COARSE = Part("logistic"), Part("logistic", kinds=("deviation",))


@pytest.fixture(scope="module")
def phases(draw_phases):
    return draw_phases(3, size=96)


@pytest.fixture(scope="module")
def runner(phases):
    return TrialRunner(prepare_search(phases.training(3, n_sample=600)))


@pytest.mark.parametrize("normalisation", ["image", "training"])
@pytest.mark.parametrize("context", [None, Context((LINEAR, COARSE), (0.0, 2.0))])
def test_a_model_says_of_a_pixel_what_the_pipeline_says(runner, phases, normalisation, context):
    pipeline = Pipeline((LINEAR, COARSE), normalisation, context, smoothing_px=0.0)
    prior = np.array([0.5, 0.4, 0.1])
    model = build_model(runner, pipeline, prior=prior)
    fitted = runner.fit(pipeline)
    data = runner.data.data
    own = data.sample_image == 1
    found = model.predict(phases.images[1][None]).probabilities[:, data.sample_y[own], data.sample_x[own]]
    wanted = fitted.sample[:, own] * prior[:, None]
    np.testing.assert_allclose(found, wanted / wanted.sum(axis=0), atol=2e-3)


def test_a_report_holds_scores_a_curve_and_what_matters(runner):
    pipeline = Pipeline((LINEAR,), "training")
    scorer = Scorer(runner.data.data, runner.data.folds)
    held_out = runner.run(pipeline)
    report = report_scores(runner, scorer, pipeline, held_out, n_resamples=12, seed=0)
    assert report.low <= report.miou <= report.high
    curve, importance = explain_pipeline(runner, scorer, pipeline, held_out, seed=0, should_stop=lambda: False)
    assert [n for n, _ in curve] == sorted(n for n, _ in curve)
    assert curve[-1][1] == pytest.approx(report.miou)
    assert importance[0][1] > 0


def test_a_fingerprint_changes_with_every_pixel_and_stroke_and_not_with_their_order_in_memory(runner):
    image = runner.data.data.images[0]
    before = fingerprint_images([image])
    turned = np.asfortranarray(image.channels)
    swapped = image.channels.astype(image.channels.dtype.newbyteorder(">"))
    from dataclasses import replace

    assert fingerprint_images([replace(image, channels=turned)]) == before
    assert fingerprint_images([replace(image, channels=swapped)])[0]["pixels_sha256"] == before[0]["pixels_sha256"]
    changed = image.channels.copy()
    changed[0, 3, 4] += 1
    assert fingerprint_images([replace(image, channels=changed)])[0]["pixels_sha256"] != before[0]["pixels_sha256"]
    assert fingerprint_images([replace(image, scribbles=None)])[0]["strokes_sha256"] is None
