"""The plate map: what was in each well. A table with a row per well, or a layout as it is drawn on paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from granum.errors import ReadError
from granum.plate.assay import PlateImage
from granum.plate.layout_blocks import is_layout, read_layouts
from granum.plate.map_columns import find_columns
from granum.plate.table_text import read_number, read_table
from granum.plate.well_positions import format_well, plate_size, row_number, well_position

__all__ = ["MapEntry", "PlateMap", "apply_plate_map", "read_plate_map"]

_POSITIVE = {"positive", "pos", "p", "+", "1", "pc", "positive control", "pos control", "max", "high control"}
_NEGATIVE = {
    "negative", "neg", "n", "-", "-1", "nc", "negative control", "neg control", "min", "low control", "vehicle",
    "vehicle control", "untreated", "untreated control", "dmso", "control", "ctrl", "mock",
}  # fmt: skip
_NEITHER = {"", "0", "none", "no", "sample", "test", "treated", "treatment", "compound", "x", "na", "n/a", "false"}
_MOLAR = {"m": 1.0, "mm": 1e-3, "um": 1e-6, "nm": 1e-9, "pm": 1e-12, "fm": 1e-15}


@dataclass(frozen=True)
class MapEntry:
    """What was in one well; `control` is "positive", "negative" or "", `dose` is in the map's unit."""

    plate: str
    well: str
    condition: str = ""
    dose: float | None = None
    replicate: str = ""
    control: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlateMap:
    """A read plate map.

    Parameters
    ----------
    entries : tuple of MapEntry
        In the order of the file.
    dose_unit : str
        As written, such as "µM"; "" where the map does not say.
    notes : tuple of str
        What the user must know: gaps, wells written twice.
    """

    entries: tuple[MapEntry, ...]
    dose_unit: str = ""
    notes: tuple[str, ...] = ()

    def find(self, plate: str, well: str) -> MapEntry | None:
        """Return the entry of a well; a map without plates holds for every plate."""
        by_key = {(entry.plate, entry.well): entry for entry in self.entries}
        return by_key.get((plate, well)) or by_key.get(("", well))


def read_plate_map(path: str | Path) -> PlateMap:
    """Read a plate map from CSV or tab-separated text.

    Parameters
    ----------
    path : str or Path
        A table with a row per well: a column ``well`` (or ``row`` and ``column``), and any of ``plate``, ``condition``,
        ``dose``, ``replicate``, ``control``; further columns are kept. Or a layout: the numbers of the columns in the
        first line, the letter of the row before each line, in the corner what the cells are (``condition``, ``dose``,
        ...); several layouts may follow each other.

    Returns
    -------
    map : PlateMap

    Raises
    ------
    ReadError
        The file cannot be read, has no wells, names a well that is on no plate, says two things of one well, mixes
        units of doses, or has doses and controls that cannot be understood; with the line.

    Notes
    -----
    Semicolons, tabs, decimal commas, UTF-8 and UTF-16 with or without a mark, and Windows-1252 are understood. Doses
    may carry their unit in the name of the column or in the cell; molar units are brought to the first one.
    """
    table, notes = read_table(path)
    if not any(table):
        raise ReadError(f"{path}: is empty; a plate map needs a line per well, as in well,condition,dose.")
    if is_layout(table):
        lines, told = read_layouts(table, str(path))
    else:
        lines, told = _tidy_lines(table, str(path))
    entries, dose_unit, more = _entries(lines, str(path))
    return PlateMap(tuple(entries), dose_unit, (*notes, *told, *more, *_gaps(entries)))


