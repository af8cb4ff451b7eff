"""Messages about an assay before it runs: which files are which channel, what names say, what a plate map says."""

from __future__ import annotations

from granum.app.messages import Identifier, Message, Name
from granum.app.run_messages import RunRequest

__all__ = [
    "MapFileList",
    "MapText",
    "MapWell",
    "PlanChannel",
    "PlanField",
    "PlanInfo",
    "PlanName",
    "PlanRequest",
    "PlateMapInfo",
]


class PlanRequest(RunRequest):
    """Look at what a run would be, without starting it; all images of the project unless some are named."""

    image: Identifier | None = None
    """The image on screen."""
    guess: bool = False
    """Whether patterns are guessed from the names of files when none are given."""


class PlanChannel(Message):
    """Where the channel of a role is for the image on screen."""

    role: Name
    index: int | None = None
    """Of the image itself."""
    stain: str = ""
    """The name under which it was found."""
    file: str = ""
    """Where the channel is a file of its own."""
    by_name: bool = False
    """Found by what the file calls its channels, not chosen."""


class PlanField(Message):
    """One field whose channels are files of their own."""

    files: dict[Name, str]
    """Name of the pattern -> file."""
    lacks: list[Name] = []


class PlanName(Message):
    """What the name of a file says."""

    file: str
    plate: str
    well: str
    field: str
    time: str
    """As text with its unit; "" where nothing says so."""


class MapWell(Message):
    """One well of a plate map."""

    plate: str
    well: str
    condition: str
    dose: float | None
    control: str


class PlateMapInfo(Message):
    """A plate map as it was understood."""

    wells: list[MapWell]
    dose_unit: str
    notes: list[str]


class PlanInfo(Message):
    """What a run would be. Each `..._problem` is one sentence, or "" when all is well."""

    patterns: dict[Name, str]
    """Those that were given, or guessed."""
    guessed: bool = False
    by_order: list[Name] = []
    """Roles whose files were told by their order alone: the names say no stain."""
    channels: list[PlanChannel] = []
    channel_problem: str = ""
    n_files: int
    n_fields: int
    fields: list[PlanField] = []
    """The first of them."""
    lacking: list[PlanField] = []
    """The first of those without all channels."""
    n_lacking: int = 0
    left_over: list[str] = []
    """The first of the files that no pattern matches."""
    n_left_over: int = 0
    files_problem: str = ""
    names: list[PlanName] = []
    """The first of the main files."""
    names_notes: list[str] = []
    names_problem: str = ""
    plate_map: PlateMapInfo | None = None
    plate_map_problem: str = ""


class MapFileList(Message):
    """Tables in the folder that may be plate maps."""

    files: list[str]


class MapText(Message):
    """The text of a plate map, whatever its encoding was."""

    name: str
    text: str
