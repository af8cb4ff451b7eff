"""Names of wells: "b3", "B03" and (2, 3) are the same well, written "B03" everywhere; plates of 6 to 1,536 wells."""

from __future__ import annotations

import re
from collections.abc import Iterable

from granum.errors import SettingError

__all__ = ["format_well", "plate_size", "well_position"]

LAST_ROW, LAST_COLUMN = 32, 48  # of a 1,536-well plate: AF48
_SHAPES = {6: (2, 3), 12: (3, 4), 24: (4, 6), 48: (6, 8), 96: (8, 12), 384: (16, 24), 1536: (32, 48)}
_WELL = re.compile(r"\s*([A-Za-z]{1,2})\s*[-_ ]?\s*0*([0-9]{1,2})\s*", re.ASCII)


def row_number(letters: str) -> int:
    """Return the row of its letters, A = 1, Z = 26, AA = 27, AF = 32; 0 where there is no such row."""
    number = 0
    for letter in letters.strip().upper():
        if not "A" <= letter <= "Z":
            return 0
        number = number * 26 + ord(letter) - ord("A") + 1
    return number if number <= LAST_ROW else 0


def format_well(row: int, column: int) -> str:
    """Return the name of a well, as in "B03" and "AF48".

    Parameters
    ----------
    row, column : int
        From 1, up to 32 and 48.

    Raises
    ------
    SettingError
        No plate has such a well.

    Examples
    --------
    >>> format_well(2, 3), format_well(32, 48)
    ('B03', 'AF48')
    """
    if not (1 <= row <= LAST_ROW and 1 <= column <= LAST_COLUMN):
        raise SettingError(f"well: row {row}, column {column} is on no plate; rows go to AF (32), columns to 48.")
    letters = chr(ord("A") + row - 1) if row <= 26 else "A" + chr(ord("A") + row - 27)
    return f"{letters}{column:02d}"


def well_position(well: str) -> tuple[int, int]:
    """Return row and column of a well, counted from 1; (0, 0) where the text is the name of no well.

    Examples
    --------
    >>> well_position("b3"), well_position("AF48"), well_position("AG1"), well_position("control")
    ((2, 3), (32, 48), (0, 0), (0, 0))
    """
    if (found := _WELL.fullmatch(well)) is None:
        return 0, 0
    row, column = row_number(found[1]), int(found[2])
    return (row, column) if row and 1 <= column <= LAST_COLUMN else (0, 0)


def plate_size(wells: Iterable[str]) -> int:
    """Return the size of the smallest usual plate that has all these wells: 6, 12, 24, 48, 96, 384 or 1,536.

    Examples
    --------
    >>> plate_size(["A01", "H12"]), plate_size(["I01"])
    (96, 384)
    """
    positions = [well_position(well) for well in wells]
    rows, columns = max((p[0] for p in positions), default=0), max((p[1] for p in positions), default=0)
    return next(size for size, (height, width) in _SHAPES.items() if rows <= height and columns <= width)
