"""Uploads: streamed, checked, named, deduplicated; whatever goes wrong leaves nothing (faults 7, 21, 25, 30)."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile

from granum.app import uploads as module
from granum.app.problems import Problem
from granum.app.uploads import SAMPLE_NAME, Inbox, sample_bytes
from granum.read import read_image


def tiff(seed=0, shape=(20, 30)):
    data = io.BytesIO()
    tifffile.imwrite(data, np.random.default_rng(seed).integers(0, 999, shape).astype(np.uint16))
    return data.getvalue()


@pytest.fixture
def inbox(project, pictures):
    """Where uploads arrive."""
    return Inbox(project, pictures)


def send(inbox, name, data, *, size=None, step=1000):
    upload = inbox.begin(name, size)
    try:
        for at in range(0, len(data), step):
            upload.write(data[at : at + step])
        return upload.finish()
    finally:
        upload.abort()


def kept(project):
    folder = project.place / "uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_an_upload_is_on_the_list_at_once_under_its_hash_and_ready_soon(inbox, project, pictures):
    data = tiff()
    answer = send(inbox, "mine.tif", data, size=len(data))
    assert not answer.duplicate
    assert answer.image.id == hashlib.sha256(data).hexdigest()[:16]
    assert answer.image.uploaded
    assert (project.place / "uploads" / "mine.tif").read_bytes() == data
    assert pictures.wait()
    entry = pictures.entry(answer.image.id)
    assert (entry.status, entry.height, entry.width) == ("ready", 20, 30)


def test_the_same_bytes_twice_are_one_file_whatever_their_name(inbox, project, image_folder):
    first = send(inbox, "a.tif", tiff())
    second = send(inbox, "b.tif", tiff())
    assert second.duplicate
    assert second.image.id == first.image.id
    in_folder = send(inbox, "c.tif", (image_folder / "frame2.tif").read_bytes())
    assert in_folder.duplicate
    assert in_folder.image.name == "frame2.tif"
    assert kept(project) == ["a.tif"]


def test_the_same_name_with_other_bytes_gets_a_number(inbox, project, pictures):
    ids = {
        send(inbox, name, tiff(seed)).image.id for seed, name in enumerate(("a.tif", "a.tif", "A.TIF", "frame2.tif"))
    }
    assert len(ids) == 4
    assert kept(project) == ["A (3).TIF", "a (2).tif", "a.tif", "frame2 (2).tif"] or kept(project) == [
        "A (2).TIF", "a (2).tif", "a.tif", "frame2 (2).tif",
    ]  # fmt: skip
    folded = [entry.name.casefold() for entry in pictures.entries()]
    assert len(set(folded)) == len(folded)


def test_the_same_bytes_at_the_same_time_are_one_file(inbox, project):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(send(inbox, "a.tif", tiff()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.duplicate for answer in answers) == [False, True, True, True]
    assert kept(project) == ["a.tif"]


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("../../../evil.tif", "evil.tif"),
        ("..\\evil.tif", "evil.tif"),
        ("/etc/evil.tif", "evil.tif"),
        ("a\0b.tif", "ab.tif"),
        ("\\\\server\\share\\a.tif", "a.tif"),
        ("con.tif", "_con.tif"),
        (".hidden.tif", "hidden.tif"),
        ("C:" + "\\a.tif", "a.tif"),
        ("<script>.tif", "_script_.tif"),
        ("x" * 400 + ".tif", "x" * 196 + ".tif"),
        ("no extension", "no extension.tif"),
        ("picture.dat", "picture.dat.tif"),
        ("..", "image.tif"),
    ],
)
def test_a_name_stays_inside_and_can_be_found_again(inbox, project, image_folder, wish, name):
    outside = sorted(image_folder.parent.iterdir())
    answer = send(inbox, wish, tiff())
    assert kept(project) == [name]
    assert answer.image.name == name
    assert sorted(image_folder.parent.iterdir()) == outside


class Canary:
    """Running code when it is unpickled: writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def strangers(tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../../evil.tif", b"x")
    pickled = np.array([Canary(tmp_path / "ran"), None], dtype=object)
    objects = io.BytesIO()
    np.save(objects, pickled, allow_pickle=True)
    model = pickle.dumps(Canary(tmp_path / "ran"))
    return {
        "a.zip": archive.getvalue(), "a.tif": archive.getvalue(), "model.pt": archive.getvalue(),
        "a.npy": objects.getvalue(),
        "model.pkl": model, "model.joblib": model, "b.tif": model, "empty.tif": b"", "page.html": b"<html></html>" * 9,
        "cut.tif": tiff()[:300], "text.png": b"hello", "run.sh": b"#!/bin/sh\n",
        "a.safetensors": b"\xff" * 8 + b"{}" * 20,
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(strangers(Path())))
def test_what_is_no_image_is_refused_with_a_sentence_removed_and_never_run(inbox, project, pictures, tmp_path, name):
    before = pictures.entries()
    with pytest.raises(Problem) as refused:
        send(inbox, name, strangers(tmp_path)[name])
    assert (refused.value.status, refused.value.code) == (422, "unreadable")
    assert str(refused.value).startswith(f"{name}: ")
    assert ".upload-" not in str(refused.value)
    assert kept(project) == []
    assert pictures.entries() == before
    assert not (tmp_path / "ran").exists()


def test_too_large_is_refused_by_what_is_announced_and_by_what_comes(project, pictures):
    inbox = Inbox(project, pictures, limit=5000)
    with pytest.raises(Problem, match="copy it into") as refused:
        inbox.begin("a.tif", 5001)
    assert (refused.value.status, refused.value.code) == (413, "too_large")
    with pytest.raises(Problem) as refused:
        send(inbox, "a.tif", b"x" * 9000)
    assert refused.value.status == 413
    assert kept(project) == []


def test_a_full_disk_is_told_before_or_while_it_fills(inbox, project, monkeypatch):
    usage = module.shutil.disk_usage("/")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage._replace(free=6 * 10**8))
    with pytest.raises(Problem, match=r"0\.6 GB left, 1\.0 GB are to come") as refused:
        inbox.begin("a.tif", 10**9)
    assert refused.value.status == 507
    upload = inbox.begin("a.tif", 100)

    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

        def close(self):
            raise OSError(28, "No space left on device")

    upload._file.close()
    upload._file = Full()
    with pytest.raises(Problem, match="disk is full"):
        upload.write(b"x")
    upload.abort()
    assert kept(project) == []


