"""`find_death_times`: one time of death per track, out of the probability of being dead in every frame.

Nothing comes back to life, so a track is one step: alive before a frame, dead from it on. All steps are weighed
against each other, and against none at all, by the probabilities of all frames together; one wrong frame then moves
nothing. What the frames cannot tell is said to be doubtful.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import SettingError, ShapeError
from granum.steps import Range
from granum.track.death_model import find_rates, posterior_of

__all__ = ["DeathTimes", "find_death_times", "near_border"]

_NEEDED = ("track", "frame", "p_dead")
_AGAIN = 3  # frames in a row that look alive after death: no single slip
_Table = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class DeathTimes:
    """When the tracks died.

    Parameters
    ----------
    table : dict of (n,) ndarray
        One row per track: ``track``, ``parent``, ``first_frame``, ``last_frame``, ``outcome``, ``death_frame`` (the
        first frame in which it is dead, NaN where it did not die under observation), ``death_low`` and ``death_high``
        (95 % interval of that), ``p_died`` (probability that it is dead in its last frame), ``surely_alive`` (the last
        frame in which the probability of being dead is below 5 %, -1 for none), ``doubtful``, ``why``.

        Outcomes: "died", "dead_from_start", "fragment" (of a dead nucleus), and of those that lived: "survived" (to
        the last frame), "departed" (over the border), "disappeared", "divided", "merged".
    p_dead : (N,) ndarray of float64
        For each row of the tracks: probability of being dead in that frame, by all frames together.
    """

    table: _Table
    p_dead: NDArray[np.float64]


def find_death_times(
    tracks: Mapping[str, ArrayLike],
    *,
    n_frames: int = 0,
    wrong_share: Annotated[float, Range(0, 0.4)] = 0.0,
) -> DeathTimes:
    """Return when each track died, with 95 % intervals.

    Parameters
    ----------
    tracks : dict of (N,) array_like
        As of `TrackBuilder.tracks`, with a column ``p_dead`` (NaN where it is not known).
    n_frames : int
        Of the series; 0 for as many as the tracks have.
    wrong_share : float
        Share of frames in which even a sure judgement is wrong, 0 to 0.4: no frame counts for more. 0 finds it from the
        tracks.

    Returns
    -------
    deaths : DeathTimes

    Raises
    ------
    SettingError
        A setting out of its range, or a column is missing.
    ShapeError
        Columns of different lengths, or probabilities outside of 0 to 1.

    Notes
    -----
    The estimate is the step with the largest likelihood, in the middle where several have the same (frames in which
    the nucleus was missed). Whether there is one, and its interval, come from the posterior: which share starts dead
    and which share dies per frame is found from all tracks together. Daughters of a dead nucleus start dead; two
    daughters that both start dead are pieces of one that died.
    """
    if wrong_share not in Range(0, 0.4):
        raise SettingError(f"wrong_share: {wrong_share!r} is out of range, must be {Range(0, 0.4)}.")
    columns = _check(tracks)
    track, frame = columns["track"], columns["frame"]
    end = int(n_frames) - 1 if n_frames else int(frame.max(initial=0))
    if len(frame) and frame.max() > end:
        raise SettingError(f"n_frames: {n_frames} is given, but the tracks go on to frame {frame.max()}.")
    starts = np.flatnonzero(np.diff(track, prepend=-1))
    runs = [slice(a, b) for a, b in zip(starts.tolist(), [*starts[1:].tolist(), len(track)], strict=False)]
    parents = columns["parent"][starts]
    series = [(frame[own], columns["p_dead"][own]) for own in runs]
    rates, evidence = find_rates(series, parents, wrong_share)
    smooth = np.zeros(len(track))
    at_border = near_border(tracks)
    rows: list[dict[str, Any]] = []
    dead_at_end: dict[int, float] = {}
    for own, parent, score in zip(runs, parents.tolist(), evidence, strict=True):
        inherited = dead_at_end.get(parent)
        start_dead = rates.start_dead if inherited is None else min(max(inherited, rates.wrong), 1 - rates.wrong)
        row, smooth[own] = _judge(frame[own], columns["p_dead"][own], score, (start_dead, rates.dying))
        dead_at_end[int(track[own.start])] = row["p_died"]
        row |= {"track": int(track[own.start]), "parent": parent}
        if not row["outcome"]:
            merged = columns["merged_into"][own.start]
            row["outcome"] = (
                "survived" if row["last_frame"] == end else "merged" if merged
                else "departed" if at_border[own.stop - 1] else "disappeared"
            )  # fmt: skip
        rows.append(row)
    _settle_families(rows)
    names = (
        "track", "parent", "first_frame", "last_frame", "outcome", "death_frame", "death_low", "death_high", "p_died",
        "surely_alive", "doubtful", "why",
    )  # fmt: skip
    kinds: dict[str, Any] = {"track": np.int32, "parent": np.int32, "first_frame": np.int32, "last_frame": np.int32}
    kinds |= {"surely_alive": np.int32, "doubtful": np.bool_, "outcome": np.str_, "why": np.str_}
    table = {name: np.array([row[name] for row in rows], kinds.get(name, np.float64)) for name in names}
    return DeathTimes(table, smooth)


def _check(tracks: Mapping[str, ArrayLike]) -> _Table:
    """Return the columns that are needed, sorted as `TrackBuilder` gives them or refused."""
    missing = [name for name in _NEEDED if name not in tracks]
    if missing:
        raise SettingError(f"tracks: the column {missing[0]} is missing; give it with the rows of every frame.")
    columns = {name: np.asarray(tracks[name]) for name in _NEEDED}
    n = len(columns["track"])
    for name in ("parent", "merged_into"):
        columns[name] = np.asarray(tracks.get(name, np.zeros(n, np.int32)))
    for name, column in columns.items():
        if column.shape != (n,):
            raise ShapeError(f"tracks: {name} has shape {column.shape}, track has {n} rows.")
    p = columns["p_dead"] = columns["p_dead"].astype(np.float64)
    if ((p < 0) | (p > 1)).any():
        raise ShapeError(f"tracks: p_dead runs from {np.nanmin(p):g} to {np.nanmax(p):g}, must be 0 to 1.")
    step = np.diff(columns["track"])
    if (step < 0).any() or ((step == 0) & (np.diff(columns["frame"]) <= 0)).any():
        raise ShapeError("tracks: the rows must be sorted by track and frame, each frame once.")
    return columns


def _judge(
    frames: NDArray[Any], p_dead: NDArray[np.float64], score: NDArray[np.float64], expected: tuple[float, float]
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Return what a track's frames say together, and the probability of being dead in each of them."""
    first, last = int(frames[0]), int(frames[-1])
    n = last - first + 1
    known = np.isfinite(p_dead)
    posterior = posterior_of(score, *expected)
    of_kind = (posterior[0], posterior[1:n].sum(), posterior[n])
    kind = int(np.argmax(of_kind))
    likely = np.flatnonzero(score[1:n] >= score[1:n].max(initial=-np.inf) - 1e-9) + 1
    best = 0 if kind == 0 else n if kind == 2 else int(likely[len(likely) // 2])
    by_then = np.cumsum(posterior)[:n]
    sure = np.flatnonzero(by_then >= 0.05)
    row: dict[str, Any] = {
        "first_frame": first, "last_frame": last, "outcome": ("dead_from_start", "died", "")[kind],
        "death_frame": np.nan, "death_low": np.nan, "death_high": np.nan, "p_died": float(1 - posterior[n]),
        "surely_alive": (last if not len(sure) else first + int(sure[0]) - 1) if by_then[0] < 0.05 else -1,
    }  # fmt: skip
    if kind == 1:
        share = np.cumsum(posterior[1:n]) / of_kind[1]
        low, high = (int(np.searchsorted(share, q)) + 1 for q in (0.025, 0.975 - 1e-12))
        row |= {"death_frame": first + best, "death_low": first + min(low, best), "death_high": first + max(high, best)}
    state = np.arange(n)[frames - first] >= best
    row["why"] = "" if known.any() else "was never judged"
    row["why"] = row["why"] or _contradiction(p_dead[known], state[known], best < n)
    if not row["why"] and of_kind[kind] < 0.8:
        row["why"] = "whether it died cannot be told"
    if not row["why"] and kind == 1 and row["death_high"] - row["death_low"] > max(4, 0.25 * n):
        row["why"] = "when it died cannot be told"
    row["doubtful"] = bool(row["why"])
    return row, np.asarray(by_then[frames - first])


def _contradiction(p_dead: NDArray[np.float64], dead: NDArray[np.bool_], died: bool) -> str:
    """Return what in the frames contradicts a step, "" for nothing."""
    if died:
        again = np.convolve(dead & (p_dead < 0.2), np.ones(_AGAIN), "valid") if len(dead) >= _AGAIN else np.zeros(1)
        if (again > _AGAIN - 0.5).any():
            return "looks alive again after its death"
    if np.abs(p_dead - dead).mean() > 0.3:
        return "its frames contradict each other"
    return ""


def _settle_families(rows: list[dict[str, Any]]) -> None:
    """Mark parents as divided, daughters that start dead as deaths, and those of which all do as pieces."""
    families: dict[int, list[dict[str, Any]]] = {}
    by_track = {row["track"]: row for row in rows}
    for row in rows:
        if row["parent"] in by_track:
            families.setdefault(row["parent"], []).append(row)
    for number, daughters in families.items():
        parent = by_track[number]
        was_dead = parent["outcome"] in ("died", "dead_from_start", "fragment")
        dead = [row for row in daughters if row["outcome"] == "dead_from_start"]
        frame = min(row["first_frame"] for row in daughters)
        if was_dead or len(dead) == len(daughters):
            for row in dead:
                row["outcome"] = "fragment"
        else:
            for row in dead:
                row |= {"outcome": "died", "death_frame": frame, "death_low": frame, "death_high": frame}
        if not was_dead:
            parent["outcome"] = "divided"
            if len(dead) == len(daughters):
                parent |= {"outcome": "died", "death_frame": frame, "death_low": frame, "death_high": frame}


def near_border(tracks: Mapping[str, ArrayLike]) -> NDArray[np.bool_]:
    """Return for each row whether the object could have crossed the border: within one usual step of it."""
    track = np.asarray(tracks["track"])
    if "to_border" not in tracks or not len(track):
        return np.zeros(len(track), np.bool_)
    point = np.stack([np.asarray(tracks["y"], np.float64), np.asarray(tracks["x"], np.float64)])
    length = np.hypot(*np.diff(point, axis=1))
    same = (np.diff(track) == 0) & (np.diff(np.asarray(tracks["frame"])) == 1)
    usual = float(np.quantile(length[same], 0.9)) if same.any() else 0.0
    return np.asarray(np.asarray(tracks["to_border"]) <= max(1.0, usual))
