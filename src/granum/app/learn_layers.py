"""Predictions as layers to look at: which there are, their messages, their tiles.

The process that learns writes arrays, the server maps them and cuts what the page asks for, as with previews. What is
not predicted yet is zero.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from granum.app.learn_jobs import Found, LookJob, PlaneKey, Window
from granum.app.learn_messages import LearnPrediction, Suggestion
from granum.app.preview_results import ResultFolder
from granum.app.problems import Problem
from granum.app.recipe_messages import LayerInfo
from granum.app.tiles import count_levels, cut_decimated, tile_grid

__all__ = ["BLOCK", "LAYERS", "PredictionBook", "ToldBlocks", "block_window", "join_blocks", "make_prediction"]

Layer = Literal["classes", "uncertainty"]
LAYERS: dict[str, str] = {"classes": "u1", "uncertainty": "<u2"}
"""Layer -> dtype of its array, ``LAYER.npy`` in the folder of a prediction."""
BLOCK = 256
"""Rows and columns that are predicted at once: some ten milliseconds, so that a newer stroke need not wait."""
_MOST = 64


@dataclass
class _Held:
    key: str
    folder: Path
    plane: PlaneKey
    shape: tuple[int, int]
    complete: bool = False
    n_news: int = 0
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)


class PredictionBook:
    """The predictions that can be looked at; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._root = ResultFolder()
        self._place: Path | None = None
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._keys: dict[str, str] = {}

    def new_place(self) -> Path:
        """Return an empty folder for the predictions of a new process; those of the one before are forgotten."""
        place = self._root.path / secrets.token_hex(4)
        place.mkdir(mode=0o700)
        with self._lock:
            older, self._place = self._place, place
            self._held.clear()
            self._keys.clear()
        if older is not None:
            shutil.rmtree(older, ignore_errors=True)
        return place

    def new_file(self, suffix: str) -> Path:
        """Return a path for a file that is needed for a moment."""
        return self._root.path / f"{secrets.token_hex(8)}{suffix}"

    def follow(self, job: LookJob, found: Found) -> tuple[str, int]:
        """Note how far a prediction is; return its key, and how often it has changed."""
        with self._lock:
            key = self._keys.get(found.name)
            if key is None:
                # nobody else on a lab server can know it from what was asked for
                key = self._keys[found.name] = secrets.token_hex(12)
                self._held[key] = _Held(key, job.folder / found.name, job.plane, found.shape)
            held = self._held[key]
            held.n_news += bool(found.ready)
            held.complete = held.complete or found.complete
            while len(self._held) > _MOST:
                self._forget(next(iter(self._held)))
            return key, held.n_news

    def forget(self, name: str) -> None:
        """Take away a prediction that its process has let go."""
        with self._lock:
            key = self._keys.get(name)
            if key is not None:
                self._forget(key)

    def tile(self, key: str, layer: str, level: int, y: int, x: int) -> tuple[NDArray[Any] | None, bool]:
        """Return a tile (None when nothing is in it), and whether it will stay as it is.

        Raises
        ------
        Problem
            404 when there is no such prediction or tile, or it was let go for newer ones.
        """
        with self._lock:
            held = self._held.get(key)
            if held is None or layer not in LAYERS:
                raise Problem(404, "not_found", "This prediction is gone; look again.")
            self._held.move_to_end(key)
            complete = held.complete
        rows, columns = tile_grid(held.shape, level) if level < 64 else (0, 0)
        if not (level < count_levels(held.shape) and y < rows and x < columns):
            raise Problem(404, "not_found", f"tile {level}/{y}/{x}: this prediction has none there.")
        # one pixel more around classes, so that outlines close over the borders of tiles
        cut = cut_decimated(self._array(held, layer), level, y, x, halo=1 if layer == "classes" else 0)
        return (cut.astype(LAYERS[layer], copy=False) if cut.any() else None), complete

    def close(self) -> None:
        """Take everything away."""
        with self._lock:
            self._held.clear()
            self._keys.clear()
            self._place = None
        self._root.close()

    def _array(self, held: _Held, layer: str) -> NDArray[Any]:
        known = held.arrays.get(layer)
        if known is None:
            try:
                known = np.load(held.folder / f"{layer}.npy", mmap_mode="r", allow_pickle=False)
            except FileNotFoundError:
                raise Problem(404, "not_found", "This prediction is gone; look again.") from None
            held.arrays[layer] = known
        return known

    def _forget(self, key: str) -> None:
        held = self._held.pop(key)
        self._keys.pop(held.folder.name, None)


