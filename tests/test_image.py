from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum.errors import SettingError, ShapeError
from granum.image import Image, PixelSize


@pytest.mark.parametrize(
    ("text", "y", "x", "unit"),
    [
        ("0.5 nm", 0.5, 0.5, "nm"),
        ("0.5nm", 0.5, 0.5, "nm"),
        (".5 nm/px", 0.5, 0.5, "nm"),
        ("0.5 nm/pixel", 0.5, 0.5, "nm"),
        ("2 Å", 0.2, 0.2, "nm"),
        ("50 pm", 0.05, 0.05, "nm"),
        ("0.87 µm", 0.87, 0.87, "um"),
        ("0.87 μm", 0.87, 0.87, "um"),
        ("0.87 um", 0.87, 0.87, "um"),
        ("3 microns", 3, 3, "um"),
        ("0.1 mm", 0.1, 0.1, "mm"),
        ("2 cm", 20, 20, "mm"),
        ("5e-10 m", 0.5, 0.5, "nm"),
        ("5e-7 m", 0.5, 0.5, "um"),
        ("0.5 x 0.6 nm", 0.5, 0.6, "nm"),
        ("0.5 × 0.6 nm", 0.5, 0.6, "nm"),
    ],
)
def test_a_size_is_read_as_people_write_it(text, y, x, unit):
    size = PixelSize.parse(text)
    assert (size.y, size.x) == (pytest.approx(y), pytest.approx(x))
    assert (size.unit, size.source) == (unit, "typed")


def test_a_typed_number_keeps_its_digits():
    assert PixelSize.parse("0.87 um").x == 0.87
    assert PixelSize.parse("0.351 µm").x == 0.351


@pytest.mark.parametrize(
    "text",
    ["", "nm", "0.5", "0.5 px", "0.5 s", "half nm", "-0.5 nm", "0 nm", "1e30 m", "1e-9 nm", "1 x nm", "1e999 nm"],
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(SettingError, match="pixel size"):
        PixelSize.parse(text)


@given(st.floats(1e-6, 1e6), st.sampled_from(["pm", "Å", "nm", "um", "mm", "cm", "m"]))
def test_a_size_has_the_same_length_in_every_unit(value, word):
    in_nm = {"pm": 1e-3, "Å": 0.1, "nm": 1, "um": 1e3, "mm": 1e6, "cm": 1e7, "m": 1e9}[word]
    size = PixelSize.of(value, value, word, source="file")
    assert size.nm[0] == pytest.approx(value * in_nm, rel=1e-12)
    assert size.unit in ("nm", "um", "mm")


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_size_is_positive_and_finite(value):
    with pytest.raises(SettingError, match="positive"):
        PixelSize(value, 1, "nm", "file")
    with pytest.raises(SettingError, match="positive"):
        PixelSize(1, value, "nm", "file")


def test_a_size_knows_whether_it_is_square():
    assert PixelSize(1, 1.0005, "nm", "file").is_square
    oblong = PixelSize(1, 4, "nm", "file")
    assert not oblong.is_square
    assert oblong.mean == 2


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (PixelSize(0.5, 0.5, "nm", "file"), "0.5 nm (from the file)"),
        (PixelSize(0.5, 0.6, "um", "typed"), "0.5 x 0.6 um (typed)"),
        (PixelSize(2, 2, "nm", "scale bar"), "2 nm (scale bar)"),
    ],
)
def test_a_size_says_where_it_came_from(size, text):
    assert str(size) == text


def test_unknown_units_are_refused():
    with pytest.raises(SettingError, match="'px' is not one of"):
        PixelSize(1, 1, "px", "file")


@pytest.mark.parametrize(
    ("shape", "axes", "full"),
    [
        ((4, 5), None, (1, 1, 1, 4, 5)),
        ((3, 4, 5), None, (3, 1, 1, 4, 5)),
        ((3, 4, 5), "ZYX", (1, 1, 3, 4, 5)),
        ((4, 5, 3), "YXC", (1, 3, 1, 4, 5)),
        ((2, 3, 4, 5), "CTYX", (3, 2, 1, 4, 5)),
        ((6, 2, 3, 4, 5), "TCZYX", (6, 2, 3, 4, 5)),
    ],
)
def test_an_array_becomes_an_image_of_five_axes(shape, axes, full):
    pixels = np.arange(np.prod(shape)).reshape(shape)
    image = Image.from_array(pixels, axes=axes)
    assert image.shape == full
    assert image.n_frames == full[0]
    channel = 0 if full[1] > 1 else None
    z = 0 if full[2] > 1 else None
    assert image.plane(channel=channel, z=z).shape == (4, 5)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((5,), None), ((3, 4, 5), "YX"), ((4, 5), "TC"), ((4, 5), "YY"), ((3, 4, 5), "QYX"), ((2,) * 4, None)],
)
def test_axes_that_do_not_fit_are_refused(shape, axes):
    with pytest.raises(ShapeError, match="axes"):
        Image.from_array(np.zeros(shape), axes=axes)


def test_an_image_without_pixels_is_refused():
    with pytest.raises(ShapeError, match="at least one pixel"):
        Image.from_array(np.zeros((0, 5)))


def test_planes_come_from_the_right_place():
    pixels = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)
    image = Image.from_array(pixels, axes="TCZYX", channel_names=("a", "Hoechst", "c"))
    np.testing.assert_array_equal(image.plane(frame=1, channel="hoechst", z=3), pixels[1, 1, 3])
    np.testing.assert_array_equal(image.plane(frame=1, channel="2", z=3), pixels[1, 2, 3])
    np.testing.assert_array_equal(image.series(channel=2, z=0), pixels[:, 2, 0])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"frame": 2}, "no frame 2; it has 2"),
        ({"frame": -1}, "no frame -1"),
        ({"channel": 3}, r"no channel 3; it has 0 \(a\), 1 \(b\), 2 \(c\)"),
        ({"channel": "d"}, "no channel 'd'"),
        ({"channel": None}, "has 3 channels; choose one of"),
        ({"z": None}, "has 4 z planes; choose one"),
        ({"z": 4}, "no z plane 4"),
    ],
)
def test_a_plane_that_does_not_exist_is_named(choice, message):
    image = Image.from_array(np.zeros((2, 3, 4, 5, 6)), axes="TCZYX", channel_names=("a", "b", "c"))
    with pytest.raises(SettingError, match=message):
        image.plane(**{"frame": 0, "channel": 0, "z": 0, **choice})


def test_true_colour_asks_for_a_channel():
    image = Image.from_array(np.zeros((5, 6, 3)), axes="YXC", channel_names=("red", "green", "blue"), colour=True)
    with pytest.raises(SettingError, match=r"is true colour; choose one of 0 \(red\), .* --channel image=0"):
        image.plane()


def test_channel_names_must_fit():
    with pytest.raises(ShapeError, match="2 channel names for 1 channels"):
        Image.from_array(np.zeros((5, 6)), channel_names=("a", "b"))


def test_the_pixel_size_can_be_replaced():
    image = Image.from_array(np.zeros((5, 6)), pixel_size="1 nm")
    assert image.with_pixel_size("2 um").pixel_size == PixelSize(2, 2, "um", "typed")
    assert image.with_pixel_size(None).pixel_size is None
    assert image.pixel_size.x == 1
