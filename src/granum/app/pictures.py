"""The images of a project: found in the folder, hashed, read, and told about as they become ready.

An image is its bytes: its id is the start of their SHA-256, so a renamed file keeps its strokes and a changed one does
not inherit them. Until a file is hashed it goes by a provisional id. The truth is the files and `images/<id>.json`.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.builder_process import BuilderProcess
from granum.app.folder_scan import fingerprint
from granum.app.image_facts import value_maps
from granum.app.messages import ImageEntry
from granum.app.picture_list import PictureList
from granum.app.picture_reader import PictureReader
from granum.app.planes import BuildQueue, LevelReader, Plane, Planes
from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.thumbnails import draw_thumbnail
from granum.app.tile_builder import SMALL, thumbnail_path
from granum.app.tile_store import MemoryTiles, TileStore
from granum.errors import OutputError, ReadError
from granum.image import Image

__all__ = ["Pictures"]

_OPEN_IMAGES = 8
_log = logging.getLogger("granum.app")


class Pictures:
    """The images of a project; every method may be called from any thread.

    Parameters
    ----------
    project : Project
        Where they are.
    publish : callable
        Gets messages ``{"type": "images", ...}``; must return at once.
    watch_s : float
        How often the folder is looked at for new and changed files; slow folders are looked at less often.
    """

    def __init__(self, project: Project, publish: Callable[[dict[str, Any]], None], *, watch_s: float = 3.0) -> None:
        self.project = project
        self._list = PictureList(project, publish)
        self._builder, self._checker = BuilderProcess(), BuilderProcess()
        self._builds = BuildQueue()
        self._planes = Planes(project.cache, self._builder, self._builds, self._plane_is_there)
        self._reader = PictureReader(project, self._list, self._builder, self._builds, self._planes, watch_s=watch_s)
        self._images: OrderedDict[str, Image] = OrderedDict()
        self._images_lock = threading.Lock()

    def start(self) -> None:
        """List the folder, take over what the index knows, and read the rest in the background."""
        self._reader.start()

    def close(self) -> None:
        """Stop reading; nothing that was begun leaves anything behind."""
        self._reader.stop()
        self._builder.close()
        self._checker.close()
        self._builds.close()
        self._reader.close()

    def __enter__(self) -> Pictures:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until everything that was found is ready or failed; False when that takes longer."""
        return self._reader.wait(timeout)

    def rescan(self) -> None:
        """Look at the folder now."""
        self._reader.rescan()

    # -------------------------------------------------------------------------------------------- what there is

    def entries(self) -> list[ImageEntry]:
        """Return all images, sorted as people count."""
        return self._list.entries()

    def entry(self, id: str) -> ImageEntry:
        """Return one image.

        Raises
        ------
        Problem
            404 when there is none.
        """
        return self._list.entry(id)

    def files(self) -> list[tuple[ImageEntry, Path]]:
        """Return every file that is ready, also those with the same bytes, sorted as people count."""
        return self._list.files()

    def id_of(self, sha256: str) -> str | None:
        """Return the id of the image with these bytes, or None."""
        try:
            picture = self._list.find(sha256[:16])
        except Problem:
            return None
        return picture.id if picture.sha256 == sha256 else None

    def path(self, id: str) -> Path:
        """Return the file of an image.

        Raises
        ------
        Problem
            404 when there is no image, 409 "changed" when its file is not the one any more that was read.
        """
        file = self._list.find(id).file
        try:
            same = file.path.is_dir() or fingerprint(file.path) == file.fingerprint
        except OSError:
            same = False
        if not same:
            self._reader.scan_soon()
            raise Problem(409, "changed", f"{file.name} has changed or is gone since it was read; it is read anew.")
        return file.path

    def image(self, id: str) -> Image:
        """Return an image with what the user typed applied; its planes may be read from several threads.

        Raises
        ------
        Problem
            As in `path`; 503 "reading" when it is not ready, 422 "unreadable" when it cannot be read.
        """
        from granum.read import read_image

        self._facts(id)
        path = self.path(id)
        with self._images_lock:
            image = self._images.get(id)
        if image is None:
            image = _one_at_a_time(read_image(path, pixel_size=self.project.pixel_size))
            interval = self.project.interval_s
            if interval is not None and image.n_frames > 1:
                image = replace(image, frame_times_s=tuple(interval * t for t in range(image.n_frames)))
            if not image.colour:  # an opened colour picture keeps the pixels of its first frame
                with self._images_lock:
                    self._images[id] = image
                    while len(self._images) > _OPEN_IMAGES:
                        self._images.popitem(last=False)
        return image

    def tiles(self, id: str, t: int, c: int, z: int) -> TileStore | MemoryTiles:
        """Return the tiles of a plane: `tile`, `region`, `tile_with_halo`, in tile values.

        Raises
        ------
        Problem
            404 when there is no such plane, 503 "reading" while it is being built.
        """
        return self._planes.tiles(self._plane(id, t, c, z))

    def level_reader(self, id: str) -> LevelReader | None:
        """Return what reads levels of a large image in another process, or None for an image of small planes."""
        facts = self._facts(id)
        if facts["height"] * facts["width"] <= SMALL:
            return None
        return LevelReader(self._folder(id), tuple(value_maps(facts)), facts["dtype"])

    def pixel(self, id: str, t: int, z: int, y: int, x: int) -> list[float | None]:
        """Return the grey levels of one pixel as the file has them, one per channel; None for NaN and infinity."""
        facts = self._facts(id)
        if not (0 <= y < facts["height"] and 0 <= x < facts["width"]):
            raise Problem(
                404, "not_found", f"No pixel y={y}, x={x}; the image has {facts['height']} x {facts['width']}."
            )
        values = [self._planes.grey(self._plane(id, t, c, z), y, x) for c in range(len(facts["channels"]))]
        return [value if np.isfinite(value) else None for value in values]

    def histogram(self, id: str, t: int, c: int, z: int) -> NDArray[np.int64]:
        """Return how often each tile value stands in a plane."""
        tiles = self.tiles(id, t, c, z)
        if isinstance(tiles, TileStore):
            return tiles.histogram()
        return np.bincount(tiles.levels[0].ravel(), minlength=1)

    def thumbnail(self, id: str) -> bytes:
        """Return the small picture as WebP."""
        facts = self._facts(id)
        path = thumbnail_path(self._folder(id))
        try:
            return path.read_bytes()
        except OSError:
            _log.debug("the thumbnail of %s is drawn anew", id)
        channels = facts["channels"] if facts["colour"] else facts["channels"][:4]
        coarse = []
        for c in range(len(channels)):
            tiles = self.tiles(id, 0, c, 0)
            coarse.append(tiles.tile(tiles.n_levels - 1, 0, 0))
        return draw_thumbnail(coarse, channels)

    # -------------------------------------------------------------------------------------------- what changes

    def refresh(self) -> None:
        """Make all entries anew after something was typed that counts for all images."""
        with self._images_lock:
            self._images.clear()
        self._list.touch_all()
        self._list.tell(now=True)

    def set_strokes(self, id: str, n_strokes: int) -> None:
        """Keep the number of strokes of an image for its entry."""
        self._list.set_strokes(id, n_strokes)
        self._list.tell()

    def names(self) -> set[str]:
        """Return the names of all images, case folded."""
        return self._list.names()

    def check(self, path: Path) -> None:
        """Raise `ReadError` when a file is no image that can be read; done in another process."""
        # not in the process of the reader: an upload must not wait until a whole folder is read
        self._checker.run({"job": "open", "path": str(path)})

    def adopt(self, path: Path, sha256: str) -> ImageEntry:
        """Put a new file of the project on the list at once, its hash known, and return its entry."""
        self._reader.expect(path, sha256)
        self.rescan()
        return self.entry(sha256[:16])

    def remove(self, id: str) -> None:
        """Delete an uploaded image; what was painted on it stays, and comes back with the same bytes.

        Raises
        ------
        Problem
            404 when there is none, 409 "not_uploaded" when the file lies in the user's own folder.
        """
        self.project.require_writable()
        file = self._list.find(id).file
        if not file.uploaded:
            raise Problem(409, "not_uploaded", f"{file.name} lies in your own folder, where granum deletes nothing.")
        try:
            file.path.unlink(missing_ok=True)
            self.project.path("images", f"{id}.json").unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{file.name}: cannot be deleted ({error.strerror}).") from None
        self._planes.forget(id)
        with self._images_lock:
            self._images.pop(id, None)
        shutil.rmtree(self._folder(id), ignore_errors=True)
        self._reader.forget(file.key)
        self.rescan()

    # -------------------------------------------------------------------------------------------- inside

    def _folder(self, id: str) -> Path:
        return self.project.cache / id

    def _facts(self, id: str) -> dict[str, Any]:
        picture = self._list.find(id)
        if picture.facts is not None:
            return picture.facts
        if picture.status == "failed":
            raise Problem(422, "unreadable", picture.error)
        raise Problem(503, "reading", f"{picture.file.name} is still being read; it comes in a moment.")

    def _plane(self, id: str, t: int, c: int, z: int) -> Plane:
        facts = self._facts(id)
        sizes = {"frame": (t, facts["n_frames"]), "channel": (c, len(facts["channels"])), "z plane": (z, facts["n_z"])}
        for what, (index, n) in sizes.items():
            if not 0 <= index < n:
                raise Problem(404, "not_found", f"No {what} {index}; the image has {n}, counted from 0.")
        return Plane(
            id, (t, c, z), self._list.find(id).file.path, self._folder(id), (facts["height"], facts["width"]),
            value_maps(facts)[c], lambda: self.image(id),
        )  # fmt: skip

    def _plane_is_there(self, id: str) -> None:
        """Tell pages that a plane which they asked for can be asked for again."""
        self._list.touch(id)
        self._list.tell(now=True)


def _one_at_a_time(image: Image) -> Image:
    """Return an image whose planes may be read from several threads; readers share one open file."""
    lock = threading.Lock()
    read_plane, read_rows = image.read_plane, image.read_rows

    def plane(t: int, c: int, z: int) -> NDArray[Any]:
        with lock:
            return read_plane(t, c, z)

    def rows(t: int, c: int, z: int, y0: int, y1: int) -> NDArray[Any]:
        if read_rows is None:
            raise ReadError("this file cannot be read by rows.")
        with lock:
            return read_rows(t, c, z, y0, y1)

    return replace(image, read_plane=plane, read_rows=None if read_rows is None else rows)
