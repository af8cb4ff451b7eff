from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from granum.learn.joint_table import find_neighbours, ious, joint_table


def test_right_probabilities_give_the_table_that_would_be_counted():
    rng = np.random.default_rng(0)
    chance = rng.dirichlet((0.5, 0.8, 0.2), 60_000).T.astype(np.float32)
    truth = (rng.random(60_000) > np.cumsum(chance, axis=0)).sum(axis=0).clip(0, 2)
    predicted = chance.argmax(axis=0)
    counted = np.bincount(truth * 3 + predicted, minlength=9).reshape(3, 3) / 60_000
    np.testing.assert_allclose(joint_table(predicted, chance), counted, atol=0.006)
    weights = rng.random(60_000)
    weighed = np.bincount(truth * 3 + predicted, weights, minlength=9).reshape(3, 3) / weights.sum()
    np.testing.assert_allclose(joint_table(predicted, chance, weights=weights), weighed, atol=0.008)


def test_neighbours_touch_in_the_same_image():
    y, x = np.array([0, 0, 1, 5, 0]), np.array([0, 1, 2, 5, 1])
    first, second = find_neighbours(np.array([0, 0, 0, 0, 1], np.int32), y, x)
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert find_neighbours(np.zeros(1, np.int32), np.zeros(1, np.int32), np.zeros(1, np.int32))[0].size == 0


def test_edges_a_pixel_off_are_expected_where_the_model_is_sure_of_each_side():
    # what is predicted is the truth moved by a pixel, with no doubt in the probabilities
    rng = np.random.default_rng(1)
    truth = (ndi.gaussian_filter(rng.normal(size=(300, 300)), 5) > 0).astype(int)
    predicted = ndi.shift(truth, (1, 0), order=0, mode="nearest")
    real = ious(np.bincount(truth.ravel() * 2 + predicted.ravel(), minlength=4).reshape(2, 2) / truth.size).mean()
    y, x = (axis.ravel() for axis in np.mgrid[0:300:2, 0:300])
    posterior = np.stack([predicted[y, x] == one for one in (0, 1)]).astype(np.float32)
    pairs = find_neighbours(np.zeros(y.size, np.int32), y, x)
    blind = ious(joint_table(predicted[y, x], posterior)).mean()
    found = ious(joint_table(predicted[y, x], posterior, neighbours=pairs)).mean()
    assert blind == 1.0
    assert found == pytest.approx(real, abs=0.03)
    assert found < 0.95


def test_a_class_without_pairs_keeps_what_it_has():
    posterior = np.eye(2, dtype=np.float32)[:, [0, 0, 1]]
    pairs = (np.array([0, 1]), np.array([1, 0]))
    table = joint_table(np.array([0, 0, 1]), posterior, neighbours=pairs)
    np.testing.assert_allclose(table, [[2 / 3, 0], [0, 1 / 3]])


def test_nothing_at_all_is_no_knowledge():
    np.testing.assert_allclose(joint_table(np.zeros(0, np.int64), np.zeros((2, 0), np.float32)), 0.25)
    assert ious(np.diag([0.5, 0.5, 0.0])).tolist() == [1.0, 1.0, 1.0]
