"""Routes of the jobs, and of everything that is taken away from runs as files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as UrlPath
from fastapi.responses import FileResponse, Response, StreamingResponse

from granum.app.downloads import MEDIA_TYPES, REPORT_POLICY, Downloads, attachment_header
from granum.app.jobs import Jobs
from granum.app.run_messages import Job, JobList, RunRequest

__all__ = ["make_router"]

Id = Annotated[str, UrlPath(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def make_router(jobs: Jobs, downloads: Downloads) -> APIRouter:
    """Return the routes of jobs and downloads."""
    router = APIRouter()

    @router.post("/jobs", tags=["jobs"])
    def start_job(request: RunRequest) -> Job:
        """Run a recipe on images; the job goes on without page and server."""
        return jobs.start(request)

    @router.get("/jobs", tags=["jobs"])
    def list_jobs() -> JobList:
        """All jobs, newest first."""
        return jobs.all()

    @router.get("/jobs/{id}", tags=["jobs"])
    def get_job(id: Id) -> Job:
        """One job with all its items."""
        return jobs.job(id)

    @router.post("/jobs/{id}/cancel", tags=["jobs"])
    def cancel_job(id: Id) -> Job:
        """End a job; what is done is kept, so that it can be resumed."""
        return jobs.cancel(id)

    @router.post("/jobs/{id}/resume", tags=["jobs"])
    def resume_job(id: Id) -> Job:
        """Go on with a job that has not done everything."""
        return jobs.resume(id)

    @router.get("/runs/{run}/files/{path:path}", response_class=FileResponse, tags=["runs"])
    def get_file(run: Id, path: str, as_run: bool = False) -> Response:
        """One file of a run folder, corrections by hand in it but with `as_run`."""
        file = downloads.file(run, path, as_run=as_run)
        media_type = MEDIA_TYPES.get(file.suffix.lower(), "application/octet-stream")
        headers = {"X-Content-Type-Options": "nosniff"}
        if path == "report.html":
            headers["Content-Security-Policy"] = REPORT_POLICY
        else:
            headers["Content-Disposition"] = attachment_header(file.name)
        return FileResponse(file, media_type=media_type, headers=headers)

    @router.get("/runs/{run}/download", response_class=StreamingResponse, tags=["runs"])
    def download_run(run: Id) -> Response:
        """The run folder as a ZIP."""
        headers = {"Content-Disposition": attachment_header(f"{run}.zip")}
        return StreamingResponse(downloads.zip(run), media_type="application/zip", headers=headers)

    @router.get("/runs/{run}/export/{format}", response_class=StreamingResponse, tags=["runs"])
    def export(run: Id, format: str) -> Response:
        """What the run found, for another program, as a ZIP."""
        pieces = downloads.export(run, format)
        headers = {"Content-Disposition": attachment_header(f"{run}-{format}.zip")}
        return StreamingResponse(pieces, media_type="application/zip", headers=headers)

    return router
