"""Every object ends at its own level: true diameters for bright and faint discs, numbers kept."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage as ndi

from granum.errors import SettingError, ShapeError
from granum.separate.object_levels import refine_object_levels

ROWS = [(40, 40, 14, 200.0), (40, 110, 14, 40.0), (110, 70, 20, 100.0)]


def picture(blur=2.0, noise=0.5, seed=0, offset=20.0):
    """A blurred picture of discs of very different brightness, and the labels of one level for all."""
    yy, xx = np.mgrid[:150, :160]
    image = np.full((150, 160), offset)
    truth = np.zeros(image.shape, np.int32)
    for k, (y, x, r, height) in enumerate(ROWS, start=1):
        disc = np.hypot(yy - y, xx - x) < r
        image[disc] += height
        truth[disc] = k
    image = ndi.gaussian_filter(image, blur) + np.random.default_rng(seed).normal(0, noise, image.shape)
    found, _ = ndi.label(ndi.gaussian_filter(image, 0.7) > offset + 12)
    labels = np.zeros_like(truth)
    for k in range(1, 4):
        labels[found == found[ROWS[k - 1][:2]]] = k
    return image, labels, truth


def diameters(labels):
    return np.sqrt(4 / np.pi * np.bincount(labels.ravel(), minlength=4)[1:])


def refine(image, labels, area=None, sign=1, **settings):
    relief = sign * ndi.gaussian_filter(image, 0.7)
    return refine_object_levels(labels, relief - np.median(relief), image, area, **settings)


def test_bright_and_faint_discs_each_have_their_diameter():
    image, labels, truth = picture()
    assert diameters(labels)[0] - diameters(truth)[0] > 2
    refined = refine(image, labels, level="half")
    assert refined.dtype == np.int32
    np.testing.assert_allclose(diameters(refined), diameters(truth), atol=1)


def test_objects_keep_their_numbers():
    image, labels, _ = picture()
    swapped = np.array([0, 3, 1, 2], np.int32)[labels]
    assert_array_equal(refine(image, swapped), np.array([0, 3, 1, 2], np.int32)[refine(image, labels)])
    gap = np.where(labels == 2, 7, labels).astype(np.int32)
    assert_array_equal(np.unique(refine(image, gap, level="half")), [0, 1, 3, 7])


def test_dark_objects_are_the_same_as_bright_ones():
    image, labels, _ = picture()
    assert_array_equal(refine(300 - image, labels, sign=-1, level="half"), refine(image, labels, level="half"))


@pytest.mark.parametrize(("gain", "offset"), [(16, 0), (1, 1000)])
def test_half_height_does_not_depend_on_gain_or_offset(gain, offset):
    image, labels, _ = picture()
    plain, other = refine(image, labels, level="half"), refine(image * gain + offset, labels, level="half")
    assert (plain != other).sum() <= 5  # float32 rounds


def test_counts_end_further_out_than_half_height():
    image, labels, _ = picture()
    half, counts = refine(image, labels, level="half"), refine(image, labels, level="counts")
    assert (diameters(counts) >= diameters(half)).all()
    assert diameters(counts)[0] > diameters(half)[0]


def test_touching_objects_stay_apart_and_whole():
    yy, xx = np.mgrid[:60, :90]
    mask = np.minimum(np.hypot(yy - 30, xx - 28), np.hypot(yy - 30, xx - 58)) < 16
    labels = np.where(mask, 1 + (xx > 43), 0).astype(np.int32)
    image = ndi.gaussian_filter(20 + 100.0 * mask, 1)
    refined = refine(image, labels, level="half")
    assert_array_equal(refined[mask & (refined > 0)], labels[mask & (refined > 0)])
    np.testing.assert_allclose(diameters(refined)[:2], diameters(labels)[:2], atol=1)
    assert (ndi.label(refined == 1)[1], ndi.label(refined == 2)[1]) == (1, 1)


def test_nothing_grows_out_of_the_area_or_further_than_allowed():
    image, _, truth = picture(blur=4)
    cores = truth * ndi.binary_erosion(truth > 0, iterations=4)
    area = np.ones(truth.shape, bool)
    area[:, :40] = False
    refined = refine(image, np.where(area, cores, 0), area, level="half")
    assert not refined[~area].any()
    grown = refine(image, cores, level="half", max_growth=2)
    assert (grown > 0).sum() > (cores > 0).sum()
    assert not (grown > 0)[ndi.distance_transform_edt(cores == 0) > 3].any()
    assert not refine(image, cores, max_growth=0)[cores == 0].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (20, 1), (30, 30)])
def test_odd_frames_are_no_problem(shape):
    image = np.full(shape, 5.0)
    for labels in (np.zeros(shape, int), np.ones(shape, int)):
        assert_array_equal(refine_object_levels(labels, image, image), labels)


def test_the_input_may_be_of_any_kind_and_stays_as_it_is():
    image, labels, _ = picture()
    image = np.round(image).astype(np.uint16)
    relief = ndi.gaussian_filter(image.astype(np.float32), 0.7)
    plain = refine_object_levels(labels, relief, image)
    before = [array.copy() for array in (labels, relief, image)]
    for array in (labels, relief, image):
        array.flags.writeable = False
    for lab, rel, img in (
        (labels, relief, image),
        (labels.astype(">i8"), relief.astype(">f4"), image.astype(">u2")),
        (np.asfortranarray(labels), np.asfortranarray(relief), np.asfortranarray(image)),
        (labels.astype(np.uint8), relief.astype(float), image.astype(np.uint32)),
    ):
        assert_array_equal(refine_object_levels(lab, rel, img), plain)
    for array, old in zip((labels, relief, image), before, strict=True):
        assert_array_equal(array, old)


def test_what_does_not_fit_is_refused():
    image, labels, _ = picture()
    with pytest.raises(SettingError, match="level: 'third' is not one of counts, half"):
        refine_object_levels(labels, image, image, level="third")
    with pytest.raises(SettingError, match=r"max_growth: 101 .* 0 to 100"):
        refine_object_levels(labels, image, image, max_growth=101)
    for bad in ((labels[1:], image, image), (labels, image[1:], image), (labels, image, image[1:])):
        with pytest.raises(ShapeError):
            refine_object_levels(*bad)
