"""Dose and response: the four-parameter logistic curve, with an interval of the EC50 that may stay open."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from granum.errors import ShapeError
from granum.plate.assay import Interval
from granum.plate.least_squares import Floats, akaike, t_quantile
from granum.plate.trend import Trend, trend_test

__all__ = ["DoseResponse", "fit_dose_response"]

_FEWEST_DOSES = 5
_SLOPES = np.geomspace(0.2, 12, 60)
_MOST = 4000  # nodes of the grid that tell the range of both ends
_BEYOND = math.log(10)  # an EC50 is looked for this far beyond the doses


@dataclass(frozen=True)
class DoseResponse:
    """A fitted dose response, or the sentence why there is none; the trend is there in both cases.

    Parameters
    ----------
    parameters : dict
        ``ec50``, ``slope`` (Hill), ``start`` (response without the substance), ``end`` (at the highest doses), and
        ``trend_p`` and ``monotone_share``; empty but for the trend when refused.
    dose, value : tuple of float
        The line, over the positive doses.
    aic : float or None
        Corrected for few points.
    trend : Trend
        Of the values over the doses.
    note : str
        Why it was refused, or what limits it.
    """

    parameters: dict[str, Interval] = field(default_factory=dict)
    dose: tuple[float, ...] = ()
    value: tuple[float, ...] = ()
    aic: float | None = None
    trend: Trend = field(default_factory=lambda: Trend(0, None, None))
    note: str = ""


def fit_dose_response(dose: ArrayLike, value: ArrayLike) -> DoseResponse:
    """Fit ``start + (end - start) / (1 + (ec50 / dose)^slope)`` by least squares.

    Parameters
    ----------
    dose, value : (N,) array_like
        One pair per well. Dose 0 is the start of the curve. Pairs with None or NaN are left out.

    Returns
    -------
    response : DoseResponse

    Raises
    ------
    ShapeError
        The lengths differ, or a dose is negative.

    Notes
    -----
    For each EC50 and slope of a grid start and end are linear, so the squares are known everywhere and nothing
    depends on a guess. The interval of the EC50 is the profile of the squares [1]_: where no EC50 on one side, up to
    ten times beyond the doses, can be excluded, that end is None. Slopes are looked for from 0.2 to 12. Refused are:
    fewer than 5 doses, of which at least 4 above 0; no more wells than parameters; and responses that a constant
    explains as well (F test, 5 %). Cost: 0.05 s for 100 wells.

    References
    ----------
    .. [1] D. M. Bates, D. G. Watts, "Nonlinear regression analysis and its applications", Wiley (1988),
       :doi:`10.1002/9780470316757`, chapter 6.
    """
    x, y = np.asarray(dose, np.float64), np.asarray(value, np.float64)
    trend = trend_test(x, y)
    good = np.isfinite(x) & np.isfinite(y)
    x, y = x[good], y[good]
    if (x < 0).any():
        raise ShapeError(f"dose: {float(x.min())!r} is below 0.")
    extra = {"trend_p": Interval(trend.p_value), "monotone_share": Interval(trend.monotone_share)}
    doses = np.unique(x)
    positive = doses[doses > 0]
    if len(doses) < _FEWEST_DOSES or len(positive) < _FEWEST_DOSES - 1:
        note = f"No dose-response curve: {len(doses)} doses, {_FEWEST_DOSES} are needed ({_FEWEST_DOSES - 1} above 0)."
        return DoseResponse(extra, trend=trend, note=note)
    if len(y) < 6 or float(np.ptp(y)) <= 1e-12 * max(float(np.abs(y).max()), 1e-300):
        why = f"{len(y)} wells, 6 are needed" if len(y) < 6 else "all responses are equal"
        return DoseResponse(extra, trend=trend, note=f"No dose-response curve: {why}.")
    scale = float(np.ptp(y))
    z = (y - y.min()) / scale
    low, high = math.log(positive[0]), math.log(positive[-1])
    centres = np.linspace(low - _BEYOND, high + _BEYOND, 241)
    grid = np.stack(np.meshgrid(centres, np.log(_SLOPES), indexing="ij"), -1).reshape(-1, 2)
    squares = _squares(grid, x, z)
    table = squares.reshape(len(centres), len(_SLOPES))
    row, column = np.unravel_index(int(np.argmin(table)), table.shape)
    centre, slope, least = _refine(centres, int(row), int(column), x, z)
    n, free = len(z), len(z) - 4
    flat = float(((z - z.mean()) ** 2).sum())
    noise = max(least / free, 1e-18)
    if (flat - least) / 3 / noise < _f_quantile(free):
        note = "No dose-response curve: a constant explains the responses as well."
        return DoseResponse(extra, trend=trend, note=note)
    limit = least + noise * t_quantile(free) ** 2
    profile = np.minimum(table.min(axis=1), np.inf)
    ends = _crossings(centres, profile, centre, limit)
    start, end, errors = _linear(centre, slope, x, z, noise)
    tq = t_quantile(free)
    levels = np.array([_linear(c, math.exp(s), x, z, noise)[:2] for c, s in grid[squares <= limit][:_MOST]]).reshape(
        -1, 2
    )
    slopes = _SLOPES[table.min(axis=0) <= limit]
    at_edge = slope <= _SLOPES[0] * 1.01 or slope >= _SLOPES[-1] * 0.99
    notes = []
    outside = centre < low or centre > high
    if outside:
        notes.append(f"the EC50 lies {'above' if centre > high else 'below'} the doses; only a bound can be given")
    if ends[0] is None or ends[1] is None:
        notes.append("the interval of the EC50 is open: the doses do not enclose the response")
    if at_edge and slope > 1:  # a step: the EC50 may lie anywhere between two doses
        below, above = positive[np.log(positive) <= centre], positive[np.log(positive) >= centre]
        ends = (
            None if ends[0] is None or not len(below) else min(ends[0], math.log(below[-1])),
            None if ends[1] is None or not len(above) else max(ends[1], math.log(above[0])),
        )
    if at_edge:
        notes.append("the slope is not determined by these doses")
    known = len(slopes) > 0 and not at_edge
    parameters = {
        "ec50": Interval(math.exp(centre), *(None if edge is None else math.exp(edge) for edge in ends)),
        "slope": Interval(
            slope,
            float(slopes[0]) if known and slopes[0] > _SLOPES[0] else None,
            float(slopes[-1]) if known and slopes[-1] < _SLOPES[-1] else None,
        ),
    }
    for name, one, error in (("start", start, errors[0]), ("end", end, errors[1])):
        reached = levels[:, 0 if name == "start" else 1].tolist()
        ends_of = (min([one - tq * error, *reached]), max([one + tq * error, *reached]))
        parameters[name] = Interval(*(float(y.min()) + scale * level for level in (one, *ends_of)))
    if outside:  # extrapolated: a bound is all that these doses can give
        parameters["ec50"] = Interval(None, parameters["ec50"].low, parameters["ec50"].high)
        parameters["slope"] = Interval(None)
        parameters["end" if centre > high else "start"] = Interval(None)
    line = np.exp(np.linspace(low, high, 60))
    fitted = float(y.min()) + scale * (start + (end - start) * _share(line, centre, slope))
    text = "; ".join(notes)
    return DoseResponse(
        parameters | extra, tuple(line.tolist()), tuple(fitted.tolist()), akaike(least, n, 4, 1.0), trend,
        f"{text[0].upper()}{text[1:]}." if text else "",
    )  # fmt: skip


def _share(dose: Floats, centre: float | Floats, slope: float | Floats) -> Floats:
    """Return how much of the effect a dose has, 0 to 1."""
    with np.errstate(divide="ignore"):
        logs = np.log(dose)
    result: Floats = 1 / (1 + np.exp(np.clip(slope * (centre - logs), -700, 700)))
    return result


def _squares(grid: Floats, x: Floats, z: Floats) -> Floats:
    """Return the least squares over start and end for each (centre, log slope) of a grid."""
    result = np.empty(len(grid))
    for first in range(0, len(grid), 4096):
        part = grid[first : first + 4096]
        s = _share(x[None, :], part[:, :1], np.exp(part[:, 1:]))
        mean = s.mean(axis=1, keepdims=True)
        spread = ((s - mean) ** 2).sum(axis=1)
        along = ((s - mean) * (z - z.mean())).sum(axis=1)
        total = float(((z - z.mean()) ** 2).sum())
        result[first : first + 4096] = total - np.where(spread > 1e-12, along**2 / np.maximum(spread, 1e-12), 0.0)
    return np.maximum(result, 0.0)


def _refine(centres: Floats, row: int, column: int, x: Floats, z: Floats) -> tuple[float, float, float]:
    """Return the best centre, slope and squares, on finer and finer grids around the best node."""
    centre, log_slope = float(centres[row]), float(np.log(_SLOPES[column]))
    width, height = float(centres[1] - centres[0]), float(np.log(_SLOPES[1] / _SLOPES[0]))
    first, last = float(np.log(_SLOPES[0])), float(np.log(_SLOPES[-1]))
    least = math.inf
    for _ in range(14):
        a = centre + width * np.linspace(-1, 1, 9)
        b = np.clip(log_slope + height * np.linspace(-1, 1, 9), first, last)
        grid = np.stack(np.meshgrid(a, b, indexing="ij"), -1).reshape(-1, 2)
        squares = _squares(grid, x, z)
        best = int(np.argmin(squares))
        centre, log_slope, least = float(grid[best, 0]), float(grid[best, 1]), float(squares[best])
        width, height = width * 0.4, height * 0.4
    return centre, math.exp(log_slope), least


def _crossings(centres: Floats, profile: Floats, centre: float, limit: float) -> tuple[float | None, float | None]:
    """Return where the profile leaves the limit for good on both sides of the minimum; None where it never does."""
    inside = np.flatnonzero(profile <= limit)
    ends: list[float | None] = []
    for side in (-1, 1):
        edge = (inside[0] if side < 0 else inside[-1]) if len(inside) else int(np.argmin(np.abs(centres - centre)))
        next_one = edge + side
        if not 0 <= next_one < len(centres):
            ends.append(None)
            continue
        here, there = float(profile[edge]), float(profile[next_one])
        part = (limit - here) / (there - here) if there > here else 0.5
        at = float(centres[edge] + side * min(max(part, 0.0), 1.0) * (centres[1] - centres[0]))
        ends.append(min(at, centre) if side < 0 else max(at, centre))
    return ends[0], ends[1]


def _linear(
    centre: float, slope: float, x: Floats, z: Floats, noise: float
) -> tuple[float, float, tuple[float, float]]:
    """Return start and end for a centre and a slope, and their standard errors at these."""
    s = _share(x, centre, slope)
    table = np.stack([1 - s, s], axis=1)
    inverse = np.linalg.pinv(table.T @ table)
    start, end = (inverse @ (table.T @ z)).tolist()
    errors = np.sqrt(np.maximum(np.diag(inverse), 0) * noise)
    return start, end, (float(errors[0]), float(errors[1]))


def _f_quantile(free: int) -> float:
    from scipy.special import fdtri

    return float(fdtri(3, free, 0.95))
