from __future__ import annotations

import numpy as np
import pytest

from granum import pipeline
from granum.app.preview_layers import (
    cut_tile,
    find_histogram,
    find_legend,
    full_points,
    has_layer,
    layer_kinds,
    make_layer,
    write_layer,
)
from granum.errors import SettingError
from granum.image import Image
from granum.learn.scribbles import PixelClass
from granum.recipe import load_recipe, parse_recipe
from granum.samples import simulate_particles
from granum.separate.distance import distance_map


@pytest.fixture(scope="module")
def ran():
    picture = simulate_particles("discs", size=256, count=15, seed=2, dtype="uint16").image
    return pipeline.run("particles", Image.from_array(picture))


def test_every_layer_has_its_kind_and_distance_and_peaks_come_from_the_mask(ran):
    kinds = layer_kinds(ran.recipe)
    assert kinds == {
        "image": "image", "area": "mask", "mask": "mask", "relief": "image", "labels": "labels", "distance": "image",
        "peaks": "points",
    }  # fmt: skip
    np.testing.assert_array_equal(make_layer(ran.recipe, ran.layers, "distance"), distance_map(ran.layers["mask"]))
    assert make_layer(ran.recipe, ran.layers, "peaks").shape[1] == 2


def test_a_layer_that_was_renamed_keeps_its_kind():
    recipe = load_recipe("particles-dark-on-carbon")
    assert layer_kinds(recipe)["smooth"] == "image"
    assert layer_kinds(recipe)["peaks"] == "points"


def test_a_name_that_is_a_path_stays_in_the_folder(tmp_path):
    text = '[[step]]\ndo = "preprocess.denoise"\ninto = "../../evil"\n[[step]]\ndo = "segment.threshold"\n'
    recipe = parse_recipe(text)
    assert layer_kinds(recipe)["../../evil"] == "image"
    layer = write_layer(tmp_path, "../../evil", "image", np.zeros((4, 4)), 0)
    assert layer.path.parent == tmp_path


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f4", "f8", "u8"])
def test_stored_values_mean_the_grey_levels(tmp_path, dtype):
    values = np.arange(70, dtype=dtype).reshape(7, 10) * (3 if dtype == "u1" else 1)
    values = values - np.asarray(20, dtype) if dtype[0] in "if" else values
    layer = write_layer(tmp_path, "image", "image", values, 0)
    stored = np.load(layer.path)
    assert stored.dtype == np.uint16
    back = layer.value_offset + layer.value_scale * stored.astype(float)
    np.testing.assert_allclose(back, values.astype(float), atol=layer.value_scale / 2 + 1e-9)
    assert layer.high > layer.low


@pytest.mark.parametrize(
    "values", [np.full((3, 3), np.nan), np.full((3, 3), 7.0), np.array([[1.7e308, -1.7e308], [np.inf, np.nan]])]
)
def test_values_that_are_no_picture_are_stored_all_the_same(tmp_path, values):
    layer = write_layer(tmp_path, "image", "image", values, 0)
    assert np.isfinite([layer.value_scale, layer.value_offset, layer.low, layer.high]).all()


def test_points_of_a_halved_image_lie_on_the_pixels_that_they_came_from():
    assert full_points(np.array([[0.0, 3.0]]), 1).tolist() == [[0.5, 6.5]]
    assert full_points(np.array([[0.0, 3.0]]), 0).tolist() == [[0.0, 3.0]]
    assert full_points(np.zeros((0, 2)), 2).shape == (0, 2)


def test_tiles_of_labels_have_a_halo_and_are_decimated():
    labels = np.arange(600 * 700, dtype=np.int32).reshape(600, 700)
    tile = cut_tile(labels, "labels", 0, 0, 1, 1)
    assert tile.dtype == np.dtype("<u4")
    assert tile.shape == (600 - 512 + 2, 700 - 512 + 2)
    assert tile[1, 1] == labels[512, 512]
    assert tile[0, 0] == labels[511, 511]
    assert tile[-1, -1] == labels[-1, -1]
    half = cut_tile(labels, "labels", 0, 1, 0, 0)
    assert half.shape == (302, 352)
    assert half[1, 2] == labels[0, 2]
    assert cut_tile(np.zeros((600, 700), np.int32), "labels", 0, 0, 0, 0) is None


