"""Routes of finished runs: what they found, label tiles, and corrections by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from numpy.typing import NDArray

from granum.app.assay_messages import AssayBody
from granum.app.recipe_messages import LayerInfo
from granum.app.results import Results
from granum.app.run_messages import EditAck, EditRequest, ObjectTableBody, Run, RunList

__all__ = ["make_router"]

_Run = Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Frame = Annotated[int, Query(ge=0, le=2**31 - 1)]
_Index = Annotated[int, InPath(ge=0, le=2**31 - 1)]
_Act = Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{0,64}$")]


def make_router(results: Results, remove: Callable[[str], None]) -> APIRouter:
    """Return the routes of results.

    Parameters
    ----------
    results : Results
        The finished runs.
    remove : callable
        Deletes a run with its job: `Jobs.remove`.
    """
    router = APIRouter(tags=["runs"])

    @router.get("/runs")
    def list_runs() -> RunList:
        """All finished runs, newest first."""
        return results.runs()

    @router.get("/runs/{run}")
    def get_run(run: _Run) -> Run:
        """One finished run."""
        return results.run(run)

    @router.delete("/runs/{run}", status_code=204, response_class=Response)
    def delete_run(run: _Run) -> Response:
        """Delete a run with its result and its corrections."""
        remove(run)
        results.forget(run)
        return Response(status_code=204)

    @router.get("/runs/{run}/assay")
    def get_assay(run: _Run, corrected: bool = False) -> AssayBody:
        """The result of the assay; with `corrected` all corrections are worked in first, which may take long."""
        return results.assay(run, corrected=corrected)

    @router.get("/runs/{run}/images/{stem}/objects")
    def get_objects(run: _Run, stem: str, t: _Frame = 0) -> ObjectTableBody:
        """The objects of one frame, corrections included."""
        return results.table(run, stem, t)

    @router.get("/runs/{run}/images/{stem}/labels")
    def get_labels(run: _Run, stem: str, t: _Frame = 0) -> LayerInfo:
        """Where the label tiles of one frame are."""
        return results.labels(run, stem, t)

    @router.get("/runs/{run}/images/{stem}/labels/tiles/{t}/{level}/{y}/{x}", response_class=Response)
    def get_tile(run: _Run, stem: str, t: _Index, level: _Index, y: _Index, x: _Index, request: Request) -> Response:
        """One tile of labels: little-endian uint32, one pixel more on every side; 204 for nothing but background."""
        return _answer(results.tile(run, stem, t, level, y, x), request)

    @router.get("/runs/{run}/images/{stem}/classes")
    def get_classes(run: _Run, stem: str, t: _Frame = 0) -> LayerInfo:
        """Where the class tiles of one frame are."""
        return results.classes(run, stem, t)

    @router.get("/runs/{run}/images/{stem}/classes/tiles/{t}/{level}/{y}/{x}", response_class=Response)
    def get_class_tile(
        run: _Run, stem: str, t: _Index, level: _Index, y: _Index, x: _Index, request: Request
    ) -> Response:
        """One tile of classes: uint8, one pixel more on every side; 204 where there is none."""
        return _answer(results.class_tile(run, stem, t, level, y, x), request)

    @router.post("/runs/{run}/images/{stem}/edits")
    def edit(run: _Run, stem: str, body: EditRequest, request: Request, t: _Frame = 0) -> EditAck:
        """Correct the labels of one frame."""
        return results.edit(run, stem, t, body, _author(request))

    @router.get("/runs/{run}/images/{stem}/edits")
    def get_edit_state(run: _Run, stem: str, request: Request, t: _Frame = 0) -> EditAck:
        """How many corrections a frame has, and whether you can undo and redo."""
        return results.edit_state(run, stem, t, _author(request))

    @router.post("/runs/{run}/images/{stem}/edits/undo")
    def undo(run: _Run, stem: str, request: Request, t: _Frame = 0, id: _Act = "") -> EditAck:
        """Take back your last correction of a frame."""
        return results.undo(run, stem, t, _author(request), id)

    @router.post("/runs/{run}/images/{stem}/edits/redo")
    def redo(run: _Run, stem: str, request: Request, t: _Frame = 0, id: _Act = "") -> EditAck:
        """Make the correction again that you took back last."""
        return results.redo(run, stem, t, _author(request), id)

    return router


def _answer(tile: NDArray[Any] | None, request: Request) -> Response:
    # the query is the version of the plane: with it the answer never changes
    headers = {"Cache-Control": "private, max-age=31536000, immutable" if request.url.query else "no-store"}
    if tile is None:
        return Response(status_code=204, headers=headers)
    headers["X-Tile-Shape"] = f"{tile.shape[0]},{tile.shape[1]}"
    return Response(tile.tobytes(), media_type="application/octet-stream", headers=headers)


def _author(request: Request) -> str:
    return str(getattr(request.state, "author", "local"))
