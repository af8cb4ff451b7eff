from __future__ import annotations

import numpy as np
import pytest
import tifffile

from granum.errors import OutputError, ReadError, ShapeError
from granum.image import PixelSize
from granum.report.label_images import read_labels, write_labels


@pytest.mark.parametrize(
    ("largest", "dtype"), [(7, np.uint16), (65535, np.uint16), (65536, np.uint32), (70000, np.uint32)]
)
def test_labels_survive_in_the_smallest_type_that_holds_them(tmp_path, discs, largest, dtype):
    labels = discs[1].copy()
    labels[60, 80] = largest
    write_labels(tmp_path / "l.tif", labels)
    assert tifffile.imread(tmp_path / "l.tif").dtype == dtype
    back = read_labels(tmp_path / "l.tif")
    assert back.dtype == np.int32
    assert np.array_equal(back, labels)


def test_the_pixel_size_is_in_the_ome_xml_and_in_the_tags_of_imagej(tmp_path, discs):
    write_labels(tmp_path / "l.tif", discs[1], PixelSize(0.25, 0.5, "um", "file"))
    with tifffile.TiffFile(tmp_path / "l.tif") as tiff:
        assert tiff.is_ome
        pixels = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
        assert (pixels["PhysicalSizeY"], pixels["PhysicalSizeX"]) == (0.25, 0.5)
        assert pixels["PhysicalSizeXUnit"] == "µm"
        tags = tiff.pages[0].tags
        assert tags["ResolutionUnit"].value == 3
        x, y = (tags[name].value for name in ("XResolution", "YResolution"))
        assert (x[0] / x[1], y[0] / y[1]) == pytest.approx((20000, 40000))
        assert tags["Compression"].value == 8
        assert "DateTime" not in tags


def test_the_same_labels_have_the_same_bytes(tmp_path, discs):
    for name in "ab":
        (tmp_path / name).mkdir()
        write_labels(tmp_path / name / "l.tif", discs[1], PixelSize(1, 1, "nm", "typed"))
    assert (tmp_path / "a" / "l.tif").read_bytes() == (tmp_path / "b" / "l.tif").read_bytes()


def test_a_series_is_a_stack_with_the_axes_of_ome(tmp_path, discs):
    stack = np.stack([discs[1], discs[1] * 0, discs[1][::-1]])
    write_labels(tmp_path / "l.tif", stack)
    with tifffile.TiffFile(tmp_path / "l.tif") as tiff:
        assert tiff.series[0].axes == "TYX"
    assert np.array_equal(read_labels(tmp_path / "l.tif"), stack)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_single_pixels_and_lines_survive(tmp_path, shape):
    labels = np.ones(shape, dtype=np.int64)
    write_labels(tmp_path / "l.tif", labels)
    assert np.array_equal(read_labels(tmp_path / "l.tif"), labels)


@pytest.mark.parametrize(
    "labels", [np.zeros((2, 2)), np.full((2, 2), -1), np.zeros(4, int), np.zeros((0, 2), int), np.array([[2**40]])]
)
def test_what_is_no_label_image_is_refused(tmp_path, labels):
    with pytest.raises(ShapeError, match="labels"):
        write_labels(tmp_path / "l.tif", labels)
    assert not (tmp_path / "l.tif").exists()


def test_labels_of_other_programs_are_read_and_colours_are_refused(tmp_path, discs):
    tifffile.imwrite(tmp_path / "f.tif", discs[1].astype(np.float32))
    assert np.array_equal(read_labels(tmp_path / "f.tif"), discs[1])
    tifffile.imwrite(tmp_path / "half.tif", np.full((4, 4), 0.5, dtype=np.float32))
    with pytest.raises(ReadError, match="whole numbers"):
        read_labels(tmp_path / "half.tif")
    (tmp_path / "x.tif").write_bytes(b"no image")
    with pytest.raises(ReadError, match=r"x\.tif"):
        read_labels(tmp_path / "x.tif")


def test_a_place_that_cannot_be_written_is_said(tmp_path, discs):
    with pytest.raises(OutputError, match="cannot be written"):
        write_labels(tmp_path / "none" / "l.tif", discs[1])
