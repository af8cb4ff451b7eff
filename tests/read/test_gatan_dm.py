"""DM3 and DM4."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from granum.errors import ReadError
from granum.read import read_image


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_film_comes_back_with_size_and_times(
    tmp_path: Path, make_dm: Callable[..., bytes], stack: np.ndarray, version: int, order: str
) -> None:
    path = tmp_path / f"film.dm{version}"
    path.write_bytes(make_dm(stack, version=version, order=order))
    image = read_image(path)
    assert image.format == f"DM{version}"
    np.testing.assert_array_equal(image.series(), stack)
    assert str(image.pixel_size) == "0.25 nm (from the file)"
    assert image.frame_times_s == (0.0, 0.5, 1.0, 1.5)
    assert image.metadata["Voltage"] == 200000.0


@pytest.mark.parametrize(("dtype", "kind"), [("int16", 1), ("float32", 2), ("uint8", 6), ("int32", 7), ("float64", 12)])
def test_every_real_type_reads(tmp_path: Path, make_dm: Callable[..., bytes], dtype: str, kind: int) -> None:
    pixels = np.arange(30).reshape(5, 6).astype(dtype)
    (tmp_path / "a.dm3").write_bytes(make_dm(pixels, kind=kind, thumbnail=False))
    np.testing.assert_array_equal(read_image(tmp_path / "a.dm3").plane(), pixels)


def test_a_length_on_the_third_axis_is_z(tmp_path: Path, make_dm: Callable[..., bytes], stack: np.ndarray) -> None:
    (tmp_path / "a.dm3").write_bytes(make_dm(stack, third=(2.0, "nm")))
    assert read_image(tmp_path / "a.dm3").shape == (1, 1, 4, 23, 31)


@pytest.mark.parametrize(("scale", "units"), [(0.0, "nm"), (-1.0, "nm"), (0.1, "1/nm")])
def test_useless_pixel_sizes_are_dropped_with_a_note(
    tmp_path: Path, make_dm: Callable[..., bytes], stack: np.ndarray, scale: float, units: str
) -> None:
    (tmp_path / "a.dm4").write_bytes(make_dm(stack, version=4, scale=scale, units=units))
    image = read_image(tmp_path / "a.dm4")
    assert image.pixel_size is None
    assert any("dropped" in note for note in image.notes)


def test_complex_images_are_refused(tmp_path: Path, make_dm: Callable[..., bytes], stack: np.ndarray) -> None:
    (tmp_path / "a.dm3").write_bytes(make_dm(stack, kind=3))
    with pytest.raises(ReadError, match="complex"):
        read_image(tmp_path / "a.dm3")
