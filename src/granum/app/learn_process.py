"""The server's end of `learn_worker`: who looks at what, the one process, and whose turn it is.

The newest look of a client wins. Clients take turns: what they look at comes before the rest of an image of another,
and a stroke makes every prediction of the live model stale.
"""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from granum.app.learn_jobs import LIVE, Answer, LookJob, Painted, PlaneKey, SaveJob
from granum.app.learn_worker import work
from granum.app.preview_worker import PreviewSource
from granum.app.problems import Problem
from granum.learn import Scribbles

__all__ = ["LearnProcess", "Look"]

_SLOWEST_SAVE_S = 120.0
_log = logging.getLogger("granum.app")


@dataclass(eq=False)
class Look:
    """What a client looks at.

    Parameters
    ----------
    client : str
        Who.
    request : int
        Its number of it.
    source, t, z, view, model, file
        As in `LookJob`.
    since : float
        When it was asked for, or the stroke came (`time.perf_counter`).
    """

    client: str
    request: int
    source: PreviewSource
    t: int
    z: int
    view: tuple[int, int, int, int]
    model: str
    file: Path | None
    since: float = field(default_factory=time.perf_counter)
    view_done: bool = False


@dataclass(eq=False)
class _Save:
    file: Path
    ended: threading.Event = field(default_factory=threading.Event)
    problem: str = "The server is closing."


@dataclass(eq=False)
class _Running:
    what: Look | _Save
    job: LookJob | SaveJob
    sent: bool = False
    stop_sent: bool = False
    again: bool = False
    """It was stopped for somebody else's view, not because it is stale."""


