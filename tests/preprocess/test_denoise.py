import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage as ndi

from granum.errors import SettingError
from granum.preprocess import denoise_image, estimate_noise

METHODS = ["gaussian", "median", "non_local_means"]


def discs(noise=0.0, shape=(72, 80), seed=0):
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = 100.0 + 60 * (((y - 25) ** 2 + (x - 30) ** 2) < 200) + 60 * (((y - 55) ** 2 + (x - 60) ** 2) < 90)
    return image + np.random.default_rng(seed).normal(0, noise, shape) if noise else image


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.7, 6.0])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_gaussian_equals_scipy(sigma, dtype):
    image = np.random.default_rng(0).integers(0, 250, (50, 60)).astype(dtype)
    truth = ndi.gaussian_filter(image.astype(np.float64), sigma)
    assert_allclose(denoise_image(image, sigma=sigma), truth, atol=3e-3)


def test_gaussian_equals_scikit_image_where_the_border_is_the_same():
    from skimage.filters import gaussian

    image = np.random.default_rng(0).integers(0, 60_000, (50, 60)).astype(np.uint16)
    truth = gaussian(image.astype(np.float64), 2, mode="reflect", preserve_range=True)
    assert_allclose(denoise_image(image, sigma=2), truth, rtol=1e-5)


@pytest.mark.parametrize("radius", [1, 2, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.int32])
def test_median_equals_scipy_and_scikit_image(radius, dtype):
    from skimage.filters import median

    high = 250 if dtype == np.uint8 else 60_000
    image = np.random.default_rng(1).integers(0, high, (30, 40)).astype(dtype)
    side = 2 * radius + 1
    truth = ndi.median_filter(image, side, mode="nearest")
    assert_array_equal(median(image, np.ones((side, side)), mode="nearest"), truth)
    # floats are taken on 65,536 levels of their range above radius 2
    atol = 1.0 if dtype == np.float32 and radius > 2 else 0
    assert_allclose(denoise_image(image, method="median", radius=radius), truth, atol=atol)


def patch_average(image, sigma, patch, search, strength):
    """Non-local means as it is written down, pixel by pixel."""
    pad = patch + search
    wide = np.pad(image, pad, mode="reflect")
    rows, columns = image.shape
    total, weights = np.zeros(image.shape), np.zeros(image.shape)
    side = 2 * patch + 1
    for dy in range(-search, search + 1):
        for dx in range(-search, search + 1):
            moved = np.roll(wide, (-dy, -dx), axis=(0, 1))
            distance = ndi.uniform_filter((wide - moved) ** 2, side)[pad:-pad, pad:-pad]
            excess = np.maximum(distance / sigma**2 - 2, 0) / strength**2
            weight = np.where(excess < 5, np.exp(-excess), 0)
            weights += weight
            total += weight * moved[pad : pad + rows, pad : pad + columns]
    return total / weights


def test_non_local_means_equals_its_formula():
    image = discs(noise=10).astype(np.float32)
    result = denoise_image(image, method="non_local_means", patch_size=5, search_radius=3, strength=0.8)
    truth = patch_average(image.astype(np.float64), estimate_noise(image), 2, 3, 0.8)
    assert_allclose(result, truth, rtol=1e-3)


def test_non_local_means_is_as_good_as_scikit_image_on_a_photograph():
    from skimage.data import coins
    from skimage.restoration import denoise_nl_means

    truth = coins()[:150, :160].astype(np.float64)
    image = truth + np.random.default_rng(0).normal(0, 10, truth.shape)
    sigma = estimate_noise(image)
    theirs = denoise_nl_means(image, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma, preserve_range=True)
    ours = denoise_image(image, method="non_local_means")
    assert np.abs(ours - theirs).mean() < 2
    assert np.sqrt(np.mean((ours - truth) ** 2)) < 1.02 * np.sqrt(np.mean((theirs - truth) ** 2)) < 8


@pytest.mark.parametrize("method", METHODS)
def test_gain_and_offset_pass_through(method):
    image = discs(noise=8)
    result = denoise_image(image, method=method)
    assert_allclose(denoise_image(image * 16 + 1000, method=method), result * 16 + 1000, rtol=2e-4)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint16, np.uint32, np.float64, ">u2", ">f8"])
