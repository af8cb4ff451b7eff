"""The tables of a run as CSV: UTF-8, one line feed per line, the same bytes for the same numbers.

Floats have seven significant digits (an empty cell is a value that does not exist), integers all their digits. Text
that a spreadsheet would run as a formula gets a leading apostrophe, which the readers take away again.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import OutputError, ReadError
from granum.image import PixelSize
from granum.object_table import COLUMNS, ObjectTable, named_columns
from granum.steps import Range

__all__ = [
    "format_cell",
    "join_csv",
    "read_images_csv",
    "read_objects_csv",
    "write_images_csv",
    "write_objects_csv",
    "write_table",
]

_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")
_FIRST_IMAGE_COLUMNS = ("file", "frame", "n_objects", "area_fraction", "threshold")
_LAST_IMAGE_COLUMNS = ("flags", "warnings")
_TEXT_COLUMNS = ("file", "flags", "warnings", "plate", "well", "field", "condition", "state")
_CHUNK = 65_536


def _format_text(text: str) -> str:
    """Return a text cell: guarded against formulas, without line breaks, quoted where CSV needs it."""
    text = " ".join(text.splitlines()) if "\n" in text or "\r" in text else text
    if text.startswith(_FORMULA_START):
        text = "'" + text
    if "," in text or '"' in text:
        text = '"' + text.replace('"', '""') + '"'
    return text


def format_cell(value: Any) -> str:
    """Return one value as it stands in a CSV cell.

    Parameters
    ----------
    value : object
        Number, bool, text, None, list (joined by ``|``) or dict (JSON).

    Returns
    -------
    cell : str
        Empty for None, NaN and infinities.
    """
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            return ""
        return f"{value:d}" if isinstance(value, int) else f"{float(value):.7g}"
    if isinstance(value, list | tuple):
        return _format_text("|".join(str(part) for part in value))
    if isinstance(value, dict):
        return _format_text(json.dumps(value, sort_keys=True, ensure_ascii=False))
    return _format_text(str(value))


def _column_format(values: NDArray[Any]) -> tuple[str, list[Any]]:
    """Return the %-format of one column and its values, so that a whole row is one formatting call."""
    kind = values.dtype.kind
    if kind in "iu":
        return "%d", values.tolist()
    if kind == "b":
        return "%s", ["true" if value else "false" for value in values.tolist()]
    if kind == "f":
        if not np.isfinite(values).all():
            return "%s", [f"{value:.7g}" if math.isfinite(value) else "" for value in values.tolist()]
        if values.size and (values == np.rint(values)).all() and np.abs(values).max() < 2**53:
            return "%d", values.tolist()  # a sum of grey levels keeps all its digits
        return "%.7g", (values + 0.0).tolist()  # + 0.0 turns -0 into 0
    known: dict[Any, str] = {}
    cells = []
    for value in values.tolist():
        if value not in known:
            known[value] = format_cell(value)
        cells.append(known[value])
    return "%s", cells


def write_objects_csv(
    path: str | Path,
    objects: ObjectTable,
    pixel_size: PixelSize | None = None,
    *,
    file: str,
    frame: int = 0,
    append: bool = False,
) -> None:
    """Write the objects of one image and frame, a row per object.

    Parameters
    ----------
    path : str or Path
        The CSV file; UTF-8, line feeds.
    objects : dict of (N,) ndarray
        Object table, lengths and areas in pixels. Its own `file` and `frame` columns, if any, give way to the settings.
    pixel_size : PixelSize or None
        Adds the physical columns, in its unit.
    file : str
        Name of the input file, the first column.
    frame : int
        Time point, the second column.
    append : bool
        Add rows to a file that has the same columns, instead of starting a new one.

    Raises
    ------
    OutputError
        When `append` is set and the file has other columns; write parts and use `join_csv`.

    Notes
    -----
    About 10 us per row of 40 columns.
    """
    path = Path(path)
    named = named_columns(objects, pixel_size)
    columns = {name: np.asarray(values) for name, values in named.items() if name not in ("file", "frame")}
    if "label" in columns:
        columns = {"label": columns["label"], **columns}
    header = ",".join(["file", "frame", *(_format_text(name) for name in columns)])
    start = f"{_format_text(file)},{int(frame)},".replace("%", "%%")
    formats, cells = zip(*map(_column_format, columns.values()), strict=True) if columns else ((), ())
    template = start + ",".join(formats) + "\n"
    rows = "".join([template % row for row in zip(*cells, strict=True)])
    if append and path.exists():
        with path.open(encoding="utf-8", newline="") as stream:
            there = stream.readline().rstrip("\n")
        if there != header:
            raise OutputError(f"{path.name}: cannot append, its columns are not the same ({there} / {header}).")
        with path.open("a", encoding="utf-8", newline="") as stream:
            stream.write(rows)
        return
    path.write_text(f"{header}\n{rows}", encoding="utf-8", newline="")


def write_table(path: str | Path, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write equally long columns under the names that they have.

    Parameters
    ----------
    path : str or Path
        The CSV file; UTF-8, line feeds.
    columns : dict of (N,) ndarray
        Numbers, bools or texts.
    """
    formats, cells = zip(*map(_column_format, columns.values()), strict=True) if columns else ((), ())
    template = ",".join(formats) + "\n"
    rows = "".join([template % row for row in zip(*cells, strict=True)])
    header = ",".join(map(_format_text, columns))
    Path(path).write_text(f"{header}\n{rows}", encoding="utf-8", newline="")


