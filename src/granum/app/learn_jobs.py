"""What the server asks of the process that learns, and what it answers: the words that go through their pipe.

To the process: `Painted` (what is painted now), `LookJob` (predict this), `SaveJob` (write the live model into a file),
``("stop", number)``. From it `Answer`, of which ``"done"``, ``"stopped"`` and ``"failed"`` are the last word on a job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from granum.app.preview_worker import PreviewSource
from granum.learn import PixelClass, Scribbles

__all__ = ["LIVE", "Answer", "Found", "LookJob", "Painted", "PlaneKey", "SaveJob", "Spot", "Window"]

LIVE = "live"
PlaneKey = tuple[str, int, int]
"""(Image id, t, z)."""
Window = tuple[int, int, int, int]
"""(y0, x0, y1, x1), half open."""


@dataclass(frozen=True)
class Painted:
    """What has changed in what is painted.

    Parameters
    ----------
    version : int
        Counts changes; a live model belongs to one version.
    classes : tuple of PixelClass
        Of the project.
    planes : dict
        Plane -> its strokes, only of planes that have changed; None where nothing is left.
    sources : dict
        Plane -> where its pixels are.
    """

    version: int
    classes: tuple[PixelClass, ...]
    planes: dict[PlaneKey, Scribbles | None] = field(default_factory=dict)
    sources: dict[PlaneKey, PreviewSource] = field(default_factory=dict)


@dataclass(frozen=True)
class LookJob:
    """Predict what somebody looks at.

    Parameters
    ----------
    number : int
        Of the job; answers carry it.
    source : PreviewSource
        Where the pixels are.
    t, z : int
        Frame and plane.
    view : Window
        Is predicted first.
    model : str
        "live", or what to call `file`.
    file : Path or None
        The model's file, unless it is the live one.
    folder : Path
        Where predictions are written.
    """

    number: int
    source: PreviewSource
    t: int
    z: int
    view: Window
    model: str
    file: Path | None
    folder: Path

    @property
    def plane(self) -> PlaneKey:
        """The plane that is looked at."""
        return self.source.image, self.t, self.z


@dataclass(frozen=True)
class SaveJob:
    """Write the live model, made anew when that is needed, into a file."""

    number: int
    file: Path


@dataclass(frozen=True)
class Spot:
    """Where one more stroke helps most."""

    y: float
    x: float
    radius: float
    class_ids: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Found:
    """A prediction as far as it is.

    Parameters
    ----------
    name : str
        Of its folder inside that of all predictions; the same model on the same plane is the same prediction.
    shape : (int, int)
        Of the plane.
    ready : tuple of Window
        What this answer adds; the first answer on a job tells all that is there.
    view_done : bool
        Whether all of the view is there.
    complete : bool
        Whether nothing more will come.
    areas : dict
        Class id -> pixels, once all of the plane is there.
    spots : tuple of Spot
        Suggestions, once complete.
    notes : tuple of str
        What the user must know.
    """

    name: str
    shape: tuple[int, int]
    ready: tuple[Window, ...] = ()
    view_done: bool = False
    complete: bool = False
    areas: dict[int, int] = field(default_factory=dict)
    spots: tuple[Spot, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """One word of the process.

    Parameters
    ----------
    word : str
        "live": the live model was made anew (`version`, `text` describes it, `notes`), or cannot be (`text` is why,
        `code` "problem"). "found": more of a prediction. "gone": predictions that were let go (`names`).
        "done", "stopped", "failed" (`code`, `text`): the end of a job.
    number : int
        Of the job.
    """

    word: Literal["live", "found", "gone", "done", "stopped", "failed"]
    number: int
    text: str = ""
    code: str = ""
    version: int = 0
    found: Found | None = None
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
