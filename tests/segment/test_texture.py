from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from granum.errors import GranumWarning, SettingError, ShapeError
from granum.samples import simulate_confluency
from granum.segment import segment_by_texture
from granum.segment.texture_maps import find_background, find_sharpness, is_unlike_noise, texture_map
from granum.segment.texture_scale import grey_step, has_block_grid, measure_texture_scale

SHARED = Path(__file__).parents[3] / "shared" / "data"


def dish(confluency, **settings):
    return simulate_confluency(confluency=confluency, size=384, seed=5, **settings)


def share(image, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GranumWarning)
        return float(segment_by_texture(image, **settings)[0].mean())


def noise_field(seed=0, shape=(300, 400), blur=0.0):
    noise = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    if blur:
        noise = cv2.GaussianBlur(noise, (0, 0), blur)
    return noise


@pytest.mark.parametrize("blur", [0.0, 0.7, 1.0])
def test_noise_alone_white_or_smoothed_is_no_cell(blur):
    assert share(100 + 10 * noise_field(blur=blur)) < 0.001


def test_uneven_light_bands_and_photon_noise_are_no_cell():
    y, x = np.mgrid[:300, :400]
    light = 300 * np.exp(-((y - 150) ** 2 + (x - 200) ** 2) / 250**2) * (1 + 0.4 * np.tanh((y - 150) / 40))
    assert share(np.random.default_rng(1).poisson(light)) < 0.005


@pytest.mark.parametrize("enlarged", [1.5, 2.0])
def test_an_empty_dish_that_was_enlarged_is_empty(enlarged):
    image = cv2.resize(100 + 10 * noise_field(), None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_CUBIC)
    assert share(image) < 0.002


@pytest.mark.parametrize("quality", [60, 80, 95])
@pytest.mark.parametrize("noise", [1, 2, 5, 10])
def test_an_empty_dish_saved_as_jpeg_is_empty(quality, noise):
    image = np.clip(110 + noise * noise_field(), 0, 255).astype(np.uint8)
    ok, coded = cv2.imencode(".jpg", image, [1, quality])
    assert ok
    assert share(cv2.imdecode(coded, 0)) < 0.05


def test_the_grid_of_a_jpeg_is_seen_and_nothing_else():
    image = np.clip(110 + 3 * noise_field(), 0, 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", image, [1, 85])[1]
    assert has_block_grid(cv2.imdecode(coded, 0)[3:, 5:].astype(np.float32))
    assert not has_block_grid(image.astype(np.float32))
    assert not has_block_grid(dish(0.5).image.astype(np.float32))
    assert not has_block_grid(np.zeros((64, 64), np.float32))


@pytest.mark.parametrize(("truth", "allowed"), [(0.0, 0.05), (0.01, 0.03), (0.1, 0.05), (0.9, 0.11), (1.0, 0.03)])
def test_the_share_of_simulated_dishes_is_near_the_truth(truth, allowed):
    assert share(dish(truth).image) == pytest.approx(truth, abs=allowed)


def test_half_a_dish_is_seen_where_it_is():
    scene = dish(0.5)
    mask = segment_by_texture(scene.image)[0]
    assert (mask & scene.mask).sum() > 0.7 * (mask | scene.mask).sum()


def test_gain_offset_and_depth_do_not_change_the_answer():
    image = dish(0.2).image
    mask = segment_by_texture(image)[0]
    others = [image * 257.0 + 3000, image / 255, image.astype(np.float32), image.astype(np.uint16) * 16 + 100]
    for other in others:
        assert np.mean(segment_by_texture(other)[0] != mask) < 0.002


def test_the_same_image_gives_the_same_bytes_on_any_number_of_threads():
    image = dish(0.3).image
    first = segment_by_texture(image)
    n = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        again = segment_by_texture(image)
    finally:
        cv2.setNumThreads(n)
    np.testing.assert_array_equal(first[0], again[0])
    assert first[4] == again[4]


def test_outside_of_the_area_there_is_nothing_and_its_border_is_no_cell():
    image = 100 + noise_field()
    image[:, 200:] += 40 * np.sin(np.arange(200) / 2)
    area = np.zeros(image.shape, bool)
    area[20:280, 20:180] = True
    mask, votes, classes, _, _ = segment_by_texture(image, area)
    assert mask.mean() < 0.002
    assert not (classes[~area]).any()
    assert not any((vote & ~area).any() for vote in votes.values())


def test_votes_classes_and_legend_fit_the_mask():
    mask, votes, classes, legend, choice = segment_by_texture(dish(0.3).image)
    assert set(votes) == {"contrast", "gradient", "clusters"}
    assert [(one.id, one.name) for one in legend] == [(1, "cells")]
    np.testing.assert_array_equal(classes, mask)
    assert "%" in choice.reason
    assert choice.chosen["size"] > 1


def test_more_sensitivity_sees_more():
    image = dish(0.2).image
    shares = [share(image, sensitivity=one, halo="keep") for one in (0.5, 1, 2)]
    assert shares[0] < shares[1] < shares[2]


def test_a_constant_image_has_no_cell():
    mask, votes, _, _, choice = segment_by_texture(np.full((40, 50), 7))
    assert not mask.any()
    assert not any(vote.any() for vote in votes.values())
    assert "same value" in choice.reason


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 2), (3, 3), (5, 200)])
def test_odd_shapes_have_a_result(shape):
    image = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    assert segment_by_texture(image)[0].shape == shape


