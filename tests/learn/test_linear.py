import numpy as np
import pytest

from granum.learn.classifiers import fit_classifier


@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_probabilities_are_those_of_scikit_learn(strength):
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 500).astype(np.uint8)
    planes = (random.normal(size=(3, 7))[labels] + random.normal(size=(500, 7))).T.astype(np.float32) * 5 + 2
    weights = random.random(500)
    classifier = fit_classifier("logistic", planes, labels, n_classes=3, weights=weights, strength=strength)
    rows = (planes.T - classifier.shift) * classifier.factor
    exact = LogisticRegression(C=strength, tol=1e-8, max_iter=1000).fit(rows, labels, weights / weights.mean())
    np.testing.assert_allclose(classifier.probabilities(planes).T, exact.predict_proba(rows), atol=2e-3)
    # the kernel itself is exact: the same weights in double precision
    scores = rows.astype(np.float64) @ classifier.weights.T.astype(np.float64) + classifier.bias
    expected = np.exp(scores - scores.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.probabilities(planes).T, expected, atol=1e-5)


def test_a_weaker_penalty_is_surer():
    random = np.random.default_rng(0)
    labels = (np.arange(200) % 2).astype(np.uint8)
    planes = (labels + 0.3 * random.normal(size=(4, 200))).astype(np.float32)
    sure = [
        fit_classifier("logistic", planes, labels, n_classes=2, strength=strength)
        .probabilities(planes)
        .max(axis=0)
        .mean()
        for strength in (1e-3, 1e-1, 10)
    ]
    assert sure[0] < sure[1] < sure[2]
