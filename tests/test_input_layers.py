from __future__ import annotations

import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.image import Image
from granum.input_layers import layer_keys, read_layers
from granum.recipe import load_recipe

SCRIBBLES = load_recipe("scribbles")


def colour(dtype=np.uint8):
    return Image.from_array(np.arange(24).reshape(3, 2, 4).astype(dtype), axes="CYX", channel_names=("r", "g", "b"))


def test_a_recipe_of_one_image_still_wants_a_channel():
    with pytest.raises(SettingError, match="has 3 channels"):
        read_layers(load_recipe("particles"), colour(), {}, 0, None)


def test_an_array_in_place_of_an_image_is_told_what_to_do():
    plane = np.zeros((8, 8), np.uint8)
    with pytest.raises(SettingError, match=r"image: is ndarray, not an Image; make one with granum\.Image\.from_array"):
        read_layers(load_recipe("particles"), plane, {}, 0, None)
    with pytest.raises(SettingError, match="channel 'live': is ndarray"):
        read_layers(load_recipe("live-dead"), Image.from_array(plane), {"live": plane, "dead": 0}, 0, None)


def test_the_confluency_of_a_colour_photograph_is_that_of_its_mean():
    image = Image.from_array(np.arange(24).reshape(3, 2, 4).astype(np.uint8), axes="CYX", colour=True)
    layers, _, notes = read_layers(load_recipe("confluency"), image, {}, 0, None)
    assert (layers["image"] == np.arange(8, 16).reshape(2, 4)).all()
    assert any("true colour" in note for note in notes)
    layers, _, notes = read_layers(load_recipe("confluency"), image, {"image": 0}, 0, None)
    assert layers["image"].max() == 7
    assert not notes
    with pytest.raises(SettingError, match="true colour"):
        read_layers(load_recipe("particles"), image, {}, 0, None)


def test_a_recipe_of_all_channels_gets_them_their_names_and_their_mean():
    image = colour().with_pixel_size("2 x 8 nm")
    layers, flags, notes = read_layers(SCRIBBLES, image, {}, 0, None)
    assert layers["channels"].shape == (3, 2, 4)
    assert layers["channel_names"] == ("r", "g", "b")
    assert layers["pixel_size_nm"] == pytest.approx(4)
    assert (layers["image"] == layers["channels"][1]).all()
    assert not flags
    assert any("3 channels" in note for note in notes)


def test_a_chosen_channel_is_all_that_there_is():
    layers, _, notes = read_layers(SCRIBBLES, colour(), {"image": "g"}, 0, None)
    assert layers["channels"].shape == (1, 2, 4)
    assert np.shares_memory(layers["channels"], layers["image"])
    assert "channel_names" not in layers
    assert not notes


def test_other_files_follow_the_channels_of_the_image():
    grey, other = (
        Image.from_array(np.full((2, 4), value, np.uint8) + np.eye(2, 4, dtype=np.uint8)) for value in (1, 2)
    )
    layers, _, _ = read_layers(SCRIBBLES, grey, {"second": other}, 0, None)
    assert layers["channels"][:, 0, 1].tolist() == [1, 2]
    assert layers["image"][0, 1] == 1
    with pytest.raises(ShapeError, match="same field"):
        read_layers(SCRIBBLES, grey, {"second": Image.from_array(np.zeros((3, 3)))}, 0, None)


def test_keys_tell_pixels_and_what_is_known_of_them():
    layers, _, _ = read_layers(SCRIBBLES, colour(), {}, 0, None)
    keys = layer_keys(layers)
    assert set(keys) == {"image", "channels", "channel_names"}
    other, _, _ = read_layers(SCRIBBLES, colour().with_pixel_size("1 nm"), {}, 0, None)
    assert keys.items() < layer_keys(other).items()
    swapped = np.arange(24).reshape(3, 2, 4).astype(np.uint8)[[1, 0, 2]]
    changed, _, _ = read_layers(SCRIBBLES, Image.from_array(swapped, axes="CYX"), {}, 0, None)
    assert layer_keys(changed)["channels"] != keys["channels"]
