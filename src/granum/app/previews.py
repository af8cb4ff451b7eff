"""Previews as the server sees them: who waits for what, the one process that makes them, and where results lie.

The newest request of a client wins. While it moves a slider, what runs is let to its end, or nothing would ever be
seen; an exact run, another image, or one that takes long is stopped for the newer one. Clients take turns.
"""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from granum.app.field_files import check_patterns
from granum.app.forms import RecipeShelf
from granum.app.preview_results import ResultFolder, make_result
from granum.app.preview_worker import PreviewJob, PreviewSource, work
from granum.app.problems import Problem
from granum.app.recipe_messages import PreviewRequest
from granum.recipe import Recipe

__all__ = ["Pictures", "Previews", "Send"]

Send = Callable[[str, dict[str, Any]], None]
_log = logging.getLogger("granum.app")
_PATIENCE_S = 1.0  # from when on even a run of the same kind is stopped for a newer one


class Pictures(Protocol):
    """What previews need to know about the images of a project."""

    def preview_source(self, image: str) -> PreviewSource:
        """Return where the pixels of an image are; Problem 404 when there is no such image."""
        ...

    def preview_field(self, image: str, patterns: Mapping[str, str]) -> dict[str, PreviewSource]:
        """Return where the channels of the field of an image are, the main one first."""
        ...


@dataclass
class _Waiting:
    client: str
    request: PreviewRequest
    job: PreviewJob
    since: float


