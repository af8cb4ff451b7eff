"""`FrameEdits`: the corrections by hand of one frame of a run, in a journal, with undo and redo for every author.

The state is the run's own labels with all active edits applied in the order in which they were made. Undo makes one
inactive, redo active again at its old place; what came after it is applied anew. Where that cannot be (an object that a
later edit needs would not be there) the undo is refused and nothing changes. Every edit keeps the labels that it gave
(`first`), so labels mean the same objects as long as the journal lives.

What cannot be written is taken back. The first record says which labels the journal belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.journal import Journal
from granum.app.problems import Problem
from granum.app.run_messages import EditAck, EditRequest
from granum.errors import GranumError
from granum.separate.edit_checks import check_edit
from granum.separate.label_boxes import Box, join_boxes
from granum.separate.label_editor import LabelEditor

__all__ = ["EditLog", "FrameEdits"]

_NOTHING: Box = (0, 0, 0, 0)


@dataclass(eq=False)
class _Act:
    id: str
    author: str
    edit: dict[str, Any]
    active: bool = True


class EditLog:
    """What a journal of edits says, without any pixels: enough to list runs and to write the edits down.

    Parameters
    ----------
    path : Path
        The journal; it need not exist.
    read_only : bool
        Nothing can be written.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.journal = Journal(path, read_only=read_only)
        self.acts: list[_Act] = []
        self.redo: dict[str, list[_Act]] = {}
        self.base: int | None = None
        self.n_objects: int | None = None
        self.next_label = 0
        self.version = 0
        for record in self.journal.records:
            self.follow(record)

    def follow(self, record: dict[str, Any]) -> None:
        """Take a record into account."""
        self.version += 1
        if record["do"] == "base":
            self.base = int(record["check"])
            return
        self.n_objects = record.get("n_objects")
        self.next_label = max(self.next_label, int(record.get("next", 0)))
        if record["do"] == "edit":
            self.acts.append(_Act(record["id"], record["author"], record["edit"]))
            self.redo[record["author"]] = []
            return
        act = next(act for act in self.acts if act.id == record["act"])
        act.active = record["do"] == "redo"
        waiting = self.redo.setdefault(act.author, [])
        if act.active:
            waiting.remove(act)
        else:
            waiting.append(act)

    @property
    def active(self) -> list[_Act]:
        """The edits that count, in their order."""
        return [act for act in self.acts if act.active]

    def last_of(self, author: str) -> _Act | None:
        """Return the edit that an author would take back."""
        return next((act for act in reversed(self.acts) if act.active and act.author == author), None)

    def next_of(self, author: str) -> _Act | None:
        """Return the edit that an author would redo."""
        waiting = self.redo.get(author)
        return waiting[-1] if waiting else None