@pytest.mark.parametrize(
    "settings", [{"size": 1.0}, {"sensitivity": 0.0}, {"halo": "yes"}, {"min_area": -1}, {"seed": -1}], ids=str
)
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        segment_by_texture(np.eye(20), **settings)


def test_an_area_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match="area"):
        segment_by_texture(np.eye(20), np.ones((3, 3), bool))


def test_a_full_layer_as_faint_as_the_noise_is_told_with_a_warning():
    with pytest.warns(GranumWarning, match="full layer"):
        mask = segment_by_texture(dish(1.0, magnification=4).image)[0]
    assert mask.mean() > 0.8


def test_noise_is_measured_beside_cells_and_size_follows_the_image():
    white = 50 + 3 * noise_field(shape=(400, 400))
    scale = measure_texture_scale(white)
    assert scale.noise == pytest.approx(3, rel=0.1)
    assert scale.is_white
    small = white + 60 * (noise_field(1, (400, 400), 1.5) > 0.15)
    large = white + 60 * (noise_field(1, (400, 400), 6.0) > 0.05)
    assert measure_texture_scale(small).size < measure_texture_scale(large).size
    assert not measure_texture_scale(cv2.GaussianBlur(white, (0, 0), 0.8)).is_white


def test_the_step_of_grey_levels_is_found():
    levels = np.arange(64).reshape(8, 8)
    assert grey_step(levels.astype(np.uint8)) == 1
    assert grey_step((levels * 257).astype(np.uint16)) == 257
    assert grey_step(np.repeat(levels, 4, axis=0) / 255) == pytest.approx(1 / 255)
    assert grey_step(np.random.default_rng(0).random((50, 50))) == 0
    assert grey_step(np.full((4, 4), 3)) == 0


def test_background_is_the_lower_of_two_populations():
    rng = np.random.default_rng(0)
    sample = np.concatenate([rng.normal(-0.5, 0.2, 6000), rng.normal(2.0, 0.5, 4000)]).astype(np.float32)
    level = find_background(sample)
    assert level.found
    assert level.level == pytest.approx(-0.5, abs=0.1)
    assert 0 < level.threshold < 1
    assert 2 <= find_sharpness(sample) <= 3


def test_without_a_background_the_level_comes_from_the_noise():
    level = find_background(np.random.default_rng(0).normal(2.0, 0.3, 5000).astype(np.float32))
    assert not level.found
    assert level.threshold < 1


def test_noise_is_not_unlike_noise():
    plane = texture_map(noise_field(), 2.0, "contrast", 1.0)
    assert not is_unlike_noise(plane, None, 2.0)
    assert is_unlike_noise(plane * 3, None, 2.0)


@pytest.mark.parametrize("name", ["d0-c3-005", "d0-c3-006"])
def test_bands_of_light_are_no_cells(name):
    path = SHARED / "seed_confluency" / f"{name}.jpg"
    if not path.exists():
        pytest.skip("../shared/data/seed_confluency is missing")
    mask = segment_by_texture(cv2.imread(str(path), 0))[0]
    assert mask.mean(axis=1).max() < 0.6
    assert 0.03 < mask.mean() < 0.3


@pytest.mark.slow
def test_more_confluent_photographs_have_a_larger_share():
    folder = SHARED / "seed_confluency"
    if not folder.exists():
        pytest.skip("../shared/data/seed_confluency is missing")
    shares = {
        part: share(cv2.imread(str(next(folder.glob(f"{part}*"))), 0))
        for part in ("x4-mid", "x4-high", "x10-low", "x10-mid", "x20-low", "x20-mid")
    }
    assert shares["x4-mid"] < shares["x4-high"]
    assert shares["x10-low"] < shares["x10-mid"]
    assert shares["x20-low"] < shares["x20-mid"]


def test_the_cells_of_a_closing_wound_grow_from_frame_to_frame():
    folder = SHARED / "scratch_assay"
    if not folder.exists():
        pytest.skip("../shared/data/scratch_assay is missing")
    shares = [share(cv2.imread(str(path), 0)) for path in sorted(folder.iterdir())]
    assert len(shares) == 10
    assert all(after > before - 0.01 for before, after in pairwise(shares))
    assert shares[-1] > shares[0] + 0.15
