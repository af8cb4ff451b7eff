from __future__ import annotations

import numpy as np
import pytest

from granum.errors import ModelError, ShapeError
from granum.learn.blend import blend_classifiers
from granum.learn.classifiers import fit_classifier, load_classifier


@pytest.fixture(scope="module")
def planes():
    return np.random.default_rng(0).normal(size=(6, 400)).astype(np.float32)


@pytest.fixture(scope="module")
def parts(planes):
    labels = (planes[0] > 0).astype(np.uint8) + (planes[5] > 1)
    one = fit_classifier("logistic", planes[:4], labels, n_classes=3)
    other = fit_classifier("mlp", planes[2:], labels, n_classes=3, steps=50, members=1)
    return (one, [0, 1, 2, 3]), (other, [2, 3, 4, 5])


def test_a_blend_is_the_mean_of_its_members_each_on_its_own_features(parts, planes):
    blend = blend_classifiers(parts, n_features=6)
    mean = (parts[0][0].probabilities(planes[:4]) + parts[1][0].probabilities(planes[2:])) / 2
    np.testing.assert_allclose(blend.probabilities(planes), mean, atol=1e-6)
    assert blend.importance.sum() == pytest.approx(1)
    assert blend.present == (0, 1, 2)


def test_weights_say_how_much_a_member_counts(parts, planes):
    blend = blend_classifiers(parts, n_features=6, weights=[3, 1])
    mean = 0.75 * parts[0][0].probabilities(planes[:4]) + 0.25 * parts[1][0].probabilities(planes[2:])
    np.testing.assert_allclose(blend.probabilities(planes), mean, atol=1e-6)


def test_rows_of_a_larger_bank_and_pieces_give_the_same_bytes(parts, planes):
    blend = blend_classifiers(parts, n_features=6)
    bank = np.concatenate([np.full((3, 400), np.nan, np.float32), planes])
    rows = np.arange(3, 9)
    whole = blend.probabilities(planes)
    np.testing.assert_array_equal(blend.probabilities(bank, rows=rows), whole)
    np.testing.assert_array_equal(blend.probabilities(np.ascontiguousarray(planes[:, 37:90])), whole[:, 37:90])
    np.testing.assert_array_equal(blend.probabilities(planes, threads=3), whole)


def test_a_single_classifier_stays_what_it_is_and_blends_are_taken_apart(parts):
    assert blend_classifiers([(parts[0][0], range(4))], n_features=4) is parts[0][0]
    inner = blend_classifiers(parts, n_features=6)
    outer = blend_classifiers([(inner, range(6)), (parts[0][0], range(4))], n_features=6)
    assert [member.weight for member in outer.members] == [0.25, 0.25, 0.5]


def test_a_blend_is_saved_and_loaded(parts, planes):
    blend = blend_classifiers(parts, n_features=6)
    loaded = load_classifier(*blend.to_state())
    np.testing.assert_array_equal(loaded.probabilities(planes), blend.probabilities(planes))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda about: about.pop("members"), "damaged"),
        (lambda about: about.update(members=[]), "0 members"),
        (lambda about: about["members"][0].update(rows=[0, 1, 2, 99]), "does not fit"),
        (lambda about: about["members"][0].update(rows=[0, 1]), "does not fit"),
        (lambda about: about["members"][0].update(weight=0.1), "sum to 1"),
        (lambda about: about["members"][0].update(weight=float("nan")), "fit"),
        (lambda about: about["members"][0].update(classifier=about | {}), "no classifier"),
        (lambda about: about["members"][1].update(classifier=7), "no classifier"),
    ],
)
def test_a_damaged_blend_is_refused(parts, change, says):
    about, arrays = blend_classifiers(parts, n_features=6).to_state()
    change(about)
    with pytest.raises(ModelError, match=says):
        load_classifier(about, arrays)


def test_nothing_or_other_classes_make_no_blend(parts, planes):
    with pytest.raises(ShapeError, match="at least one"):
        blend_classifiers([], n_features=6)
    two = fit_classifier("logistic", planes, (planes[0] > 0).astype(np.uint8), n_classes=2)
    with pytest.raises(ShapeError, match="same classes"):
        blend_classifiers([*parts, (two, range(6))], n_features=6)
    with pytest.raises(ShapeError, match="5 features"):
        blend_classifiers(parts, n_features=6).probabilities(planes[:5])
