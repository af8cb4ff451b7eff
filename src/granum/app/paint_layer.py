"""The painting of one plane: acts in the order of painting, of which every author can take back and redo their own.

A pixel has the class of the last active act that covers it; "active" is what was painted and not taken back. So undo
and redo are exact whatever others have painted meanwhile: a redone act returns to its old place in the order.

Every tile keeps the acts that can still be taken back or redone, and its content before the first of them. Undo makes
only the tiles of its act anew, from those. An act that nobody can reach any more becomes part of the content, so that
memory and time do not grow with the number of strokes. Out of reach is what lies more than `MOST_UNDO` acts back in the
history of its author, or what has more than `MOST_ON_A_TILE` acts on one of its tiles.

Nothing changes before it is written down: `append` gets the record of an act first, and `replay` makes the same state
from the same records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.paint_messages import PaintAck, PaintChanges, Stroke
from granum.app.paint_tiles import PaintTiles, Rect, join_rects, write_runs
from granum.app.problems import Problem
from granum.app.stroke_map import StrokeMap
from granum.app.strokes import TileKey, check_points, cover, fill, quantise, record_runs, split_runs
from granum.app.tiles import TILE
from granum.separate.drawing import Runs

__all__ = ["MOST_ON_A_TILE", "MOST_UNDO", "PaintLayer"]

MOST_UNDO = 200
MOST_ON_A_TILE = 1000
_MOST_RECTS = 64
_KEPT_RECTS = 1000


@dataclass(slots=True, eq=False)
class _Act:
    """One stroke; `runs` holds its pixels in each of its tiles."""

    id: str
    author: str
    class_id: int
    runs: dict[TileKey, NDArray[np.uint16]]
    active: bool = True
    settled: bool = False
    """Nobody can take it back or redo it."""


@dataclass(slots=True)
class _Open:
    """What can still change in a tile: acts in order, and the content before the first; None is nothing but 0."""

    before: NDArray[np.uint8] | None
    acts: deque[_Act] = field(default_factory=deque)


@dataclass(slots=True)
class _History:
    """What one author can take back and redo, the next last."""

    undo: deque[_Act] = field(default_factory=deque)
    redo: list[_Act] = field(default_factory=list)


class PaintLayer:
    """The classes of one plane.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the image.
    append : callable
        Writes a record down and returns its number; numbers grow.
    records : callable, optional
        Number -> the records of this plane after it, with their numbers; `stroke_map` needs it.

    Attributes
    ----------
    version : int
        Number of the last record of this plane.
    n_strokes : int
        Active acts.
    n_left_out : int
        Replayed records that did not go with the ones before (after damage to the journal).

    Notes
    -----
    Not for several threads at once: whoever shares a layer has a lock.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        append: Callable[[dict[str, Any]], int],
        records: Callable[[int], Iterable[tuple[int, dict[str, Any]]]] | None = None,
    ) -> None:
        self.shape = shape
        self.tiles = PaintTiles(shape)
        self.version = 0
        self.n_strokes = 0
        self.n_left_out = 0
        self._append = append
        self._records = records
        self._stroke_map: StrokeMap | None = None
        self._open: dict[TileKey, _Open] = {}
        self._histories: dict[str, _History] = {}
        self._answers: dict[str, tuple[str, int, Rect | None, int, bool, bool]] = {}
        self._recent: deque[tuple[int, Rect]] = deque()
        self._forgotten = 0  # newest version that is no longer in _recent

    @property
    def nbytes(self) -> int:
        """Memory, about."""
        strokes = 0 if self._stroke_map is None else self._stroke_map.nbytes
        return self.tiles.nbytes + strokes + len(self._open) * 300_000 + len(self._answers) * 300

    def areas(self) -> dict[int, int]:
        """Return class -> painted pixels, without classes that nobody painted."""
        return {int(one): int(self.tiles.areas[one]) for one in np.flatnonzero(self.tiles.areas) if one}

    def stroke_map(self) -> StrokeMap:
        """Return which stroke every painted pixel belongs to; made when asked for, then kept up to date."""
        if self._records is None:
            raise RuntimeError("the layer cannot read its records")
        if self._stroke_map is None:
            self._stroke_map = StrokeMap(self.shape)
        if self._stroke_map.version < self.version:
            for number, record in self._records(self._stroke_map.version):
                self._stroke_map.follow(number, record)
        return self._stroke_map

    def can_undo(self, author: str) -> bool:
        """Whether an author has something to take back."""
        return author in self._histories and bool(self._histories[author].undo)

    def can_redo(self, author: str) -> bool:
        """Whether an author has taken something back and painted nothing since."""
        return author in self._histories and bool(self._histories[author].redo)

    def paint(self, stroke: Stroke, author: str) -> PaintAck:
        """Paint a stroke; the same id again gives the same answer and paints nothing.

        A stroke that covers no pixel, or a fill with the class that is there, is no act: nothing is kept of it.

        Raises
        ------
        Problem
            422 when the stroke does not fit the image, 409 when its id is that of an undo; what `append` raises.
        """
        known = self._answer(stroke.id, "paint")
        if known is not None:
            return known
        check_points(stroke, self.shape)
        record: dict[str, Any] = {"do": "paint", "id": stroke.id, "author": author, "tool": stroke.tool}
        record["class"] = 0 if stroke.tool == "eraser" else stroke.class_id
        if stroke.tool == "fill":
            runs = self._fill(stroke)
            record["runs"] = np.column_stack(runs).ravel().tolist()
        else:
            path = quantise(value for point in stroke.points for value in point)
            radius = float(quantise([stroke.radius])[0])
            runs = cover(stroke.tool, path.reshape(-1, 2), radius, self.shape)
            record |= {"radius": radius, "path": path.tolist()}
        if not len(runs[0]):
            return self._ack(self.version, None, author)
        return self._paint(self._append(record), record, runs)

    def undo(self, author: str, request: str = "") -> PaintAck:
        """Take back the author's last act; an empty answer when there is none, or the same `request` came before."""
        return self._move("undo", author, request)

    def redo(self, author: str, request: str = "") -> PaintAck:
        """Bring back the act that the author took back last, to its old place in the order."""
        return self._move("redo", author, request)

    def replay(self, number: int, record: dict[str, Any]) -> None:
        """Do again what a record says.

        Raises
        ------
        Problem
            422 when the record is none of a layer.
        """
        try:
            do, author = record["do"], record["author"]
            if do == "paint":
                self._paint(number, record, record_runs(record, self.shape))
            elif do in ("undo", "redo"):
                self._do_move(number, do, author, record["act"], record.get("id", ""))
            else:
                raise ValueError(do)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            text = f"record {number} of the strokes cannot be read ({error!r}); a later granum may have written it."
            raise Problem(422, "unreadable", text) from error

    def changes(self, since: int) -> PaintChanges:
        """Return what has changed after a version, as rectangles; all of the plane for a version that never was."""
        whole: Rect = (0, 0, *self.shape)
        if since > self.version:
            rects = [whole]
        else:
            rects = [rect for version, rect in self._recent if version > since]
            if since < self._forgotten or len(rects) > _MOST_RECTS:
                rects = self.tiles.changed_since(since)
        return PaintChanges(version=self.version, dirty=[list(rect) for rect in rects])

    def _fill(self, stroke: Stroke) -> Runs:
        runs = fill(self.tiles.window, stroke.points[0], self.shape)
        y, x = int(runs[0][0]), int(runs[1][0])
        if self.tiles.window(y, x, y + 1, x + 1)[0, 0] == stroke.class_id:
            return runs[0][:0], runs[1][:0], runs[2][:0]
        return runs

    def _paint(self, number: int, record: dict[str, Any], runs: Runs) -> PaintAck:
        """Change the pixels of a new act."""
        author, class_id = record["author"], int(record["class"])
        pieces = split_runs(runs)
        if not class_id:  # where nobody ever painted there is nothing to take away, now or after an undo
            pieces = {key: piece for key, piece in pieces.items() if key in self.tiles}
        act = _Act(record["id"], author, class_id, pieces)
        history = self._histories.setdefault(author, _History())
        dropped, history.redo = history.redo, []
        history.undo.append(act)
        if len(history.undo) > MOST_UNDO:
            dropped.append(history.undo[0])
        for key in pieces:
            if key not in self._open:
                self._open[key] = _Open(self.tiles.copy_of(key))
            self._open[key].acts.append(act)
        self.n_strokes += 1
        dirty: Rect | None = None
        for key, piece in pieces.items():
            changed = self.tiles.write(key, piece, class_id, number)
            dirty = dirty if changed is None else join_rects(dirty, changed)
            if len(self._open[key].acts) > MOST_ON_A_TILE:
                dropped.append(self._open[key].acts[0])
        for old in dropped:
            self._settle(old)
        return self._done(number, "paint", record["id"], author, dirty)

    def _move(self, do: str, author: str, request: str) -> PaintAck:
        """Undo or redo."""
        known = self._answer(request, do) if request else None
        if known is not None:
            return known
        history = self._histories.get(author)
        acts = [] if history is None else history.undo if do == "undo" else history.redo
        if not acts:
            return self._ack(self.version, None, author)
        act = acts[-1].id
        number = self._append({"do": do, "id": request, "author": author, "act": act})
        return self._do_move(number, do, author, act, request)

    def _do_move(self, number: int, do: str, author: str, act_id: str, request: str) -> PaintAck:
        history = self._histories.setdefault(author, _History())
        source = history.undo if do == "undo" else history.redo
        act = next((one for one in reversed(source) if one.id == act_id), None)
        if act is None:  # its stroke was lost to damage
            self.n_left_out += 1
            return self._done(number, do, request, author, None)
        source.remove(act)
        act.active = do == "redo"
        (history.undo if act.active else history.redo).append(act)
        self.n_strokes += 1 if act.active else -1
        dirty: Rect | None = None
        for key in act.runs:
            changed = self.tiles.replace(key, _make_anew(self._open[key], key), number)
            dirty = dirty if changed is None else join_rects(dirty, changed)
        return self._done(number, do, request, author, dirty)

    def _settle(self, act: _Act) -> None:
        """Put an act out of reach; the content of its tiles takes in what is out of reach from the first on."""
        history = self._histories[act.author]
        if act in history.undo:
            history.undo.remove(act)
        if act in history.redo:
            history.redo.remove(act)
        act.settled = True
        for key in act.runs:
            tile = self._open.get(key)
            if tile is None:
                continue
            while tile.acts and tile.acts[0].settled:
                first = tile.acts.popleft()
                if first.active:
                    if tile.before is None:
                        tile.before = np.zeros((TILE, TILE), np.uint8)
                    write_runs(tile.before, first.runs[key], np.uint8(first.class_id), np.zeros(256, np.int64))
            if not tile.acts:
                del self._open[key]

    def _done(self, number: int, kind: str, request: str, author: str, dirty: Rect | None) -> PaintAck:
        """Note a change, and its answer in case it is asked for again."""
        self.version = number
        if dirty is not None:
            self._recent.append((number, dirty))
            if len(self._recent) > _KEPT_RECTS:
                self._forgotten = self._recent.popleft()[0]
        if request:
            n, undo, redo = self.n_strokes, self.can_undo(author), self.can_redo(author)
            self._answers[request] = (kind, number, dirty, n, undo, redo)
        return self._ack(number, dirty, author)

    def _ack(self, version: int, dirty: Rect | None, author: str) -> PaintAck:
        return PaintAck(
            version=version,
            dirty=list(dirty or ()),
            n_strokes=self.n_strokes,
            can_undo=self.can_undo(author),
            can_redo=self.can_redo(author),
        )

    def _answer(self, request: str, kind: str) -> PaintAck | None:
        """Return the answer that an id has got before."""
        if request not in self._answers:
            return None
        known, version, dirty, n_strokes, can_undo, can_redo = self._answers[request]
        if known != kind:
            raise Problem(409, "id_used", f"id {request!r} is that of {known}; every request needs an id of its own.")
        return PaintAck(
            version=version, dirty=list(dirty or ()), n_strokes=n_strokes, can_undo=can_undo, can_redo=can_redo
        )


def _make_anew(tile: _Open, key: TileKey) -> NDArray[np.uint8]:
    """Return the content of a tile from what was before and the active acts."""
    areas = np.zeros(256, np.int64)
    new = np.zeros((TILE, TILE), np.uint8) if tile.before is None else tile.before.copy()
    for act in tile.acts:
        if act.active:
            write_runs(new, act.runs[key], np.uint8(act.class_id), areas)
    return new
