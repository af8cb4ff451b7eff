"""Routes of the project: what is open, and what the user typed for all images."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request

from granum import __version__
from granum.app import messages
from granum.app.pictures import Pictures
from granum.app.project import Project

__all__ = ["describe_project", "make_router"]


def describe_project(project: Project, author: str) -> messages.Project:
    """Return what pages are told about a project."""
    return messages.Project(
        name=project.name,
        folder=str(project.folder).encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace"),
        version=__version__,
        read_only=bool(project.read_only),
        read_only_reason=project.read_only,
        pixel_size=project.pixel_size,
        interval_s=project.interval_s,
        author=author,
        n_cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )


def make_router(project: Project, pictures: Pictures, publish: Callable[[dict[str, Any]], None]) -> APIRouter:
    """Return the routes of the project; changes are published without an author, as everybody is another one."""
    router = APIRouter(tags=["project"])

    @router.get("/project")
    def get_project(request: Request) -> messages.Project:
        """What is open."""
        return describe_project(project, getattr(request.state, "author", "local"))

    @router.patch("/project")
    def change_project(request: Request, change: messages.ProjectChange) -> messages.Project:
        """Type a pixel size or an interval for all images; null goes back to those of the files."""
        project.require_writable()
        if "pixel_size" in change.model_fields_set:
            project.set_pixel_size((change.pixel_size or "").strip() or None)
        if "interval_s" in change.model_fields_set:
            project.set_interval_s(change.interval_s)
        publish({"type": "project", "project": describe_project(project, "").model_dump(mode="json")})
        pictures.refresh()
        return describe_project(project, getattr(request.state, "author", "local"))

    return router
