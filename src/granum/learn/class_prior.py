"""How frequent the classes are: strokes do not tell, but the pixels that nobody painted do.

A person paints every class about equally, whatever its share of the image. So classifiers are trained on balanced
classes, and their posterior is turned into that of the real mixture with the frequencies under which unpainted pixels
are most likely: expectation maximisation of Saerens, Latinne and Decaestecker (2002, 10.1162/089976602753284446).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import ShapeError

__all__ = ["apply_prior", "estimate_prior"]

_ROUNDS = 500
_SETTLED = 1e-7


def estimate_prior(
    probabilities: NDArray[Any], *, weights: NDArray[Any] | None = None, shrink: float = 0.02
) -> NDArray[np.float64]:
    """Return the class frequencies under which the probabilities of unpainted pixels are most likely.

    Parameters
    ----------
    probabilities : (K, m) ndarray
        Of a classifier that was trained with balanced classes, at pixels drawn evenly; columns sum to 1. Columns
        that are not finite are left out.
    weights : (m,) ndarray, optional
        Of each pixel.
    shrink : float
        Share of an even mixture that is always kept, 0 to 1: no class can vanish, its frequency is at least
        ``shrink / K``.

    Returns
    -------
    prior : (K,) ndarray of float64
        Sums to 1. Even when there are no pixels.

    Raises
    ------
    ShapeError
        When `probabilities` is not (K, m).

    Notes
    -----
    The likelihood is concave, so the answer does not depend on the start. It fails when the classifier's
    probabilities are not those of balanced classes (badly calibrated), or when two classes look alike: their sum is
    then right and their ratio is not.
    """
    if probabilities.ndim != 2 or not len(probabilities):
        raise ShapeError(f"probabilities: {probabilities.shape}; must be (K, m).")
    n_classes = len(probabilities)
    even = np.full(n_classes, 1.0 / n_classes)
    good = np.isfinite(probabilities).all(axis=0)
    rows = probabilities[:, good].astype(np.float64)
    share = np.ones(rows.shape[1]) if weights is None else np.asarray(weights, np.float64)[good]
    if share.sum() <= 0:
        return even
    share = share / share.sum()
    prior = even
    for _ in range(_ROUNDS):
        joint = rows * prior[:, None]
        # a pixel to which the classifier gives no chance under any class says nothing
        total = joint.sum(axis=0)
        found = (joint / np.where(total > 0, total, 1.0)) @ share
        found = (1.0 - shrink) * found / max(found.sum(), 1e-12) + shrink * even
        moved = np.abs(found - prior).max()
        prior = found
        if moved < _SETTLED:
            break
    normalised: NDArray[np.float64] = prior / prior.sum()
    return normalised


def apply_prior(probabilities: NDArray[np.float32], prior: NDArray[Any]) -> NDArray[np.float32]:
    """Return the posterior of balanced classes as that of classes with the frequencies `prior`, in new memory.

    Parameters
    ----------
    probabilities : (K, ...) ndarray of float32
        Of balanced classes.
    prior : (K,) ndarray
        Frequencies; they need not sum to 1.
    """
    factor = (np.asarray(prior, np.float64) * len(prior) / np.sum(prior)).astype(np.float32)
    posterior = probabilities * factor.reshape(-1, *(1,) * (probabilities.ndim - 1))
    total = posterior.sum(axis=0)
    posterior /= np.where(total > 0, total, np.float32(1))
    return posterior
