import numpy as np
import pytest
from scipy.stats import multivariate_normal

from granum.errors import ModelError
from granum.learn.classifiers import fit_classifier, load_classifier


def make_pixels(n=900, seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, n).astype(np.uint8)
    mix = np.random.default_rng(5).normal(size=(3, 6, 6)) * 0.6
    centres = np.array([[0] * 6, [1.5] * 6, [0, 2] * 3])
    rows = centres[labels] + np.einsum("nij,nj->ni", mix[labels], random.normal(size=(n, 6)))
    return np.ascontiguousarray(rows.T.astype(np.float32)), labels


@pytest.mark.parametrize("family", ["qda", "naive_bayes"])
@pytest.mark.parametrize("soften", [False, True])
def test_probabilities_are_those_of_the_gaussians(family, soften):
    planes, labels = make_pixels()
    classifier = fit_classifier(family, planes, labels, n_classes=3, soften=soften)
    assert (classifier.softness < 1) <= soften
    rows = ((planes.T - classifier.shift) * classifier.factor).astype(np.float64)
    scores = []
    for k in range(3):
        root = classifier.root[k].astype(np.float64)
        root = np.diag(root[0]) if len(root) == 1 else root
        likelihood = multivariate_normal(classifier.mean[k], np.linalg.inv(root.T @ root)).logpdf(rows)
        scores.append(likelihood + np.log((labels == k).mean()))
    exact = np.exp(classifier.softness * (np.array(scores) - np.max(scores, axis=0)))
    np.testing.assert_allclose(classifier.probabilities(planes), exact / exact.sum(axis=0), atol=2e-5)


def test_naive_bayes_is_that_of_scikit_learn():
    from sklearn.naive_bayes import GaussianNB

    planes, labels = make_pixels(n=20_000)
    found = fit_classifier("naive_bayes", planes, labels, n_classes=3, shrink=0.0, soften=False).probabilities(planes)
    exact = GaussianNB().fit(planes.T.astype(np.float64), labels).predict_proba(planes.T.astype(np.float64)).T
    np.testing.assert_allclose(found, exact, atol=0.02)  # a thousandth is added to every variance


def test_full_covariances_tell_classes_apart_that_differ_in_direction_only():
    random = np.random.default_rng(0)
    labels = (np.arange(2000) % 2).astype(np.uint8)
    a, b = random.normal(size=(2, 2000)), 0.1 * random.normal(size=2000)
    planes = np.stack([a[0], np.where(labels == 0, a[0], -a[0]) + b]).astype(np.float32)
    accuracy = {
        family: (
            fit_classifier(family, planes, labels, n_classes=2).probabilities(planes).argmax(axis=0) == labels
        ).mean()
        for family in ("qda", "naive_bayes")
    }
    assert accuracy["qda"] > 0.85
    assert accuracy["naive_bayes"] < 0.6


def test_softening_keeps_repeated_features_from_being_too_sure():
    random = np.random.default_rng(0)
    labels = (np.arange(1000) % 2).astype(np.uint8)
    planes = np.repeat((labels + random.normal(size=1000))[None], 30, axis=0).astype(np.float32)
    classifier = fit_classifier("naive_bayes", planes, labels, n_classes=2)
    found = classifier.probabilities(planes)
    right = (found.argmax(axis=0) == labels).mean()
    assert abs(found.max(axis=0).mean() - right) < 0.05


def test_a_state_that_cannot_be_is_refused():
    planes, labels = make_pixels(n=60)
    about, arrays = fit_classifier("qda", planes, labels, n_classes=3).to_state()
    for softness in (0.0, 2.0, "1", None, float("nan")):
        with pytest.raises(ModelError, match="softness"):
            load_classifier({**about, "softness": softness}, arrays)
    with pytest.raises(ModelError, match="root"):
        load_classifier(about, {**arrays, "root": np.ascontiguousarray(arrays["root"][:, :3])})
