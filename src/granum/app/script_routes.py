"""Routes that tell how to get the same result without the app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as UrlPath

from granum.app.jobs import Jobs
from granum.app.run_messages import RunRequest, Scripts
from granum.app.script_export import make_scripts

__all__ = ["make_router"]


def make_router(jobs: Jobs, edits_of: Callable[[str], Any] = lambda run: None) -> APIRouter:
    """Return the routes of scripts.

    Parameters
    ----------
    jobs : Jobs
        Knows what was asked for.
    edits_of : callable
        Run id -> its corrections by hand as JSON, None when there are none.
    """
    router = APIRouter(tags=["scripts"])

    @router.post("/scripts")
    def scripts_of_request(request: RunRequest) -> Scripts:
        """How to run this from Python and from a shell; nothing is run."""
        return make_scripts(jobs.plan_of(request))

    @router.get("/runs/{run}/scripts")
    def scripts_of_run(run: Annotated[str, UrlPath(pattern=r"^[A-Za-z0-9_-]{1,64}$")]) -> Scripts:
        """How to get this result, corrections included, from Python and from a shell."""
        return make_scripts(jobs.plan(run), edits_of(run))

    return router
