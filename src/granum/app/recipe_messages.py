"""Messages about recipes as forms, about previews, and about layers to look at."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from granum.app.messages import HistogramInfo, Identifier, Message, Name

__all__ = [
    "ChoiceInfo",
    "LayerInfo",
    "PreviewRequest",
    "PreviewResult",
    "RecipeInfo",
    "RecipeList",
    "RecipeRequest",
    "RoleInfo",
    "SettingInfo",
    "Settings",
    "StepInfo",
]

Settings = dict[str, bool | int | float | str | list[float] | None]
""" "STEP.SETTING" -> value, as in `Recipe.with_settings`, which refuses NaN and names the range."""


Patterns = dict[Name, Annotated[str, Field(min_length=1, max_length=300)]]
"""Names of files with ``*`` and ``?``, as the command line takes them."""


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


class RoleInfo(Message):
    """A channel that a recipe reads, by what it is for: `granum.channel_roles.ChannelRole`."""

    name: str
    names: list[str] = []
    """What files and people call it, beside its own name."""
    optional: bool = False
    about: str = ""


class RecipeInfo(Message):
    """A recipe as a form."""

    name: str
    summary: str
    channels: list[str]
    """Names of the channels that it reads beside the image."""
    roles: list[RoleInfo] = []
    """The same channels as roles; empty for a recipe that calls each by one name. A role that a request leaves out is
    found by what the file calls its channels."""
    assay: Literal["", "live-dead", "confluency"] = ""
    """What all images of a run make together."""
    reads_image: bool
    full_size_only: bool = False
    """Whether a shrunken image is another image to it: previews of any level are then made at level 0, or refused."""
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
    colours: dict[int, str] = {}
    """Of classes: class -> "#rrggbb"; empty for those that are painted, which have the colours of the project."""
    names: dict[int, str] = {}
    """Class -> name, of the same classes."""
    version: str = ""
    """Changes when the tiles do; part of the URL's query."""


class PreviewRequest(RecipeRequest):
    """Run a recipe on one plane now; the newest request of a client wins, older ones are dropped."""

    type: Literal["preview"] = "preview"
    request: int
    image: Identifier
    t: int = 0
    z: int | None = None
    channels: dict[Name, int | None] = {}
    """Channel name ("image" for the main one) -> index in the file; None where an optional role is not wanted."""
    patterns: Patterns = {}
    """As in `RunRequest`: the files of the field that the image belongs to are read together."""
    level: Annotated[int, Field(ge=0, le=16)] = 0
    """0 is exact and full size; of recipes that are `full_size_only` the answer is of level 0 whatever is asked for."""
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
