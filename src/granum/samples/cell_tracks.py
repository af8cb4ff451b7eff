"""Tracks of simulated nuclei: from the frame in which one is seen first to the last, without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.samples.cell_cast import CellCast, CellMoment
from granum.samples.cell_lineage import CellLineage
from granum.samples.live_dead_picture import label_nuclei

__all__ = ["CellTracks", "find_cell_tracks"]


@dataclass(frozen=True, eq=False)
class CellTracks:
    """Tracks of a series.

    Parameters
    ----------
    tracks : dict of str to list
        Columns as in `LiveDeadSeries`.
    numbers : list of (N, 2) ndarray of int64
        Per frame, the track of both nuclei of each cell of its moment; 0 where none is seen.
    n_live, n_dead : (T,) ndarray of int64
        Nuclei that are seen.
    """

    tracks: dict[str, list[Any]]
    numbers: list[NDArray[np.int64]]
    n_live: NDArray[np.int64]
    n_dead: NDArray[np.int64]


def find_cell_tracks(
    cast: CellCast,
    lineage: CellLineage,
    moments: Sequence[CellMoment],
    *,
    shape: tuple[int, int],
    times_h: NDArray[np.float64],
) -> CellTracks:
    """Return the tracks of all nuclei that have at least a pixel in a frame.

    Parameters
    ----------
    cast, lineage, moments : CellCast, CellLineage, sequence of CellMoment
        The cells, their lives, and where they are in each frame.
    shape : (int, int)
        Frame in px.
    times_h : (T,) ndarray of float64
        Times of the frames.

    Notes
    -----
    Labels of nuclei are drawn for every frame, without pictures: about 2 ms a frame of 512 x 512 px.
    """
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "track", "cell", "parent", "first_frame", "last_frame", "first_h", "last_h", "begin", "end",
            "dead_at_first", "death_h",
        )
    }  # fmt: skip
    last = len(moments) - 1
    numbers, open_tracks = [], dict[tuple[int, int], int]()
    n_live, n_dead = np.zeros(last + 1, np.int64), np.zeros(last + 1, np.int64)
    for frame, moment in enumerate(moments):
        _, rows, which, _ = label_nuclei(cast, moment, moment.centres + moment.stage, shape)
        number = np.zeros((len(moment.cells), 2), np.int64)
        still = dict[tuple[int, int], int]()
        for row, nucleus in zip(rows.tolist(), which.tolist(), strict=True):
            cell = int(moment.cells[row])
            track = open_tracks.get((cell, nucleus))
            if track is None:
                track = len(columns["track"]) + 1
                mother = int(lineage.parent[cell])
                fresh = mother >= 0 and lineage.born_h[cell] > (times_h[frame - 1] if frame else -1.0)
                parent = open_tracks.get((mother, 0), 0) if fresh else 0
                begin = "start" if frame == 0 else "born" if parent else "entered"
                for name, value in (
                    ("track", track), ("cell", cell + 1), ("parent", parent), ("first_frame", frame), ("begin", begin),
                    ("first_h", round(float(times_h[frame]), 6)), ("dead_at_first", bool(moment.is_dead[row])),
                ):  # fmt: skip
                    columns[name].append(value)
                for name in ("last_frame", "last_h", "end", "death_h"):
                    columns[name].append(None)
            still[cell, nucleus] = track
            number[row, nucleus] = track
            columns["last_frame"][track - 1] = frame
        n_dead[frame] = moment.is_dead[rows].sum()
        n_live[frame] = len(rows) - n_dead[frame]
        numbers.append(number)
        open_tracks = still
    for at, (cell, first, end) in enumerate(
        zip(columns["cell"], columns["first_frame"], columns["last_frame"], strict=True)
    ):
        columns["last_h"][at] = round(float(times_h[end]), 6)
        ended = end < last and times_h[end + 1] >= lineage.end_h[cell - 1]
        gone = "divided" if lineage.divides[cell - 1] else "loose"
        columns["end"][at] = "last" if end == last else gone if ended else "left"
        death = float(lineage.death_h[cell - 1])
        if not columns["dead_at_first"][at] and times_h[first] < death <= times_h[end]:
            columns["death_h"][at] = round(death, 6)
    return CellTracks(columns, numbers, n_live, n_dead)
