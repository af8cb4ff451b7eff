"""How sure it is that a nucleus is dead: two populations where there are two, the evidence of its own where not.

A field may be all alive, all dead, or hold one nucleus; a rule that always finds two classes is wrong then. So two
answers are weighed: "these are two populations, and it belongs to the brighter" and "judged by itself".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["DeadEvidence", "judge_evidence"]

_BY_ITSELF_Z, _BY_ITSELF_RATIO = 8.0, 0.2  # where the evidence of a nucleus by itself turns
_STEEP_Z, _STEEP_RATIO = 2.5, 2.5
_PROPORTIONAL = 0.2  # width of the logarithm of dead over live, under which the one is the other's bleed-through
_SURE = 4.0  # largest logit of a nucleus by itself
_WIDTH, _WIDTH_WEIGHT = 0.45, 4.0  # width of a population before it is seen, and how many nuclei that is worth
_GAP = math.log(3.0)  # populations closer than this are one: a nucleus before division has twice the stain of one after
_TWO_SAY = 3.0  # logit by which two populations speak for the lower alive, the upper dead


@dataclass(frozen=True, eq=False)
class DeadEvidence:
    """What was found out about the nuclei of one field.

    Parameters
    ----------
    p_dead : (K,) ndarray of float64
        Probability that it is dead.
    p_two : float
        Probability that there are two populations.
    levels : tuple of float
        Middles of the populations in noise widths (the same twice where there is one).
    """

    p_dead: NDArray[np.float64]
    p_two: float
    levels: tuple[float, float]


def judge_evidence(
    z: NDArray[np.float64], ratio: NDArray[np.float64], *, proportion_spread: float | None = None
) -> DeadEvidence:
    """Return the probability that each nucleus is dead.

    Parameters
    ----------
    z : (K,) ndarray of float64
        Dead stain over the local background, in widths of the same measure where no nucleus is.
    ratio : (K,) ndarray of float64
        Dead stain over its pixel noise, over live stain over its pixel noise: bleed-through is a small share.

    proportion_spread : float, optional
        Robust width of the logarithm of dead over live stain over the nuclei, None where too few show both.
        Bleed-through is the same picture times a constant; what dead nuclei take up differs from one to the next.

    Notes
    -----
    By itself, a nucleus is dead when z passes 8 and the ratio passes 0.2; the weaker of both counts, less where both
    stains are proportional to within a fifth and the ratio is under 1. Populations are
    normal in asinh(z / 2), which is the logarithm for what is bright and linear in the noise; widths and share have
    priors worth 4 nuclei, so that one dead nucleus of fifty makes a population and a broad one is not cut in two. Two
    are weighed against one by the Bayesian information criterion, and count when their middles differ by more than a
    factor of 3.
    """
    alone = _by_itself(z, ratio)
    if proportion_spread is not None and proportion_spread < _PROPORTIONAL:
        less = _STEEP_RATIO * math.log(_PROPORTIONAL / max(proportion_spread, _PROPORTIONAL / 5))
        alone = np.where(ratio < 1, np.maximum(alone - less, -_SURE), alone)
    if len(z) < 2:
        return DeadEvidence(_squash(alone), 0.0, (float(z[0]), float(z[0])) if len(z) else (0.0, 0.0))
    y = np.arcsinh(np.maximum(z, -3.0) / 2)
    p_two, low, high, width, share = _two_populations(y)
    middle = (float(2 * np.sinh(low)), float(2 * np.sinh(high)))
    if p_two <= 0:
        return DeadEvidence(_squash(alone), 0.0, (middle[0], middle[0]))
    inside = np.clip(y, low, high)  # beyond its own middle a nucleus is not less sure
    upper = _log_normal(inside, high, width) + math.log(share)
    lower = _log_normal(inside, low, width) + math.log(1 - share)
    p_upper = _squash(upper - lower)
    own = p_upper > 0.5
    # what each population is by itself, drawn apart: there are two, so most likely one is alive and one is dead
    logit_low = float(np.median(alone[~own])) if (~own).any() else -_SURE
    logit_high = float(np.median(alone[own])) if own.any() else _SURE
    p_mixed = p_upper * _squash(np.array(logit_high + _TWO_SAY)) + (1 - p_upper) * _squash(
        np.array(logit_low - _TWO_SAY)
    )
    return DeadEvidence(p_two * p_mixed + (1 - p_two) * _squash(alone), p_two, middle)


def _squash(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -60, 60))))


def _by_itself(z: NDArray[np.float64], ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logit of a nucleus judged without the others."""
    of_z = _STEEP_Z * np.log(np.maximum(z, 0.05) / _BY_ITSELF_Z)
    of_ratio = _STEEP_RATIO * np.log(np.maximum(ratio, 1e-3) / _BY_ITSELF_RATIO)
    return np.clip(np.minimum(of_z, of_ratio), -_SURE, _SURE)


