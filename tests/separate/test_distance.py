from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from granum.errors import SettingError, ShapeError
from granum.separate.distance import distance_map, squared_distance_map

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.integers(0, 9).map(bool))


@given(masks)
def test_distances_equal_those_of_scipy(mask):
    assume(not mask.all())
    exact = ndimage.distance_transform_edt(mask)
    distance = distance_map(mask)
    assert distance.dtype == np.float32
    np.testing.assert_allclose(distance, exact, rtol=1e-6)
    np.testing.assert_array_equal(squared_distance_map(mask), np.rint(exact**2))


@given(masks)
def test_an_outside_edge_is_a_frame_of_background(mask):
    exact = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    np.testing.assert_allclose(distance_map(mask, edge="outside"), exact, rtol=1e-6)


@given(masks)
def test_turning_and_flipping_the_mask_turns_and_flips_the_distances(mask):
    distance = distance_map(mask)
    np.testing.assert_array_equal(distance_map(mask.T), distance.T)
    np.testing.assert_array_equal(distance_map(mask[::-1]), distance[::-1])
    np.testing.assert_array_equal(distance_map(np.rot90(mask)), np.rot90(distance))


@pytest.mark.parametrize("shape", [(300, 310), (40, 700), (700, 40), (1, 500), (500, 1)])
@pytest.mark.parametrize("holes", [1, 3, 20])
def test_long_runs_are_exact_too(shape, holes):
    rng = np.random.default_rng(holes)
    mask = np.ones(shape, bool)
    mask.ravel()[rng.integers(0, mask.size, holes)] = False
    exact = ndimage.distance_transform_edt(mask)
    np.testing.assert_array_equal(squared_distance_map(mask), np.rint(exact**2))
    framed = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    np.testing.assert_array_equal(squared_distance_map(mask, edge="outside"), np.rint(framed**2))


def test_a_large_disc_has_the_depth_of_its_radius():
    y, x = np.ogrid[:401, :401]
    distance = distance_map((y - 200) ** 2 + (x - 200) ** 2 < 150**2)
    assert distance[200, 200] == distance.max() == 150


def test_without_any_background_the_frame_counts():
    np.testing.assert_array_equal(distance_map(np.ones((3, 5), bool)), [[1] * 5, [1, 2, 2, 2, 1], [1] * 5])
    assert distance_map(np.ones((1, 1), bool)) == 1
    assert not distance_map(np.zeros((4, 4), bool)).any()


def test_a_particle_cut_by_the_frame_keeps_its_depth():
    y, x = np.ogrid[:60, :60]
    mask = (y - 0) ** 2 + (x - 30) ** 2 < 20**2
    assert distance_map(mask).max() == 20
    assert distance_map(mask, edge="outside").max() < 11


def test_the_input_is_not_touched_and_may_lie_anywhere():
    mask = np.random.default_rng(1).random((50, 60)) < 0.8
    expected = distance_map(mask)
    locked = mask.copy()
    locked.flags.writeable = False
    for same in (locked, np.asfortranarray(mask), mask.astype(np.uint8) * 255, np.repeat(mask, 2, 0)[::2]):
        np.testing.assert_array_equal(distance_map(same), expected)


def test_wrong_input_is_named():
    with pytest.raises(ShapeError, match="two axes"):
        distance_map(np.zeros(5, bool))
    with pytest.raises(SettingError, match="edge: 'beside' is not known"):
        distance_map(np.zeros((5, 5), bool), edge="beside")
