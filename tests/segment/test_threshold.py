import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage as ndi

from granum.errors import SettingError, ShapeError
from granum.preprocess import normalise_intensity
from granum.segment import segment_by_threshold, threshold_value

GLOBAL = ["otsu", "li", "triangle", "isodata", "yen"]
LOCAL = ["sauvola", "phansalkar"]


def discs(shape=(96, 110), noise=6.0, seed=0):
    y, x = np.mgrid[: shape[0], : shape[1]]
    truth = ((y % 32) - 16) ** 2 + ((x % 36) - 18) ** 2 < 80
    return 60 + 80 * truth + np.random.default_rng(seed).normal(0, noise, shape), truth


@pytest.mark.parametrize("method", GLOBAL)
@pytest.mark.parametrize("seed", range(4))
def test_8_bit_equals_scikit_image(method, seed):
    from skimage import filters

    rng = np.random.default_rng(seed)
    image = np.concatenate([rng.normal(60, 15, 5000), rng.normal(150, 30, 900 + 500 * seed)])
    image = rng.permutation(image.clip(0, 255)).astype(np.uint8).reshape(-1, 20)
    theirs = getattr(filters, f"threshold_{method}")(image)
    ours = threshold_value(image, method=method)
    assert_array_equal(image > ours, image > theirs)


@pytest.mark.parametrize("method", ["otsu", "li", "isodata"])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32])
def test_16_bit_equals_scikit_image_on_all_levels(method, dtype):
    from skimage import filters

    image = (discs()[0] * 130 - (5000 if dtype != np.uint16 else 0)).astype(dtype)
    theirs = getattr(filters, f"threshold_{method}")(image)
    assert_array_equal(image > threshold_value(image, method=method), image > theirs)


@pytest.mark.parametrize("method", GLOBAL)
def test_floats_are_near_scikit_image(method):
    from skimage import filters

    image = discs()[0]
    theirs = getattr(filters, f"threshold_{method}")(image)
    assert threshold_value(image, method=method) == pytest.approx(theirs, abs=0.02 * np.ptp(image))


@pytest.mark.parametrize("method", GLOBAL)
def test_dark_is_bright_upside_down(method):
    image = discs()[0].astype(np.uint8)
    dark = segment_by_threshold(255 - image, method=method, polarity="dark")
    assert_array_equal(dark, segment_by_threshold(image, method=method, polarity="bright"))


@pytest.mark.parametrize("method", GLOBAL + LOCAL)
@pytest.mark.parametrize(("gain", "offset"), [(16, 0), (0.5, 1000), (3, -70_000), (1e-4, 0), (1e5, 1000)])
def test_gain_and_offset_do_not_change_the_mask(method, gain, offset):
    image = discs()[0].round()
    mask = segment_by_threshold(image, method=method, polarity="bright", window=41)
    changed = segment_by_threshold(image * gain + offset, method=method, polarity="bright", window=41)
    # the bins of floats move by rounding: pixels on the threshold itself may flip
    assert (mask != changed).mean() < 0.002


@pytest.mark.parametrize("method", GLOBAL + LOCAL)
def test_integer_gain_and_offset_do_not_change_the_mask_at_all(method):
    image = discs()[0].astype(np.uint16)
    mask = segment_by_threshold(image, method=method, window=41)
    assert_array_equal(segment_by_threshold(image + np.uint16(1000), method=method, window=41), mask)
    if method in ("otsu", "sauvola", "phansalkar"):
        assert_array_equal(segment_by_threshold(image * np.uint16(16), method=method, window=41), mask)


@pytest.mark.parametrize("method", GLOBAL + LOCAL)
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.uint32, np.float32, np.float64, ">u2", ">f4"])
def test_discs_are_found_at_any_dtype_and_polarity(method, dark, dtype):
    image, truth = discs()
    image = (220 - image if dark else image).astype(dtype)
    image.flags.writeable = False
    mask = segment_by_threshold(image, method=method, window=51)
    assert mask.dtype == bool
    assert (mask & truth).sum() / (mask | truth).sum() > (0.75 if method in ("yen", *LOCAL) else 0.9)
    assert_array_equal(segment_by_threshold(np.asfortranarray(image), method=method, window=51), mask)


