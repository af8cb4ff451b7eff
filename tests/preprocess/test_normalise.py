import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from granum.errors import SettingError, ShapeError
from granum.preprocess import normalise_intensity


def image_of(dtype=np.uint16, shape=(40, 50), seed=0):
    return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)


def test_percentiles_become_0_and_1_as_numpy_and_scikit_image_have_it():
    from skimage.exposure import rescale_intensity

    image = np.random.default_rng(3).integers(0, 60_000, (60, 70)).astype(np.uint16)
    low, high = np.percentile(image, (2, 97))
    truth = rescale_intensity(image.astype(np.float64), in_range=(low, high), out_range=(0.0, 1.0))
    assert_allclose(normalise_intensity(image, low_percent=2, high_percent=97), truth, atol=1e-6)


@given(st.sampled_from([16, 3, 0.5, 1e-6, 1e6]), st.sampled_from([0, 1000, -1e5]))
def test_gain_and_offset_change_nothing(gain, offset):
    image = image_of().astype(np.float64)
    assert_allclose(normalise_intensity(image * gain + offset), normalise_intensity(image), atol=2e-5)


def test_the_area_decides_and_all_pixels_are_scaled():
    image = np.full((10, 10), 1000.0)
    image[:, :5] = np.linspace(0, 10, 50).reshape(10, 5)
    area = np.zeros((10, 10), bool)
    area[:, :5] = True
    scaled = normalise_intensity(image, area, low_percent=0, high_percent=100)
    assert scaled[0, 0] == 0
    assert scaled[9, 4] == pytest.approx(1)
    assert (scaled[:, 5:] == 1).all()


def test_a_few_spots_on_a_flat_background_use_the_full_range():
    image = np.zeros((100, 100), np.uint8)
    image[5, 5], image[9, 9] = 100, 200
    scaled = normalise_intensity(image)
    assert (scaled[5, 5], scaled[9, 9]) == (0.5, 1)


@pytest.mark.parametrize(
    "image", [np.full((5, 5), 7), np.full((5, 5), np.nan), np.ones((1, 1)), np.zeros((1, 9), bool)]
)
def test_constant_images_become_0(image):
    assert_array_equal(normalise_intensity(image), np.zeros(image.shape, np.float32))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.float16, np.float64, ">u2", ">f4"])
def test_every_dtype_gives_float32_between_0_and_1_and_stays_as_it_was(dtype):
    image = image_of(np.int64, seed=1) - (90 if np.dtype(dtype).kind in "if" else 0)
    image = image.astype(dtype)
    image.flags.writeable = False
    before = image.copy()
    scaled = normalise_intensity(image)
    assert scaled.dtype == np.float32
    assert scaled.min() == 0
    assert scaled.max() == 1
    assert_array_equal(image, before)


def test_strides_and_nan_and_infinities_are_taken():
    image = image_of(np.float32, (40, 50))
    assert_array_equal(
        normalise_intensity(image[::2, ::-3]), normalise_intensity(np.ascontiguousarray(image[::2, ::-3]))
    )
    image[2, 3], image[4, 4] = np.nan, np.inf
    assert np.isfinite(normalise_intensity(image)).all()


def test_wrong_settings_and_shapes_say_what_and_where():
    with pytest.raises(SettingError, match=r"low_percent: -1 is out of range, must be 0 to 100"):
        normalise_intensity(image_of(), low_percent=-1)
    with pytest.raises(SettingError, match="must be below high_percent"):
        normalise_intensity(image_of(), low_percent=60, high_percent=40)
    with pytest.raises(ShapeError, match="two axes"):
        normalise_intensity(np.zeros((3, 3, 3)))
    with pytest.raises(ShapeError, match="is empty"):
        normalise_intensity(np.zeros((0, 3)))
