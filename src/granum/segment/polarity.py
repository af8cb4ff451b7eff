"""Which side of the intensities the objects are on."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image
from granum.preprocess.histogram import count_values
from granum.segment.threshold_methods import otsu_bin

__all__ = ["find_polarity"]

_WORKING_SIDE = 512  # pixels: enough to see which side is the object, and averaging tames the noise


def find_polarity(image: ArrayLike, area: ArrayLike | None = None) -> Literal["bright", "dark"]:
    """Tell whether objects are brighter or darker than their background, without labels.

    Parameters
    ----------
    image : (Y, X) array_like
        Any real dtype.
    area : (Y, X) array_like of bool, optional
        Only these pixels count.

    Returns
    -------
    polarity : {"bright", "dark"}
        "bright" when nothing speaks for either, as for a constant image.
    """
    image = check_image(image)
    area = check_area(area, image.shape)
    small, inside = _shrink(image, area)
    return "dark" if _evidence(small, inside) < 0 else "bright"


def _shrink(image: NDArray[Any], area: NDArray[np.bool_] | None) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return a smoothed, flattened image of at most about 512 pixels a side, and its area."""
    factor = max(1, round(max(image.shape) / _WORKING_SIDE))
    values = (image - np.float64(image.flat[0])).astype(np.float32)
    shape = (max(1, image.shape[1] // factor), max(1, image.shape[0] // factor))
    small = cv2.resize(values, shape, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 1.5)
    if area is None:
        return small, np.ones(small.shape, np.bool_)
    inside = cv2.resize(area.view(np.uint8), shape, interpolation=cv2.INTER_NEAREST) > 0
    return small, inside if inside.any() else np.ones(small.shape, np.bool_)


def _evidence(small: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
    """Return evidence for bright objects, below 0 for dark ones."""
    histogram = count_values(small, inside)
    if histogram.counts.size < 2:
        return 0.0
    level = histogram.low + (otsu_bin(histogram.counts) + 0.5) * histogram.step
    bright = (small > level) & inside
    minority = 0.5 - bright.sum() / inside.sum()
    return float(minority)
