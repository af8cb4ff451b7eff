"""`LabelEditor`: labels that are being corrected by hand, one edit after the other, each at local cost and undoable.

It looks only at the boxes around the objects that an edit names, so correcting one object of ten thousand takes a few
milliseconds however large the image is. What an edit means stands in `granum.separate.edits`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.errors import GranumError
from granum.segment.components import label_components
from granum.separate.drawing import Runs, outline_runs, path_runs, runs_box, supercover_runs
from granum.separate.edit_checks import Edit, check_edit
from granum.separate.label_boxes import Box, LabelBoxes, fill_runs, join_boxes

__all__ = ["EditChange", "LabelEditor"]

_LARGEST = int(np.iinfo(np.int32).max)


@dataclass(frozen=True)
class EditChange:
    """What one edit changed.

    Parameters
    ----------
    dirty : tuple of int
        (y0, x0, y1, x1), half open, around all pixels that changed; all 0 when none did.
    new_labels : tuple of int
        Labels that came into being.
    """

    dirty: Box
    new_labels: tuple[int, ...] = ()


@dataclass
class _Undo:
    """What takes an edit back: the pixels as they were, and where the objects lay."""

    places: list[NDArray[np.int64]]
    values: list[NDArray[np.int32]]
    boxes: dict[int, tuple[Box, int] | None]
    edited: set[int]
    dirty: Box = (0, 0, 0, 0)


class LabelEditor:
    """Labels that are being corrected: applies edits one by one and takes the last ones back.

    Parameters
    ----------
    labels : (Y, X) ndarray of int32
        Changed in place; C-contiguous, may be a memory map.

    Attributes
    ----------
    edited : set of int
        Labels that were made or changed by hand and still exist.
    next_label : int
        The next new label: one more than the largest ever used, those that were taken back included.
    """

    def __init__(self, labels: NDArray[np.int32]) -> None:
        self.labels = labels
        self.boxes = LabelBoxes(labels)
        self.edited: set[int] = set()
        self.next_label = self.boxes.largest + 1
        self._floor = self.boxes.largest
        self._made: list[tuple[int, ...]] = []
        self._undo: list[_Undo] = []
        self._now = _Undo([], [], {}, set())

    @property
    def n_objects(self) -> int:
        """Number of objects."""
        return len(self.boxes)

    @property
    def n_edits(self) -> int:
        """Number of edits that can be taken back."""
        return len(self._undo)

    def apply(self, edit: Edit) -> EditChange:
        """Apply one edit; when it does not go, nothing has changed.

        Raises
        ------
        SettingError, GranumError
                As `edit_labels`.
        """
        checked = check_edit(edit)
        for label in checked.get("labels", ()):
            if label not in self.boxes:
                raise GranumError(f"labels: there is no object {label}; it was taken away or never existed.")
        self._now = _Undo([], [], {}, set(self.edited))
        try:
            made: tuple[int, ...] = getattr(self, f"_{checked['op']}")(checked)
        except GranumError:
            self._restore(self._now)
            raise
        for label in [*self._now.boxes]:
            if label in self.boxes:
                self.edited.add(label)
            else:
                self.edited.discard(label)
        self._undo.append(self._now)
        self._made.append(made)
        self.next_label = max(self.next_label, *(label + 1 for label in made)) if made else self.next_label
        return EditChange(self._now.dirty, made)

    def take_back(self) -> EditChange:
        """Take the last edit back.

        Raises
        ------
        GranumError
            When there is none.
        """
        if not self._undo:
            raise GranumError("there is no correction to take back.")
        undo = self._undo.pop()
        self._made.pop()
        self._restore(undo)
        return EditChange(undo.dirty)

    def _restore(self, undo: _Undo) -> None:
        flat = self.labels.reshape(-1)
        for places, values in zip(reversed(undo.places), reversed(undo.values), strict=True):
            flat[places] = values
        for label, known in undo.boxes.items():
            self.boxes.put(label, known)
        self.edited = undo.edited

    # ---------------------------------------------------------------------------------------- ops

    def _delete(self, edit: Edit) -> tuple[int, ...]:
        for label in edit["labels"]:
            box = self.boxes.box(label)
            self._write(box, self._window(box) == label, 0)
            self._know(label, None)
        return ()

    def _merge(self, edit: Edit) -> tuple[int, ...]:
        kept, *others = sorted(edit["labels"])
        whole, area = self.boxes.box(kept), self.boxes.area(kept)
        for label in others:
            box = self.boxes.box(label)
            self._write(box, self._window(box) == label, kept)
            whole, area = join_boxes(whole, box), area + self.boxes.area(label)
            self._know(label, None)
        self._know(kept, (whole, area))
        return ()

    def _split(self, edit: Edit) -> tuple[int, ...]:
        label = edit["labels"][0]
        box = self.boxes.box(label)
        own = self._window(box) == label
        cut = fill_runs(supercover_runs(edit["points"], self._shape), box)
        parts = label_components(own & ~cut, connectivity=2)
        if parts.max() < 2:
            raise GranumError(f"split: the line does not part object {label}; draw it right across the object.")
        _grow_into(parts, own)
        return self._name_parts(label, box, parts, np.ones(int(parts.max()) + 1, np.int64), self._first(edit))

    def _draw(self, edit: Edit) -> tuple[int, ...]:
        runs = self._shape_runs(edit)
        box = runs_box(runs)
        free = fill_runs(runs, box) & (self._window(box) == 0)
        if not free.any():
            raise GranumError("draw: there is no background under the drawing; erase or delete what is there first.")
        if edit.get("labels"):
            label = edit["labels"][0]
            self._write(box, free, label)
            self._look(label, join_boxes(box, self.boxes.box(label)))
            return ()
        label = self._take(self._first(edit))
        self._write(box, free, label)
        self._look(label, box)
        return (label,)

    def _erase(self, edit: Edit) -> tuple[int, ...]:
        runs = self._shape_runs(edit)
        box = runs_box(runs)
        window = self._window(box)
        gone = fill_runs(runs, box) & (window != 0)
        if edit.get("labels"):
            gone &= np.isin(window, edit["labels"])
        if not gone.any():
            raise GranumError("erase: there is no object under the path; nothing was erased.")
        touched = np.unique(window[gone]).tolist()
        # which pieces each object had before tells what has fallen apart, and what was apart already
        before = {}
        for label in touched:
            own = self.boxes.box(label)
            before[label] = own, label_components(self._window(own) == label, connectivity=2)
        self._write(box, gone, 0)
        made: tuple[int, ...] = ()
        first = self._first(edit)
        for label in touched:
            own, pieces = before[label]
            parts = label_components(self._window(own) == label, connectivity=2)
            owner = np.zeros(int(parts.max()) + 1, np.int64)
            owner[parts.ravel()] = pieces.ravel()  # every part lies in one former piece
            made += self._name_parts(label, own, parts, owner, first + len(made))
        return made

    def _fill(self, edit: Edit) -> tuple[int, ...]:
        filled = False
        for label in edit["labels"]:
            box = self.boxes.box(label)
            window = self._window(box)
            around = label_components(np.pad(window != label, 1, constant_values=True), connectivity=1)
            holes = (around[1:-1, 1:-1] > 1) & (window == 0)  # the first component is the outside, it has the corner
            if holes.any():
                filled = True
                self._write(box, holes, label)
                self._know(label, (box, self.boxes.area(label) + int(np.count_nonzero(holes))))
        if not filled:
            raise GranumError("fill: the objects have no holes of background.")
        return ()

    # ---------------------------------------------------------------------------------------- how

    @property
    def _shape(self) -> tuple[int, int]:
        return self.labels.shape[0], self.labels.shape[1]

    def _window(self, box: Box) -> NDArray[np.int32]:
        return self.labels[box[0] : box[2], box[1] : box[3]]

    def _shape_runs(self, edit: Edit) -> Runs:
        if edit["radius"] == 0:
            return outline_runs(edit["points"], self._shape)
        return path_runs(edit["points"], self._shape, radius=edit["radius"])

    def _first(self, edit: Edit) -> int:
        return int(edit.get("first", self.next_label))

    def _take(self, label: int) -> int:
        """Return a new label after making sure that nothing else has or had it."""
        if label > _LARGEST:
            raise GranumError(f"there are no labels left; {_LARGEST} is the largest.")
        if label <= self._floor or label in self.boxes or any(label in made for made in self._made):
            raise GranumError(f"first: label {label} is in use already.")
        return label

    def _name_parts(
        self, label: int, box: Box, parts: NDArray[np.int32], owner: NDArray[np.int64], first: int
    ) -> tuple[int, ...]:
        """Give new labels to all parts but the largest of each owner; return them."""
        areas = np.bincount(parts.ravel(), minlength=len(owner))
        kept: dict[int, int] = {}
        for part in range(1, len(owner)):
            best = kept.setdefault(int(owner[part]), part)
            if areas[part] > areas[best]:
                kept[int(owner[part])] = part
        found, position = np.unique(parts, return_index=True)
        others = [int(part) for part in found[np.argsort(position)] if part and part not in kept.values()]
        made = tuple(self._take(first + i) for i in range(len(others)))
        for name, part in zip(made, others, strict=True):
            self._write(box, parts == part, name)
            self._look(name, box)
        self._look(label, box)
        return made

    def _write(self, box: Box, where: NDArray[np.bool_], value: int) -> None:
        """Set pixels of a box, and remember what they were."""
        y, x = np.nonzero(where)
        if not len(y):
            return
        window = self._window(box)
        self._now.places.append((y + box[0]) * self.labels.shape[1] + (x + box[1]))
        self._now.values.append(window[y, x])
        window[y, x] = value
        here = box[0] + int(y[0]), box[1] + int(x.min()), box[0] + int(y[-1]) + 1, box[1] + int(x.max()) + 1
        self._now.dirty = join_boxes(self._now.dirty, here)

    def _look(self, label: int, box: Box) -> None:
        """Find an object anew; it lies in `box`."""
        self._know(label, self.boxes.find(label, box))

    def _know(self, label: int, known: tuple[Box, int] | None) -> None:
        self._now.boxes.setdefault(label, self.boxes.get(label))
        self.boxes.put(label, known)


@njit(nogil=True, cache=True)
def _grow_into(parts, own):  # type: ignore[no-untyped-def]
    """Give the pixels of `own` that have no part to the part that they touch, ring by ring, in place.

    Neighbours by an edge go before those by a corner, then the smaller part number.
    """
    height, width = parts.shape
    ys, xs = np.nonzero(own & (parts == 0))
    names = np.zeros(len(ys), np.int32)
    n = len(ys)
    while n > 0:
        for i in range(n):
            names[i] = 0
            for corner in (0, 1):
                for dy in (-1, 0, 1):
                    for dx in (-1, 0, 1):
                        y, x = ys[i] + dy, xs[i] + dx
                        if abs(dy) + abs(dx) != corner + 1 or y < 0 or y >= height or x < 0 or x >= width:
                            continue
                        part = parts[y, x]
                        if part > 0 and (names[i] == 0 or part < names[i]):
                            names[i] = part
                if names[i] > 0:
                    break
        left = 0
        for i in range(n):
            if names[i] > 0:
                parts[ys[i], xs[i]] = names[i]
            else:
                ys[left], xs[left] = ys[i], xs[i]
                left += 1
        if left == n:
            return
        n = left