class ToldBlocks:
    """Which blocks of which prediction a page was told of, so that a moved view does not fetch anew what is there."""

    def __init__(self) -> None:
        self._key = ""
        self._blocks: set[tuple[int, int]] = set()

    def fresh(self, key: str, ready: Sequence[Window], shape: tuple[int, int]) -> list[Window]:
        """Return the part of windows that is news, and note it; another prediction is all news."""
        if key != self._key:
            self._key, self._blocks = key, set()
        rows, columns = -(-shape[0] // BLOCK), -(-shape[1] // BLOCK)
        fresh = np.zeros((rows, columns), np.bool_)
        for y0, x0, y1, x1 in ready:
            for row in range(y0 // BLOCK, -(-y1 // BLOCK)):
                for column in range(x0 // BLOCK, -(-x1 // BLOCK)):
                    fresh[row, column] = (row, column) not in self._blocks
        self._blocks |= {(int(row), int(column)) for row, column in zip(*np.nonzero(fresh), strict=True)}
        return join_blocks(fresh, shape)


def block_window(row: int, column: int, shape: tuple[int, int]) -> Window:
    """Return the pixels of a block of a plane."""
    y, x = row * BLOCK, column * BLOCK
    return y, x, min(y + BLOCK, shape[0]), min(x + BLOCK, shape[1])


def join_blocks(done: NDArray[np.bool_], shape: tuple[int, int]) -> list[Window]:
    """Return the blocks that are done as rectangles: runs of a row, joined with equal runs of the row above."""
    open_runs: dict[tuple[int, int], int] = {}
    found: list[tuple[int, int, int, int]] = []
    for row in range(done.shape[0] + 1):
        runs = _runs(done[row]) if row < done.shape[0] else []
        for run in [one for one in open_runs if one not in runs]:
            found.append((open_runs.pop(run), run[0], row, run[1]))
        for run in runs:
            open_runs.setdefault(run, row)
    height, width = shape
    return [
        (y0 * BLOCK, x0 * BLOCK, min(y1 * BLOCK, height), min(x1 * BLOCK, width)) for y0, x0, y1, x1 in sorted(found)
    ]


def _runs(row: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def make_prediction(
    job: LookJob, found: Found, *, key: str, n_news: int, ready: Sequence[Window], request: int, seconds: float
) -> LearnPrediction:
    """Return the message about a prediction."""
    image, t, z = job.plane
    return LearnPrediction(
        request=request,
        key=key,
        image=image,
        t=t,
        z=z,
        model=job.model,
        classes=_layer_info("classes", key, n_news, found.shape),
        uncertainty=_layer_info("uncertainty", key, n_news, found.shape),
        ready=[list(window) for window in ready],
        complete=found.complete,
        areas=found.areas,
        suggestions=[
            Suggestion(y=spot.y, x=spot.x, radius=spot.radius, class_ids=list(spot.class_ids), reason=spot.reason)
            for spot in found.spots
        ],
        seconds=round(seconds, 4),
        notes=list(found.notes),
    )


def _layer_info(layer: Layer, key: str, n_news: int, shape: tuple[int, int]) -> LayerInfo:
    return LayerInfo(
        name=layer,
        kind="classes" if layer == "classes" else "image",
        url=f"/api/v1/learn/predictions/{key}/{layer}/tiles",
        n_levels=count_levels(shape),
        height=shape[0],
        width=shape[1],
        version=f"{key}-{n_news}",
    )
