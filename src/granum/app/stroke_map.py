"""`StrokeMap`: which stroke every painted pixel of a plane belongs to, from the records of its journal.

`PaintLayer` shows classes and forgets which of its oldest strokes was where; who learns from strokes must know, because
pixels of one stroke are never both learnt from and tested on. A map follows the records one by one, so that one more
stroke costs one stroke.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.app.problems import Problem
from granum.app.strokes import TileKey, record_runs, split_runs
from granum.app.tiles import TILE
from granum.learn.scribbles import Scribbles

__all__ = ["StrokeMap"]


@dataclass(slots=True, eq=False)
class _Stroke:
    """One act in the order of painting; class 0 is the eraser."""

    class_id: int
    runs: dict[TileKey, NDArray[np.uint16]]
    active: bool = True


@dataclass(slots=True, eq=False)
class _Tile:
    """Number of the stroke of each pixel, negative where it covers a stroke of another class; 0 is unpainted."""

    numbers: NDArray[np.int32] = field(default_factory=lambda: np.zeros((TILE, TILE), np.int32))
    strokes: list[int] = field(default_factory=list)
    """All that reach into the tile, active or not, in order."""
    pixels: tuple[NDArray[np.int64], NDArray[np.int32]] | None = None
    """Places y * TILE + x and numbers of the painted pixels, until the tile changes."""


class StrokeMap:
    """The strokes of one plane.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the image.

    Attributes
    ----------
    version : int
        Number of the last record that was followed.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.version = 0
        self._strokes: list[_Stroke] = []
        self._number_of: dict[str, int] = {}
        self._class_of = np.zeros(64, np.uint8)
        self._tiles: dict[TileKey, _Tile] = {}

    @property
    def nbytes(self) -> int:
        """Memory, about."""
        runs = sum(piece.nbytes + 100 for stroke in self._strokes for piece in stroke.runs.values())
        return len(self._tiles) * TILE * TILE * 4 + runs

    def follow(self, number: int, record: dict[str, Any]) -> None:
        """Do what a record of the journal says.

        Raises
        ------
        Problem
            422 when the record is none of a layer.
        """
        try:
            if record["do"] == "paint":
                self._paint(str(record["id"]), int(record["class"]), split_runs(record_runs(record, self.shape)))
            elif record["do"] in ("undo", "redo"):
                self._move(self._number_of.get(record["act"], 0), record["do"] == "redo")
            else:
                raise ValueError(record["do"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            text = f"record {number} of the strokes cannot be read ({error!r}); a later granum may have written it."
            raise Problem(422, "unreadable", text) from error
        self.version = number

    def scribbles(self, name: str) -> Scribbles:
        """Return the painted pixels with the numbers of their strokes, counted from 1 in the order of painting.

        Parameters
        ----------
        name : str
            Of the image, for messages.
        """
        flats, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
        for (row, column), tile in self._tiles.items():
            if tile.pixels is None:
                inside = np.flatnonzero(tile.numbers)
                tile.pixels = (inside, tile.numbers.ravel()[inside])
            inside, numbers = tile.pixels
            y, x = inside // TILE + row * TILE, inside % TILE + column * TILE
            flats.append(y * self.shape[1] + x)
            values.append(numbers)
        flat, signed = np.concatenate(flats), np.concatenate(values)
        order = np.argsort(flat, kind="stable")
        flat, signed = flat[order], signed[order]
        strokes = np.abs(signed)
        n_over = int(np.count_nonzero(signed < 0))
        notes = (
            (f"{name}: strokes of two classes overlap on {n_over} pixels; the later stroke counts.",) if n_over else ()
        )
        rows, columns = (flat // self.shape[1]).astype(np.int32), (flat % self.shape[1]).astype(np.int32)
        return Scribbles(name, self.shape, rows, columns, self._class_of[strokes], strokes, notes)

    def _paint(self, id: str, class_id: int, pieces: dict[TileKey, NDArray[np.uint16]]) -> None:
        if not 0 <= class_id <= 255:
            raise ValueError(f"class {class_id}")
        if not class_id:  # where nobody ever painted there is nothing to take away, now or after an undo
            pieces = {key: piece for key, piece in pieces.items() if key in self._tiles}
        self._strokes.append(_Stroke(class_id, pieces))
        number = self._number_of[id] = len(self._strokes)
        if number >= len(self._class_of):
            self._class_of = np.concatenate([self._class_of, np.zeros_like(self._class_of)])
        self._class_of[number] = class_id
        for key, piece in pieces.items():
            tile = self._tiles.setdefault(key, _Tile())
            tile.strokes.append(number)
            tile.pixels = None
            _write(tile.numbers, piece, number, self._class_of)

    def _move(self, number: int, active: bool) -> None:
        """Undo or redo; a record whose stroke was lost to damage does nothing."""
        if not number or self._strokes[number - 1].active == active:
            return
        stroke = self._strokes[number - 1]
        stroke.active = active
        for key in stroke.runs:
            tile = self._tiles[key]
            tile.pixels = None
            tile.numbers[:] = 0
            for one in tile.strokes:
                if self._strokes[one - 1].active:
                    _write(tile.numbers, self._strokes[one - 1].runs[key], one, self._class_of)


@njit(nogil=True, cache=True)
def _write(numbers: Any, runs: Any, number: int, class_of: Any) -> None:
    """Give runs of a tile to a stroke; the eraser, of class 0, takes everything away."""
    own = class_of[number]
    for i in range(len(runs)):
        y: Any = np.int64(runs[i, 0])
        for x in range(np.int64(runs[i, 1]), np.int64(runs[i, 2]) + 1):
            old = numbers[y, x]
            if own == 0:
                numbers[y, x] = 0
            elif old != 0 and (old < 0 or class_of[old] != own):
                numbers[y, x] = -number
            else:
                numbers[y, x] = number
