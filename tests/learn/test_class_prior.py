from __future__ import annotations

import numpy as np
import pytest

from granum.errors import ShapeError
from granum.learn import apply_prior, estimate_prior


def balanced_posteriors(prior, n=20_000, distance=2.0, seed=0):
    """Return exact posteriors, under balanced classes, of normal classes that are mixed by `prior`; and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(len(prior), n, p=prior)
    value = rng.normal(labels * distance, 1.0)
    density = np.exp(-0.5 * (value - np.arange(len(prior))[:, None] * distance) ** 2)
    return (density / density.sum(axis=0)).astype(np.float32), labels


@pytest.mark.parametrize("prior", [(0.5, 0.5), (0.9, 0.1), (0.02, 0.98), (0.6, 0.35, 0.05)])
def test_frequencies_of_a_mixture_are_found_from_balanced_posteriors(prior):
    probabilities, _ = balanced_posteriors(prior)
    np.testing.assert_allclose(estimate_prior(probabilities, shrink=0.0), prior, atol=0.015)


def test_frequencies_make_more_pixels_right():
    prior = (0.85, 0.13, 0.02)
    probabilities, labels = balanced_posteriors(prior)
    corrected = apply_prior(probabilities, estimate_prior(probabilities))
    assert (corrected.argmax(0) == labels).mean() > (probabilities.argmax(0) == labels).mean() + 0.03
    np.testing.assert_allclose(corrected.sum(0), 1, rtol=1e-5)


def test_no_class_vanishes_however_rare_it_seems():
    probabilities = np.tile(np.float32([[0.999], [0.001], [0.0]]), 500)
    prior = estimate_prior(probabilities, shrink=0.06)
    assert prior.sum() == pytest.approx(1)
    assert prior.min() >= 0.02 - 1e-9


def test_weights_count_pixels_several_times():
    probabilities, _ = balanced_posteriors((0.7, 0.3), n=300)
    twice = np.concatenate([probabilities, probabilities[:, :100]], axis=1)
    weights = np.ones(300)
    weights[:100] = 2
    np.testing.assert_allclose(estimate_prior(probabilities, weights=weights), estimate_prior(twice), atol=1e-5)


def test_pixels_without_an_answer_are_left_out_and_none_gives_even_frequencies():
    probabilities, _ = balanced_posteriors((0.8, 0.2), n=400)
    with_nan = np.concatenate([probabilities, np.full((2, 50), np.nan, np.float32)], axis=1)
    np.testing.assert_array_equal(estimate_prior(with_nan), estimate_prior(probabilities))
    np.testing.assert_array_equal(estimate_prior(np.zeros((4, 0), np.float32)), [0.25] * 4)


def test_something_else_than_classes_by_pixels_is_refused():
    with pytest.raises(ShapeError, match="must be"):
        estimate_prior(np.ones(3, np.float32))


def test_an_even_prior_changes_nothing_and_images_keep_their_shape():
    probabilities = np.random.default_rng(0).dirichlet([1, 1, 1], (5, 7)).astype(np.float32).transpose(2, 0, 1)
    corrected = apply_prior(probabilities, np.array([2.0, 2.0, 2.0]))
    assert corrected.shape == (3, 5, 7)
    np.testing.assert_allclose(corrected, probabilities, rtol=1e-5)
