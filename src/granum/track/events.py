"""`list_events` and `list_lives`: what happened to the tracks, for a table, and for curves of survival."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import ShapeError
from granum.track.death import DeathTimes, near_border

__all__ = ["list_events", "list_lives"]

_ORDER = ("enters", "appears", "division", "fragments", "death", "merge", "departs", "disappears")


def list_events(tracks: Mapping[str, ArrayLike], deaths: DeathTimes | None = None) -> dict[str, NDArray[Any]]:
    """Return all events, sorted by frame.

    Parameters
    ----------
    tracks : dict of (N,) array_like
        As of `TrackBuilder.tracks`.
    deaths : DeathTimes, optional
        Of the same tracks; without it there are no deaths.

    Returns
    -------
    events : dict of (M,) ndarray
        ``frame`` (the first frame that shows it), ``event``, ``track``, ``other`` (the daughter, or what it merged
        into; 0), ``y``, ``x`` (px), ``low``, ``high`` (95 % interval of the frame), ``doubtful``.

        Events: "enters" (over the border), "appears", "division" and "fragments" (a row for each daughter), "death",
        "merge", "departs", "disappears".
    """
    track, frame = np.asarray(tracks["track"]), np.asarray(tracks["frame"])
    y, x = np.asarray(tracks["y"]), np.asarray(tracks["x"])
    parent, merged = np.asarray(tracks["parent"]), np.asarray(tracks["merged_into"])
    first = np.flatnonzero(np.diff(track, prepend=-1))
    last = np.append(first[1:], len(track))[: len(first)] - 1
    crossing = near_border(tracks)
    outcome = {} if deaths is None else dict(zip(deaths.table["track"], deaths.table["outcome"], strict=True))
    end = frame.max(initial=0)
    rows: list[tuple[Any, ...]] = []

    def note(event: str, row: int, at: float, other: int = 0, low: float = np.nan, high: float = np.nan,
             doubtful: bool = False) -> None:  # fmt: skip
        low, high = (at, at) if np.isnan(low) else (low, high)
        rows.append((int(at), _ORDER.index(event), int(track[row]), int(other), y[row], x[row], low, high, doubtful))

    parents = set(parent[first].tolist())
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        if parent[a]:
            note("fragments" if outcome.get(track[a]) == "fragment" else "division", a, frame[a], track[a])
            rows[-1] = (*rows[-1][:2], int(parent[a]), *rows[-1][3:])
        elif frame[a] > 0:
            note("enters" if crossing[a] else "appears", a, frame[a])
        if frame[b] < end and track[b] not in parents:
            event = "merge" if merged[b] else "departs" if crossing[b] else "disappears"
            note(event, b, frame[b] + 1, merged[b])
    if deaths is not None:
        table = deaths.table
        for k in np.flatnonzero(np.isfinite(table["death_frame"])):
            own = slice(int(first[k]), int(last[k]) + 1)
            seen = np.searchsorted(frame[own], table["death_frame"][k])
            row = int(first[k]) + min(int(seen), int(last[k] - first[k]))
            at = (table[name][k] for name in ("death_frame", "death_low", "death_high"))
            when, low, high = (float(one) for one in at)
            note("death", row, when, 0, low, high, bool(table["doubtful"][k]))
    rows.sort(key=lambda one: one[:4])
    names = ("frame", "event", "track", "other", "y", "x", "low", "high", "doubtful")
    kinds = (np.int32, np.int32, np.int32, np.int32, np.float64, np.float64, np.float64, np.float64, np.bool_)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    table = {name: np.array(column, kind) for name, column, kind in zip(names, columns, kinds, strict=True)}
    table["event"] = np.array(_ORDER)[table["event"]] if rows else np.array([], np.str_)
    return table


def list_lives(deaths: DeathTimes, times: ArrayLike) -> dict[str, NDArray[Any]]:
    """Return from when to when each nucleus was known to live, and whether it then died.

    Parameters
    ----------
    deaths : DeathTimes
        Of the tracks of one field.
    times : (T,) array_like
        Time of each frame, ascending.

    Returns
    -------
    lives : dict of (n,) ndarray
        ``track``, ``start``, ``end`` (times) and ``died``. What did not die under observation is censored when it was
        last seen; what is doubtful, when it was last surely alive. Nuclei that are dead from the start are left out.

    Raises
    ------
    ShapeError
        Fewer times than frames.
    """
    time = np.asarray(times, np.float64)
    table = deaths.table
    if time.ndim != 1 or len(time) <= table["last_frame"].max(initial=-1):
        raise ShapeError(f"times: has shape {time.shape}, the tracks go on to frame {table['last_frame'].max()}.")
    start, end = table["first_frame"], table["last_frame"].copy()
    died = (table["outcome"] == "died") & ~table["doubtful"]
    # a nucleus that died as it broke up or divided is dead in a frame that its own track does not have
    end[died] = table["death_frame"][died].astype(np.int64)
    doubtful = table["doubtful"]
    end[doubtful] = np.maximum(table["surely_alive"], start)[doubtful]
    known = ~np.isin(table["outcome"], ("dead_from_start", "fragment"))
    return {
        "track": table["track"][known], "start": time[start[known]], "end": time[end[known]], "died": died[known],
    }  # fmt: skip
