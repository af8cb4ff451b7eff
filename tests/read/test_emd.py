"""EMD files in both dialects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from granum.errors import ReadError
from granum.read import emd, read_image


def test_velox_detectors_become_channels_with_the_pixel_size(sample_files: dict[str, Path], stack: np.ndarray) -> None:
    image = read_image(sample_files["emd velox"])
    assert image.shape == (4, 2, 1, 23, 31)
    assert image.channel_names == ("HAADF", "BF")
    assert str(image.pixel_size) == "0.2 nm (from the file)"
    np.testing.assert_array_equal(image.plane(frame=2, channel="bf"), stack[2] + 1)


def test_ncem_axes_give_times_and_pixel_size(sample_files: dict[str, Path], stack: np.ndarray) -> None:
    image = read_image(sample_files["emd ncem"])
    assert image.frame_times_s == (0.0, 0.5, 1.0, 1.5)
    assert image.pixel_size is not None
    assert image.pixel_size.nm == pytest.approx((0.2, 0.2))
    np.testing.assert_array_equal(image.series(), stack)


def test_velox_without_pixel_size_says_so(tmp_path: Path, make_velox: Callable[..., None], stack: np.ndarray) -> None:
    make_velox(tmp_path / "a.emd", {"HAADF": stack}, size=None)
    image = read_image(tmp_path / "a.emd")
    assert image.pixel_size is None
    assert any("no pixel size" in note for note in image.notes)


def test_hdf5_without_an_image_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.emd", "w") as file:
        file["numbers"] = np.arange(3)
    with pytest.raises(ReadError, match="without an EMD image"):
        read_image(tmp_path / "a.emd")


def test_pixels_kept_in_another_file_are_refused(tmp_path: Path, stack: np.ndarray) -> None:
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("film")
        group.attrs["emd_group_type"] = 1
        (tmp_path / "raw.bin").write_bytes(stack.tobytes())
        group.create_dataset("data", stack.shape, stack.dtype, external=[(str(tmp_path / "raw.bin"), 0, stack.nbytes)])
    with pytest.raises(ReadError, match="other files"):
        read_image(tmp_path / "a.emd")


def test_a_file_that_takes_for_ever_is_given_up(sample_files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emd, "_PROBE_S", 0.001)
    with pytest.raises(ReadError, match="took longer"):
        read_image(sample_files["emd ncem"])
