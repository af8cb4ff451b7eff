from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from granum.app import processes
from granum.app.processes import end_group, is_alive, process_token, wait_ended

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, 1); print(1, flush=True); time.sleep(999)"])
print(child.pid, flush=True)
time.sleep(999)
"""  # noqa: E501


def start(code):
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )  # fmt: skip


def test_a_process_is_known_until_it_ends_even_when_nobody_waits_for_it():
    with start("input()") as process:
        token = process_token(process.pid)
        assert token
        assert process_token(process.pid) == token
        assert is_alive(process.pid, token)
        assert not is_alive(process.pid, token + "0")
        process.kill()
        assert wait_ended(process.pid, token, 5)
        assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
        assert process_token(process.pid) is None


def test_numbers_of_no_process_are_not_alive():
    assert not is_alive(0, "")
    assert not is_alive(-1, "")
    assert process_token(2**22 + 5) is None


def test_two_processes_have_two_tokens():
    with start("input()") as one:
        time.sleep(0.05)  # ticks of the clock that counts starts
        with start("input()") as two:
            assert process_token(one.pid) != process_token(two.pid)
            one.kill()
            two.kill()


def test_a_process_that_ends_when_asked_is_not_forced():
    with start("import time; print(1, flush=True); time.sleep(999)") as process:
        process.stdout.readline()
        assert end_group(process.pid, process_token(process.pid))
        assert process.wait() == -15


def test_one_that_does_not_listen_is_forced_to_with_its_children():
    with start(STUBBORN) as process:
        lines = {process.stdout.readline().strip() for _ in range(2)}
        (child,) = (int(line) for line in lines if line != "1")
        begun = time.monotonic()
        assert end_group(process.pid, process_token(process.pid), patience_s=0.3)
        assert time.monotonic() - begun >= 0.3
        assert process.wait() == -9
        for _ in range(500):
            if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
                break
            time.sleep(0.01)
        else:
            pytest.fail("the child still runs")


def test_the_end_of_another_process_of_the_same_number_is_nobodys_wish():
    assert end_group(os.getpid(), "another time")
    assert end_group(0, "")


def test_without_proc_the_list_of_processes_tells_the_same(monkeypatch):
    monkeypatch.setattr(processes, "_PROC", Path("/no/such/folder"))
    with start("input()") as process:
        token = process_token(process.pid)
        assert token
        assert is_alive(process.pid, token)
        process.kill()
        assert wait_ended(process.pid, token, 5)
    assert process_token(process.pid) is None
