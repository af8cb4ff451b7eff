"""Least squares for curves of three or four parameters, with what an honest interval of a time series needs.

Neighbouring times of one culture err together: a well that is read too high at 10 h is so at 11 h. The intervals
count how many independent points the residuals are worth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CurveFit",
    "akaike",
    "clean_points",
    "fit_least_squares",
    "independent_share",
    "neighbour_noise",
    "t_quantile",
]

Floats = NDArray[np.floating[Any]]
_ROUNDS = 60
_STEP = 1e-6


@dataclass(frozen=True)
class CurveFit:
    """Parameters, their covariance, sum of weighted squares, weighted residuals, and whether it came to rest."""

    parameters: Floats
    covariance: Floats | None
    squares: float
    residuals: Floats
    converged: bool


def clean_points(time: ArrayLike, value: ArrayLike, weights: ArrayLike | None = None) -> tuple[Floats, Floats, Floats]:
    """Return times, values and weights of the points that have all, in the order of time; NaN is a gap."""
    t, y = np.asarray(time, np.float64), np.asarray(value, np.float64)
    w = np.ones(t.shape) if weights is None else np.asarray(weights, np.float64)
    good = np.isfinite(t) & np.isfinite(y) & np.isfinite(w) & (np.where(np.isfinite(w), w, 0) > 0)
    order = np.argsort(t[good], kind="stable")
    return t[good][order], y[good][order], w[good][order]


def fit_least_squares(
    model: Callable[[Floats], Floats], start: Floats, value: Floats, weights: Floats | None = None
) -> CurveFit:
    """Minimise the weighted squares by Levenberg and Marquardt's method with a numeric derivative.

    Parameters
    ----------
    model : callable
        (P,) parameters -> (N,) values; scaled so that parameters are of order 1 (logarithms of rates and sizes).
    start : (P,) ndarray
        Near the minimum, from a grid.
    value, weights : (N,) ndarray
        Finite points.

    Returns
    -------
    fit : CurveFit
        No covariance where the points do not determine the parameters, or are not more than these.

    Notes
    -----
    Always returns, never warns; about 1 ms for 70 points and 3 parameters.
    """
    root: Floats = np.ones(len(value)) if weights is None else np.sqrt(weights)
    theta = np.asarray(start, np.float64).copy()
    with np.errstate(all="ignore"):
        residual = (value - model(theta)) * root
        squares, damping, converged = float(residual @ residual), 1e-3, False
        for _ in range(_ROUNDS):
            jacobian = _jacobian(model, theta) * root[:, None]
            if not (np.isfinite(jacobian).all() and math.isfinite(squares)):
                break
            normal, gradient = jacobian.T @ jacobian, jacobian.T @ residual
            scale = np.maximum(np.diag(normal), 1e-30)
            moved = False
            for _ in range(12):
                step = _solve(normal + damping * np.diag(scale), gradient)
                if step is not None:
                    tried = (value - model(theta + step)) * root
                    new = float(tried @ tried)
                    if math.isfinite(new) and new <= squares:
                        moved = True
                        break
                damping *= 6
            if not moved or step is None:
                converged = True  # no direction makes it smaller
                break
            small = squares - new <= 1e-12 * max(squares, 1e-300) and float(np.abs(step).max()) < 1e-7
            theta, residual, squares, damping = theta + step, tried, new, max(damping / 8, 1e-12)
            if small or squares == 0:
                converged = True
                break
        covariance = None
        free = len(value) - len(theta)
        jacobian = _jacobian(model, theta) * root[:, None]
        if free > 0 and np.isfinite(jacobian).all():
            normal = jacobian.T @ jacobian
            scale = np.sqrt(np.maximum(np.diag(normal), 1e-300))
            scaled = normal / scale[:, None] / scale[None, :]
            if np.linalg.cond(scaled) < 1e12:
                covariance = np.linalg.inv(scaled) / scale[:, None] / scale[None, :] * (squares / free)
    return CurveFit(theta, covariance, squares, residual, converged)


def _jacobian(model: Callable[[Floats], Floats], theta: Floats) -> Floats:
    columns = []
    for k in range(len(theta)):
        step = np.zeros(len(theta))
        step[k] = _STEP * max(1.0, abs(theta[k]))
        columns.append((model(theta + step) - model(theta - step)) / (2 * step[k]))
    return np.stack(columns, axis=1)


def _solve(matrix: Floats, right: Floats) -> Floats | None:
    try:
        solved = np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        return None
    return solved if np.isfinite(solved).all() else None


def independent_share(residuals: ArrayLike, n_parameters: int) -> float:
    """Return which share of the points of a series counts as independent, from the correlation of neighbouring
    residuals.

    (1 - r) / (1 + r) for a correlation r above 0, at least 0.05; 1 for under 8 points. A fit leaves residuals that
    are less correlated than the errors were; r is corrected for that to the first order, by (number of parameters +
    1) / n.
    """
    e = np.asarray(residuals, np.float64)
    total = float(e @ e)
    if len(e) < 8 or total <= 0:
        return 1.0
    r = float(e[1:] @ e[:-1]) / total + (n_parameters + 1) / len(e)
    r = min(max(r, 0.0), 0.95)
    return max(0.05, (1 - r) / (1 + r))


def neighbour_noise(t: Floats, y: Floats) -> Floats:
    """Return the noise at each point as a variance, from its distance to the line between its neighbours."""
    if len(t) < 3:
        return np.zeros(0)
    before, after = t[1:-1] - t[:-2], t[2:] - t[1:-1]
    part = before / np.maximum(before + after, 1e-300)
    return (y[1:-1] - (1 - part) * y[:-2] - part * y[2:]) ** 2 / (1 + part**2 + (1 - part) ** 2)


def t_quantile(free: float, outside: float = 0.05) -> float:
    """Return Student's quantile of an interval with a share of `outside` on both sides together."""
    from scipy.special import stdtrit

    return float(stdtrit(max(free, 1.0), 1 - outside / 2))


def akaike(squares: float, n: int, n_parameters: int, scale: float) -> float | None:
    """Return Akaike's criterion for least squares, corrected for few points (AICc).

    None with too few points; the spread counts as a parameter. `scale` is the size of the values: squares below its
    rounding count as that.

    References
    ----------
    .. [1] C. M. Hurvich, C.-L. Tsai, "Regression and time series model selection in small samples", Biometrika 76,
    297-307
       (1989), :doi:`10.1093/biomet/76.2.297`.
    """
    k = n_parameters + 1
    if n - k - 1 <= 0 or scale <= 0:
        return None
    return n * math.log(max(squares / n, (1e-9 * scale) ** 2)) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
