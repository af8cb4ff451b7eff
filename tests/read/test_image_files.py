"""`read_image`, `read_series`, `find_inputs`, `file_sha256`: wrong files, series, what a user types."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile

from granum.errors import ReadError, SettingError
from granum.read import FORMATS, file_sha256, find_inputs, read_image, read_series


def test_missing_empty_folder_and_stranger_each_get_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.tif").touch()
    (tmp_path / "x.tif").mkdir()
    (tmp_path / "paper.tif").write_bytes(b"%PDF-1.7 ...")
    (tmp_path / "notes.txt").write_text("hello")
    cases = {
        "gone.tif": "no such file", "empty.tif": "is empty", "x.tif": "is a folder", "paper.tif": "is a PDF",
        "notes.txt": "granum reads",
    }  # fmt: skip
    for name, text in cases.items():
        with pytest.raises(ReadError, match=text) as caught:
            read_image(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_wrong_extension_is_read_by_content_with_a_note(tmp_path: Path, sample_files: dict[str, Path]) -> None:
    shutil.copy(sample_files["png"], tmp_path / "a.tif")
    image = read_image(tmp_path / "a.tif")
    assert image.format == "PNG"
    assert "it is PNG" in image.notes[0]


def test_nothing_warns_and_nothing_is_logged(sample_files: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in sample_files.values():
            read_image(path).read_plane(0, 0, 0)
    assert caplog.records == []


def test_a_typed_pixel_size_wins_and_the_difference_is_noted(sample_files: dict[str, Path]) -> None:
    image = read_image(sample_files["imagej"], pixel_size="0.7 nm")
    assert str(image.pixel_size) == "0.7 nm (typed)"
    assert "replaces 0.5 nm" in image.notes[-1]


def test_planes_do_not_share_memory(sample_files: dict[str, Path]) -> None:
    image = read_image(sample_files["jpeg"])
    first = image.plane().copy()
    changed = image.plane()
    changed[...] = 0
    np.testing.assert_array_equal(image.plane(), first)


def test_a_series_joins_files_in_the_order_given(tmp_path: Path) -> None:
    for i in range(3):
        tifffile.imwrite(tmp_path / f"f{i}.tif", np.full((5, 6), i, np.uint8))
    image = read_series([tmp_path / f"f{i}.tif" for i in (2, 0, 1)])
    assert image.shape == (3, 1, 1, 5, 6)
    assert image.series()[:, 0, 0].tolist() == [2, 0, 1]


def test_a_series_of_different_sizes_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 6), np.uint8))
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((5, 7), np.uint8))
    with pytest.raises(ReadError, match=r"b\.tif: 5 x 7 pixels, but a\.tif has 5 x 6"):
        read_series([tmp_path / "a.tif", tmp_path / "b.tif"])


def test_a_series_with_two_pixel_sizes_has_none(tmp_path: Path) -> None:
    for name, n in (("a", 2), ("b", 4)):
        tifffile.imwrite(
            tmp_path / f"{name}.tif",
            np.zeros((5, 6), np.uint8),
            imagej=True,
            resolution=(n, n),
            metadata={"unit": "nm"},
        )
    image = read_series([tmp_path / "a.tif", tmp_path / "b.tif"])
    assert image.pixel_size is None
    assert "different pixel sizes" in image.notes[-1]


def test_an_empty_series_is_refused() -> None:
    with pytest.raises(SettingError, match="no file"):
        read_series([])


def test_inputs_are_sorted_as_people_count_without_hidden_and_strange_files(tmp_path: Path) -> None:
    for name in ("f10.tif", "f2.tif", ".f3.tif", "notes.txt", "f1.PNG"):
        (tmp_path / name).touch()
    assert [p.name for p in find_inputs([tmp_path])] == ["f1.PNG", "f2.tif", "f10.tif"]
    assert [p.name for p in find_inputs([str(tmp_path / "*.tif")])] == ["f2.tif", "f10.tif"]
    assert [p.name for p in find_inputs([tmp_path / "f10.tif", tmp_path])] == ["f10.tif", "f1.PNG", "f2.tif"]


def test_names_with_brackets_are_taken_literally_when_they_exist(tmp_path: Path) -> None:
    (tmp_path / "a[1].tif").touch()
    assert find_inputs([tmp_path / "a[1].tif"]) == [tmp_path / "a[1].tif"]


@pytest.mark.parametrize("typed", ["nothing*.tif", "gone.tif", "."])
def test_inputs_without_an_image_are_refused(tmp_path: Path, typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReadError, match=r"no image|no such file"):
        find_inputs([typed])


def test_the_hash_is_sha256_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a.png") == hashlib.sha256(b"abc").hexdigest()


def test_the_table_of_formats_has_no_extension_twice_and_every_reader_exists() -> None:
    extensions = [extension for format in FORMATS for extension in format.extensions]
    assert len(extensions) == len(set(extensions))
    assert all(callable(format.load_reader()) for format in FORMATS)


def test_rows_are_those_of_the_plane_wherever_a_file_gives_rows(sample_files: dict[str, Path]) -> None:
    with_rows = 0
    for name, path in sample_files.items():
        image = read_image(path)
        if image.read_rows is None:
            continue
        with_rows += 1
        frames, channels, depth, height, _ = image.shape
        for t, c, z in {(0, 0, 0), (frames - 1, channels - 1, depth - 1)}:
            plane = image.read_plane(t, c, z)
            for y0, y1 in ((0, height), (height // 2, height // 2 + 1), (height - 1, height)):
                rows = image.read_rows(t, c, z, y0, y1)
                assert rows.dtype == plane.dtype, name
                assert np.array_equal(rows, plane[y0:y1]), name
        for y0, y1 in ((0, height + 1), (-1, 1), (1, 1)):
            with pytest.raises(ReadError, match="has no rows"):
                image.read_rows(0, 0, 0, y0, y1)
    assert with_rows >= 3


@pytest.mark.parametrize("how", [{"photometric": "miniswhite"}, {"byteorder": ">"}, {"bigtiff": True}])
def test_rows_of_a_tiff_are_inverted_and_turned_like_its_planes(tmp_path: Path, how: dict[str, object]) -> None:
    pixels = np.random.default_rng(1).integers(0, 65535, (4, 33, 21)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, **{"photometric": "minisblack", **how})
    image = read_image(tmp_path / "a.tif")
    assert image.read_rows is not None
    for t in (0, 3):
        assert np.array_equal(image.read_rows(t, 0, 0, 5, 30), image.read_plane(t, 0, 0)[5:30])


def test_a_series_of_files_gives_no_rows(tmp_path: Path) -> None:
    for i in range(2):
        tifffile.imwrite(tmp_path / f"{i}.tif", np.full((4, 5), i, np.uint8))
    assert read_series([tmp_path / "0.tif", tmp_path / "1.tif"]).read_rows is None
