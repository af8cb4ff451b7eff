"""Names of classes that lie beside strokes: `classes.csv` or `classes.json`, or inside a TIFF that granum wrote."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from granum.errors import ReadError, SettingError
from granum.learn.scribble_checks import check_classes
from granum.learn.scribbles import PixelClass

__all__ = ["CLASS_FILES", "classes_of_json", "find_classes", "read_classes"]

CLASS_FILES = ("classes.csv", "classes.json")
_MOST_BYTES = 1 << 20
_COLOUR = re.compile(r"#?([0-9a-fA-F]{6})")
_HOW = "write one class per line as id,name,colour, such as 1,grain,#e69f00"


def find_classes(folder: Path) -> tuple[PixelClass, ...]:
    """Return the classes that a folder of strokes names, none when it has no list.

    Raises
    ------
    ReadError
        When the list cannot be read, or there are two.
    """
    found = [folder / name for name in CLASS_FILES if (folder / name).is_file()]
    if len(found) > 1:
        raise ReadError(f"{folder}: has both {found[0].name} and {found[1].name}; keep the one that is right.")
    return read_classes(found[0]) if found else ()


def read_classes(path: str | Path) -> tuple[PixelClass, ...]:
    """Return the classes of a list, sorted by id.

    Parameters
    ----------
    path : str or Path
        CSV with the columns id, name and, if wanted, colour (with or without a line of headings; comma, semicolon or
        tab); or JSON: a list of objects with ``id``, ``name``, ``colour``, an object ``{"1": "grain"}``, or either of
        them under the key ``classes``.

    Raises
    ------
    ReadError
        When it is none of these, or an id or a name stands there twice.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ReadError(f"{path}: is too large for a list of classes; {_HOW}.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except UnicodeDecodeError:
        raise ReadError(f"{path}: is not UTF-8 text; save it as UTF-8.") from None
    try:
        rows = _json_rows(text) if path.suffix.lower() == ".json" else _csv_rows(text)
        classes = tuple(sorted(_make_class(*row) for row in rows))
        check_classes(classes)
    except (ValueError, TypeError, SettingError) as error:
        raise ReadError(f"{path}: is no list of classes ({error}); {_HOW}.") from None
    if not classes:
        raise ReadError(f"{path}: names no class; {_HOW}.")
    return classes


def classes_of_json(value: Any) -> tuple[PixelClass, ...]:
    """Return the classes of what JSON gave, () when it is no list of classes."""
    try:
        return tuple(sorted(_make_class(*row) for row in _rows_of(value)))
    except (ValueError, TypeError, SettingError):
        return ()


def _json_rows(text: str) -> list[tuple[str, str, str]]:
    return _rows_of(json.loads(text))


def _rows_of(value: Any) -> list[tuple[str, str, str]]:
    if isinstance(value, dict) and "classes" in value:
        value = value["classes"]
    if isinstance(value, dict):
        return [(str(id), str(name), "") for id, name in value.items()]
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("it is neither a list nor an object")
    missing = [key for one in value for key in ("id", "name") if key not in one]
    if missing:
        raise ValueError(f"a class has no {missing[0]!r}")
    return [(str(one["id"]), str(one["name"]), str(one.get("colour") or one.get("color") or "")) for one in value]


def _csv_rows(text: str) -> Iterable[tuple[str, str, str]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter)]
    rows = [row for row in rows if any(row)]
    order = [0, 1, 2]
    if rows and not rows[0][0].isdecimal():
        heads = [head.lower().replace("color", "colour") for head in rows.pop(0)]
        if "id" not in heads or "name" not in heads:
            raise ValueError(f"its headings are {', '.join(heads)}")
        order = [heads.index("id"), heads.index("name"), heads.index("colour") if "colour" in heads else len(heads)]
    for number, row in enumerate(rows, 1):
        if len(row) < 2 or max(order[:2]) >= len(row):
            raise ValueError(f"class {number} has {len(row)} columns")
        yield row[order[0]], row[order[1]], row[order[2]] if order[2] < len(row) else ""


def _make_class(id: str, name: str, colour: str) -> PixelClass:
    if not id.isdecimal():
        raise ValueError(f"the id {id!r} is no whole number")
    if not name:
        raise ValueError(f"class {id} has no name")
    found = _COLOUR.fullmatch(colour) if colour else None
    if colour and found is None:
        raise ValueError(f"the colour {colour!r} of {name!r} is not like #e69f00")
    return PixelClass(int(id), name, f"#{found[1].lower()}" if found else "")
