"""All layers of strokes of a project: opened when somebody asks, shared by threads, dropped from memory when idle.

Every layer of an image has one journal, ``annotations/<image>/<layer>/journal.log``, for all its planes. A record holds
what `PaintLayer` writes, and `v` (1), `t`, `z` and `time` (UTC). A journal outlives its image: nothing is deleted here.
"""

from __future__ import annotations

import logging
import re
import threading
from array import array
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from granum.app.journal import Journal
from granum.app.messages import PaintAck, Stroke
from granum.app.paint_layer import PaintLayer
from granum.app.problems import Problem

__all__ = ["PaintStore", "Plane", "ProjectFolder"]

Plane = tuple[int, int]
"""Frame t and plane z."""
SCHEMA = 1
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_log = logging.getLogger("granum.app")


class ProjectFolder(Protocol):
    """What is needed of a project."""

    @property
    def read_only(self) -> str:
        """Why nothing can be written, or ""."""

    def path(self, *parts: str) -> Path:
        """Return the path of something inside the project."""


class _Book:
    """A journal and those of its planes that are in memory; opened by the first who has the lock."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.Lock()
        self.n_users = 0
        self.planes: OrderedDict[Plane, PaintLayer] = OrderedDict()
        self.numbers: dict[Plane, array[int]] = {}
        self._path = path
        self._journal: Journal | None = None

    @property
    def is_empty(self) -> bool:
        return self._journal is None or not len(self._journal)

    def open(self, read_only: bool) -> list[str]:
        """Read the journal when that is not done yet; return what was wrong with it."""
        if self._journal is not None:
            return []
        journal = Journal(self._path, independent=True, read_only=read_only)
        for number, record in enumerate(_checked(journal), 1):
            self._note(number, record)
        journal.forget()
        self._journal = journal
        return journal.notes

    def append(self, plane: Plane, record: dict[str, Any]) -> int:
        """Write a record of a plane."""
        if self._journal is None:
            raise RuntimeError("the book is not open")
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = {"v": SCHEMA, "t": plane[0], "z": plane[1], "time": time, **record}
        number = self._journal.append(record)
        self._note(number, record)
        return number

    def layer(self, plane: Plane, shape: tuple[int, int]) -> PaintLayer:
        """Return a plane, replayed from the journal when it is not in memory."""
        if self._journal is None:
            raise RuntimeError("the book is not open")
        layer = self.planes.get(plane)
        if layer is None:
            layer = PaintLayer(shape, lambda record: self.append(plane, record))
            numbers = self.numbers.get(plane, array("q"))
            for number, record in zip(numbers, self._journal.read(numbers), strict=True):
                layer.replay(number, record)
            if layer.n_left_out:
                _log.warning("%s: %d undos belong to lost strokes.", self._path, layer.n_left_out)
            self.planes[plane] = layer
        self.planes.move_to_end(plane)
        return layer

    def _note(self, number: int, record: dict[str, Any]) -> None:
        self.numbers.setdefault((record["t"], record["z"]), array("q")).append(number)


class PaintStore:
    """The layers of strokes of a project.

    Parameters
    ----------
    project : ProjectFolder
        Where the journals are.
    size_of : callable
        Image id -> (height, width); raises a `Problem` for images that are not there.
    publish : callable
        Told of every change: ``{"type": "paint", image, layer, t, z, author}`` and what `PaintAck` has.
    planes_of : callable, optional
        Image id -> (frames, planes along z); planes beyond are refused.
    most_bytes : int
        Memory that layers may hold; the ones that were not used for longest are dropped, and replayed when asked for.

    Attributes
    ----------
    notes : list of str
        What was wrong with journals, in sentences for people.
    """

    def __init__(
        self,
        project: ProjectFolder,
        size_of: Callable[[str], tuple[int, int]],
        publish: Callable[[dict[str, Any]], None],
        *,
        planes_of: Callable[[str], tuple[int, int]] | None = None,
        most_bytes: int = 256 << 20,
    ) -> None:
        self.notes: list[str] = []
        self._project = project
        self._size_of = size_of
        self._planes_of = planes_of
        self._publish = publish
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._books: OrderedDict[tuple[str, str], _Book] = OrderedDict()
        self._counts: dict[Path, tuple[tuple[int, int], Counter[int], int]] = {}

    @contextmanager
    def layer(self, image: str, layer: str, t: int, z: int) -> Iterator[PaintLayer]:
        """Give one plane of a layer, for this thread alone; do not keep it.

        Raises
        ------
        Problem
            404 for names that cannot be and planes that the image does not have; 507 when the journal cannot be read.
        """
        shape = self._size_of(image)
        self._check_plane(image, t, z)
        key = (image, layer.lower())  # "A" and "a" are one folder on some systems
        path = self._journal_path(*key)
        with self._lock:
            book = self._books.get(key)
            if book is None:
                book = self._books[key] = _Book(path)
            self._books.move_to_end(key)
            book.n_users += 1
        try:
            with book.lock:
                for note in book.open(bool(self._project.read_only)):
                    _log.warning("%s", note)
                    self.notes.append(note)
                yield book.layer((t, z), shape)
        finally:
            with self._lock:
                book.n_users -= 1
                if not book.n_users and book.is_empty:
                    del self._books[key]  # somebody only looked
                self._drop_idle()

    def paint(self, image: str, layer: str, stroke: Stroke, author: str) -> PaintAck:
        """Paint a stroke, tell everybody, and return the answer."""

        def act(plane: PaintLayer) -> PaintAck:
            return plane.paint(stroke, author)

        return self._change(image, layer, (stroke.t, stroke.z), author, act)

    def undo(self, image: str, layer: str, t: int, z: int, author: str, request: str = "") -> PaintAck:
        """Take back the author's last act on a plane; `request` is an id that makes asking again harmless."""
        return self._change(image, layer, (t, z), author, lambda plane: plane.undo(author, request))

    def redo(self, image: str, layer: str, t: int, z: int, author: str, request: str = "") -> PaintAck:
        """Bring back what the author took back last."""
        return self._change(image, layer, (t, z), author, lambda plane: plane.redo(author, request))

    def n_strokes(self, image: str) -> int:
        """Return the active strokes of all layers of an image; read once, then only when a journal has changed."""
        folder = self._project.path("annotations", image)
        return sum(self._count(path)[1] for path in sorted(folder.glob("*/journal.log")))

    def used_classes(self) -> Counter[int]:
        """Return class -> strokes of it in all images that are painted or can still be brought back."""
        used: Counter[int] = Counter()
        for path in sorted(self._project.path("annotations").glob("*/*/journal.log")):
            used += self._count(path)[0]
        return used

    def _change(
        self, image: str, layer: str, plane: Plane, author: str, act: Callable[[PaintLayer], PaintAck]
    ) -> PaintAck:
        if self._project.read_only:
            raise Problem(409, "read_only", self._project.read_only)
        with self.layer(image, layer, *plane) as found:
            before = found.version
            ack = act(found)
            if found.version != before:  # told in the order in which it happened
                where = {"image": image, "layer": layer, "t": plane[0], "z": plane[1], "author": author}
                self._publish({"type": "paint", **where, **ack.model_dump()})
        return ack

    def _check_plane(self, image: str, t: int, z: int) -> None:
        n_frames, n_z = (1 << 31, 1 << 31) if self._planes_of is None else self._planes_of(image)
        if not (0 <= t < n_frames and 0 <= z < n_z):
            text = f"There is no plane t {t}, z {z}: the image has {n_frames} frames and {n_z} planes, counted from 0."
            raise Problem(404, "not_found", text)

    def _journal_path(self, image: str, layer: str) -> Path:
        for name, value in (("image", image), ("layer", layer)):
            if not _IDENTIFIER.fullmatch(value):
                text = f"{name} {value[:80]!r} is no name: 1 to 64 letters, digits, '-' and '_' are."
                raise Problem(404, "not_found", text)
        return self._project.path("annotations", image, layer, "journal.log")

    def _drop_idle(self) -> None:
        """Drop the layers not used for longest; those in use stay."""
        total = sum(layer.nbytes for book in self._books.values() for layer in list(book.planes.values()))
        for book in list(self._books.values()):
            if book.n_users:
                continue
            while total > self._most_bytes and book.planes:
                total -= book.planes.popitem(last=False)[1].nbytes

    def _count(self, path: Path) -> tuple[Counter[int], int]:
        """Return the classes that a journal needs and its active strokes, without painting them."""
        about = path.stat()
        stamp = (about.st_size, about.st_mtime_ns)
        known = self._counts.get(path)
        if known is None or known[0] != stamp:
            records = _checked(Journal(path, independent=True, read_only=True))
            known = self._counts[path] = (stamp, *_count_records(records))
        return known[1], known[2]


