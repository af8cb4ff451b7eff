import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from granum.learn.probability_smoothing import context_planes, smooth_planes, smoothing_radius


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (5, 7), (60, 81)])
@pytest.mark.parametrize("sigma", [0.4, 1.5, 6.0])
def test_it_is_a_gaussian_with_reflection(shape, sigma):
    planes = np.random.default_rng(0).random((2, *shape)).astype(np.float32)
    expected = [
        gaussian_filter(plane.astype(np.float64), sigma, mode="reflect", radius=smoothing_radius(sigma))
        for plane in planes
    ]
    smooth_planes(planes, sigma)
    np.testing.assert_allclose(planes, expected, atol=1e-5)


def test_no_smoothing_changes_nothing():
    planes = np.random.default_rng(0).random((2, 9, 9)).astype(np.float32)
    before = planes.copy()
    smooth_planes(planes, 0)
    np.testing.assert_array_equal(planes, before)


@pytest.mark.parametrize("sigma", [0.7, 3.0])
def test_a_part_with_its_margin_is_bit_for_bit_the_whole(sigma):
    planes = np.random.default_rng(0).random((3, 90, 131)).astype(np.float32)
    radius = smoothing_radius(sigma)
    whole = planes.copy()
    smooth_planes(whole, sigma)
    for y0, x0, y1, x1 in ((20, 30, 21, 31), (15, 13, 70, 110), (0, 0, 30, 50), (60, 100, 90, 131)):
        top, left = max(y0 - radius, 0), max(x0 - radius, 0)
        part = planes[:, top : y1 + radius, left : x1 + radius].copy()
        smooth_planes(part, sigma)
        np.testing.assert_array_equal(
            part[:, y0 - top : y1 - top, x0 - left : x1 - left], whole[:, y0:y1, x0:x1]
        )  # fmt: skip


def test_large_planes_are_smoothed_by_several_threads_to_the_same_bytes():
    planes = np.random.default_rng(0).random((3, 300, 400)).astype(np.float32)
    alone = [plane[None].copy() for plane in planes]
    for plane in alone:
        smooth_planes(plane[:, :, :], 2.0)
    smooth_planes(planes, 2.0)
    np.testing.assert_array_equal(planes, np.concatenate(alone))


def test_context_holds_all_classes_at_each_scale_in_turn():
    planes = np.random.default_rng(0).random((2, 20, 20)).astype(np.float32)
    found = context_planes(planes, (0.0, 2.0))
    np.testing.assert_array_equal(found[:2], planes)
    smoothed = planes.copy()
    smooth_planes(smoothed, 2.0)
    np.testing.assert_array_equal(found[2:], smoothed)
