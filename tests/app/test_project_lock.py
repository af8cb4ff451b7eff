"""One server per project, however the first one ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.project_lock import ProjectLock

HOLD = """
import sys
from granum.app.project import Project
from granum.app.project_lock import ProjectLock
lock = ProjectLock(Project(sys.argv[1]), "http://127.0.0.1:8770")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(project):
    """Another process that holds the project."""
    command = [sys.executable, "-c", HOLD, str(project.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()


def test_a_second_server_is_refused_and_told_where_the_first_one_is(project, holder):
    with pytest.raises(Problem, match=r"already open in another granum server at http://127\.0\.0\.1:8770") as refused:
        ProjectLock(project, "http://127.0.0.1:9999")
    assert (refused.value.status, refused.value.code) == (409, "in_use")
    assert str(project.folder) in str(refused.value)


def test_another_way_to_write_the_folder_is_the_same_project(project, holder):
    (project.folder / "x").mkdir()
    with pytest.raises(Problem):
        ProjectLock(Project(project.folder / "x" / ".."), "http://127.0.0.1:9999")


def test_a_killed_server_holds_nothing(project, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with ProjectLock(project, "http://127.0.0.1:9999"):
        pass


def test_released_is_free_again_also_in_one_process(project):
    first = ProjectLock(project, "http://127.0.0.1:1")
    with pytest.raises(Problem):
        ProjectLock(project, "http://127.0.0.1:2")
    first.release()
    first.release()
    ProjectLock(project, "http://127.0.0.1:3").release()


def test_a_lock_file_with_nonsense_does_not_hinder(project):
    (project.make_folder() / "server.lock").write_bytes(b"\xff\x00 nonsense" * 100)
    with ProjectLock(project, "http://127.0.0.1:1"), pytest.raises(Problem, match=r"127\.0\.0\.1:1;"):
        ProjectLock(project, "http://127.0.0.1:2")


def test_no_handle_is_left_open_when_the_project_is_in_use(project, holder):
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        with pytest.raises(Problem):
            ProjectLock(project, "http://127.0.0.1:9999")
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_link_in_place_of_the_lock_is_never_written_through(project, tmp_path):
    treasure = tmp_path / "treasure"
    treasure.write_text("mine")
    (project.make_folder() / "server.lock").symlink_to(treasure)
    with pytest.raises(Problem, match="cannot be opened"):
        ProjectLock(project, "http://127.0.0.1:1")
    assert treasure.read_text() == "mine"
