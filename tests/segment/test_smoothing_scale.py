"""How much smoothing: none for clean pictures, more for noisier ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage.filters import threshold_otsu

from granum.segment.smoothing_scale import SCALES, choose_smoothing, otsu_separability, sample_tiles


def discs(noise, seed=0, size=160):
    yy, xx = np.mgrid[:size, :size]
    image = 100.0 * (((yy % 40) - 20) ** 2 + ((xx % 40) - 20) ** 2 < 144)
    return (image + np.random.default_rng(seed).normal(0, noise, image.shape)).astype(np.float32)


def test_two_classes_share_the_variance_as_otsu_defines_it():
    image = np.round(discs(15)).clip(0, 255).astype(np.uint8)
    bright = image > threshold_otsu(image)
    share = bright.mean()
    between = share * (1 - share) * (image[bright].mean() - image[~bright].mean()) ** 2
    assert_allclose(otsu_separability(image), between / image.var(), rtol=1e-3)


def test_the_separability_is_one_for_two_values_and_zero_for_one():
    two = np.zeros((20, 20), np.float32)
    two[5:9] = 3
    assert_allclose(otsu_separability(two), 1)
    assert otsu_separability(np.full((20, 20), 3.0, np.float32)) == 0
    assert otsu_separability(two, np.zeros(two.shape, bool)) == 0
    assert otsu_separability(two, two > 0) == 0


@pytest.mark.parametrize(("gain", "offset"), [(16, 0), (1, 1000), (-1, 0)])
def test_gain_offset_and_inversion_do_not_change_it(gain, offset):
    image = discs(30)
    assert_allclose(otsu_separability(image * np.float32(gain) + offset), otsu_separability(image), rtol=2e-3)


def test_more_noise_asks_for_more_smoothing():
    chosen = [choose_smoothing(discs(noise))[0] for noise in (0, 30, 90)]
    assert chosen[0] == 0.5
    assert chosen[0] < chosen[1] < chosen[2]
    assert chosen[2] < 8


def test_noise_clipped_at_black_is_smoothed_as_well():
    clipped = np.round(discs(50) + 60).clip(0, 255)
    assert choose_smoothing(clipped)[0] > 1


def test_the_table_holds_every_scale_tried():
    _, table = choose_smoothing(discs(30))
    assert [row["sigma"] for row in table] == sorted(row["sigma"] for row in table)
    assert set(SCALES[:4]) <= {row["sigma"] for row in table}
    assert all(0 < row["separability"] <= 1 for row in table)


def test_what_lies_outside_the_area_does_not_count():
    image = discs(0)
    image[80:] += np.random.default_rng(1).normal(0, 200, image[80:].shape)
    area = np.zeros(image.shape, bool)
    area[:70] = True
    assert choose_smoothing(image, area)[0] == 0.5
    assert choose_smoothing(image)[0] > 0.5


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 30), (30, 1), (300, 400), (1500, 3000), (3000, 1500), (5000, 5000), (50, 200_000)]
)
def test_tiles_lie_inside_and_hold_at_most_four_megapixels(shape):
    image = np.broadcast_to(np.uint8(0), shape)
    tiles = sample_tiles(image)
    assert sum(image[tile].size for tile in tiles) <= 4 * 1024**2
    for rows, columns in tiles:
        assert 0 <= rows.start < rows.stop <= shape[0]
        assert 0 <= columns.start < columns.stop <= shape[1]


def test_constant_images_need_the_least():
    assert choose_smoothing(np.zeros((1, 1), np.float32))[0] == 0.5
    assert choose_smoothing(np.full((30, 30), 5, np.float32))[0] == 0.5
