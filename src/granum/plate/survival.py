"""Kaplan-Meier survival of tracked nuclei: who is followed, from when, until when, and who died."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from granum.errors import ShapeError
from granum.plate.assay import Interval, Level, Survival

__all__ = ["Life", "kaplan_meier", "risk_table", "survival_of_wells", "usable_lives"]

_Z = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True)
class Life:
    """One tracked nucleus.

    Parameters
    ----------
    plate, well, field, condition : str
        Where it lives.
    start, end : float
        When it was first seen, and when it died or was last seen; in the assay's unit of time.
    died : bool
        Whether it died at `end`; otherwise it was lost or the series ended (censored).
    """

    plate: str
    well: str
    field: str
    condition: str
    start: float
    end: float
    died: bool


def usable_lives(lives: Sequence[Life]) -> tuple[list[Life], int]:
    """Return the lives that were followed at all, and how many were not.

    A nucleus that was seen once, or was dead when it was first seen, was never at risk of being seen to die.

    Raises
    ------
    ShapeError
        A life ends before it starts, or its times are no numbers.
    """
    used = []
    for life in lives:
        if not (math.isfinite(life.start) and math.isfinite(life.end) and life.end >= life.start):
            raise ShapeError(f"life in {life.well or 'no well'}: ends at {life.end!r}, started at {life.start!r}.")
        if life.end > life.start:
            used.append(life)
    return used, len(lives) - len(used)


def risk_table(lives: Sequence[Life]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the times of deaths, and how many were at risk and died at each.

    At risk at t is who was first seen before t (not later, and not at t itself) and died or was last seen at t or
    later: nuclei that appear late count from then on (left truncation), those lost at t still count at t.
    """
    start = np.sort(np.array([life.start for life in lives], np.float64))
    end = np.sort(np.array([life.end for life in lives], np.float64))
    deaths = np.array([life.end for life in lives if life.died], np.float64)
    times, died = np.unique(deaths, return_counts=True)
    at_risk = np.searchsorted(start, times, "left") - np.searchsorted(end, times, "left")
    return times, at_risk.astype(np.int64), died.astype(np.int64)


def kaplan_meier(lives: Sequence[Life], *, level: Level = "condition", name: str = "", plate: str = "") -> Survival:
    """Estimate the share that is still alive over time.

    Parameters
    ----------
    lives : sequence of Life
        At least one that was followed (`usable_lives`).
    level, name, plate : str
        What they belong to.

    Returns
    -------
    survival : Survival
        From the first start to the last end, with a point at each time of death. The 95 % interval is Greenwood's, on
        the scale of log(-log S), which stays inside 0 and 1; it is None before the first death and where nobody is
        left. The median is the first time at which S is at most one half, its interval where the interval of S holds
        one half; None where S stays above.

    Raises
    ------
    ShapeError
        No life was followed.

    Notes
    -----
    Nuclei that appear late are left-truncated: they count among those at risk from then on. With few at risk at the
    beginning one death can bring S to 0, from where it never rises; the note of the assay says when that happened.
    Deaths are taken as independent; nuclei of one well are not, so wells are the replicates to compare. Cost: sorting.

    References
    ----------
    .. [1] E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", J. Am. Stat. Assoc. 53,
       457-481 (1958), :doi:`10.1080/01621459.1958.10501452`.
    .. [2] J. P. Klein, M. L. Moeschberger, "Survival analysis", Springer (2003), :doi:`10.1007/b97377`, sections 4.3
       to 4.6.
    """
    used, _ = usable_lives(lives)
    if not used:
        raise ShapeError(f"survival of {name or 'nobody'}: no life was followed for any time.")
    times, at_risk, died = risk_table(used)
    first, last = float(min(life.start for life in used)), float(max(life.end for life in used))
    share, variance = 1.0, 0.0
    rows: list[tuple[float, float, float | None, float | None, int]] = [
        (first, 1.0, None, None, sum(life.start <= first for life in used))
    ]
    for time, n, d in zip(times.tolist(), at_risk.tolist(), died.tolist(), strict=True):
        share *= 1 - d / n
        variance = math.inf if n == d else variance + d / (n * (n - d))
        low = high = None
        if 0 < share < 1:
            half = _Z * math.sqrt(variance) / abs(math.log(share))
            low, high = share ** math.exp(half), share ** math.exp(-half)
        rows.append((time, share, low, high, n))
        if share == 0:
            break
    if rows[-1][0] < last:
        still = sum(life.start < last <= life.end for life in used)
        rows.append((last, rows[-1][1], rows[-1][2], rows[-1][3], still))
    time, survival, lows, highs, risk = zip(*rows, strict=True)
    n_died = sum(life.died for life in used)
    median = Interval(_first_at_half(time, survival), _first_at_half(time, lows), _first_at_half(time, highs))
    return Survival(level, name, time, survival, lows, highs, risk, n_died, len(used) - n_died, median, plate)


def _first_at_half(times: Sequence[float], values: Sequence[float | None]) -> float | None:
    """Return the first time at which a curve is at most one half."""
    return next((t for t, v in zip(times, values, strict=True) if v is not None and v <= 0.5 + 1e-12), None)


def survival_of_wells(
    lives: Sequence[Life], conditions: Mapping[tuple[str, str], str]
) -> tuple[list[Survival], dict[str, list[Life]], list[str]]:
    """Return the survival of every well and condition, the lives of the conditions, and notes.

    Parameters
    ----------
    lives : sequence of Life
        Of all wells.
    conditions : dict
        (plate, well) -> name of the condition; where a well is not in it, the life's own condition counts.
    """
    used, lost = usable_lives(lives)
    notes = []
    if lost:
        notes.append(f"Survival: {lost} nuclei were seen only once, or were dead when first seen, and are not counted.")
    wells: dict[tuple[str, str], list[Life]] = defaultdict(list)
    groups: dict[str, list[Life]] = defaultdict(list)
    for life in used:
        wells[life.plate, life.well].append(life)
        if condition := conditions.get((life.plate, life.well), life.condition):
            groups[condition].append(life)
    result = [kaplan_meier(members, level="well", name=w, plate=p) for (p, w), members in sorted(wells.items())]
    result += [kaplan_meier(members, name=name) for name, members in groups.items()]
    early = [one.name for one in result if 0 in one.survival and one.time[-1] > one.time[one.survival.index(0)]]
    if early:
        notes.append(
            f"Survival: all that were at risk at one time died in {', '.join(early[:6])} while others appeared later; "
            "the curve stays at 0 from there."
        )
    return result, dict(groups), notes
