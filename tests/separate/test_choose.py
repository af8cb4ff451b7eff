"""The splitter is chosen clump by clump: touching discs come apart, single objects stay whole."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage as ndi

from granum.errors import SettingError, ShapeError
from granum.samples import simulate_particles
from granum.separate.choose import split_automatically
from granum.separate.distance import distance_map

SPLITTERS = ["auto", "none", "shape", "watershed", "local_kmeans"]


def draw(shape, *rows):
    y, x = np.mgrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, bool)
    for cy, cx, r in rows:
        mask |= np.hypot(y - cy, x - cx) < r
    return mask


TOUCHING = draw((60, 140), (25, 25, 15), (25, 52, 15), (30, 105, 18))


def check_labels(mask, labels, confidence, choice, min_size=1):
    assert labels.dtype == np.int32
    assert confidence.dtype == np.float32
    k = int(labels.max())
    assert confidence.shape == (k,)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert_array_equal(np.unique(labels[labels > 0]), np.arange(1, k + 1))
    assert not labels[~mask].any()
    areas = np.bincount(labels.ravel(), minlength=k + 1)[1:]
    assert (areas >= min_size).all()
    assert choice.chosen["n_objects"] == k
    assert isinstance(choice.reason, str)


@pytest.mark.parametrize("splitter", SPLITTERS)
def test_every_hard_case_has_whole_labels(hard_case, splitter):
    before = hard_case.mask.copy()
    labels, confidence, choice = split_automatically(hard_case.mask, splitter=splitter, min_size=1)
    assert_array_equal(hard_case.mask, before)
    check_labels(before, labels, confidence, choice)
    assert_array_equal(labels > 0, before)
    again = split_automatically(hard_case.mask, splitter=splitter, min_size=1)
    assert_array_equal(again[0], labels)
    assert_array_equal(again[1], confidence)
    assert again[2] == choice


def test_no_object_reaches_into_two_regions(hard_case):
    regions, _ = ndi.label(hard_case.mask, np.ones((3, 3)))
    labels, _, _ = split_automatically(hard_case.mask, min_size=1)
    pairs = np.unique(np.stack([labels[labels > 0], regions[labels > 0]]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]


def test_round_particles_are_counted_exactly(hard_discs):
    assert split_automatically(hard_discs.mask)[0].max() == hard_discs.n_particles


def test_touching_discs_come_apart_on_the_line_where_they_meet():
    labels, _, choice = split_automatically(TOUCHING)
    assert labels.max() == 3
    diameters = np.sqrt(4 / np.pi * np.bincount(labels.ravel())[1:])
    np.testing.assert_allclose(np.sort(diameters), [30, 30, 36], atol=1)
    assert choice.chosen["n_regions"] == 2
    assert {row["splitter"] for row in choice.candidates} == {"shape", "watershed", "local_kmeans"}


def test_single_objects_are_sure():
    _, confidence, choice = split_automatically(draw((60, 140), (25, 25, 15), (30, 105, 18)))
    assert_array_equal(confidence, 1)
    assert choice.chosen["n_low_confidence"] == 0


def test_a_dark_line_counts_where_the_outline_shows_nothing():
    mask = draw((60, 90), (30, 30, 15), (30, 42, 15))
    relief = np.where(mask, 100.0, 0.0)
    relief[:, 36:38] *= 0.4
    plain = split_automatically(mask, splitter="shape")[0]
    lit = split_automatically(mask, ndi.gaussian_filter(relief, 0.7), splitter="shape_and_light")[0]
    assert plain.max() == 1
    assert lit.max() == 2


def test_the_truth_of_simulated_discs_is_found_again():
    simulated = simulate_particles("discs", size=384, count=60, seed=3, touching=0.5)
    labels, confidence, choice = split_automatically(simulated.labels > 0, min_size=1)
    check_labels(simulated.labels > 0, labels, confidence, choice)
    assert abs(int(labels.max()) - simulated.truth["n_particles"]) <= 3


def test_nothing_lies_outside_the_area():
    area = np.ones(TOUCHING.shape, bool)
    area[:, 60:] = False
    labels, confidence, choice = split_automatically(TOUCHING, None, area)
    check_labels(TOUCHING & area, labels, confidence, choice)
    assert labels.max() == 2


def test_small_parts_are_dropped_and_counted():
    mask = TOUCHING.copy()
    mask[55, 2:5] = True
    labels, confidence, choice = split_automatically(mask, min_size=10)
    check_labels(TOUCHING, labels, confidence, choice, 10)
    assert choice.chosen["n_dropped"] == 1
    assert "1 parts under 10 px" in choice.reason
    assert split_automatically(mask, min_size=3)[0].max() == 4
    assert split_automatically(mask, min_size=10_000)[0].max() == 0


def test_masks_and_reliefs_of_any_kind_give_the_same():
    relief = distance_map(TOUCHING)
    plain = split_automatically(TOUCHING, relief)[0]
    wide = np.repeat(np.repeat(TOUCHING, 2, 0), 2, 1)[::2, ::2]
    fixed = TOUCHING.copy()
    fixed.flags.writeable = False
    for mask in (TOUCHING.astype(np.uint8) * 255, wide, fixed, np.asfortranarray(TOUCHING)):
        assert_array_equal(split_automatically(mask, relief)[0], plain)
    for other in (relief.astype(">f4"), np.asfortranarray(relief), relief.astype(float)):
        assert_array_equal(split_automatically(TOUCHING, other)[0], plain)


def test_what_does_not_fit_is_refused():
    with pytest.raises(SettingError, match="'kmeens' is not one of auto, none, shape"):
        split_automatically(TOUCHING, splitter="kmeens")
    with pytest.raises(SettingError, match="shape_and_light"):
        split_automatically(TOUCHING, splitter="shape_and_light")
    with pytest.raises(SettingError, match=r"min_size: 0 .* at least 1"):
        split_automatically(TOUCHING, min_size=0)
    with pytest.raises(ShapeError, match="relief"):
        split_automatically(TOUCHING, np.zeros((3, 3)))
    with pytest.raises(ShapeError, match="area"):
        split_automatically(TOUCHING, None, np.zeros((3, 3), bool))
    with pytest.raises(ShapeError):
        split_automatically(np.zeros((0, 5), bool))
