"""Puts the parts of the app together, and takes them apart again in the right order."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

import granum
from granum.app import site as page
from granum.app import socket_routes
from granum.app.guard import Address, Guard
from granum.app.hub import Hub
from granum.app.messages import PreviewRequest
from granum.app.problems import Problem, add_error_handlers
from granum.app.project import Project
from granum.app.project_lock import ProjectLock
from granum.app.sessions import Sessions

__all__ = ["API", "Built", "build"]

API = "/api/v1"
_log = logging.getLogger("granum.app")


@dataclass
class Built:
    """A server that is ready: `app` is to be served, `close` to be called when it is over."""

    app: ASGIApp
    hub: Hub
    folder: Path
    endings: list[Callable[[], object]] = field(default_factory=list)

    def close(self) -> list[str]:
        """End all parts, the last one that was made first; return lines for the user."""
        lines = []
        while self.endings:
            ending = self.endings.pop()
            try:
                told = ending()
            except Exception as error:
                # the other parts must be ended all the same
                _log.exception("%r did not end well", ending)
                told = f"granum's own fault while ending: {error}"
            if isinstance(told, str) and told:
                lines.append(told)
        return lines


class _NoPreviews:
    def submit(self, client: str, request: PreviewRequest) -> None:
        raise Problem(503, "busy", "There are no previews yet.")

    def forget(self, client: str) -> None:
        """Nothing to forget."""


def _part(name: str) -> Any:
    try:
        return importlib.import_module(f"granum.app.{name}")
    except ModuleNotFoundError:
        return None


def build(folder: str | Path, *, sessions: Sessions, address: Address, url: str) -> Built:
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
        Its address for people, kept beside the lock.

    Raises
    ------
    ReadError
        The folder cannot be opened.
    Problem
        Another server has it open.
    """
    hub = Hub()
    app = FastAPI(
        title="granum app",
        version=granum.__version__,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    add_error_handlers(app)
    project = Project(folder)
    built = Built(Guard(app, sessions=sessions, address=address), hub, project.folder)
    built.endings.append(project.close)
    try:
        lock = ProjectLock(project, url)
        built.endings.append(lock.release)
        previews = _NoPreviews()
        for router in (socket_routes.make_router(hub, previews),):
            app.include_router(router, prefix=API)
        app.include_router(page.make_router(page.Site(), app))
    except BaseException:
        built.close()
        raise
    return built
