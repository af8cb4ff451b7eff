"""Messages about classes and strokes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from granum.app.messages import Colour, Identifier, Message, Name, Point
from granum.app.recipe_messages import LayerInfo

__all__ = [
    "ClassInfo",
    "ClassList",
    "PaintAck",
    "PaintChanges",
    "PaintState",
    "Stroke",
]


class ClassInfo(Message):
    """One class of the painter."""

    id: Annotated[int, Field(ge=1, le=255)]
    name: Name
    colour: Colour


class ClassList(Message):
    """All classes of the project."""

    classes: Annotated[list[ClassInfo], Field(max_length=255)]


class Stroke(Message):
    """One act of painting, as vectors; the server says which pixels it covers."""

    id: Identifier
    """Made by the client; the same id twice is one stroke, so a lost answer can be asked for again."""
    tool: Literal["brush", "eraser", "fill", "polygon"]
    class_id: Annotated[int, Field(ge=0, le=255)] = 0
    """0 for the eraser."""
    radius: Annotated[float, Field(ge=0, le=2000, allow_inf_nan=False)] = 0.5
    points: Annotated[list[Point], Field(min_length=1, max_length=20_000)]
    """Path of the brush or eraser, corners of the polygon, or the one point where the fill starts."""
    t: Annotated[int, Field(ge=0)] = 0
    z: Annotated[int, Field(ge=0)] = 0


class PaintState(Message):
    """A layer of strokes of one plane."""

    layer: LayerInfo
    version: int
    n_strokes: int
    can_undo: bool
    can_redo: bool
    areas: dict[int, int]
    """Class -> painted pixels."""


class PaintAck(Message):
    """Answer to a stroke, an undo or a redo; the same goes to every other client as a socket message."""

    version: int
    dirty: list[int]
    """[y0, x0, y1, x1], half open; empty when nothing changed."""
    n_strokes: int
    can_undo: bool
    can_redo: bool


class PaintChanges(Message):
    """What changed since a version."""

    version: int
    dirty: list[list[int]]
