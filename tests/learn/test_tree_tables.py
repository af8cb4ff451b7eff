from dataclasses import replace

import numpy as np
import pytest

from granum.errors import ModelError
from granum.learn.classifiers import fit_classifier, load_classifier
from granum.learn.tree_classifier import TreeClassifier
from granum.learn.tree_tables import TreeTables, round_down


def make_state(most_leaves=8, family="random_forest"):
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 400).astype(np.uint8)
    planes = (random.normal(size=(3, 5))[labels] + random.normal(size=(400, 5))).T.astype(np.float32)
    classifier = fit_classifier(
        family, np.ascontiguousarray(planes), labels, n_classes=3, trees=3, most_leaves=most_leaves
    )  # fmt: skip
    return classifier.to_state()


def chain(n_leaves, side, n_values):
    """Return a tree that goes on to one side only."""
    n = n_leaves - 1
    on, off = np.arange(1, n + 1), -1 - np.arange(n)
    on[-1:] = -n_leaves
    left, right = (on, off) if side == "left" else (off, on)
    return TreeTables(
        np.array([0, n], np.int32), np.array([0, n_leaves], np.int32), np.zeros(n, np.int32),
        np.arange(n, dtype=np.float32) * (-1 if side == "left" else 1),
        left.astype(np.int32), right.astype(np.int32),
        np.random.default_rng(0).random((n_leaves, n_values)).astype(np.float32) + 0.1, np.zeros(1, np.int32),
    )  # fmt: skip


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("n_leaves", [1, 2, 16, 17, 64, 255, 256, 257])
@pytest.mark.parametrize("n_values", [3, 5])
def test_choices_lead_to_the_leaf_that_a_walk_finds(n_leaves, side, n_values):
    tables = chain(n_leaves, side, n_values)
    tables.check(1, n_values)
    known = {
        "family": "extra_trees", "n_classes": n_values, "n_features": 1, "present": tuple(range(n_values)),
        "importance": np.ones(1, np.float32), "base": np.zeros(n_values, np.float32),
    }  # fmt: skip
    classifier = TreeClassifier(tables=tables, is_mean=True, **known)
    values = np.repeat(np.arange(-n_leaves - 1, n_leaves + 1) + 0.5, 3)
    values = np.concatenate([values, tables.threshold, [-np.inf, np.inf, np.nan]]).astype(np.float32)
    leaves = []
    for x in np.nan_to_num(values, posinf=np.inf, neginf=-np.inf):
        node = 0 if n_leaves > 1 else -1
        while node >= 0:
            node = tables.left[node] if x <= tables.threshold[node] else tables.right[node]
        leaves.append(-1 - node)
    found = classifier.probabilities(values[None])
    shares = tables.values[leaves]
    np.testing.assert_allclose(found.T, shares / shares.sum(axis=1, keepdims=True), rtol=1e-6)
    one = replace(tables, values=tables.values[:, :1].copy(), adds_to=np.ones(1, np.int32))  # as in boosting
    found = TreeClassifier(tables=one, is_mean=False, **known).probabilities(values[None])
    score = np.exp(shares[:, 0])
    np.testing.assert_allclose(found[1], score / (score + n_values - 1), rtol=1e-6)


@pytest.mark.parametrize("most_leaves", [8, 100])
def test_every_change_of_a_child_is_noticed(most_leaves):
    about, arrays = make_state(most_leaves)
    random = np.random.default_rng(1)
    for name in ("left", "right"):
        for place in random.choice(len(arrays[name]), 12):
            for value in (-1000, -(2**31), 2**31 - 1, place, 0, -1, *random.integers(-10, 10, 8)):
                changed = arrays[name].copy()
                if changed[place] == value:
                    continue
                changed[place] = value
                with pytest.raises(ModelError, match="not trees"):
                    load_classifier(about, {**arrays, name: changed})


def test_tables_that_do_not_fit_are_refused():
    about, arrays = make_state()
    last = len(arrays["feature"]) - 1
    for name, place, value in (
        ("feature", last, 5), ("feature", 0, -1), ("node_start", 0, 1), ("node_start", 1, -3), ("node_start", 3, 10**6),
        ("leaf_start", 1, 2**31 - 1), ("leaf_start", 3, 0), ("adds_to", 0, 1), ("adds_to", 0, -1),
        ("adds_to", 0, 2**31 - 1),
        ("node_start", 1, 2**31 - 1), ("node_start", 1, -(2**31)), ("values", 0, -1.0), ("threshold", 0, np.nan),
    ):  # fmt: skip
        changed = arrays[name].copy()
        changed.flat[place] = value
        with pytest.raises(ModelError):
            load_classifier(about, {**arrays, name: changed})
    for name in arrays:
        with pytest.raises(ModelError):
            load_classifier(about, {**arrays, name: arrays[name][:-1]})
    with pytest.raises(ModelError):
        load_classifier({**about, "is_mean": "yes"}, arrays)
    with pytest.raises(ModelError):
        load_classifier({**about, "is_mean": False}, arrays)


def test_float32_values_compare_with_a_rounded_threshold_as_with_the_threshold():
    thresholds = np.concatenate(
        [np.random.default_rng(0).normal(size=1000), [0.1, -0.1, 1.0, 0.0, -1e-40, 1e-40, 1e30]]
    )
    rounded = round_down(thresholds)
    for values in (rounded, np.nextafter(rounded, np.float32(np.inf)), np.nextafter(rounded, np.float32(-np.inf))):
        np.testing.assert_array_equal(values <= rounded, values.astype(np.float64) <= thresholds)
