"""Uneven light taken away: rolling ball, Gaussian, top-hat, at reduced resolution for large radii."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image
from granum.errors import SettingError
from granum.preprocess.histogram import count_values
from granum.steps import Range

__all__ = ["estimate_background", "subtract_background"]

_REDUCED_RADIUS = 10  # pixels: larger balls and disks roll over a shrunken image
_REDUCED_SIGMA = 4


def subtract_background(
    image: ArrayLike,
    area: ArrayLike | None = None,
    *,
    method: Literal["rolling_ball", "gaussian", "top_hat"] = "gaussian",
    radius: Annotated[float, Range(1, 10_000, unit="px")] = 50.0,
    polarity: Literal["bright", "dark"] = "bright",
) -> NDArray[np.float32]:
    """Subtract what varies more slowly than the objects.

    Parameters
    ----------
    image : (Y, X) array_like
        Any real dtype.
    area : (Y, X) array_like of bool, optional
        Pixels outside do not enter the background.
    method : {"rolling_ball", "gaussian", "top_hat"}
        "gaussian" is the mean under a Gaussian: fast, for fields where objects cover little. "rolling_ball" and
        "top_hat" follow the side of the intensities where there are no objects: for crowded fields.
    radius : float
        Of the ball or disk, or the standard deviation of the Gaussian, in pixels, 1 to 10,000. Take it larger than the
        largest object.
    polarity : {"bright", "dark"}
        Whether objects are brighter or darker than their background; "gaussian" does not need it.

    Returns
    -------
    image : (Y, X) ndarray of float32
        Image minus background, in the image's units; dark objects stay dark (below 0).

    Raises
    ------
    SettingError
        An unknown method or polarity, or a radius out of its range.

    See Also
    --------
    estimate_background : The same without the subtraction.

    Notes
    -----
    See `estimate_background`. 10 bytes of memory per pixel with the result, whatever the radius.

    Examples
    --------
    >>> import numpy as np
    >>> slope = np.tile(np.arange(64.0), (64, 1))
    >>> bool(abs(subtract_background(slope, method="top_hat", radius=8)[:, 12:-12]).max() < 20)
    True
    """
    image = check_image(image)
    background = estimate_background(image, area, method=method, radius=radius, polarity=polarity)
    np.subtract(image, background, out=background, casting="same_kind" if image.dtype.kind == "f" else "unsafe")
    return background


def estimate_background(
    image: ArrayLike,
    area: ArrayLike | None = None,
    *,
    method: Literal["rolling_ball", "gaussian", "top_hat"] = "gaussian",
    radius: Annotated[float, Range(1, 10_000, unit="px")] = 50.0,
    polarity: Literal["bright", "dark"] = "bright",
) -> NDArray[np.float32]:
    """Return the slowly varying part of an image.

    Parameters
    ----------
    image, area, method, radius, polarity
        As in `subtract_background`.

    Returns
    -------
    background : (Y, X) ndarray of float32

    Raises
    ------
    SettingError
        An unknown method or polarity, or a radius out of its range.

    Notes
    -----
    Radii above 10 px (sigma above 4 px) work on an image shrunk until they are that large, and the background is
    enlarged linearly; the Gaussian shrinks by means, the others by the block minimum (dark objects: maximum) after a
    3x3 mean, as ImageJ does. The ball is a ball in pixels and an ellipsoid in intensity: 255 of its height units are
    the span from the 0.1 % to the 99.9 % quantile, so that gain and offset do not change the result. Where noise is
    strong the background of "rolling_ball" and "top_hat" lies 2-3 standard deviations below the mean; denoise first,
    or take "gaussian". Top-hat and ball fail where objects are larger than the radius; the Gaussian digs a moat around
    large objects.

    References
    ----------
    .. [1] S. R. Sternberg, "Biomedical image processing", Computer 16, 22-34 (1983), :doi:`10.1109/MC.1983.1654163`.
    """
    image = check_image(image)
    area = check_area(area, image.shape)
    if radius not in Range(1, 10_000):
        raise SettingError(f"radius: {radius!r} is out of range, must be 1 to 10000.")
    if polarity not in ("bright", "dark"):
        raise SettingError(f"polarity: {polarity!r} does not exist; there are bright, dark.")
    if method == "gaussian":
        return _mean_background(image, area, radius)
    if method == "rolling_ball":
        bulk = count_values(image, area)
        height = (bulk.percentile(99.9) - bulk.percentile(0.1)) / 255
        return _lower_envelope(image, area, radius, polarity, lambda low, r: _roll_ball(low, r, height))
    if method == "top_hat":
        return _lower_envelope(image, area, radius, polarity, _open_by_disk)
    raise SettingError(f"method: {method!r} does not exist; there are rolling_ball, gaussian, top_hat.")


def _mean_background(image: NDArray[Any], area: NDArray[np.bool_] | None, sigma: float) -> NDArray[np.float32]:
    """Return the mean under a Gaussian over the pixels of the area."""
    values = image.astype(np.float32)
    offset = np.float32(values.mean(dtype=np.float64))
    values -= offset
    weights = None
    if area is not None:
        values *= area
        weights = area.astype(np.float32)
    factor = max(1, int(sigma / _REDUCED_SIGMA))
    small = _blur(_shrink_mean(values, factor), sigma / factor)
    if weights is not None:
        share = _blur(_shrink_mean(weights, factor), sigma / factor)
        small = np.where(share > 1e-4, small / np.maximum(share, np.float32(1e-4)), 0).astype(np.float32)
    return _enlarge(small, factor, image.shape, out=values) + offset


def _blur(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return values after a Gaussian; mirrored at the border."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)


def _lower_envelope(
    image: NDArray[Any],
    area: NDArray[np.bool_] | None,
    radius: float,
    polarity: str,
    roll: Callable[[NDArray[np.float32], float], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Shrink by the minimum, open, enlarge; dark objects upside down."""
    values = image.astype(np.float32)
    if polarity == "dark":
        np.negative(values, out=values)
    factor = max(1, int(radius / _REDUCED_RADIUS))
    top = values.max()
    if factor > 1:
        cv2.blur(values, (3, 3), dst=values, borderType=cv2.BORDER_REFLECT)
    if area is not None:
        values[~area] = top  # never the lowest, so never the background
    small = roll(_shrink_minimum(values, factor), radius / factor)
    background = _enlarge(small, factor, image.shape, out=values)
    if factor > 1 and area is None:
        np.minimum(background, top, out=background)
    if polarity == "dark":
        np.negative(background, out=background)
    return background


