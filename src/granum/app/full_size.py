"""What was found on an image that was made smaller, told in pixels of the full image."""

from __future__ import annotations

from typing import Any

import numpy as np

from granum.choice import Choice
from granum.object_table import COLUMNS, FLAGS, ObjectTable

__all__ = ["full_choice", "full_objects"]

_LENGTHS, _AREAS = {"smoothing_px", "spot_scale_px", "scale_bar_px", "info_bar_rows", "sigma"}, {"left_out_px"}
_AREAS |= {"invalid_px"}


def full_objects(objects: ObjectTable, level: int) -> ObjectTable:
    """Return the table of a halved image in pixels of the full one."""
    if level == 0:
        return objects
    scale = 2**level
    full: ObjectTable = {}
    for name, values in objects.items():
        quantity = COLUMNS[name].quantity if name in COLUMNS else "text"
        if quantity == "position":
            full[name] = (values + 0.5) * scale - 0.5
        elif quantity == "length":
            full[name] = values * scale
        elif quantity == "area" or name == "intensity_sum":
            full[name] = values * scale**2
        else:
            full[name] = values
    if "feret_min" in full and "flags" in full:  # ten pixels of the full image, not of the preview
        bit = FLAGS["near_resolution_limit"][0]
        full["flags"] = np.where(full["feret_min"] < 10, full["flags"] | bit, full["flags"] & ~bit)
    return full


def full_choice(choice: Choice, level: int) -> Choice:
    """Return a choice with its lengths in pixels of the full image; its sentence cannot be scaled, so it says so."""
    if level == 0:
        return choice
    note = f" (Lengths in this sentence are pixels of a preview that is {2**level} times smaller.)"
    return Choice(
        choice.about,
        _full_values(choice.chosen, level),
        choice.reason + note,
        [_full_values(row, level) for row in choice.candidates],
    )


def _full_values(values: dict[str, Any], level: int) -> dict[str, Any]:
    def scaled(value: Any, factor: int) -> Any:
        if isinstance(value, list):
            return [scaled(item, factor) for item in value]
        return value * factor if isinstance(value, int | float) and not isinstance(value, bool) else value

    factors = dict.fromkeys(_LENGTHS | {"lettering_boxes"}, 2**level) | dict.fromkeys(_AREAS, 4**level)
    return {key: scaled(value, factors.get(key, 1)) for key, value in values.items()}
