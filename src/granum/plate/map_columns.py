"""Which column of a plate map is what: labs write "Treatment", "Conc. (µM)", "Metadata_Well", "SBS_Doses"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from granum.errors import ReadError

__all__ = ["find_columns", "kind_of_column"]

_NAMES = {
    "well": {"well", "wells", "wellid", "wellname", "wellposition", "position", "metadatawell", "wellno", "wellnumber"},
    "row": {"row", "rows", "metadatarow", "wellrow"},
    "column": {"column", "columns", "col", "cols", "metadatacolumn", "metadatacol", "wellcolumn", "wellcol"},
    "plate": {"plate", "plates", "plateid", "platename", "metadataplate", "barcode", "platebarcode"},
    "condition": {
        "condition", "conditions", "treatment", "treatments", "compound", "compounds", "compoundname", "drug",
        "drugs", "group", "metadatacondition", "metadatatreatment", "metadatacompound", "substance",
    },
    "dose": {"dose", "doses", "concentration", "concentrations", "conc", "metadatadose", "metadataconcentration"},
    "replicate": {"replicate", "replicates", "rep", "repeat", "biorep", "biologicalreplicate", "metadatareplicate"},
    "control": {"control", "controls", "controltype", "metadatacontrol", "welltype", "ctrl"},
}  # fmt: skip
_INSIDE = ("well", "row", "column", "plate", "condition", "dose", "concentration", "replicate", "control")
_UNIT = re.compile(r"[(\[]\s*([^)\]]+?)\s*[)\]]|[_ ](µM|μM|uM|nM|mM|pM|M|µg/mL|ug/ml|ng/ml|mg/ml|%)$")


def kind_of_column(header: str) -> str:
    """Return what a column is by its name, "" where nothing is known of it."""
    plain = re.sub(r"[^a-z0-9]", "", _UNIT.sub("", header).lower())
    return next((kind for kind, names in _NAMES.items() if plain in names), "")


def _part_of_name(header: str) -> str:
    """Return what a column is when one word of its name says it: "SBS_Doses"."""
    words = [word for word in re.split(r"[^a-z0-9]+", _UNIT.sub("", header).lower()) if word]
    kinds = {kind_of_column(word) for word in words if word.rstrip("s") in _INSIDE or word in ("conc", "doses")} - {""}
    return kinds.pop() if len(kinds) == 1 else ""


def find_columns(header: Sequence[str], path: str) -> tuple[dict[str, int], str]:
    """Return kind of column -> its place, and the unit of the doses.

    Raises
    ------
    ReadError
        There is no column of wells, or two columns of one kind.
    """
    columns: dict[str, int] = {}
    for position, name in enumerate(header):
        if kind := kind_of_column(name):
            if kind in columns:
                raise ReadError(
                    f"{path}: columns {header[columns[kind]]!r} and {name!r} are both the {kind}; keep one."
                )
            columns[kind] = position
    parts = [
        (position, kind)
        for position, name in enumerate(header)
        if (kind := _part_of_name(name)) and kind not in columns
    ]
    for position, kind in parts:
        if sum(other == kind for _, other in parts) == 1 and position not in columns.values():
            columns[kind] = position
    if "well" in columns:  # "row" and "column" beside it say the same
        columns = {kind: place for kind, place in columns.items() if kind not in ("row", "column")}
    elif not {"row", "column"} <= columns.keys():
        named = ", ".join(name for name in header if name)[:120]
        raise ReadError(f"{path}: has no column 'well' (nor 'row' and 'column'); its columns are {named}.")
    unit = ""
    if "dose" in columns and (found := _UNIT.search(header[columns["dose"]])):
        unit = found[1] or found[2]
    return columns, unit