def _checked(journal: Journal) -> list[dict[str, Any]]:
    """Return the records of a journal when this granum can read them."""
    for number, record in enumerate(journal.records, 1):
        if record.get("v") != SCHEMA or not {"t", "z", "do", "author"} <= record.keys():
            is_ = f"record {number} is of version {record.get('v')!r}, this granum reads {SCHEMA}"
            text = f"{journal.path}: {is_}; update granum."
            raise Problem(409, "later_version", text)
    return journal.records


def _count_records(records: list[dict[str, Any]]) -> tuple[Counter[int], int]:
    """Follow undo and redo through records."""
    classes: dict[tuple[int, int, str], int] = {}
    active: set[tuple[int, int, str]] = set()
    undone: dict[tuple[int, int, str], set[tuple[int, int, str]]] = {}
    for record in records:
        plane = (record["t"], record["z"])
        mine = undone.setdefault((*plane, record["author"]), set())
        if record["do"] == "paint":
            key = (*plane, record["id"])
            classes[key] = record["class"]
            active.add(key)
            mine.clear()
            continue
        key = (*plane, record["act"])
        if key in classes:
            (mine if record["do"] == "undo" else active).add(key)
            (active if record["do"] == "undo" else mine).discard(key)
    needed = active.union(*undone.values())
    return Counter(classes[key] for key in needed if classes[key]), len(active)
