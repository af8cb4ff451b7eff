"""Routes of learning: its state, tiles of predictions, the search, saved models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from granum.app.downloads import attachment_header
from granum.app.learn_messages import LearnState, ModelInfo, ModelRequest, SearchRequest, SearchState
from granum.app.learning import Learning
from granum.app.model_shelf import SUFFIX
from granum.app.problems import Problem

__all__ = ["make_router"]

_Index = Annotated[int, InPath(ge=0, le=100_000)]
_Name = Annotated[str, InPath(min_length=1, max_length=200)]
_RAW = "application/octet-stream"
_AT_ONCE = 2**20
_RAW_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {_RAW: {"schema": {"type": "string", "format": "binary"}}}}
}


def make_router(learning: Learning) -> APIRouter:
    """Return the routes of learning."""
    router = APIRouter(tags=["learning"])

    @router.get("/learn")
    def state() -> LearnState:
        """What is painted, the live model, the search, the saved models."""
        return learning.state()

    @router.get("/learn/predictions/{key}/{layer}/tiles/{level}/{y}/{x}", response_class=Response)
    def tile(key: str, layer: Literal["classes", "uncertainty"], level: _Index, y: _Index, x: _Index) -> Response:
        """One tile as `LayerInfo` says, zero where nothing is predicted yet; 204 when all of it is."""
        cut, stays = learning.book.tile(key, layer, level, y, x)
        headers = {"Cache-Control": "private, max-age=3600" if stays else "no-store"}
        if cut is None:
            return Response(status_code=204, headers=headers)
        headers["X-Tile-Shape"] = f"{cut.shape[0]},{cut.shape[1]}"
        return Response(cut.tobytes(), media_type=_RAW, headers=headers)

    @router.post("/learn/search")
    def start_search(request: SearchRequest) -> SearchState:
        """Search the best model for everything that is painted; goes on when the page is closed."""
        return learning.start_search(request)

    @router.post("/learn/search/stop")
    def stop_search() -> SearchState:
        """Stop the search; its best is kept."""
        return learning.stop_search()

    @router.post("/learn/models")
    def keep_model(request: ModelRequest) -> ModelInfo:
        """Keep the live model, or the best of the search, under a name."""
        return learning.keep_model(request)

    @router.put("/learn/models", openapi_extra=_RAW_BODY)
    async def upload_model(request: Request, name: Annotated[str, Query(min_length=1, max_length=200)]) -> ModelInfo:
        """Add a model: the body is the file as it is."""
        announced = request.headers.get("content-length", "")
        size = int(announced) if announced.isdecimal() else None
        upload = await run_in_threadpool(learning.models.begin, name, size)
        waiting = bytearray()
        try:
            async for chunk in request.stream():
                waiting += chunk
                if len(waiting) >= _AT_ONCE:
                    await run_in_threadpool(upload.write, bytes(waiting))
                    waiting.clear()
            await run_in_threadpool(upload.write, bytes(waiting))
            return await run_in_threadpool(upload.finish)
        except ClientDisconnect:
            raise Problem(400, "aborted", "The upload was aborted; nothing was kept.") from None
        finally:
            # not awaited: a request that is being cancelled may not wait, and it is one unlink
            upload.abort()

    @router.get("/learn/models/{name}/file", response_class=FileResponse)
    def download_model(name: _Name) -> FileResponse:
        """The file of a model, as `granum predict` takes it."""
        path = learning.models.path(name)
        headers = {"Content-Disposition": attachment_header(f"{name}{SUFFIX}"), "Cache-Control": "no-store"}
        return FileResponse(path, media_type=_RAW, headers=headers)

    @router.delete("/learn/models/{name}", status_code=204)
    def remove_model(name: _Name) -> None:
        """Delete a model; runs that were made with it stay."""
        learning.models.remove(name)

    return router