def _padded(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Repeat the last row and column until `factor` divides the shape."""
    rows, columns = -values.shape[0] % factor, -values.shape[1] % factor
    if rows == columns == 0:
        return values
    return np.asarray(cv2.copyMakeBorder(values, 0, rows, 0, columns, cv2.BORDER_REPLICATE), np.float32)


def _shrink_mean(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the mean of each block."""
    values = _padded(values, factor)
    shape = (values.shape[1] // factor, values.shape[0] // factor)
    return np.asarray(cv2.resize(values, shape, interpolation=cv2.INTER_AREA), np.float32)


def _shrink_minimum(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the minimum of each block."""
    if factor == 1:
        return values
    small = np.empty((-(-values.shape[0] // factor), -(-values.shape[1] // factor)), np.float32)
    _fill_minimum(values, factor, small)
    return small


@njit(cache=True, nogil=True)
def _fill_minimum(values: Any, factor: Any, small: Any) -> None:
    """Fill in the minimum of each block; those at the end are smaller."""
    lowest = np.empty(values.shape[1], values.dtype)
    for i in range(small.shape[0]):
        lowest[:] = values[i * factor]
        for y in range(i * factor + 1, min((i + 1) * factor, values.shape[0])):
            for x in range(values.shape[1]):
                lowest[x] = values[y, x] if values[y, x] < lowest[x] else lowest[x]
        for j in range(small.shape[1]):
            best = lowest[j * factor]
            for x in range(j * factor + 1, min((j + 1) * factor, values.shape[1])):
                best = lowest[x] if lowest[x] < best else best
            small[i, j] = best


def _enlarge(
    small: NDArray[np.float32], factor: int, shape: tuple[int, ...], *, out: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return `small` at full size, linear between block centres; `out` is memory that may be reused."""
    if factor == 1:
        return small
    full = cv2.resize(small, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    out[:] = full[: shape[0], : shape[1]]
    return out


def _disk(radius: float) -> NDArray[np.uint8]:
    """Return a disk as scikit-image's `disk`."""
    reach = int(radius)
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return (y * y + x * x <= radius * radius).astype(np.uint8)


def _open_by_disk(values: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """Return the grey opening; beyond the border there is nothing."""
    return np.asarray(cv2.morphologyEx(values, cv2.MORPH_OPEN, _disk(radius)), np.float32)


def _roll_ball(values: NDArray[np.float32], radius: float, height: float) -> NDArray[np.float32]:
    """Return the surface that a ball touches from below (grey opening by a half ball)."""
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = (x * x + y * y) <= radius * radius
    drop = ((radius - np.sqrt(np.maximum(radius**2 - x**2 - y**2, 0))) * height)[inside].astype(np.float32)
    offsets = np.column_stack([y[inside], x[inside]]).astype(np.int32)
    apex = np.empty_like(values)
    _lift_ball(values, offsets, drop, apex)
    surface = np.empty_like(values)
    _lift_ball(-apex, offsets, drop, surface)
    return -surface


@njit(cache=True, parallel=True)
def _lift_ball(values: Any, offsets: Any, drop: Any, apex: Any) -> None:
    """Lift a ball under each pixel until it touches: the minimum of value + drop over the ball."""
    rows, columns = values.shape
    for y in prange(rows):
        for x in range(columns):
            lowest = values[y, x]
            for k in range(drop.size):
                near_y = y + offsets[k, 0]
                near_x = x + offsets[k, 1]
                if 0 <= near_y < rows and 0 <= near_x < columns:
                    lowest = min(lowest, values[near_y, near_x] + drop[k])
            apex[y, x] = lowest
