from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage
from skimage.segmentation import watershed

from granum.errors import SettingError, ShapeError
from granum.separate.distance import distance_map
from granum.separate.peaks import find_distance_peaks
from granum.separate.watershed import flood, split_by_watershed

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=24), elements=st.integers(0, 3).map(bool))
DISCS = [(30, 20, 12), (30, 40, 12), (50, 30, 7)]


def draw_discs(shape=(70, 65), discs=DISCS):
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.stack([(y - v) ** 2 + (x - u) ** 2 < r**2 for v, u, r in discs])


@pytest.mark.parametrize("sigma", [0, 1.5])
@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (60, 80)])
def test_a_flood_equals_that_of_scikit_image_where_heights_differ(shape, sigma):
    rng = np.random.default_rng(7)
    relief = rng.permutation(shape[0] * shape[1]).reshape(shape).astype(np.float32)
    relief = ndimage.gaussian_filter(relief, sigma) if sigma else relief
    markers = np.where(rng.random(shape) < 0.03, 1, 0).cumsum().reshape(shape) * (rng.random(shape) < 0.05)
    mask = rng.random(shape) < 0.9
    assert markers[mask].any()
    np.testing.assert_array_equal(flood(relief, markers, mask), watershed(-relief, markers, 1, mask=mask))
    np.testing.assert_array_equal(flood(relief, markers, connectivity=2), watershed(-relief, markers, 2))


def test_a_plateau_is_shared_at_equal_distances():
    markers = np.zeros((5, 12), int)
    markers[2, 1], markers[2, 10] = 7, 3
    labels = flood(np.zeros((5, 12)), markers)
    np.testing.assert_array_equal(labels, np.repeat([[7] * 6 + [3] * 6], 5, axis=0))


def test_a_flood_leaves_components_without_a_marker():
    mask = np.array([[1, 1, 0, 1, 1]], bool)
    np.testing.assert_array_equal(flood(np.ones((1, 5)), [[0, 5, 9, 0, 0]], mask), [[5, 5, 0, 0, 0]])
    assert not flood(np.ones((1, 5)), np.zeros((1, 5), int), mask).any()


@pytest.mark.parametrize("peaks", [None, [(30, 20), (30, 40), (50, 30)]])
def test_touching_discs_come_apart(peaks):
    discs = draw_discs()
    labels = split_by_watershed(discs.any(axis=0), peaks)
    assert labels.dtype == np.int32
    assert labels.max() == 3
    for disc, (y, x, _) in zip(discs, DISCS, strict=True):
        own = labels == labels[y, x]
        assert (own & disc).sum() / (own | disc).sum() > 0.93


@given(masks)
def test_every_foreground_pixel_has_a_label_and_numbers_have_no_gaps(mask):
    for labels in (split_by_watershed(mask), split_by_watershed(mask, np.zeros((1, 2)))):
        np.testing.assert_array_equal(labels > 0, mask)
        np.testing.assert_array_equal(np.unique(labels[mask]), np.arange(1, labels.max() + 1))
        pieces = ndimage.label(mask)[0]
        assert len(np.unique(np.stack([labels[mask], pieces[mask]]), axis=1).T) == labels.max()


@given(masks)
def test_own_maxima_and_the_same_peaks_given_agree_in_number(mask):
    peaks = find_distance_peaks(mask)
    assert split_by_watershed(mask).max() == split_by_watershed(mask, peaks).max() == len(peaks)


def test_the_same_peaks_give_the_labels_of_scikit_image_but_for_ties():
    mask = ndimage.gaussian_filter(np.random.default_rng(3).random((150, 140)), 3) > 0.5
    peaks = find_distance_peaks(mask, smoothing=1)
    markers = np.zeros(mask.shape, int)
    markers[tuple(peaks.astype(int).T)] = np.arange(1, len(peaks) + 1)
    relief = ndimage.gaussian_filter(distance_map(mask), 1, mode="nearest", truncate=4)
    expected = watershed(-relief, markers, 2, mask=mask)
    assert (split_by_watershed(mask, peaks, smoothing=1) != expected)[mask].mean() < 0.005
    assert (split_by_watershed(mask, smoothing=1) != expected)[mask].mean() < 0.005


