from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage
from skimage.feature import peak_local_max

from granum.errors import SettingError, ShapeError
from granum.separate.distance import distance_map
from granum.separate.peaks import find_distance_peaks, find_peaks_with_dynamics

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=24), elements=st.integers(0, 3).map(bool))


def draw_discs(shape, discs):
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.any([(y - v) ** 2 + (x - u) ** 2 < r**2 for v, u, r in discs], axis=0)


def draw_blobs(seed, shape=(90, 70)):
    return ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 2) > 0.5


@pytest.mark.parametrize("scale", [1, 2, 5])
def test_touching_discs_of_unequal_size_have_a_peak_each_at_any_scale(scale):
    discs = np.array([(30, 20, 12), (30, 41, 12), (50, 31, 6)]) * scale
    peaks = find_distance_peaks(draw_discs((70 * scale, 65 * scale), discs))
    assert len(peaks) == 3
    away = np.linalg.norm(peaks[:, None] - discs[None, :, :2], axis=2).min(axis=0)
    assert (away <= 1.5 * scale).all()


def test_the_dynamic_is_the_part_of_the_radius_that_the_neck_takes():
    mask = draw_discs((100, 160), [(50, 50, 30), (50, 100, 30)])
    tree = find_peaks_with_dynamics(distance_map(mask), mask)
    lower = np.isfinite(tree.saddles) & (tree.dynamics > 1)
    neck = np.sqrt(30**2 - 25**2)
    np.testing.assert_allclose(tree.saddles[lower], neck, atol=1)
    part = float(tree.dynamics[lower][0] / tree.heights[lower][0])
    assert len(find_distance_peaks(mask, min_dynamic=part - 0.02)) == 2
    assert len(find_distance_peaks(mask, min_dynamic=part + 0.02)) == 1


@given(masks)
def test_every_component_has_a_peak_inside_the_mask(mask):
    labels, count = ndimage.label(mask)
    for peaks in (find_distance_peaks(mask), find_distance_peaks(mask, min_distance=7)):
        at = labels[tuple(peaks.astype(int).T)]
        assert set(at) == set(range(1, count + 1))
    assert len(find_distance_peaks(mask, min_dynamic=1, min_depth=1000)) == count


@given(masks)
def test_the_number_of_peaks_does_not_depend_on_how_the_image_lies(mask):
    count = len(find_distance_peaks(mask))
    assert count == len(find_distance_peaks(mask[::-1]))
    assert count == len(find_distance_peaks(np.rot90(mask)))
    moved = find_distance_peaks(np.pad(mask, ((3, 1), (2, 5))), min_depth=0) - (3, 2)
    np.testing.assert_array_equal(moved, find_distance_peaks(mask, min_depth=0, edge="outside"))


def test_a_plateau_gives_the_pixel_nearest_its_middle():
    mask = np.zeros((9, 30), bool)
    mask[3:6, 2:27] = True
    np.testing.assert_array_equal(find_distance_peaks(mask), [[4, 14]])
    np.testing.assert_array_equal(find_distance_peaks(np.ones((1, 7), bool)), [[0, 3]])
    np.testing.assert_array_equal(find_peaks_with_dynamics(np.full((5, 7), 3)).peaks, [[2, 3]])


@pytest.mark.parametrize("min_distance", [1, 2, 4, 7])
@pytest.mark.parametrize("seed", range(4))
def test_min_distance_gives_the_peaks_of_scikit_image(seed, min_distance):
    mask = draw_blobs(seed)
    expected = peak_local_max(distance_map(mask), min_distance=min_distance, exclude_border=False)
    expected = expected[np.lexsort(expected.T[::-1])]
    peaks = find_distance_peaks(mask, min_distance=min_distance, every_component=False)
    np.testing.assert_array_equal(peaks, expected)
    more = find_distance_peaks(mask, min_distance=min_distance)
    labels, count = ndimage.label(mask)
    lost = count - len(np.unique(labels[tuple(expected.T)]))
    assert len(more) == len(expected) + lost


def test_peaks_at_the_frame_are_kept():
    mask = draw_discs((60, 60), [(0, 0, 9), (59, 30, 9), (30, 58, 9)])
    np.testing.assert_array_equal(find_distance_peaks(mask), [[0, 0], [30, 58], [59, 30]])


def test_smoothing_removes_ripples():
    mask = draw_blobs(5)
    rough = find_distance_peaks(mask, min_dynamic=0, min_depth=0)
    assert len(find_distance_peaks(mask, min_dynamic=0, min_depth=0, smoothing=1)) < len(rough)


def test_many_peaks_and_none():
    mask = np.zeros((532, 532), bool)
    mask[::2, ::2] = True
    assert len(find_distance_peaks(mask)) == 266 * 266
    assert find_distance_peaks(np.zeros((5, 5), bool)).shape == (0, 2)
    np.testing.assert_array_equal(find_distance_peaks(np.ones((1, 1), bool)), [[0, 0]])


def test_wrong_settings_are_named_with_their_range():
    mask = np.ones((5, 5), bool)
    with pytest.raises(SettingError, match="min_dynamic: is 2, must be 0 to 1"):
        find_distance_peaks(mask, min_dynamic=2)
    with pytest.raises(SettingError, match="min_depth: is -1"):
        find_distance_peaks(mask, min_depth=-1)
    with pytest.raises(SettingError, match="min_distance: is 0, must be 1 to 10000"):
        find_distance_peaks(mask, min_distance=0)
    with pytest.raises(SettingError, match="smoothing: is -2"):
        find_distance_peaks(mask, smoothing=-2)
    with pytest.raises(ShapeError, match="mask: has shape"):
        find_peaks_with_dynamics(np.ones((4, 4)), mask)
