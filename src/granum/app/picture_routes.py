"""Routes of images: the list, uploads, thumbnails, tiles, grey levels, histograms."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from granum.app.messages import HistogramInfo, ImageEntry, ImageList, PixelReading, Uploaded
from granum.app.pictures import Pictures
from granum.app.plane_values import count_histogram
from granum.app.problems import Problem
from granum.app.tile_store import FORMAT
from granum.app.uploads import Inbox

__all__ = ["FOREVER", "entity_tag", "make_router", "tag_matches"]

FOREVER = "private, max-age=31536000, immutable"
_AT_ONCE = 2**20
_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_RAW_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": _BINARY}}
_Id = Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Index = Annotated[int, InPath(ge=0, le=2**31 - 1)]
_Place = Annotated[int, Query(ge=0, le=2**31 - 1)]


def entity_tag(*parts: object) -> str:
    """Return an ETag from what decides about the bytes."""
    return '"' + "-".join(str(part) for part in parts) + '"'


def tag_matches(request: Request, tag: str) -> bool:
    """Whether the browser has these bytes already."""
    asked = request.headers.get("if-none-match", "")
    return asked.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in asked.split(",")]


def make_router(pictures: Pictures, inbox: Inbox) -> APIRouter:
    """Return the routes of images."""
    router = APIRouter(tags=["images"])

    @router.get("/images")
    def list_images() -> ImageList:
        """All images, sorted as people count."""
        return ImageList(images=pictures.entries())

    @router.post("/images", openapi_extra=_RAW_BODY)
    async def upload(request: Request, name: Annotated[str, Query(min_length=1, max_length=2000)]) -> Uploaded:
        """Add an image: the body is the file as it is."""
        announced = request.headers.get("content-length", "")
        begun = await run_in_threadpool(inbox.begin, name, int(announced) if announced.isdecimal() else None)
        waiting = bytearray()
        try:
            async for chunk in request.stream():
                waiting += chunk
                if len(waiting) >= _AT_ONCE:
                    await run_in_threadpool(begun.write, bytes(waiting))
                    waiting.clear()
            await run_in_threadpool(begun.write, bytes(waiting))
            return await run_in_threadpool(begun.finish)
        except ClientDisconnect:
            raise Problem(400, "aborted", "The upload was aborted; nothing was kept.") from None
        finally:
            # not awaited: a request that is being cancelled may not wait, and it is one unlink
            begun.abort()

    @router.post("/images/sample")
    def add_sample() -> Uploaded:
        """Add the bundled simulated sample."""
        return inbox.add_sample()

    @router.get("/images/{id}")
    def get_image(id: _Id) -> ImageEntry:
        """One image."""
        return pictures.entry(id)

    @router.delete("/images/{id}", status_code=204)
    def delete_image(id: _Id) -> None:
        """Delete an uploaded image; strokes stay."""
        pictures.remove(id)

    @router.get("/images/{id}/thumbnail", response_class=Response)
    def get_thumbnail(request: Request, id: _Id) -> Response:
        """A small picture, WebP."""
        tag = entity_tag(id, "thumbnail", FORMAT)
        headers = {"ETag": tag, "Cache-Control": _cache_control(request)}
        pictures.entry(id)
        if tag_matches(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(pictures.thumbnail(id), media_type="image/webp", headers=headers)

    @router.get("/images/{id}/tiles/{t}/{c}/{z}/{level}/{y}/{x}", response_class=Response)
    def get_tile(
        request: Request, id: _Id, t: _Index, c: _Index, z: _Index, level: _Index, y: _Index, x: _Index
    ) -> Response:
        """One tile, raw little-endian uint16, rows first."""
        tag = entity_tag(id, t, c, z, level, y, x, FORMAT)
        headers = {"ETag": tag, "Cache-Control": _cache_control(request)}
        tiles = pictures.tiles(id, t, c, z)
        try:
            tile = tiles.tile(level, y, x)
        except IndexError as error:
            raise Problem(404, "not_found", f"The image has {error}.") from None
        headers["X-Tile-Shape"] = f"{tile.shape[0]},{tile.shape[1]}"
        if tag_matches(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(
            tile.astype("<u2", copy=False).tobytes(), media_type="application/octet-stream", headers=headers
        )

    @router.get("/images/{id}/pixel")
    def get_pixel(id: _Id, y: _Place, x: _Place, t: _Place = 0, z: _Place = 0) -> PixelReading:
        """The grey levels of one pixel as the file has them."""
        return PixelReading(values=pictures.pixel(id, t, z, y, x))

    @router.get("/images/{id}/histogram")
    def get_histogram(id: _Id, t: _Place = 0, c: _Place = 0, z: _Place = 0) -> HistogramInfo:
        """How often each tile value stands in a plane."""
        low, high, counts = count_histogram(np.asarray(pictures.histogram(id, t, c, z)))
        return HistogramInfo(low=low, high=high, counts=counts)

    return router


def _cache_control(request: Request) -> str:
    """Return how long the browser may keep it: for good when the URL names a version."""
    return FOREVER if "v" in request.query_params else "private, no-cache"
