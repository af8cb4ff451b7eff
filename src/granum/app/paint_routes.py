"""Routes of painting: strokes in, tiles of classes out, undo and redo, and the list of classes."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from numpy.typing import NDArray

from granum.app.messages import Identifier
from granum.app.paint_layer import PaintLayer
from granum.app.paint_messages import ClassInfo, ClassList, PaintAck, PaintChanges, PaintState, Stroke
from granum.app.paint_store import PaintStore
from granum.app.problems import Problem
from granum.app.recipe_messages import LayerInfo
from granum.app.strokes import TileKey
from granum.app.tiles import TILE, count_levels, tile_grid

__all__ = ["Classes", "make_router"]

_Frame = Annotated[int, Query(ge=0, le=2**31 - 1)]
_Index = Annotated[int, InPath(ge=0, le=2**31 - 1)]
_Request = Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{0,64}$")]


class Classes:
    """The list of classes: where it is kept, and what it may be.

    Parameters
    ----------
    get, set : callable
        Read and keep the list.
    used : callable
        () -> class -> strokes that need it.
    """

    def __init__(
        self,
        get: Callable[[], list[ClassInfo]],
        set: Callable[[list[ClassInfo]], None],
        used: Callable[[], dict[int, int]],
    ) -> None:
        self.get = get
        self._set = set
        self._used = used

    def change(self, classes: list[ClassInfo]) -> list[ClassInfo]:
        """Keep another list and return it, sorted by number.

        Raises
        ------
        Problem
            422 when a number or a name comes twice, 409 when strokes need a class that is no longer there.
        """
        numbers: set[int] = set()
        names: set[str] = set()
        for one in classes:
            name = one.name.strip()
            if not name or any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
                raise Problem(
                    422, "setting", f"Class {one.id} has the name {one.name!r}; a name needs visible letters."
                )
            if one.id in numbers or name.casefold() in names:
                text = f"Class {one.id} {name!r}: its number or its name is there twice; every class needs its own."
                raise Problem(422, "setting", text)
            numbers.add(one.id)
            names.add(name.casefold())
        gone = [one for one in self.get() if one.id not in numbers]
        used = self._used() if gone else {}
        for one in gone:
            if used.get(one.id):
                text = f"Class {one.id} {one.name!r} has {used[one.id]} strokes: erase or undo them before deleting it."
                raise Problem(409, "in_use", text)
        kept = [ClassInfo(id=one.id, name=one.name.strip(), colour=one.colour) for one in classes]
        kept.sort(key=lambda one: one.id)
        self._set(kept)
        return kept

    def require(self, class_id: int) -> None:
        """Refuse a class that is not in the list; 0 takes away and is always there."""
        there = {one.id: one.name for one in self.get()}
        if class_id and class_id not in there:
            known = ", ".join(f"{number} {name!r}" for number, name in sorted(there.items())) or "none"
            raise Problem(422, "setting", f"class_id: there is no class {class_id}; there are: {known}.")


def make_router(
    paint: PaintStore,
    get_classes: Callable[[], list[ClassInfo]],
    set_classes: Callable[[list[ClassInfo]], None],
    publish: Callable[[dict[str, Any]], None],
) -> APIRouter:
    """Return the routes of painting.

    Parameters
    ----------
    paint : PaintStore
        All layers of the project.
    get_classes, set_classes : callable
        Read and keep the classes of the project.
    publish : callable
        Told when the list of classes has changed.
    """
    router = APIRouter(tags=["painting"])
    classes = Classes(get_classes, set_classes, paint.used_classes)

    @router.get("/classes")
    def read_classes() -> ClassList:
        """All classes of the project."""
        return ClassList(classes=classes.get())

    @router.put("/classes")
    def change_classes(body: ClassList) -> ClassList:
        """Rename, recolour, add or delete classes; one that has strokes stays."""
        kept = ClassList(classes=classes.change(body.classes))
        publish({"type": "classes", **kept.model_dump()})
        return kept

    @router.get("/images/{image}/paint/{layer}")
    def state(image: Identifier, layer: Identifier, request: Request, t: _Frame = 0, z: _Frame = 0) -> PaintState:
        """What is painted on a plane, and where its tiles are."""
        author = _author(request)
        with paint.layer(image, layer, t, z) as plane:
            return PaintState(
                layer=_layer_info(image, layer, t, z, plane),
                version=plane.version,
                n_strokes=plane.n_strokes,
                can_undo=plane.can_undo(author),
                can_redo=plane.can_redo(author),
                areas=plane.areas(),
            )

    @router.post("/images/{image}/paint/{layer}/strokes")
    def stroke(image: Identifier, layer: Identifier, body: Stroke, request: Request) -> PaintAck:
        """Paint; the answer comes when the stroke is on the disk."""
        if body.tool != "eraser":
            classes.require(body.class_id)
        return paint.paint(image, layer, body, _author(request))

    @router.post("/images/{image}/paint/{layer}/undo")
    def undo(
        image: Identifier, layer: Identifier, request: Request, t: _Frame = 0, z: _Frame = 0, id: _Request = ""
    ) -> PaintAck:
        """Take back what the author of this session painted last."""
        return paint.undo(image, layer, t, z, _author(request), id)

    @router.post("/images/{image}/paint/{layer}/redo")
    def redo(
        image: Identifier, layer: Identifier, request: Request, t: _Frame = 0, z: _Frame = 0, id: _Request = ""
    ) -> PaintAck:
        """Bring back what the author of this session took back last."""
        return paint.redo(image, layer, t, z, _author(request), id)

    @router.get("/images/{image}/paint/{layer}/changes")
    def changes(
        image: Identifier,
        layer: Identifier,
        since: Annotated[int, Query(ge=0, le=2**63 - 1)],
        t: _Frame = 0,
        z: _Frame = 0,
    ) -> PaintChanges:
        """What has changed since a version, for a page that was away."""
        with paint.layer(image, layer, t, z) as plane:
            return plane.changes(since)

    @router.get("/images/{image}/paint/{layer}/tiles/{t}/{z}/{level}/{y}/{x}", response_class=Response)
    def tile(
        image: Identifier, layer: Identifier, t: _Index, z: _Index, level: _Index, y: _Index, x: _Index,
        request: Request,
    ) -> Response:  # fmt: skip
        """One tile of classes, uint8, with one pixel more on every side; 204 when nothing is painted there."""
        with paint.layer(image, layer, t, z) as plane:
            _check_tile(plane.shape, level, y, x)
            pixels = plane.tiles.cut(level, y, x)
            version = plane.tiles.version(level, y, x)
        if pixels is None:
            return Response(status_code=204, headers={"ETag": f'"{version}"', "Cache-Control": "private, no-cache"})
        data = pixels.tobytes()
        # the checksum is for versions that are given again after damage to the journal
        headers = {"ETag": f'"{version}-{zlib.crc32(data):08x}"', "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        headers["X-Tile-Shape"] = f"{pixels.shape[0]},{pixels.shape[1]}"
        return Response(data, media_type="application/octet-stream", headers=headers)

    @router.get("/images/{image}/paint/{layer}/labels.tif", response_class=Response)
    def labels(image: Identifier, layer: Identifier, t: _Frame = 0, z: _Frame = 0) -> Response:
        """The strokes as a TIFF with one class number per pixel, 0 where nothing is painted."""
        with paint.layer(image, layer, t, z) as plane:
            tiles = plane.tiles.painted()
            shape = plane.shape
        headers = {"Content-Disposition": f'attachment; filename="{image}_{layer}_t{t}_z{z}.tif"'}
        return Response(_write_labels(shape, tiles, classes.get()), media_type="image/tiff", headers=headers)

    return router


def _author(request: Request) -> str:
    return str(getattr(request.state, "author", "local"))


def _layer_info(image: str, layer: str, t: int, z: int, plane: PaintLayer) -> LayerInfo:
    height, width = plane.shape
    return LayerInfo(
        name=layer,
        kind="classes",
        url=f"/api/v1/images/{image}/paint/{layer}/tiles/{t}/{z}",
        n_levels=count_levels(plane.shape),
        height=height,
        width=width,
        version=str(plane.version),
    )


def _check_tile(shape: tuple[int, int], level: int, y: int, x: int) -> None:
    if level < count_levels(shape):
        n_rows, n_columns = tile_grid(shape, level)
        if y < n_rows and x < n_columns:
            return
        has = f"level {level} has {n_rows} x {n_columns} tiles"
    else:
        has = f"there are {count_levels(shape)} levels"
    raise Problem(404, "not_found", f"There is no tile {y}, {x} at level {level}: {has}, counted from 0.")


def _write_labels(shape: tuple[int, int], tiles: dict[TileKey, NDArray[np.uint8]], classes: list[ClassInfo]) -> bytes:
    """Return a TIFF in strips of one row of tiles; what is drawn by hand takes a few MB when deflated."""
    import tifffile

    def strips() -> Iterator[bytes]:
        for y in range(-(-shape[0] // TILE)):
            strip = np.zeros((min(TILE, shape[0] - y * TILE), shape[1]), np.uint8)
            for x in range(-(-shape[1] // TILE)):
                tile = tiles.get((y, x))
                if tile is not None:
                    place = strip[:, x * TILE : (x + 1) * TILE]
                    place[...] = tile[: place.shape[0], : place.shape[1]]
            yield zlib.compress(strip.tobytes(), 1)

    file = io.BytesIO()
    tifffile.imwrite(
        file,
        strips(),
        shape=shape,
        dtype=np.uint8,
        photometric="minisblack",
        rowsperstrip=min(TILE, shape[0]),
        compression="zlib",
        description=json.dumps({"classes": {str(one.id): one.name for one in classes}}),
        metadata=None,
        software="granum",
        byteorder="<",
    )
    return file.getvalue()