@pytest.mark.parametrize("window", [3, 15, 41])
def test_sauvola_equals_scikit_image(window):
    from skimage.filters import threshold_sauvola

    image = normalise_intensity(discs()[0])
    theirs = image < threshold_sauvola(image, window, k=0.2, r=0.5)
    ours = segment_by_threshold(image, method="sauvola", polarity="dark", window=window)
    assert (ours != theirs).mean() < 2e-3


def test_phansalkar_equals_its_formula():
    image = normalise_intensity(discs()[0]).astype(np.float64)
    mean = ndi.uniform_filter(image, 21, mode="mirror")
    deviation = np.sqrt(np.maximum(ndi.uniform_filter(image**2, 21, mode="mirror") - mean**2, 0))
    theirs = image < mean * (1 + 2 * np.exp(-10 * mean) + 0.25 * (deviation / 0.5 - 1))
    ours = segment_by_threshold(image, method="phansalkar", polarity="dark", window=21)
    assert (ours != theirs).mean() < 2e-3


@pytest.mark.parametrize("method", LOCAL)
def test_bands_leave_no_seam(method, monkeypatch):
    image = discs((150, 90))[0]
    whole = segment_by_threshold(image, method=method, window=31)
    monkeypatch.setattr("granum.segment.threshold._BAND_ROWS", 16)
    assert_array_equal(segment_by_threshold(image, method=method, window=31), whole)


@pytest.mark.parametrize("method", GLOBAL + LOCAL)
def test_what_lies_outside_the_area_neither_decides_nor_appears(method):
    image, truth = discs()
    area = np.ones(image.shape, bool)
    area[80:] = False
    image[80:] = 255
    mask = segment_by_threshold(image, area, method=method, window=51)
    assert not mask[80:].any()
    assert (mask & truth)[:80].sum() / (mask | truth)[:80].sum() > 0.75
    image[80:] = 0
    assert_array_equal(segment_by_threshold(image, area, method=method, window=51), mask)


@pytest.mark.parametrize("method", GLOBAL + LOCAL)
@pytest.mark.parametrize("polarity", ["auto", "bright", "dark"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (20, 30)])
def test_constant_images_give_an_empty_mask(method, polarity, shape):
    for image in (np.full(shape, 7, np.uint16), np.zeros(shape, bool), np.full(shape, -0.3), np.full(shape, np.nan)):
        assert not segment_by_threshold(image, method=method, polarity=polarity).any()


@pytest.mark.parametrize("method", GLOBAL + LOCAL)
@pytest.mark.parametrize("shape", [(1, 2), (1, 12), (12, 1), (3, 3)])
def test_tiny_images_are_taken(method, shape):
    image = np.arange(shape[0] * shape[1]).reshape(shape)
    for polarity in ("auto", "bright", "dark"):
        assert segment_by_threshold(image, method=method, polarity=polarity).shape == shape


def test_a_mask_as_image_comes_back():
    truth = discs()[1]
    for method in GLOBAL:
        assert_array_equal(segment_by_threshold(truth, method=method), truth)


def test_an_empty_area_gives_an_empty_mask():
    for method in GLOBAL + LOCAL:
        assert not segment_by_threshold(discs()[0], np.zeros((96, 110), bool), method=method).any()


def test_some_nan_and_infinities_are_filled_not_spread():
    image, truth = discs()
    image[3, 3], image[40, 41], image[40, 42] = np.nan, np.inf, -np.inf
    mask = segment_by_threshold(image)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.95


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "ostu"}, "method: 'ostu' does not exist; there are otsu, li"),
        ({"polarity": "black"}, "polarity: 'black' does not exist; there are auto, bright, dark"),
        ({"window": 1}, "window: 1 is out of range, must be 3 to 10001"),
        ({"k": 1.5}, "k: 1.5 is out of range, must be 0 to 1"),
    ],
)
def test_wrong_settings_name_what_is_allowed(settings, message):
    with pytest.raises(SettingError, match=message):
        segment_by_threshold(discs()[0], **settings)


def test_a_single_value_needs_a_global_method_and_one_polarity():
    with pytest.raises(SettingError, match="'sauvola' does not exist"):
        threshold_value(discs()[0], method="sauvola")
    with pytest.raises(SettingError, match="'auto' does not exist"):
        threshold_value(discs()[0], polarity="auto")
    with pytest.raises(ShapeError, match="area: has shape"):
        threshold_value(discs()[0], np.ones((3, 3)))
