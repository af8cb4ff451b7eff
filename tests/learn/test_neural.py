import numpy as np
import pytest

from granum.errors import ModelError
from granum.learn.classifiers import fit_classifier, load_classifier
from granum.learn.neural_training import BATCH, draw_pixels


def make_rings(n=3000):
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, n).astype(np.uint8)
    radius, angle = labels + 1 + 0.15 * random.normal(size=n), random.random(n) * 2 * np.pi
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), random.normal(size=n)]).astype(np.float32), labels


@pytest.mark.parametrize("hidden", [(13,), (32, 16), (9, 7, 5)])
def test_probabilities_are_the_mean_of_networks_in_double_precision(hidden):
    planes, labels = make_rings()
    classifier = fit_classifier("mlp", planes, labels, n_classes=3, hidden=hidden, members=2, steps=100)
    rows = ((planes.T - classifier.shift) * classifier.factor).astype(np.float64)
    expected = 0
    for member in range(2):
        values = rows
        for layer, (weights, bias) in enumerate(zip(classifier.weights, classifier.biases, strict=True)):
            values = values @ weights[member].T + bias[member]
            if layer < len(hidden):
                values = np.maximum(values, 0)
        values = np.exp(values - values.max(axis=1, keepdims=True))
        expected = expected + values / values.sum(axis=1, keepdims=True) / 2
    np.testing.assert_allclose(classifier.probabilities(planes).T, expected, atol=1e-5)


def test_curved_borders_are_learnt():
    planes, labels = make_rings()
    curved = fit_classifier("mlp", planes, labels, n_classes=3).probabilities(planes).argmax(axis=0)
    straight = fit_classifier("logistic", planes, labels, n_classes=3).probabilities(planes).argmax(axis=0)
    assert (curved == labels).mean() > 0.97
    assert (straight == labels).mean() < 0.6


def test_members_differ_and_more_of_them_go_on_from_the_same():
    planes, labels = make_rings(500)
    three = fit_classifier("mlp", planes, labels, n_classes=3, members=3, steps=50)
    one = fit_classifier("mlp", planes, labels, n_classes=3, members=1, steps=50)
    np.testing.assert_array_equal(three.weights[0][0], one.weights[0][0])
    assert (three.weights[0][0] != three.weights[0][1]).any()


def test_pixels_come_as_often_as_their_weight_says():
    random = np.random.default_rng(0)
    weights = random.random(300) * 3
    weights[7] = 200
    drawn = draw_pixels(weights, 200 * 300, random)
    assert len(drawn) == 60_000
    expected = 60_000 * weights / weights.sum()
    assert abs(np.bincount(drawn, minlength=300) - expected).max() <= 200  # one per round at most
    few = draw_pixels(np.ones(2), 4 * BATCH, random)
    np.testing.assert_array_equal(np.bincount(few), [2 * BATCH, 2 * BATCH])


def test_shapes_that_cannot_be_are_refused():
    planes, labels = make_rings(100)
    about, arrays = fit_classifier("mlp", planes, labels, n_classes=3, steps=10).to_state()
    for change in (
        {"hidden": [0]}, {"hidden": [10**9]}, {"hidden": [32, 16, 8]}, {"hidden": "32"}, {"hidden": [4] * 9},
        {"members": 0},
        {"members": 10**9}, {"members": 2}, {"members": 3.0}, {"hidden": [True]},
    ):  # fmt: skip
        with pytest.raises(ModelError):
            load_classifier({**about, **change}, arrays)
