"""Puts the parts of the app together, and takes them apart again in the right order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

import granum
from granum.app import (
    job_routes,
    learn_routes,
    paint_routes,
    picture_routes,
    plan_routes,
    preview_routes,
    project_routes,
    result_routes,
    script_routes,
    socket_routes,
)
from granum.app import site as page
from granum.app.downloads import Downloads
from granum.app.field_files import find_field
from granum.app.forms import RecipeShelf
from granum.app.guard import Address, Guard
from granum.app.hub import Hub
from granum.app.jobs import Jobs
from granum.app.learning import Learning
from granum.app.paint_messages import ClassInfo
from granum.app.paint_store import PaintStore
from granum.app.pictures import Pictures
from granum.app.preview_worker import PreviewSource
from granum.app.previews import Previews
from granum.app.problems import add_error_handlers
from granum.app.project import Project
from granum.app.project_lock import ProjectLock
from granum.app.results import Results
from granum.app.sessions import Sessions
from granum.app.uploads import Inbox
from granum.image import PixelSize

__all__ = ["API", "Parts", "Server", "build"]

API = "/api/v1"
_log = logging.getLogger("granum.app")


@dataclass(frozen=True)
class Parts:
    """The parts of the app, made for one project."""

    hub: Hub
    project: Project
    pictures: Pictures
    inbox: Inbox
    paint: PaintStore
    recipes: RecipeShelf
    previews: Previews
    learning: Learning
    jobs: Jobs
    results: Results
    downloads: Downloads


class Server:
    """A server that is ready.

    Attributes
    ----------
    app : ASGI application
        To be served.
    parts : Parts
        What it is made of.
    """

    def __init__(self, app: ASGIApp, parts: Parts, endings: ExitStack, last_words: list[str]) -> None:
        self.app, self.parts = app, parts
        self._endings, self._last_words = endings, last_words

    def close(self) -> list[str]:
        """End all parts, the one that was made last first; return lines for the user."""
        self._endings.close()
        return self._last_words


def build(folder: str | Path, *, sessions: Sessions, address: Address, url: str) -> Server:
    """Open a folder and return its server.

    Parameters
    ----------
    folder : str or Path
        Images, or a project.
    sessions : Sessions
        Who may come in.
    address : Address
        The names that the server is asked under.
    url : str
        Its address for people, kept beside the lock of the project.

    Raises
    ------
    ReadError
        The folder cannot be opened.
    Problem
        Another server has it open.
    """
    endings = ExitStack()
    last_words: list[str] = []
    try:
        parts = _open(folder, url, endings, last_words)
        app = FastAPI(
            title="granum app",
            version=granum.__version__,
            openapi_url=f"{API}/openapi.json",
            docs_url=None,
            redoc_url=None,
            # one schema per model, as in the types of the page
            separate_input_output_schemas=False,
        )
        add_error_handlers(app)
        for router in _routers(parts):
            app.include_router(router, prefix=API)
        app.include_router(page.make_router(page.Site(), app))
    except BaseException:
        endings.close()
        raise
    return Server(Guard(app, sessions=sessions, address=address), parts, endings, last_words)


def _open(folder: str | Path, url: str, endings: ExitStack, last_words: list[str]) -> Parts:
    """Make all parts; each one that has to be ended says so."""

    def at_the_end(ending: Callable[[], object]) -> None:
        def end() -> None:
            try:
                told = ending()
            except Exception as error:
                # the other parts must be ended all the same
                _log.exception("%r did not end well", ending)
                told = f"granum's own fault while ending: {error}"
            if isinstance(told, str) and told:
                last_words.append(told)

        endings.callback(end)

    hub = Hub()
    project = Project(folder)
    at_the_end(project.close)
    lock = ProjectLock(project, url)
    at_the_end(lock.release)

    def pictures_changed(message: dict[str, Any]) -> None:
        hub.publish(message)
        if learning is not None and message["type"] == "images":
            learning.images_changed(message)

    learning: Learning | None = None
    pictures = Pictures(project, pictures_changed)
    inbox = Inbox(project, pictures)
    inbox.clean()
    at_the_end(pictures.close)
    pictures.start()

    def size_of(image: str) -> tuple[int, int]:
        entry = pictures.entry(image)
        return entry.height, entry.width

    def planes_of(image: str) -> tuple[int, int]:
        entry = pictures.entry(image)
        return entry.n_frames, entry.n_z

    def painted(message: dict[str, Any]) -> None:
        hub.publish(message)
        if learning is not None:
            learning.painted(message)
        pictures.set_strokes(message["image"], paint.n_strokes(message["image"]))

    paint = PaintStore(project, size_of, painted, planes_of=planes_of)
    paint.warm()
    for painted_image in sorted(path.parent.parent.name for path in project.place.glob("annotations/*/*/journal.log")):
        pictures.set_strokes(painted_image, paint.n_strokes(painted_image))
    recipes = RecipeShelf(project.place / "recipes")
    sources = _Sources(project, pictures)
    previews = Previews(sources, hub.send, recipes)
    at_the_end(previews.close)
    previews.warm()
    learning = Learning(
        project, paint, entry_of=pictures.entry, source_of=sources.preview_source, send=hub.send, publish=hub.publish
    )
    at_the_end(learning.close)
    jobs = Jobs(project, pictures, hub.publish)
    at_the_end(jobs.close)
    results = Results(project, pictures, hub.publish)
    downloads = Downloads(results.corrected, project.cache, results.original)
    return Parts(hub, project, pictures, inbox, paint, recipes, previews, learning, jobs, results, downloads)


def _routers(parts: Parts) -> list[APIRouter]:
    """Return the routes of all parts."""
    project = parts.project

    def set_classes(classes: list[ClassInfo]) -> None:
        project.set_classes(classes)
        parts.learning.classes_changed()

    return [
        project_routes.make_router(project, parts.pictures, parts.hub.publish),
        picture_routes.make_router(parts.pictures, parts.inbox),
        preview_routes.make_recipe_router(parts.recipes),
        preview_routes.make_router(parts.previews.results),
        plan_routes.make_router(project, parts.pictures, parts.recipes),
        paint_routes.make_router(parts.paint, lambda: project.classes, set_classes, parts.hub.publish),
        learn_routes.make_router(parts.learning),
        job_routes.make_router(parts.jobs, parts.downloads),
        result_routes.make_router(parts.results, parts.jobs.remove),
        script_routes.make_router(parts.jobs, parts.results.edits_file),
        socket_routes.make_router(parts.hub, parts.previews, parts.learning),
    ]


@dataclass(frozen=True)
class _Sources:
    """Tells previews where pixels are."""

    project: Project
    pictures: Pictures

    def preview_source(self, image: str) -> PreviewSource:
        """Return where the pixels of an image are."""
        typed = self.project.pixel_size
        return PreviewSource(
            image,
            self.pictures.path(image),
            PixelSize.parse(typed) if typed else None,
            self.pictures.level_reader(image),
        )

    def preview_field(self, image: str, patterns: Mapping[str, str]) -> dict[str, PreviewSource]:
        """Return where the channels of the field of an image are, the main one first."""
        field = find_field(self.pictures.files(), patterns, image)
        return {word: replace(self.preview_source(entry.id), path=path) for word, (entry, path) in field.files.items()}
