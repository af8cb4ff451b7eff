from __future__ import annotations

import json
import subprocess
import sys

import pytest

from granum.app import job_process
from granum.app.job_folder import JobFolder, Status
from granum.app.job_process import BUSY, work
from granum.app.run_plan import plan_run
from granum.app.run_shelf import RunShelf
from granum.errors import OutputError


@pytest.fixture
def folder(bench):
    return RunShelf(bench.project).make(plan_run(bench.ask(), bench.project, bench.pictures)).folder


def test_a_run_is_done_in_this_process_as_in_another(folder, bench, tools, capsys):
    assert work(folder) == 0
    status = folder.read_status()
    assert (status.state, status.done, status.total, status.failures, status.order) == ("done", 3, 3, (), 1)
    assert status.seconds > 0
    assert "15 objects in 3 images, 0 failed." in capsys.readouterr().out
    assert json.loads((folder.result / "run.json").read_text())["command"][:2] == ["granum", "run"]
    assert tools.bytes_of(folder.result) == tools.bytes_of(bench.result(bench.run()))


def test_a_second_process_on_one_folder_refuses_and_changes_nothing(folder, capsys):
    before = folder.status.read_bytes()
    with folder.held():
        assert work(JobFolder(folder.path)) == BUSY
    assert folder.status.read_bytes() == before
    assert not folder.result.exists()
    assert "another process" in capsys.readouterr().err


def test_two_processes_at_once_do_the_run_once(bench, folder, tools):
    bench.hold()
    words = [sys.executable, "-m", "granum.app.job_process", str(folder.path)]
    with subprocess.Popen(words) as first:
        bench.wait_begun("field_3")
        second = subprocess.run(words, capture_output=True, text=True)
        assert second.returncode == BUSY
        assert folder.read_status().pid == first.pid
        bench.let()
        assert first.wait() == 0
    assert folder.read_status().state == "done"


def test_a_run_that_is_there_already_is_done_at_once(folder):
    assert work(folder) == 0
    folder.write_status(Status("queued", 4))
    assert work(folder) == 0
    status = folder.read_status()
    assert (status.state, status.done, status.total, status.order) == ("done", 3, 3, 4)


def test_the_time_of_earlier_attempts_counts(folder):
    folder.write_status(Status("queued", 1, seconds=1000))
    work(folder)
    assert 1000 < folder.read_status().seconds < 1100


def test_a_fault_is_named_and_its_traceback_is_in_the_log(folder, monkeypatch, capsys):
    monkeypatch.setattr(job_process, "_run", lambda *_: 1 / 0)
    assert work(folder) == 1
    assert folder.read_status().error == "granum's own fault: ZeroDivisionError: division by zero"
    assert "Traceback" in capsys.readouterr().err


def test_a_status_that_cannot_be_written_does_not_stop_the_run(folder, monkeypatch, capsys):
    write, calls = JobFolder.write_status, []

    def fail(self, status, *, sync=False):
        calls.append(sync)
        if len(calls) > 1 and not sync:
            raise OutputError("status.json: cannot be written (No space left on device).")
        write(self, status, sync=sync)

    monkeypatch.setattr(JobFolder, "write_status", fail)
    assert work(folder) == 0
    assert folder.read_status().state == "done"
    assert "No space left" in capsys.readouterr().err


def test_a_folder_without_a_job_is_told(tmp_path):
    words = [sys.executable, "-m", "granum.app.job_process", str(tmp_path / "nothing")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 2
    assert "nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_process_needs_no_web_packages():
    code = "import sys, granum.app.job_process; print(*{'fastapi', 'pydantic', 'starlette'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
