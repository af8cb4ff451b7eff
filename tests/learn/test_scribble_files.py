from __future__ import annotations

import json

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from granum.errors import ReadError, SettingError, ShapeError
from granum.learn import PixelClass
from granum.learn.scribble_files import assign_colours, read_drawing, read_scribbles

RED, GREEN, BLUE = (255, 0, 0), (0, 128, 0), (0, 0, 255)


def plane():
    numbers = np.zeros((40, 60), np.uint8)
    numbers[5:8, 10:20] = 1
    numbers[20:30, 40:44] = 2
    return numbers


def drawing(colours, ground=(0, 0, 0)):
    pixels = np.empty((40, 60, 3), np.uint8)
    pixels[:] = ground
    for number, colour in enumerate(colours, 1):
        pixels[plane() == number] = colour
    return pixels


def save(path, pixels, **more):
    Image.fromarray(pixels).save(path, **more)
    return path


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i4", "i2", "f4", "f8", ">u2"])
def test_label_images_of_every_type_are_read_alike_without_a_line_on_the_screen(tmp_path, dtype, capfd):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, plane().astype(dtype), compression="zlib")
    scribbles = read_scribbles(path, name="picture", shape=(40, 60))
    np.testing.assert_array_equal(scribbles.class_plane(), plane())
    assert scribbles.name == "picture"
    assert scribbles.notes == ()
    assert capfd.readouterr() == ("", "")


def test_png_of_8_and_16_bit_and_grey_stored_as_rgb_are_label_images(tmp_path):
    save(tmp_path / "8.png", plane())
    save(tmp_path / "16.png", plane().astype(np.uint16))
    save(tmp_path / "rgb.png", np.repeat(plane()[..., None], 3, axis=2))
    opaque = np.dstack([np.repeat(plane()[..., None], 3, axis=2), np.full((40, 60), 255, np.uint8)])
    save(tmp_path / "rgba.png", opaque)
    for path in tmp_path.iterdir():
        np.testing.assert_array_equal(read_scribbles(path).class_plane(), plane())


def test_indices_of_a_palette_are_classes_with_their_colours(tmp_path):
    picture = Image.fromarray(plane()).convert("P")
    picture = Image.fromarray(plane(), mode=None)
    picture = picture.convert("L")
    picture.putpalette([0, 0, 0, *RED, *GREEN])
    picture.save(tmp_path / "a.png")
    scribbles = read_scribbles(tmp_path / "a.png")
    np.testing.assert_array_equal(scribbles.class_plane(), plane())
    assert scribbles.names[2] == PixelClass(2, "class 2", "#008000")


def test_a_palette_with_transparent_ground_is_a_drawing(tmp_path):
    picture = Image.fromarray(plane())
    picture.putpalette([9, 9, 9, *RED, *GREEN])
    picture.save(tmp_path / "a.png", transparency=0)
    scribbles = read_scribbles(tmp_path / "a.png")
    assert [one.name for _, one in sorted(scribbles.names.items())] == ["#008000", "#ff0000"]
    np.testing.assert_array_equal(scribbles.class_plane() > 0, plane() > 0)


@pytest.mark.slow
def test_label_images_larger_than_pillow_opens_are_read(tmp_path):
    large = np.zeros((14_000, 14_000), np.uint8)
    large[13_000, 5:9] = 3
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(large, level=1))
    scribbles = read_scribbles(tmp_path / "a.png")
    assert (scribbles.n_px, scribbles.shape) == (4, (14_000, 14_000))


def test_indices_in_no_order_are_a_drawing(tmp_path):
    picture = Image.fromarray(np.array([2, 0, 1], np.uint8)[plane()])
    picture.putpalette([*RED, *GREEN, 255, 255, 255])
    picture.save(tmp_path / "a.png")
    scribbles = read_scribbles(tmp_path / "a.png")
    assert [one.name for _, one in sorted(scribbles.names.items())] == ["#008000", "#ff0000"]
    assert scribbles.class_plane()[6, 12] == 2


@pytest.mark.parametrize("ground", ["black", "white", "transparent", "half"])
def test_every_pure_colour_of_a_drawing_is_a_class_in_the_order_of_hex_codes(tmp_path, ground):
    if ground in ("black", "white"):
        pixels = drawing([RED, BLUE], (0, 0, 0) if ground == "black" else (255, 255, 255))
    else:
        alpha = np.where(plane() > 0, 255, 0 if ground == "transparent" else 100).astype(np.uint8)
        pixels = np.dstack([drawing([RED, BLUE], (9, 90, 200)), alpha])
    scribbles = read_scribbles(save(tmp_path / "a.png", pixels))
    np.testing.assert_array_equal(scribbles.class_plane(), np.array([0, 2, 1])[plane()])
    assert [(one.id, one.name, one.colour) for _, one in sorted(scribbles.names.items())] == [
        (1, "#0000ff", "#0000ff"),
        (2, "#ff0000", "#ff0000"),
    ]
    assert ("white counts as unpainted" in " ".join(scribbles.notes)) == (ground == "white")


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_drawings_may_be_tiff(tmp_path, planar):
    pixels = drawing([RED, BLUE])
    tifffile.imwrite(
        tmp_path / "a.tif",
        pixels if planar == "contig" else np.moveaxis(pixels, -1, 0),
        photometric="rgb",
        planarconfig=planar,
    )
    np.testing.assert_array_equal(read_scribbles(tmp_path / "a.tif").class_plane(), np.array([0, 2, 1])[plane()])


