import json

import numba
import numpy as np
import pytest

from granum.errors import MissingExtraError, ModelError, SettingError, ShapeError
from granum.learn import boosting, classifiers
from granum.learn.block_kernels import BLOCK, softmax_block
from granum.learn.classifiers import FAMILIES, available_families, fit_classifier, load_classifier
from granum.learn.standardise import standardise

QUICK = {
    "random_forest": {"trees": 12},
    "extra_trees": {"trees": 12},
    "lightgbm": {"rounds": 12},
    "mlp": {"steps": 200},
}


def make_pixels(n=600, n_features=11, n_classes=3, seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, n_classes, n).astype(np.uint8)
    centres = np.random.default_rng(99).normal(size=(n_classes, n_features)) * 1.2
    planes = (centres[labels] + random.normal(size=(n, n_features))).T.astype(np.float32)
    return np.ascontiguousarray(planes), labels


def fit(family, planes, labels, **settings):
    return fit_classifier(family, planes, labels, **{"n_classes": 3, **QUICK.get(family, {}), **settings})


@pytest.fixture(scope="module")
def fitted():
    planes, labels = make_pixels()
    return {family: fit(family, planes, labels) for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
def test_it_knows_pixels_that_it_has_not_seen(fitted, family):
    planes, labels = make_pixels(seed=1)
    found = fitted[family].probabilities(planes)
    assert found.shape == (3, 600)
    assert found.dtype == np.float32
    assert (found.argmax(axis=0) == labels).mean() > 0.9
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
    assert found.min() >= 0


@pytest.mark.parametrize("family", FAMILIES)
def test_chunks_and_threads_do_not_change_a_bit(fitted, family):
    planes = np.random.default_rng(3).normal(size=(11, 40_000)).astype(np.float32)
    classifier = fitted[family]
    whole = classifier.probabilities(planes, threads=2)
    np.testing.assert_array_equal(whole, classifier.probabilities(planes, threads=1))
    np.testing.assert_array_equal(whole, classifier.probabilities(planes, threads=3))
    for first, last in ((0, 1), (17, 18), (5, BLOCK + 4), (1001, 3333), (39_900, 40_000)):
        part = classifier.probabilities(np.ascontiguousarray(planes[:, first:last]))
        np.testing.assert_array_equal(part, whole[:, first:last])


@pytest.mark.parametrize("family", FAMILIES)
def test_features_may_be_rows_of_a_larger_bank(fitted, family):
    planes, _ = make_pixels()
    bank = np.full((20, 600), np.nan, np.float32)
    rows = np.random.default_rng(0).permutation(20)[:11]
    bank[rows] = planes
    np.testing.assert_array_equal(
        fitted[family].probabilities(bank, rows=rows), fitted[family].probabilities(planes)
    )  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_the_seed_decides_every_bit(family):
    planes, labels = make_pixels(n=200)
    before = numba.get_num_threads()
    one = fit(family, planes, labels, seed=5).probabilities(planes)
    numba.set_num_threads(1)
    try:
        two = fit(family, planes, labels, seed=5).probabilities(planes)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(one, two)
    if family not in ("logistic", "qda", "naive_bayes"):
        assert (fit(family, planes, labels, seed=6).probabilities(planes) != one).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_it_comes_back_from_its_state_as_it_was(fitted, family):
    planes, _ = make_pixels(seed=2)
    about, arrays = fitted[family].to_state()
    again = load_classifier(json.loads(json.dumps(about)), {name: array.copy() for name, array in arrays.items()})
    np.testing.assert_array_equal(again.probabilities(planes), fitted[family].probabilities(planes))
    assert again.family == family
    np.testing.assert_array_equal(again.importance, fitted[family].importance)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_class_with_one_pixel_is_learnt(family):
    planes, labels = make_pixels(n=300)
    keep = (labels != 2) | (np.arange(300) == np.flatnonzero(labels == 2)[0])
    planes, labels = np.ascontiguousarray(planes[:, keep]), labels[keep]
    weights = np.where(labels == 2, len(labels), 1.0)
    found = fit(family, planes, labels, weights=weights).probabilities(planes)
    assert np.isfinite(found).all()
    assert found[2, labels == 2][0] > found[2, labels != 2].mean()


@pytest.mark.parametrize("family", FAMILIES)
def test_classes_without_a_pixel_have_no_probability(family):
    planes, labels = make_pixels(n=300)
    two = labels != 1
    found = fit(family, np.ascontiguousarray(planes[:, two]), labels[two]).probabilities(planes)
    np.testing.assert_array_equal(found[1], 0)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
    assert (found.argmax(axis=0) == labels)[two].mean() > 0.9
    one = labels == 2
    certain = fit(family, np.ascontiguousarray(planes[:, one]), labels[one])
    np.testing.assert_array_equal(certain.probabilities(planes)[2], 1)
    np.testing.assert_array_equal(load_classifier(*certain.to_state()).probabilities(planes)[2], 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_constant_and_missing_features_do_no_harm(family):
    planes, labels = make_pixels()
    planes[4] = 7.5
    planes[5, ::3] = np.nan
    planes[6] = np.nan
    classifier = fit(family, planes, labels)
    found = classifier.probabilities(planes)
    assert np.isfinite(found).all()
    assert (found.argmax(axis=0) == labels).mean() > 0.85
    assert classifier.importance[4] == 0
    assert classifier.importance[6] == 0
    assert classifier.importance.sum() == pytest.approx(1, abs=1e-5)
    moved = planes.copy()
    moved[4] = -1e6  # what was constant while learning decides nothing later
    np.testing.assert_array_equal(classifier.probabilities(moved), found)


@pytest.mark.parametrize("family", FAMILIES)
def test_absurd_features_still_give_probabilities(fitted, family):
    planes = np.array([[-np.inf, np.inf, np.nan, 3e38, -3e38, 0]] * 11, np.float32)
    found = fitted[family].probabilities(planes)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_move_the_border_between_classes(family):
    random = np.random.default_rng(0)
    labels = (np.arange(800) % 2).astype(np.uint8)
    planes = (labels + random.normal(size=(2, 800))).astype(np.float32)
    shares = [
        (fit(family, planes, labels, weights=np.where(labels == 1, heavy, 1.0), n_classes=2)
         .probabilities(planes).argmax(axis=0) == 1).mean()
        for heavy in (0.2, 1, 5)
    ]  # fmt: skip
    assert shares[0] < shares[1] < shares[2]


@pytest.mark.parametrize("family", FAMILIES)
def test_pixels_without_weight_are_not_there(family):
    planes, labels = make_pixels(n=240)
    weights = np.where(np.arange(240) < 200, 1.0, 0.0)
    one = fit(family, planes, labels, weights=weights)
    two = fit(family, np.ascontiguousarray(planes[:, :200]), labels[:200])
    np.testing.assert_array_equal(one.probabilities(planes), two.probabilities(planes))


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("qda", "naive_bayes")])
def test_training_that_is_stopped_gives_what_there_is(family):
    planes, labels = make_pixels(n=300)
    asked = []
    classifier = fit(family, planes, labels, should_stop=lambda: asked.append(1) or True)
    assert asked
    np.testing.assert_allclose(classifier.probabilities(planes).sum(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_settings_of_a_search_are_settings_of_the_family(family):
    known = FAMILIES[family]
    assert set(known.ranges) <= set(known.settings)
    for name, (kind, *bounds) in known.ranges.items():
        value = known.settings[name]
        if kind == "choice":
            assert value in bounds[0]
        else:
            assert bounds[0] <= value <= bounds[1]


def test_one_feature_and_one_pixel_of_each_class_are_enough():
    planes = np.array([[0.0, 1.0]], np.float32)
    for family in FAMILIES:
        found = fit_classifier(family, planes, np.array([0, 1], np.uint8), n_classes=2).probabilities(planes)
        assert found.shape == (2, 2)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_it_gets_is_not_changed(family):
    planes, labels = make_pixels(n=100)
    weights = np.random.default_rng(0).random(100)
    planes[3, 5] = np.nan
    before = planes.copy(), labels.copy(), weights.copy()
    fit(family, planes, labels, weights=weights).probabilities(planes)
    for old, new in zip(before, (planes, labels, weights), strict=True):
        np.testing.assert_array_equal(old, new)


def test_no_pixels_give_no_probabilities(fitted):
    for classifier in fitted.values():
        assert classifier.probabilities(np.empty((11, 0), np.float32)).shape == (3, 0)


def test_wrong_input_is_named():
    planes, labels = make_pixels(n=30)
    with pytest.raises(SettingError, match="family: 'forest' is none of logistic"):
        fit("forest", planes, labels)
    with pytest.raises(SettingError, match="logistic: has no setting 'trees'"):
        fit("logistic", planes, labels, trees=3)
    with pytest.raises(ShapeError, match=r"labels \(29,\)"):
        fit("logistic", planes, labels[1:])
    with pytest.raises(ShapeError, match=r"must be in 0\.\.1"):
        fit("logistic", planes, labels, n_classes=2)
    with pytest.raises(ShapeError, match="weights"):
        fit("logistic", planes, labels, weights=np.zeros(30))
    with pytest.raises(ShapeError, match="weights"):
        fit("logistic", planes, labels, weights=np.full(30, np.nan))
    classifier = fit("logistic", planes, labels)
    with pytest.raises(ShapeError, match="must be"):
        classifier.probabilities(planes[:5], rows=np.arange(5))
    with pytest.raises(ShapeError, match="needs 11"):
        classifier.probabilities(planes[:5])


def test_a_missing_lightgbm_is_said_with_what_to_do(monkeypatch):
    def missing():
        raise MissingExtraError("LightGBM cannot be used; run `pip install lightgbm`.")

    assert "lightgbm" in available_families()
    monkeypatch.setattr(classifiers, "load_lightgbm", missing)
    monkeypatch.setattr(boosting, "load_lightgbm", missing)
    assert set(available_families()) == set(FAMILIES) - {"lightgbm"}
    planes, labels = make_pixels(n=30)
    with pytest.raises(MissingExtraError, match="pip install lightgbm"):
        fit("lightgbm", planes, labels)


def test_a_state_of_another_kind_is_refused(fitted):
    about, arrays = fitted["logistic"].to_state()
    for change in (
        {"form": "magic"},
        {"form": None}, {"n_classes": 0}, {"n_classes": 300}, {"n_features": -1}, {"n_features": True},
        {"present": []}, {"present": [0, 0]}, {"present": [2, 1]}, {"present": [7]}, {"present": "01"}, {"settings": 3},
        {"n_features": 12}, {"present": [0, 1]},
    ):  # fmt: skip
        with pytest.raises(ModelError):
            load_classifier({**about, **change}, arrays)
    for name in arrays:
        with pytest.raises(ModelError, match=name):
            load_classifier(about, {key: array for key, array in arrays.items() if key != name})
        wrong = arrays[name].copy()
        wrong.flat[0] = np.nan
        with pytest.raises(ModelError, match="NaN"):
            load_classifier(about, {**arrays, name: wrong})
        with pytest.raises(ModelError, match="float64"):
            load_classifier(about, {**arrays, name: arrays[name].astype(np.float64)})


def test_softmax_is_that_of_double_precision():
    scores = np.random.default_rng(0).normal(0, 30, (6, BLOCK)).astype(np.float32)
    scores[:, 0] = 1e30
    scores[3, 1] = -1e30
    exact = np.exp(scores.astype(np.float64) - scores.max(axis=0))
    exact /= exact.sum(axis=0)
    softmax_block(scores, 6, np.empty(BLOCK, np.int32))
    np.testing.assert_allclose(scores, exact, rtol=1e-5, atol=1e-30)


def test_features_are_brought_to_mean_0_and_deviation_1_by_weight():
    planes, _ = make_pixels()
    planes = planes * 40 + 1000
    weights = np.linspace(0, 2, 600)
    rows, shift, factor = standardise(planes, weights)
    np.testing.assert_allclose(np.average(rows, axis=0, weights=weights), 0, atol=1e-5)
    np.testing.assert_allclose(np.average(rows**2, axis=0, weights=weights), 1, rtol=1e-4)
    np.testing.assert_allclose((planes.T - shift) * factor, rows, atol=1e-6)