def test_every_dtype_gives_float32_and_stays_as_it_was(method, dtype):
    image = np.random.default_rng(0).integers(0, 2 if dtype is bool else 120, (20, 24)).astype(dtype)
    image.flags.writeable = False
    before = image.copy()
    result = denoise_image(image, method=method, radius=3)
    assert result.dtype == np.float32
    assert result.shape == image.shape
    assert_array_equal(image, before)
    assert_array_equal(denoise_image(np.asfortranarray(image), method=method, radius=3), result)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (3, 3)])
def test_tiny_images_are_taken(method, shape):
    image = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    result = denoise_image(image, method=method, sigma=3, radius=5)
    assert result.shape == shape
    assert np.isfinite(result).all()


@pytest.mark.parametrize("method", METHODS)
def test_constant_and_nan_images_stay_constant(method):
    assert_allclose(denoise_image(np.full((9, 9), 7, np.uint16), method=method, radius=4), 7, rtol=1e-6)
    assert_array_equal(denoise_image(np.full((9, 9), np.nan), method=method, radius=4), 0)


def test_negative_values_keep_their_sign():
    image = np.full((9, 9), -300, np.int16)
    for method in METHODS:
        assert_allclose(denoise_image(image, method=method, radius=3), -300, rtol=1e-6)


def test_no_noise_no_change():
    image = discs()
    assert_array_equal(denoise_image(image, sigma=0), image.astype(np.float32))
    assert_array_equal(denoise_image(image, method="non_local_means", strength=0), image.astype(np.float32))


@pytest.mark.parametrize("sigma", [0.5, 3, 30])
def test_noise_of_a_structured_image_is_found_within_a_tenth(sigma):
    y, x = np.mgrid[:200, :210]
    image = 50 * np.sin(y / 9) + 0.2 * x + 80 * (((y % 40) - 20) ** 2 + ((x % 50) - 20) ** 2 < 100)
    noisy = image + np.random.default_rng(0).normal(0, sigma, image.shape)
    assert estimate_noise(noisy) == pytest.approx(sigma, rel=0.1)
    assert estimate_noise(noisy * 7 - 1e4) == pytest.approx(7 * estimate_noise(noisy), rel=1e-3)


def test_noise_of_coarse_levels_is_not_0():
    image = np.random.default_rng(0).normal(100, 0.3, (200, 200)).round().astype(np.uint8)
    assert estimate_noise(image) == pytest.approx(image.std(), rel=0.5)


def test_noise_reads_the_area_only_and_samples_large_images():
    rng = np.random.default_rng(0)
    image = rng.normal(0, 2, (60, 60))
    image[:, 30:] *= 20
    area = np.zeros(image.shape, bool)
    area[:, :30] = True
    assert estimate_noise(image, area) == pytest.approx(2, rel=0.1)
    assert estimate_noise(image, ~np.ones_like(area)) == 0
    assert estimate_noise(rng.normal(0, 2, (2300, 2300)).astype(np.float32)) == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("image", [np.full((9, 9), 3), np.full((9, 9), np.nan), np.ones((1, 1)), np.ones((2, 90))])
def test_no_noise_where_there_is_nothing(image):
    assert estimate_noise(image) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sigma": -1}, "sigma: -1 is out of range, must be 0 to 200"),
        ({"radius": 0}, "radius: 0 is out of range, must be 1 to 50"),
        ({"patch_size": 4}, "patch_size: 4 must be odd"),
        ({"search_radius": 99}, "search_radius: 99 is out of range, must be 1 to 30"),
        ({"strength": -0.1}, "strength: -0.1 is out of range, must be 0 to 10"),
        ({"method": "wiener"}, "method: 'wiener' does not exist; there are gaussian, median, non_local_means"),
    ],
)
def test_wrong_settings_name_their_range(settings, message):
    with pytest.raises(SettingError, match=message):
        denoise_image(np.ones((5, 5)), **settings)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("with_area", [False, True])
def test_noise_of_whole_numbers_is_counted_to_the_same_last_digit_as_that_of_floats(dtype, with_area):
    rng = np.random.default_rng(5)
    area = rng.random((90, 121)) < 0.97 if with_area else None
    for top in (2, 40, np.iinfo(dtype).max):
        image = rng.integers(0, top + 1, (90, 121)).astype(dtype)
        assert estimate_noise(image, area) == estimate_noise(image.astype(np.float32), area) > 0
