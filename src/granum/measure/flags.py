"""Quality flags of each object: what to know before trusting its size."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area
from granum.errors import ShapeError
from granum.measure.runs import ObjectRuns, find_runs, plain_labels
from granum.object_table import FLAGS, ObjectTable

__all__ = ["flag_edited", "flag_objects", "flags_of_runs"]


@njit(cache=True)
def _contacts_of(labels, area, rows, first, last):  # type: ignore[no-untyped-def]
    """Return whether one object touches (4 neighbours) what is not analysed, and whether it touches another object."""
    height, width = labels.shape
    value = labels[rows[0], first[0]]
    border = other = False
    for r in range(len(rows)):
        y, a, b = rows[r], first[r], last[r]
        border |= y == 0 or y == height - 1 or a == 0 or b == width - 1
        if a > 0:
            other |= labels[y, a - 1] != 0
        if b + 1 < width:
            other |= labels[y, b + 1] != 0
        for beside in (y - 1, y + 1):
            if 0 <= beside < height:
                for x in range(a, b + 1):
                    other |= (labels[beside, x] != 0) & (labels[beside, x] != value)
        if area.size > 0 and not border:  # not at the edge of the image, so all neighbours exist
            border |= not (area[y, a - 1] and area[y, b + 1])
            for x in range(a, b + 1):
                border |= not (area[y, x] & area[y - 1, x] & area[y + 1, x])
    return border, other


@njit(cache=True, parallel=True)
def _contacts(labels, area, start, rows, first, last, border, other):  # type: ignore[no-untyped-def]
    """Fill border (K,) and other (K,), see `_contacts_of`."""
    for k in prange(len(border)):
        s, e = start[k], start[k + 1]
        border[k], other[k] = _contacts_of(labels, area, rows[s:e], first[s:e], last[s:e])


def flags_of_runs(
    runs: ObjectRuns, labels: NDArray[np.int32], objects: ObjectTable, area: NDArray[np.bool_] | None
) -> NDArray[np.int32]:
    """Return the flag bits of objects given as runs, all arguments checked; see `flag_objects`."""
    border, other = np.zeros(len(runs), np.bool_), np.zeros(len(runs), np.bool_)
    analysed = np.zeros((0, 0), np.bool_) if area is None else area
    _contacts(labels, analysed, runs.start, runs.rows, runs.first, runs.last, border, other)
    never = np.zeros(len(runs), np.bool_)
    width = objects.get("feret_min", objects.get("minor_axis"))
    raised = {
        "touches_border": border,
        "was_split": other,
        "low_confidence": objects["confidence"] < 0.5 if "confidence" in objects else never,
        "saturated": objects["saturated_fraction"] > 0.01 if "saturated_fraction" in objects else never,
        "near_resolution_limit": never if width is None else width < 10,
    }
    flags = np.zeros(len(runs), np.int32)
    for name, is_raised in raised.items():
        flags |= np.where(is_raised, np.int32(FLAGS[name][0]), np.int32(0))
    return flags


def flag_objects(labels: ArrayLike, objects: ObjectTable, area: ArrayLike | None = None) -> NDArray[np.int32]:
    """Flag the objects whose size or shape must not be taken at face value.

    Parameters
    ----------
    labels : (Y, X) array_like of int
        0 is background; each other value is one object.
    objects : dict of (K,) ndarray
        Its table, one row per object in ascending label. Used where they are there: ``feret_min`` (else
        ``minor_axis``), ``confidence``, ``saturated_fraction``.
    area : (Y, X) array_like of bool, optional
        The analysed area.

    Returns
    -------
    flags : (K,) ndarray of int32
        Bits of `granum.object_table.FLAGS`; `granum.object_table.flag_names` turns them into words.

    Raises
    ------
    ShapeError
        When the table does not belong to the labels, or an array has the wrong shape.

    Notes
    -----
    ``touches_border``: a pixel lies on the edge of the image, outside the analysed area, or beside (4 neighbours) a
    pixel outside of it. ``was_split``: its 4-connected region of labelled pixels holds more than one object, which is
    the same as touching another object. ``low_confidence``: under 0.5. ``saturated``: more than 1 % of its pixels.
    ``near_resolution_limit``: narrower than 10 px.
    """
    checked = plain_labels(labels)
    runs = find_runs(checked)
    if "label" in objects and not np.array_equal(objects["label"], runs.values):
        raise ShapeError(
            f"objects: has {len(objects['label'])} rows that are not the {len(runs)} objects of labels in ascending "
            "order; measure both from the same labels."
        )
    return flags_of_runs(runs, checked, objects, check_area(area, checked.shape))


def flag_edited(objects: ObjectTable, edited: NDArray[np.bool_]) -> ObjectTable:
    """Return an object table in which the flag ``edited`` is set where `edited` (K,) says so.

    Raises
    ------
    ShapeError
        When there is not one value per row.
    """
    flags = objects.get("flags")
    if flags is None:
        return objects
    if len(flags) != len(edited):
        raise ShapeError(f"edited: has {len(edited)} values, the table has {len(flags)} rows.")
    bit = flags.dtype.type(FLAGS["edited"][0])
    return {**objects, "flags": np.where(edited, flags | bit, flags)}
