from __future__ import annotations

import numpy as np
import pytest
import tifffile

from granum.errors import OutputError, ShapeError
from granum.image import PixelSize
from granum.learn.scribbles import PixelClass
from granum.report.class_images import class_palette, write_class_overlay, write_classes, write_probabilities
from granum.report.label_images import read_labels

LEGEND = (PixelClass(1, "matrix & more", "#102030"), PixelClass(9, 'a "b" <c>\x07'))
CLASSES = np.array([[0, 1, 1], [9, 9, 1]], np.uint8)


def test_class_images_keep_ids_and_carry_colours_names_and_pixel_size(tmp_path):
    path = tmp_path / "a.tif"
    write_classes(path, CLASSES, LEGEND, PixelSize(0.5, 0.5, "nm", "typed"))
    assert (read_labels(path) == CLASSES).all()
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        assert page.dtype == np.uint8
        assert page.photometric.name == "PALETTE"
        assert [int(value) >> 8 for value in page.colormap[:, 1]] == [0x10, 0x20, 0x30]
        xml = file.ome_metadata
    assert 'K="1">matrix &amp; more</M>' in xml
    assert 'K="9">a "b" &lt;c&gt; </M>' in xml
    assert 'PhysicalSizeX="0.5"' in xml
    first = path.read_bytes()
    write_classes(path, CLASSES, LEGEND, PixelSize(0.5, 0.5, "nm", "typed"))
    assert path.read_bytes() == first


def test_a_series_of_classes_is_one_stack(tmp_path):
    write_classes(tmp_path / "s.tif", np.stack([CLASSES, CLASSES[::-1]]), LEGEND)
    assert read_labels(tmp_path / "s.tif").shape == (2, 2, 3)


def test_what_is_no_class_image_is_refused(tmp_path):
    with pytest.raises(ShapeError, match="int32"):
        write_classes(tmp_path / "a.tif", CLASSES.astype(np.int32), LEGEND)
    with pytest.raises(ShapeError, match="2 classes"):
        write_probabilities(tmp_path / "p.tif", np.zeros((3, 4, 4), np.float32), LEGEND)
    with pytest.raises(OutputError, match="nowhere"):
        write_classes(tmp_path / "nowhere" / "a.tif", CLASSES, LEGEND)


def test_probabilities_are_channels_with_the_names_of_the_classes(tmp_path):
    values = np.random.default_rng(0).random((2, 4, 5)).astype(np.float32)
    write_probabilities(tmp_path / "p.tif", values, LEGEND, PixelSize(2, 2, "um", "file"))
    with tifffile.TiffFile(tmp_path / "p.tif") as file:
        assert (file.asarray() == values).all()
        assert file.imagej_metadata["Labels"][0] == "matrix & more"
        assert file.imagej_metadata["unit"] == "um"


def test_overlays_tint_the_picture_in_the_colours_of_the_classes(tmp_path):
    import cv2

    image = np.full((2, 3), 100, np.uint8)
    image[0] = 200
    write_class_overlay(
        tmp_path / "o.png", image, CLASSES, (PixelClass(1, "a", "#ff0000"), PixelClass(9, "b", "#00ff00"))
    )
    red_green = cv2.imread(str(tmp_path / "o.png"))[..., ::-1].astype(int)
    assert red_green[0, 0, 0] == red_green[0, 0, 1]
    assert red_green[0, 1, 0] > red_green[0, 1, 1]
    assert red_green[1, 0, 1] > red_green[1, 0, 0]


@pytest.mark.parametrize("n", [1, 2, 60, 255])
def test_any_number_of_classes_has_an_overlay(tmp_path, n):
    classes = (np.arange(300).reshape(15, 20) % n + 1).astype(np.uint8)
    legend = [PixelClass(number, str(number)) for number in range(1, n + 1)]
    write_class_overlay(tmp_path / "o.png", classes.astype(np.float32), classes, legend, classes > 0)
    assert (tmp_path / "o.png").stat().st_size > 50
    assert class_palette(legend)[0].tolist() == [0, 0, 0]
