from __future__ import annotations

import functools
import math
import operator
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from granum.batch.runners import ProcessRunner, SerialRunner, make_runner
from granum.errors import GranumError, SettingError

# functions of the standard library, because a spawned process cannot import a test file


def outcomes(runner, function, jobs):
    return dict(runner.map(function, jobs))


@pytest.fixture(scope="module")
def two_processes():
    return ProcessRunner(2)


@pytest.mark.parametrize("make", [SerialRunner, lambda: ProcessRunner(2)])
def test_every_job_is_done_and_a_failure_is_an_outcome(make):
    found = outcomes(make(), math.sqrt, [4, -1, 9, 16])
    assert [found[i].value for i in (0, 2, 3)] == [2, 3, 4]
    assert found[1].value is None
    assert "ValueError" in str(found[1].error)
    assert "Traceback" in found[1].details


def test_serial_outcomes_keep_the_class_of_granums_own_errors():
    def refuse(job):
        raise SettingError("too large")

    (outcome,) = outcomes(SerialRunner(), refuse, [1]).values()
    assert isinstance(outcome.error, SettingError)
    assert str(outcome.error) == "too large"


def test_running_out_of_memory_is_one_sentence():
    def swallow(job):
        raise MemoryError("8 EB")

    (outcome,) = outcomes(SerialRunner(), swallow, [1]).values()
    assert isinstance(outcome.error, GranumError)
    assert "not enough memory" in str(outcome.error)


def test_no_job_is_no_outcome(two_processes):
    assert outcomes(two_processes, math.sqrt, []) == {}


def test_a_job_that_kills_its_process_fails_alone(two_processes):
    jobs = [functools.partial(math.sqrt, n) for n in range(8)]
    jobs[3] = functools.partial(os._exit, 9)
    jobs[5] = functools.partial(os.abort)
    found = outcomes(two_processes, operator.call, jobs)
    assert sorted(found) == list(range(8))
    assert {i for i, outcome in found.items() if outcome.error is not None} == {3, 5}
    assert "died twice" in str(found[3].error)


def test_processes_share_the_cores_among_their_threads(two_processes):
    cores = len(os.sched_getaffinity(0))
    before = dict(os.environ)
    found = outcomes(two_processes, os.getenv, ["NUMBA_NUM_THREADS", "OMP_NUM_THREADS"])
    assert {outcome.value for outcome in found.values()} == {str(max(1, cores // 2))}
    assert dict(os.environ) == before


@pytest.mark.parametrize(("outside", "inside"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_of_processes_do_not_wait_by_spinning_unless_it_is_asked_for(monkeypatch, outside, inside):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if outside:
        monkeypatch.setenv("OMP_WAIT_POLICY", outside)
    found = outcomes(ProcessRunner(1), os.getenv, ["OMP_WAIT_POLICY"])
    assert found[0].value == inside
    assert os.environ.get("OMP_WAIT_POLICY") == outside


def test_no_process_is_left_when_the_caller_stops_early():
    runner = ProcessRunner(2)
    running = runner.map(time.sleep, [0, 60, 60])
    next(running)
    processes = [worker.process for worker in runner._workers]
    running.close()
    assert processes
    assert not any(process.is_alive() for process in processes)


def test_no_process_outlives_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\n"
        "from granum.batch.runners import ProcessRunner\n"
        "if __name__ == '__main__':\n"
        "    runner = ProcessRunner(2)\n"
        "    work = runner.map(time.sleep, [0, 300, 300])\n"
        "    next(work)\n"
        "    print(*(worker.process.pid for worker in runner._workers), flush=True)\n"
        "    next(work)\n"
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        children = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
        parent.wait()
    assert len(children) == 2
    deadline = time.monotonic() + 30
    while any(is_running(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(pid) for pid in children)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_number_of_processes_is_checked():
    assert isinstance(make_runner(1), SerialRunner)
    assert make_runner(3).n_workers == 3
    for make in (make_runner, ProcessRunner):
        with pytest.raises(SettingError, match="jobs: 0 is out of range, must be at least 1"):
            make(0)
