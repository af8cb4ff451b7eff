from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from granum.errors import SettingError
from granum.segment import grid_maximum_threshold, segment_by_grid_maximum
from granum.segment.grid_maximum import usual_maximum

FIELD = Path(__file__).parents[3] / "shared/data/seed_live_dead_field"


def field(seed=0, shape=(210, 260)):
    """Noise of 8-bit steps, and a few bright squares."""
    rng = np.random.default_rng(seed)
    image = rng.normal(60, 6, shape)
    truth = np.zeros(shape, bool)
    for y, x in rng.integers(10, 190, (12, 2)):
        truth[y : y + 9, x : x + 9] = True
    return (image + 90 * truth).round().astype(np.uint8), truth


@pytest.mark.parametrize("relief", ["intensity", "gradient"])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
def test_gain_and_offset_do_not_change_the_mask(relief, dtype):
    image, _ = field()
    mask = segment_by_grid_maximum(image, relief=relief)
    assert 0 < mask.sum() < mask.size / 4
    wide = image.astype(dtype)
    assert_array_equal(segment_by_grid_maximum(wide * dtype(16), relief=relief), mask)
    assert_array_equal(segment_by_grid_maximum(wide + dtype(1000), relief=relief), mask)
    assert_array_equal(segment_by_grid_maximum(wide * 0.5, relief=relief), mask)
    assert_array_equal(segment_by_grid_maximum(wide * 0.5 + 1000, relief=relief), mask)


def test_objects_in_noise_are_found_and_noise_is_not():
    image, truth = field()
    mask = segment_by_grid_maximum(image)
    assert (mask & truth).sum() > 0.99 * truth.sum()
    assert (mask & ~truth).sum() == 0


def test_on_a_base_of_0_the_threshold_is_the_published_one():
    # 8-bit tile maxima with one clear peak at 50: T. Herricks' threshold is about offset * 50
    image = np.zeros((250, 250), np.uint8)
    image[12::25, 12::25] = 50
    assert grid_maximum_threshold(image, tile=25, offset=1.2) == pytest.approx(60)


def test_the_mode_is_that_of_the_density_not_of_the_noise():
    rng = np.random.default_rng(0)
    values = np.sort(np.concatenate([rng.normal(1000, 50, 700), rng.uniform(1000, 60_000, 300)]))
    assert usual_maximum(values) == pytest.approx(1000, abs=15)
    assert_allclose(usual_maximum(values * 7 - 3), usual_maximum(values) * 7 - 3, rtol=1e-9)
    assert usual_maximum(np.array([4.0])) == 4
    assert usual_maximum(np.array([1.0, 5, 5, 5, 5, 9])) == 5


def test_more_than_65535_tiles_do_not_wrap():
    image = np.random.default_rng(0).integers(0, 60, (600, 600)).astype(np.uint8)
    assert grid_maximum_threshold(image, tile=2, offset=1) == pytest.approx(
        grid_maximum_threshold(image[:300], tile=2, offset=1), rel=0.05
    )


def test_steep_edges_do_not_overflow():
    image = np.zeros((100, 100), np.uint16)
    image[40:60, 40:60] = 60_000  # its Sobel magnitude is 240,000; as uint16 it would be 43,392
    image[::10, ::10] += 10_000
    mask = segment_by_grid_maximum(image, relief="gradient", offset=4)
    assert mask[40:60, 39].all()


def test_bands_leave_no_seam_in_the_gradient(monkeypatch):
    image, _ = field()
    whole = segment_by_grid_maximum(image, relief="gradient")
    monkeypatch.setattr("granum.segment.grid_maximum._BAND_ROWS", 16)
    assert_array_equal(segment_by_grid_maximum(image, relief="gradient"), whole)


def test_the_area_alone_decides_and_bounds():
    image, truth = field()
    area = np.ones(image.shape, bool)
    area[180:] = False
    mask = segment_by_grid_maximum(image, area)
    changed = image.copy()
    changed[180:] = 255
    assert_array_equal(segment_by_grid_maximum(changed, area), mask)
    assert not mask[180:].any()
    assert (mask & truth)[:180].sum() > 0.99 * truth[:180].sum()
    narrow = np.zeros(image.shape, bool)
    narrow[50:53] = True
    assert not segment_by_grid_maximum(image, narrow)[~narrow].any()
    assert not segment_by_grid_maximum(image, ~area & area).any()


@pytest.mark.parametrize("relief", ["intensity", "gradient"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (60, 70)])
def test_constant_images_give_an_empty_mask(relief, shape):
    for image in (np.full(shape, 9, np.uint16), np.zeros(shape, bool), np.full(shape, -2.5), np.full(shape, np.nan)):
        assert not segment_by_grid_maximum(image, relief=relief).any()


@pytest.mark.parametrize("dtype", [bool, np.int16, np.uint32, np.float64, ">u2"])
def test_every_dtype_is_taken_and_stays_as_it_was(dtype):
    image = field()[1].astype(dtype)
    if dtype is np.int16:
        image = image - np.int16(300)
    image.flags.writeable = False
    mask = segment_by_grid_maximum(image)
    assert mask.dtype == bool
    assert_array_equal(segment_by_grid_maximum(np.asfortranarray(image)), mask)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tile": 1}, "tile: 1 is out of range, must be 2 to 1000"),
        ({"offset": -1}, "offset: -1 is out of range, must be 0 to 100"),
        ({"relief": "sobel"}, "relief: 'sobel' does not exist; there are intensity, gradient"),
    ],
)
def test_wrong_settings_name_what_is_allowed(settings, message):
    with pytest.raises(SettingError, match=message):
        segment_by_grid_maximum(np.ones((9, 9)), **settings)


@pytest.mark.skipif(not FIELD.is_dir(), reason=f"no {FIELD.name} in ../shared/data")
@pytest.mark.parametrize("gain", [1, 16])
def test_the_authors_own_field_gives_the_authors_masks_at_any_gain(gain):
    import cv2
    from scipy import ndimage as ndi

    def read(name):
        return cv2.imread(str(FIELD / f"field1_{name}.png"), cv2.IMREAD_GRAYSCALE)[100:]

    image = cv2.imread(str(FIELD / "field1_brightfield_8bit.png"), cv2.IMREAD_GRAYSCALE).astype(np.uint16) * gain
    mask = segment_by_grid_maximum(image, relief="gradient")
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4, 4))
    cells = cv2.erode(cv2.dilate(mask.astype(np.uint8), kernel, iterations=2), kernel, iterations=2)
    cells = ndi.binary_fill_holes(cells)[100:]
    for ours, theirs, least in ((mask[100:], "threshold", 0.90), (cells, "cellarea", 0.95)):
        truth = read(f"author_{theirs}_mask") > 0
        assert (ours & truth).sum() / (ours | truth).sum() > least
