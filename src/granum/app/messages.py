"""What the server and the page say to each other: what all messages share, errors, the project and its images.

The models of `messages`, `recipe_messages`, `paint_messages` and `run_messages` are the contract. The OpenAPI page
shows them, and `web/src/api/types.ts` is made from them (`python -m granum.app.typescript`), so neither side declares
anything twice. Coordinates are image pixels (y, x) at full resolution, pixel centres are integers; `t` is a frame, `c`
a channel, `z` a plane along z, all from 0; `level` n is the image halved n times.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "ChannelInfo",
    "Colour",
    "ErrorBody",
    "ErrorInfo",
    "Finite",
    "HistogramInfo",
    "Identifier",
    "ImageEntry",
    "ImageList",
    "Message",
    "Name",
    "PixelReading",
    "PixelSizeInfo",
    "Point",
    "Project",
    "ProjectChange",
    "Uploaded",
]

Finite = Annotated[float, Field(allow_inf_nan=False)]
Point = Annotated[list[Finite], Field(min_length=2, max_length=2)]
"""[y, x]"""
Name = Annotated[str, Field(min_length=1, max_length=200)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


class Message(BaseModel):
    """Base: unknown keys are refused, so that a misspelt one is told."""

    model_config = ConfigDict(extra="forbid")


class ErrorInfo(Message):
    """One error; `message` is a sentence for people."""

    code: str
    message: str


class ErrorBody(Message):
    """The one shape of every error response."""

    error: ErrorInfo


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
