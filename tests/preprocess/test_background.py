import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage as ndi

from granum.errors import SettingError
from granum.preprocess import estimate_background, subtract_background
from granum.preprocess.background import _lift_ball

METHODS = ["rolling_ball", "gaussian", "top_hat"]


def spots_on_a_slope(shape=(120, 140)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    slope = 50 + 0.5 * x + 0.3 * y
    spots = ((y % 30) - 15) ** 2 + ((x % 35) - 17) ** 2 < 16
    return slope, spots


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("radius", [9.0, 25.0])
def test_a_slope_goes_and_the_spots_stay(method, radius):
    slope, spots = spots_on_a_slope()
    result = subtract_background(slope + 100 * spots, method=method, radius=radius)
    inner = np.s_[20:-20, 20:-20]
    assert result.dtype == np.float32
    assert np.ptp(result[inner][~spots[inner]]) < 0.35 * np.ptp(slope[inner])
    assert result[inner][spots[inner]].min() > result[inner][~spots[inner]].max() + 40


@pytest.mark.parametrize("method", METHODS)
def test_dark_objects_are_bright_ones_upside_down(method):
    slope, spots = spots_on_a_slope()
    image = slope + 100 * spots
    bright = subtract_background(image, method=method, radius=15, polarity="bright")
    dark = subtract_background(-image, method=method, radius=15, polarity="dark")
    assert_allclose(dark, -bright, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("radius", [6.0, 30.0])
def test_gain_and_offset_pass_through(method, radius):
    slope, spots = spots_on_a_slope()
    image = slope + 100 * spots
    result = subtract_background(image, method=method, radius=radius)
    assert_allclose(subtract_background(image * 16 + 1000, method=method, radius=radius), result * 16, atol=0.05)


def test_small_gaussian_equals_scipy():
    image = np.random.default_rng(0).normal(100, 10, (60, 70))
    assert_allclose(estimate_background(image, radius=3), ndi.gaussian_filter(image, 3), atol=0.01)


def test_large_gaussian_is_near_scipy_at_reduced_resolution():
    slope, spots = spots_on_a_slope((300, 320))
    image = slope + 20 * np.sin(slope / 30) + 100 * spots
    difference = np.abs(estimate_background(image, radius=25) - ndi.gaussian_filter(image, 25))
    assert difference[:, :-20].max() < 1
    assert difference.max() < 2.5  # the last blocks are filled up with the edge


def test_small_top_hat_equals_scikit_image_away_from_the_border():
    from skimage.morphology import disk, white_tophat

    image = np.random.default_rng(0).integers(0, 255, (60, 70)).astype(np.uint8)
    inner = np.s_[14:-14, 14:-14]
    result = subtract_background(image, method="top_hat", radius=7)
    assert_array_equal(result[inner], white_tophat(image, disk(7))[inner])


def test_the_ball_is_lifted_as_in_scikit_image():
    from skimage.restoration import ball_kernel, rolling_ball

    image = np.random.default_rng(0).uniform(0, 5, (30, 34)).astype(np.float32)
    kernel = ball_kernel(6, 2)
    theirs = rolling_ball(image, kernel=kernel)
    y, x = np.nonzero(np.isfinite(kernel))
    offsets = np.column_stack([y, x]).astype(np.int32) - kernel.shape[0] // 2
    drop = (kernel.max(initial=0, where=np.isfinite(kernel)) - kernel[y, x]).astype(np.float32)
    apex = np.empty_like(image)
    _lift_ball(image, offsets, drop, apex)
    assert_allclose(apex, theirs, atol=1e-5)


@pytest.mark.parametrize("method", ["rolling_ball", "top_hat"])
def test_an_opening_lies_below_the_image_and_opens_only_once(method):
    image = np.random.default_rng(0).uniform(0, 200, (40, 44)).astype(np.float32)
    once = estimate_background(image, method=method, radius=5)
    assert (once <= image + 1e-3).all()
    if method == "top_hat":
        assert_array_equal(estimate_background(once, method=method, radius=5), once)


@pytest.mark.parametrize("method", METHODS)
def test_what_lies_outside_the_area_does_not_matter(method):
    slope, spots = spots_on_a_slope()
    image = slope + 100 * spots
    area = np.ones(image.shape, bool)
    area[100:] = False
    black, white = image.copy(), image.copy()
    black[100:], white[100:] = 0, 150
    one, other = (subtract_background(each, area, method=method, radius=8)[:95] for each in (black, white))
    assert_allclose(one, other, atol=0.5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("radius", [2.0, 500.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (30, 31)])
def test_constant_images_of_any_shape_become_0(method, radius, shape):
    for image in (np.full(shape, 7, np.uint16), np.full(shape, -3, np.int16), np.full(shape, np.nan)):
        assert_allclose(subtract_background(image, method=method, radius=radius), 0, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.float64, ">u2"])
def test_every_dtype_gives_float32_and_stays_as_it_was(method, dtype):
    image = np.random.default_rng(0).integers(0, 2 if dtype is bool else 120, (30, 34)).astype(dtype)
    image.flags.writeable = False
    before = image.copy()
    result = subtract_background(image, method=method, radius=12)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert_array_equal(image, before)
    assert_array_equal(subtract_background(np.asfortranarray(image), method=method, radius=12), result)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"radius": 0.5}, "radius: 0.5 is out of range, must be 1 to 10000"),
        ({"polarity": "auto"}, "polarity: 'auto' does not exist; there are bright, dark"),
        ({"method": "median"}, "method: 'median' does not exist; there are rolling_ball, gaussian, top_hat"),
    ],
)
def test_wrong_settings_name_what_is_allowed(settings, message):
    with pytest.raises(SettingError, match=message):
        subtract_background(np.ones((5, 5)), **settings)