class LearnProcess:
    """Gives the process one job after the other.

    Parameters
    ----------
    refresh : callable
        () -> whether what is painted has changed; called on this object's thread before every job.
    changes : callable
        ``changes(known)`` returns what a process that knows some planes has to be told (`PaintedPlanes.changes`).
    changed : callable
        () -> None; called after `refresh` has said so, and the next job has begun.
    hear : callable
        ``hear(look, job, answer)`` with every answer of the process, and with "failed" when it has died; without look
        and job when the live model was made only to be saved.
    new_place : callable
        () -> an empty folder for predictions.
    target : callable
        What the process runs.
    idle_s : float
        How long the process stays when nobody looks at a prediction.

    Notes
    -----
    The process starts with the first look. When it dies (memory, a crash in native code), the look that it was at is
    answered with one sentence, and the next one starts it anew.
    """

    def __init__(
        self,
        *,
        refresh: Callable[[], bool],
        changes: Callable[[dict[PlaneKey, Scribbles]], Painted],
        changed: Callable[[], None],
        hear: Callable[[Look | None, LookJob | None, Answer], None],
        new_place: Callable[[], Path],
        target: Callable[[Connection], None] = work,
        idle_s: float = 60.0,
    ) -> None:
        self._refresh, self._changes, self._changed = refresh, changes, changed
        self._hear, self._new_place = hear, new_place
        self._target, self._idle_s = target, idle_s
        self._lock = threading.Lock()
        self._looks: dict[str, Look] = {}
        self._waiting: OrderedDict[str, Look] = OrderedDict()
        self._saves: deque[_Save] = deque()
        self._running: _Running | None = None
        self._number = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        self._wake_reader, self._wake_writer = multiprocessing.Pipe(duplex=False)
        self._process: Any = None
        self._connection: Connection | None = None
        self._place = Path()
        self._told: dict[PlaneKey, Scribbles] = {}
        self._told_version = -1

    # ------------------------------------------------------------------------------------------------ for others

    def look(self, look: Look) -> None:
        """Take a look; the older one of the client is forgotten."""
        with self._lock:
            if self._closed:
                return
            self._looks[look.client] = look
            self._enqueue(look)
            self._stop_if_stale()
            self._begin()

    def forget(self, client: str) -> None:
        """Forget what a client looks at: it looks away, or has left."""
        with self._lock:
            self._looks.pop(client, None)
            self._waiting.pop(client, None)
            self._stop_if_stale()

    def painted(self) -> None:
        """Something was painted: what the live model has said, and says now, is stale. Returns at once."""
        with self._lock:
            if self._closed:
                return
            now = time.perf_counter()
            for client, look in self._looks.items():
                if look.model == LIVE:
                    fresh = self._looks[client] = replace(look, since=now, view_done=False)
                    self._enqueue(fresh)
            self._stop_if_stale()
            self._begin()

    def park(self, look: Look) -> None:
        """Take a look at a model that is not there yet; `model_changed` begins it."""
        with self._lock:
            self._looks[look.client] = look
            self._waiting.pop(look.client, None)
            self._stop_if_stale()

    def model_changed(self, model: str, file: Path | None) -> None:
        """Look anew with a model that has another file now, such as the best of a search."""
        with self._lock:
            for client, look in self._looks.items():
                if look.model == model and file is not None and not self._closed:
                    fresh = replace(look, file=file, since=time.perf_counter(), view_done=False)
                    self._looks[client] = fresh
                    self._enqueue(fresh)
            self._stop_if_stale()
            if self._waiting and not self._closed:
                self._begin()

    def save_live(self, file: Path) -> None:
        """Write the live model into a file, made anew when that is needed; waits for it.

        Raises
        ------
        Problem
            409 with the sentence why there is none.
        """
        save = _Save(file)
        with self._lock:
            if self._closed:
                raise Problem(503, "closing", save.problem)
            self._saves.append(save)
            self._stop_if_stale()
            self._begin()
        if not save.ended.wait(_SLOWEST_SAVE_S):
            raise Problem(503, "busy", "The process that learns is busy; try again in a moment.")
        if save.problem:
            raise Problem(409, "no_model", save.problem)

    def is_current(self, look: Look) -> bool:
        """Whether a look is still what its client looks at."""
        with self._lock:
            return self._looks.get(look.client) is look

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._closed = True
            thread = self._thread
            self._wake()
        if thread is not None:
            thread.join()
        self._wake_writer.close()
        self._wake_reader.close()

    # ------------------------------------------------------------------------------------------------ the queue

    def _enqueue(self, look: Look) -> None:
        # in place of the older one: a client that asks often does not lose its turn, nor gains one
        self._waiting[look.client] = look

    def _stop_if_stale(self) -> None:
        """Stop what runs when nobody wants it any more, or when somebody else has not seen anything yet."""
        running = self._running
        if (
            running is None
            or not running.sent
            or running.stop_sent
            or self._connection is None
            or isinstance(running.what, _Save)
        ):
            return
        is_stale = self._looks.get(running.what.client) is not running.what
        others = bool(self._saves) or any(not look.view_done for look in self._waiting.values())
        if is_stale or (running.what.view_done and others):
            running.stop_sent, running.again = True, not is_stale
            try:
                self._connection.send(("stop", running.job.number))
            except OSError:  # it has died; the thread that listens will find out
                return

    def _begin(self) -> None:
        """Start the thread that speaks with the process, or wake it."""
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._serve, name="granum-learn", daemon=True)
            self._thread.start()
        self._wake()

    def _wake(self) -> None:
        self._wake_writer.send(None)

    def _next(self) -> Look | _Save | None:
        """Take what is next: what is to be saved, then looks whose view is not there yet, then the rest of images."""
        with self._lock:
            if self._running is not None or self._closed:
                return None
            if self._saves:
                return self._saves.popleft()
            if not self._waiting:
                return None
            client = next((one for one, look in self._waiting.items() if not look.view_done), next(iter(self._waiting)))
            return self._waiting.pop(client)

    # ------------------------------------------------------------------------------------------------ the process

    def _serve(self) -> None:
        """Give the process one job after the other; the only thread that reads from it."""
        try:
            while not self._closed:
                try:
                    changed = self._refresh()
                    self._start_next()
                    if changed:  # told while the process works already
                        self._changed()
                except Exception:  # the next stroke or look may do better
                    _log.exception("learning cannot go on")
                listened: list[Connection] = [self._wake_reader]
                if self._connection is not None:
                    listened.append(self._connection)
                ready = wait(listened, self._idle_s)
                if not ready and not self._looks and self._running is None:
                    self._end_process()  # it holds features of up to 2 GB, and nobody looks
                if self._wake_reader in ready:
                    while self._wake_reader.poll():
                        self._wake_reader.recv()
                if self._connection is not None and self._connection in ready:
                    try:
                        self._take(self._connection.recv())
                    except (EOFError, OSError):
                        self._bury()
        finally:
            self._end_process()
            running, self._running = self._running, None
            for save in [*self._saves, *([running.what] if running is not None else [])]:
                if isinstance(save, _Save):
                    save.ended.set()

    def _start_next(self) -> None:
        what = self._next()
        if what is None:
            return
        if self._connection is None:
            self._start_process()
        connection = self._connection
        if connection is None:
            return
        self._number += 1
        job: LookJob | SaveJob
        if isinstance(what, _Save):
            job = SaveJob(self._number, what.file)
        else:
            job = LookJob(
                self._number, what.source, what.t, what.z, what.view, what.model, what.file, self._place
            )  # fmt: skip
        running = _Running(what, job)
        with self._lock:
            self._running = running
        try:
            painted = self._changes(self._told)
            if painted.version != self._told_version:
                connection.send(painted)
                self._told_version = painted.version
            connection.send(job)
        except OSError:
            self._bury()
            return
        with self._lock:
            # a stop that overtook its job would be lost, and nobody would send another
            running.sent = True
            self._stop_if_stale()

    def _start_process(self) -> None:
        self._place = self._new_place()
        self._told, self._told_version = {}, -1
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=self._target, args=(there,), name="granum-learn", daemon=True)
        process.start()
        there.close()  # so that the death of the process ends the connection
        self._process, self._connection = process, here

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _bury(self) -> None:
        """Answer for a process that has died."""
        self._end_process()
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            text = (
                "The process that learns has ended (out of memory, or a crash); the next look or stroke starts it anew."
            )
            self._tell(running, Answer("failed", running.job.number, text, "crashed"))

    def _take(self, answer: Answer) -> None:
        running = self._running
        if running is None or running.job.number != answer.number:
            return
        what = running.what
        if isinstance(what, Look) and answer.found is not None and answer.found.view_done:
            what.view_done = True
            with self._lock:
                self._stop_if_stale()
        if answer.word in ("done", "stopped", "failed"):
            with self._lock:
                self._running = None
                # stopped for another's view: the rest comes when all views are there
                comes_back = answer.word == "stopped" and running.again
                if comes_back and isinstance(what, Look) and self._looks.get(what.client) is what:
                    self._waiting.setdefault(what.client, what)
        self._tell(running, answer)

    def _tell(self, running: _Running, answer: Answer) -> None:
        if isinstance(running.what, Look) and isinstance(running.job, LookJob):
            self._hear(running.what, running.job, answer)
        elif isinstance(running.what, _Save):
            if answer.word == "live":
                self._hear(None, None, answer)
            elif answer.word in ("done", "failed"):
                running.what.problem = answer.text if answer.word == "failed" else ""
                running.what.ended.set()
