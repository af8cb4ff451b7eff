"""An object table as the page gets it: the columns of objects.csv and the summary of images.csv."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.run_messages import ColumnInfo, ObjectTableBody
from granum.batch.item import summarise_in_unit
from granum.image import PixelSize
from granum.object_table import COLUMNS, ObjectTable, named_columns

__all__ = ["describe_column", "make_object_body"]

_UNIT = re.compile(r"_(px|nm2?|um2?|mm2?)$")


def make_object_body(
    objects: ObjectTable | None, pixel_size: PixelSize | None, n_pixels: int, version: int = 0
) -> ObjectTableBody:
    """Return the body of an object table.

    Parameters
    ----------
    objects : dict of (K,) ndarray or None
        Lengths and areas in pixels; None where a recipe measures nothing.
    pixel_size : PixelSize or None
        Adds the physical columns, in its unit.
    n_pixels : int
        Analysed pixels, for densities and shares.
    version : int
        Changes when the table does.
    """
    if objects is None:
        return ObjectTableBody(n_objects=0, version=version, columns=[], summary={})
    columns = [
        describe_column(name, _plain(values))
        for name, values in named_columns(objects, pixel_size).items()
        if name not in ("file", "frame")
    ]
    columns.sort(key=lambda column: column.name != "label")
    n = len(next(iter(objects.values()), ()))
    summary = summarise_in_unit(objects, n_pixels, pixel_size) if n_pixels else {}
    return ObjectTableBody(n_objects=n, version=version, columns=columns, summary=summary)


def describe_column(name: str, values: list[Any]) -> ColumnInfo:
    """Return a column with its unit and meaning, told from the name that it has in objects.csv."""
    found = _UNIT.search(name)
    bare = name[: found.start()] if found else name
    about = COLUMNS.get(bare)
    unit = found[1] if found else {"position": "px", "angle": "degrees"}.get(about.quantity if about else "", "")
    if unit == "px" and about is not None and about.quantity == "area":
        unit = "px2"
    return ColumnInfo(name=name, unit=unit, meaning=about.meaning if about is not None else "", values=values)


def _plain(values: NDArray[Any]) -> list[Any]:
    """Return a column in JSON types: floats with seven digits as in objects.csv, None for what does not exist."""
    if values.dtype.kind != "f":
        listed: list[Any] = values.tolist()
        return listed
    if np.isfinite(values).all() and (values == np.rint(values)).all() and np.abs(values).max(initial=0) < 2**53:
        return [float(value) for value in values.tolist()]  # a sum of grey levels keeps all its digits, as there
    return [float(f"{value:.7g}") if np.isfinite(value) else None for value in values.tolist()]
