"""What the server and the page say to each other: every body of a request, a response and a socket message.

These models are the contract. The OpenAPI page shows them, and `web/src/api/types.ts` is made from them
(`python -m granum.app.typescript`), so neither side declares anything twice. Coordinates are image pixels (y, x) at
full resolution, pixel centres are integers; `t` is a frame, `c` a channel, `z` a plane along z, all from 0; `level` n
is the image halved n times.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "SOCKET_MESSAGES",
    "ChannelInfo",
    "ChoiceInfo",
    "ClassInfo",
    "ClassList",
    "ColumnInfo",
    "EditAck",
    "EditRequest",
    "ErrorBody",
    "ErrorInfo",
    "HistogramInfo",
    "ImageEntry",
    "ImageList",
    "Job",
    "JobItem",
    "JobList",
    "LayerInfo",
    "ObjectTableBody",
    "PaintAck",
    "PaintChanges",
    "PaintState",
    "PixelReading",
    "PixelSizeInfo",
    "PreviewRequest",
    "PreviewResult",
    "Project",
    "ProjectChange",
    "RecipeInfo",
    "RecipeList",
    "RecipeRequest",
    "Run",
    "RunImage",
    "RunList",
    "RunRequest",
    "Scripts",
    "SettingInfo",
    "StepInfo",
    "Stroke",
    "Uploaded",
]  # fmt: skip

Finite = Annotated[float, Field(allow_inf_nan=False)]
Point = Annotated[list[Finite], Field(min_length=2, max_length=2)]
"""[y, x]"""
Name = Annotated[str, Field(min_length=1, max_length=200)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
Settings = dict[str, bool | int | float | str | list[float] | None]
""" "STEP.SETTING" -> value, as in `Recipe.with_settings`, which refuses NaN and names the range."""


class Message(BaseModel):
    """Base: unknown keys are refused, so that a misspelt one is told."""

    model_config = ConfigDict(extra="forbid")


# ------------------------------------------------------------------------------------------------ errors


class ErrorInfo(Message):
    """One error; `message` is a sentence for people."""

    code: str
    message: str


class ErrorBody(Message):
    """The one shape of every error response."""

    error: ErrorInfo


# ------------------------------------------------------------------------------------------------ project, images


class Project(Message):
    """What is open."""

    name: str
    folder: str
    version: str
    read_only: bool
    read_only_reason: str = ""
    pixel_size: str | None = None
    """Typed by the user, as in "0.5 nm"; wins over the files, like --pixel-size."""
    interval_s: float | None = None
    author: str
    """Who this session paints and edits as; undo takes back what the same author did."""
    n_cores: int


class ProjectChange(Message):
    """Settings of the project; a key that is not sent stays."""

    pixel_size: Annotated[str, Field(max_length=100)] | None = None
    interval_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class PixelSizeInfo(Message):
    """Size of a pixel and where it came from."""

    y: float
    x: float
    unit: Literal["nm", "um", "mm"]
    source: Literal["file", "typed", "scale bar"]


class ChannelInfo(Message):
    """One channel; tile values `v` (uint16) mean `value_offset + value_scale * v` grey levels of the file."""

    index: int
    name: str
    value_scale: float = 1.0
    value_offset: float = 0.0
    low: float = 0.0
    high: float = 65535.0
    """Display window to start with, in tile values."""
    colour: Colour = "#ffffff"


class ImageEntry(Message):
    """One image of the project."""

    id: Identifier
    """First 16 hexadecimal digits of the SHA-256 of the file."""
    name: str
    size_bytes: int
    uploaded: bool
    status: Literal["waiting", "reading", "ready", "failed"]
    progress: float = 0.0
    error: str = ""
    format: str = ""
    dtype: str = ""
    n_frames: int = 1
    n_z: int = 1
    height: int = 0
    width: int = 0
    n_levels: int = 1
    channels: list[ChannelInfo] = []
    colour: bool = False
    """True colour: the channels are red, green and blue."""
    pixel_size: PixelSizeInfo | None = None
    frame_times_s: list[float] | None = None
    notes: list[str] = []
    n_strokes: int = 0


class ImageList(Message):
    """All images, sorted as people count."""

    images: list[ImageEntry]


class Uploaded(Message):
    """What became of an upload."""

    image: ImageEntry
    duplicate: bool


class PixelReading(Message):
    """Exact grey levels under the cursor, one per channel, as the file has them."""

    values: list[float | None]


class HistogramInfo(Message):
    """Counts of grey levels; bin i covers edges low + i * (high - low) / n to the next."""

    low: float
    high: float
    counts: list[int]
    threshold: float | None = None


# ------------------------------------------------------------------------------------------------ recipes


class SettingInfo(Message):
    """One setting, from the signature of its step: the form is made from it."""

    name: str
    help: str
    kind: Literal["boolean", "integer", "number", "choice", "text", "list"]
    optional: bool
    """Whether None ("chosen from the image") is allowed."""
    value: Any
    default: Any
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: list[str] = []


class StepInfo(Message):
    """One step of a recipe; "<key>.<setting>" is the name of a setting in `Settings`."""

    key: str
    do: str
    title: str
    summary: str
    reads: list[str]
    writes: list[str]
    settings: list[SettingInfo]


class RecipeInfo(Message):
    """A recipe as a form."""

    name: str
    summary: str
    channels: list[str]
    """Names of the channels that it reads beside the image."""
    reads_image: bool
    steps: list[StepInfo]
    toml: str


class RecipeList(Message):
    """The ready recipes, then those kept in the project."""

    recipes: list[RecipeInfo]


class RecipeRequest(Message):
    """A recipe with changed settings; `toml` wins over `recipe`."""

    recipe: Name = "particles"
    toml: Annotated[str, Field(max_length=200_000)] | None = None
    settings: Settings = {}


class ChoiceInfo(Message):
    """What a step chose by itself, and why: `granum.choice.Choice`."""

    about: str
    chosen: dict[str, Any]
    reason: str
    candidates: list[dict[str, Any]] = []


# ------------------------------------------------------------------------------------------------ layers, previews


class LayerInfo(Message):
    """Something to look at: tiles of 512 x 512 at `{level}/{y}/{x}` of `url`, or points.

    Bodies of tiles are raw, little-endian, rows first: image uint16; mask and classes uint8; labels uint32. Mask,
    labels and classes come with one pixel more on every side (514 x 514 for a full tile), so that outlines close over
    tile borders; what lies outside the image repeats its edge. `X-Tile-Shape: rows,columns` says what came. Points are
    float32 pairs (y, x) from `url` itself. 204 means: nothing but zeros.
    """

    name: str
    kind: Literal["image", "mask", "labels", "classes", "points"]
    url: str
    level: int = 0
    """Finest level that there is: coarser previews have no level 0."""
    n_levels: int = 1
    height: int
    width: int
    """Size at full resolution."""
    value_scale: float = 1.0
    value_offset: float = 0.0
    low: float = 0.0
    high: float = 65535.0
    version: str = ""
    """Changes when the tiles do; part of the URL's query."""


