from __future__ import annotations

import gc
import io
import os
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum.app.downloads import Downloads, attachment_header, stream_zip
from granum.app.problems import Problem
from granum.errors import SettingError
from granum.report import export_run
from granum.report.tables import read_objects_csv


@pytest.fixture
def place(tmp_path):
    """A folder like that of a run, with something outside that must not be reached."""
    folder = tmp_path / "runs" / "result"
    (folder / "labels").mkdir(parents=True)
    (folder / "objects.csv").write_text("file\n")
    (folder / "labels" / "ü a.tif").write_bytes(b"II*\0")
    (folder / "DONE").write_text("")
    (tmp_path / "runs" / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def downloads(place, tmp_path):
    def folder_of(run):
        if run != "r":
            raise Problem(404, "not_found", "no")
        return place

    return Downloads(folder_of, tmp_path / "cache")


def unzip(pieces):
    return zipfile.ZipFile(io.BytesIO(b"".join(pieces)))


def test_files_of_the_folder_are_found(downloads, place):
    assert downloads.file("r", "objects.csv") == place.resolve() / "objects.csv"
    assert downloads.file("r", "labels/ü a.tif").read_bytes() == b"II*\0"


def test_a_file_as_the_run_left_it_asks_for_no_corrected_folder(place, tmp_path):
    def corrected(run):
        raise Problem(409, "image_missing", "asked for the corrected one")

    downloads = Downloads(corrected, tmp_path / "cache", lambda run: place)
    assert downloads.file("r", "objects.csv", as_run=True) == place.resolve() / "objects.csv"
    with pytest.raises(Problem, match="asked for the corrected one"):
        downloads.file("r", "objects.csv")
    with pytest.raises(Problem, match="has no file"):
        downloads.file("r", "../secret.txt", as_run=True)


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "/", "labels", "labels/", "../secret.txt", "labels/../../secret.txt", "labels/../objects.csv",
        "/etc/passwd", "//etc/passwd", "..\\secret.txt", "labels\\ü a.tif", "C:" + "\\x", "C:objects.csv",
        "\\\\host\\share",
        "objects.csv\0", "objects.csv\0.png", "\0", "CON", "labels/NUL.tif", "objects.csv.", "objects.csv ",
        "%2e%2e/secret.txt", "objects.csv/x", "x" * 5000, "\udcff",
        "objects.csv:stream", "./objects.csv", "labels//ü a.tif",
    ],
)  # fmt: skip
def test_whatever_is_no_file_of_the_folder_is_not_found(downloads, name):
    with pytest.raises(Problem) as caught:
        downloads.file("r", name)
    assert caught.value.status == 404


def test_links_are_not_followed_out_nor_in(downloads, place):
    (place / "out.txt").symlink_to(place.parent / "secret.txt")
    (place / "in.txt").symlink_to(place / "objects.csv")
    (place / "folder").symlink_to(place.parent)
    os.mkfifo(place / "pipe")
    for name in ("out.txt", "in.txt", "folder/secret.txt", "pipe"):
        with pytest.raises(Problem):
            downloads.file("r", name)
    assert unzip(downloads.zip("r")).namelist() == ["r/DONE", "r/labels/ü a.tif", "r/objects.csv"]


def test_a_zip_holds_every_file_with_its_bytes_and_repeats(downloads, place):
    first = b"".join(downloads.zip("r"))
    for path in place.rglob("*"):
        os.utime(path, (1, 1))
    assert b"".join(downloads.zip("r")) == first
    archive = unzip([first])
    assert archive.testzip() is None
    assert archive.read("r/labels/ü a.tif") == b"II*\0"
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert {info.external_attr >> 16 for info in archive.infolist()} == {0o644}


def test_a_large_folder_streams_in_little_memory(place):
    with (place / "big.tif").open("wb") as out:
        out.truncate(200 << 20)
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in stream_zip(place, "r"))
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert size > 200 << 20


def test_a_file_too_large_for_32_bits_is_written_in_64(place, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1 << 20)  # as if 1 MB were 2 GB
    (place / "big.tif").write_bytes(bytes(3 << 20))
    archive = unzip(stream_zip(place, "r"))
    assert archive.testzip() is None
    assert {info.filename for info in archive.infolist() if info.extract_version >= 45} >= {"r/big.tif"}
    assert archive.read("r/big.tif") == bytes(3 << 20)
    assert archive.read("r/labels/ü a.tif") == b"II*\0"


def test_a_file_that_vanishes_breaks_the_download_instead_of_shortening_it(place):
    (place / "labels" / "big.tif").write_bytes(bytes(3 << 20))
    pieces = stream_zip(place, "r")
    next(pieces)
    (place / "objects.csv").unlink()
    with pytest.raises(FileNotFoundError):
        list(pieces)


def test_exports_are_those_of_the_library_and_leave_nothing_behind(bench, tmp_path):
    id = bench.run()
    downloads = Downloads(bench.result, tmp_path / "cache")
    for to in ("coco", "geojson", "imagej-rois", "ome-zarr"):
        place = export_run(bench.result(id), to, tmp_path / to)
        archive = unzip(downloads.export(id, to))
        expected = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if path.is_file()}
        assert {name.removeprefix(f"{id}-{to}/") for name in archive.namelist()} == set(expected)
        for name, path in expected.items():
            assert archive.read(f"{id}-{to}/{name}") == path.read_bytes()
    never_begun = downloads.export(id, "coco")
    begun = downloads.export(id, "coco")
    next(begun)
    assert len(list((tmp_path / "cache" / "exports").iterdir())) == 2
    del never_begun, begun
    gc.collect()
    assert list((tmp_path / "cache" / "exports").iterdir()) == []
    with pytest.raises(SettingError, match="no such format"):
        downloads.export(id, "../x")
    assert list((tmp_path / "cache" / "exports").iterdir()) == []
    (tmp_path / "cache" / "exports" / "left").mkdir()
    Downloads(bench.result, tmp_path / "cache")
    assert not (tmp_path / "cache" / "exports").exists()


def test_a_name_that_a_spreadsheet_would_run_is_text_in_the_table_that_is_downloaded(bench, tmp_path):
    for path in bench.folder.glob("*.tif"):
        path.unlink()
    for name in ("=cmd().tif", "@SUM(A1).tif", "+1.tif", "-1.tif", '=a,"b".tif'):
        bench.add(name, 3)
    id = bench.run()
    downloads = Downloads(bench.result, tmp_path / "cache")
    for table in ("objects.csv", "images.csv"):
        lines = downloads.file(id, table).read_text().splitlines()[1:]
        assert len(lines) == (15 if table == "objects.csv" else 5)
        assert all(line.startswith(("'", "\"'")) for line in lines)
    names = read_objects_csv(downloads.file(id, "objects.csv"))["file"].tolist()
    assert set(names) == {path.name for path in bench.folder.glob("*.tif")}


@given(st.text(max_size=40))
def test_no_name_gets_out_of_its_header(name):
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    header = attachment_header(name)
    assert header.isascii()
    assert header.isprintable()
    start, middle = 'attachment; filename="', "\"; filename*=UTF-8''"
    assert header.startswith(start)
    plain, _, coded = header[len(start) :].partition(middle)
    assert '"' not in plain
    assert "\\" not in plain
    assert set(coded) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%")
