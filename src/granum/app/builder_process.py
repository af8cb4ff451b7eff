"""The server's end of `tile_builder`: one process, one job at a time, started when needed and anew after a crash."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from granum.errors import OutputError, ReadError

__all__ = ["BuilderProcess"]

_PATIENCE_S = 5.0


class BuilderProcess:
    """A process for jobs of `granum.app.tile_builder`; several threads may ask, they wait for each other.

    A process that has had nothing to do for a while is ended, so that it does not hold memory.

    Parameters
    ----------
    idle_s : float
        How long it may wait for the next job.
    """

    def __init__(self, *, idle_s: float = 30.0) -> None:
        self._one_job = threading.Lock()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._closed = False
        self._idle_s = idle_s
        self._timer: threading.Timer | None = None

    def run(self, job: dict[str, Any], progress: Callable[[float], None] | None = None) -> dict[str, Any]:
        """Do a job in the process and return its answer.

        Raises
        ------
        ReadError
            When the file cannot be read, or makes the process crash.
        OutputError
            When the cache cannot be written, or this was closed.
        """
        name = Path(job["path"]).name
        with self._one_job:
            self._stop_timer()
            try:
                process = self._start()
                answer = _ask(process, job, progress)
                if answer is None:
                    self._end()  # a process that has just been killed may still look alive
            finally:
                self._start_timer()
        if answer is None:
            if self._closed:
                raise OutputError("the server is being stopped.")
            raise ReadError(f"{name}: makes its reader crash, or takes more memory than there is; it is damaged.")
        if "error" in answer:
            sentence = str(answer["error"]).replace(str(job["path"]), name)
            raise OutputError(sentence) if answer.get("disk") else ReadError(sentence)
        done: dict[str, Any] = answer["done"]
        return done

    def close(self) -> None:
        """End the process, also in the middle of a job."""
        with self._guard:
            self._closed = True
        self._stop_timer()
        self._end()

    def _start(self) -> subprocess.Popen[str]:
        with self._guard:
            if self._closed:
                raise OutputError("the server is being stopped.")
            if self._process is None or self._process.poll() is not None:
                self._forget()
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "granum.app.tile_builder"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
                )  # fmt: skip
            return self._process

    def _end(self) -> None:
        with self._guard:
            process = self._process
            if process is None:
                return
            process.kill()  # it holds nothing that is not written whole or not at all
            process.wait(_PATIENCE_S)
            self._forget()

    def _forget(self) -> None:
        """Close the pipes of a process that has ended."""
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except OSError:  # bytes that were not taken any more
                        continue
            self._process = None

    def _start_timer(self) -> None:
        with self._guard:
            if not self._closed:
                self._timer = threading.Timer(self._idle_s, self._end_if_idle)
                self._timer.daemon = True
                self._timer.start()

    def _stop_timer(self) -> None:
        with self._guard:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _end_if_idle(self) -> None:
        if self._one_job.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._one_job.release()


def _ask(
    process: subprocess.Popen[str], job: dict[str, Any], progress: Callable[[float], None] | None
) -> dict[str, Any] | None:
    """Send a job and wait for the last answer; None when the process ended before it."""
    if process.stdin is None or process.stdout is None:
        return None
    try:
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if "progress" not in answer:
                return answer
            if progress is not None:
                progress(float(answer["progress"]))
    except (OSError, ValueError):  # a broken pipe, or one that was closed under our hands
        return None
    return None
