"""`Results`: finished runs with their tables, labels and corrections by hand.

A run is its folder ``runs/<run>/``: `result` is what the run left and is never touched, `edits` are journals. What is
kept in memory can be made again at any time: labels of the frames looked at last, with their corrections applied.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from granum.app.assay_body import make_assay_body
from granum.app.assay_messages import AssayBody
from granum.app.corrected_runs import CorrectedRuns
from granum.app.job_folder import JobFolder
from granum.app.label_planes import open_classes
from granum.app.messages import ImageEntry
from granum.app.open_run import OpenRun
from granum.app.problems import Problem
from granum.app.recipe_messages import LayerInfo
from granum.app.result_folder import ResultFolder
from granum.app.result_frame import ResultFrame
from granum.app.run_messages import EditAck, EditRequest, ObjectTableBody, Run, RunList
from granum.app.tiles import count_levels, cut_decimated, tile_grid

__all__ = ["ResultPictures", "ResultProject", "Results"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_PIXELS = 1 << 26
"""In memory, of all frames together; a frame in a mapped file does not count."""
_Key = tuple[str, str, int]


class ResultProject(Protocol):
    """What results need of a project."""

    read_only: str

    @property
    def cache(self) -> Path:
        """Folder for what can be made again."""
        ...

    def path(self, *parts: str) -> Path:
        """Return a place in the project folder."""
        ...

    def require_writable(self) -> None:
        """Raise a Problem when nothing can be written."""
        ...


class ResultPictures(Protocol):
    """What results need of the images of a project."""

    def entries(self) -> list[ImageEntry]:
        """Return all images."""
        ...

    def id_of(self, sha256: str) -> str | None:
        """Return the id of the image with these bytes."""
        ...

    def path(self, id: str) -> Path:
        """Return its file."""
        ...

    def files(self) -> list[tuple[ImageEntry, Path]]:
        """Return every file that is ready, also those with the same bytes."""
        ...


class Results:
    """The finished runs of a project; every method may be called from any thread.

    Parameters
    ----------
    project : Project
        Where they lie.
    pictures : Pictures
        Where their images are.
    publish : callable
        Gets messages ``{"type": "edits", ...}``; must return at once.
    most_pixels : int
        How many pixels of labels are kept in memory.
    """

    def __init__(
        self,
        project: ResultProject,
        pictures: ResultPictures,
        publish: Callable[[dict[str, Any]], None],
        *,
        most_pixels: int = _MOST_PIXELS,
    ) -> None:
        self._project, self._pictures, self._publish = project, pictures, publish
        self._most_pixels = most_pixels
        self._lock = threading.RLock()
        self._runs: dict[str, OpenRun] = {}
        self._frames: OrderedDict[_Key, ResultFrame] = OrderedDict()
        self._corrected = CorrectedRuns(lambda: project.cache / "corrected")

    # -------------------------------------------------------------------------------------------- runs

    def runs(self) -> RunList:
        """Return all finished runs, newest first; one that is damaged is left out."""
        found = []
        try:
            names = [entry.name for entry in os.scandir(self._project.path("runs")) if _NAME.fullmatch(entry.name)]
        except OSError:  # no run was made yet
            names = []
        for name in names:
            try:
                run = self._open(name)
                found.append((run.order, run.describe(self._image_id)))
            except Problem:
                continue
        return RunList(runs=[run for _, run in sorted(found, key=lambda one: one[0], reverse=True)])

    def run(self, run: str) -> Run:
        """Return one run.

        Raises
        ------
        Problem
            404 when there is none, 409 when it is not finished or damaged.
        """
        return self._open(run).describe(self._image_id)

    def forget(self, run: str) -> None:
        """Let go of everything of a run, after it was deleted."""
        with self._lock:
            self._runs.pop(run, None)
            for key in [key for key in self._frames if key[0] == run]:
                del self._frames[key]
        self._corrected.forget(run)
        shutil.rmtree(self._project.cache / "labels" / run, ignore_errors=True)

    # -------------------------------------------------------------------------------------------- one frame

    def table(self, run: str, stem: str, t: int) -> ObjectTableBody:
        """Return the objects of a frame, corrections included; `label` is that of the tiles.

        Raises
        ------
        Problem
            404 when there is no such run, image or frame; 409 when a corrected frame cannot be measured again.
        """
        with self._frame(run, stem, t) as frame:
            return frame.table()

    def labels(self, run: str, stem: str, t: int) -> LayerInfo:
        """Return where the labels of a frame are."""
        opened = self._open(run)
        opened.folder.labels_path(stem, t)
        shape = opened.folder.shape(stem)
        return LayerInfo(
            name="labels",
            kind="labels",
            url=f"/api/v1/runs/{run}/images/{quote(stem, safe='')}/labels/tiles/{t}",
            n_levels=count_levels(shape),
            height=shape[0],
            width=shape[1],
            version=str(opened.log(stem, t).version),
        )

    def tile(self, run: str, stem: str, t: int, level: int, y: int, x: int) -> NDArray[np.uint32] | None:
        """Return a tile with one pixel more on every side; None when there is nothing but background.

        Raises
        ------
        Problem
            404 when there is no such run, image, frame or tile.
        """
        self._tile_of(run, stem, level, y, x)
        with self._frame(run, stem, t) as frame:
            return frame.tile(level, y, x)

    def classes(self, run: str, stem: str, t: int) -> LayerInfo:
        """Return where the classes of a frame are; Problem 404 when the run found none."""
        folder = self._open(run).folder
        stamp = folder.classes_path(stem, t).stat().st_mtime_ns
        shape = folder.shape(stem)
        return LayerInfo(
            name="classes",
            kind="classes",
            url=f"/api/v1/runs/{run}/images/{quote(stem, safe='')}/classes/tiles/{t}",
            n_levels=count_levels(shape),
            height=shape[0],
            width=shape[1],
            version=f"{stamp:x}",
        )

    def class_tile(self, run: str, stem: str, t: int, level: int, y: int, x: int) -> NDArray[np.uint8] | None:
        """Return a tile of classes with one pixel more on every side; None when there is no class in it."""
        folder = self._tile_of(run, stem, level, y, x)
        plane = open_classes(folder, stem, t, self._project.cache / "labels" / run)
        tile: NDArray[np.uint8] = cut_decimated(plane, level, y, x)
        return tile if tile.any() else None

    # -------------------------------------------------------------------------------------------- corrections

    def edit(self, run: str, stem: str, t: int, request: EditRequest, author: str) -> EditAck:
        """Correct the labels of a frame by hand.

        Raises
        ------
        Problem
            404 when there is no such run, image or frame; 409 when its image is gone or nothing can be written.
        GranumError
            When the edit does not go with the labels; nothing has changed then.
        """
        return self._change(run, stem, t, author, lambda frame: frame.edit(request, author))

    def edit_state(self, run: str, stem: str, t: int, author: str) -> EditAck:
        """Return what an edit would answer, without one: what this author can take back and redo."""
        with self._frame(run, stem, t) as frame:
            return frame.state(author)

    def undo(self, run: str, stem: str, t: int, author: str, id: str = "") -> EditAck:
        """Take back the last correction of an author in a frame; 409 when there is none or it is needed."""
        return self._change(run, stem, t, author, lambda frame: frame.undo(author, id))

    def redo(self, run: str, stem: str, t: int, author: str, id: str = "") -> EditAck:
        """Make the correction again that an author took back last; 409 when there is none."""
        return self._change(run, stem, t, author, lambda frame: frame.redo(author, id))

    def edits_file(self, run: str) -> dict[str, Any] | None:
        """Return the corrections as ``granum run --edits`` takes them; None when there are none."""
        return self._open(run).edits() or None

    def corrected(self, run: str) -> Path:
        """Return the run folder with the corrections in it: the bytes of ``granum run --edits``.

        The folder is made when it is asked for first, in processes of its own; without corrections it is `result`.

        Raises
        ------
        Problem
            409 when an image is gone, or this granum finds other labels than the run did.
        """
        opened = self._open(run)
        edits = opened.edits()
        if not edits:
            return opened.folder.path
        paths = [path for stem in opened.folder.stems for path in self._image_paths(opened, stem)]
        return self._corrected.folder(opened, edits, paths, lambda stem, t: self._numbered(run, stem, t))

    def original(self, run: str) -> Path:
        """Return the run folder as the run left it, whatever was corrected since."""
        return self._open(run).folder.path

    def assay(self, run: str, *, corrected: bool = False) -> AssayBody:
        """Return the result of the assay of a run.

        Parameters
        ----------
        run : str
            The run.
        corrected : bool
            Work corrections by hand in, which takes as long as `corrected`. Otherwise they are in it only where
            that was done already, and the answer says so.

        Raises
        ------
        Problem
            404 when there is no such run, or it made no assay; 409 as in `corrected`.
        """
        opened = self._open(run)
        folder: Path | None = opened.folder.path
        if edits := opened.edits():
            if corrected:
                make_assay_body(opened.folder.path, run)  # without an assay nothing is run for it
            folder = self.corrected(run) if corrected else self._corrected.ready(opened, edits)
        return make_assay_body(folder or opened.folder.path, run, before_corrections=folder is None)

    # -------------------------------------------------------------------------------------------- inside

    def _tile_of(self, run: str, stem: str, level: int, y: int, x: int) -> ResultFolder:
        """Return the folder of a run whose image has a tile; Problem 404 when there is none."""
        folder = self._open(run).folder
        shape = folder.shape(stem)
        rows, columns = tile_grid(shape, level) if 0 <= level < count_levels(shape) else (0, 0)
        if not (0 <= y < rows and 0 <= x < columns):
            raise Problem(404, "not_found", f"there is no tile {level}/{y}/{x} of {stem!r}.")
        return folder

    def _numbered(self, run: str, stem: str, t: int) -> NDArray[np.int32]:
        with self._frame(run, stem, t) as frame:
            return frame.numbered()

    def _change(self, run: str, stem: str, t: int, author: str, act: Callable[[ResultFrame], EditAck]) -> EditAck:
        self._project.require_writable()
        with self._frame(run, stem, t) as frame:
            before = frame.version
            ack = act(frame)
            if frame.version != before:  # not for an answer that is given again
                where = {"run": run, "stem": stem, "t": t}
                self._publish({"type": "edits", **where, "author": author, **ack.model_dump()})
        return ack

    def _open(self, run: str) -> OpenRun:
        """Return a run; read anew when its result was replaced."""
        if not _NAME.fullmatch(run):
            raise Problem(404, "not_found", f"run {run[:80]!r}: does not exist.")
        with self._lock:
            known = self._runs.get(run)
            if known is not None and known.is_current():
                return known
            place = self._project.path("runs", run)
            if not place.is_dir():
                self._runs.pop(run, None)
                raise Problem(404, "not_found", f"run {run!r}: does not exist.")
            if link := JobFolder(place).find_link():
                raise Problem(409, "damaged", f"run {run}: {link} is a link, which may lead anywhere; remove it.")
            opened = OpenRun(place, read_only=bool(self._project.read_only))
            self._runs[run] = opened
            for key in [key for key in self._frames if key[0] == run]:
                del self._frames[key]
            return opened

    @contextmanager
    def _frame(self, run: str, stem: str, t: int) -> Iterator[ResultFrame]:
        """Hold a frame for this thread."""
        key = run, stem, t
        while True:
            opened = self._open(run)
            opened.folder.entry(stem, t)
            with self._lock:
                frame = self._frames.get(key)
                if frame is None:
                    cache = self._project.cache / "labels" / run
                    frame = ResultFrame(opened, stem, t, cache, partial(self._image_paths, opened, stem))
                    self._frames[key] = frame
                self._frames.move_to_end(key)
            with frame.lock:
                with self._lock:
                    current = self._frames.get(key) is frame
                if current:  # not let go of while this thread waited
                    yield frame
                    self._make_room()
                    return

    def _make_room(self) -> None:
        """Let go of the frames that were not used for longest."""
        with self._lock:
            total = sum(frame.n_pixels for frame in self._frames.values())
            while total > self._most_pixels and len(self._frames) > 1:
                total -= self._frames.popitem(last=False)[1].n_pixels

    def _image_id(self, sha256: str) -> str:
        return self._pictures.id_of(sha256) or ""

    def _image_paths(self, run: OpenRun, stem: str) -> list[Path]:
        """Return the files of an input, the main one first, wherever they lie now; Problem 409 when one is gone."""
        return [self._file_path(run, about) for about in run.folder.input(stem)["files"]]

    def _file_path(self, run: OpenRun, about: dict[str, Any]) -> Path:
        id = self._pictures.id_of(about["sha256"])
        if id is None:
            if any(entry.status in ("waiting", "reading") for entry in self._pictures.entries()):
                raise Problem(503, "reading", "the images of the project are still being read; try again in a moment.")
            text = f"{about['name']}: is not in the project any more, so nothing can be measured; put the image back."
            raise Problem(409, "image_missing", text)
        path = self._pictures.path(id)
        if run.folder.run["reading"].get("patterns") and path.name != about["name"]:
            # of files with the same bytes, the one that the patterns found: its name tells the channel
            same = [file for entry, file in self._pictures.files() if entry.id == id and file.name == about["name"]]
            path = same[0] if same else path
        return path
