"""The mean of all channels: one grey image where no channel was chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_of_channels"]


def mean_of_channels(channels: NDArray[Any]) -> NDArray[Any]:
    """Return the mean of the channels of every pixel, in their own dtype, integers rounded to the nearest.

    Parameters
    ----------
    channels : (C, Y, X) ndarray of real numbers
        At least one channel; NaN in one makes the mean NaN.

    Returns
    -------
    image : (Y, X) ndarray
        That channel itself where there is only one.
    """
    if len(channels) == 1:
        return np.asarray(channels[0])
    if channels.dtype.kind == "f":
        return channels.mean(axis=0)
    mean = channels.mean(axis=0, dtype=np.float64)
    return np.rint(mean).astype(channels.dtype) if channels.dtype.kind in "iu" else mean
