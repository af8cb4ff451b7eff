"""`PaintedPlanes`: which planes are painted, and their strokes as they are learnt from.

A stroke only marks its plane; the thread that teaches reads it anew afterwards, so that who paints never waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from granum.app.learn_jobs import Painted, PlaneKey
from granum.app.learn_messages import PaintedPlane
from granum.app.messages import ImageEntry
from granum.app.paint_export import LAYER, plane_name, read_layer
from granum.app.paint_messages import ClassInfo
from granum.app.paint_store import PaintStore
from granum.app.preview_worker import PreviewSource
from granum.app.problems import Problem
from granum.app.stroke_digest import all_strokes, plane_strokes
from granum.learn import PixelClass, Scribbles

__all__ = ["LAYER", "PaintedPlanes"]

_log = logging.getLogger("granum.app")


@dataclass(frozen=True, eq=False)
class _Known:
    scribbles: Scribbles
    about: PaintedPlane
    digest: str


class PaintedPlanes:
    """The strokes of all images of a project.

    Parameters
    ----------
    paint : PaintStore
        Where strokes are.
    entry_of : callable
        Image id -> its entry; raises a `Problem` for images that are not there.
    source_of : callable
        Image id -> where its pixels are.
    classes : callable
        () -> the classes of the project.

    Attributes
    ----------
    version : int
        Grows with every change; 0 until `refresh` was called.
    since : float
        When the newest change came (`time.perf_counter`).
    """

    def __init__(
        self,
        paint: PaintStore,
        entry_of: Callable[[str], ImageEntry],
        source_of: Callable[[str], PreviewSource],
        classes: Callable[[], list[ClassInfo]],
    ) -> None:
        self._paint, self._entry_of, self._source_of, self._classes = paint, entry_of, source_of, classes
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._dirty: set[PlaneKey] = set()
        self._all_dirty = True
        self._known: dict[PlaneKey, _Known] = {}
        self._missing: dict[PlaneKey, str] = {}
        self.version = 0
        self.since = time.perf_counter()

    def touch(self, plane: PlaneKey | None = None) -> None:
        """Note that a plane has changed; None: anything may have (classes, images). Never waits."""
        with self._lock:
            if plane is None:
                self._all_dirty = True
            else:
                self._dirty.add(plane)
            self.since = time.perf_counter()

    def images_changed(self, ids: set[str]) -> bool:
        """Note that images came, went or can be read now; return whether one of them is painted. Never waits."""
        planes = {plane for plane in [*self._known, *self._missing] if plane[0] in ids}
        planes = {plane for plane in planes if (plane in self._missing) == self._is_ready(plane[0])}
        with self._lock:
            self._dirty |= planes
        return bool(planes)

    def refresh(self) -> bool:
        """Read what has changed; return whether something has. Takes milliseconds per plane that changed."""
        with self._refreshing:
            with self._lock:
                dirty, everything = self._dirty, self._all_dirty
                self._dirty, self._all_dirty = set(), False
            if everything:
                dirty = dirty | set(self._paint.painted_planes(LAYER)) | set(self._known)
            for plane in sorted(dirty):
                self._read(plane)
            if dirty or everything:
                self.version += 1
            return bool(dirty) or everything

    def changes(self, known: dict[PlaneKey, Scribbles]) -> Painted:
        """Return what somebody who knows some planes has to be told; his `known` is brought up to date."""
        now = dict(self._known)
        changed: dict[PlaneKey, Scribbles | None] = {plane: None for plane in known if plane not in now}
        changed |= {plane: one.scribbles for plane, one in now.items() if known.get(plane) is not one.scribbles}
        sources: dict[PlaneKey, PreviewSource] = {}
        for plane, scribbles in list(changed.items()):
            if scribbles is None:
                known.pop(plane, None)
                continue
            try:
                sources[plane] = self._source_of(plane[0])
            except Problem as problem:  # it has changed or gone in this moment; the next stroke or look finds it
                _log.info("%s is not learnt from: %s", plane[0], problem)
                del changed[plane]
                continue
            known[plane] = scribbles
        return Painted(self.version, self.classes(), changed, sources)

    def classes(self) -> tuple[PixelClass, ...]:
        """Return the classes of the project."""
        return tuple(PixelClass(one.id, one.name, one.colour) for one in self._classes())

    def planes(self) -> list[PaintedPlane]:
        """Return what is painted, in the order of image ids and planes."""
        return [one.about for _, one in sorted(self._known.items())]

    def training(self) -> list[tuple[PlaneKey, Scribbles]]:
        """Return the strokes of every plane that is painted."""
        return [(plane, one.scribbles) for plane, one in sorted(self._known.items())]

    def digest(self) -> str:
        """Return what tells these strokes from others (`stroke_digest`); the same again after an undo."""
        return all_strokes(one.digest for one in list(self._known.values()))

    def notes(self) -> list[str]:
        """Return what the user must know about strokes that are not learnt from."""
        return [*dict.fromkeys(self._missing.values())]

    def problem(self) -> str:
        """Return why nothing can be learnt yet, or ""."""
        painted = {class_id for one in self._known.values() for class_id in one.about.areas}
        if len(painted) >= 2:
            return ""
        if not painted:
            return "Nothing is painted yet: paint a few strokes of two classes, then it learns."
        names = {one.id: one.name for one in self._classes()}
        (only,) = painted
        return f"Only {names.get(only, f'class {only}')!r} is painted: paint a stroke of another class too."

    def _is_ready(self, image: str) -> bool:
        try:
            return self._entry_of(image).status == "ready"
        except Problem:
            return False

    def _read(self, plane: PlaneKey) -> None:
        image, t, z = plane
        known, missing = self._known, self._missing
        known.pop(plane, None)
        missing.pop(plane, None)
        try:
            entry = self._entry_of(image)
            if entry.status != "ready":
                missing[plane] = f"{entry.name} is painted, but cannot be read ({entry.error or entry.status})."
                return
            with self._paint.layer(image, LAYER, t, z) as layer:
                areas = layer.areas()
                if not areas:
                    return
                scribbles = read_layer(layer, name=plane_name(entry.name, t, z, n_frames=entry.n_frames, n_z=entry.n_z))
                n_strokes = layer.n_strokes
        except Problem as problem:
            missing[plane] = f"Strokes on an image that is not here now are left out ({problem})"
            return
        about = PaintedPlane(image=image, name=entry.name, t=t, z=z, n_strokes=n_strokes, areas=areas)
        known[plane] = _Known(scribbles, about, plane_strokes(plane, scribbles))
