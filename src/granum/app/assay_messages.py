"""Messages about the result of an assay: what stands in `assay.json`, as the page draws it.

They mirror `granum.plate.assay`, where every part is told about; here only what differs is.
"""

from __future__ import annotations

from typing import Literal

from granum.app.messages import Message

__all__ = [
    "AssayBody",
    "AssayCurve",
    "AssayFit",
    "AssayImage",
    "AssayInterval",
    "AssayMeasure",
    "AssayNumber",
    "AssayQuality",
    "AssayReview",
    "AssaySurvival",
    "AssayWell",
]

_Level = Literal["field", "well", "condition"]


class AssayInterval(Message):
    """A number with its 95 % interval; null where it cannot be given."""

    value: float | None
    low: float | None
    high: float | None


class AssayMeasure(Message):
    """What can be shown on a plate or over time; the values of "%" are shares, 0 to 1."""

    name: str
    title: str
    unit: str


class AssayNumber(Message):
    """One of the numbers at the head, the most important first: the same as in the report."""

    name: str
    value: str
    unit: str
    below: str
    """The interval and what was counted, in words."""


class AssayImage(Message):
    """One image and frame: where and when it was taken."""

    file: str
    stem: str
    frame: int
    plate: str
    well: str
    field: str
    time: float | None
    condition: str
    values: dict[str, float | None]
    """Of the measures of the assay; everything else stands in images.csv."""


class AssayWell(Message):
    """A well that has images; `row` and `column` count from 1, 0 where the name is no well."""

    plate: str
    well: str
    row: int
    column: int
    condition: str
    curve: str
    """Name of the curves of its condition: dose and control in it; "" where nothing is known of the well."""
    replicate: str
    control: str
    dose: float | None
    n_fields: int
    n_times: int


class AssayCurve(Message):
    """A measure over time, of a field, a well or a condition."""

    level: _Level
    name: str
    measure: str
    """"viability_t0" and the like are relative to the first time."""
    time: list[float]
    value: list[float | None]
    low: list[float | None]
    high: list[float | None]
    n: list[int]
    plate: str


class AssaySurvival(Message):
    """A Kaplan-Meier curve."""

    level: _Level
    name: str
    time: list[float]
    survival: list[float]
    low: list[float | None]
    high: list[float | None]
    at_risk: list[int]
    n_deaths: int
    n_censored: int
    median: AssayInterval
    plate: str


class AssayFit(Message):
    """A model fitted to a curve; without parameters it was refused, and the note says why."""

    level: _Level
    name: str
    measure: str
    model: str
    parameters: dict[str, AssayInterval]
    aic: float | None
    time: list[float]
    value: list[float | None]
    note: str
    plate: str


class AssayQuality(Message):
    """How well the controls of a plate are told apart."""

    plate: str
    measure: str
    time: float | None
    z_prime: float | None
    ssmd: float | None
    n_positive: int
    n_negative: int
    note: str
    verdict: str
    """What such a Z' means."""


class AssayReview(Message):
    """An image that somebody should look at; the most doubtful first."""

    file: str
    stem: str
    frame: int
    overlay: str
    """Path in the run folder; "" where there is none."""
    well: str
    time: float | None
    doubt: float
    why: str


class AssayBody(Message):
    """The result of an assay."""

    kind: Literal["live-dead", "confluency"]
    before_corrections: bool
    """The run was corrected by hand, and these numbers do not know of it yet; so are the files with `as_run`."""
    time_unit: str
    numbers: list[AssayNumber]
    measures: list[AssayMeasure]
    images: list[AssayImage]
    wells: list[AssayWell]
    curves: list[AssayCurve]
    survival: list[AssaySurvival]
    fits: list[AssayFit]
    quality: list[AssayQuality]
    review: list[AssayReview]
    videos: list[str]
    """Paths in the run folder."""
    notes: list[str]
