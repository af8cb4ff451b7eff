"""What an edit must look like: the door that every correction by hand goes through, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from granum.errors import SettingError

__all__ = ["Edit", "check_edit"]

Edit = Mapping[str, Any]
"""One correction; see `granum.separate.edits`."""
_LARGEST = int(np.iinfo(np.int32).max)
_N_LABELS: dict[str, tuple[int, int | None]] = {
    "delete": (1, None),
    "merge": (2, None),
    "split": (1, 1),
    "draw": (0, 1),
    "erase": (0, None),
    "fill": (1, None),
}
_N_POINTS = {"split": 2, "draw": 1, "erase": 1}


def check_edit(edit: Any) -> dict[str, Any]:
    """Return an edit with plain values and without keys that its op has no use for.

    Raises
    ------
    SettingError
        When it is no dict, has unknown keys, or values that do not fit.
    """
    if not isinstance(edit, Mapping):
        raise SettingError(f"an edit must be a dict such as {{'op': 'delete', 'labels': [3]}}, not {edit!r:.80}.")
    unknown = [key for key in edit if key not in ("op", "labels", "points", "radius", "first")]
    if unknown:
        raise SettingError(f"{unknown[0]!r:.80}: is no key of an edit; there are op, labels, points, radius, first.")
    op = edit.get("op")
    if op not in _N_LABELS:
        raise SettingError(f"op: {op!r:.80} is not one of {', '.join(_N_LABELS)}.")
    checked: dict[str, Any] = {"op": op}
    labels = edit.get("labels") or []
    if not isinstance(labels, list | tuple) or not all(_is_label(label) for label in labels):
        raise SettingError("labels: must be a list of whole numbers from 1.")
    labels = list(dict.fromkeys(int(label) for label in labels))
    least, most = _N_LABELS[op]
    if len(labels) < least or (most is not None and len(labels) > most):
        needed = f"{least} or more" if most is None else f"{least}" if least == most else f"at most {most}"
        raise SettingError(f"labels: {op} needs {needed}, there are {len(labels)}.")
    if labels:
        checked["labels"] = labels
    if op in _N_POINTS:
        radius = edit.get("radius", 0.0)
        if isinstance(radius, bool) or not isinstance(radius, int | float) or not 0 <= radius <= 1e5:
            raise SettingError(f"radius: {radius!r:.80} must be a number of pixels from 0 to 100000.")
        least = 3 if op != "split" and radius == 0 else _N_POINTS[op]
        checked["points"] = _check_points(edit.get("points") or [], least, op)
        if op != "split":
            checked["radius"] = float(radius)
    if edit.get("first") is not None:
        if not _is_label(edit["first"]):
            raise SettingError(f"first: {edit['first']!r:.80} must be a whole number from 1.")
        checked["first"] = int(edit["first"])
    return checked


def _is_label(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and 1 <= int(value) <= _LARGEST


def _check_points(points: Any, least: int, op: str) -> list[list[float]]:
    if not isinstance(points, list | tuple | np.ndarray) or len(points) < least:
        raise SettingError(f"points: {op} needs a list of at least {least} pairs [y, x].")
    array = np.asarray([[*map(float, pair)] for pair in points if _is_pair(pair)])
    if array.shape != (len(points), 2) or not (np.abs(array) <= 1e7).all():
        raise SettingError("points: must be pairs [y, x] of finite numbers.")
    return [[float(y), float(x)] for y, x in array]


def _is_pair(pair: Any) -> bool:
    return (
        isinstance(pair, list | tuple | np.ndarray)
        and len(pair) == 2
        and all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in pair)
    )
