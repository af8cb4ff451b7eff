"""The list of images as pages see it: states that several threads change, and one message for many changes."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from granum.app.folder_scan import FoundFile
from granum.app.image_facts import fill_entry
from granum.app.messages import ImageEntry
from granum.app.problems import Problem
from granum.app.project import Project

__all__ = ["Picture", "PictureList"]

Status = Literal["waiting", "reading", "ready", "failed"]
_EVERY_S = 0.25


@dataclass(eq=False)
class Picture:
    """One file and what is known of it."""

    file: FoundFile
    id: str
    """Provisional until `sha256` is known."""
    sha256: str = ""
    status: Status = "waiting"
    progress: float = 0.0
    error: str = ""
    facts: dict[str, Any] | None = None
    entry: ImageEntry | None = None
    """Kept until something changes."""
    rank: int = 0
    """Place in the list."""


class PictureList:
    """All images of a project; every method may be called from any thread.

    Two files with the same bytes are one image; the second one is told in its notes.

    Parameters
    ----------
    project : Project
        For what the user typed.
    publish : callable
        Gets the messages "images".
    """

    def __init__(self, project: Project, publish: Callable[[dict[str, Any]], None]) -> None:
        self._project = project
        self._publish = publish
        self._lock = threading.RLock()
        self._pictures: dict[str, Picture] = {}
        self._by_id: dict[str, list[Picture]] = {}
        self._strokes: dict[str, int] = {}
        self._changed: dict[str, None] = {}
        self._told = 0.0

    def replace_files(self, files: Iterable[FoundFile]) -> list[Picture]:
        """Take over what a scan has found, and return the pictures that are new or whose files have changed."""
        new = []
        with self._lock:
            pictures: dict[str, Picture] = {}
            for file in files:
                old = self._pictures.get(file.key)
                if old is not None and old.file == file:
                    pictures[file.key] = old
                else:
                    pictures[file.key] = Picture(file, _provisional_id(file.key))
                    new.append(pictures[file.key])
            gone = [one for key, one in self._pictures.items() if pictures.get(key) is not one]
            self._pictures = pictures
            self._by_id = {}
            for rank, one in enumerate(pictures.values()):
                one.rank = rank
                self._by_id.setdefault(one.id, []).append(one)
            for one in (*gone, *new):
                self._touch(one.id)
        return new

    def change(self, picture: Picture, *, id: str | None = None, **values: Any) -> None:
        """Change attributes of a picture; it may have left the list meanwhile."""
        with self._lock:
            if id is not None and id != picture.id:
                self._touch(picture.id)
                self._rename(picture, id)
            for name, value in values.items():
                setattr(picture, name, value)
            self._touch(picture.id)

    def entries(self) -> list[ImageEntry]:
        """Return all images, each once, sorted as people count."""
        with self._lock:
            return [self._entry(one) for one in self._pictures.values() if self._by_id[one.id][0] is one]

    def files(self) -> list[tuple[ImageEntry, Path]]:
        """Return every file that is ready, also those with the same bytes, sorted as people count."""
        with self._lock:
            ready = [one for one in self._pictures.values() if one.status == "ready"]
            return [(self._entry(self._by_id[one.id][0]), one.file.path) for one in ready]

    def ids(self) -> list[str]:
        """Return the ids of all images, without their entries."""
        with self._lock:
            return list(self._by_id)

    def entry(self, id: str) -> ImageEntry:
        """Return one image, or raise Problem 404."""
        with self._lock:
            return self._entry(self.find(id))

    def find(self, id: str) -> Picture:
        """Return the picture that stands for an id, or raise Problem 404."""
        with self._lock:
            if id not in self._by_id:
                raise Problem(404, "not_found", f"No image {id[:64]!r} in this project; its file may have changed.")
            return self._by_id[id][0]

    def facts_of(self, id: str) -> dict[str, Any] | None:
        """Return the facts that any file of these bytes has given."""
        with self._lock:
            return next((one.facts for one in self._by_id.get(id, []) if one.facts is not None), None)

    def names(self) -> set[str]:
        """Return all names, folded for systems that do not tell capitals apart."""
        with self._lock:
            return {one.file.path.name.casefold() for one in self._pictures.values()}

    def __contains__(self, picture: Picture) -> bool:
        with self._lock:
            return self._pictures.get(picture.file.key) is picture

    def set_strokes(self, id: str, n_strokes: int) -> None:
        """Keep the number of strokes of an image, which need not be known here yet."""
        with self._lock:
            if self._strokes.get(id, 0) != n_strokes:
                self._strokes[id] = n_strokes
                self._touch(id)

    def touch(self, id: str) -> None:
        """Tell about an image again."""
        with self._lock:
            self._touch(id)

    def touch_all(self) -> None:
        """Make all entries anew: something was typed that counts for all images."""
        with self._lock:
            for id in self._by_id:
                self._touch(id)

    def tell(self, *, now: bool = False) -> None:
        """Publish what has changed, unless that was done a moment ago."""
        with self._lock:
            if not self._changed or (not now and time.monotonic() - self._told < _EVERY_S):
                return
            self._told = time.monotonic()
            changed, self._changed = self._changed, {}
            images = [self._entry(self._by_id[id][0]).model_dump(mode="json") for id in changed if id in self._by_id]
            removed = [id for id in changed if id not in self._by_id]
            # under the lock, so that no older state can overtake a newer one; publish returns at once
            self._publish({"type": "images", "images": images, "removed": removed})

    # ------------------------------------------------------------------------------------------------

    def _rename(self, picture: Picture, id: str) -> None:
        """Give a picture its id; only its own lists are touched, as there may be 10,000 others."""
        listed = picture in self
        if listed:
            self._by_id[picture.id].remove(picture)
            if not self._by_id[picture.id]:
                del self._by_id[picture.id]
        picture.id = id
        if listed:
            same = self._by_id.setdefault(id, [])
            same.append(picture)
            same.sort(key=lambda one: one.rank)

    def _touch(self, id: str) -> None:
        self._changed[id] = None
        for one in self._by_id.get(id, []):
            one.entry = None

    def _entry(self, picture: Picture) -> ImageEntry:
        if picture.entry is None:
            picture.entry = self._make_entry(picture)
        return picture.entry

    def _make_entry(self, picture: Picture) -> ImageEntry:
        same = self._by_id.get(picture.id, [])
        others = [one.file.name for one in same if one is not picture]
        entry = ImageEntry(
            id=picture.id,
            name=picture.file.name,
            size_bytes=picture.file.fingerprint.size,
            uploaded=picture.file.uploaded,
            status=picture.status,
            progress=picture.progress,
            error=picture.error,
            notes=[f"The same picture is also there as {', '.join(others[:3])}."] if others else [],
            n_strokes=self._strokes.get(picture.id, 0),
        )
        if picture.facts is None:
            return entry
        return fill_entry(entry, picture.facts, self._project.pixel_size, self._project.interval_s)


def _provisional_id(key: str) -> str:
    return "file-" + hashlib.sha256(key.encode("utf-8", errors="surrogateescape")).hexdigest()[:16]
