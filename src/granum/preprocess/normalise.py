"""Intensities onto 0..1, between two percentiles."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_image
from granum.errors import SettingError
from granum.preprocess.histogram import count_values
from granum.steps import Range

__all__ = ["normalise_intensity"]


def normalise_intensity(
    image: ArrayLike,
    area: ArrayLike | None = None,
    *,
    low_percent: Annotated[float, Range(0, 100, unit="%")] = 0.1,
    high_percent: Annotated[float, Range(0, 100, unit="%")] = 99.9,
) -> NDArray[np.float32]:
    """Scale intensities so that two percentiles become 0 and 1; what lies beyond is clipped.

    Parameters
    ----------
    image : (Y, X) array_like
        Any real dtype.
    area : (Y, X) array_like of bool, optional
        Only these pixels decide the percentiles; all pixels are scaled.
    low_percent : float
        Percentile that becomes 0; 0 to 100, below `high_percent`.
    high_percent : float
        Percentile that becomes 1; 0 to 100.

    Returns
    -------
    image : (Y, X) ndarray of float32
        0..1. A constant image, and one whose two percentiles are equal and that has no value beyond, becomes 0.

    Raises
    ------
    SettingError
        A percentile out of 0..100, or `low_percent` not below `high_percent`.

    Notes
    -----
    The result does not change under gain and offset of the image. When the two percentiles are equal (a few
    spots on a flat background) the full range is used. Percentiles of floats are right to 1/131,072 of the range.
    Memory: 4 bytes per pixel, the result.

    Examples
    --------
    >>> import numpy as np
    >>> normalise_intensity(np.array([[0, 10, 20]]), low_percent=0, high_percent=100)
    array([[0. , 0.5, 1. ]], dtype=float32)
    """
    image = check_image(image)
    for name, value in (("low_percent", low_percent), ("high_percent", high_percent)):
        if value not in Range(0, 100):
            raise SettingError(f"{name}: {value!r} is out of range, must be 0 to 100.")
    if low_percent >= high_percent:
        raise SettingError(f"low_percent: {low_percent!r} must be below high_percent ({high_percent!r}).")
    histogram = count_values(image, area)
    low, high = histogram.percentile(low_percent), histogram.percentile(high_percent)
    if low >= high:
        inside = image if area is None else image[np.asarray(area, np.bool_)]
        low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
    return _scale(image, low, high)


def _scale(image: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Return (image - low) / (high - low), clipped to 0..1, row by row in float64 so that large offsets survive."""
    scaled = np.zeros(image.shape, np.float32)
    if high <= low:
        return scaled
    rows = max(1, (1 << 18) // image.shape[1])
    for y in range(0, image.shape[0], rows):
        band = image[y : y + rows].astype(np.float64)
        band -= low
        band /= high - low
        np.clip(band, 0, 1, out=band)
        scaled[y : y + rows] = band
    return scaled
