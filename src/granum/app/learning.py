"""`Learning`: live predictions, the search and saved models of a project, for everybody who looks at it.

Strokes are learnt from wherever they were painted; a prediction goes to who looks at it, and an older one never follows
a newer one. What keeps it from learning is told as a sentence of the state, not as an error.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from granum.app.learn_jobs import LIVE, Answer, LookJob
from granum.app.learn_layers import PredictionBook, ToldBlocks, make_prediction
from granum.app.learn_messages import LearnLook, LearnState, ModelInfo, ModelRequest, SearchRequest, SearchState
from granum.app.learn_process import LearnProcess, Look
from granum.app.learn_strokes import PaintedPlanes
from granum.app.messages import ImageEntry
from granum.app.model_shelf import ModelShelf
from granum.app.paint_export import LAYER
from granum.app.paint_messages import ClassInfo
from granum.app.paint_store import PaintStore
from granum.app.preview_worker import PreviewSource
from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.searches import Searches

__all__ = ["SEARCH", "Learning"]

SEARCH = "search"
_NAMED = "model:"


class Learning:
    """Learning in a project; every method may be called from any thread.

    Parameters
    ----------
    project : Project
        Where models and searches are kept.
    paint : PaintStore
        The strokes.
    entry_of, source_of : callable
        Image id -> its entry, where its pixels are; raise a `Problem` for images that are not there.
    send : callable
        ``send(client, message)`` to one page; returns at once.
    publish : callable
        ``publish(message)`` to all pages; returns at once.
    """

    def __init__(
        self,
        project: Project,
        paint: PaintStore,
        *,
        entry_of: Callable[[str], ImageEntry],
        source_of: Callable[[str], PreviewSource],
        send: Callable[[str, dict[str, Any]], None],
        publish: Callable[[dict[str, Any]], None],
    ) -> None:
        self._project, self._entry_of, self._source_of = project, entry_of, source_of
        self._send, self._publish = send, publish
        self._lock = threading.Lock()
        self._live, self._live_problem, self._live_version = "", "", -1
        self._live_notes: tuple[str, ...] = ()
        self._told: dict[str, ToldBlocks] = {}
        self.book = PredictionBook()
        self.strokes = PaintedPlanes(paint, entry_of, source_of, self._get_classes)
        self.models = ModelShelf(project, self.tell)
        self.searches = Searches(project, self._search_went_on)
        self._process = LearnProcess(
            refresh=self.strokes.refresh,
            changes=self.strokes.changes,
            changed=self.tell,
            hear=self._hear,
            new_place=self.book.new_place,
        )

    # ------------------------------------------------------------------------------------------------ what happens

    def look(self, client: str, request: LearnLook) -> None:
        """Take what a page looks at; predictions go to `send`.

        Raises
        ------
        Problem
            No such image, plane or model: told at once.
        """
        if not request.on:
            self.forget(client)
            return
        entry = self._entry_of(request.image)
        if not (request.t < max(1, entry.n_frames) and request.z < max(1, entry.n_z)):
            raise Problem(404, "not_found", f"{entry.name} has no plane t {request.t}, z {request.z}.")
        view = _clipped(request.view, entry)
        file = self._model_file(request.model)
        source = self._source_of(request.image)
        if file is None and request.model != LIVE:
            # a search that has found nothing yet: it is looked at when it has
            self._process.park(Look(client, request.request, source, request.t, request.z, view, request.model, file))
            return
        self._process.look(Look(client, request.request, source, request.t, request.z, view, request.model, file))

    def forget(self, client: str) -> None:
        """Forget what a client that has left was looking at."""
        self._process.forget(client)
        self._told.pop(client, None)

    def painted(self, message: dict[str, Any]) -> None:
        """Hear of a change of strokes, the message `paint`. Returns at once."""
        if message["layer"].lower() == LAYER:
            self.strokes.touch((message["image"], message["t"], message["z"]))
            self._process.painted()

    def images_changed(self, message: dict[str, Any]) -> None:
        """Hear of new and changed images, the message `images`. Returns at once."""
        ids = {one["id"] for one in message.get("images", []) if one["status"] in ("ready", "failed")}
        if self.strokes.images_changed(ids | set(message.get("removed", []))):
            self._process.painted()

    def classes_changed(self) -> None:
        """Hear of another list of classes."""
        self.strokes.touch()
        self._process.painted()

    def close(self) -> str:
        """End everything that runs; return a line for the user."""
        told = self.searches.close()
        self._process.close()
        self.book.close()
        return told

    # ------------------------------------------------------------------------------------------------ what is told

    def state(self) -> LearnState:
        """Return everything about learning in this project."""
        if not self.strokes.version:
            self.strokes.refresh()
        with self._lock:
            problem = self.strokes.problem()
            if not problem and self._live_version == self.strokes.version:
                problem = self._live_problem
            live, notes = ("", []) if problem else (self._live, list(self._live_notes))
        planes, now, search = self.strokes.planes(), self.strokes.digest(), self.searches.state()
        if search is not None:
            search = search.model_copy(update={"is_older": search.strokes not in ("", now)})
        return LearnState(
            painted=planes,
            problem=problem,
            notes=[*self.strokes.notes(), *notes],
            live=live,
            search=search,
            # a model that came into a project without strokes is not older than they are
            models=[
                one.model_copy(update={"is_older": bool(planes) and one.strokes not in ("", now)})
                for one in self.models.all()
            ],
        )

    def tell(self) -> None:
        """Send the state to all pages."""
        self._publish({"type": "learn", "state": self.state().model_dump()})

    # ------------------------------------------------------------------------------------------------ search, models

    def start_search(self, request: SearchRequest) -> SearchState:
        """Start a search on everything that is painted.

        Raises
        ------
        Problem
            409 when one runs already, the project is read-only, or nothing can be learnt yet.
        """
        self._project.require_writable()
        self.strokes.refresh()
        problem = self.strokes.problem()
        if problem:
            raise Problem(409, "not_painted", problem)
        planes = [(key, scribbles, self._source_of(key[0])) for key, scribbles in self.strokes.training()]
        return self.searches.start(request, planes, self.strokes.classes())

    def stop_search(self) -> SearchState:
        """Stop the search; its best is kept."""
        return self.searches.stop()

    def keep_model(self, request: ModelRequest) -> ModelInfo:
        """Keep the live model, or the best of the search, under a name.

        Raises
        ------
        Problem
            409 when there is no such model yet, the name is taken, or the project is read-only.
        """
        self._project.require_writable()
        if request.model == SEARCH:
            file = self.searches.best_file()
            if file is None:
                raise Problem(409, "no_model", "The search has found no model yet; wait for it, or start one.")
            return self.models.keep(request.name, file)
        file = self.book.new_file(".granum")
        try:
            self._process.save_live(file)
            return self.models.keep(request.name, file)
        finally:
            file.unlink(missing_ok=True)

    # ------------------------------------------------------------------------------------------------ inside

    def _get_classes(self) -> list[ClassInfo]:
        return self._project.classes

    def _model_file(self, model: str) -> Path | None:
        """Return the file of a model that is looked at; None for the live one and a search without one."""
        if model == LIVE:
            return None
        if model == SEARCH:
            return self.searches.best_file()
        if model.startswith(_NAMED):
            info = self.models.info(model.removeprefix(_NAMED))
            if info.problem:
                raise Problem(422, "model", info.problem)
            return Path(info.path)
        raise Problem(422, "setting", f"model is {model[:80]!r}; use live, search or {_NAMED}NAME.")

    def _search_went_on(self, state: SearchState, new_best: bool) -> None:
        """Tell of a search; called from its own thread."""
        if new_best:
            self._process.model_changed(SEARCH, self.searches.best_file())
        self.tell()

    def _hear(self, look: Look | None, job: LookJob | None, answer: Answer) -> None:
        """Hand on what the process says, as long as it is what its client looks at."""
        if answer.word == "live":
            with self._lock:
                self._live_version = answer.version
                self._live = "" if answer.code else answer.text
                self._live_problem = answer.text if answer.code else ""
                self._live_notes = answer.notes
            self.tell()
        elif answer.word == "gone":
            for name in answer.names:
                self.book.forget(name)
        elif look is None or job is None:
            return
        elif answer.word == "found" and answer.found is not None:
            key, n_news = self.book.follow(job, answer.found)
            if self._process.is_current(look):
                told = self._told.setdefault(look.client, ToldBlocks())
                message = make_prediction(
                    job,
                    answer.found,
                    key=key,
                    n_news=n_news,
                    ready=told.fresh(key, answer.found.ready, answer.found.shape),
                    request=look.request,
                    seconds=time.perf_counter() - look.since,
                )
                self._send(look.client, {"type": "learn_prediction", **message.model_dump()})
        elif answer.word == "failed":
            body = {"type": "learn_error", "request": look.request, "code": answer.code, "message": answer.text}
            self._send(look.client, body)


def _clipped(view: list[int], entry: ImageEntry) -> tuple[int, int, int, int]:
    """Return the part of a view that lies on the image; all of it for an empty one."""
    y0, x0 = max(0, min(view[0], entry.height)), max(0, min(view[1], entry.width))
    y1, x1 = max(0, min(view[2], entry.height)), max(0, min(view[3], entry.width))
    return (y0, x0, y1, x1) if y1 > y0 and x1 > x0 else (0, 0, entry.height, entry.width)
