"""How steep the outline of a mask is, compared with the whole image: 1 in noise, far more where objects end there."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from granum.segment.smoothing_scale import sample_tiles

__all__ = ["outline_steepness"]

_SMOOTHING = 0.8


def outline_steepness(relief: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the mean gradient on the outline of a mask over that of the image; of a sample of a large image.

    Parameters
    ----------
    relief : (Y, X) ndarray of float32
        The image that was thresholded.
    mask : (Y, X) ndarray of bool
        True on objects.

    Returns
    -------
    ratio : float
        0 where there is no outline, or no gradient.

    Notes
    -----
    Sobel's gradient, in one pass and in the same arithmetic wherever the arrays lie in memory, which OpenCV's magnitude
    does not promise.
    """
    window = sample_tiles(relief)[0]
    part = np.ascontiguousarray(mask[window]).view(np.uint8)
    tile = cv2.GaussianBlur(np.ascontiguousarray(relief[window]), (0, 0), _SMOOTHING)
    steepness = _gradient(np.asarray(tile, np.float32))
    outline = (part ^ cv2.erode(part, np.ones((3, 3), np.uint8), borderValue=1)).view(np.bool_)
    mean = float(steepness.mean())
    return float(steepness[outline].mean()) / mean if outline.any() and mean > 0 else 0.0


@njit(cache=True, parallel=True)
def _gradient(image: Any) -> Any:
    """Return the length of Sobel's gradient, the image mirrored at its frame without the outermost pixels."""
    height, width = image.shape
    steepness = np.empty(image.shape, np.float32)
    for line in prange(height):
        y = np.int64(line)
        above = image[y - 1 if y > 0 else min(1, height - 1)]
        here = image[y]
        below = image[y + 1 if y < height - 1 else max(height - 2, 0)]
        row = steepness[y]
        for x in range(1, width - 1):
            row[x] = _length(above, here, below, x - 1, x, x + 1)
        row[0] = _length(above, here, below, min(1, width - 1), 0, min(1, width - 1))
        row[width - 1] = _length(above, here, below, max(width - 2, 0), width - 1, max(width - 2, 0))
    return steepness


@njit(cache=True)
def _length(above: Any, here: Any, below: Any, left: Any, x: Any, right: Any) -> Any:
    two = np.float32(2)
    across = (above[right] - above[left]) + (below[right] - below[left]) + two * (here[right] - here[left])
    down = (below[left] + below[right] + two * below[x]) - (above[left] + above[right] + two * above[x])
    return np.sqrt(across * across + down * down)
