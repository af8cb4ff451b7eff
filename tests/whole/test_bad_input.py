"""Bad input through the whole recipe `particles`: a defined result with a warning, or one clear sentence."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from granum.errors import RecipeError, SettingError, ShapeError
from granum.image import Image
from granum.pipeline import run
from granum.recipe import load_recipe, parse_recipe

RECIPE = load_recipe("particles")
STEPS = [step.do for step in RECIPE.steps]


def picture(noise=4.0, size=128, seed=0):
    """Six discs on a dark ground, in float64."""
    yy, xx = np.mgrid[:size, :size]
    image = np.full((size, size), 40.0)
    for y, x in [(30, 25), (30, 64), (30, 103), (90, 25), (90, 64), (90, 103)]:
        image[np.hypot(yy - y, xx - x) < 11] = 160
    return np.round(image + np.random.default_rng(seed).normal(0, noise, image.shape)).clip(0, 255)


def analyse(pixels):
    """Run the recipe and check all that must hold for any image."""
    pixels = np.asarray(pixels)
    result = run(RECIPE, Image.from_array(pixels))
    labels, objects = result.labels, result.objects
    assert labels.dtype == np.int32
    assert labels.shape == pixels.shape
    assert_array_equal(np.unique(labels[labels > 0]), np.arange(1, result.n_objects + 1))
    assert all(len(column) == result.n_objects for column in objects.values())
    assert result.layers["confidence"].shape == (result.n_objects,)
    if result.n_objects == 0:
        assert "no_objects" in result.flags
        assert result.warnings
    return result


def test_the_recipe_is_the_automatic_one():
    assert {"segment.automatic", "separate.choose", "separate.object_levels"} <= set(STEPS)
    assert analyse(picture()).n_objects == 6


@pytest.mark.parametrize("shape", [(0, 0), (0, 30), (30, 0)])
def test_an_image_without_pixels_is_refused(shape):
    with pytest.raises(ShapeError, match="at least one pixel"):
        run(RECIPE, Image.from_array(np.zeros(shape, np.uint8)))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((40, 50), np.uint8),
        np.full((40, 50), 65535, np.uint16),
        np.full((40, 50), -1e6),
        np.full((40, 50), np.nan),
        np.full((40, 50), np.nan, np.float32),
        np.full((40, 50), -np.inf),
        np.zeros((40, 50), bool),
        np.zeros((1, 1), np.uint8),
        np.full((1, 1), np.nan),
        np.zeros((1, 30), np.uint8),
        np.zeros((30, 1), np.int16),
    ],
    ids=lambda pixels: f"{pixels.flat[0]} {pixels.dtype} {pixels.shape}",
)
def test_a_constant_image_has_no_object_and_a_warning(pixels):
    result = analyse(pixels)
    assert result.n_objects == 0
    assert "constant" in result.flags


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 60), (60, 1), (2, 2), (3, 60), (60, 3), (7, 7)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_frames_of_odd_size_have_a_defined_result(shape, dtype):
    rng = np.random.default_rng(1)
    analyse((rng.random(shape) * 255).astype(dtype))
    bright = np.zeros(shape, dtype)
    bright[: shape[0] // 2 + 1, : shape[1] // 2 + 1] = 200
    analyse(bright)


def test_some_pixels_without_a_value_cost_no_object():
    pixels = picture()
    pixels[:4, :7], pixels[60, 60], pixels[61, 61] = np.nan, np.inf, -np.inf
    result = analyse(pixels)
    assert result.n_objects == 6
    assert "not_finite" in result.flags
    assert "30 of 16384 pixels" in result.warnings[0]
    for column in ("area", "ecd", "intensity_mean"):
        assert np.isfinite(result.objects[column]).all()


KINDS = {
    "uint16": lambda image: image.astype(np.uint16),
    "int16 with negatives": lambda image: (image - 128).astype(np.int16),
    "int32": lambda image: image.astype(np.int32),
    "uint32": lambda image: image.astype(np.uint32),
    "uint64": lambda image: image.astype(np.uint64),
    "float16": lambda image: image.astype(np.float16),
    "float32": lambda image: image.astype(np.float32),
    "float64": lambda image: image,
    "big-endian uint16": lambda image: image.astype(">u2"),
    "big-endian float64": lambda image: image.astype(">f8"),
    "Fortran order": lambda image: np.asfortranarray(image.astype(np.uint16)),
    "every second pixel": lambda image: np.repeat(np.repeat(image.astype(np.uint8), 2, 0), 2, 1)[::2, ::2],
    "upside down twice": lambda image: image.astype(np.uint8)[::-1, ::-1].copy()[::-1, ::-1],
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_number_and_memory_finds_the_same_objects(kind):
    plain, other = analyse(picture().astype(np.uint8)), analyse(KINDS[kind](picture()))
    assert other.n_objects == plain.n_objects == 6
    if "negatives" in kind:  # the level of counts depends on where zero is
        assert np.abs(other.objects["ecd"] - plain.objects["ecd"]).max() < 2
    else:
        assert_array_equal(other.labels, plain.labels)


def test_a_boolean_image_is_its_own_mask_nearly():
    truth = picture(0) > 100
    result = analyse(truth)
    assert result.n_objects == 6
    assert ((result.labels > 0) != truth).mean() < 0.02


def test_a_read_only_image_is_analysed_and_no_image_is_changed():
    pixels = picture().astype(np.uint8)
    before = pixels.copy()
    one = analyse(pixels)
    assert_array_equal(pixels, before)
    pixels.flags.writeable = False
    two = analyse(pixels)
    assert_array_equal(one.labels, two.labels)
    for name, column in one.objects.items():
        assert_array_equal(column, two.objects[name])
    assert [choice.to_json() for choice in one.choices] == [choice.to_json() for choice in two.choices]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_small_picture_of_noise_has_a_defined_result(dtype):
    analyse(np.random.default_rng(5).normal(100, 12, (128, 128)).astype(dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pure_noise_has_no_objects_and_says_so(dtype):
    result = analyse(np.random.default_rng(5).normal(100, 12, (300, 300)).astype(dtype))
    assert result.n_objects == 0
    assert any("looks like noise" in warning for warning in result.warnings)


def test_an_image_without_an_object_has_a_defined_result():
    yy, xx = np.mgrid[:128, :128]
    analyse((100 + 0.2 * yy + 0.1 * xx).astype(np.float32))
    analyse((100 + 0.2 * yy + 0.1 * xx).astype(np.uint8))


@pytest.mark.parametrize("low", [10, 190])
def test_one_object_may_fill_the_frame(low):
    pixels = np.full((90, 90), 200, np.uint8)
    pixels[0, 0] = low
    analyse(pixels)
    pixels[:, :3] = low
    analyse(pixels)
    pixels[:] = low
    pixels[2:-2, 2:-2] = 200
    analyse(pixels)


def test_a_single_bright_pixel_has_a_defined_result():
    pixels = np.zeros((80, 80), np.uint16)
    pixels[40, 40] = 65535
    analyse(pixels)


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e6, 1e30])
def test_very_small_and_very_large_numbers_are_numbers(scale):
    assert analyse(picture() * scale).n_objects == 6


@pytest.mark.slow
def test_seventy_thousand_objects_are_all_counted():
    """More than 65,535, so that 16 bits would wrap."""
    rng = np.random.default_rng(9)
    n, pitch = 265, 8
    pixels = np.full((n * pitch, n * pitch), 20, np.uint8)
    sides = rng.integers(4, 6, (n, n))
    for i in range(5):
        for j in range(5):
            pixels[i + 1 :: pitch, j + 1 :: pitch][(sides > i) & (sides > j)] = 200
    result = analyse(pixels)
    assert result.n_objects == n * n > 65535 + 4000
    assert_array_equal(result.objects["label"], np.arange(1, n * n + 1))


RANGES = [
    ("segment.automatic", "smoothing", 51, "50"),
    ("segment.automatic", "smoothing", -1, "0"),
    ("segment.automatic", "method", "otsu", "local_levels"),
    ("separate.choose", "splitter", "kmeens", "local_kmeans"),
    ("separate.choose", "min_size", 0, "1"),
    ("separate.object_levels", "level", "quarter", "half"),
    ("separate.object_levels", "max_growth", 101, "100"),
    ("measure.objects", "shape", "some", "basic"),
]


@pytest.mark.parametrize(("step", "setting", "value", "told"), RANGES)
def test_a_setting_out_of_range_names_the_range(step, setting, value, told):
    text = repr(value) if isinstance(value, str) else value
    with pytest.raises(SettingError) as error:
        parse_recipe(f"[[step]]\ndo = 'segment.automatic'\n[[step]]\ndo = '{step}'\n{setting} = {text}")
    for word in (step, setting, str(value), told):
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("step", "typed", "meant"),
    [
        ("segment.automatic", "smothing", "smoothing"),
        ("segment.automatic", "polarty", "polarity"),
        ("separate.choose", "spliter", "splitter"),
        ("separate.object_levels", "max_grow", "max_growth"),
    ],
)
def test_a_misspelt_setting_names_the_nearest(step, typed, meant):
    with pytest.raises(SettingError, match=f"{typed}.*{meant}"):
        parse_recipe(f"[[step]]\ndo = '{step}'\n{typed} = 1")


def test_a_misspelt_step_names_the_nearest():
    with pytest.raises(RecipeError, match=r"segment\.automatc.*segment\.automatic"):
        parse_recipe("[[step]]\ndo = 'segment.automatc'")
