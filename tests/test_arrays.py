from __future__ import annotations

import numpy as np
import pytest

from granum.arrays import check_area, check_image, check_labels, check_mask, check_peaks, check_same_shape
from granum.errors import ShapeError


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "i4", "i8", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_an_image_comes_back_native_and_contiguous_with_its_values(dtype, order):
    pixels = np.arange(24).reshape(4, 6).astype(order + dtype)
    for view in (pixels, np.asfortranarray(pixels), pixels[::2, ::-1]):
        image = check_image(view)
        assert image.flags.c_contiguous
        assert image.dtype == np.dtype(dtype)
        assert image.dtype.isnative
        np.testing.assert_array_equal(image, view)


@pytest.mark.parametrize(
    ("dtype", "becomes"), [(bool, np.uint8), (np.float16, np.float32), (np.longdouble, np.float64)]
)
def test_unusual_types_become_usual_ones(dtype, becomes):
    assert check_image(np.ones((2, 3), dtype)).dtype == becomes


def test_what_needs_no_change_is_not_copied():
    pixels = np.zeros((4, 6), np.uint16)
    pixels.flags.writeable = False
    assert check_image(pixels) is pixels or np.shares_memory(check_image(pixels), pixels)
    labels = np.zeros((4, 6), np.int32)
    assert np.shares_memory(check_labels(labels), labels)


def test_values_that_are_not_finite_become_the_median_and_the_input_stays():
    pixels = np.array([[1.0, np.nan, 3.0], [np.inf, 5.0, -np.inf]])
    before = pixels.copy()
    np.testing.assert_array_equal(check_image(pixels), [[1, 3, 3], [3, 5, 3]])
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_array_equal(check_image(np.full((2, 2), np.nan)), np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros(5), r"two axes"),
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\), needs two axes"),
        (np.zeros((0, 5)), "is empty"),
        (np.zeros((2, 2), complex), "dtype complex128, needs real numbers"),
        (np.array([["a", "b"]]), "needs real numbers"),
    ],
)
def test_what_is_no_image_is_refused_by_name(pixels, message):
    with pytest.raises(ShapeError, match=f"relief: .*{message}"):
        check_image(pixels, name="relief")


def test_anything_but_zero_is_true_in_a_mask():
    assert check_mask([[0, 2], [-1, 0]]).tolist() == [[False, True], [True, False]]
    mask = np.zeros((2, 2), bool)
    assert np.shares_memory(check_mask(mask), mask)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 2), bool), "needs integers"),
        (np.zeros((2, 2)), "dtype float64, needs integers"),
        (np.array([[-1, 2]]), "values run from -1 to 2"),
        (np.array([[0, 2**31]]), "must lie in 0..2147483647"),
    ],
)
def test_what_are_no_labels_is_refused(labels, message):
    with pytest.raises(ShapeError, match=message):
        check_labels(labels)


def test_seventy_thousand_labels_keep_their_values():
    labels = np.arange(70_000, dtype=np.uint32).reshape(700, 100)
    np.testing.assert_array_equal(check_labels(labels), labels)


def test_an_area_of_everything_is_none():
    assert check_area(None, (2, 2)) is None
    assert check_area(np.ones((2, 2)), (2, 2)) is None
    assert check_area([[0, 1], [1, 1]], (2, 2)).sum() == 3
    with pytest.raises(ShapeError, match=r"area: has shape \(2, 2\), the image has \(3, 2\)"):
        check_area(np.ones((2, 2)), (3, 2))


def test_peaks_lie_inside_the_image():
    assert check_peaks([], (5, 5)).shape == (0, 2)
    assert check_peaks([[0, 4.4]], (5, 5)).tolist() == [[0, 4.4]]
    with pytest.raises(ShapeError, match=r"row 1 is \(5, 0\), outside the image"):
        check_peaks([[1, 1], [5, 0]], (5, 5))
    with pytest.raises(ShapeError, match=r"outside"):
        check_peaks([[np.nan, 0]], (5, 5))
    with pytest.raises(ShapeError, match=r"needs \(N, 2\)"):
        check_peaks([[1, 2, 3]], (5, 5))


def test_shapes_are_compared_by_name():
    check_same_shape(np.zeros((2, 3)), (2, 3), name="mask")
    with pytest.raises(ShapeError, match="mask: has shape"):
        check_same_shape(np.zeros((2, 3)), (3, 2), name="mask")
