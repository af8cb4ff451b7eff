"""``python -m granum.app.job_process RUNDIR``: does one run, in a process that needs neither server nor browser.

It calls `granum.batch.run_batch` as the command line does, and says in ``status.json`` how far it is.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from granum.app.job_folder import JobFolder, Status
from granum.app.processes import process_token
from granum.app.run_plan import RunPlan, assay_options
from granum.errors import GranumError, OutputError

if TYPE_CHECKING:
    from granum.batch.run_folder import Failure
    from granum.batch.runs import BatchSummary

__all__ = ["BUSY", "main", "work"]

BUSY = 75
"""Exit code: another process works on this run already."""
_WRITE_EVERY_S = 0.1
_BEAT_EVERY_S = 1.0
_NICENESS = 5


class _Stopped(BaseException):
    """Somebody asked this process to end."""


class _Reporter:
    """Writes ``status.json`` from a thread of its own: at once, but at most ten times a second, and never too late."""

    def __init__(self, folder: JobFolder, status: Status) -> None:
        self._folder, self._status = folder, status
        self._earlier_s, self._began = status.seconds, time.monotonic()
        self._lock, self._news, self._over = threading.Lock(), threading.Event(), threading.Event()
        self._write()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def tell(self, **changes: Any) -> None:
        """Change the status."""
        with self._lock:
            self._status = replace(self._status, **changes)
        self._news.set()

    def fail(self, failure: Failure) -> None:
        """Add a failure."""
        with self._lock:
            self._status = replace(self._status, failures=(*self._status.failures, _failure_json(failure)))
        self._news.set()

    @property
    def total(self) -> int:
        """How many images and frames there are."""
        return self._status.total

    def end(self, state: str, **changes: Any) -> None:
        """Write the last status."""
        self._over.set()
        self._news.set()
        self._thread.join()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.tell(state=state, current="", finished=now, **changes)
        self._write(sync=True)

    def _run(self) -> None:
        while not self._over.is_set():
            self._news.wait(_BEAT_EVERY_S)
            self._news.clear()
            if self._over.is_set():
                return
            try:
                self._write()
            except OutputError as error:  # the run itself goes on: it may have a place where this has none
                print(error, file=sys.stderr, flush=True)
            self._over.wait(_WRITE_EVERY_S)

    def _write(self, *, sync: bool = False) -> None:
        with self._lock:
            self._status = replace(self._status, seconds=self._earlier_s + time.monotonic() - self._began)
            status = self._status
        self._folder.write_status(status, sync=sync)


class _WatchedRunner:
    """Another runner, with a word to the reporter about everything that it does."""

    def __init__(self, runner: Any, reporter: _Reporter) -> None:
        self._runner, self._reporter = runner, reporter

    def map(self, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield the index and the outcome of each job, as they finish."""
        from granum.batch.item import Item
        from granum.batch.run_folder import Failure

        if not jobs or not isinstance(jobs[0], Item):
            with closing(self._runner.map(function, jobs)) as outcomes:
                for index, outcome in outcomes:
                    if outcome.error is not None:
                        self._reporter.fail(Failure(jobs[index][0].file, None, outcome.error))
                    yield index, outcome
            return
        waiting = {index: item.facts.source.file for index, item in enumerate(jobs)}
        total = jobs[0].n_items
        self._reporter.tell(done=total - len(jobs), total=total, current=waiting[0])
        with closing(self._runner.map(function, jobs)) as outcomes:
            for index, outcome in outcomes:
                facts = jobs[index].facts
                if outcome.error is not None:
                    frame = jobs[index].frame if facts.n_frames > 1 else None
                    self._reporter.fail(Failure(facts.source.file, frame, outcome.error))
                del waiting[index]
                # jobs are handed out in order, so the first that is not done is one that is being done
                self._reporter.tell(done=total - len(waiting), current=next(iter(waiting.values()), ""))
                yield index, outcome


def work(folder: JobFolder) -> int:
    """Do the run of a folder, from where it stopped; return the exit code.

    Raises
    ------
    GranumError
        When the folder is none of a run, or cannot be written.
    """
    with folder.held() as mine:
        if not mine:
            print(f"{folder.path}: another process works on this run.", file=sys.stderr)
            return BUSY
        before = folder.read_status()
        pid = os.getpid()
        token = process_token(pid) or ""
        status = replace(before, state="running", failures=(), finished="", error="", pid=pid, token=token)
        reporter = _Reporter(folder, status)
        try:
            summary = _run(folder, reporter)
        except _Stopped:
            reporter.end("interrupted")
            return 128 + signal.SIGTERM
        except GranumError as error:
            print(error, file=sys.stderr)
            reporter.end("failed", error=str(error))
            return 3
        except Exception as error:
            traceback.print_exc()
            reporter.end("failed", error=f"granum's own fault: {type(error).__name__}: {error}")
            return 1
        changes: dict[str, Any] = {"failures": tuple(_failure_json(one) for one in summary.failures)}
        if not reporter.total:  # all was there already, and nothing was asked of the runner
            changes |= {"done": summary.n_done, "total": summary.n_done}
        reporter.end("done", **changes)
        return 0


def _failure_json(failure: Failure) -> dict[str, Any]:
    return {"file": failure.file, "frame": failure.frame or 0, "error": str(failure)}


def _run(folder: JobFolder, reporter: _Reporter) -> BatchSummary:
    """Run the batch."""
    from granum.app.script_export import command_words
    from granum.batch import run_batch
    from granum.batch.runners import make_runner

    plan = RunPlan.from_json(folder.read_job())
    summary = run_batch(
        plan.recipe,
        plan.paths,
        folder.result,
        channels=plan.channels,
        patterns=plan.patterns or None,
        pixel_size=plan.pixel_size,
        interval_s=plan.interval_s,
        z=plan.z,
        **assay_options(plan, folder.path / "plate_map.csv"),
        resume=True,
        runner=_WatchedRunner(make_runner(plan.processes), reporter),
        command=command_words(plan),
    )
    for warning in summary.warnings:
        print(f"warning: {warning}")
    print(f"{summary.n_objects} objects in {summary.n_done} images, {len(summary.failures)} failed.")
    return summary


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # asked once is enough: the end must not be stopped itself
    raise _Stopped


def main(arguments: Sequence[str]) -> int:
    """Run the process; return its exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        os.nice(_NICENESS)  # the page, which is being painted on, comes first
        folder = JobFolder(Path(arguments[0]))
        if not folder.job.is_file():
            raise OutputError(f"{folder.path}: is no run of the app.")
        return work(folder)
    except _Stopped:
        return 128 + signal.SIGTERM
    except GranumError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
