import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from scipy import ndimage as ndi

from granum.errors import SettingError, ShapeError
from granum.segment import clean_mask

MASKS = arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)))
EIGHT = np.ones((3, 3))


@given(MASKS)
def test_filling_equals_scipy(mask):
    assert_array_equal(clean_mask(mask, min_area=0), ndi.binary_fill_holes(mask))


@given(MASKS, st.integers(0, 12))
def test_dropping_specks_equals_scipy(mask, least):
    labels, count = ndi.label(mask, EIGHT)
    areas = ndi.sum_labels(mask, labels, np.arange(count + 1))
    truth = mask & (areas[labels] >= least)
    assert_array_equal(clean_mask(mask, min_area=least, fill_holes=False), truth)


@given(MASKS, st.integers(0, 9))
def test_only_small_holes_are_filled(mask, most):
    labels, count = ndi.label(ndi.binary_fill_holes(mask) & ~mask)
    areas = ndi.sum_labels(labels > 0, labels, np.arange(count + 1))
    truth = mask | ((labels > 0) & (areas[labels] <= most))
    assert_array_equal(clean_mask(mask, min_area=0, max_hole_area=most), truth)


@given(MASKS)
def test_removing_the_border_equals_scikit_image(mask):
    from skimage.segmentation import clear_border

    labels = ndi.label(mask, EIGHT)[0]
    truth = clear_border(labels) > 0
    assert_array_equal(clean_mask(mask, min_area=0, fill_holes=False, remove_border=True), truth)


@given(MASKS)
def test_cleaning_twice_changes_nothing_more(mask):
    once = clean_mask(mask, min_area=4)
    assert_array_equal(clean_mask(once, min_area=4), once)


def test_an_object_in_the_corner_does_not_invert_the_mask():
    mask = np.zeros((30, 30), bool)
    mask[:8, :8] = True
    mask[3, 3] = False
    filled = clean_mask(mask)
    assert filled.sum() == 64
    assert filled[:8, :8].all()


def test_objects_at_the_border_stay():
    mask = np.zeros((30, 30), bool)
    mask[10:20, :4] = mask[-5:, 10:20] = True
    assert_array_equal(clean_mask(mask), mask)
    assert_array_equal(clean_mask(mask, opening_radius=2), mask & clean_mask(mask, opening_radius=2))
    assert clean_mask(mask, opening_radius=2)[12:18, :4].all()


def test_opening_cuts_whiskers_and_equals_scikit_image_inside():
    from skimage.morphology import disk, opening

    rng = np.random.default_rng(0)
    mask = ndi.gaussian_filter(rng.normal(size=(60, 70)), 2) > 0
    inner = np.s_[8:-8, 8:-8]
    ours = clean_mask(mask, min_area=0, fill_holes=False, opening_radius=3)
    assert_array_equal(ours[inner], opening(mask, disk(3))[inner])


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (20, 30)])
def test_empty_and_full_masks_stay(shape):
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    assert not clean_mask(empty, opening_radius=2).any()
    assert clean_mask(full, min_area=0).all()
    assert not clean_mask(full, remove_border=True).any()


def test_70000_objects_are_told_apart():
    mask = np.zeros((540, 540), bool)
    mask[::2, ::2] = True
    assert clean_mask(mask, min_area=0).sum() == mask.sum() == 72_900
    assert not clean_mask(mask, min_area=2).any()


def test_the_input_stays_and_any_layout_is_taken():
    mask = np.random.default_rng(0).random((30, 40)) > 0.4
    mask.flags.writeable = False
    before = mask.copy()
    clean = clean_mask(mask)
    assert clean.dtype == bool
    assert clean.flags.writeable
    assert_array_equal(mask, before)
    assert_array_equal(clean_mask(np.asfortranarray(mask)), clean)
    assert_array_equal(clean_mask(mask.astype(">i4") * 7), clean)


@pytest.mark.parametrize("setting", ["min_area", "max_hole_area"])
def test_negative_areas_are_refused(setting):
    with pytest.raises(SettingError, match=f"{setting}: -1 is out of range, must be at least 0"):
        clean_mask(np.ones((3, 3)), **{setting: -1})


def test_other_wrong_input_is_refused():
    with pytest.raises(SettingError, match="opening_radius: 101 is out of range, must be 0 to 100"):
        clean_mask(np.ones((3, 3)), opening_radius=101)
    with pytest.raises(ShapeError, match="two axes"):
        clean_mask(np.ones((3, 3, 3)))
