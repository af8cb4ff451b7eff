from __future__ import annotations

import numpy as np
import pytest

from granum.errors import ShapeError
from granum.learn.uncertainty import uncertainty_map, unsure_places


def test_unsure_is_one_minus_the_lead_of_the_likeliest_class():
    planes = np.array([[[1.0, 0.5, 0.7, 0.25]], [[0.0, 0.5, 0.1, 0.5]], [[0.0, 0.0, 0.2, 0.25]]], np.float32)
    found = uncertainty_map(planes)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], [0, 1, 0.5, 0.75], atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_two_classes_that_are_as_likely_are_fully_unsure_whatever_the_number_of_classes(n_classes):
    planes = np.zeros((n_classes, 1, 2), np.float32)
    planes[:2] = 0.5
    np.testing.assert_array_equal(uncertainty_map(planes), 1)


def test_where_nothing_is_predicted_nothing_is_unsure():
    planes = np.zeros((3, 2, 2), np.float32)
    planes[:, 0, 0] = np.nan
    planes[0, 1, 1] = 1
    np.testing.assert_array_equal(uncertainty_map(planes), 0)


def test_it_is_between_0_and_1_and_the_sorted_lead():
    planes = np.random.default_rng(0).dirichlet(np.ones(4), (50, 60)).transpose(2, 0, 1)
    ordered = np.sort(planes, axis=0)
    found = uncertainty_map(planes)
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_allclose(found, 1 - (ordered[-1] - ordered[-2]), atol=1e-6)


def test_a_plane_is_refused():
    with pytest.raises(ShapeError, match=r"\(4, 5\), must be \(K, h, w\)"):
        uncertainty_map(np.zeros((4, 5)))


def test_a_border_hardly_counts_and_an_area_does():
    """A column of doubt against a square of doubt."""
    planes = np.zeros((2, 40, 60), np.float32)
    planes[0] = 1
    planes[:, :, 10] = 0.5
    planes[:, 15:26, 40:51] = 0.5
    mean, unsure = unsure_places(planes, uncertainty_map(planes), np.array([20, 20, 0]), np.array([10, 45, 0]))
    np.testing.assert_allclose(unsure, [1 / 9, 1, 0], atol=1e-6)
    np.testing.assert_allclose(mean.sum(axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(mean[:, 1], 0.5, atol=1e-6)


def test_pixels_without_a_prediction_do_not_count_around_a_place():
    planes = np.full((2, 9, 9), 0.5, np.float32)
    planes[:, :, 5:] = 0
    mean, unsure = unsure_places(planes, uncertainty_map(planes), np.array([4, 4]), np.array([4, 8]), reach_px=2)
    np.testing.assert_allclose(unsure, [1, 0])
    np.testing.assert_allclose(mean, [[0.5, 0], [0.5, 0]])
