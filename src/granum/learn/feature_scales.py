"""`FeatureScale`: how a sigma of the bank is computed: on which reduced image, by which weights, and how far it sees.

A sigma of 3.5 px and more is computed on the image reduced by 2, 4, ... until it is under 3.5 pixels of that image.
The means over factor x factor pixels and the way back (bilinear) smooth too: together by a variance of a quarter of a
reduced pixel, which the Gaussian is made smaller by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from granum.learn.feature_set import FeatureSet

__all__ = ["FeatureScale", "feature_halo", "feature_scales"]

LARGEST = 3.5
"""Sigmas from here on, in pixels of the image, are computed on one that is reduced once more."""
TRUNCATE = 3.0
N_ORIENTATIONS = 8


@dataclass(frozen=True, eq=False)
class FeatureScale:
    """One sigma of a set of features.

    Parameters
    ----------
    sigma : float
        In pixels of the image.
    level : int
        The image is reduced by ``2**level``.
    ratio : float
        Sigma in pixels of the reduced image, by which derivatives are scaled.
    weights : (r + 1,) ndarray of float32
        Half of the Gaussian kernel, from its centre.
    steps : (8, 3, 2) ndarray of int64
        Of each orientation, where lines are looked at: (rows, columns) one, two and three steps from the pixel.
    directions : (8, 2) ndarray of float32
        Unit vectors (rows, columns) of the orientations.
    radius : int
        Of the square of local extremes.
    reach : int
        How many pixels of the reduced image its features see to each side.
    """

    sigma: float
    level: int
    ratio: float
    weights: NDArray[np.float32]
    steps: NDArray[np.int64]
    directions: NDArray[np.float32]
    radius: int
    reach: int

    @property
    def factor(self) -> int:
        """By how much the image is reduced."""
        return 1 << self.level

    @property
    def taps(self) -> int:
        """Radius of the Gaussian kernel."""
        return len(self.weights) - 1

    @property
    def line_reach(self) -> int:
        """How far the ends of lines are."""
        return int(abs(self.steps).max())

    @property
    def halo(self) -> int:
        """How many pixels of the image its features see to each side, at the worst place of the reduced grid."""
        return self.reach if self.level == 0 else self.reach * self.factor + 3 * self.factor // 2 - 1


def _gaussian(sigma: float) -> NDArray[np.float32]:
    radius = max(1, int(TRUNCATE * sigma + 0.5))
    weights = np.exp(-0.5 * (np.arange(radius + 1) / sigma) ** 2)
    return (weights / (weights[0] + 2 * weights[1:].sum())).astype(np.float32)


@lru_cache(maxsize=256)
def _scale(sigma: float, kinds: tuple[str, ...]) -> FeatureScale:
    level = 0
    while sigma / (1 << level) >= LARGEST:
        level += 1
    ratio = sigma / (1 << level)
    weights = _gaussian(ratio if level == 0 else math.sqrt(ratio * ratio - 0.25))
    taps, radius = len(weights) - 1, round(2 * ratio)
    angles = np.arange(N_ORIENTATIONS) * (math.pi / N_ORIENTATIONS)
    directions = np.stack((np.sin(angles), np.cos(angles)), axis=1)
    steps = np.rint(directions[:, None, :] * (np.arange(1, 4) * max(ratio, 1.0))[None, :, None]).astype(np.int64)
    reaches = {
        "gaussian": taps,
        "laplacian": taps + 1,
        "gradient": taps + 1,
        "difference": 2 * taps,
        "structure": 2 * taps + 1,
        "hessian": taps + 1,
        "deviation": 2 * taps,
        "entropy": 3 * taps,
        "extremes": radius,
        "lines": taps + 1 + int(abs(steps).max()),
    }
    reach = max(reaches[kind] for kind in kinds)
    return FeatureScale(sigma, level, ratio, weights, steps, directions.astype(np.float32), radius, reach)


def feature_scales(features: FeatureSet) -> tuple[FeatureScale, ...]:
    """Return the scales of a set of features, in its order."""
    return tuple(_scale(sigma, features.kinds) for sigma in features.sigmas) if features.kinds else ()


def feature_halo(features: FeatureSet) -> int:
    """Return how many pixels around a window its features depend on, to each side.

    It is exact for a window of any place: pixels further away change no bit, and there are windows where the outermost
    pixels do. `compute_features` reads them itself; who cuts windows out of images needs them.
    """
    return max((scale.halo for scale in feature_scales(features)), default=0)
