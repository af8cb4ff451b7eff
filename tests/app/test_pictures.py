"""The images of a folder: found, hashed, told about; a changed file never passes for the old one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import threading
import time

import numpy as np
import pytest
import tifffile

from granum.app import picture_reader
from granum.app.pictures import Pictures
from granum.app.problems import Problem
from granum.app.project import Project
from granum.errors import SettingError
from granum.read import read_image


def write_tiff(path, pixels):
    tifffile.imwrite(path, pixels)


def by_name(pictures):
    return {entry.name: entry for entry in pictures.entries()}


def open_again(project, published=None):
    """Open the same folder once more, and wait until all is ready."""
    pictures = Pictures(project, [].append if published is None else published.append, watch_s=0.05)
    pictures.start()
    assert pictures.wait()
    return pictures


def until(true, seconds=20):
    """Wait until something is true; a bound on patience, not a measurement."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# ------------------------------------------------------------------------- entries


def test_images_are_listed_as_people_count_with_what_their_files_say(pictures, image_folder):
    assert [entry.name for entry in pictures.entries()] == ["colour.png", "frame2.tif", "frame10.tif", "series.tif"]
    entries = by_name(pictures)
    frame = entries["frame2.tif"]
    assert frame.id == hashlib.sha256((image_folder / "frame2.tif").read_bytes()).hexdigest()[:16]
    assert (frame.height, frame.width, frame.n_levels, frame.dtype, frame.status) == (600, 700, 2, "uint16", "ready")
    assert frame.pixel_size.y == pytest.approx(0.5)
    assert frame.pixel_size.source == "file"
    assert (entries["series.tif"].n_frames, entries["series.tif"].n_z) == (3, 1)
    assert [channel.name for channel in entries["colour.png"].channels] == ["red", "green", "blue"]


def test_the_page_hears_of_every_image_until_it_is_ready(pictures, published):
    assert all(message["type"] == "images" for message in published)
    last = {}
    for message in published:
        for id in message["removed"]:
            last.pop(id, None)
        last.update({image["id"]: image for image in message["images"]})
    assert {id: image["status"] for id, image in last.items()} == {one.id: "ready" for one in pictures.entries()}
    json.dumps(published, allow_nan=False)


def test_what_is_no_image_by_name_and_hidden_files_are_left_out(image_folder, project):
    (image_folder / "notes.txt").write_text("x")
    (image_folder / ".hidden.tif").write_bytes(b"x")
    (image_folder / "folder.tif").mkdir()
    (image_folder / "sub").mkdir()
    shutil.copy(image_folder / "series.tif", image_folder / "sub" / "inner.tif")
    with Pictures(project, [].append) as pictures:
        assert pictures.wait()
        assert len(pictures.entries()) == 4


def test_a_bad_file_fails_with_one_sentence_and_the_others_are_ready(image_folder, project):
    bad = {
        "cut.tif": (image_folder / "frame2.tif").read_bytes()[:5000],
        "empty.png": b"",
        "zip.tif": b"PK\3\4" + b"x" * 99,
        "evil<img src=x>.tif": b"II*\0" + b"\xff" * 50,
    }
    for name, content in bad.items():
        (image_folder / name).write_bytes(content)
    with Pictures(project, [].append) as pictures:
        assert pictures.wait()
        entries = by_name(pictures)
        for name in bad:
            assert entries[name].status == "failed"
            assert entries[name].error.startswith(f"{name}: ")
            assert str(image_folder) not in entries[name].error
            with pytest.raises(Problem) as refused:
                pictures.image(entries[name].id)
            assert (refused.value.status, refused.value.code) == (422, "unreadable")
        assert sum(entry.status == "ready" for entry in entries.values()) == 4


def test_a_name_that_is_no_valid_text_is_shown_and_read(image_folder, project, published):
    shutil.copy(image_folder / "series.tif", os.fsencode(image_folder) + b"/caf\xe9.tif")
    (image_folder / "series.tif").unlink()
    with Pictures(project, published.append) as pictures:
        assert pictures.wait()
        entry = by_name(pictures)["caf\ufffd.tif"]
        assert entry.status == "ready"
        assert pictures.tiles(entry.id, 0, 0, 0).tile(0, 0, 0).shape == (64, 80)
        json.dumps(published).encode()


