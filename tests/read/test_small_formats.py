"""SER, MRC, OME-Zarr and .npy."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from granum.errors import ReadError
from granum.read import read_image


@pytest.mark.parametrize("version", [0x0210, 0x0220])
@pytest.mark.parametrize("padded", [True, False])
def test_ser_gives_frames_size_and_times(
    tmp_path: Path, make_ser: Callable[..., bytes], stack: np.ndarray, version: int, padded: bool
) -> None:
    (tmp_path / "a.ser").write_bytes(make_ser(stack, version=version, padded=padded))
    image = read_image(tmp_path / "a.ser")
    np.testing.assert_array_equal(image.series(), stack)
    assert image.pixel_size is not None
    assert image.pixel_size.nm == pytest.approx((0.15, 0.15))
    assert image.frame_times_s == (0.0, 2.0, 4.0, 6.0)


def test_a_stopped_ser_acquisition_gives_what_is_there(
    tmp_path: Path, make_ser: Callable[..., bytes], stack: np.ndarray
) -> None:
    (tmp_path / "a.ser").write_bytes(make_ser(stack, total=9))
    image = read_image(tmp_path / "a.ser")
    assert image.n_frames == 4
    assert "4 of 9" in image.notes[0]


def test_a_ser_step_of_a_diffraction_pattern_is_dropped(
    tmp_path: Path, make_ser: Callable[..., bytes], stack: np.ndarray
) -> None:
    (tmp_path / "a.ser").write_bytes(make_ser(stack, step=1.2e7))
    image = read_image(tmp_path / "a.ser")
    assert image.pixel_size is None
    assert "not believable" in image.notes[0]


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "uint16", "float16"])
def test_mrc_reads_as_mrcfile_does(tmp_path: Path, dtype: str) -> None:
    pixels = np.arange(60).reshape(3, 4, 5).astype(dtype)
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(pixels)
        file.set_image_stack()
        file.voxel_size = 1.7
    image = read_image(tmp_path / "a.mrc")
    np.testing.assert_array_equal(image.series(), pixels)
    assert image.pixel_size is not None
    assert image.pixel_size.nm == pytest.approx((0.17, 0.17))


def test_an_mrc_volume_lies_on_z(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(np.zeros((3, 4, 5), np.float32))
        file.set_volume()
    image = read_image(tmp_path / "a.mrc")
    assert image.shape == (1, 1, 3, 4, 5)
    assert image.pixel_size is None


def test_a_negative_mrc_voxel_is_dropped_with_a_note(sample_files: dict[str, Path], tmp_path: Path) -> None:
    content = bytearray(sample_files["mrc"].read_bytes())
    struct.pack_into("<3f", content, 40, -10.0, -10.0, -10.0)
    (tmp_path / "a.mrc").write_bytes(content)
    image = read_image(tmp_path / "a.mrc")
    assert image.pixel_size is None
    assert "not positive" in image.notes[0]


@pytest.mark.parametrize("version", [4, 5])
def test_ome_zarr_gives_axes_channels_size_and_times(
    tmp_path: Path, make_zarr: Callable[..., None], version: int
) -> None:
    pixels = np.arange(2 * 2 * 6 * 7, dtype=np.uint16).reshape(2, 2, 6, 7)
    make_zarr(tmp_path / "a.zarr", pixels, version=version)
    image = read_image(tmp_path / "a.zarr")
    assert image.format == f"OME-Zarr 0.{version}"
    assert image.channel_names == ("DNA", "pH3")
    assert image.frame_times_s == (0.0, 30.0)
    assert str(image.pixel_size) == "0.65 um (from the file)"
    np.testing.assert_array_equal(image.plane(frame=1, channel="pH3"), pixels[1, 1])


def test_ome_zarr_that_points_outside_is_refused(tmp_path: Path, make_zarr: Callable[..., None]) -> None:
    make_zarr(tmp_path / "a.zarr", np.zeros((2, 2, 6, 7), np.uint8), version=4)
    about = tmp_path / "a.zarr" / ".zattrs"
    about.write_text(about.read_text().replace('"path": "0"', '"path": "../b"'))
    with pytest.raises(ReadError, match="outside"):
        read_image(tmp_path / "a.zarr")


def test_damaged_zarr_metadata_are_one_read_error(tmp_path: Path, make_zarr: Callable[..., None]) -> None:
    make_zarr(tmp_path / "a.zarr", np.zeros((2, 2, 6, 7), np.uint8), version=4)
    (tmp_path / "a.zarr" / "0" / ".zarray").write_text("{")
    with pytest.raises(ReadError, match=r"a\.zarr"):
        read_image(tmp_path / "a.zarr")


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asarray([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ReadError, match=r"a\.npy"):
        read_image(tmp_path / "a.npy")


@pytest.mark.parametrize("name", ["nd2", "lif", "czi"])
def test_missing_packages_are_named(tmp_path: Path, name: str) -> None:
    from granum.errors import MissingExtraError

    magic = {"nd2": b"\xda\xce\xbe\x0a", "lif": b"\x70\0\0\0", "czi": b"ZISRAWFILE"}[name]
    (tmp_path / f"a.{name}").write_bytes(magic + bytes(300))
    with pytest.raises((MissingExtraError, ReadError), match=r"pip install|cannot be read"):
        read_image(tmp_path / f"a.{name}")
