"""`TrackBuilder`: frames in, one by one; a table of tracks out.

Only the labels of the last frames are kept. An object that is missed in a frame or two is taken up again, also out of a
merge, before anything new beside it counts as a daughter; a split that is undone at once was one of the segmentation
and not of the cell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_labels, check_same_shape
from granum.errors import SettingError, ShapeError
from granum.steps import Range
from granum.track.common_shift import find_common_shift
from granum.track.object_places import ObjectPlaces, find_places
from granum.track.overlap_links import Links, assign, find_divisions, find_merges, usual_reach

__all__ = ["TrackBuilder"]

Tracks = dict[str, NDArray[Any]]
_CONDENSING = 4  # frames over which a nucleus may get smaller before it divides


@dataclass(eq=False)
class _Frame:
    """What is kept of a frame while it can still be linked to."""

    number: int
    labels: NDArray[np.int32]
    places: ObjectPlaces
    tracks: list[int]
    shift: NDArray[np.float64]  # of everything since the first frame


@dataclass(eq=False)
class _Track:
    """One object over time."""

    parent: int = 0
    daughters: list[int] = field(default_factory=list)
    merged_into: int = 0
    frames: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


class TrackBuilder:
    """Links the objects of a series, frame by frame.

    Parameters
    ----------
    reach : float
        How far an object that shares no pixel with its former self may have moved: 1 is three times the step that
        four in five stay below, within 0.7 to 2 diameters; more where frames lie between.
    longest_gap : int
        In how many frames in a row an object may be missed, 0 to 10.
    steady : bool
        The stage stands still: no common shift is looked for.

    Notes
    -----
    Tracks are numbered in the order in which they appear, then by position. A division ends the parent's track and
    begins one for each daughter. Memory: the labels of ``longest_gap + 1`` frames, and about 100 bytes per object and
    frame.
    """

    def __init__(
        self,
        *,
        reach: Annotated[float, Range(0, 10)] = 1.0,
        longest_gap: Annotated[int, Range(0, 10)] = 2,
        steady: bool = False,
    ) -> None:
        for name, value, limits in (("reach", reach, Range(0, 10)), ("longest_gap", longest_gap, Range(0, 10))):
            if value not in limits:
                raise SettingError(f"{name}: {value!r} is out of range, must be {limits}.")
        self._reach, self._longest_gap, self._steady = reach, int(longest_gap), steady
        self._recent: deque[_Frame] = deque(maxlen=self._longest_gap + 1)
        self._tracks: list[_Track] = [_Track()]  # track 0 is none
        self._columns: dict[str, list[float]] = {name: [] for name in ("label", "y", "x", "area", "to_border")}
        self._shifts: list[tuple[float, float]] = []
        self._extra: dict[str, list[float]] = {}

    @property
    def n_frames(self) -> int:
        """Frames that were added."""
        return len(self._shifts)

    @property
    def shifts(self) -> NDArray[np.float64]:
        """(T, 2) shift (dy, dx) of each frame to the one before it, in px."""
        return np.array(self._shifts, np.float64).reshape(-1, 2)

    def add(self, labels: ArrayLike, rows: Mapping[str, ArrayLike] | None = None) -> None:
        """Add the next frame.

        Parameters
        ----------
        labels : (Y, X) array_like of int
            0 background, 1 to K objects; of the same size as the frames before.
        rows : dict, optional
            Columns of numbers per object, such as ``p_dead``, that the table of tracks shall hold; in the order of
            ascending labels, or with a column ``label``.

        Raises
        ------
        ShapeError
            Labels of another size than before, or columns of another length than there are objects.
        """
        plane = check_labels(labels)
        if self._recent:
            check_same_shape(plane, self._recent[-1].labels.shape, name="labels")
        places = find_places(plane)
        self._add_rows(places, rows or {})
        number = self.n_frames
        tracks = [0] * len(places)
        shift = (0.0, 0.0)
        if self._recent:
            previous = self._recent[-1]
            if not self._steady:
                shift = find_common_shift(previous.places, places)
            total = previous.shift + shift
            self._link(previous, plane, places, total, tracks)
        else:
            total = np.zeros(2)
        self._shifts.append(shift)
        for k in _in_order(places):
            if not tracks[k]:
                tracks[k] = self._new_track()
        first = len(self._columns["label"]) - len(places)
        for k, track in enumerate(tracks):
            self._tracks[track].frames.append(number)
            self._tracks[track].rows.append(first + k)
        self._recent.append(_Frame(number, plane, places, tracks, total))

    def _link(
        self, previous: _Frame, plane: NDArray[np.int32], places: ObjectPlaces, total: NDArray[np.float64],
        tracks: list[int],
    ) -> None:  # fmt: skip
        """Fill the tracks of a frame's objects: continued, taken up again, divided; the rest stays 0."""
        links = self._compare(previous, plane, places, total)
        reach = self._reach * usual_reach(links)
        pairs = assign(links, range(len(previous.places)), range(len(places)), reach=reach)
        for i, j in pairs:
            tracks[j] = previous.tracks[i]
        for gap, frame in enumerate(list(self._recent)[-2::-1], 2):
            lost = [k for k, track in enumerate(frame.tracks) if self._is_lost(track, frame.number)]
            free = [j for j, track in enumerate(tracks) if not track]
            if lost and free:
                before = self._compare(frame, plane, places, total)
                for i, j in assign(before, lost, free, reach=reach * np.sqrt(gap)):
                    tracks[j] = frame.tracks[i]
                    self._tracks[tracks[j]].merged_into = 0
        partner = dict(pairs)
        free = [j for j, track in enumerate(tracks) if not track]
        whole = np.array([self._largest(track) for track in previous.tracks])
        for i, j in find_divisions(links, partner, free, whole, reach=self._reach):
            parent = previous.tracks[i]
            for daughter in sorted((partner[i], j), key=lambda k: (places.points[k, 0], places.points[k, 1])):
                tracks[daughter] = self._new_track(parent)
                self._tracks[parent].daughters.append(tracks[daughter])
        lost = [i for i in range(len(previous.places)) if i not in partner]
        for i, j in find_merges(links, {j: i for i, j in pairs}, lost):
            self._tracks[previous.tracks[i]].merged_into = tracks[j]

    def _compare(
        self, frame: _Frame, plane: NDArray[np.int32], places: ObjectPlaces, total: NDArray[np.float64]
    ) -> Links:
        dy, dx = (total - frame.shift).tolist()
        return Links.of(frame.labels, plane, frame.places, places, (dy, dx))

    def _is_lost(self, track: int, frame: int) -> bool:
        """Return whether a track was last seen in `frame` and may go on."""
        one = self._tracks[track]
        return one.frames[-1] == frame and not one.daughters

    def _largest(self, track: int) -> float:
        """Return the area of a track, or for one that condenses to divide, the largest of its last frames."""
        areas = [self._columns["area"][row] for row in self._tracks[track].rows[-_CONDENSING:]]
        return max(areas) if areas[-1] < 0.7 * max(areas) else areas[-1]

    def _new_track(self, parent: int = 0) -> int:
        self._tracks.append(_Track(parent))
        return len(self._tracks) - 1

    def _add_rows(self, places: ObjectPlaces, rows: Mapping[str, ArrayLike]) -> None:
        """Put columns of one frame to those before; NaN where a frame does not have a column."""
        order: NDArray[Any] = np.arange(len(places))
        if "label" in rows:
            given = np.asarray(rows["label"])
            order = np.argsort(given, kind="stable")
            if not np.array_equal(given[order], places.labels):
                raise ShapeError("rows: the column label does not hold the labels of the frame, each once.")
        n_before = len(self._columns["label"])
        for name, values in rows.items():
            column = np.asarray(values)
            if column.shape != (len(places),):
                raise ShapeError(f"rows: {name} has shape {column.shape}, there are {len(places)} objects.")
            if name not in self._columns and column.dtype.kind in "buif":
                self._extra.setdefault(name, [np.nan] * n_before).extend(column[order].astype(np.float64).tolist())
        own: dict[str, NDArray[Any]] = {
            "label": places.labels, "y": places.points[:, 0], "x": places.points[:, 1], "area": places.areas,
            "to_border": places.to_border,
        }  # fmt: skip
        for name, numbers in own.items():
            self._columns[name].extend(numbers.tolist())
        for values in self._extra.values():
            values.extend([np.nan] * (n_before + len(places) - len(values)))

    def tracks(self) -> Tracks:
        """Return the table so far: one row per object and frame, sorted by track and frame.

        Returns
        -------
        tracks : dict of (N,) ndarray
            ``track`` (1 to n), ``frame``, ``label``, ``y``, ``x`` (px), ``area`` (px), ``to_border`` (px to the edge
            of the image), ``parent`` (track that divided into this one, 0 for none), ``merged_into`` (track in which
            this one was lost, 0 for none), ``gap`` (frames in which it was missed just before), and the columns that
            were given with the frames.
        """
        order: list[int] = []
        tracks: list[int] = []
        parent: list[int] = []
        merged: list[int] = []
        gap: list[int] = []
        name_of, runs, undone = self._undo_flicker()
        for number, run in enumerate(runs, 1):
            frames = [frame for one in run for frame in self._tracks[one].frames]
            order += [row for one in run for row in self._tracks[one].rows]
            tracks += [number] * len(frames)
            born_of = 0 if run[0] in undone else self._tracks[run[0]].parent
            parent += [name_of.get(born_of, 0)] * len(frames)
            merged += [name_of.get(self._tracks[run[-1]].merged_into, 0)] * len(frames)
            gap += [0, *(b - a - 1 for a, b in pairwise(frames))]
        frame_of = np.zeros(len(self._columns["label"]), np.int32)
        for one in self._tracks:
            frame_of[one.rows] = one.frames
        at = np.array(order, np.int64)
        table: Tracks = {
            "track": np.array(tracks, np.int32), "frame": frame_of[at],
            "label": np.array(self._columns["label"], np.int32)[at],
        }  # fmt: skip
        for name in ("y", "x", "area", "to_border"):
            table[name] = np.array(self._columns[name], np.float64)[at]
        for name, whole in (("parent", parent), ("merged_into", merged), ("gap", gap)):
            table[name] = np.array(whole, np.int32)
        return table | {name: np.array(values, np.float64)[at] for name, values in self._extra.items()}

    def _undo_flicker(self) -> tuple[dict[int, int], list[list[int]], set[int]]:
        """Return track -> its final number, the tracks that each final track is made of, and who is no daughter.

        Daughters that are one again within the longest gap never were two: the one that goes on continues the parent.
        """
        goes_on: dict[int, int] = {}
        undone: set[int] = set()
        for number, one in enumerate(self._tracks):
            if len(one.daughters) != 2:
                continue
            for short, long in (one.daughters, one.daughters[::-1]):
                if self._tracks[short].merged_into == long and len(self._tracks[short].frames) <= self._longest_gap + 1:
                    goes_on[number] = long
                    undone |= {short, long}
        continued = set(goes_on.values())
        runs: list[list[int]] = []
        name_of: dict[int, int] = {}
        for head in (n for n in range(1, len(self._tracks)) if n not in continued):
            run = [head]
            while run[-1] in goes_on:
                run.append(goes_on[run[-1]])
            runs.append(run)
            name_of |= dict.fromkeys(run, len(runs))
        return name_of, runs, undone


def _in_order(places: ObjectPlaces) -> list[int]:
    return sorted(range(len(places)), key=lambda k: (places.points[k, 0], places.points[k, 1]))
