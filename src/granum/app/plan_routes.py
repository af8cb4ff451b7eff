"""Routes for setting up an assay: what a run would be, and plate maps of the folder."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from granum.app.field_plan import plan_fields
from granum.app.forms import RecipeShelf
from granum.app.map_files import LARGEST_MAP, MapFiles, map_text
from granum.app.pictures import Pictures
from granum.app.plan_messages import MapFileList, MapText, PlanInfo, PlanRequest
from granum.app.problems import Problem
from granum.app.project import Project

__all__ = ["make_router"]

_RAW_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def make_router(project: Project, pictures: Pictures, recipes: RecipeShelf) -> APIRouter:
    """Return the routes that look at a run before it starts."""
    router = APIRouter(tags=["plan"])
    maps = MapFiles(project.folder)

    @router.post("/plan")
    def plan(request: PlanRequest) -> PlanInfo:
        """What a run would be: which file is which channel, what names and plate map say; nothing is run."""
        return plan_fields(request, recipes.resolve(request), pictures, project.interval_s)

    @router.get("/plate-maps")
    def list_maps() -> MapFileList:
        """Tables in the folder of the images that may be plate maps."""
        return MapFileList(files=maps.names())

    @router.get("/plate-maps/file")
    def read_map(name: Annotated[str, Query(min_length=1, max_length=300)]) -> MapText:
        """The text of one of them."""
        return MapText(name=name, text=maps.read(name))

    @router.post("/plate-maps/text", openapi_extra=_RAW_BODY)
    async def decode_map(request: Request, name: Annotated[str, Query(min_length=1, max_length=300)]) -> MapText:
        """The text of a plate map that is sent as its raw bytes, whatever encoding a spreadsheet gave it."""
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            if len(content) > LARGEST_MAP:
                raise Problem(413, "too_large", f"{name[:100]}: is too large for a plate map.")
        return MapText(name=name, text=await run_in_threadpool(map_text, bytes(content), name))

    return router
