"""Messages about jobs, runs, their tables, corrections by hand and what is taken away."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from granum.app.messages import Identifier, Message, Name, PixelSizeInfo, Point
from granum.app.recipe_messages import ChoiceInfo, Patterns, RecipeRequest, Settings

__all__ = [
    "ClassArea",
    "ColumnInfo",
    "EditAck",
    "EditRequest",
    "Job",
    "JobItem",
    "JobList",
    "ObjectTableBody",
    "Run",
    "RunImage",
    "RunList",
    "RunRequest",
    "Scripts",
]


class RunRequest(RecipeRequest):
    """Run a recipe on images and keep the result."""

    images: list[Identifier] | None = None
    """None is all that are ready."""
    channels: dict[Name, int | None] = {}
    """Role or channel -> index in the file; None where an optional role is not wanted."""
    patterns: Patterns = {}
    """Role or name of a stain -> pattern of the files that hold it, where channels are files of their own."""
    complete_only: bool = False
    """Whether fields that lack one of their files are left out; a run with one is refused otherwise."""
    z: int | None = None
    names: Annotated[str, Field(max_length=500)] | None = None
    """Of recipes that make an assay: how names of files say plate, well, field and time."""
    plate_map: Annotated[str, Field(max_length=1_000_000)] | None = None
    """The text of a plate map."""
    video: bool = False
    """Whether every field becomes a film."""
    jobs: Annotated[int, Field(ge=1, le=64)] | None = None
    title: Annotated[str, Field(max_length=120)] = ""


class JobItem(Message):
    """One image and frame of a job that is done."""

    file: str
    frame: int
    n_objects: int
    warnings: list[str] = []
    error: str = ""


class Job(Message):
    """A run that goes on, or has ended."""

    id: Identifier
    """Also the id of its run."""
    title: str
    recipe: str
    state: Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
    done: int
    total: int
    current: str = ""
    created: str
    finished: str = ""
    seconds: float = 0.0
    error: str = ""
    items: list[JobItem] = []
    """All in `GET /jobs/{id}`; the newest 100 in lists and over the socket."""
    failures: list[str] = []


class JobList(Message):
    """All jobs, newest first."""

    jobs: list[Job]


class ClassArea(Message):
    """One class of an image of a run, and how much of the analysed area it has."""

    id: int
    name: str
    colour: str
    area_px: int
    area_fraction: float


class RunImage(Message):
    """One input of a run."""

    stem: str
    file: str
    image: str
    """Id of the image in the project, or ""."""
    n_frames: int
    n_objects: list[int]
    """Per frame, edits included."""
    has_objects: bool = True
    """False where only areas of classes were wanted: there is nothing to count or to correct, and perhaps no labels."""
    n_edits: int
    pixel_size: PixelSizeInfo | None
    choices: list[list[ChoiceInfo]]
    """Per frame."""
    classes: list[list[ClassArea]]
    """Per frame; empty where the recipe finds no classes."""
    warnings: list[str]


class Run(Message):
    """A finished run."""

    id: Identifier
    title: str
    recipe: str
    assay: Literal["", "live-dead", "confluency"] = ""
    """Which assay it made: `GET /runs/{run}/assay`."""
    created: str
    n_objects: int
    images: list[RunImage]
    edited: bool
    settings: Settings


class RunList(Message):
    """All finished runs, newest first."""

    runs: list[Run]


class ColumnInfo(Message):
    """One column of a table; `values` has one entry per object, floats with seven significant digits."""

    name: str
    unit: str
    meaning: str
    values: list[Any]


class ObjectTableBody(Message):
    """The objects of one plane, column by column, as objects.csv would have them."""

    n_objects: int
    version: int
    columns: list[ColumnInfo]
    summary: dict[str, float | None]
    """As in images.csv."""


class EditRequest(Message):
    """One correction by hand of the labels of one frame of a run; see `granum.separate.edits`."""

    id: Identifier
    op: Literal["delete", "merge", "split", "draw", "erase", "fill"]
    labels: Annotated[list[Annotated[int, Field(ge=1)]], Field(max_length=100_000)] = []
    points: Annotated[list[Point], Field(max_length=20_000)] = []
    """Cut line of a split, outline (radius 0) or path of a drawing, path of the eraser."""
    radius: Annotated[float, Field(ge=0, le=2000, allow_inf_nan=False)] = 0.0


class EditAck(Message):
    """Answer to an edit, an undo or a redo."""

    version: int
    dirty: list[int]
    n_objects: int
    n_edits: int
    can_undo: bool
    can_redo: bool
    new_labels: list[int] = []


class Scripts(Message):
    """How to get the same result without the app."""

    python: str
    recipe: str
    command: str
