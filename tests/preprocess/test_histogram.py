import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from granum.preprocess.histogram import count_values


@given(arrays(np.uint16, (7, 9)))
def test_16_bit_counts_equal_bincount(image):
    histogram = count_values(image)
    assert histogram.exact
    full = np.bincount(image.ravel(), minlength=65_536)
    low = int(histogram.low)
    assert_array_equal(histogram.counts, full[low : low + histogram.counts.size])
    assert histogram.counts.sum() == image.size


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int16, np.int32, np.uint32, np.int64, ">u2", ">i4"])
def test_integers_are_exact_whatever_their_width_sign_and_byte_order(dtype):
    rng = np.random.default_rng(0)
    image = (
        rng.integers(0, 2, (20, 30)).astype(dtype) if dtype is bool else rng.integers(-90, 90, (20, 30)).astype(dtype)
    )
    if np.dtype(dtype).kind == "u":
        image = image % np.array(200, dtype)
    histogram = count_values(image)
    values, counts = np.unique(image.astype(np.int64), return_counts=True)
    assert histogram.exact
    assert_array_equal(histogram.values()[histogram.counts > 0], values)
    assert_array_equal(histogram.counts[histogram.counts > 0], counts)


def test_wide_integers_and_floats_get_65536_bins_between_their_limits():
    image = np.random.default_rng(1).normal(0, 1, (50, 60))
    for given_image in (image, (image * 1e8).astype(np.int64), (image * 1e8 + 2e9).astype(np.uint32)):
        histogram = count_values(given_image)
        assert not histogram.exact
        assert histogram.counts.size == 65_536
        assert histogram.counts.sum() == image.size
        assert histogram.low == pytest.approx(float(given_image.min()))
        assert histogram.values()[-1] == pytest.approx(float(given_image.max()))


def test_only_pixels_of_the_area_count():
    image = np.arange(100, dtype=np.uint16).reshape(10, 10)
    area = np.zeros((10, 10), bool)
    area[2:4] = True
    for given_image in (image, image.astype(np.int32), image / 7):
        histogram = count_values(given_image, area)
        assert histogram.counts.sum() == 20
        assert histogram.low == pytest.approx(float(given_image[2, 0]))


def test_an_empty_area_counts_nothing():
    for dtype in (np.uint8, np.float32):
        assert count_values(np.ones((4, 4), dtype), np.zeros((4, 4), bool)).counts.sum() == 0


def test_a_hot_pixel_does_not_eat_the_resolution_of_floats():
    image = np.random.default_rng(2).normal(0, 1, (200, 200)).astype(np.float32)
    image[3, 3] = 1e7
    histogram = count_values(image)
    first, last = histogram.bulk()
    assert last - first > 1000
    assert histogram.counts.sum() == image.size


@given(arrays(np.uint16, (5, 8)), st.floats(0, 100))
def test_percentiles_equal_numpy_for_integers(image, percent):
    assert_allclose(count_values(image).percentile(percent), np.percentile(image, percent), rtol=1e-9, atol=1e-6)


def test_counts_stay_exact_above_what_float32_counts_hold():
    image = np.zeros((4200, 4200), np.uint8)  # 17.6 million equal pixels; float32 counts one by one to 16.8 million
    image[0, 0] = 1
    assert_array_equal(count_values(image).counts, [4200 * 4200 - 1, 1])


@pytest.mark.parametrize("height", [1, 7, 8, 61])
def test_a_large_16_bit_image_is_counted_in_strips_as_a_small_one(monkeypatch, height):
    image = np.random.default_rng(5).integers(0, 65_536, (height, 30)).astype(np.uint16)
    one = count_values(image)
    monkeypatch.setattr("granum.preprocess.histogram._LARGE", 1)
    other = count_values(image)
    assert_array_equal(other.counts, one.counts)
    assert (other.low, other.step, other.exact) == (one.low, one.step, one.exact)
