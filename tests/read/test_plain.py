"""PNG, JPEG and BMP: depth, colour, palette, alpha, orientation."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image as PillowImage

from granum.errors import ReadError, SettingError
from granum.read import read_image

COLOUR = np.random.default_rng(3).integers(0, 65536, (12, 17, 3), dtype=np.uint16)


def test_16_bit_rgb_png_stays_16_bit(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(COLOUR))
    image = read_image(tmp_path / "a.png")
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image.plane(channel="red"), COLOUR[..., 0])


def test_true_colour_asks_for_a_channel(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(COLOUR))
    with pytest.raises(SettingError, match=r"true colour; choose one of 0 .red., 1 .green., 2 .blue."):
        read_image(tmp_path / "a.png").plane()


@pytest.mark.parametrize("samples", [3, 4])
def test_grey_stored_as_rgb_becomes_grey_with_a_note(tmp_path: Path, samples: int) -> None:
    pixels = np.repeat(COLOUR[..., :1], samples, axis=2)
    if samples == 4:
        pixels[..., 3] = 65535
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels))
    image = read_image(tmp_path / "a.png")
    assert image.shape == (1, 1, 1, 12, 17)
    assert image.notes == ("Stored as RGB but grey throughout; read as one grey channel.",)
    np.testing.assert_array_equal(image.plane(), pixels[..., 0])
    np.testing.assert_array_equal(image.plane(), pixels[..., 0])


def test_an_alpha_channel_that_varies_is_dropped_with_a_note(tmp_path: Path) -> None:
    pixels = np.dstack([COLOUR, COLOUR[..., 0]])
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels))
    image = read_image(tmp_path / "a.png")
    assert image.shape[1] == 3
    assert "alpha" in image.notes[0]


def test_a_palette_is_read_as_its_colours(tmp_path: Path) -> None:
    picture = PillowImage.fromarray((COLOUR >> 8).astype(np.uint8)).quantize(16)
    picture.save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.colour
    np.testing.assert_array_equal(image.plane(channel=1), np.asarray(picture.convert("RGB"))[..., 1])


def test_exif_turns_a_jpeg_upright(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (20, 1))
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    PillowImage.fromarray(ramp).save(tmp_path / "a.jpg", exif=exif, quality=95)
    image = read_image(tmp_path / "a.jpg")
    assert image.shape[3:] == (60, 20)
    assert np.abs(image.plane().astype(int) - np.rot90(ramp, -1)).max() < 8
    assert "EXIF" in image.notes[0]


def test_a_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    PillowImage.new("CMYK", (16, 12), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    image = read_image(tmp_path / "a.jpg")
    assert image.channel_names == ("red", "green", "blue")
    assert image.plane(channel="red").mean() > 240
    assert image.plane(channel="blue").mean() < 15


def test_a_12_bit_jpeg_keeps_its_bits(tmp_path: Path) -> None:
    pixels = np.tile(np.arange(0, 4096, 64, dtype=np.uint16), (16, 1))
    (tmp_path / "a.jpg").write_bytes(imagecodecs.jpeg_encode(pixels, level=98, bitspersample=12))
    image = read_image(tmp_path / "a.jpg")
    assert image.dtype == np.uint16
    assert np.abs(image.plane().astype(int) - pixels).max() < 40


def test_a_bmp_reads_exactly(tmp_path: Path) -> None:
    pixels = (COLOUR >> 8).astype(np.uint8)
    PillowImage.fromarray(pixels).save(tmp_path / "a.bmp")
    np.testing.assert_array_equal(read_image(tmp_path / "a.bmp").plane(channel="blue"), pixels[..., 2])


def bomb(path: Path, side: int, depth: int = 16) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, depth, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", bytes(2000)) + chunk(b"IEND", b""))


def test_a_bomb_is_refused_and_the_limit_named(tmp_path: Path) -> None:
    bomb(tmp_path / "bomb.png", 60_000)
    with pytest.raises(ReadError, match=r"bomb\.png: .*6\.706 GiB, above the limit of 4 GiB"):
        read_image(tmp_path / "bomb.png")


def test_the_limit_can_be_moved_by_hand(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(COLOUR))
    with pytest.raises(ReadError, match="above the limit of 1000 bytes"):
        read_image(tmp_path / "a.png", max_plane_bytes=1000)


@pytest.mark.slow
def test_a_legitimate_20000_square_png_opens(tmp_path: Path) -> None:
    (tmp_path / "big.png").write_bytes(imagecodecs.png_encode(np.full((20_000, 20_000), 7, np.uint8), level=1))
    assert read_image(tmp_path / "big.png").plane()[-1, -1] == 7


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_large_jpeg_has_the_pixels_of_a_small_one_and_a_cut_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    from granum.read import plain

    rng = np.random.default_rng(3)
    shape = (70, 90, 3) if mode == "RGB" else (70, 90)
    PillowImage.fromarray(rng.integers(0, 255, shape).astype(np.uint8)).save(tmp_path / "a.jpg", quality=80)
    as_small = [read_image(tmp_path / "a.jpg").read_plane(0, c, 0) for c in range(len(mode))]
    monkeypatch.setattr(plain, "_LARGE_JPEG", 100)
    as_large = [read_image(tmp_path / "a.jpg").read_plane(0, c, 0) for c in range(len(mode))]
    assert np.array_equal(as_small, as_large)
    data = (tmp_path / "a.jpg").read_bytes()
    for part in (0.5, 0.9, 0.999):
        (tmp_path / "a.jpg").write_bytes(data[: int(part * len(data))])
        with pytest.raises(ReadError, match="truncated JPEG"):
            read_image(tmp_path / "a.jpg").read_plane(0, 0, 0)


def test_a_cut_12_bit_jpeg_is_refused(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4095, (40, 50)).astype(np.uint16)
    data = imagecodecs.jpeg_encode(pixels, level=98, bitspersample=12)
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(ReadError, match="truncated JPEG"):
        read_image(tmp_path / "a.jpg").read_plane(0, 0, 0)
