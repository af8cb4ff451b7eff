"""`Assay`: all that an assay says about its wells, conditions and times; it becomes `assay.json` and is read back.

The report and the app draw what stands here and compute nothing.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from granum.errors import ReadError

__all__ = [
    "Assay",
    "Curve",
    "Fit",
    "Interval",
    "Measure",
    "PlateImage",
    "Quality",
    "Review",
    "Survival",
    "Well",
    "read_assay",
]

Kind = Literal["live-dead", "confluency"]
Level = Literal["field", "well", "condition"]


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval; None where it cannot be given."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Measure:
    """What can be shown on a plate or over time: a column of images.csv.

    Parameters
    ----------
    name : str
        The column, such as "viability"; its interval stands in ``<name>_low`` and ``<name>_high`` where there is one.
    title : str
        For people.
    unit : str
        "%" (values are shares, 0 to 1), "" or a unit.
    """

    name: str
    title: str
    unit: str = ""


@dataclass(frozen=True)
class PlateImage:
    """One image and frame, with where and when it was taken and what was measured on it.

    Parameters
    ----------
    file, stem, frame : str, str, int
        As in images.csv and in the names of label images and overlays.
    plate, well, field : str
        "" where the name does not say. Wells are written as "B03".
    time : float
        In `Assay.time_unit`; the number of the frame where times are not known.
    condition, replicate, control : str
        From the plate map; control is "positive", "negative" or "".
    dose : float or None
        From the plate map.
    values : dict
        Column -> number: the row of images.csv.
    """

    file: str
    stem: str
    frame: int
    plate: str = ""
    well: str = ""
    field: str = ""
    time: float = 0.0
    condition: str = ""
    replicate: str = ""
    control: str = ""
    dose: float | None = None
    values: Mapping[str, float | None] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Well:
    """A well that has images; `row` and `column` count from 1, 0 where the name is no well."""

    plate: str
    well: str
    row: int
    column: int
    condition: str
    replicate: str
    control: str
    dose: float | None
    n_fields: int
    n_times: int


@dataclass(frozen=True)
class Curve:
    """A measure over time, of a field, a well or a condition.

    Parameters
    ----------
    level : {"field", "well", "condition"}
        What it belongs to.
    name, plate : str
        Name of the field ("B03 f2"), well or condition.
    measure : str
        Name of the `Measure`; "viability_t0" and the like are normalised to the first time.
    time, value, low, high : tuple of float or None
        Intervals are Wilson's for counted shares, over replicates (Student's t) for conditions.
    n : tuple of int
        Counted objects, or replicates, behind each value.
    """

    level: Level
    name: str
    measure: str
    time: tuple[float, ...]
    value: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    n: tuple[int, ...] = ()
    plate: str = ""


@dataclass(frozen=True)
class Survival:
    """A Kaplan-Meier curve: share of the nuclei tracked from the start, or as they appear, that are still alive."""

    level: Level
    name: str
    time: tuple[float, ...]
    survival: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    at_risk: tuple[int, ...]
    n_deaths: int
    n_censored: int
    median: Interval = Interval(None)
    plate: str = ""


@dataclass(frozen=True)
class Fit:
    """A model fitted to a curve or to a dose response.

    Parameters
    ----------
    level, name, measure, plate : str
        Which curve.
    model : str
        "exponential", "logistic", "gompertz", "linear" (closing of the open area), "dose_response" or "log_rank"
        (survival of a condition against the negative control).
    parameters : dict
        Name with its unit as suffix ("doubling_time_h", "closing_rate_per_h") -> `Interval`; empty where the fit was
        refused, and the note says why.
    aic : float or None
        To compare models of the same curve, corrected for few points; the smaller the better.
    time, value : tuple of float
        The fitted line, to draw it (doses instead of times for a dose response).
    note : str
        What must be known before it is used; "" where nothing must.
    """

    level: Level
    name: str
    measure: str
    model: str
    parameters: Mapping[str, Interval]
    aic: float | None = None
    time: tuple[float, ...] = ()
    value: tuple[float, ...] = ()
    note: str = ""
    plate: str = ""


@dataclass(frozen=True)
class Quality:
    """How well positive and negative controls of a plate are told apart by a measure, at one time."""

    plate: str
    measure: str
    time: float
    z_prime: float | None
    ssmd: float | None
    n_positive: int
    n_negative: int
    note: str = ""


@dataclass(frozen=True)
class Review:
    """An image that somebody should look at; the most doubtful first."""

    file: str
    frame: int
    overlay: str
    well: str
    time: float
    doubt: float
    why: str


@dataclass(frozen=True)
class Assay:
    """What an assay says; see the parts."""

    kind: Kind
    measures: tuple[Measure, ...]
    time_unit: str
    images: tuple[PlateImage, ...]
    wells: tuple[Well, ...] = ()
    curves: tuple[Curve, ...] = ()
    survival: tuple[Survival, ...] = ()
    fits: tuple[Fit, ...] = ()
    quality: tuple[Quality, ...] = ()
    review: tuple[Review, ...] = ()
    videos: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON types; what is not finite becomes None."""
        return {"schema": 1, **_plain(dataclasses.asdict(self))}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_assay(path: str | Path) -> Assay:
    """Return what `to_json` wrote.

    Raises
    ------
    ReadError
        The file is missing, damaged, or of a newer version.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content["schema"] != 1:
            raise ReadError(f"{path}: was written by a newer granum (schema {content['schema']!r}).")
        return Assay(
            content["kind"],
            _many(Measure, content["measures"]),
            content["time_unit"],
            _many(PlateImage, content["images"]),
            _many(Well, content["wells"]),
            _many(Curve, content["curves"]),
            tuple(Survival(**{**_tuples(one), "median": Interval(**one["median"])}) for one in content["survival"]),
            tuple(
                Fit(**{**_tuples(one), "parameters": {k: Interval(**v) for k, v in one["parameters"].items()}})
                for one in content["fits"]
            ),
            _many(Quality, content["quality"]),
            _many(Review, content["review"]),
            tuple(content["videos"]),
            tuple(content["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReadError(f"{path}: cannot be read as the result of an assay ({error}).") from error


def _many(kind: Any, entries: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    return tuple(kind(**_tuples(one)) for one in entries)


def _tuples(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
