"""Damaged files of every format: nothing but `ReadError` comes out, and the pixels of whole files are exact."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from granum.errors import ReadError
from granum.read import emd, read_image

NAMES = [
    "tiff raw", "tiff lzw", "tiff tiles", "bigtiff", "tiff rgb", "imagej", "ome", "png", "jpeg", "bmp", "mrc",
    "dm3", "dm4", "ser", "emd ncem", "emd velox", "npy",
]  # fmt: skip


@pytest.fixture(autouse=True)
def open_hdf5_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    # a second process for each of hundreds of files would take minutes; test_emd.py covers it
    monkeypatch.setattr(emd, "_probe", lambda path, max_plane_bytes: None)


def read_everything(path: Path) -> None:
    image = read_image(path)
    for t in range(min(image.shape[0], 6)):
        for c in range(min(image.shape[1], 3)):
            plane = image.read_plane(t, c, 0)
            assert plane.shape == image.shape[3:]


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_reads(name: str, sample_files: dict[str, Path]) -> None:
    read_everything(sample_files[name])


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("emd")])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(data=st.data())
def test_flipped_bytes_give_pixels_or_one_read_error(
    name: str, data: st.DataObject, sample_files: dict[str, Path], tmp_path: Path
) -> None:
    content = bytearray(sample_files[name].read_bytes())
    # damage to the first kilobytes hits headers, where it matters
    places = st.one_of(st.integers(0, min(400, len(content) - 1)), st.integers(0, len(content) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        content[place] = value
    path = tmp_path / sample_files[name].name
    path.write_bytes(content)
    with contextlib.suppress(ReadError):
        read_everything(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_file_never_escapes_as_another_error(
    name: str, sample_files: dict[str, Path], tmp_path: Path
) -> None:
    content = sample_files[name].read_bytes()
    path = tmp_path / sample_files[name].name
    for length in np.linspace(0, len(content) - 1, 12).astype(int):
        path.write_bytes(content[:length])
        with contextlib.suppress(ReadError):
            read_everything(path)


@pytest.mark.parametrize("name", NAMES)
def test_half_a_file_is_refused_with_its_name(name: str, sample_files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / sample_files[name].name
    content = sample_files[name].read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ReadError, match=path.name.replace(".", r"\.")):
        read_everything(path)