def test_an_aborted_upload_leaves_nothing(inbox, project):
    upload = inbox.begin("a.tif", 10_000)
    upload.write(tiff()[:500])
    assert len(kept(project)) == 1
    with pytest.raises(Problem, match=r"500 of 10000 bytes came"):
        upload.finish()
    upload.abort()
    upload.abort()
    assert kept(project) == []


def test_an_upload_under_way_is_not_an_image_yet(inbox, pictures):
    upload = inbox.begin("a.tif")
    upload.write(tiff())
    pictures.rescan()
    assert len(pictures.entries()) == 4
    upload.abort()


def test_what_a_killed_server_left_is_removed_and_images_stay(inbox, project):
    send(inbox, "a.tif", tiff())
    (project.place / "uploads" / ".upload-0123.tif").write_bytes(b"x")
    inbox.clean()
    assert kept(project) == ["a.tif"]


def test_removing_takes_uploads_only_and_leaves_what_was_painted(inbox, project, pictures, image_folder):
    id = send(inbox, "a.tif", tiff()).image.id
    assert pictures.wait()
    project.write(b"strokes", "annotations", id, "scribbles", "journal.log")
    pictures.remove(id)
    assert kept(project) == []
    assert not project.path("images", f"{id}.json").exists()
    assert project.path("annotations", id, "scribbles", "journal.log").read_bytes() == b"strokes"
    with pytest.raises(Problem):
        pictures.entry(id)
    own = next(entry for entry in pictures.entries() if entry.name == "frame2.tif")
    with pytest.raises(Problem, match="your own folder") as refused:
        pictures.remove(own.id)
    assert refused.value.status == 409
    assert (image_folder / "frame2.tif").exists()
    assert send(inbox, "a.tif", tiff()).image.id == id


def test_the_sample_is_always_the_same_bytes_and_knows_its_pixel_size(inbox, project, pictures):
    answer = inbox.add_sample()
    assert answer.image.name == SAMPLE_NAME
    path = project.place / "uploads" / SAMPLE_NAME
    assert path.read_bytes() == sample_bytes()
    assert inbox.add_sample().duplicate
    image = read_image(path)
    assert image.shape[3:] == (1024, 1024) or image.shape[4] == 1024
    assert image.pixel_size.nm[1] == pytest.approx(0.21, rel=1e-3)