def _log_normal(y: NDArray[np.float64], middle: float, width: float) -> NDArray[np.float64]:
    return np.asarray(-0.5 * ((y - middle) / width) ** 2 - math.log(width))


def _two_populations(y: NDArray[np.float64]) -> tuple[float, float, float, float, float]:
    """Return the probability of two populations, their middles, their common width, and the share of the upper."""
    n = len(y)
    one = _penalised(float(((y - y.mean()) ** 2).sum()), n)
    best = (-np.inf, float(y.mean()), float(y.mean()), 1.0, 0.5)
    ordered = np.sort(y)
    gaps = np.diff(ordered)
    starts = {
        int(np.argmax(gaps)) + 1,
        *(max(1, min(n - 1, round(q * n))) for q in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)),
    }
    for start in sorted(starts):
        fit = _expectation_maximisation(y, float(ordered[:start].mean()), float(ordered[start:].mean()), start / n)
        if fit[0] > best[0]:
            best = fit
    gain = best[0] - one - math.log(max(n, 2))  # two parameters more, half a logarithm each
    separation = (best[2] - best[1]) / best[3]
    if best[2] - best[1] < _GAP or separation < 2.5:
        return 0.0, float(y.mean()), float(y.mean()), best[3], 0.5
    # near the least gap neither answer is sure
    sure = min(1.0, (best[2] - best[1] - _GAP) / 0.5) * min(1.0, (separation - 2.5) / 1.0)
    return sure / (1 + math.exp(-max(-60.0, min(60.0, gain)))), *best[1:]


def _penalised(squares: float, n: int) -> float:
    """Return the log likelihood of one population of `n` with the prior of its width, at its best width."""
    variance = (squares + _WIDTH_WEIGHT * _WIDTH**2) / (n + _WIDTH_WEIGHT)
    return -0.5 * (n + _WIDTH_WEIGHT) * (math.log(variance) + 1)


def _expectation_maximisation(
    y: NDArray[np.float64], low: float, high: float, below: float
) -> tuple[float, float, float, float, float]:
    """Return the log likelihood (with priors), both middles, the width, and the share of the upper population."""
    n, width = len(y), _WIDTH
    share = min(max(1 - below, 0.5 / n), 1 - 0.5 / n)
    likelihood = -np.inf
    for _ in range(200):
        upper = _log_normal(y, high, width) + math.log(share)
        lower = _log_normal(y, low, width) + math.log(1 - share)
        both = np.logaddexp(upper, lower)
        belongs = np.exp(upper - both)
        prior = -0.5 * _WIDTH_WEIGHT * (2 * math.log(width) + (_WIDTH / width) ** 2)
        new = float(both.sum()) + prior
        weight = float(belongs.sum())
        if not 1e-6 < weight < n - 1e-6:
            return -np.inf, low, high, width, share
        high, low = float((belongs * y).sum() / weight), float(((1 - belongs) * y).sum() / (n - weight))
        squares = float((belongs * (y - high) ** 2 + (1 - belongs) * (y - low) ** 2).sum())
        width = math.sqrt((squares + _WIDTH_WEIGHT * _WIDTH**2) / (n + _WIDTH_WEIGHT))
        share = (weight + 0.5) / (n + 1)
        if new - likelihood < 1e-9 * n:
            break
        likelihood = new
    return new, min(low, high), max(low, high), width, share if high >= low else 1 - share
