"""From spots to a mask: particles are drawn at their size, and only where a spot is."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

from granum.segment.spot_regions import draw_spots
from granum.segment.spots import Spots

CENTRES = [(40.0, 40.0), (40.0, 100.0), (100.0, 60.0), (110.0, 130.0)]


def picture(radius=5.0, heights=(60.0, 60.0, 60.0, 60.0), slope=0.0):
    yy, xx = np.mgrid[:160, :170]
    image = slope * xx
    for (y, x), height in zip(CENTRES, heights, strict=True):
        image = image + height * np.clip(radius + 0.5 - np.hypot(yy - y, xx - x), 0, 1)
    return image.astype(np.float32)


def spots_at(centres, scale=4.0):
    return Spots(np.array(centres, float).reshape(-1, 2), np.full(len(centres), 9.0), scale, [])


@pytest.mark.parametrize("radius", [4.0, 6.0])
@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_particles_of_any_brightness_have_their_diameter(radius, slope):
    image = picture(radius, (30.0, 60.0, 120.0, 240.0), slope)
    mask, relief = draw_spots(image, spots_at(CENTRES))
    labels, n = ndimage.label(mask)
    assert n == 4
    diameters = np.sqrt(4 / np.pi * np.bincount(labels.ravel())[1:])
    assert np.abs(diameters - 2 * radius).max() < 1.5
    assert relief.shape == image.shape


def test_only_what_touches_a_spot_is_drawn():
    mask, _ = draw_spots(picture(), spots_at(CENTRES[:2]))
    labels, n = ndimage.label(mask)
    assert n == 2
    assert labels[40, 40]
    assert labels[40, 100]


def test_without_spots_nothing_is_drawn():
    mask, relief = draw_spots(picture(), spots_at([]))
    assert not mask.any()
    assert relief.shape == mask.shape


def test_nothing_is_drawn_outside_the_area():
    area = np.zeros((160, 170), bool)
    area[:, :100] = True
    mask, _ = draw_spots(picture(), spots_at(CENTRES), area)
    assert mask.any()
    assert not (mask & ~area).any()


def test_spots_on_the_border_are_no_problem_and_the_image_stays():
    image = picture()
    image.flags.writeable = False
    before = image.copy()
    spots = spots_at([*CENTRES, (0.0, 0.0), (159.4, 169.4), (-0.4, 60.0)])
    one, two = draw_spots(image, spots), draw_spots(image, spots)
    assert_array_equal(one[0], two[0])
    assert_array_equal(one[1], two[1])
    assert_array_equal(image, before)
    mask, _ = draw_spots(np.ones((1, 1), np.float32), spots_at([(0, 0)]))
    assert mask.shape == (1, 1)
