"""Where each object of a label image lies: found in one pass, kept up to date while single objects change.

Labels may be few and far apart (2**24 + 1 is a label like any other), so nothing here is as long as the largest label.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.separate.drawing import Runs

__all__ = ["Box", "LabelBoxes", "close_gaps", "fill_runs", "join_boxes"]

Box = tuple[int, int, int, int]
"""(y0, x0, y1, x1), half open."""


class LabelBoxes:
    """Bounding box and area of every object.

    Parameters
    ----------
    labels : (Y, X) ndarray of int32
        0 is background.
    """

    def __init__(self, labels: NDArray[np.int32]) -> None:
        self._labels = labels
        rows, first, last, names = _list_runs(labels, _count_runs(labels))
        values, group = np.unique(names, return_inverse=True)
        boxes, areas = _box_runs(rows, first, last, group.reshape(-1), len(values))
        self._known: dict[int, tuple[Box, int]] = {
            label: (tuple(box), area)
            for label, box, area in zip(values.tolist(), boxes.tolist(), areas.tolist(), strict=True)
        }
        self.largest = int(values[-1]) if len(values) else 0

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, label: int) -> bool:
        return label in self._known

    def values(self) -> NDArray[np.int32]:
        """Return all labels, ascending."""
        return np.sort(np.fromiter(self._known, np.int32, len(self._known)))

    def box(self, label: int) -> Box:
        """Return the bounding box of an object that exists."""
        return self._known[label][0]

    def area(self, label: int) -> int:
        """Return the number of pixels of an object that exists."""
        return self._known[label][1]

    def get(self, label: int) -> tuple[Box, int] | None:
        """Return box and area, or None."""
        return self._known.get(label)

    def put(self, label: int, known: tuple[Box, int] | None) -> None:
        """Set box and area; None when the object is gone."""
        if known is None:
            self._known.pop(label, None)
        else:
            self._known[label] = known

    def find(self, label: int, box: Box) -> tuple[Box, int] | None:
        """Return box and area of an object by looking inside `box`."""
        own = self._labels[box[0] : box[2], box[1] : box[3]] == label
        rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
        if not len(rows):
            return None
        y, x = box[0], box[1]
        around = y + int(rows[0]), x + int(columns[0]), y + int(rows[-1]) + 1, x + int(columns[-1]) + 1
        return around, int(np.count_nonzero(own))


def join_boxes(one: Box, other: Box) -> Box:
    """Return the box around two boxes; an empty one counts for nothing."""
    if one[2] <= one[0]:
        return other
    if other[2] <= other[0]:
        return one
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def fill_runs(runs: Runs, box: Box) -> NDArray[np.bool_]:
    """Return the part of runs that lies in a box as a mask of the box."""
    mask = np.zeros((max(box[2] - box[0], 0), max(box[3] - box[1], 0)), np.bool_)
    _fill(mask, *runs, box[0], box[1])
    return mask


def close_gaps(labels: NDArray[np.int32], values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return labels numbered 1..K in the order of `values`, which are all labels that there are, ascending."""
    numbered: NDArray[np.int32] = _renumber(labels, values)
    return numbered


@njit(nogil=True, cache=True)
def _count_runs(labels: Any) -> Any:
    n = 0
    for y in range(labels.shape[0]):
        row = labels[y]
        n += row[0] != 0
        for x in range(1, len(row)):
            n += (row[x] != row[x - 1]) & (row[x] != 0)
    return n


@njit(nogil=True, cache=True)
def _list_runs(labels: Any, n: Any) -> Any:
    rows, first, last = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    names = np.empty(n, np.int32)
    place = -1
    for y in range(labels.shape[0]):
        row = labels[y]
        previous = np.int32(0)
        for x in range(len(row)):
            value = row[x]
            if value != previous:
                if previous != 0:
                    last[place] = x - 1
                if value != 0:
                    place += 1
                    rows[place], first[place], names[place] = y, x, value
                previous = value
        if previous != 0:
            last[place] = len(row) - 1
    return rows, first, last, names


@njit(nogil=True, cache=True)
def _box_runs(rows: Any, first: Any, last: Any, group: Any, n: Any) -> Any:
    boxes, areas = np.zeros((n, 4), np.int64), np.zeros(n, np.int64)
    for r in range(len(rows)):
        box = boxes[group[r]]
        if areas[group[r]] == 0:
            box[0], box[1] = rows[r], first[r]
        box[1] = min(box[1], first[r])
        box[2], box[3] = rows[r] + 1, max(box[3], last[r] + 1)
        areas[group[r]] += last[r] - first[r] + 1
    return boxes, areas


@njit(nogil=True, cache=True)
def _fill(mask: Any, rows: Any, first: Any, last: Any, top: Any, left: Any) -> None:
    height, width = mask.shape
    for r in range(len(rows)):
        y = rows[r] - top
        if 0 <= y < height:
            mask[y, max(first[r] - left, 0) : max(min(last[r] - left + 1, width), 0)] = True


@njit(nogil=True, cache=True)
def _renumber(labels: Any, values: Any) -> Any:
    numbered = np.empty(labels.shape, np.int32)
    previous, name = np.int32(0), np.int32(0)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            value = labels[y, x]
            if value != previous:
                previous = value
                name = np.int32(0) if value == 0 else np.int32(np.searchsorted(values, value) + 1)
            numbered[y, x] = name
    return numbered