def write_images_csv(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a row per image and frame.

    Parameters
    ----------
    path : str or Path
        The CSV file; UTF-8, line feeds.
    rows : sequence of dict
        ``file``, ``frame``, ``n_objects``, ``area_fraction``, ``threshold`` ..., ``flags`` and ``warnings`` (lists are
        joined by ``|``). Rows may have different keys: the columns are all of them, empty where a row has none.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row)) or list(_FIRST_IMAGE_COLUMNS)
    first = [key for key in _FIRST_IMAGE_COLUMNS if key in keys]
    last = [key for key in _LAST_IMAGE_COLUMNS if key in keys]
    names = [*first, *(key for key in keys if key not in first + last), *last]
    lines = [",".join(_format_text(name) for name in names)]
    lines += [",".join(format_cell(row.get(name)) for name in names) for row in rows]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def _column_order(headers: Iterable[list[str]]) -> list[str]:
    """Return the union of the columns: schema order, then unknown ones in the order in which they appear."""
    seen = list(dict.fromkeys(name for header in headers for name in header))
    schema = list(COLUMNS)

    def rank(name: str) -> tuple[int, int]:
        bare = name if name in COLUMNS else name.rpartition("_")[0]
        first = {"file": -3, "frame": -2, "label": -1}
        known = schema.index(bare) if bare in COLUMNS else len(schema)
        return first.get(name, known), 0 if name.endswith("_px") or bare == name else 1

    return sorted(seen, key=rank)


def join_csv(path: str | Path, parts: Iterable[str | Path]) -> None:
    """Join tables into one, in order, without holding more than a row of them in memory.

    Parameters
    ----------
    path : str or Path
        The joined table.
    parts : iterable of paths
        Tables written by `write_objects_csv`; where some images have a pixel size and others none, or another unit, the
        joined table has all the columns and empty cells.
    """
    paths = [Path(part) for part in parts]
    headers = []
    for part in paths:
        with part.open(encoding="utf-8", newline="") as stream:
            headers.append(next(csv.reader(stream), []))
    names = headers[0] if headers and all(header == headers[0] for header in headers) else _column_order(headers)
    with Path(path).open("w", encoding="utf-8", newline="") as out:
        out.write(",".join(_format_text(name) for name in names) + "\n")
        for part, header in zip(paths, headers, strict=True):
            with part.open(encoding="utf-8", newline="") as stream:
                if header == names:
                    stream.readline()
                    shutil.copyfileobj(stream, out)
                    continue
                writer = csv.writer(out, lineterminator="\n")
                for row in csv.DictReader(stream):
                    writer.writerow([row.get(name, "") for name in names])


def _unguard(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA_START) else cell


