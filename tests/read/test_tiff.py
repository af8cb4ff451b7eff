"""TIFF dialects: pixels, axes, pixel sizes, and files that lie."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile

from granum.errors import ReadError
from granum.read import read_image


@pytest.mark.parametrize("name", ["tiff lzw", "bigtiff", "imagej", "ome"])
def test_stacks_come_back_exactly(name: str, sample_files: dict[str, Path], stack: np.ndarray) -> None:
    np.testing.assert_array_equal(read_image(sample_files[name]).series(), stack)


def test_imagej_gives_pixel_size_and_times(sample_files: dict[str, Path]) -> None:
    image = read_image(sample_files["imagej"])
    assert str(image.pixel_size) == "0.5 nm (from the file)"
    assert image.frame_times_s == (0.0, 0.5, 1.0, 1.5)
    assert image.format == "ImageJ TIFF"


def test_imagej_hyperstack_keeps_its_channels_and_z(tmp_path: Path) -> None:
    pixels = np.arange(2 * 3 * 2 * 5 * 7, dtype=np.uint16).reshape(2, 3, 2, 5, 7)
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, metadata={"axes": "TZCYX"})
    image = read_image(tmp_path / "a.tif")
    assert image.shape == (2, 2, 3, 5, 7)
    np.testing.assert_array_equal(image.plane(frame=1, channel=1, z=2), pixels[1, 2, 1])


@pytest.mark.parametrize("unit", ["inch", "cm"])
def test_imagej_print_resolutions_are_no_pixel_size(tmp_path: Path, unit: str) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", np.eye(9, dtype=np.uint8), imagej=True, resolution=(72, 72), metadata={"unit": unit}
    )
    image = read_image(tmp_path / "a.tif")
    assert image.pixel_size is None
    assert any("print resolution" in note for note in image.notes)


def test_ome_gives_pixel_size_channels_and_times(tmp_path: Path) -> None:
    about = {
        "axes": "TCYX", "PhysicalSizeX": 325.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 325.0,
        "PhysicalSizeYUnit": "nm", "Channel": {"Name": ["Hoechst", "Draq7"]}, "TimeIncrement": 30.0,
        "TimeIncrementUnit": "s",
    }  # fmt: skip
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((3, 2, 8, 9), np.uint16), metadata=about)
    image = read_image(tmp_path / "a.ome.tif")
    assert image.channel_names == ("Hoechst", "Draq7")
    assert image.frame_times_s == (0.0, 30.0, 60.0)
    assert image.pixel_size is not None
    assert image.pixel_size.nm == (325.0, 325.0)


@pytest.mark.parametrize(("x", "y", "known"), [(0.0, 0.0, False), (-1.0, -1.0, False), (0.1, 0.2, True)])
def test_doubtful_ome_pixel_sizes_are_noted(tmp_path: Path, x: float, y: float, known: bool) -> None:
    about = {"axes": "YX", "PhysicalSizeX": x, "PhysicalSizeY": y}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.eye(9, dtype=np.uint8), metadata=about)
    image = read_image(tmp_path / "a.ome.tif")
    assert (image.pixel_size is not None) == known
    assert any("not positive" in note or "not square" in note for note in image.notes)


@pytest.mark.parametrize("dpi", [72, 96, 300])
def test_dpi_is_no_pixel_size(tmp_path: Path, dpi: int) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", np.eye(9, dtype=np.uint8), resolution=(dpi, dpi), resolutionunit="INCH", metadata=None
    )
    image = read_image(tmp_path / "a.tif")
    assert image.pixel_size is None
    assert image.notes == ()


def test_a_resolution_too_fine_for_printing_is_told_but_not_taken(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", np.eye(9, dtype=np.uint8), resolution=(1e6, 1e6), resolutionunit="CENTIMETER", metadata=None
    )
    image = read_image(tmp_path / "a.tif")
    assert image.pixel_size is None
    assert '--pixel-size "0.01 um"' in image.notes[0]


def test_fei_tags_give_the_pixel_size(tmp_path: Path) -> None:
    text = "[Scan]\r\nPixelWidth=2.5e-009\r\nPixelHeight=2.5e-009\r\n[PrivateFei]\r\nDatabarHeight=64\r\n"
    tags = [(34682, 2, len(text) + 1, text, True)]
    tifffile.imwrite(tmp_path / "a.tif", np.eye(9, dtype=np.uint8), extratags=tags, metadata=None)
    image = read_image(tmp_path / "a.tif")
    assert str(image.pixel_size) == "2.5 nm (from the file)"
    assert image.metadata["info_bar_height_px"] == 64


def test_zeiss_tags_give_the_pixel_size(tmp_path: Path) -> None:
    text = "\r\n".join(["0"] * 69) + "\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 558.2 pm\r\n"
    tags = [(34118, 1, len(text), text.encode(), True)]
    tifffile.imwrite(tmp_path / "a.tif", np.eye(9, dtype=np.uint8), extratags=tags, metadata=None)
    image = read_image(tmp_path / "a.tif")
    assert image.format == "TIFF (Zeiss SEM)"
    assert image.pixel_size is not None
    assert image.pixel_size.nm[0] == pytest.approx(0.5582)


def test_16_bit_rgb_keeps_its_bits_and_names_its_channels(sample_files: dict[str, Path]) -> None:
    image = read_image(sample_files["tiff rgb"])
    assert image.colour
    assert image.dtype == np.uint16
    assert image.channel_names == ("red", "green", "blue")
    np.testing.assert_array_equal(image.plane(channel="green"), tifffile.imread(sample_files["tiff rgb"])[..., 1])


def test_pages_without_axes_are_frames_with_a_note(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for i in range(3):
            file.write(np.full((8, 9), i, np.uint8), metadata=None, contiguous=False)
    image = read_image(tmp_path / "a.tif")
    assert image.shape == (3, 1, 1, 8, 9)
    assert any("frames in time" in note for note in image.notes)


def test_a_thumbnail_in_front_is_passed_over(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.zeros((8, 9), np.uint8), metadata=None)
        file.write(np.ones((80, 90), np.uint8), metadata=None)
    image = read_image(tmp_path / "a.tif")
    assert image.shape[3:] == (80, 90)
    assert "largest" in image.notes[0]


@pytest.mark.parametrize(
    ("dtype", "order"), [("uint16", ">"), ("int16", ">"), ("float32", "<"), ("uint32", ">"), ("uint8", "<")]
)
def test_byte_orders_and_types_come_back_native(tmp_path: Path, dtype: str, order: str) -> None:
    pixels = np.arange(-20, 36).reshape(7, 8).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, byteorder=order)
    plane = read_image(tmp_path / "a.tif").plane()
    assert plane.dtype == np.dtype(dtype)
    assert plane.dtype.isnative
    np.testing.assert_array_equal(plane, pixels)


def test_complex_pixels_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 5), np.complex64))
    with pytest.raises(ReadError, match="complex64"):
        read_image(tmp_path / "a.tif")


def test_a_ring_of_directories_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop.tif"
    tifffile.imwrite(path, np.zeros((5, 5), np.uint8), metadata=None)
    content = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", content, 4)
    (n,) = struct.unpack_from("<H", content, start)
    struct.pack_into("<I", content, start + 2 + 12 * n, start)
    path.write_bytes(content)
    with pytest.raises(ReadError, match="endless loop"):
        read_image(path)


def lying_tiff(path: Path, width: int, height: int) -> None:
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16), (259, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8),
            (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 64)]  # fmt: skip
    body = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    path.write_bytes(b"II*\0" + struct.pack("<I", 72) + bytes(64) + struct.pack("<H", len(tags)) + body + bytes(4))


@pytest.mark.parametrize(
    ("side", "match"), [(1_000_000_000, "above the limit of 4 GiB"), (60_000, "above the limit"), (40_000, "10,000:1")]
)
def test_lying_headers_are_refused_before_memory_is_taken(tmp_path: Path, side: int, match: str) -> None:
    lying_tiff(tmp_path / "lie.tif", side, side)
    tracemalloc.start()
    with pytest.raises(ReadError, match=match):
        read_image(tmp_path / "lie.tif")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_a_tag_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tag.tif"
    tifffile.imwrite(path, np.zeros((5, 5), np.uint8), description="x" * 40, metadata=None)
    content = path.read_bytes()
    at = content.index(struct.pack("<HH", 270, 2))
    path.write_bytes(content[: at + 4] + struct.pack("<I", 100_000_000) + content[at + 8 :])
    with pytest.raises(ReadError, match="tag 270 claims"):
        read_image(path)


def test_an_xml_bomb_is_refused(tmp_path: Path) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><OME>&b;</OME>'
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((5, 5), np.uint8), description=bomb, metadata=None)
    with pytest.raises(ReadError, match="entities"):
        read_image(tmp_path / "a.ome.tif")
