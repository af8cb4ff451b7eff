"""An assay as CSV tables: UTF-8, line feeds, empty cells for what does not exist, the same bytes for the same assay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from granum.errors import OutputError
from granum.plate.assay import Assay, Curve

__all__ = ["write_assay_tables"]

Cell = str | float | int | None
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")


def write_assay_tables(folder: str | Path, assay: Assay) -> list[str]:
    """Write the tables of an assay into a folder.

    Parameters
    ----------
    folder : str or Path
        Exists.
    assay : Assay
        From `build_assay`.

    Returns
    -------
    files : list of str
        Names of the files: ``wells.csv`` (a row per well and time), and where there is something in them
        ``conditions.csv`` (a row per condition and time), ``survival.csv`` (a row per step of each curve),
        ``fits.csv`` (a row per parameter; a refused fit has one row with its note) and ``quality.csv`` (a row per
        plate and measure).

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    tables = {
        "wells.csv": _wells(assay),
        "conditions.csv": _conditions(assay),
        "survival.csv": _survival(assay),
        "fits.csv": _fits(assay),
        "quality.csv": _quality(assay),
    }
    written = []
    for name, (header, rows) in tables.items():
        if not rows and name != "wells.csv":
            continue
        lines = [",".join(_cell(value) for value in row) for row in [header, *rows]]
        try:
            (Path(folder) / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        except OSError as error:
            raise OutputError(f"{Path(folder) / name}: cannot be written ({error.strerror}).") from error
        written.append(name)
    return written


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value + 0.0:.7g}" if math.isfinite(value) else ""
    text = " ".join(value.splitlines()) if "\n" in value or "\r" in value else value
    text = f"'{text}" if text.startswith(_FORMULA_START) else text
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def _measured(curves: Sequence[Curve], names: Sequence[str]) -> tuple[list[str], Mapping[float, list[Cell]]]:
    """Return the columns of measures and time -> cells of the curves of one place."""
    header = [f"{name}{end}" for name in names for end in ("", "_low", "_high", "_n")]
    by_name = {curve.measure: curve for curve in curves}
    times = sorted({time for curve in curves for time in curve.time})
    places = {name: {time: k for k, time in enumerate(curve.time)} for name, curve in by_name.items()}
    rows: dict[float, list[Cell]] = {}
    for time in times:
        cells: list[Cell] = []
        for name in names:
            curve, k = by_name.get(name), places.get(name, {}).get(time)
            if curve is None or k is None:
                cells += [None] * 4
            else:
                cells += [curve.value[k], *(end[k] if end else None for end in (curve.low, curve.high)), curve.n[k]]
        rows[time] = cells
    return header, rows


def _measure_names(assay: Assay, level: str) -> list[str]:
    there = {curve.measure for curve in assay.curves if curve.level == level}
    names = [measure.name for measure in assay.measures]
    return [name for name in [*names, *(f"{name}_t0" for name in names)] if name in there]


def _wells(assay: Assay) -> tuple[list[Cell], list[list[Cell]]]:
    names = _measure_names(assay, "well")
    by_well: dict[tuple[str, str], list[Curve]] = {}
    for curve in assay.curves:
        if curve.level == "well":
            by_well.setdefault((curve.plate, curve.name), []).append(curve)
    header: list[Cell] = ["plate", "well", "row", "column", "condition", "dose", "replicate", "control", "n_fields"]
    header += [f"time_{assay.time_unit}", *_measured([], names)[0]]
    rows: list[list[Cell]] = []
    for well in assay.wells:
        first: list[Cell] = [
            well.plate, well.well, well.row or None, well.column or None, well.condition, well.dose, well.replicate,
            well.control, well.n_fields,
        ]  # fmt: skip
        for time, cells in _measured(by_well.get((well.plate, well.well), []), names)[1].items():
            rows.append([*first, time, *cells])
    return header, rows


def _conditions(assay: Assay) -> tuple[list[Cell], list[list[Cell]]]:
    names = _measure_names(assay, "condition")
    by_name: dict[str, list[Curve]] = {}
    for curve in assay.curves:
        if curve.level == "condition":
            by_name.setdefault(curve.name, []).append(curve)
    header: list[Cell] = ["condition", f"time_{assay.time_unit}", *_measured([], names)[0]]
    rows: list[list[Cell]] = [
        [name, time, *cells] for name, curves in by_name.items() for time, cells in _measured(curves, names)[1].items()
    ]
    return header, rows


def _survival(assay: Assay) -> tuple[list[Cell], list[list[Cell]]]:
    header: list[Cell] = [
        "level", "plate", "name", f"time_{assay.time_unit}", "at_risk", "survival", "survival_low", "survival_high",
        "n_deaths", "n_censored", "median", "median_low", "median_high",
    ]  # fmt: skip
    rows: list[list[Cell]] = []
    for one in assay.survival:
        last = [one.n_deaths, one.n_censored, one.median.value, one.median.low, one.median.high]
        for k, time in enumerate(one.time):
            here = [one.at_risk[k], one.survival[k], one.low[k], one.high[k]]
            rows.append([one.level, one.plate, one.name, time, *here, *last])
    return header, rows


def _fits(assay: Assay) -> tuple[list[Cell], list[list[Cell]]]:
    header: list[Cell] = [
        "level",
        "plate",
        "name",
        "measure",
        "model",
        "parameter",
        "value",
        "low",
        "high",
        "aic",
        "note",
    ]
    rows: list[list[Cell]] = []
    for fit in assay.fits:
        first: list[Cell] = [fit.level, fit.plate, fit.name, fit.measure, fit.model]
        if not fit.parameters:
            rows.append([*first, None, None, None, None, fit.aic, fit.note])
        for name, one in fit.parameters.items():
            rows.append([*first, name, one.value, one.low, one.high, fit.aic, fit.note])
    return header, rows


def _quality(assay: Assay) -> tuple[list[Cell], list[list[Cell]]]:
    header: list[Cell] = [
        "plate", "measure", f"time_{assay.time_unit}", "z_prime", "ssmd", "n_positive", "n_negative", "note",
    ]  # fmt: skip
    rows: list[list[Cell]] = [
        [q.plate, q.measure, q.time, q.z_prime, q.ssmd, q.n_positive, q.n_negative, q.note] for q in assay.quality
    ]
    return header, rows
