"""Plates of live/dead series: wells of several conditions, each with its own law of dying.

``simulate_live_dead_plate(replicates=6, hours=48)`` returns a `LiveDeadPlate`: `plate.wells` says what is in each well,
`plate.series(well, field)` makes the `LiveDeadSeries` of a field, `plate.map_rows` are the rows of plate_map.csv.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from granum.errors import SettingError
from granum.samples.cell_lineage import DeathLaw
from granum.samples.live_dead_scene import LiveDeadLook
from granum.samples.live_dead_series import LiveDeadSeries, simulate_live_dead_series
from granum.samples.setting_checks import check_ranges
from granum.steps import Range

__all__ = ["LiveDeadPlate", "PlateCondition", "PlateWell", "simulate_live_dead_plate"]

MAP_COLUMNS = ("well", "condition", "dose", "replicate", "control")
_FIRST_ROW, _LAST_ROW, _FIRST_COLUMN = "B", "O", 2  # of 384 wells, without the edge


@dataclass(frozen=True)
class PlateCondition:
    """A condition of a plate.

    Parameters
    ----------
    name : str
        As in the plate map.
    death : DeathLaw
        How its cells die.
    dose : float or None
        In any unit; None where there is none.
    control : {"", "negative", "positive"}
        Whether it is a control.
    """

    name: str
    death: DeathLaw
    dose: float | None = None
    control: Literal["", "negative", "positive"] = ""

    def __post_init__(self) -> None:
        check_ranges(type(self), {"control": self.control})


@dataclass(frozen=True)
class PlateWell:
    """A well of a plate; `death` is the law of the condition with the spread of this well."""

    well: str
    condition: PlateCondition
    replicate: int
    death: DeathLaw


@dataclass(frozen=True, eq=False)
class LiveDeadPlate:
    """A simulated plate.

    Parameters
    ----------
    wells : tuple of PlateWell
        Row by row.
    fields : int
        Fields of each well.
    settings : dict
        Of every series, but `seed` and `death`.
    seed : int
        Seed.
    """

    wells: tuple[PlateWell, ...]
    fields: int
    settings: dict[str, Any]
    seed: int

    def series(self, well: str, field: int = 1) -> LiveDeadSeries:
        """Return the series of a field; fields count from 1.

        Raises
        ------
        SettingError
            No such well or field.
        """
        names = [one.well for one in self.wells]
        if well not in names:
            raise SettingError(f"well: {well!r} is not on this plate; it has {', '.join(names)}.")
        if not 1 <= field <= self.fields:
            raise SettingError(f"field: {field} is out of range, must be 1 to {self.fields}.")
        at = names.index(well)
        seed = int(np.random.SeedSequence((self.seed, 96, at, field)).generate_state(1)[0])
        return simulate_live_dead_series(**self.settings, death=self.wells[at].death, seed=seed)

    @property
    def map_rows(self) -> list[dict[str, str]]:
        """Rows of the plate map: well, condition, dose, replicate, control."""
        return [
            {
                "well": one.well, "condition": one.condition.name, "replicate": str(one.replicate),
                "dose": "" if one.condition.dose is None else f"{one.condition.dose:g}",
                "control": one.condition.control,
            }
            for one in self.wells
        ]  # fmt: skip

    @property
    def truth(self) -> dict[str, Any]:
        """What is true of the plate, in JSON types; each series has its own `truth`."""
        return {
            "kind": "live-dead plate", "seed": self.seed, "fields": self.fields,
            "wells": {
                one.well: {
                    "condition": one.condition.name, "dose": one.condition.dose, "control": one.condition.control,
                    "replicate": one.replicate, "death": dataclasses.asdict(one.death),
                    "median_survival_h": round(one.death.median_h, 6),
                }
                for one in self.wells
            },
        }  # fmt: skip


def simulate_live_dead_plate(
    *,
    conditions: tuple[PlateCondition, ...] | None = None,
    replicates: Annotated[int, Range(1, 22)] = 4,
    fields: Annotated[int, Range(1, 1000)] = 1,
    well_spread: Annotated[float, Range(0, 2)] = 0.0,
    size: int | tuple[int, int] = 512,
    count: Annotated[int, Range(0, 20000)] = 24,
    hours: Annotated[float, Range(0, 10000)] = 48.0,
    interval_h: Annotated[float, Range(0.01, 1000)] = 1.0,
    dead_at_start: Annotated[float, Range(0, 1)] = 0.05,
    division_per_h: Annotated[float, Range(0, 0.2)] = 0.003,
    nucleus_diameter: Annotated[float, Range(6, 200)] = 20.0,
    seed: Annotated[int, Range(0)] = 0,
    look: LiveDeadLook | None = None,
) -> LiveDeadPlate:
    """Simulate a plate; nothing is drawn before a series of it is asked for.

    Parameters
    ----------
    conditions : tuple of PlateCondition, optional
        1 to 14, a row of the plate each; by default "untreated" (negative control), "drug low" (exponential, scale
        60 h) and "drug high" (positive control; Weibull, scale 22 h, shape 2).
    replicates : int
        Wells of each condition, 1 to 22.
    fields : int
        Fields of each well, 1 to 1000.
    well_spread : float
        Standard deviation of the logarithm of the scale of dying from well to well, 0 to 2.
    seed : int
        Same seed and settings, same bytes.
    size, count, hours, interval_h, dead_at_start, division_per_h, nucleus_diameter, look
        As in `simulate_live_dead_series`.

    Returns
    -------
    plate : LiveDeadPlate
        Wells, and their series on demand.

    Raises
    ------
    SettingError
        A setting out of its range.

    Examples
    --------
    >>> plate = simulate_live_dead_plate(replicates=2, size=128, count=4, hours=2)
    >>> [row["well"] for row in plate.map_rows], len(plate.series("C02"))
    (['B02', 'B03', 'C02', 'C03', 'D02', 'D03'], 3)
    """
    check_ranges(simulate_live_dead_plate, {"replicates": replicates, "fields": fields, "seed": seed,
                                            "well_spread": well_spread})  # fmt: skip
    conditions = conditions or (
        PlateCondition("untreated", DeathLaw(500.0), 0.0, "negative"),
        PlateCondition("drug low", DeathLaw(60.0), 1.0),
        PlateCondition("drug high", DeathLaw(22.0, 2.0), 10.0, "positive"),
    )
    most = ord(_LAST_ROW) - ord(_FIRST_ROW) + 1
    if len(conditions) > most:
        raise SettingError(f"conditions: {len(conditions)} are too many, a plate holds {most}.")
    rng = np.random.default_rng((seed, 384))
    wells = []
    for row, condition in enumerate(conditions):
        for replicate in range(replicates):
            scale = condition.death.scale_h * float(np.exp(well_spread * rng.normal()))
            name = f"{chr(ord(_FIRST_ROW) + row)}{_FIRST_COLUMN + replicate:02d}"
            wells.append(PlateWell(name, condition, replicate + 1, DeathLaw(scale, condition.death.shape)))
    settings = {
        "size": size, "count": count, "hours": hours, "interval_h": interval_h, "dead_at_start": dead_at_start,
        "division_per_h": division_per_h, "nucleus_diameter": nucleus_diameter, "look": look,
    }  # fmt: skip
    return LiveDeadPlate(tuple(wells), fields, settings, seed)
