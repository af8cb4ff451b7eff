"""Where a model is unsure: the lead of the likeliest class over the next, of every pixel and around places.

The lead (margin) and not the entropy: it means the same for any number of classes. Two classes that are as likely are
1 whether there are two classes or ten, and that is the question that a stroke answers: this one or that one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from granum.errors import ShapeError

__all__ = ["uncertainty_map", "unsure_places"]

REACH_PX = 4
"""Places are judged by the square of 9 pixels around them: about what a stroke covers."""


@njit(cache=True, nogil=True)
def _fill_map(planes, out):  # type: ignore[no-untyped-def]
    """Write one minus the lead of (K, h, w) probabilities; 0 where all are 0."""
    width = planes.shape[2]
    first, second = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(planes.shape[1]):
        first[:] = 0
        second[:] = 0
        for k in range(planes.shape[0]):
            row = planes[k, y]
            for x in range(width):
                value, one, two = row[x], first[x], second[x]
                lower = one if value > one else value
                first[x] = value if value > one else one
                second[x] = lower if lower > two else two
        target = out[y]
        for x in range(width):
            one = first[x]
            unsure = min(max(np.float32(1) - (one - second[x]), np.float32(0)), np.float32(1))
            # `one > 0` is false for NaN too
            target[x] = unsure if one > 0 else np.float32(0)


@njit(cache=True, nogil=True)
def _fill_places(planes, unsure, y, x, reach, mean, out):  # type: ignore[no-untyped-def]
    """Write mean probabilities (K, n) and mean uncertainty (n) of the pixels around places that have a class."""
    n_classes, height, width = planes.shape
    for i in range(len(y)):
        n = 0
        for row in range(max(y[i] - reach, 0), min(y[i] + reach + 1, height)):
            for column in range(max(x[i] - reach, 0), min(x[i] + reach + 1, width)):
                largest = np.float32(0)
                for k in range(n_classes):
                    largest = max(largest, planes[k, row, column])
                if largest > 0:
                    n += 1
                    out[i] += unsure[row, column]
                    for k in range(n_classes):
                        mean[k, i] += planes[k, row, column]
        if n:
            out[i] /= n
            for k in range(n_classes):
                mean[k, i] /= n


def uncertainty_map(probabilities: ArrayLike) -> NDArray[np.float32]:
    """Return how unsure a model is of every pixel.

    Parameters
    ----------
    probabilities : (K, h, w) array_like of float
        Of each class; all 0 where nothing is predicted.

    Returns
    -------
    uncertainty : (h, w) ndarray of float32
        One minus the lead of the likeliest class over the next: 0 = sure, 1 = two classes are as likely. 0 where
        nothing is predicted.

    Raises
    ------
    ShapeError
        When the probabilities are not (K, h, w).

    Notes
    -----
    About 15 ms per megapixel and class on one core.
    """
    planes = _as_planes(probabilities)
    out = np.zeros(planes.shape[1:], np.float32)
    _fill_map(planes, out)
    return out


def unsure_places(
    probabilities: ArrayLike,
    uncertainty: NDArray[np.float32],
    y: NDArray[Any],
    x: NDArray[Any],
    *,
    reach_px: int = REACH_PX,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean probabilities and the mean uncertainty around places.

    Parameters
    ----------
    probabilities : (K, h, w) array_like of float
        Of each class; pixels where all are 0 do not count.
    uncertainty : (h, w) ndarray of float32
        Its `uncertainty_map`.
    y, x : (n,) ndarray of int
        The places.
    reach_px : int
        Pixels that are looked at in each direction.

    Returns
    -------
    mean : (K, n) ndarray of float32
        Of the probabilities in the square around each place.
    uncertainty : (n,) ndarray of float32
        Mean of `uncertainty` there. The border between two phases is a thin line that no stroke can settle: it
        hardly counts, an area in which the model hesitates does.
    """
    planes = _as_planes(probabilities)
    mean, unsure = np.zeros((len(planes), len(y)), np.float32), np.zeros(len(y), np.float32)
    _fill_places(planes, uncertainty, y, x, reach_px, mean, unsure)
    return mean, unsure


def _as_planes(probabilities: ArrayLike) -> NDArray[np.float32]:
    planes = np.ascontiguousarray(probabilities, np.float32)
    if planes.ndim != 3:
        raise ShapeError(f"probabilities: have shape {planes.shape}, must be (K, h, w).")
    return planes
