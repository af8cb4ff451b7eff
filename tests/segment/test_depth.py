from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from granum.errors import SettingError, ShapeError
from granum.segment.depth import deeper_than
from granum.separate.distance import distance_map

masks = arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.sampled_from([True] * 9 + [False]))


@given(masks, st.floats(0, 60))
def test_it_is_the_distance_map_above_a_level(mask, depth):
    if mask.all():
        assert deeper_than(mask, depth).all()
    else:
        np.testing.assert_array_equal(deeper_than(mask, depth), distance_map(mask) > depth)


@pytest.mark.parametrize("depth", [0, 0.5, 1, 1.5, 2**0.5, 5**0.5, float(np.float32(5**0.5)), 3, 7.7, 25.0, 33.3, 500])
def test_it_agrees_with_opencv_and_at_exact_roots(depth):
    mask = np.random.default_rng(1).random((210, 170)) < 0.998
    opencv = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    np.testing.assert_array_equal(deeper_than(mask, depth), opencv > depth)


def test_nothing_is_deep_in_the_background_and_a_frame_is_no_background():
    assert not deeper_than(np.zeros((5, 5), bool), 0).any()
    assert deeper_than(np.ones((1, 1), bool), 1e9).all()
    mask = np.ones((50, 60), bool)
    mask[0, 0] = False
    assert deeper_than(mask, 70)[-1, -1]
    assert not deeper_than(mask, 1e300).any()


def test_depths_that_are_none_and_arrays_that_are_no_mask_are_refused():
    for depth in (-1, float("nan")):
        with pytest.raises(SettingError, match="at least 0"):
            deeper_than(np.ones((3, 3), bool), depth)
    with pytest.raises(ShapeError):
        deeper_than(np.ones(3, bool), 1)
