"""`Searches`: the search for the best model of a project, one at a time, and the last one that there was.

It runs in a process of its own, so that it goes on when a page is closed, and ends with the server. Its folder,
``searches/<id>/``, is all that there is to know, so the next server shows it.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from granum.app.learn_jobs import PlaneKey
from granum.app.learn_messages import SearchRequest, SearchState
from granum.app.preview_worker import PreviewSource
from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.search_process import BEST, SearchTask, read_state, write_state
from granum.errors import OutputError
from granum.learn import PixelClass, Scribbles

__all__ = ["FOLDER", "Searches"]

FOLDER = "searches"
_MOST_KEPT = 3
_EVERY_S = 0.2
_PATIENCE_S = 3.0
_log = logging.getLogger("granum.app")


class Searches:
    """The searches of a project; every method may be called from any thread.

    Parameters
    ----------
    project : Project
        Where they are kept.
    went_on : callable
        ``went_on(state, new_best)`` whenever the search goes on, from a thread of this object.
    command : callable, optional
        Folder of a search -> the words that start its process.
    """

    def __init__(
        self,
        project: Project,
        went_on: Callable[[SearchState, bool], None],
        *,
        command: Callable[[Path], list[str]] | None = None,
    ) -> None:
        self._project, self._went_on = project, went_on
        self._command = _search_command if command is None else command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._watcher: threading.Thread | None = None
        self._asked_to_stop = self._closed = False
        self._state = self._find_last()

    def state(self) -> SearchState | None:
        """Return the search that runs, or the last one."""
        with self._lock:
            return self._state

    def best_file(self) -> Path | None:
        """Return the file of the best model so far; None when there is none."""
        with self._lock:
            file = None if self._folder is None else self._folder / BEST
        return file if file is not None and file.is_file() and not file.is_symlink() else None

    def start(
        self,
        request: SearchRequest,
        planes: Sequence[tuple[PlaneKey, Scribbles, PreviewSource]],
        classes: Sequence[PixelClass],
    ) -> SearchState:
        """Start a search.

        Raises
        ------
        Problem
            409 when one runs already, or the project is read-only.
        """
        with self._lock:
            if self._closed:
                raise Problem(503, "closing", "The server is closing.")
            if self._process is not None:
                raise Problem(409, "running", "A search runs already; stop it first.")
            id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
            folder = self._project.make_folder(FOLDER, id)
            task = SearchTask(request.budget_s, request.seed, tuple(classes), tuple(planes))
            state = SearchState(
                id=id, state="running", budget_s=request.budget_s, elapsed_s=0, n_trials=0, strokes=task.strokes
            )
            try:
                task.write(folder)
                write_state(folder, state)
                with (folder / "log.txt").open("ab") as log:
                    process = subprocess.Popen(
                        self._command(folder.absolute()),
                        stdin=subprocess.PIPE,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
            except OSError as error:
                shutil.rmtree(folder, ignore_errors=True)
                raise OutputError(f"{folder}: the search cannot be started ({error.strerror or error}).") from None
            self._process, self._folder, self._state, self._asked_to_stop = process, folder, state, False
            self._watcher = threading.Thread(
                target=self._watch, args=(process, folder), name="granum-search", daemon=True
            )
            self._watcher.start()
        self._forget_old()
        self._went_on(state, False)
        return state

    def stop(self) -> SearchState:
        """Ask the search to stop; its best is kept, and it ends in a moment.

        Raises
        ------
        Problem
            409 when none runs.
        """
        with self._lock:
            process, state = self._process, self._state
            if process is None or state is None or process.stdin is None:
                raise Problem(409, "not_running", "No search runs.")
            self._asked_to_stop = True
            with contextlib.suppress(OSError):  # it has ended in this moment
                process.stdin.write(b"stop\n")
                process.stdin.flush()
            return state

    def close(self) -> str:
        """End the search with the server; return a line for the user."""
        with self._lock:
            self._closed = True
            process, watcher = self._process, self._watcher
        if process is None or watcher is None:
            return ""
        process.kill()
        watcher.join(_PATIENCE_S)
        return "The search for a model was stopped; its best so far is kept in the project."

    def _watch(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        """Tell how the search goes on until its process has ended."""
        seen = best = 0
        ended = False
        while not ended:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_EVERY_S)
                ended = True
            state_now, best_now = _stamp(folder / "state.json"), _stamp(folder / BEST)
            if (state_now, best_now) == (seen, best) and not ended:
                continue
            state = read_state(folder) or self._state
            if state is None:
                continue
            if (
                state.state != "running" and not ended
            ):  # its last word is not its last act; the next may start after both
                _wait_or_kill(process)
                ended = True
            if ended:
                state = self._end(process, folder, state)
            with self._lock:
                self._state = state
                if ended:
                    self._process = None
            if not self._closed:
                try:
                    self._went_on(state, best_now != best)
                except Exception:  # a page less that is told
                    _log.exception("the search cannot be told about")
            seen, best = state_now, best_now

    def _end(self, process: subprocess.Popen[bytes], folder: Path, state: SearchState) -> SearchState:
        """Return the last state, also of a process that ended without a word."""
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        if state.state != "running":
            return state
        if self._closed or self._asked_to_stop:
            state = state.model_copy(update={"state": "stopped", "stage": "", "message": _STOPPED})
        else:
            code = process.returncode
            text = f"The search has ended with code {code} (out of memory, or a crash); its best so far is kept."
            state = state.model_copy(update={"state": "failed", "stage": "", "message": text})
        with contextlib.suppress(OSError):  # a full disk: the next server finds "running", and knows better
            write_state(folder, state)
        return state

    def _find_last(self) -> SearchState | None:
        for folder in reversed(self._folders()):
            state = read_state(folder)
            if state is not None:
                self._folder = folder
                if state.state == "running":  # its server was killed, and it with it
                    return state.model_copy(update={"state": "stopped", "stage": "", "message": _STOPPED})
                return state
        return None

    def _folders(self) -> list[Path]:
        try:
            found = sorted(self._project.path(FOLDER).iterdir())
        except OSError:  # none yet
            return []
        return [one for one in found if one.is_dir() and not one.is_symlink()]

    def _forget_old(self) -> None:
        for folder in self._folders()[:-_MOST_KEPT]:
            shutil.rmtree(folder, ignore_errors=True)


_STOPPED = "The server ended before the search did; the best so far is kept."


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _search_command(folder: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "granum.app.search_process", str(folder)]


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