def test_tiles_of_classes_are_bytes_with_a_halo():
    classes = np.full((600, 700), 3, np.uint8)
    tile = cut_tile(classes, "classes", 0, 0, 1, 1)
    assert (tile.dtype, tile.shape) == (np.dtype("u1"), (600 - 512 + 2, 700 - 512 + 2))
    assert (tile == 3).all()


def test_classes_have_the_legend_of_the_step_that_wrote_them():
    text = '[[step]]\ndo = "segment.pixel_clusters"\ninto = "first"\n[[step]]\ndo = "segment.pixel_clusters"\n'
    recipe = parse_recipe(text)
    assert (layer_kinds(recipe)["first"], layer_kinds(recipe)["classes"]) == ("classes", "classes")
    layers = {"first": np.array([[0, 2]], np.uint8), "classes": np.ones((1, 2), np.uint8)}
    layers["legend"] = (PixelClass(1, "of the second"),)
    legend = find_legend(recipe, layers, "classes")
    assert [(one.id, one.name, one.colour) for one in legend] == [(1, "of the second", "#0072b2")]
    assert [(one.id, one.name) for one in find_legend(recipe, layers, "first")] == [(2, "2")]


def test_tiles_of_images_are_averaged_and_have_no_halo():
    image = np.arange(600 * 700, dtype=np.uint32).reshape(600, 700).astype(np.uint16)
    np.testing.assert_array_equal(cut_tile(image, "image", 0, 0, 1, 1), image[512:, 512:])
    half = cut_tile(image, "image", 1, 2, 0, 0)
    assert half.shape == (300, 350)
    assert half[0, 0] == (int(image[0, 0]) + int(image[0, 1]) + int(image[1, 0]) + int(image[1, 1]) + 2) // 4


def test_the_histogram_counts_all_pixels_and_its_threshold_is_the_one_that_was_used(ran):
    picture = np.tile(np.arange(256, dtype=np.uint16), (64, 1)) * 100
    result = pipeline.run(parse_recipe('[[step]]\ndo = "segment.threshold"\n'), Image.from_array(picture))
    histogram = find_histogram(result.recipe, result)
    assert sum(histogram.counts) == picture.size
    assert histogram.threshold == result.threshold
    assert histogram.low == 0
    assert histogram.high >= 25500
    found = find_histogram(ran.recipe, ran)
    assert found is None or sum(found.counts) == ran.picture.size


def test_local_thresholds_have_no_histogram():
    text = '[[step]]\ndo = "segment.threshold"\nmethod = "sauvola"\n'
    result = pipeline.run(parse_recipe(text), Image.from_array(np.eye(32)))
    assert find_histogram(result.recipe, result) is None


def test_an_image_that_floats_counts_its_largest_value():
    values = np.linspace(-3, 5, 400, dtype=np.float32).reshape(20, 20)
    result = pipeline.run(parse_recipe('[[step]]\ndo = "segment.threshold"\n'), Image.from_array(values))
    assert sum(find_histogram(result.recipe, result).counts) == 400


def test_a_channel_that_may_be_missing_and_is_has_no_layer():
    text = """
    [channels.seen]
    [channels.other]
    optional = true
    [[step]]
    do = "segment.threshold"
    from = { image = "channel.seen", area = "channel.other" }
    """
    recipe = parse_recipe(text)
    kinds = layer_kinds(recipe)
    assert kinds["channel.seen"] == kinds["channel.other"] == "image"
    layers = pipeline.run(recipe, Image.from_array(np.arange(600.0).reshape(20, 30))).layers
    assert [name for name in kinds if has_layer(layers, name)] == ["channel.seen", "mask", "distance", "peaks"]
    with pytest.raises(SettingError, match=r"'channel.other': this image has none"):
        make_layer(recipe, layers, "channel.other")