def test_black_and_white_strokes_can_be_drawn_on_transparent_ground(tmp_path):
    alpha = np.where(plane() > 0, 255, 0).astype(np.uint8)
    pixels = np.dstack([drawing([(0, 0, 0), (255, 255, 255)]), alpha])
    scribbles = read_scribbles(save(tmp_path / "a.png", pixels))
    np.testing.assert_array_equal(scribbles.class_plane(), plane())
    assert scribbles.names[2].name == "#ffffff"


def test_colours_are_the_classes_that_were_given_and_others_are_refused(tmp_path):
    path = save(tmp_path / "a.png", drawing([RED, BLUE]))
    classes = [PixelClass(7, "matrix", "#FF0000"), PixelClass(3, "pore", "#0000ff"), PixelClass(4, "crack")]
    scribbles = read_scribbles(path, classes=classes)
    np.testing.assert_array_equal(scribbles.class_plane(), np.array([0, 7, 3])[plane()])
    with pytest.raises(SettingError, match=r"a.png: is painted in #0000ff, no class; .* #FF0000 \(matrix\)"):
        read_scribbles(path, classes=classes[:1])


def test_drawings_that_are_learnt_from_together_share_their_colours(tmp_path):
    one = read_drawing(save(tmp_path / "a.png", drawing([RED, BLUE])))
    other = read_drawing(save(tmp_path / "b.png", drawing([GREEN])))
    ids = {colour: made.id for colour, made in assign_colours([one, other], ()).items()}
    assert ids == {"#0000ff": 1, "#008000": 2, "#ff0000": 3}


def test_strokes_painted_into_the_picture_are_refused_with_what_to_do(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    with pytest.raises(ReadError, match="colours, at most 32 are taken; draw on an empty layer"):
        read_scribbles(save(tmp_path / "a.png", noise))
    with pytest.raises(ReadError, match="most frequent colour is #123456"):
        read_scribbles(save(tmp_path / "b.png", drawing([RED, BLUE], (0x12, 0x34, 0x56))))
    with pytest.raises(ReadError, match="JPEG, which blurs strokes"):
        read_scribbles(save(tmp_path / "c.jpg", drawing([RED, BLUE])))
    drawings = [read_drawing(save(tmp_path / "d.png", drawing([(1 + i, 0, 0), (1 + i, 9, 0)]))) for i in range(17)]
    with pytest.raises(SettingError, match="34 colours in all"):
        assign_colours(drawings, ())


@pytest.mark.parametrize(
    ("array", "error", "words"),
    [
        (np.full((9, 9), 0.5, np.float32), ReadError, "fractions"),
        (np.full((9, 9), np.nan, np.float32), ReadError, "fractions"),
        (np.full((9, 9), -1, np.int16), ReadError, "negative number -1"),
        (np.full((9, 9), 300, np.uint16), ShapeError, "number 300; classes are 1 to 255.*objects"),
        (np.zeros((4, 9, 9), np.uint8), ReadError, "4 planes"),
    ],
)
def test_label_images_that_are_none_are_refused_with_the_name_of_the_file(tmp_path, array, error, words):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, photometric="minisblack")
    with pytest.raises(error, match=f"a.tif: .*{words}"):
        read_scribbles(path)


def test_another_size_than_the_image_is_refused_with_both(tmp_path):
    path = save(tmp_path / "a.png", plane())
    with pytest.raises(ShapeError, match=r"a.png: the strokes have 40 x 60 pixels, the image b.tif has 60 x 40"):
        read_scribbles(path, name="b.tif", shape=(60, 40))


def test_numbers_can_be_mapped_to_classes_and_every_painted_one_must_be(tmp_path):
    path = save(tmp_path / "a.png", plane())
    scribbles = read_scribbles(path, class_map={1: 9, 2: 0})
    np.testing.assert_array_equal(scribbles.class_plane(), np.array([0, 9, 0])[plane()])
    with pytest.raises(SettingError, match="number 2 is painted, but not in class_map"):
        read_scribbles(path, class_map={1: 9})


def test_names_inside_a_tiff_of_the_app_are_read(tmp_path):
    path = tmp_path / "a.tif"
    about = json.dumps({"classes": {"1": "grain", "2": "pore"}})
    tifffile.imwrite(path, plane(), description=about, metadata=None)
    assert read_scribbles(path).names[2].name == "pore"


def test_a_damaged_file_is_one_sentence(tmp_path):
    (tmp_path / "a.png").write_bytes(save(tmp_path / "b.png", plane()).read_bytes()[:60])
    with pytest.raises(ReadError, match=r"a\.png"):
        read_scribbles(tmp_path / "a.png")
    with pytest.raises(ReadError, match="no such file"):
        read_scribbles(tmp_path / "missing.png")
