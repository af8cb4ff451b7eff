from __future__ import annotations

import numpy as np
import pytest

from granum.learn.feature_set import FeatureSet
from granum.learn.held_out import predict_held_out
from granum.learn.search_data import prepare_search
from granum.learn.search_space import Context, Part, Pipeline
from granum.learn.search_trial import SearchStopped, TrialPruned, TrialRunner

LINEAR = Part("logistic")
GAUSSIAN = Part("naive_bayes")
COARSE = Part("logistic", (("strength", 0.1),), kinds=("deviation",))


@pytest.fixture(scope="module")
def search(draw_phases):
    return prepare_search(draw_phases(3, size=96).training(3, n_sample=600))


def test_what_is_said_of_a_pixel_comes_from_a_fold_that_has_not_seen_it(search):
    runner = TrialRunner(search)
    held = runner.run(Pipeline((LINEAR,)))
    data = search.data
    rows = list(LINEAR.columns(data.features, 1))

    def fit(pixels):
        classifier = runner._train(LINEAR, data.painted[rows], pixels)
        return lambda planes: classifier.probabilities(np.ascontiguousarray(planes[rows]))

    wanted = predict_held_out(data, search.folds, fit)
    np.testing.assert_array_equal(held.painted, wanted.painted)
    np.testing.assert_array_equal(held.sample, wanted.sample)


@pytest.mark.parametrize(
    "pipeline", [Pipeline((LINEAR, COARSE), "training"), Pipeline((LINEAR,), context=Context((GAUSSIAN, LINEAR)))]
)
def test_threads_change_nothing(search, pipeline):
    one, more = (TrialRunner(search, threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(one.run(pipeline).painted, more.run(pipeline).painted)
    fitted, other = one.fit(pipeline), more.fit(pipeline)
    np.testing.assert_array_equal(fitted.sample, other.sample)


def test_an_average_is_the_mean_of_its_classifiers(search):
    runner = TrialRunner(search)
    both, one, other = (runner.run(Pipeline(parts)) for parts in ((LINEAR, COARSE), (LINEAR,), (COARSE,)))
    np.testing.assert_allclose(both.painted, (one.painted + other.painted) / 2, atol=1e-6)
    fitted = runner.fit(Pipeline((LINEAR, COARSE)))
    planes = search.data.sample[list(fitted.columns)]
    np.testing.assert_allclose(fitted.first.probabilities(planes), fitted.sample, atol=1e-6)


def test_a_context_stage_learns_what_lies_around_a_pixel(draw_phases):
    """Noise hides the class of a pixel from a first stage that sees this pixel only."""
    phases = draw_phases(3, size=96, noise=2.5)
    search = prepare_search(phases.training(3, n_sample=600))
    pixel = Part("logistic", sigmas=(), kinds=())
    runner = TrialRunner(search)

    def right(pipeline):
        return (runner.run(pipeline).painted.argmax(axis=0) == search.data.labels).mean()

    assert right(Pipeline((pixel,), context=Context((pixel,)))) > right(Pipeline((pixel,))) + 0.05


def test_both_stages_are_fitted_on_planes_that_a_model_can_give_them(search):
    pipeline = Pipeline((LINEAR,), context=Context((COARSE,), (0.0, 2.0)))
    fitted = TrialRunner(search).fit(pipeline)
    assert fitted.second is not None
    assert fitted.first.n_features == len(fitted.columns)
    assert fitted.second.n_features == len(fitted.context_columns) + 2 * search.n_classes
    assert np.isfinite(fitted.sample).all()


def test_a_trial_is_given_up_when_it_is_worse_after_a_fold(search):
    asked = []

    def prune(done, held):
        asked.append((done, np.isfinite(held.painted).all(axis=0).sum()))
        return done == 2

    with pytest.raises(TrialPruned, match="after 2 of 3"):
        TrialRunner(search).run(Pipeline((LINEAR,)), prune=prune)
    assert [done for done, _ in asked] == [1, 2]
    assert 0 < asked[0][1] < asked[1][1] < search.data.labels.size


def test_a_search_that_is_stopped_trains_no_more(search):
    with pytest.raises(SearchStopped):
        TrialRunner(search, should_stop=lambda: True).run(Pipeline((LINEAR,)))
    with pytest.raises(SearchStopped):
        TrialRunner(search, should_stop=lambda: True).fit(Pipeline((LINEAR,)))


def test_thin_lines_are_lost_by_smoothing_and_thick_phases_are_not(draw_phases):
    from granum.learn import PixelClass, TrainingImage, gather_training_data, make_scribbles

    given = []
    for number in range(2):
        pixels = np.random.default_rng(number).normal(0, 5, (80, 80)).astype(np.float32)
        pixels[20::20] += 100  # lines of one pixel
        painted = np.zeros((80, 80), np.uint8)
        painted[20::20, 5:70] = 2
        painted[10::20, 5:70] = 1
        name = f"image {number}"
        given.append(TrainingImage(name, pixels[None], make_scribbles(painted, name=name)))
    data = gather_training_data(
        given, [PixelClass(1, "ground"), PixelClass(2, "line")], features=FeatureSet(sigmas=(), kinds=())
    )
    thin = TrialRunner(prepare_search(data))
    assert thin.smoothing_loss(Pipeline((LINEAR,)), 1.0) > 0.5
    thick = TrialRunner(prepare_search(draw_phases(2, noise=0.3).training(2)))
    assert thick.smoothing_loss(Pipeline((LINEAR,)), 1.0) < 0.05


def test_a_first_stage_by_folds_is_a_function_of_all_planes(search):
    runner = TrialRunner(search)
    pipeline = Pipeline((LINEAR, COARSE))
    held = runner.run(pipeline)
    for fold, predict in zip(search.folds, runner.fit_folds(pipeline), strict=True):
        found = predict(np.ascontiguousarray(search.data.painted[:, fold.test]))
        np.testing.assert_allclose(found, held.painted[:, fold.test], atol=1e-6)
