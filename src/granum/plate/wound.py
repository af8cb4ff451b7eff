"""How fast a wound closes, or cells cover their dish: share of the area per unit of time, while something is open."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from granum.plate.assay import Interval
from granum.plate.least_squares import Floats, clean_points, independent_share, neighbour_noise, t_quantile

__all__ = ["Closing", "Monotone", "check_monotone", "fit_closing"]

_FEWEST = 4
_CLOSED = 0.02  # of the area, under which a wound counts as closed


@dataclass(frozen=True)
class Monotone:
    """Whether a curve rises or falls all the way, within its noise.

    Parameters
    ----------
    ok : bool or None
        None with fewer than 4 points.
    largest : float
        Largest step back: against the direction, between any two times.
    noise : float
        Standard deviation of the noise of one point, from neighbours.
    p_value : float or None
        Of such a step back by noise alone.
    """

    ok: bool | None
    largest: float
    noise: float
    p_value: float | None


@dataclass(frozen=True)
class Closing:
    """A fitted closing rate, or the sentence why there is none.

    Parameters
    ----------
    parameters : dict
        ``closing_rate`` (share of the area per unit of time, positive when the wound closes), ``half_closure_time``
        (None where it is not reached), ``start_area``; empty when refused.
    time, value : tuple of float
        The line, as shares of the open area.
    monotone : Monotone
        Whether the open area falls all the way.
    note : str
        Why it was refused, or what limits it.
    """

    parameters: dict[str, Interval] = field(default_factory=dict)
    time: tuple[float, ...] = ()
    value: tuple[float, ...] = ()
    monotone: Monotone = field(default_factory=lambda: Monotone(None, 0.0, 0.0, None))
    note: str = ""


def check_monotone(time: ArrayLike, value: ArrayLike, *, rising: bool = False) -> Monotone:
    """Test whether a curve falls (or rises) all the way, within its noise.

    Parameters
    ----------
    time, value : (N,) array_like
        None and NaN are gaps.
    rising : bool
        Whether it should rise.

    Returns
    -------
    monotone : Monotone
        `ok` is False where the largest step back is too large for noise: p under 5 %, by Student's t of one pair,
        times the number of pairs of times. The noise is read from each point's distance to the line between its
        neighbours.
    """
    t, y, _ = clean_points(time, value)
    y = y if rising else -y
    rough = neighbour_noise(t, y)
    if len(t) < _FEWEST or not len(rough):
        return Monotone(None, 0.0, 0.0, None)
    from scipy.special import stdtr

    noise = math.sqrt(float(rough.mean()))
    largest = max(0.0, float((np.maximum.accumulate(y) - y).max()))
    if largest <= 1e-12 * max(float(np.abs(y).max()), 1e-300):
        return Monotone(True, 0.0, noise, 1.0)
    pairs = len(t) * (len(t) - 1) / 2
    p = min(1.0, pairs * float(stdtr(len(rough), -largest / (noise * math.sqrt(2))))) if noise > 0 else 0.0
    return Monotone(p >= 0.05, largest, noise, p)


def fit_closing(time: ArrayLike, open_area: ArrayLike) -> Closing:
    """Return how fast an open area closes, by a line through the times at which it is open.

    Parameters
    ----------
    time : (N,) array_like
        In any unit.
    open_area : (N,) array_like
        Share of the image without cells, 0 to 1: 1 - confluency. None and NaN are gaps.

    Returns
    -------
    closing : Closing

    Notes
    -----
    Used are the times up to the first at which less than 2 % is open; the line is Huber's, so single bad frames weigh
    little. The intervals are Student's, widened for the correlation of neighbouring times; between wells they say
    nothing: wells are the replicates. The rate is a share of the *image*: divide by its height to compare
    magnifications, or multiply with its width in micrometres for the speed of both edges together. Refused with fewer
    than 4 open times.
    """
    t, y, _ = clean_points(time, open_area)
    monotone = check_monotone(t, y)
    closed = np.flatnonzero(y < _CLOSED)
    if len(closed):
        t, y = t[: closed[0] + 1], y[: closed[0] + 1]
    if len(np.unique(t)) < _FEWEST:
        what = f"{len(t)} times until the area is closed" if len(closed) else f"{len(t)} times"
        return Closing(monotone=monotone, note=f"No closing rate: {what}, {_FEWEST} are needed.")
    level, slope, covariance, free = _line(t - t[0], y)
    tq = t_quantile(free)
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    rate = Interval(-slope, -slope - tq * float(errors[1]), -slope + tq * float(errors[1]))
    parameters = {
        "closing_rate": rate,
        "half_closure_time": Interval(None),
        "start_area": Interval(level, level - tq * float(errors[0]), level + tq * float(errors[0])),
    }
    notes = []
    if rate.low is not None and rate.high is not None and rate.low <= 0 <= rate.high:
        notes.append("closing cannot be told from standing still (the interval of the rate holds 0)")
    elif slope > 0:
        notes.append("the open area grows")
    else:
        half = level / (-2 * slope)
        gradient = np.array([-1 / (2 * slope), level / (2 * slope**2)])
        error = tq * math.sqrt(max(float(gradient @ covariance @ gradient), 0.0))
        start = float(t[0])
        if start + half <= float(t[-1]) + 1e-9:
            parameters["half_closure_time"] = Interval(
                start + half, start + max(0.0, half - error), start + half + error
            )
        else:
            notes.append("half of the area is not yet closed at the last time")
    if monotone.ok is False:
        notes.append(f"the area opens again by {monotone.largest:.1%} in between, which is more than its noise")
    text = "; ".join(notes)
    line = np.linspace(t[0], t[-1], 25)
    return Closing(
        parameters, tuple(line.tolist()), tuple((level + slope * (line - t[0])).tolist()), monotone,
        f"{text[0].upper()}{text[1:]}." if text else "",
    )  # fmt: skip


def _line(t: Floats, y: Floats) -> tuple[float, float, Floats, float]:
    """Return level at t = 0, slope, their covariance and the degrees of freedom of Huber's line."""
    table = np.stack([np.ones_like(t), t / max(float(t[-1]), 1e-300)], axis=1)
    w: Floats = np.ones(len(t))
    found: Floats = np.zeros(2)
    for _ in range(50):
        root = np.sqrt(w)
        new = np.linalg.lstsq(table * root[:, None], y * root, rcond=None)[0]
        residual = y - table @ new
        spread = float(np.median(np.abs(residual))) / 0.6745
        w = (
            np.minimum(1.0, 1.345 * spread / np.maximum(np.abs(residual), 1e-300))
            if spread > 1e-12
            else np.ones(len(t))
        )
        if float(np.abs(new - found).max()) < 1e-10:
            found = new
            break
        found = new
    residual = (y - table @ found) * np.sqrt(w)
    count = float(w.sum())
    share = independent_share(residual, 2)
    variance = float(residual @ residual) / max(count - 2, 1.0) / share
    unit = np.array([1.0, 1 / max(float(t[-1]), 1e-300)])
    covariance: Floats = np.linalg.inv(table.T @ (table * w[:, None])) * variance * np.outer(unit, unit)
    return float(found[0]), float(found[1]) * float(unit[1]), covariance, max(2.0, count * share - 2)