def test_the_number_of_threads_does_not_show():
    mask = ndimage.gaussian_filter(np.random.default_rng(3).random((300, 310)), 3) > 0.5
    peaks = find_distance_peaks(mask)
    alone = split_by_watershed(mask), split_by_watershed(mask, peaks)
    threads = numba.get_num_threads()
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    try:
        np.testing.assert_array_equal(split_by_watershed(mask), alone[0])
        np.testing.assert_array_equal(split_by_watershed(mask, peaks), alone[1])
        np.testing.assert_array_equal(find_distance_peaks(mask), peaks)
    finally:
        numba.set_num_threads(threads)


@pytest.mark.parametrize("dark", [False, True])
def test_an_intensity_valley_cuts_what_the_outline_does_not_show(dark):
    y, x = np.mgrid[:40, :60]
    image = 50 + 100 * (np.exp(-((x - 18) ** 2) / 60) + np.exp(-((x - 42) ** 2) / 60))
    mask = (abs(y - 20) < 10) & (abs(x - 30) < 24)
    image = np.where(mask, image, 20)
    image = -image if dark else image
    assert split_by_watershed(mask).max() == 1
    labels = split_by_watershed(mask, None, image, relief="intensity")
    assert labels.max() == 2
    np.testing.assert_array_equal(labels[20, 8:53] == 1, np.arange(8, 53) <= 30)


def test_edges_in_the_image_move_the_cut():
    y, x = np.mgrid[:40, :60]
    mask = (abs(y - 20) < 10) & (abs(x - 30) < 24)
    image = np.where(x < 22, 50.0, 90.0) * mask
    labels = split_by_watershed(mask, [(20, 14), (20, 40)], image, relief="gradient")
    np.testing.assert_array_equal(labels[20, 10:50] == 1, np.arange(10, 50) < 22)
    assert split_by_watershed(mask, None, image, relief="gradient").max() == 1


def test_peaks_outside_the_mask_and_doubles_are_left_out():
    mask = np.zeros((5, 9), bool)
    mask[1:4, 1:4] = mask[1:4, 5:8] = True
    labels = split_by_watershed(mask, [(0, 0), (2, 6), (2.2, 5.8), (4, 4)])
    assert labels[2, 6] == 1
    assert labels[2, 2] == labels.max() == 2


def test_many_particles_and_none():
    mask = np.zeros((532, 532), bool)
    mask[::2, ::2] = True
    labels = split_by_watershed(mask)
    np.testing.assert_array_equal(labels[mask], np.arange(1, 266 * 266 + 1))
    assert not split_by_watershed(np.zeros((4, 4), bool)).any()
    assert not split_by_watershed(np.zeros((4, 4), bool), np.zeros((0, 2))).any()
    np.testing.assert_array_equal(split_by_watershed(np.ones((1, 1), bool)), [[1]])
    np.testing.assert_array_equal(split_by_watershed(np.ones((1, 9), bool)), [[1] * 9])
    np.testing.assert_array_equal(
        split_by_watershed(np.ones((20, 20), bool), None, np.ones((20, 20)), relief="intensity"), np.ones((20, 20))
    )


def test_the_input_is_not_touched_and_may_lie_anywhere():
    mask = draw_discs().any(axis=0)
    expected = split_by_watershed(mask)
    locked = mask.copy()
    locked.flags.writeable = False
    for same in (locked, np.asfortranarray(mask), mask.astype(">f8"), np.repeat(mask, 2, 0)[::2]):
        np.testing.assert_array_equal(split_by_watershed(same), expected)
        np.testing.assert_array_equal(split_by_watershed(same, find_distance_peaks(same)) > 0, mask)


def test_wrong_input_is_named():
    mask = np.ones((5, 5), bool)
    with pytest.raises(ShapeError, match="image: is missing, relief='gradient' needs it"):
        split_by_watershed(mask, relief="gradient")
    with pytest.raises(ShapeError, match="image: has shape"):
        split_by_watershed(mask, None, np.ones((4, 4)), relief="intensity")
    with pytest.raises(SettingError, match="relief: 'depth' is not known"):
        split_by_watershed(mask, relief="depth")
    with pytest.raises(SettingError, match=r"min_dynamic: is -0\.1, must be 0 to 1"):
        split_by_watershed(mask, min_dynamic=-0.1)
    with pytest.raises(SettingError, match="connectivity: is 4"):
        flood(mask, mask.astype(int), connectivity=4)
    with pytest.raises(ShapeError, match="markers: has shape"):
        flood(mask, np.zeros((4, 4), int))
