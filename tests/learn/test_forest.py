import numpy as np
import pytest

from granum.learn.classifiers import fit_classifier


def make_pixels(n=2000, n_features=9):
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, n).astype(np.uint8)
    planes = (random.normal(size=(4, n_features))[labels] + random.normal(size=(n, n_features))).T
    return np.ascontiguousarray(planes.astype(np.float32)), labels


@pytest.mark.parametrize("most_leaves", [2, 16, 17, 64, 256, 257, 400])
@pytest.mark.parametrize("family", ["random_forest", "extra_trees"])
def test_probabilities_are_those_of_scikit_learn(family, most_leaves):
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

    planes, labels = make_pixels(6000)
    weights = np.random.default_rng(1).random(6000)
    kind = RandomForestClassifier if family == "random_forest" else ExtraTreesClassifier
    classifier = fit_classifier(
        family, planes, labels, n_classes=4, weights=weights, trees=10, most_leaves=most_leaves, least_in_leaf=2,
        feature_share=0.5, seed=3,
    )  # fmt: skip
    exact = kind(
        10, max_leaf_nodes=most_leaves, min_samples_leaf=2, max_features=0.5, random_state=3, n_jobs=1
    ).fit(planes.T, labels, weights / weights.mean())  # fmt: skip
    assert classifier.tables.most_leaves == most_leaves or most_leaves == 400
    assert (classifier.tables.most_leaves > 256) == (most_leaves > 256)
    np.testing.assert_allclose(classifier.probabilities(planes).T, exact.predict_proba(planes.T), atol=1e-5)
    # also where features are the thresholds themselves
    edges = np.concatenate([tree.tree_.threshold[tree.tree_.feature >= 0] for tree in exact.estimators_])
    at = np.random.default_rng(0).choice(edges, (9, 3000)).astype(np.float32)
    np.testing.assert_allclose(classifier.probabilities(at).T, exact.predict_proba(at.T), atol=1e-5)


def test_neighbours_that_are_alike_give_what_each_gives_alone():
    planes, labels = make_pixels()
    classifier = fit_classifier("random_forest", planes, labels, n_classes=4, trees=10)
    smooth = np.ascontiguousarray(np.repeat(planes[:, :40], 50, axis=1))  # whole blocks go the same way
    mixed = np.ascontiguousarray(planes[:, np.random.default_rng(0).integers(0, 40, 4000)])
    alone = np.concatenate([classifier.probabilities(planes[:, i : i + 1]) for i in range(40)], axis=1)
    np.testing.assert_array_equal(classifier.probabilities(smooth), np.repeat(alone, 50, axis=1))
    assert (classifier.probabilities(mixed)[:, :, None] == alone[:, None, :]).all(axis=0).any(axis=1).all()