def test_two_files_of_the_same_bytes_are_one_image_and_say_so(image_folder, project):
    shutil.copy(image_folder / "frame2.tif", image_folder / "again.tif")
    with Pictures(project, [].append, watch_s=0.05) as pictures:
        assert pictures.wait()
        assert len(pictures.entries()) == 4
        entry = by_name(pictures)["again.tif"]
        assert "also there as frame2.tif" in entry.notes[-1]
        (image_folder / "again.tif").unlink()
        pictures.rescan()
        assert by_name(pictures)["frame2.tif"].id == entry.id
        assert by_name(pictures)["frame2.tif"].notes == []


def test_an_unknown_id_is_not_found(pictures):
    for id in ("0" * 16, "../../etc", ""):
        with pytest.raises(Problem) as refused:
            pictures.entry(id)
        assert refused.value.status == 404


# ------------------------------------------------------------------------- the folder changes


def test_new_files_show_up_and_removed_ones_go_by_themselves(pictures, image_folder, published):
    gone = by_name(pictures)["series.tif"].id
    write_tiff(image_folder / "new.tif", np.arange(100, dtype=np.uint8).reshape(10, 10))
    (image_folder / "series.tif").unlink()
    until(lambda: {"new.tif"} <= by_name(pictures).keys() and "series.tif" not in by_name(pictures))
    until(lambda: pictures.wait() and by_name(pictures)["new.tif"].status == "ready")
    until(lambda: any(gone in message["removed"] for message in published))


def test_a_changed_file_is_another_image_and_the_old_one_is_never_read_from_it(pictures, image_folder):
    path = image_folder / "frame2.tif"
    old = by_name(pictures)["frame2.tif"]
    tile = pictures.tiles(old.id, 0, 0, 0).tile(0, 0, 0).copy()
    write_tiff(path, np.zeros((600, 700), np.uint16))
    with pytest.raises(Problem) as refused:
        pictures.path(old.id)
    assert refused.value.status in (404, 409)
    until(lambda: by_name(pictures)["frame2.tif"].id not in (old.id, "") and pictures.wait())
    new = by_name(pictures)["frame2.tif"]
    assert not pictures.tiles(new.id, 0, 0, 0).tile(0, 0, 0).any()
    assert tile.any()
    with pytest.raises(Problem):
        pictures.image(old.id)


def test_a_renamed_file_keeps_its_id(pictures, image_folder):
    id = by_name(pictures)["frame2.tif"].id
    (image_folder / "frame2.tif").rename(image_folder / "renamed.tif")
    pictures.rescan()
    assert pictures.wait()
    assert by_name(pictures)["renamed.tif"].id == id


def test_a_file_changed_while_it_is_read_is_read_again(image_folder, project, monkeypatch):
    path = image_folder / "frame2.tif"
    original, changed = picture_reader.file_sha256, threading.Event()

    def slow(file):
        sha256 = original(file)
        if file == path and not changed.is_set():
            changed.set()
            write_tiff(path, np.full((60, 70), 7, np.uint16))
        return sha256

    monkeypatch.setattr(picture_reader, "file_sha256", slow)
    with Pictures(project, [].append, watch_s=0.05) as pictures:
        until(lambda: by_name(pictures)["frame2.tif"].height == 60)
        entry = by_name(pictures)["frame2.tif"]
        assert entry.id == original(path)[:16]


def test_a_folder_that_vanishes_is_no_error(pictures, image_folder):
    image_folder.rename(image_folder.with_name("elsewhere"))
    pictures.rescan()
    assert len(pictures.entries()) == 4


# ------------------------------------------------------------------------- index and cache (fault 6)


