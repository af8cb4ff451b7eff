"""Nuclei followed through the frames of one field: which are the same, which divide, when they die.

Label images are read one by one, so memory does not grow with the length of a series. Frames of another size than those
before cannot be linked to them; following starts anew there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.batch.image_places import ImagePlace

__all__ = ["TABLES", "FollowedSeries", "SeriesFrame", "SeriesJob", "follow_series"]

TABLES = ("tracks", "events", "lives")
"""The tables of a followed series; each is a file of the run folder."""

_Table = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class SeriesFrame:
    """One time of a series, with the files of its nuclei.

    Parameters
    ----------
    file, frame : str, int
        As the tables name it.
    time : float
        In the time unit of the assay.
    labels, objects : Path
        Label image and table of objects.
    """

    file: str
    frame: int
    time: float
    labels: Path
    objects: Path


@dataclass(frozen=True)
class SeriesJob:
    """A field to follow.

    Parameters
    ----------
    place : ImagePlace
        Plate, well and field.
    frames : tuple of SeriesFrame
        At least two, by time.
    time_unit : str
        "h" or "frame": the ending of the columns of times.
    out : Path
        Folder of the tables, named ``<number>.<table>.csv``.
    number : int
        Of the series.
    """

    place: ImagePlace
    frames: tuple[SeriesFrame, ...]
    time_unit: str
    out: Path
    number: int

    def table(self, name: str) -> Path:
        """Return the file of one of its tables."""
        return self.out / f"{self.number:06d}.{name}.csv"


@dataclass(frozen=True, eq=False)
class FollowedSeries:
    """What came out: start, end and "died" of every life, the number of tracks, and what the user must know."""

    lives: _Table
    n_tracks: int
    notes: tuple[str, ...]


def follow_series(job: SeriesJob) -> FollowedSeries:
    """Follow the nuclei of one field, write its tables and return the lives; called in the workers.

    Raises
    ------
    ReadError
        When a committed file cannot be read.
    """
    from granum.report.tables import write_table

    parts: dict[str, list[_Table]] = {name: [] for name in TABLES}
    lives: list[_Table] = []
    n_tracks = 0
    runs = _runs_of_one_size(job.frames)
    for run in runs:
        tracks, found, known = _follow(run, n_tracks, job.time_unit)
        n_tracks = max(n_tracks, int(tracks["track"].max(initial=0)))
        for name, table in zip(TABLES, (tracks, *found), strict=True):
            parts[name].append(table)
        lives.append(known)
    where = {"plate": job.place.plate, "well": job.place.well, "field": job.place.field}
    for name, tables in parts.items():
        joined = _join(tables)
        n = len(next(iter(joined.values()), ()))
        write_table(job.table(name), {**{key: np.full(n, text, object) for key, text in where.items()}, **joined})
    notes = []
    if len(runs) > 1:
        name = " ".join(part for part in where.values() if part)
        at = ", ".join(f"{run[0].file}, frame {run[0].frame}" for run in runs[1:])
        notes.append(f"{name}: frames have different sizes; nuclei are not followed across {at}.")
    return FollowedSeries(_join(lives), n_tracks, tuple(notes))


def _runs_of_one_size(frames: Sequence[SeriesFrame]) -> list[list[SeriesFrame]]:
    """Return the frames in runs whose label images have the same size."""
    import tifffile

    runs: list[list[SeriesFrame]] = []
    last: tuple[int, ...] | None = None
    for frame in frames:
        with tifffile.TiffFile(frame.labels) as file:
            shape = file.pages[0].shape
        if shape != last:
            runs.append([])
        runs[-1].append(frame)
        last = shape
    return runs


def _follow(frames: Sequence[SeriesFrame], n_before: int, unit: str) -> tuple[_Table, tuple[_Table, _Table], _Table]:
    """Return tracks, (events, lives as a table), and the lives for curves of survival of frames of one size."""
    from granum.report.label_images import read_labels
    from granum.report.tables import read_objects_csv
    from granum.track.death import find_death_times
    from granum.track.events import list_events, list_lives
    from granum.track.track_builder import TrackBuilder

    builder = TrackBuilder()
    for frame in frames:
        rows = read_objects_csv(frame.objects, ("label", "p_dead"))
        labels = read_labels(frame.labels)
        builder.add(labels, rows if len(rows.get("label", ())) else {"p_dead": np.zeros(0)})
    tracks = builder.tracks()
    times = np.array([frame.time for frame in frames])
    if "p_dead" not in tracks:
        tracks["p_dead"] = np.full(len(tracks["track"]), np.nan)
    deaths = find_death_times(tracks, n_frames=len(frames))
    events = list_events(tracks, deaths)
    lives = list_lives(deaths, times)
    moved = {"track": n_before, "parent": n_before, "merged_into": n_before, "other": n_before}
    numbered = {
        name: np.where(values > 0, values + moved[name], 0) if name in moved else values
        for name, values in tracks.items()
    }
    at = tracks["frame"]
    table = {
        "track": numbered["track"],
        f"time_{unit}": times[at],
        "file": np.array([frame.file for frame in frames], object)[at],
        "frame": np.array([frame.frame for frame in frames], np.int64)[at],
        "label": tracks["label"],
        "y": tracks["y"],
        "x": tracks["x"],
        "area_px": tracks["area"],
        "to_border_px": tracks["to_border"],
        "parent": numbered["parent"],
        "merged_into": numbered["merged_into"],
        "n_missed": tracks["gap"],
        "p_dead": tracks["p_dead"],
        "p_dead_of_track": deaths.p_dead,
    }
    return (
        table,
        (_event_table(events, frames, times, n_before, unit), _life_table(deaths.table, times, n_before, unit)),
        lives,
    )


def _event_table(
    events: _Table, frames: Sequence[SeriesFrame], times: NDArray[np.float64], n_before: int, unit: str
) -> _Table:
    at = events["frame"]
    return {
        "event": events["event"].astype(object),
        "track": events["track"] + n_before,
        "other": np.where(events["other"] > 0, events["other"] + n_before, 0),
        f"time_{unit}": times[at],
        f"time_low_{unit}": _time_at(times, events["low"]),
        f"time_high_{unit}": _time_at(times, events["high"]),
        "file": np.array([frame.file for frame in frames], object)[at],
        "frame": np.array([frame.frame for frame in frames], np.int64)[at],
        "y": events["y"],
        "x": events["x"],
        "doubtful": events["doubtful"],
    }


def _life_table(deaths: _Table, times: NDArray[np.float64], n_before: int, unit: str) -> _Table:
    return {
        "track": deaths["track"] + n_before,
        "parent": np.where(deaths["parent"] > 0, deaths["parent"] + n_before, 0),
        f"first_{unit}": times[deaths["first_frame"]],
        f"last_{unit}": times[deaths["last_frame"]],
        "outcome": deaths["outcome"].astype(object),
        f"death_{unit}": _time_at(times, deaths["death_frame"]),
        f"death_low_{unit}": _time_at(times, deaths["death_low"]),
        f"death_high_{unit}": _time_at(times, deaths["death_high"]),
        "p_died": deaths["p_died"],
        "doubtful": deaths["doubtful"],
        "why": deaths["why"].astype(object),
    }


def _time_at(times: NDArray[np.float64], frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the times of frames that may be NaN."""
    found = [math.nan if math.isnan(frame) else times[int(frame)] for frame in frames]
    return np.array(found, np.float64)


def _join(tables: Sequence[_Table]) -> _Table:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]} if tables else {}
