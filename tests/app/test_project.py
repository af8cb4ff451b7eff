"""The project folder: made late, written whole, never left, read by older and newer versions."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile

from granum.app import project as module
from granum.app.paint_messages import ClassInfo
from granum.app.problems import Problem
from granum.app.project import Project
from granum.errors import OutputError, ReadError, SettingError


def test_opening_a_folder_writes_nothing_and_the_first_write_makes_the_project(image_folder):
    before = sorted(image_folder.iterdir())
    project = Project(image_folder)
    assert sorted(image_folder.iterdir()) == before
    project.set_pixel_size("0.5 nm")
    assert (image_folder / "granum_project" / "project.json").is_file()
    again = Project(image_folder)
    assert again.pixel_size == "0.5 nm"
    assert again.interval_s is None
    assert json.loads((again.place / "project.json").read_bytes())["schema"] == 1


def test_a_folder_with_project_json_is_itself_the_project(tmp_path):
    (tmp_path / "project.json").write_text('{"schema": 1}')
    project = Project(tmp_path)
    assert project.place == project.folder == tmp_path


def test_the_project_folder_itself_opens_the_images_beside_it(image_folder):
    Project(image_folder).set_interval_s(2.5)
    project = Project(image_folder / "granum_project")
    assert (project.folder, project.place) == (image_folder, image_folder / "granum_project")
    assert project.interval_s == 2.5


def test_a_missing_folder_is_made_only_when_asked(tmp_path):
    with pytest.raises(ReadError, match="is not a folder"):
        Project(tmp_path / "new")
    assert Project(tmp_path / "new", create=True).folder.is_dir()
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(OutputError, match="cannot be made"):
        Project(tmp_path / "file" / "new", create=True)


@pytest.mark.parametrize(
    "parts",
    [
        (), ("",), ("..",), ("images", "..", "project.json"), ("images/../../x",), ("/etc/passwd",), ("images\\x",),
        ("a\0",), ("C:x",), ("con",), ("runs", "NUL.txt"), ("images//x",), (".",), ("\\\\server\\share",), ("a\n",),
    ],
)  # fmt: skip
def test_paths_that_are_not_plainly_inside_are_not_found(project, parts):
    with pytest.raises(Problem, match="not a name inside") as refused:
        project.path(*parts)
    assert refused.value.status == 404


def test_a_link_that_leads_out_is_refused_and_one_that_stays_is_followed(project, tmp_path):
    place = project.make_folder("runs")
    (tmp_path / "secret").mkdir()
    (place / "out").symlink_to(tmp_path / "secret")
    (place / "in").symlink_to(place)
    assert project.path("runs", "in", "x") == place / "in" / "x"
    with pytest.raises(Problem, match="leads out"):
        project.path("runs", "out", "x")


@pytest.mark.parametrize("name", ["server.lock", "cache", "index.sqlite", "uploads", "recipes", "project.json"])
def test_a_project_that_was_sent_with_a_link_out_is_not_opened(tmp_path, name):
    place = tmp_path / "images" / "granum_project"
    place.mkdir(parents=True)
    treasure = tmp_path / "treasure"
    treasure.write_text("mine")
    (place / name).symlink_to(treasure)
    with pytest.raises(ReadError, match=rf"{name}: is a link that leads out"):
        Project(tmp_path / "images")
    assert treasure.read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_in_a_project_is_told_instead_of_waited_for(tmp_path):
    (tmp_path / "granum_project").mkdir()
    os.mkfifo(tmp_path / "granum_project" / "project.json")
    with pytest.raises(ReadError, match="neither a file nor a folder"):
        Project(tmp_path)


def test_a_project_folder_that_is_itself_a_link_is_used(image_folder, tmp_path):
    (tmp_path / "large disk").mkdir()
    (image_folder / "granum_project").symlink_to(tmp_path / "large disk")
    Project(image_folder).set_pixel_size("1 um")
    assert (tmp_path / "large disk" / "project.json").is_file()


def test_a_project_of_a_later_version_is_refused_with_both_versions(project):
    project.make_folder()
    path = project.place / "project.json"
    path.write_text('{"schema": 99, "granum": "7.1"}')
    with pytest.raises(ReadError, match=r"granum 7\.1 with schema 99.*update granum"):
        Project(project.folder)
    assert path.read_text() == '{"schema": 99, "granum": "7.1"}'


def test_an_older_project_is_kept_beside_the_new_one(project, monkeypatch):
    project.set_pixel_size("0.5 nm")
    old = (project.place / "project.json").read_bytes()
    monkeypatch.setattr(module, "SCHEMA", 3)
    monkeypatch.setattr(
        module,
        "_MIGRATIONS",
        {1: lambda about: {**about, "pixel_size": "0.7 nm"}, 2: lambda about: {**about, "interval_s": 4}},
    )
    migrated = Project(project.folder)
    assert (migrated.pixel_size, migrated.interval_s) == ("0.7 nm", 4)
    assert (project.place / "project.schema1.json").read_bytes() == old
    assert json.loads((project.place / "project.json").read_bytes())["schema"] == 3
    monkeypatch.setattr(module, "_MIGRATIONS", {})
    assert Project(project.folder).interval_s == 4  # done once


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"schema": "1"}', '{"schema": true}', '{"schema": 1, "pixel_size": "x"}', "\xff",
             '{"schema": 0}', '{"schema": 1, "classes": [{"id": 0, "name": "x", "colour": "#000000"}]}']
)  # fmt: skip
def test_a_damaged_project_file_is_told_in_one_sentence_and_left_alone(project, text):
    project.make_folder()
    path = project.place / "project.json"
    path.write_text(text)
    with pytest.raises(ReadError, match=r"project\.json: (is damaged|is not a granum project|schema 0)"):
        Project(project.folder)
    assert path.read_text() == text


def test_what_does_not_fit_is_refused_and_changes_nothing(project):
    for change in (
        lambda: project.set_pixel_size("3 parsecs"),
        lambda: project.set_interval_s(-1),
        lambda: project.set_interval_s(float("nan")),
        lambda: project.set_classes([ClassInfo(id=1, name=name, colour="#000000") for name in "ab"]),
    ):
        with pytest.raises(SettingError):
            change()
    assert not project.place.exists()


def test_keys_of_a_friend_in_project_json_are_kept(project):
    project.make_folder()
    (project.place / "project.json").write_text('{"schema": 1, "note": "by hand"}')
    Project(project.folder).set_classes([ClassInfo(id=7, name="rod", colour="#00ff00")])
    about = json.loads((project.place / "project.json").read_bytes())
    assert about["note"] == "by hand"
    assert [one.name for one in Project(project.folder).classes] == ["rod"]


def test_a_failed_write_leaves_the_old_file_and_no_other(project, monkeypatch):
    project.set_pixel_size("0.5 nm")
    old = (project.place / "project.json").read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        project.set_pixel_size("0.9 nm")
    assert project.pixel_size == "0.5 nm"
    assert (project.place / "project.json").read_bytes() == old
    assert [path.name for path in project.place.iterdir()] == ["project.json"]
    assert not project.read_only


def test_many_threads_lose_no_change(project):
    def change(name):
        for _ in range(20):
            getattr(project, name[0])(name[1])

    names = [("set_pixel_size", "0.5 nm"), ("set_interval_s", 3.0)]
    threads = [threading.Thread(target=change, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = Project(project.folder)
    assert (again.pixel_size, again.interval_s) == ("0.5 nm", 3.0)


READ_ONLY = """
import sys
from granum.app.pictures import Pictures
from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.project_lock import ProjectLock
project = Project(sys.argv[1])
assert "read-only" in project.read_only, project.read_only
lock = ProjectLock(project, "http://127.0.0.1:1")
with Pictures(project, lambda message: None) as pictures:
    assert pictures.wait()
    (entry,) = pictures.entries()
    assert entry.status == "ready", entry
    assert pictures.tiles(entry.id, 0, 0, 0).tile(0, 0, 0).shape == (40, 50)
    assert len(pictures.thumbnail(entry.id)) > 20
    for change in (lambda: project.set_pixel_size("1 nm"), lambda: pictures.remove(entry.id),
                   lambda: project.write(b"x", "runs", "x"), lambda: project.make_folder("runs")):
        try:
            change()
        except Problem as problem:
            assert (problem.status, problem.code) == (409, "read_only"), problem
        else:
            raise SystemExit("was written")
cache = project.cache
project.close()
assert not cache.exists()
print("looked at")
"""


def as_everybody():
    """Take from root the right to write everywhere (CAP_DAC_OVERRIDE), for this process and its children."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


@pytest.mark.parametrize("with_project", [False, True])
def test_in_a_read_only_folder_everything_can_be_looked_at_and_nothing_is_written(with_project, tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", np.arange(2000, dtype=np.uint16).reshape(40, 50))
    if with_project:
        Project(folder).set_interval_s(1.0)
        (folder / "granum_project" / "index.sqlite").write_bytes(b"")
    paths = [*folder.rglob("*"), folder]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = sorted(folder.rglob("*"))
    command = [sys.executable, "-W", "error", "-c", READ_ONLY, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=as_everybody)
    for path in paths:
        path.chmod(0o755)
    assert done.stdout == "looked at\n", done.stderr
    assert sorted(folder.rglob("*")) == before


def test_a_disk_that_turns_read_only_is_told_as_such(project, monkeypatch):
    def denied(*about, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(Problem, match="read-only") as refused:
        project.set_pixel_size("1 nm")
    assert refused.value.code == "read_only"
    monkeypatch.undo()
    assert project.cache.is_dir()
    assert not project.cache.is_relative_to(project.folder)
