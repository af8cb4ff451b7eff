"""Routes of recipes and previews."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Response

from granum.app.forms import RecipeShelf, describe_recipe
from granum.app.object_body import make_object_body
from granum.app.preview_layers import LayerFile, cut_tile
from granum.app.preview_results import HeldPreview, ResultFolder
from granum.app.problems import Problem
from granum.app.recipe_messages import RecipeInfo, RecipeList, RecipeRequest
from granum.app.run_messages import ObjectTableBody
from granum.app.tiles import count_levels, tile_grid

__all__ = ["make_recipe_router", "make_router"]

_RAW = "application/octet-stream"
_CACHE = {"Cache-Control": "private, max-age=3600, immutable"}  # a key never stands for other bytes
Number = Annotated[int, Path(ge=0, le=100_000)]


def make_recipe_router(recipes: RecipeShelf) -> APIRouter:
    """Return the routes of recipes as forms."""
    router = APIRouter(tags=["recipes"])

    @router.get("/recipes")
    def list_recipes() -> RecipeList:
        """The ready recipes, then those kept in the project."""
        return recipes.describe_all()

    @router.post("/recipes/check")
    def check(request: RecipeRequest) -> RecipeInfo:
        """A recipe with changed settings, checked; 422 names the legal range."""
        return describe_recipe(recipes.resolve(request))

    @router.put("/recipes/{name}")
    def keep(name: str, request: RecipeRequest) -> RecipeInfo:
        """Keep a recipe in the project."""
        return describe_recipe(recipes.keep(name, request))

    return router


def make_router(results: ResultFolder) -> APIRouter:
    """Return the routes of what previews have found."""
    router = APIRouter(tags=["previews"])

    @router.get("/previews/{key}/objects")
    def objects(key: str) -> ObjectTableBody:
        """The objects of a preview, in pixels of the full image."""
        found = results.held(key).found
        return make_object_body(found.objects, found.pixel_size, found.n_pixels)

    @router.get("/previews/{key}/layers/{number}/points", response_class=Response)
    def points(key: str, number: Number) -> Response:
        """Points as float32 pairs (y, x)."""
        layer = _layer(results.held(key), number)
        if layer.kind != "points":
            raise Problem(404, "not_found", f"layer {layer.name!r}: has tiles, not points.")
        data = np.ascontiguousarray(results.load(layer), "<f4").tobytes()
        return Response(data, media_type=_RAW, headers=_CACHE) if data else Response(status_code=204, headers=_CACHE)

    @router.get("/previews/{key}/layers/{number}/tiles/{level}/{y}/{x}", response_class=Response)
    def tile(key: str, number: Number, level: Number, y: Number, x: Number) -> Response:
        """One tile as `LayerInfo` says; 204 when there is nothing in it."""
        held = results.held(key)
        layer, shape = _layer(held, number), held.found.shape
        rows, columns = tile_grid(shape, level) if level < 64 else (0, 0)
        if layer.kind == "points":
            raise Problem(404, "not_found", f"layer {layer.name!r}: has points, not tiles.")
        finest = held.found.level
        if not (finest <= level < max(count_levels(shape), finest + 1) and y < rows and x < columns):
            raise Problem(404, "not_found", f"tile {level}/{y}/{x}: this layer has none there.")
        cut = cut_tile(results.load(layer), layer.kind, finest, level, y, x)
        if cut is None:
            return Response(status_code=204, headers=_CACHE)
        headers = {**_CACHE, "X-Tile-Shape": f"{cut.shape[0]},{cut.shape[1]}"}
        return Response(cut.tobytes(), media_type=_RAW, headers=headers)

    return router


def _layer(held: HeldPreview, number: int) -> LayerFile:
    if number >= len(held.found.layers):
        raise Problem(404, "not_found", f"layer {number}: this preview has {len(held.found.layers)}, from 0.")
    return held.found.layers[number]