class FrameEdits:
    """The labels of one frame with their corrections.

    Parameters
    ----------
    labels : (Y, X) ndarray of int32
        Of the run; changed in place.
    check : int
        Number that tells these labels from others.
    log : EditLog
        What was done so far.

    Raises
    ------
    Problem
        409 "changed" when the journal belongs to other labels, or does not go with them.

    Notes
    -----
    Not for several threads at once: whoever shares it has a lock.
    """

    def __init__(self, labels: NDArray[np.int32], check: int, log: EditLog) -> None:
        if log.base is not None and log.base != check:
            raise Problem(
                409,
                "changed",
                f"the result has changed since it was corrected; its {len(log.active)} corrections are kept in"
                f" {log.journal.path.name}, but do not fit any more.",
            )
        self.log = log
        self._check = check
        self._editor = LabelEditor(labels)
        self._applied: list[_Act] = []
        self._acks: dict[str, EditAck] = {}
        try:
            for act in log.active:
                self._apply(act)
        except GranumError as error:
            raise Problem(409, "changed", f"{log.journal.path.name}: does not go with the result ({error})") from error
        self._editor.next_label = max(self._editor.next_label, log.next_label)

    @property
    def labels(self) -> NDArray[np.int32]:
        """The corrected labels; they may have gaps."""
        return self._editor.labels

    @property
    def values(self) -> NDArray[np.int32]:
        """All labels that there are, ascending."""
        return self._editor.boxes.values()

    @property
    def edited(self) -> NDArray[np.bool_]:
        """Which of `values` were touched by hand."""
        return np.isin(self.values, np.array(sorted(self._editor.edited), np.int32))

    def edit(self, request: EditRequest, author: str) -> EditAck:
        """Correct the labels; the same id again gives the same answer and changes nothing.

        Raises
        ------
        GranumError
            When the edit does not go with the labels.
        Problem
            409 when the id is another's; what the journal raises.
        """
        if request.id in self._acks:
            return self._acks[request.id]
        if any(act.id == request.id for act in self.log.acts):
            return self._ack(request.id, author, _NOTHING)
        edit = check_edit(request.model_dump(exclude={"id"}))
        first = self._editor.next_label
        change = self._editor.apply(edit)
        if edit["op"] in ("split", "erase") or (edit["op"] == "draw" and not edit.get("labels")):
            edit["first"] = first  # even when it made none: after an undo before it, it may
        act = _Act(request.id, author, edit)
        self._write({"do": "edit", "id": act.id, "author": author, "edit": edit}, undo=True)
        self._applied.append(self.log.acts[-1])
        return self._ack(request.id, author, change.dirty, change.new_labels)

    def undo(self, author: str, id: str = "") -> EditAck:
        """Take back the last edit of an author.

        Raises
        ------
        Problem
            409 when there is none, or later edits need what it made.
        """
        return self._turn(self.log.last_of(author), "undo", author, id)

    def redo(self, author: str, id: str = "") -> EditAck:
        """Make the edit again that an author took back last.

        Raises
        ------
        Problem
            409 when there is none, or it does not go with the edits of others any more.
        """
        return self._turn(self.log.next_of(author), "redo", author, id)

    def _turn(self, act: _Act | None, do: str, author: str, id: str) -> EditAck:
        if id and id in self._acks:
            return self._acks[id]
        if act is None:
            what = "take back" if do == "undo" else "redo"
            raise Problem(409, "nothing", f"there is no correction of yours to {what}.")
        before = self._applied
        wanted = [one for one in self.log.acts if (one.active if one is not act else do == "redo")]
        try:
            dirty = self._become(wanted)
        except GranumError as error:
            self._become(before)
            text = f"this correction goes together with later ones, which would not fit any more ({error})"
            raise Problem(409, "needed", text) from error
        try:
            self._write({"do": do, "author": author, "act": act.id})
        except GranumError:
            self._become(before)
            raise
        return self._ack(id, author, dirty)

    def _become(self, wanted: list[_Act]) -> Box:
        """Have exactly these edits applied; return what changed."""
        same = 0
        while same < min(len(wanted), len(self._applied)) and wanted[same] is self._applied[same]:
            same += 1
        dirty = _NOTHING
        while len(self._applied) > same:
            dirty = join_boxes(dirty, self._editor.take_back().dirty)
            self._applied = self._applied[:-1]
        for act in wanted[same:]:
            dirty = join_boxes(dirty, self._apply(act))
        return dirty

    def _apply(self, act: _Act) -> Box:
        dirty = self._editor.apply(act.edit).dirty
        self._applied = [*self._applied, act]
        return dirty

    def _write(self, record: dict[str, Any], *, undo: bool = False) -> None:
        """Write a record; when that fails, and `undo` is set, the last edit is taken back."""
        record |= {"next": self._editor.next_label, "n_objects": self._editor.n_objects}
        try:
            if self.log.base is None:
                self._append({"do": "base", "check": self._check})
            self._append(record)
        except GranumError:
            if undo:
                self._editor.take_back()
            raise

    def _append(self, record: dict[str, Any]) -> None:
        self.log.journal.append(record)
        self.log.follow(record)

    def _ack(self, id: str, author: str, dirty: Box, new_labels: tuple[int, ...] = ()) -> EditAck:
        ack = EditAck(
            version=self.log.version,
            dirty=list(dirty) if dirty[2] > dirty[0] else [],
            n_objects=self._editor.n_objects,
            n_edits=len(self._applied),
            can_undo=self.log.last_of(author) is not None,
            can_redo=self.log.next_of(author) is not None,
            new_labels=list(new_labels),
        )
        if id:
            self._acks[id] = ack
        return ack
