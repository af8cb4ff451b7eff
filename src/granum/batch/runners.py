"""Who does the jobs: this process, or several; one small interface, so that a cluster can join them later.

A runner has one method, ``map(function, jobs)``, that yields ``(index, Outcome)`` in the order in which jobs finish.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

from granum.errors import GranumError, SettingError

__all__ = ["Outcome", "ProcessRunner", "Runner", "SerialRunner", "end_with_parent", "make_runner"]

_THREAD_VARIABLES = (
    "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of one job.

    Parameters
    ----------
    value : object
        What the function returned; None when it failed.
    error : Exception or None
        Why it failed: a `GranumError` as it was raised, or a `RuntimeError` with the name of any other.
    details : str
        The traceback of the failure.
    """

    value: Any = None
    error: Exception | None = None
    details: str = ""


class Runner(Protocol):
    """Does jobs."""

    def map(self, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[tuple[int, Outcome]]:
        """Yield the index and the outcome of each job, as they finish."""
        ...


def _attempt(function: Callable[[Any], Any], job: Any) -> Outcome:
    """Call a function on a job; a failure is an outcome like any other."""
    try:
        return Outcome(function(job))
    except GranumError as error:
        # the class and the text are all that may travel: a cause may hold what cannot be sent to another process
        return Outcome(error=type(error)(str(error)), details=traceback.format_exc())
    except MemoryError as error:
        return Outcome(error=GranumError(f"not enough memory ({error})."), details=traceback.format_exc())
    except Exception as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        text = f"{type(error).__name__}: {error}{notes}"
        return Outcome(error=RuntimeError(text), details=traceback.format_exc())


class SerialRunner:
    """Does the jobs here, one after the other."""

    def map(self, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[tuple[int, Outcome]]:
        """Yield the index and the outcome of each job, in order."""
        for index, job in enumerate(jobs):
            yield index, _attempt(function, job)


@dataclass
class _Worker:
    """One process with at most one job in it, so that it is known which job has killed it."""

    process: SpawnProcess
    connection: Connection
    index: int | None = None


@dataclass
class ProcessRunner:
    """Does the jobs in `n_workers` processes.

    Parameters
    ----------
    n_workers : int
        At least 1. Each process gets its share of the cores for its own threads.

    Notes
    -----
    Processes are spawned, not forked, so they start clean on every system; they end with this process, even when it is
    killed. A job whose process dies (out of memory, a crash in native code) is tried once more, alone, after all
    others; when that dies too the job has failed, and no other.
    """

    n_workers: int
    _workers: list[_Worker] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.n_workers < 1:
            raise SettingError(f"jobs: {self.n_workers} is out of range, must be at least 1.")

    def map(self, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[tuple[int, Outcome]]:
        """Yield the index and the outcome of each job, as they finish."""
        suspects: list[int] = []
        try:
            yield from self._spread(function, jobs, deque(range(len(jobs))), self.n_workers, suspects)
            for index in sorted(suspects):
                guilty: list[int] = []
                yield from self._spread(function, jobs, deque([index]), 1, guilty)
                if guilty:
                    yield index, Outcome(error=GranumError("its process died twice (out of memory, or a crash)."))
        finally:
            self._stop()

    def _spread(
        self,
        function: Callable[[Any], Any],
        jobs: Sequence[Any],
        waiting: deque[int],
        n_workers: int,
        died: list[int],
    ) -> Iterator[tuple[int, Outcome]]:
        """Yield outcomes until nothing waits and nothing runs; indices whose process died go to `died`."""
        while waiting or any(worker.index is not None for worker in self._workers):
            while len(self._workers) < n_workers and len(self._idle()) < len(waiting):
                self._workers.append(_start_worker(self.n_workers))
            for worker in self._idle()[: min(len(waiting), n_workers)]:
                worker.index = waiting.popleft()
                try:
                    worker.connection.send((function, jobs[worker.index]))
                except OSError:  # it died before its job came: the wait below finds it
                    continue
            busy = [(worker, worker.index) for worker in self._workers if worker.index is not None]
            ready = wait([worker.connection for worker, _ in busy])
            for worker, index in busy:
                if worker.connection not in ready:
                    continue
                try:
                    outcome = worker.connection.recv()
                except (EOFError, OSError):
                    self._workers.remove(worker)
                    worker.process.join()
                    died.append(index)
                    continue
                worker.index = None
                yield index, outcome

    def _idle(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.index is None]

    def _stop(self) -> None:
        """End all processes, busy or not."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()
        self._workers.clear()


@contextmanager
def _thread_share(n_workers: int) -> Iterator[None]:
    """Give processes started inside their share of the cores, through the variables that libraries read at import."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    before = {name: os.environ.get(name) for name in (*_THREAD_VARIABLES, "OMP_WAIT_POLICY")}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(max(1, cores // n_workers))))
    # threads that wait by spinning take the cores from the other processes
    os.environ["OMP_WAIT_POLICY"] = before["OMP_WAIT_POLICY"] or "PASSIVE"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start_worker(n_workers: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    with _thread_share(n_workers):
        process = context.Process(target=_work, args=(there,), daemon=True)
        process.start()
    there.close()  # so that the death of the process ends the connection
    return _Worker(process, here)


def _work(connection: Connection) -> None:
    """Do jobs until the connection ends; runs in a process of its own."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; only the parent decides
    threading.Thread(target=end_with_parent, daemon=True).start()
    while True:
        try:
            function, job = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(_attempt(function, job))


def end_with_parent() -> None:
    """Wait for the parent process to end, and end this one with it; for a thread of its own."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)  # the main thread may be deep in native code, and there is nobody left to tell


def make_runner(n_jobs: int) -> Runner:
    """Return the runner for ``--jobs N``."""
    if n_jobs < 1:
        raise SettingError(f"jobs: {n_jobs} is out of range, must be at least 1.")
    return SerialRunner() if n_jobs == 1 else ProcessRunner(n_jobs)
