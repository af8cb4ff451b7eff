"""`ResultFrame`: labels and table of one frame of a run, with its corrections applied and measured anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from granum.app.label_planes import IN_MEMORY, check_sum, give_back, open_labels
from granum.app.measure_again import Measurer
from granum.app.object_body import make_object_body
from granum.app.open_run import OpenRun
from granum.app.problems import Problem
from granum.app.result_edits import FrameEdits
from granum.app.run_messages import EditAck, EditRequest, ObjectTableBody
from granum.app.tiles import cut_decimated
from granum.separate.label_boxes import close_gaps

__all__ = ["ResultFrame"]


class ResultFrame:
    """One frame; whoever uses it holds `lock`.

    Parameters
    ----------
    run : OpenRun
        The run.
    stem, t : str, int
        Which frame.
    cache : Path
        Folder for large labels.
    image_paths : callable
        Returns the files of the image, the main one first, or raises the Problem that says why there are none.
    """

    def __init__(self, run: OpenRun, stem: str, t: int, cache: Path, image_paths: Callable[[], list[Path]]) -> None:
        self.lock = threading.RLock()
        self._run, self._stem, self._t = run, stem, t
        self._cache, self._image_paths = cache, image_paths
        self._log = run.log(stem, t)
        self._plain: NDArray[np.int32] | None = None
        self._edits: FrameEdits | None = None
        self._measurer: Measurer | None = None
        self._confidence: dict[int, float] = {}
        self._table: ObjectTableBody | None = None

    @property
    def version(self) -> int:
        """Changes with every correction."""
        return self._log.version

    @property
    def n_pixels(self) -> int:
        """Pixels that are kept in memory, about."""
        height, width = self._run.folder.shape(self._stem)
        small = height * width <= IN_MEMORY
        kept = (self._plain is not None) + (self._edits is not None) + (self._measurer is not None)
        return height * width * (kept if small else int(self._measurer is not None))

    @property
    def labels(self) -> NDArray[np.int32]:
        """The labels with all corrections; they may have gaps."""
        if self._edits is not None or self._log.active:
            return self._editing().labels
        if self._plain is None:
            self._plain = open_labels(self._run.folder, self._stem, self._t, self._cache, writable=False)
        return self._plain

    def tile(self, level: int, y: int, x: int) -> NDArray[np.uint32] | None:
        """Return a tile with its halo, or None when it is empty."""
        tile = cut_decimated(self.labels, level, y, x)
        if level > 1:  # has touched most of the plane
            give_back(self.labels)
        return tile.astype("<u4") if tile.any() else None

    def numbered(self) -> NDArray[np.int32]:
        """Return the labels 1..K without gaps, as a run with these corrections writes them."""
        edits = self._editing()
        return close_gaps(edits.labels, edits.values)

    def table(self) -> ObjectTableBody:
        """Return the objects."""
        if self._table is None or self._table.version != self.version:
            self._table = self._measured() if self._log.active else self._written()
        return self._table

    def edit(self, request: EditRequest, author: str) -> EditAck:
        """Make a correction."""
        self._image_paths()  # what cannot be measured is not corrected
        return self._editing().edit(request, author)

    def state(self, author: str) -> EditAck:
        """Return how many corrections there are, and what an author can do about them."""
        log = self._log
        n = int(self._run.folder.row(self._stem, self._t)["n_objects"] or 0)
        return EditAck(
            version=log.version,
            dirty=[],
            n_objects=log.n_objects if log.active and log.n_objects is not None else n,
            n_edits=len(log.active),
            can_undo=log.last_of(author) is not None,
            can_redo=log.next_of(author) is not None,
        )

    def undo(self, author: str, id: str) -> EditAck:
        """Take one back."""
        return self._editing().undo(author, id)

    def redo(self, author: str, id: str) -> EditAck:
        """Make one again."""
        return self._editing().redo(author, id)

    def _editing(self) -> FrameEdits:
        if self._edits is None:
            labels = open_labels(self._run.folder, self._stem, self._t, self._cache, writable=True)
            self._edits = FrameEdits(labels, check_sum(labels), self._log)
            self._plain = None
            give_back(labels)
        return self._edits

    def _written(self) -> ObjectTableBody:
        """Return the table as the run wrote it."""
        folder = self._run.folder
        columns = folder.columns(self._stem, self._t)
        summary = folder.summary(self._stem, self._t)
        n = int(folder.row(self._stem, self._t)["n_objects"] or 0)
        return ObjectTableBody(n_objects=n, version=self.version, columns=columns, summary=summary)

    def _measured(self) -> ObjectTableBody:
        """Return the table of the corrected labels."""
        folder, edits = self._run.folder, self._editing()
        if self._measurer is None:
            self._confidence = self._known_confidence()
            reading = folder.run["reading"]
            self._measurer = Measurer(folder.recipe, self._image_paths(), self._t, reading, edits.labels)
        values, edited = edits.values, edits.edited
        confidence = np.array(
            [
                1.0 if by_hand else self._confidence.get(label, 1.0)
                for label, by_hand in zip(values.tolist(), edited, strict=True)
            ]
        )
        objects = self._measurer(edits.labels, confidence, edited)
        written = folder.summary(self._stem, self._t)
        n_pixels = int(written.get("analysed_px") or 0)
        body = make_object_body(objects, folder.pixel_size(self._stem, self._t), n_pixels, self.version)
        known = {name: None if value is None else float(f"{value:.7g}") for name, value in body.summary.items()}
        summary = {name: known.get(name, value) for name, value in {**written, **known}.items()}
        return body.model_copy(update={"n_objects": len(values), "summary": {**summary, "n_objects": len(values)}})

    def _known_confidence(self) -> dict[int, float]:
        """Return label -> confidence as the run wrote it, where that is under 1."""
        columns = {column.name: column.values for column in self._run.folder.columns(self._stem, self._t)}
        if "label" not in columns or "confidence" not in columns:
            return {}
        flags = columns.get("flags", [""] * len(columns["label"]))
        found = {}
        for label, value, names in zip(columns["label"], columns["confidence"], flags, strict=True):
            if value is None:
                raise Problem(409, "damaged", f"objects.csv: object {label} has no confidence.")
            # seven digits may have made a whole half of what was just under it
            doubtful = value >= 0.5 and "low_confidence" in str(names)
            found[int(label)] = float(np.nextafter(0.5, 0.0)) if doubtful else float(value)
        return found
