"""Weighted samples: the check of sizes and weights, and their quantiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import ShapeError

__all__ = ["checked_sample", "weighted_quantiles"]


def checked_sample(
    sizes: ArrayLike, weights: ArrayLike | None, *, name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sizes of weight above 0 and their weights, as float64.

    Raises
    ------
    ShapeError
        When a size is not positive and finite, a weight is negative or not finite, or the lengths differ.
    """
    size = np.asarray(sizes, np.float64)
    weight = np.ones(size.shape) if weights is None else np.asarray(weights, np.float64)
    if size.ndim != 1 or weight.shape != size.shape:
        raise ShapeError(f"{name}: has shape {size.shape} with weights {weight.shape}, needs two equally long lists.")
    for what, values, is_good in (
        (name, size, np.isfinite(size) & (size > 0)),
        ("weights", weight, np.isfinite(weight) & (weight >= 0)),
    ):
        if not is_good.all():
            row = int(np.flatnonzero(~is_good)[0])
            raise ShapeError(
                f"{what}: row {row} is {values[row]:g}, must be a positive number; leave such objects out."
            )
    used = weight > 0
    return size[used], weight[used]


def weighted_quantiles(
    sizes: NDArray[np.float64], weights: NDArray[np.float64], shares: ArrayLike
) -> NDArray[np.float64]:
    """Return the sizes under which the given shares (0..1) of the weight lie.

    The distribution function passes through the middle of each object's step and is straight in between (Hazen; for
    equal weights ``numpy.quantile(..., method="hazen")``).
    """
    order = np.argsort(sizes, kind="stable")
    weight = weights[order]
    middle = np.cumsum(weight) - weight / 2
    return np.interp(np.asarray(shares) * weight.sum(), middle, sizes[order])
