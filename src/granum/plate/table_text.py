"""Tables as spreadsheets write them: any delimiter, any encoding of Excel, numbers with a decimal comma."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path

from granum.errors import ReadError

__all__ = ["decode_table", "read_number", "read_table"]

_LARGEST = 16 * 2**20
_SPREADSHEETS = {".xlsx", ".xls", ".xlsm", ".ods", ".numbers"}
_NUMBER = re.compile(r"([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s.,+-].*)?")


def read_table(path: str | Path) -> tuple[list[list[str]], list[str]]:
    """Return the cells of a CSV or TSV file, without blanks around them, and notes on how it was read.

    Empty lines stay, as empty lists: they part the blocks of a layout.

    Raises
    ------
    ReadError
        The file is missing, a spreadsheet, too large, or not text.
    """
    path = Path(path)
    if path.suffix.lower() in _SPREADSHEETS:
        raise ReadError(f"{path}: is a spreadsheet; save it as CSV (or tab-separated text) first.")
    try:
        if path.stat().st_size > _LARGEST:
            raise ReadError(f"{path}: has {path.stat().st_size} bytes, no plate map is that large.")
        content = path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror}).") from error
    text, notes = decode_table(content, path)
    lines = text.splitlines()
    delimiter = None
    if lines and (given := re.fullmatch(r'"?sep=(.)"?', lines[0].strip(), re.IGNORECASE)):
        delimiter, text = given[1], "\n".join(lines[1:])
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or _delimiter(text)))
    except csv.Error as error:
        raise ReadError(f"{path}: is no table ({error}).") from error
    table = [[cell.strip() for cell in row] for row in rows]
    return [row if any(row) else [] for row in table], notes


def decode_table(content: bytes, path: Path) -> tuple[str, list[str]]:
    """Return the text of a table, and notes on how it was read.

    Raises
    ------
    ReadError
        When it is not text.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            try:
                return content.decode(encoding), []
            except UnicodeDecodeError as error:
                raise ReadError(f"{path}: is damaged text ({error.reason}).") from error
    if b"\x00" in content:
        raise ReadError(f"{path}: is not a text file; save the plate map as CSV.")
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), [
            "Letters were read as Windows-1252; save it as UTF-8 to be sure."
        ]


def _delimiter(text: str) -> str:
    """Return the delimiter that gives the first lines the most equal cells: tab, semicolon or comma."""
    lines = [line for line in text.splitlines() if line.strip()][:50]
    best, delimiter = (0, 0), ","
    for candidate in ("\t", ";", ","):
        counts = [len(row) for row in csv.reader(lines, delimiter=candidate)]
        if counts and max(counts) > 1:
            usual = max(set(counts), key=lambda count: (counts.count(count), count))
            if usual > 1 and (counts.count(usual), usual) > best:
                best, delimiter = (counts.count(usual), usual), candidate
    return delimiter


def read_number(text: str) -> tuple[float, str] | None:
    """Return a number and the unit behind it ("0,5 µM" is 0.5 and "µM"); None where the text is none.

    A comma is the decimal sign, as spreadsheets write it where the semicolon parts the cells; "1,000" is refused for
    that reason.
    """
    cleaned = text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2212", "-").strip()
    if (found := _NUMBER.fullmatch(cleaned)) is None or re.match(r"[+-]?[1-9]\d{0,2}(,\d{3})+(?!\d)", cleaned):
        return None
    return float(found[1].replace(",", ".")), (found[2] or "").strip()
