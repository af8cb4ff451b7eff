"""What no image should be, through whole recipes: a defined result with a warning, or one clear sentence."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from granum import pipeline
from granum.batch import run_batch
from granum.image import Image
from granum.recipe import list_recipes, load_recipe, parse_recipe
from granum.report.label_images import read_labels
from granum.report.tables import read_objects_csv

AREAS = [name for name in list_recipes() if not any(step.do == "measure.objects" for step in load_recipe(name).steps)]
RECIPES = [name for name in list_recipes() if name not in AREAS]


@pytest.fixture
def recipe(request, disc_model):
    """A ready recipe; the one that needs a model gets one."""
    found = load_recipe(request.param)
    if request.param not in ("scribbles", "confluency-learned"):
        return found
    return found.with_settings({"learned.model": str(disc_model), "learned.objects": "4"})


def run(recipe, pixels):
    """Run a recipe; one that asks for channels by role gets the same pixels for each."""
    channels = {role.name: Image.from_array(pixels) for role in recipe.roles}
    return pipeline.run(recipe, Image.from_array(pixels), channels=channels)


def two_discs(size=60):
    y, x = np.mgrid[:size, :size]
    image = np.full((size, size), 20.0)
    image[(y - 20) ** 2 + (x - 20) ** 2 <= 64] = 200
    image[(y - 42) ** 2 + (x - 42) ** 2 <= 64] = 200
    return image


NOTHING = {
    "zeros": np.zeros((40, 50), np.uint8),
    "constant": np.full((40, 50), 7, np.uint16),
    "constant float": np.full((40, 50), -3.5),
    "all NaN": np.full((40, 50), np.nan),
    "all infinite": np.full((40, 50), np.inf, np.float32),
    "one pixel": np.full((1, 1), 9, np.uint8),
    "all false": np.zeros((40, 50), bool),
}
ODD = {
    "one row": two_discs()[20:21],
    "one column": two_discs()[:, 20:21],
    "two by two": np.array([[0, 255], [0, 0]], np.uint8),
    "three by three": np.arange(9, dtype=np.uint8).reshape(3, 3),
}


@pytest.mark.parametrize("recipe", RECIPES, indirect=True)
@pytest.mark.parametrize("pixels", NOTHING.values(), ids=NOTHING)
def test_an_image_of_nothing_has_no_object_and_a_warning(recipe, pixels):
    result = run(recipe, pixels)
    assert result.n_objects == 0
    assert all(len(column) == 0 for column in result.objects.values())
    assert {"constant", "no_objects"} <= set(result.flags)
    assert result.warnings


@pytest.mark.parametrize("recipe", RECIPES, indirect=True)
@pytest.mark.parametrize("pixels", ODD.values(), ids=ODD)
def test_an_image_of_odd_size_has_a_defined_result(recipe, pixels):
    result = run(recipe, pixels)
    assert result.labels.shape == pixels.shape
    np.testing.assert_array_equal(np.unique(result.labels[result.labels > 0]), np.arange(1, result.n_objects + 1))
    assert result.objects["label"].tolist() == list(range(1, result.n_objects + 1))


@pytest.mark.parametrize("recipe", RECIPES, indirect=True)
def test_every_kind_of_number_gives_the_same_labels(recipe):
    pixels = two_discs()
    plain = run(recipe, pixels.astype(np.uint8)).labels
    kinds = {
        "uint16": pixels.astype(np.uint16),
        "int16 with negatives": (pixels - 100).astype(np.int16),
        "uint32": pixels.astype(np.uint32),
        "float32": pixels.astype(np.float32),
        "float64": pixels,
        "big-endian": pixels.astype(">u2"),
        "Fortran order": np.asfortranarray(pixels.astype(np.uint16)),
        "every second": np.repeat(np.repeat(pixels.astype(np.uint8), 2, 0), 2, 1)[::2, ::2],
    }
    read_only = pixels.astype(np.uint16)
    read_only.flags.writeable = False
    kinds["read-only"] = read_only
    for name, other in kinds.items():
        labels = run(recipe, other).labels
        np.testing.assert_array_equal(labels, plain, err_msg=name)


@pytest.mark.parametrize("recipe", RECIPES, indirect=True)
def test_a_boolean_image_is_an_image(recipe):
    result = run(recipe, two_discs() > 100)
    assert result.labels.shape == (60, 60)


@pytest.mark.parametrize("recipe", RECIPES, indirect=True)
def test_some_pixels_without_a_value_do_not_hurt_the_others(recipe):
    pixels = two_discs()
    pixels[:3, :3] = np.nan
    pixels[50, 5] = np.inf
    result = run(recipe, pixels)
    assert "not_finite" in result.flags
    assert "10 of 3600 pixels" in result.warnings[0]
    for column in ("area", "ecd", "intensity_mean"):
        assert np.isfinite(result.objects[column]).all()


@pytest.mark.filterwarnings("ignore::granum.errors.GranumWarning")
@pytest.mark.parametrize("recipe", AREAS, indirect=True)
@pytest.mark.parametrize("pixels", [*NOTHING.values(), *ODD.values()], ids=[*NOTHING, *ODD])
def test_the_share_of_any_image_is_a_share_and_nothing_is_covered_in_an_image_of_nothing(recipe, pixels):
    result = run(recipe, pixels)
    if not np.isfinite(pixels).any():
        assert not result.summary["confluency"] > 0  # no number, where the recipe looks for what can be analysed
        return
    assert 0 <= result.summary["confluency"] <= 1
    if len(np.unique(pixels)) == 1 and recipe.name != "confluency-learned":
        assert result.summary["confluency"] == 0
        assert result.warnings


@pytest.mark.parametrize("recipe", AREAS, indirect=True)
def test_the_share_does_not_depend_on_how_numbers_are_kept(recipe):
    pixels = two_discs()
    pixels[:3, :3] = 30
    shares = [
        run(recipe, other).summary["confluency"]
        for other in (pixels.astype(np.uint8), pixels.astype(">u2"), pixels, pixels.astype(np.float32))
    ]
    assert max(shares) - min(shares) < 0.02


def test_one_object_may_fill_nearly_the_whole_frame(tmp_path):
    pixels = np.full((60, 60), 200, np.uint8)
    pixels[0, 0] = 10
    result = pipeline.run("particles-seed", Image.from_array(pixels))
    assert result.labels.astype(bool).sum() == 3599


def test_seventy_thousand_objects_keep_their_numbers_everywhere(tmp_path):
    pixels = np.zeros((800, 800), np.uint8)
    pixels[1::3, 1::3] = 255
    tifffile.imwrite(tmp_path / "dots.tif", pixels)
    recipe = parse_recipe(
        "[[step]]\ndo = 'segment.threshold'\npolarity = 'bright'\n"
        "[[step]]\ndo = 'segment.components'\n[[step]]\ndo = 'measure.objects'\nshape = 'basic'"
    )
    summary = run_batch(recipe, [tmp_path / "dots.tif"], tmp_path / "out")
    n = 267 * 267
    assert summary.n_objects == n
    labels = read_labels(tmp_path / "out" / "labels" / "dots.tif")
    np.testing.assert_array_equal(np.sort(labels[labels > 0]), np.arange(1, n + 1))
    np.testing.assert_array_equal(
        read_objects_csv(tmp_path / "out" / "objects.csv", ["label"])["label"], np.arange(1, n + 1)
    )


@pytest.mark.parametrize("recipe", RECIPES, indirect=True)
def test_the_same_image_gives_the_same_numbers_twice(recipe):
    rng = np.random.default_rng(3)
    pixels = np.clip(two_discs() + rng.normal(0, 15, (60, 60)), 0, 255).astype(np.uint8)
    first, second = run(recipe, pixels), run(parse_recipe(recipe.to_toml()), pixels)
    np.testing.assert_array_equal(first.labels, second.labels)
    for name, column in first.objects.items():
        np.testing.assert_array_equal(column, second.objects[name])