class Previews:
    """Makes previews in a process of its own.

    Parameters
    ----------
    pictures : Pictures
        Where images are.
    send : callable
        ``send(client, message)``, from any thread, returns at once.
    recipes : RecipeShelf
        Recipes by name.

    Notes
    -----
    The process starts with the first request, or with `warm`. When it dies (memory, a crash in native code), the
    request that it was at is answered with one sentence, and the next one starts it anew.
    """

    def __init__(self, pictures: Pictures, send: Send, recipes: RecipeShelf) -> None:
        self._pictures, self._send, self._recipes = pictures, send, recipes
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._running: _Waiting | None = None
        self._running_since = 0.0
        self._stop_sent = False
        self.results = ResultFolder()
        self._number = 0
        self._closed = False
        self._wanted_warm = False
        self._thread: threading.Thread | None = None
        self._wake_reader, self._wake_writer = multiprocessing.Pipe(duplex=False)
        self._process: Any = None
        self._connection: Connection | None = None

    # ------------------------------------------------------------------------------------------------ for others

    def warm(self) -> None:
        """Start the process and let it load its kernels, so that the first preview does not wait for that."""
        with self._lock:
            self._wanted_warm = True
            self._begin()

    def submit(self, client: str, request: PreviewRequest) -> None:
        """Take a request; the answer goes to `send`.

        Raises
        ------
        GranumError
            No such image or recipe, or a setting that does not fit: told at once, nothing runs.
        """
        recipe = self._recipes.resolve(request)
        source = self._pictures.preview_source(request.image)
        others: dict[str, PreviewSource] = {}
        if patterns := check_patterns(request.patterns, recipe, request.channels):
            others = self._pictures.preview_field(request.image, patterns)
        with self._lock:
            if self._closed:
                raise Problem(503, "closing", "The server is closing.")
            self._number += 1
            job = self._job(recipe, source, request, others)
            older = self._waiting.get(client)
            # in place of the older one: a client that asks often does not lose its turn, nor gains one
            self._waiting[client] = _Waiting(client, request, job, time.perf_counter())
            if self._running is not None and self._running.client == client and self._is_stale(self._running, job):
                self._stop_running()
            self._begin()
        if older is not None:
            self._drop(older)

    def forget(self, client: str) -> None:
        """Drop what a client that has left waits for."""
        with self._lock:
            self._waiting.pop(client, None)
            if self._running is not None and self._running.client == client:
                self._stop_running()

    def close(self) -> None:
        """End the process and take its files away."""
        with self._lock:
            self._closed = True
            thread = self._thread
            self._wake()
        if thread is not None:
            thread.join()
        self._wake_writer.close()
        self._wake_reader.close()
        self.results.close()

    # ------------------------------------------------------------------------------------------------ the queue

    def _job(
        self, recipe: Recipe, source: PreviewSource, request: PreviewRequest, others: dict[str, PreviewSource]
    ) -> PreviewJob:
        return PreviewJob(
            self._number, source, recipe, request.t, request.z, dict(request.channels), request.level,
            tuple(request.layers), self.results.path / f"{self._number}", others,
        )  # fmt: skip

    def _is_stale(self, running: _Waiting, job: PreviewJob) -> bool:
        """Whether what runs is not worth its end, now that `job` waits."""
        old = running.job
        same_plane = all(getattr(old, name) == getattr(job, name) for name in ("t", "z", "channels", "others"))
        same_plane = same_plane and old.source.image == job.source.image
        return not same_plane or old.level < job.level or time.perf_counter() - self._running_since > _PATIENCE_S

    def _stop_running(self) -> None:
        if self._running is None or self._stop_sent or self._connection is None:
            return
        self._stop_sent = True
        try:
            self._connection.send(("stop", self._running.job.number))
        except OSError:  # it has died; the thread that listens will find out
            return

    def _begin(self) -> None:
        """Start the thread that speaks with the process, or wake it."""
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._serve, name="granum-previews", daemon=True)
            self._thread.start()
        self._wake()

    def _wake(self) -> None:
        self._wake_writer.send(None)

    def _drop(self, waiting: _Waiting) -> None:
        self._fail(waiting, "dropped", "A newer request came.")

    def _fail(self, waiting: _Waiting, code: str, sentence: str) -> None:
        body = {"type": "preview_error", "request": waiting.request.request, "code": code, "message": sentence}
        self._send(waiting.client, body)

    # ------------------------------------------------------------------------------------------------ the process

    def _serve(self) -> None:
        """Give the process one job after the other; the only thread that reads from it."""
        try:
            while not self._closed:
                self._start_next()
                listened: list[Connection] = [self._wake_reader]
                if self._connection is not None:
                    listened.append(self._connection)
                ready = wait(listened)
                if self._wake_reader in ready:
                    while self._wake_reader.poll():
                        self._wake_reader.recv()
                if self._connection is not None and self._connection in ready:
                    try:
                        self._hear(self._connection.recv())
                    except (EOFError, OSError):
                        self._bury()
        finally:
            self._end_process()

    def _start_next(self) -> None:
        with self._lock:
            if self._running is not None or self._closed:
                return
            if not self._waiting and not self._wanted_warm:
                return
        if self._connection is None:
            self._start_process()
        connection = self._connection
        if connection is None:
            return
        with self._lock:
            if self._wanted_warm:
                self._wanted_warm = False
                if not self._waiting:
                    connection.send(("warm",))
            if not self._waiting:
                return
            _, waiting = self._waiting.popitem(last=False)
            self._running, self._running_since, self._stop_sent = waiting, time.perf_counter(), False
        try:
            waiting.job.folder.mkdir(mode=0o700)
            connection.send(waiting.job)
        except FileNotFoundError:
            with self._lock:
                self._running = None
            self._fail(waiting, "not_written", "The folder for previews was taken away; start granum app anew.")
        except OSError:
            self._bury()

    def _start_process(self) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=work, args=(there,), name="granum-preview", daemon=True)
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
            shutil.rmtree(running.job.folder, ignore_errors=True)
            text = "The preview's process has ended (out of memory, or a crash); zoom out, or start a run."
            self._fail(running, "crashed", text)

    def _hear(self, message: tuple[Any, ...]) -> None:
        word, number = message[0], message[1]
        running = self._running
        if running is None or running.job.number != number:
            return
        if word == "progress":
            step, n_steps, name = message[2:]
            body = {"type": "preview_progress", "request": running.request.request, "step": step}
            self._send(running.client, body | {"n_steps": n_steps, "name": name})
            return
        with self._lock:
            self._running = None
        if word == "found":
            key = self.results.keep(running.job, message[2])
            total_ms = 1000 * (time.perf_counter() - running.since)
            found = make_result(running.request.request, running.job, message[2], key, total_ms)
            self._send(running.client, found.model_dump())
            return
        shutil.rmtree(running.job.folder, ignore_errors=True)
        if word == "stopped":
            self._drop(running)
        else:
            self._fail(running, message[2], message[3])
