import sys

import numpy as np
import pytest

from granum.errors import MissingExtraError
from granum.learn.boosting import load_lightgbm
from granum.learn.classifiers import fit_classifier, load_classifier


def make_pixels(n_classes, n=1500, n_features=8):
    random = np.random.default_rng(0)
    labels = random.integers(0, n_classes, n).astype(np.uint8)
    planes = (random.normal(size=(n_classes, n_features))[labels] + random.normal(size=(n, n_features))).T
    return np.ascontiguousarray(planes.astype(np.float32)), labels


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("most_leaves", [4, 15, 31, 64, 100])
def test_probabilities_are_those_of_lightgbm(n_classes, most_leaves):
    import lightgbm

    planes, labels = make_pixels(n_classes)
    weights = np.random.default_rng(1).random(1500) + 0.1
    classifier = fit_classifier(
        "lightgbm", planes, labels, n_classes=n_classes, weights=weights, rounds=15, most_leaves=most_leaves,
        least_in_leaf=2,
    )  # fmt: skip
    booster = lightgbm.Booster(model_str=classifier.package_text)
    exact = booster.predict(planes.T)
    exact = np.stack([1 - exact, exact], axis=1) if n_classes == 2 else exact
    np.testing.assert_allclose(classifier.probabilities(planes).T, exact, atol=1e-5)
    edges = classifier.tables.threshold
    edges = edges[np.abs(edges) > 1e-30]  # LightGBM takes smaller features for 0
    at = np.random.default_rng(0).choice(edges, (8, 2000))
    at = np.where(np.random.default_rng(1).random(at.shape) < 0.5, at, np.nextafter(at, np.float32(np.inf)))
    exact = booster.predict(at.T)
    exact = np.stack([1 - exact, exact], axis=1) if n_classes == 2 else exact
    np.testing.assert_allclose(classifier.probabilities(at).T, exact, atol=1e-5)


def test_it_predicts_where_lightgbm_is_missing(monkeypatch):
    planes, labels = make_pixels(3)
    classifier = fit_classifier("lightgbm", planes, labels, n_classes=3, rounds=5)
    expected = classifier.probabilities(planes)
    state = classifier.to_state()
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    np.testing.assert_array_equal(load_classifier(*state).probabilities(planes), expected)
    with pytest.raises(MissingExtraError, match="pip install lightgbm"):
        load_lightgbm()


def test_few_pixels_and_pixels_that_cannot_be_told_apart_give_trees_all_the_same():
    planes = np.zeros((3, 40), np.float32)
    labels = (np.arange(40) % 2).astype(np.uint8)
    np.testing.assert_allclose(
        fit_classifier("lightgbm", planes, labels, n_classes=2).probabilities(planes), 0.5, atol=1e-3
    )  # fmt: skip
    planes = np.arange(8, dtype=np.float32)[None]
    found = fit_classifier("lightgbm", planes, (planes[0] > 3).astype(np.uint8), n_classes=2).probabilities(planes)
    np.testing.assert_array_equal(found.argmax(axis=0), [0, 0, 0, 0, 1, 1, 1, 1])
