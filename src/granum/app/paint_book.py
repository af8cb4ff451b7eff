"""One layer of strokes of one image: its journal, and those of its planes that are in memory.

The journal, ``annotations/<image>/<layer>/journal.log``, is for all planes. A record holds what `PaintLayer` writes,
and `v` (1), `t`, `z` and `time` (UTC).
"""

from __future__ import annotations

import logging
import threading
import time
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from granum.app.journal import Journal
from granum.app.paint_layer import PaintLayer
from granum.app.problems import Problem

__all__ = ["SCHEMA", "PaintBook", "Plane", "Tally", "checked_records"]

Plane = tuple[int, int]
"""Frame t and plane z."""
SCHEMA = 1
_log = logging.getLogger("granum.app")


class Tally:
    """What the records of a journal amount to, without painting them.

    Attributes
    ----------
    n_active : int
        Strokes that are painted and not taken back.
    """

    def __init__(self) -> None:
        self.n_active = 0
        self._classes: dict[tuple[Plane, str], int] = {}
        self._active: set[tuple[Plane, str]] = set()
        self._undone: dict[tuple[Plane, str], set[tuple[Plane, str]]] = {}  # by plane and author

    def follow(self, record: dict[str, Any]) -> None:
        """Count one more record."""
        plane = (record["t"], record["z"])
        undone = self._undone.setdefault((plane, record["author"]), set())
        if record["do"] == "paint":
            key = (plane, record["id"])
            self._classes[key] = record["class"]
            self._active.add(key)
            undone.clear()
        else:
            key = (plane, record["act"])
            if key in self._classes:
                to, of = (undone, self._active) if record["do"] == "undo" else (self._active, undone)
                to.add(key)
                of.discard(key)
        self.n_active = len(self._active)

    def planes(self) -> set[Plane]:
        """Return the planes with strokes that are painted and not taken back."""
        return {plane for plane, _ in self._active}

    def needed_classes(self) -> Counter[int]:
        """Return class -> strokes that are painted or can still be brought back; the eraser is no class."""
        needed = set(self._active).union(*self._undone.values())
        return Counter(self._classes[key] for key in needed if self._classes[key])


class PaintBook:
    """A layer; opened by the first who has the lock.

    Parameters
    ----------
    path : Path
        Its journal.

    Attributes
    ----------
    lock : threading.Lock
        For `open`, `layer`, and for everything that is done with a layer.
    n_users : int
        Threads that wait for it or have it; kept by the store.
    used : dict
        Planes in memory -> when they were asked for last (`time.monotonic`).
    tally : Tally
        What is painted in all planes.
    """

    def __init__(self, path: Path) -> None:
        self.lock = threading.Lock()
        self.n_users = 0
        self.used: dict[Plane, float] = {}
        self.tally = Tally()
        self._planes: dict[Plane, PaintLayer] = {}
        self._numbers: dict[Plane, array[int]] = {}
        self._path = path
        self._journal: Journal | None = None

    @property
    def is_open(self) -> bool:
        """Whether `tally` counts."""
        return self._journal is not None

    @property
    def is_empty(self) -> bool:
        """Whether nobody has painted here."""
        return self._journal is None or not len(self._journal)

    @property
    def nbytes(self) -> int:
        """Memory of all planes."""
        return sum(layer.nbytes for layer in list(self._planes.values()))

    def open(self, read_only: bool) -> list[str]:
        """Read the journal when that is not done yet; return what was wrong with it."""
        if self._journal is not None:
            return []
        journal = Journal(self._path, independent=True, read_only=read_only)
        records = checked_records(journal)
        self.tally, self._numbers = Tally(), {}
        for number, record in enumerate(records, 1):
            self._note(number, record)
        journal.forget()
        self._journal = journal
        return journal.notes

    def layer(self, plane: Plane, shape: tuple[int, int]) -> PaintLayer:
        """Return a plane, replayed from the journal when it is not in memory."""
        if self._journal is None:
            raise RuntimeError("the book is not open")
        layer = self._planes.get(plane)
        if layer is None:
            layer = PaintLayer(
                shape, lambda record: self._append(plane, record), lambda after: self._records(plane, after)
            )
            for number, record in self._records(plane, 0):
                layer.replay(number, record)
            if layer.n_left_out:
                _log.warning("%s: %d undos belong to lost strokes.", self._path, layer.n_left_out)
            self._planes[plane] = layer
        self.used[plane] = time.monotonic()
        return layer

    def drop(self, plane: Plane) -> int:
        """Take a plane out of memory; return what that gives."""
        del self.used[plane]
        return self._planes.pop(plane).nbytes

    def _records(self, plane: Plane, after: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the records of a plane after a number, with their numbers."""
        if self._journal is None:
            raise RuntimeError("the book is not open")
        numbers = self._numbers.get(plane, array("q"))
        numbers = numbers[bisect_right(numbers, after) :]
        yield from zip(numbers, self._journal.read(numbers), strict=True)

    def _append(self, plane: Plane, record: dict[str, Any]) -> int:
        """Write a record of a plane."""
        if self._journal is None:
            raise RuntimeError("the book is not open")
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = {"v": SCHEMA, "t": plane[0], "z": plane[1], "time": now, **record}
        number = self._journal.append(record)
        self._note(number, record)
        return number

    def _note(self, number: int, record: dict[str, Any]) -> None:
        self._numbers.setdefault((record["t"], record["z"]), array("q")).append(number)
        self.tally.follow(record)


def checked_records(journal: Journal) -> list[dict[str, Any]]:
    """Return the records of a journal when this granum can read them.

    Raises
    ------
    Problem
        409 "later_version" when another granum wrote it.
    """
    for number, record in enumerate(journal.records, 1):
        needed = {"t", "z", "author"} | ({"id", "class"} if record.get("do") == "paint" else {"act"})
        if record.get("v") != SCHEMA or not needed <= record.keys():
            is_ = f"record {number} is of version {record.get('v')!r}, this granum reads {SCHEMA}"
            raise Problem(409, "later_version", f"{journal.path}: {is_}; update granum.")
    return journal.records
