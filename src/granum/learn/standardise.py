"""`standardise`: brings every feature of the training pixels to mean 0 and standard deviation 1; constant ones to 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from granum.learn.block_kernels import LARGEST

__all__ = ["standardise"]


def standardise(
    planes: NDArray[np.float32], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return standardised features as rows, and the shift and factor that did it.

    Parameters
    ----------
    planes : (F, n) ndarray of float32
        Features; what is not finite is left out of the means and becomes 0.
    weights : (n,) ndarray of float64
        Of each pixel.

    Returns
    -------
    rows : (n, F) ndarray of float32
        ``(feature - shift) * factor``, cut off at 32.
    shift, factor : (F,) ndarray of float32
        The factor of a constant feature is 0: what never varied while training must decide nothing later.
    """
    n_features = len(planes)
    shift, factor = np.zeros(n_features, np.float32), np.zeros(n_features, np.float32)
    rows = np.zeros((planes.shape[1], n_features), np.float32)
    for j, plane in enumerate(planes):
        values = plane.astype(np.float64)
        good = np.isfinite(values)
        share = weights * good
        total = share.sum()
        if total <= 0:
            continue
        values[~good] = 0.0
        mean = float((share * values).sum() / total)
        spread = float(np.sqrt((share * (values - mean) ** 2).sum() / total))
        shift[j] = mean
        if spread > 1e-6 * abs(mean) + 1e-9:
            factor[j] = 1.0 / spread
        column = (plane - shift[j]) * factor[j]
        rows[:, j] = np.where(good, np.clip(column, -LARGEST, LARGEST), 0)
    return rows, shift, factor