def _tidy_lines(table: Sequence[Sequence[str]], path: str) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Return (number of the line, name of the column -> cell) for each line of a table with a header."""
    first = next(number for number, row in enumerate(table) if row)
    header = list(table[first])
    columns, unit = find_columns(header, path)
    lines = []
    for number, row in enumerate(table[first + 1 :], first + 2):
        if not row:
            continue
        if len(row) > len(header) and any(row[len(header) :]):
            raise ReadError(
                f"{path}: line {number} has {len(row)} cells, the header has {len(header)}; is a comma not quoted?"
            )
        cells = [*row, *[""] * (len(header) - len(row))]
        line = {name: cells[position] for name, position in columns.items()}
        line |= {f"extra {header[k]}": cells[k] for k in range(len(header)) if k not in columns.values() and header[k]}
        if "well" not in line:
            line["well"] = _well_of(line.pop("row"), line.pop("column"))
        line["dose_unit"] = unit
        lines.append((number, line))
    return lines, []


def _well_of(row: str, column: str) -> str:
    """Return the well of its row (letters or a number) and column, or what stands there where it is none."""
    number = int(row) if row.isdigit() and row.isascii() else row_number(row) if row else 0
    digits = re.fullmatch(r"0*(\d{1,2})(?:\.0)?", column)
    if digits is None or not 1 <= number <= 32 or not 1 <= int(digits[1]) <= 48:
        return f"{row} {column}".strip()
    return format_well(number, int(digits[1]))


def _entries(lines: Sequence[tuple[int, dict[str, str]]], path: str) -> tuple[list[MapEntry], str, list[str]]:
    entries: dict[tuple[str, str], tuple[int, MapEntry]] = {}
    twice, unit = 0, ""
    controls = {line.get("control", "").strip().lower() for _, line in lines}
    for number, line in lines:
        text = line.get("well", "")
        if not text:
            if any(value for name, value in line.items() if name != "dose_unit"):
                raise ReadError(f"{path}: line {number} has no well.")
            continue
        row, column = well_position(text)
        if not row:
            raise ReadError(f"{path}: line {number}: {text!r} is no well; wells are A01 to AF48.")
        dose, dose_unit = _dose(line.get("dose", ""), line.get("dose_unit", ""), unit, f"{path}: line {number}")
        unit = unit or dose_unit
        entry = MapEntry(
            line.get("plate", ""), format_well(row, column), line.get("condition", ""), dose, line.get("replicate", ""),
            _control(line.get("control", ""), controls, f"{path}: line {number}"),
            {name.removeprefix("extra "): value for name, value in line.items() if name.startswith("extra ")},
        )  # fmt: skip
        key = (entry.plate, entry.well)
        if key in entries:
            before, other = entries[key]
            if other != entry:
                raise ReadError(
                    f"{path}: {entry.well} stands in line {before} and, otherwise, in line {number}; keep one."
                )
            twice += 1
        entries[key] = (number, entry)
    if not entries:
        raise ReadError(f"{path}: names no well.")
    notes = [f"Lines of the plate map that only repeat another one: {twice}."] if twice else []
    return [entry for _, entry in entries.values()], unit, notes


def _dose(text: str, column_unit: str, unit: str, where: str) -> tuple[float | None, str]:
    """Return a dose in the map's unit, and its unit."""
    if text.strip().lower() in ("", "-", "na", "n/a", "nan", "none"):
        return None, ""
    if (read := read_number(text)) is None:
        raise ReadError(f"{where}: dose {text!r} is no number.")
    value, own = read
    own = own or column_unit
    if value < 0 or value > 1e300:
        raise ReadError(f"{where}: dose {text!r} is below zero or endless.")
    if not unit or not own or own == unit or value == 0:
        return value, own
    factors = [_MOLAR.get(one.replace("µ", "u").replace("μ", "u").lower()) for one in (own, unit)]
    if factors[0] is None or factors[1] is None:
        raise ReadError(f"{where}: dose in {own!r} after doses in {unit!r}; write all in one unit.")
    return float(f"{value * factors[0] / factors[1]:.12g}"), unit


def _control(text: str, all_values: set[str], where: str) -> str:
    """Return "positive", "negative" or ""."""
    word = text.strip().lower()
    if word == "1" and "-1" not in all_values:
        raise ReadError(f"{where}: control is 1, which does not say which; write positive or negative (or 1 and -1).")
    if word in _NEITHER:
        return ""
    if word in _POSITIVE:
        return "positive"
    if word in _NEGATIVE:
        return "negative"
    raise ReadError(f"{where}: control {text!r} is not understood; write positive, negative, or nothing.")


def _gaps(entries: Sequence[MapEntry]) -> list[str]:
    """Say which wells between the first and the last of each plate have no line."""
    notes = []
    for plate in sorted({entry.plate for entry in entries}):
        there = {well_position(entry.well) for entry in entries if entry.plate == plate}
        rows, columns = {row for row, _ in there}, {column for _, column in there}
        gaps = sorted({(row, column) for row in rows for column in columns} - there)
        # a map of a few scattered wells has no shape that could have gaps
        if gaps and len(gaps) <= len(there):
            named = ", ".join(format_well(*gap) for gap in gaps[:6]) + (", ..." if len(gaps) > 6 else "")
            of = f" of {plate}" if plate else ""
            notes.append(f"The plate map{of} says nothing of wells inside of it: {named} ({len(gaps)} in all).")
        if plate_size(entry.well for entry in entries if entry.plate == plate) == 1536:
            largest = max((entry.well for entry in entries if entry.plate == plate), key=well_position)
            notes.append(f"The plate map reaches {largest}: a plate of 1,536 wells?")
    return notes


def apply_plate_map(images: Sequence[PlateImage], plate_map: PlateMap) -> tuple[list[PlateImage], list[str]]:
    """Return the images with condition, dose, replicate and control of their wells, and notes on what did not fit.

    Parameters
    ----------
    images : sequence of PlateImage
        With plate and well from their names.
    plate_map : PlateMap
        As `read_plate_map` returns it.

    Returns
    -------
    images : list of PlateImage
    notes : list of str
        The map's own, wells without a line, lines without an image.
    """
    done, used = [], set()
    lost: dict[tuple[str, str], None] = {}  # in their order
    entries = {(entry.plate, entry.well): entry for entry in plate_map.entries}
    for image in images:
        entry = entries.get((image.plate, image.well)) or entries.get(("", image.well))
        if entry is None:
            if image.well:
                lost[image.plate, image.well] = None
            done.append(image)
            continue
        used.add((entry.plate, entry.well))
        done.append(
            replace(image, condition=entry.condition, dose=entry.dose, replicate=entry.replicate, control=entry.control)
        )
    notes = list(plate_map.notes)
    if lost:
        notes.append(
            f"The plate map says nothing of wells that have images: {_some(_called(lost))} ({len(lost)} in all)."
        )
    unused = _called(key for key in entries if key not in used)
    if len(unused) == len(entries):
        notes.append("No well of the plate map has an image: do the names of plates and wells fit?")
    elif unused:
        notes.append(f"Wells of the plate map without an image: {_some(unused)} ({len(unused)} in all).")
    return done, notes


def _some(wells: Sequence[str]) -> str:
    return ", ".join(wells[:6]) + (", ..." if len(wells) > 6 else "")


def _called(wells: Iterable[tuple[str, str]]) -> list[str]:
    """Return wells by their plate, where there is one, and their name."""
    return [f"{plate} {well}".strip() for plate, well in wells]