class PreviewRequest(RecipeRequest):
    """Run a recipe on one plane now; the newest request of a client wins, older ones are dropped."""

    type: Literal["preview"] = "preview"
    request: int
    image: Identifier
    t: int = 0
    z: int | None = None
    channels: dict[Name, int] = {}
    """Channel name ("image" for the main one) -> index in the file."""
    level: Annotated[int, Field(ge=0, le=16)] = 0
    """0 is exact and full size."""
    layers: list[Name] = ["labels"]
    """Layers that will be looked at."""


class PreviewResult(Message):
    """What a preview found."""

    type: Literal["preview_result"] = "preview_result"
    request: int
    image: Identifier
    key: Identifier
    """For `/previews/{key}/objects` and the layers' URLs."""
    level: int
    exact: bool
    n_objects: int
    seconds: dict[str, float]
    total_ms: float
    layers: list[LayerInfo]
    """Those asked for."""
    layer_names: list[str]
    """All that can be asked for."""
    choices: list[ChoiceInfo]
    warnings: list[str]
    histogram: HistogramInfo | None = None
    settings: Settings = {}
    """Every setting as it ran."""


# ------------------------------------------------------------------------------------------------ painting


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


# ------------------------------------------------------------------------------------------------ runs, results, edits


class RunRequest(RecipeRequest):
    """Run a recipe on images and keep the result."""

    images: list[Identifier] | None = None
    """None is all that are ready."""
    channels: dict[Name, int] = {}
    z: int | None = None
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


class RunImage(Message):
    """One input of a run."""

    stem: str
    file: str
    image: str
    """Id of the image in the project, or ""."""
    n_frames: int
    n_objects: list[int]
    """Per frame, edits included."""
    n_edits: int
    pixel_size: PixelSizeInfo | None
    choices: list[list[ChoiceInfo]]
    """Per frame."""
    warnings: list[str]


class Run(Message):
    """A finished run."""

    id: Identifier
    title: str
    recipe: str
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


SOCKET_MESSAGES = (PreviewRequest, PreviewResult)
"""Messages that travel only over the socket; the small ones are written down in docs/contributing/app.md."""
