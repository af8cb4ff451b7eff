"""Small particles on an uneven support: all are found, where they are, at their scale."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from granum.errors import SettingError, ShapeError
from granum.segment.spots import SPOT_SCALES, find_spots


def particles_on_support(radius=4.0, height=60.0, size=240, seed=2, noise=2.0):
    """Small spheres on a ragged bright piece of carbon, and their centres."""
    rng = np.random.default_rng(seed)
    ragged = ndimage.gaussian_filter(rng.normal(size=(size, size)), 20)
    support = ndimage.gaussian_filter((ragged > 0).astype(float), 5) * 150
    step = int(8 * radius)
    centres = np.array([(y, x) for y in range(step, size - step, step) for x in range(step, size - step, step)], float)
    yy, xx = np.mgrid[:size, :size]
    image = support.copy()
    for y, x in centres:
        image += height * np.sqrt(np.clip(1 - ((yy - y) ** 2 + (xx - x) ** 2) / radius**2, 0, 1))
    image = ndimage.gaussian_filter(image, 0.8)
    return (image + rng.normal(0, noise, image.shape)).astype(np.float32), centres


@pytest.mark.parametrize("radius", [3.0, 5.0])
def test_every_particle_on_a_ragged_support_is_found_within_a_pixel(radius):
    image, centres = particles_on_support(radius)
    spots = find_spots(image)
    distance = np.hypot(*(spots.peaks[:, None] - centres[None]).transpose(2, 0, 1))
    assert (distance.min(axis=0) < 1.5).all()
    assert (distance.min(axis=1) > 3).mean() < 0.1


def test_the_scale_grows_with_the_particles():
    small, large = find_spots(particles_on_support(3.0)[0]).scale, find_spots(particles_on_support(5.0)[0]).scale
    assert small < large
    assert {small, large} <= set(SPOT_SCALES)


@pytest.mark.parametrize("gain", [16, 0.01])
def test_gain_and_offset_change_nothing(gain):
    image, _ = particles_on_support()
    one, two = find_spots(image), find_spots(image * np.float32(gain) + np.float32(7 * gain))
    assert one.scale == two.scale
    assert_array_equal(one.peaks, two.peaks)
    assert_allclose(one.strength, two.strength, rtol=0.02)


def test_nothing_is_found_in_noise_or_outside_the_area():
    noise = np.random.default_rng(0).normal(size=(200, 200)).astype(np.float32)
    assert len(find_spots(noise, min_strength=8).peaks) == 0
    image, _ = particles_on_support()
    area = np.zeros(image.shape, bool)
    area[:, :120] = True
    assert (find_spots(image, area).peaks[:, 1] < 120).all()
    assert len(find_spots(image, np.zeros(image.shape, bool)).peaks) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (5, 5), (40, 40)])
def test_a_constant_image_has_no_spot(shape):
    spots = find_spots(np.full(shape, 3.0))
    assert spots.peaks.shape == (0, 2)
    assert spots.table


def test_the_input_may_be_of_any_kind_and_stays_as_it_is():
    image = np.round(particles_on_support()[0]).clip(0).astype(np.uint16)
    before, plain = image.copy(), find_spots(image)
    image.flags.writeable = False
    for other in (image, image.astype(">u2"), np.asfortranarray(image), image.astype(float)):
        assert_array_equal(find_spots(other).peaks, plain.peaks)
    assert_array_equal(image, before)


def test_what_does_not_fit_is_refused():
    with pytest.raises(SettingError, match="min_strength is 0"):
        find_spots(np.zeros((9, 9)), min_strength=0)
    with pytest.raises(ShapeError, match="area"):
        find_spots(np.zeros((9, 9)), np.zeros((3, 3), bool))
