"""Temperature: how much more sure a classifier sounds than it is, measured on painted pixels that it had not seen.

One number for all classes (Guo et al. 2017, arXiv:1706.04599): with more numbers, few strokes decide more than they
know.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["apply_temperature", "fit_temperature"]

_LEAST = 1e-6
_RANGE = (0.05, 4.0)
_ROUNDS = 20
_MOST_PX = 20_000
# worth a hundredth of a nat at twice the temperature: decides only where the pixels say nothing
_PULL = 0.02


def fit_temperature(
    probabilities: NDArray[np.float32], labels: NDArray[np.uint8], *, weights: NDArray[np.float64] | None = None
) -> float:
    """Return the power to which probabilities are raised so that they are as sure as they are right.

    Parameters
    ----------
    probabilities : (K, n) ndarray
        Of pixels that were not learnt from.
    labels : (n,) ndarray of uint8
        Their classes.
    weights : (n,) ndarray, optional
        Of each pixel; classes should weigh the same when the probabilities are those of balanced classes.

    Returns
    -------
    power : float
        0.05 to 4; below 1 when the classifier is too sure of itself. 1 when there are no pixels.

    Notes
    -----
    The loss is convex in the power, so its slope is bisected. What is fitted is pulled a little to 1. Of more than
    20,000 pixels, every second, third ... is looked at.
    """
    if not labels.size:
        return 1.0
    share = np.ones(labels.size) if weights is None else np.asarray(weights, np.float64)
    if labels.size > _MOST_PX:
        some = slice(None, None, -(-labels.size // _MOST_PX))
        probabilities, labels, share = probabilities[:, some], labels[some], share[some]
    logs = np.log(np.maximum(probabilities, np.float32(_LEAST)))
    if share.sum() <= 0:
        return 1.0
    share = share / share.sum()
    wanted = float(share @ logs[labels, np.arange(labels.size)])
    low, high = _RANGE
    for _ in range(_ROUNDS):
        middle = 0.5 * (low + high)
        scaled = np.float32(middle) * logs
        scaled -= scaled.max(axis=0)
        chance = np.exp(scaled)
        chance /= chance.sum(axis=0)
        slope = float(share @ (chance * logs).sum(axis=0)) - wanted + _PULL * np.log(middle) / middle
        low, high = (low, middle) if slope > 0 else (middle, high)
    return 0.5 * (low + high)


def apply_temperature(probabilities: NDArray[np.float32], power: float) -> NDArray[np.float32]:
    """Return probabilities (K, ...) raised to a power and brought to the sum 1, in new memory."""
    scaled = np.log(np.maximum(probabilities, np.float32(_LEAST)))
    scaled *= np.float32(power)
    scaled -= scaled.max(axis=0)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=0)
    return scaled
