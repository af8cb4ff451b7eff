from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from granum.errors import ShapeError
from granum.report import png
from granum.report.png import encode_palette_png

PALETTE = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (40, 60), (1100, 1500)])
def test_another_program_reads_the_same_colours(shape):
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    picture = PillowImage.open(io.BytesIO(encode_palette_png(pixels, PALETTE)))
    assert picture.mode == "P"
    assert np.array_equal(np.asarray(picture.convert("RGB")), PALETTE[pixels])


def test_the_first_colour_can_be_transparent():
    pixels = np.array([[0, 1, 2]], dtype=np.uint8)
    picture = PillowImage.open(io.BytesIO(encode_palette_png(pixels, PALETTE[:3], transparent=True)))
    assert np.asarray(picture.convert("RGBA"))[0, :, 3].tolist() == [0, 255, 255]


def test_the_bytes_do_not_depend_on_the_number_of_cores(monkeypatch):
    pixels = np.random.default_rng(2).integers(0, 256, (1200, 2000), dtype=np.uint8)
    data = encode_palette_png(pixels, PALETTE)
    monkeypatch.setattr(png.os, "cpu_count", lambda: 1)
    assert encode_palette_png(pixels, PALETTE) == data


def test_pixels_and_palette_must_fit():
    with pytest.raises(ShapeError, match="PNG"):
        encode_palette_png(np.zeros((2, 2, 3), np.uint8), PALETTE)
    with pytest.raises(ShapeError, match="PNG"):
        encode_palette_png(np.zeros((2, 2), np.uint8), np.zeros((300, 3), np.uint8))
