import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage as ndi
from skimage.measure import regionprops_table

from granum.errors import ShapeError
from granum.measure import measure_intensity
from granum.measure.intensity import _median, _sort


def brute_contrast(labels, image, value, area=None):
    inside = labels == value
    reach = round(np.clip(np.sqrt(4 * inside.sum() / np.pi) / 4, 3, 10)) + 1
    background = labels == 0 if area is None else (labels == 0) & area
    clear = background & ~ndi.binary_dilation(labels > 0)
    ring = clear & (ndi.distance_transform_edt(~inside) <= reach)
    level = np.median(image[ring]) if ring.sum() >= 8 else np.median(image[background])
    return image[inside].mean() - level


def test_mean_sd_and_sum_equal_scikit_image_and_scipy(blobs, grey):
    objects = measure_intensity(blobs, grey)
    theirs = regionprops_table(blobs, grey, properties=("intensity_mean", "intensity_std"))
    np.testing.assert_allclose(objects["intensity_mean"], theirs["intensity_mean"], rtol=1e-12)
    np.testing.assert_allclose(objects["intensity_sd"], theirs["intensity_std"], rtol=1e-9, atol=1e-9)
    values = np.unique(blobs)[1:]
    np.testing.assert_array_equal(objects["intensity_sum"], ndi.sum_labels(grey.astype(np.int64), blobs, values))


def test_contrast_is_mean_minus_median_of_the_ring_by_brute_force(blobs, grey):
    objects = measure_intensity(blobs, grey)
    expected = [brute_contrast(blobs, grey, value) for value in np.unique(blobs)[1:]]
    np.testing.assert_allclose(objects["contrast"], expected, rtol=1e-12)


def test_the_ring_stays_inside_the_analysed_area(blobs, grey):
    area = np.zeros(blobs.shape, bool)
    area[20:140, 30:200] = True
    objects = measure_intensity(blobs, grey, area)
    expected = [brute_contrast(blobs, grey, value, area) for value in np.unique(blobs)[1:]]
    np.testing.assert_allclose(objects["contrast"], expected, rtol=1e-12)


def test_dark_objects_have_negative_contrast_on_a_slope():
    x = np.broadcast_to(np.linspace(100, 200, 90), (60, 90))
    labels = np.zeros((60, 90), np.int32)
    labels[20:30, 20:30], labels[20:30, 60:70] = 1, 2
    image = (x - 40 * (labels > 0)).astype(np.float32)
    np.testing.assert_allclose(measure_intensity(labels, image)["contrast"], [-40, -40], atol=1.5)


def test_without_any_background_the_contrast_is_zero():
    found = measure_intensity(np.ones((20, 20), np.int32), np.arange(400).reshape(20, 20))
    assert found["contrast"].tolist() == [0]
    assert found["intensity_mean"].tolist() == [199.5]


def test_an_object_without_a_ring_is_compared_with_the_whole_background():
    labels = np.full((30, 30), 2, np.int32)
    labels[10:15, 10:15] = 1
    labels[0, :] = 0
    image = np.where(labels == 0, 10, 50)
    assert measure_intensity(labels, image)["contrast"].tolist() == [40, 40]


def test_a_large_offset_costs_no_digits(blobs, grey):
    shifted = measure_intensity(blobs, grey.astype(np.float64) + 1e9)
    plain = measure_intensity(blobs, grey)
    np.testing.assert_allclose(shifted["intensity_sd"], plain["intensity_sd"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(shifted["contrast"], plain["contrast"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", "float32", "float64", ">u2", ">f8"])
def test_every_type_gives_the_same_grey_levels(blobs, dtype):
    rng = np.random.default_rng(3)
    image = rng.integers(0, 120, blobs.shape)
    image = (image - 60 if np.dtype(dtype).kind != "u" else image).astype(dtype)
    objects = measure_intensity(blobs, image)
    exact = image.astype(np.float64)
    np.testing.assert_allclose(objects["intensity_mean"], ndi.mean(exact, blobs, np.unique(blobs)[1:]), rtol=1e-12)


def test_saturated_pixels_are_counted_for_integers_only():
    labels = np.ones((10, 10), np.int32)
    image = np.full((10, 10), 7, np.uint8)
    image[0, :3] = 255
    assert measure_intensity(labels, image)["saturated_fraction"][0] == 0.03
    assert measure_intensity(labels, image.astype(np.uint16))["saturated_fraction"][0] == 0
    assert measure_intensity(labels, image.astype(np.float32))["saturated_fraction"][0] == 0


@pytest.mark.parametrize("image", [np.full((12, 12), np.nan), np.full((12, 12), 3.0)])
def test_constant_and_all_nan_images_give_finite_numbers(image):
    labels = np.zeros((12, 12), np.int32)
    labels[4:8, 4:8] = 1
    found = measure_intensity(labels, image)
    assert np.isfinite(np.concatenate(list(found.values()))).all()
    assert found["intensity_sd"][0] == 0
    assert found["contrast"][0] == 0


def test_the_number_of_threads_changes_no_bit(blobs, grey):
    import numba

    image = grey / np.float32(3)
    many = measure_intensity(blobs, image)
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = measure_intensity(blobs, image)
    finally:
        numba.set_num_threads(threads)
    for name, values in many.items():
        np.testing.assert_array_equal(values, alone[name])


def test_shapes_that_differ_are_refused():
    with pytest.raises(ShapeError, match=r"labels: has shape \(3, 4\), the image has \(4, 4\)"):
        measure_intensity(np.zeros((3, 4), np.int32), np.zeros((4, 4)))


@given(hnp.arrays(np.float32, st.integers(1, 60), elements=st.integers(-5, 5)))
def test_the_median_kernel_equals_numpy(values):
    assert _median(values.copy()) == np.median(values)


@given(hnp.arrays(np.int64, st.integers(1, 60), elements=st.integers(-9, 9)))
def test_the_sort_kernel_equals_numpy(values):
    ours = values.copy()
    _sort(ours, len(ours))
    np.testing.assert_array_equal(ours, np.sort(values))