def _read_column(cells: Sequence[str]) -> NDArray[Any]:
    """Return a column as int64, else float64 (empty = NaN), else bool, else text."""
    try:
        return np.array(list(map(int, cells)), dtype=np.int64)
    except (ValueError, OverflowError):
        pass
    try:
        return np.array([float(cell or "nan") for cell in cells], dtype=np.float64)
    except ValueError:
        pass
    if set(cells) <= {"true", "false"}:
        return np.array([cell == "true" for cell in cells], dtype=bool)
    return np.array([_unguard(cell) for cell in cells], dtype=object)


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            yield from csv.reader(stream)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReadError(f"{path}: cannot be read as a table ({error}).") from error


def _join_chunks(chunks: list[NDArray[Any]]) -> NDArray[Any] | None:
    """Return the chunks of a column as one array, or None when they are not of one kind."""
    kinds = {chunk.dtype.kind for chunk in chunks if chunk.size}
    if not kinds:
        return np.array([], dtype=np.int64)
    if len(kinds) > 1 and kinds != {"i", "f"}:
        return None
    return np.concatenate([chunk for chunk in chunks if chunk.size])


def read_objects_csv(
    path: str | Path, columns: Collection[str] | None = None, *, max_rows: Annotated[int, Range(0)] | None = None
) -> dict[str, NDArray[Any]]:
    """Read a table that granum wrote.

    Parameters
    ----------
    path : str or Path
        The CSV file.
    columns : collection of str, optional
        Columns to keep (those that are not there are left out); all by default.
    max_rows : int, optional
        Stop after so many rows; at least 0.

    Returns
    -------
    table : dict of (N,) ndarray
        int64, float64 with NaN for empty cells, bool or text (object) columns, under their written names
        (``area_px``, ``area_nm2``). `file`, `flags`, `warnings`, `state` and those of a place are always text.

    Raises
    ------
    ReadError
        When there is no such file, or a row has another number of cells than the header.

    Notes
    -----
    About 20 us per row of 40 columns; cells are turned into numbers 65,536 rows at a time, so memory goes with the
    columns that are kept.
    """
    table = _read_table(Path(path), columns, max_rows, _CHUNK)
    if table is None:  # a column looked like numbers at first: decide from all of it
        table = _read_table(Path(path), columns, max_rows, None)
    return table or {}


def _read_table(
    path: Path, columns: Collection[str] | None, max_rows: int | None, chunk: int | None
) -> dict[str, NDArray[Any]] | None:
    """Return the table; None when a column changes its kind from one chunk to another."""
    rows = _rows(path)
    header = next(rows, None)
    if header is None:
        raise ReadError(f"{path}: is empty; a table starts with a line of column names.")
    names = [_unguard(name) for name in header]
    wanted = [i for i, name in enumerate(names) if columns is None or name in columns]
    parts: dict[int, list[NDArray[Any]]] = {i: [] for i in wanted}
    known: dict[str, str] = {}
    numbered = enumerate(rows, start=2)
    while True:
        block = list(islice(numbered, chunk if max_rows is None else max(0, max_rows)))
        for line, row in block:
            if len(row) != len(names):
                raise ReadError(f"{path}: line {line} has {len(row)} cells, the header has {len(names)}.")
        for i in wanted:
            cells = [row[i] for _, row in block]
            if names[i] in _TEXT_COLUMNS:  # one string for all cells that are the same
                texts = [known.setdefault(cell, cell) for cell in map(_unguard, cells)]
                parts[i].append(np.array(texts, dtype=object))
            else:
                parts[i].append(_read_column(cells))
        if chunk is None or max_rows is not None or len(block) < chunk:
            break
    joined = {names[i]: _join_chunks(chunks) for i, chunks in parts.items()}
    if any(values is None for values in joined.values()):
        return None
    return {
        name: values.astype(object) if name in _TEXT_COLUMNS else values
        for name, values in joined.items()
        if values is not None
    }


def read_images_csv(path: str | Path) -> list[dict[str, Any]]:
    """Read images.csv as a list of rows; values as `read_objects_csv` gives them, None for an empty cell."""
    table = read_objects_csv(path)
    n = len(next(iter(table.values()), np.array([])))
    plain = {name: values.tolist() for name, values in table.items()}
    return [
        {
            name: None if values[i] == "" or (isinstance(values[i], float) and math.isnan(values[i])) else values[i]
            for name, values in plain.items()
        }
        for i in range(n)
    ]
