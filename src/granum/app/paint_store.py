"""All layers of strokes of a project: opened when somebody asks, shared by threads, dropped from memory when idle.

A layer is a `PaintBook`, whose journal outlives its image: nothing is deleted here.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from granum.app.journal import Journal
from granum.app.paint_book import PaintBook, Plane, Tally, checked_records
from granum.app.paint_layer import PaintLayer
from granum.app.paint_messages import PaintAck, Stroke
from granum.app.problems import Problem

__all__ = ["PaintStore", "ProjectFolder"]

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_log = logging.getLogger("granum.app")


class ProjectFolder(Protocol):
    """What is needed of a project."""

    @property
    def read_only(self) -> str:
        """Why nothing can be written, or ""."""

    def path(self, *parts: str) -> Path:
        """Return the path of something inside the project."""


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
        Memory that layers may hold; the planes that were not used for longest are dropped, and replayed when asked for.
    idle_s : float
        Planes that were used so many seconds ago or less are never dropped: what somebody paints on is not read anew
        with every stroke, however large it is.

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
        idle_s: float = 30.0,
    ) -> None:
        self.notes: list[str] = []
        self._project = project
        self._size_of = size_of
        self._planes_of = planes_of
        self._publish = publish
        self._most_bytes = most_bytes
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._books: dict[tuple[str, str], PaintBook] = {}
        self._tallies: dict[Path, tuple[tuple[int, int], Tally]] = {}

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
                book = self._books[key] = PaintBook(path)
            book.n_users += 1
        try:
            with book.lock:
                for note in book.open(bool(self._project.read_only)):
                    self._note(note)
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

    def warm(self) -> threading.Thread:
        """Compile what painting needs, on a thread of its own: 10 s on a new installation, 0.3 s after that.

        Called when the server starts, so that nobody waits with the first stroke.
        """
        thread = threading.Thread(target=_try_all_tools, name="granum-warm-paint", daemon=True)
        thread.start()
        return thread

    def n_strokes(self, image: str) -> int:
        """Return the active strokes of all layers of an image, at once for those in use.

        A journal that is not in use is read once, and again when its file has changed. One that cannot be read counts
        as 0, with a note: whoever opens the layer is told why.
        """
        total = 0
        for path in sorted(self._project.path("annotations", image).glob("*/journal.log")):
            try:
                total += self._tally(image, path).n_active
            except Problem as problem:
                if str(problem) not in self.notes:
                    self._note(str(problem))
        return total

    def painted_planes(self, layer: str) -> list[tuple[str, int, int]]:
        """Return (image, t, z) of every plane with strokes in a layer, sorted; an unreadable journal has none."""
        found: list[tuple[str, int, int]] = []
        for path in sorted(self._project.path("annotations").glob(f"*/{layer}/journal.log")):
            image = path.parent.parent.name
            try:
                found += [(image, *plane) for plane in sorted(self._tally(image, path).planes())]
            except Problem as problem:
                if str(problem) not in self.notes:
                    self._note(str(problem))
        return found

    def used_classes(self) -> Counter[int]:
        """Return class -> strokes of it in all images that are painted or can still be brought back."""
        used: Counter[int] = Counter()
        for path in sorted(self._project.path("annotations").glob("*/*/journal.log")):
            used += self._tally(path.parent.parent.name, path).needed_classes()
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
        """Drop the planes not used for longest while there is too much; what is in use or was a moment ago stays."""
        held = [(used, book, plane) for book in self._books.values() for plane, used in list(book.used.items())]
        total = sum(book.nbytes for book in self._books.values())
        latest = time.monotonic() - self._idle_s
        for used, book, plane in sorted(held, key=lambda one: one[0]):
            if total <= self._most_bytes or used > latest:
                return
            if not book.n_users:
                total -= book.drop(plane)

    def _tally(self, image: str, path: Path) -> Tally:
        """Return the counts of a journal without painting it."""
        book = self._books.get((image, path.parent.name))
        if book is not None and book.is_open:
            return book.tally
        about = path.stat()
        stamp = (about.st_size, about.st_mtime_ns)
        known = self._tallies.get(path)
        if known is None or known[0] != stamp:
            tally = Tally()
            for record in checked_records(Journal(path, independent=True, read_only=True)):
                tally.follow(record)
            known = self._tallies[path] = (stamp, tally)
        return known[1]

    def _note(self, note: str) -> None:
        _log.warning("%s", note)
        self.notes.append(note)


def _try_all_tools() -> None:
    """Paint with every tool on a plane that nobody sees."""
    plane = PaintLayer((600, 600), lambda record: 1)
    for tool, class_id, points in (
        ("brush", 1, [[5.0, 5.0], [9.0, 9.0]]),
        ("polygon", 1, [[1.0, 1.0], [1.0, 5.0], [5.0, 5.0]]),
        ("fill", 2, [[300.0, 300.0]]),
    ):
        plane.paint(Stroke.model_validate({"id": tool, "tool": tool, "class_id": class_id, "points": points}), "")
    plane.undo("")
    plane.tiles.cut(1, 0, 0)
