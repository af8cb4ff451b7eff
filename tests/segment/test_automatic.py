"""Everything chosen from the image: dark and bright, gain and offset, uneven light, faint beside bright, spots."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage as ndi

from granum.errors import SettingError, ShapeError
from granum.samples import simulate_particles
from granum.segment.automatic import segment_automatically

METHODS = ["auto", "level", "local_levels", "spots"]
CENTRES = [(30, 30), (30, 90), (30, 150), (90, 60), (90, 120), (150, 30), (150, 90), (150, 150)]


def discs(height=100.0, noise=8.0, radius=12, size=180, seed=0):
    """Discs of one or of many heights on a dark ground, and where they are."""
    yy, xx = np.mgrid[:size, :size]
    image, truth = np.full((size, size), 60.0), np.zeros((size, size), bool)
    for (y, x), h in zip(CENTRES, np.broadcast_to(height, len(CENTRES)), strict=True):
        disc = np.hypot(yy - y, xx - x) < radius
        image[disc] += h
        truth |= disc
    image = ndi.gaussian_filter(image, 0.8) + np.random.default_rng(seed).normal(0, noise, image.shape)
    return np.round(image).clip(0, 255).astype(np.uint8), truth


def overlap(one, two):
    return (one & two).sum() / (one | two).sum()


@pytest.mark.parametrize("noise", [2.0, 8.0, 40.0])
def test_discs_are_found_in_every_noise(noise):
    image, truth = discs(noise=noise)
    mask, relief, choice = segment_automatically(image)
    assert mask.dtype == np.bool_
    assert relief.dtype == np.float32
    assert mask.shape == relief.shape == image.shape
    assert overlap(mask, truth) > 0.85
    assert ndi.label(mask)[1] == len(CENTRES)
    assert choice.chosen["polarity"] == "bright"
    assert relief[truth].mean() > relief[~truth].mean()


@pytest.mark.parametrize("method", METHODS)
def test_dark_objects_are_found_as_bright_ones_are(method):
    image, _ = discs()
    bright, _, _ = segment_automatically(image, method=method)
    dark, relief, choice = segment_automatically(255 - image, method=method)
    assert choice.chosen["polarity"] == "dark"
    assert overlap(dark, bright) > 0.98
    assert relief[dark].mean() > relief[~dark].mean()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("change", [lambda image: image * 16, lambda image: image + 1000], ids=["x 16", "+ 1000"])
def test_gain_and_offset_change_nothing(method, change):
    image = discs()[0].astype(np.uint16)
    plain, other = segment_automatically(image, method=method), segment_automatically(change(image), method=method)
    assert other[2].chosen["method"] == plain[2].chosen["method"]
    assert other[2].chosen["smoothing_px"] == plain[2].chosen["smoothing_px"]
    assert_array_equal(other[0], plain[0])


def test_more_noise_gets_more_smoothing():
    chosen = [segment_automatically(discs(noise=noise)[0])[2].chosen["smoothing_px"] for noise in (1, 40)]
    assert chosen[0] < chosen[1]


@pytest.mark.parametrize("polarity", ["bright", "dark"])
def test_the_threshold_is_a_grey_level_of_the_image(polarity):
    image, truth = discs()
    image = image if polarity == "bright" else 255 - image
    choice = segment_automatically(image, method="level", flatten="no")[2]
    low, high = sorted((image[truth].mean(), image[~truth].mean()))
    assert low + 20 < choice.chosen["threshold"] < high - 20
    shifted = segment_automatically(image.astype(np.uint16) + 1000, method="level", flatten="no")[2]
    assert shifted.chosen["threshold"] == pytest.approx(choice.chosen["threshold"] + 1000, abs=0.5)


def test_uneven_light_is_taken_away():
    image, truth = discs(height=60.0, noise=4.0)
    light = np.linspace(0, 110, image.shape[1])[None, :]
    mask, relief, choice = segment_automatically(image + light, method="level")
    assert choice.chosen["flattened"]
    assert overlap(mask, truth) > 0.85
    assert abs(relief[:, :30][~truth[:, :30]].mean() - relief[:, -30:][~truth[:, -30:]].mean()) < 6
    assert "threshold" not in choice.chosen
    assert 10 < choice.chosen["threshold_over_background"] < 60
    plain = segment_automatically(image + light, method="level", flatten="no")
    assert not plain[2].chosen["flattened"]
    assert overlap(plain[0], truth) < 0.6


def test_faint_and_bright_discs_are_all_found_when_noise_is_small():
    image, truth = discs(height=np.tile([180.0, 60.0], 4), noise=1.0)
    mask, _, choice = segment_automatically(image)
    assert choice.chosen["method"] == "local_levels"
    assert ndi.label(mask)[1] == len(CENTRES)
    assert overlap(mask, truth) > 0.85


def test_particles_on_a_ragged_bright_support_are_found_not_the_support():
    rng = np.random.default_rng(2)
    ragged = ndi.gaussian_filter(rng.normal(size=(300, 300)), 25)
    support = ndi.gaussian_filter((ragged > 0).astype(float), 6)
    image, truth = 120 * support, np.zeros((300, 300), bool)
    yy, xx = np.mgrid[:300, :300]
    for y in range(20, 290, 30):
        for x in range(20, 290, 30):
            if support[y, x] > 0.5:
                image += 40 * np.sqrt(np.clip(1 - ((yy - y) ** 2 + (xx - x) ** 2) / 16, 0, 1))
                truth |= np.hypot(yy - y, xx - x) < 4
    image = ndi.gaussian_filter(image, 0.8) + rng.normal(0, 3, image.shape)
    mask, _, choice = segment_automatically(image, method="spots", polarity="bright")
    found = ndi.label(truth)[0][mask]
    assert len(np.unique(found[found > 0])) > 0.9 * ndi.label(truth)[1]
    assert mask.mean() < 0.25 * (support > 0.5).mean()
    assert choice.chosen["n_spots"] > 0


@pytest.mark.parametrize("method", METHODS)
def test_nothing_lies_outside_the_area(method):
    image, truth = discs()
    area = np.ones(image.shape, bool)
    area[:, 120:] = False
    image[:, 120:] = 255
    mask, _, _ = segment_automatically(image, area, method=method)
    assert not mask[~area].any()
    assert overlap(mask, truth & area) > 0.7
    assert not segment_automatically(image, np.zeros(image.shape, bool), method=method)[0].any()


@pytest.mark.parametrize("kind", ["tem", "haadf", "discs"])
def test_simulated_pictures_of_each_kind_are_found(kind):
    simulated = simulate_particles(kind, size=384, count=40, seed=5)
    mask, _, choice = segment_automatically(simulated.image)
    assert choice.chosen["polarity"] == ("dark" if kind == "tem" else "bright")
    assert overlap(mask, simulated.labels > 0) > 0.75


@pytest.mark.parametrize("method", METHODS)
def test_images_of_any_kind_give_the_same_and_stay_as_they_are(method):
    image, _ = discs()
    before, plain = image.copy(), segment_automatically(image, method=method)
    image.flags.writeable = False
    wide = np.repeat(np.repeat(image, 2, 0), 2, 1)[::2, ::2]
    for other in (image, wide, np.asfortranarray(image), image.astype(">u2"), image.astype(np.uint32), image / 1.0):
        assert_array_equal(segment_automatically(other, method=method)[0], plain[0])
    assert_array_equal(image, before)
    again = segment_automatically(image, method=method)
    assert_array_equal(again[1], plain[1])
    assert again[2] == plain[2]


def test_negative_and_missing_values_are_no_problem():
    image, truth = discs()
    plain = segment_automatically(image)[0]
    assert_array_equal(segment_automatically(image.astype(np.int16) - 200)[0], plain)
    holes = image.astype(float)
    holes[60, :20], holes[0, 0] = np.nan, np.inf
    assert overlap(segment_automatically(holes)[0], truth) > 0.85


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 3), (20, 30)])
def test_odd_frames_and_constant_images_are_no_problem(method, shape):
    mask, relief, choice = segment_automatically(np.full(shape, 9, np.uint8), method=method)
    assert not mask.any()
    assert relief.shape == shape
    assert "constant" in choice.reason
    assert segment_automatically(np.arange(np.prod(shape)).reshape(shape), method=method)[0].shape == shape


def test_what_is_set_is_kept():
    image, _ = discs()
    chosen = segment_automatically(image, polarity="dark", method="level", smoothing=3.0, flatten="yes")[2].chosen
    assert chosen["polarity"] == "dark"
    assert chosen["method"] == "level"
    assert chosen["smoothing_px"] == 3.0
    assert chosen["flattened"]
    assert segment_automatically(image, smoothing=0)[2].chosen["smoothing_px"] == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("smoothing", -1),
        ("smoothing", 51),
        ("smoothing", np.nan),
        ("polarity", "brigth"),
        ("method", "otsu"),
        ("flatten", True),
    ],
)
def test_settings_out_of_range_are_refused(setting, value):
    with pytest.raises(SettingError, match=f"segment.automatic.{setting}.*(0 to 50|is not one of)"):
        segment_automatically(discs()[0], **{setting: value})


def test_what_is_no_image_is_refused():
    for bad in (np.zeros((0, 5)), np.zeros((3, 4, 5)), np.zeros((4, 4), complex)):
        with pytest.raises(ShapeError):
            segment_automatically(bad)
    with pytest.raises(ShapeError, match="area"):
        segment_automatically(discs()[0], np.ones((3, 3), bool))