@pytest.mark.parametrize(
    "what", ["kept", "deleted", "truncated", "nonsense", "locked", "everything disposable deleted"]
)
def test_with_any_index_the_project_opens_with_the_same_images(pictures, project, image_folder, what, monkeypatch):
    before = pictures.entries()
    pictures.close()
    index = project.place / "index.sqlite"
    assert index.is_file()
    lock = None
    if what == "deleted":
        index.unlink()
    elif what == "truncated":
        os.truncate(index, 1000)
    elif what == "nonsense":
        index.write_bytes(b"\xff" * 9000)
    elif what == "locked":
        lock = sqlite3.connect(index, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
    elif what.startswith("everything"):
        index.unlink()
        shutil.rmtree(project.place / "cache")
    hashed = []
    original = picture_reader.file_sha256
    monkeypatch.setattr(picture_reader, "file_sha256", lambda path: hashed.append(path.name) or original(path))
    published = []
    again = open_again(Project(image_folder), published)
    assert again.entries() == before
    assert len(hashed) == (0 if what == "kept" else 4)
    for entry in before:
        assert len(again.thumbnail(entry.id)) > 20
        assert again.tiles(entry.id, 0, 0, 0).tile(0, 0, 0).any()
    again.close()
    if lock:
        lock.close()


@pytest.mark.parametrize("text", ["", "{}", '{"sha256": "x"}', "null", "\xff", "WRONG"])
def test_a_damaged_image_file_of_the_project_is_made_anew(pictures, project, image_folder, text):
    before = by_name(pictures)["series.tif"]
    pictures.close()
    (project.place / "index.sqlite").unlink()
    path = project.place / "images" / f"{before.id}.json"
    about = json.loads(path.read_bytes())
    if text == "WRONG":
        about["facts"]["channels"] = [{"value_scale": "much"}]
        text = json.dumps(about)
    path.write_text(text)
    again = open_again(Project(image_folder))
    assert by_name(again)["series.tif"] == before
    assert json.loads(path.read_bytes())["sha256"][:16] == before.id
    again.close()


def test_a_server_killed_while_reading_leaves_a_project_that_opens(project, image_folder):
    import signal
    import subprocess
    import sys

    code = (
        "import sys, os, signal; from granum.app.project import Project; from granum.app.pictures import Pictures;"
        "p = Pictures(Project(sys.argv[1]), lambda m: os.kill(os.getpid(), signal.SIGKILL) if any("
        "i['status'] == 'ready' for i in m['images']) else None); p.start(); p.wait()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(image_folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    again = open_again(Project(image_folder))
    assert [entry.status for entry in again.entries()] == ["ready"] * 4
    again.close()


# ------------------------------------------------------------------------- what was typed


def test_a_typed_pixel_size_counts_for_all_images_and_says_what_it_replaces(pictures, project, published):
    project.set_pixel_size("0.25 um")
    project.set_interval_s(2.0)
    published.clear()
    pictures.refresh()
    entries = by_name(pictures)
    assert all(entry.pixel_size.source == "typed" and entry.pixel_size.unit == "um" for entry in entries.values())
    assert "replaces 0.5 nm" in entries["frame2.tif"].notes[-1]
    assert entries["series.tif"].frame_times_s == [0, 2, 4]
    assert len(published[-1]["images"]) == 4
    image = pictures.image(entries["series.tif"].id)
    assert image.pixel_size.y == 0.25
    assert image.frame_times_s == (0, 2, 4)
    project.set_pixel_size(None)
    project.set_interval_s(None)
    pictures.refresh()
    assert by_name(pictures)["frame2.tif"].pixel_size.source == "file"
    assert pictures.image(entries["frame2.tif"].id).pixel_size.y == pytest.approx(0.5)
    with pytest.raises(SettingError):
        project.set_pixel_size("0.5 lightyears")


def test_the_entry_says_the_same_as_the_image_that_a_run_reads(pictures, project):
    project.set_pixel_size("0.25 um")
    pictures.refresh()
    for entry in pictures.entries():
        image = read_image(pictures.path(entry.id), pixel_size="0.25 um")
        assert list(image.notes) == entry.notes
        assert (image.pixel_size.y, image.pixel_size.unit) == (entry.pixel_size.y, entry.pixel_size.unit)


def test_strokes_are_counted_also_before_their_image_is_read(image_folder, project):
    id = hashlib.sha256((image_folder / "frame2.tif").read_bytes()).hexdigest()[:16]
    pictures = Pictures(project, [].append)
    pictures.set_strokes(id, 5)
    with pictures:
        assert pictures.wait()
        assert by_name(pictures)["frame2.tif"].n_strokes == 5
        assert by_name(pictures)["frame10.tif"].n_strokes == 0


# ------------------------------------------------------------------------- pixels


def test_pixels_are_the_grey_levels_of_the_file(pictures, image_folder):
    entries = by_name(pictures)
    plane = tifffile.imread(image_folder / "frame2.tif")
    assert pictures.pixel(entries["frame2.tif"].id, 0, 0, 17, 499) == [plane[17, 499]]
    assert pictures.pixel(entries["colour.png"].id, 0, 0, 10, 20) == [60, 40, 30]
    assert pictures.pixel(entries["series.tif"].id, 2, 0, 0, 0) == [20]
    assert pictures.pixel(entries["series.tif"].id, 1, 0, 0, 0) == [120]
    for place in ((0, 0, 600, 0), (0, 0, 0, 700), (1, 0, 0, 0), (0, 1, 0, 0)):
        with pytest.raises(Problem) as refused:
            pictures.pixel(entries["frame2.tif"].id, *place)
        assert refused.value.status == 404


def test_nan_and_infinity_have_no_grey_level_and_float_pixels_are_exact(image_folder, project):
    plane = np.array([[np.nan, np.inf, 1e-7, 3.25]], np.float32)
    tifffile.imwrite(image_folder / "zero.tif", np.array([[0, np.nan]], np.float32))
    # a span of 65535 makes the scale 1, which must not make floats pass for integers
    tifffile.imwrite(image_folder / "span.tif", np.array([[0, 0.25, 65535]], np.float64))
    tifffile.imwrite(image_folder / "float.tif", plane)
    tifffile.imwrite(image_folder / "wide.tif", np.array([[-(2**31), 2**31 - 1, 5]], np.int32))
    with Pictures(project, [].append) as pictures:
        assert pictures.wait()
        entries = by_name(pictures)
        assert [pictures.pixel(entries["zero.tif"].id, 0, 0, 0, x)[0] for x in range(2)] == [0, None]
        assert pictures.pixel(entries["span.tif"].id, 0, 0, 0, 1) == [0.25]
        values = [pictures.pixel(entries["float.tif"].id, 0, 0, 0, x)[0] for x in range(4)]
        assert values == [None, None, float(np.float32(1e-7)), 3.25]
        assert [pictures.pixel(entries["wide.tif"].id, 0, 0, 0, x)[0] for x in range(3)] == [-(2**31), 2**31 - 1, 5]
        assert pictures.tiles(entries["float.tif"].id, 0, 0, 0).tile(0, 0, 0).tolist() == [[0, 0, 0, 65535]]


def test_planes_may_be_read_from_many_threads(pictures):
    id = by_name(pictures)["series.tif"].id
    image, wrong = pictures.image(id), []
    expected = [image.read_plane(t, 0, 0).copy() for t in range(3)]

    def read(seed):
        for t in np.random.default_rng(seed).integers(0, 3, 40):
            if not np.array_equal(image.read_plane(int(t), 0, 0), expected[t]):
                wrong.append(t)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.slow
def test_ten_thousand_known_images_open_fast(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    write_tiff(folder / "0.tif", np.arange(64, dtype=np.uint8).reshape(8, 8))
    first = open_again(Project(folder))
    (entry,) = first.entries()
    first.close()
    facts = json.loads((folder / "granum_project" / "images" / f"{entry.id}.json").read_bytes())["facts"]
    index = picture_reader.Index(folder / "granum_project" / "index.sqlite")
    for i in range(1, 10_000):
        path = folder / f"{i}.tif"
        path.write_bytes(b"x")
        index.put(path.name, picture_reader.fingerprint(path), f"{i:064x}"[::-1], json.dumps(facts))
    index.close()
    started = time.perf_counter()
    with Pictures(Project(folder), [].append) as pictures:
        seconds = time.perf_counter() - started
        assert len(pictures.entries()) == 10_000
        assert pictures.entries()[-1].status == "ready"
    assert seconds < 15  # 1.5 s on a free core; a generous bound still tells reading files from not reading them
