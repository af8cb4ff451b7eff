"""Plate maps that are drawn: numbers of columns above, letters of rows at the left, a block for each thing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from granum.errors import ReadError
from granum.plate.map_columns import kind_of_column
from granum.plate.table_text import read_number
from granum.plate.well_positions import format_well, row_number

__all__ = ["is_layout", "read_layouts"]

_SAYS = ("condition", "dose", "replicate", "control")


def _column_numbers(row: Sequence[str]) -> list[int]:
    """Return the numbers of the columns when this line is the head of a layout, else nothing."""
    cells = list(row[1:])
    while cells and not cells[-1]:
        cells.pop()
    if not cells or not all(re.fullmatch(r"0*[1-9]\d?", cell) for cell in cells):
        return []
    numbers = [int(cell) for cell in cells]
    return numbers if len(set(numbers)) == len(numbers) and max(numbers) <= 48 else []


def is_layout(table: Sequence[Sequence[str]]) -> bool:
    """Tell whether a table is a layout: a line of numbers, and below it lines that begin with the letter of a row."""
    first = next((row for row in table if row), [])
    if sum(bool(kind_of_column(cell)) for cell in first) > 1:  # a header with names
        return False
    return any(_column_numbers(above) and below and row_number(below[0]) for above, below in pairwise(table))


def read_layouts(table: Sequence[Sequence[str]], path: str) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Return (number of the line, name -> cell) for every well, and notes.

    Raises
    ------
    ReadError
        A row is on no plate, stands twice, is longer than the head, or a block does not say what its cells are.
    """
    wells: dict[str, tuple[int, dict[str, str]]] = {}
    notes: list[str] = []
    said: set[str] = set()
    title, kind, unit = "", "", ""
    columns: list[int] = []
    rows_seen: set[str] = set()
    for number, row in enumerate(table, 1):
        if not row:
            columns = []
        elif not (columns and row_number(row[0])) and (numbers := _column_numbers(row)):
            name = row[0] or title
            kind, unit = kind_of_column(name), _unit_of(name)
            if not kind and not name:
                kind = "condition"
            if kind not in _SAYS:
                kind = f"extra {name}"
            if kind in said:
                raise ReadError(f"{path}: line {number}: a second layout of {kind}; write in its corner what it is.")
            said.add(kind)
            columns, rows_seen, title = numbers, set(), ""
        elif columns and row_number(row[0]):
            letters = row[0].upper()
            if letters in rows_seen:
                raise ReadError(f"{path}: line {number}: row {letters} stands twice.")
            rows_seen.add(letters)
            if any(row[len(columns) + 1 :]):
                raise ReadError(f"{path}: line {number} has more cells than the line of column numbers above it.")
            for column, cell in zip(columns, row[1:], strict=False):
                if cell:
                    well = format_well(row_number(letters), column)
                    line = wells.setdefault(well, (number, {"well": well, "dose_unit": ""}))[1]
                    line[kind] = cell
                    if kind == "dose":
                        line["dose_unit"] = unit
        elif columns:
            raise ReadError(f"{path}: line {number}: {row[0]!r} is no row of a plate; rows are A to AF.")
        else:
            title = next(cell for cell in row if cell)
    conditions = [line["condition"] for _, line in wells.values() if "condition" in line]
    if conditions and "dose" not in said and all(read_number(text) for text in conditions):
        notes.append("The layout holds numbers, read as names of conditions; for doses write 'dose' in its corner.")
    unknown = [kind for kind in said if kind.startswith("extra ")]
    if "condition" not in said and len(unknown) == 1:  # "Cell line X" above the only layout is a title
        for _, line in wells.values():
            if unknown[0] in line:
                line["condition"] = line.pop(unknown[0])
    return [wells[well] for well in sorted(wells)], notes


def _unit_of(name: str) -> str:
    found = re.search(r"[(\[]\s*([^)\]]+?)\s*[)\]]", name)
    return found[1] if found else ""
