"""Less noise, at 16 bit: Gaussian, median, non-local means; and how much noise there is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image
from granum.errors import SettingError
from granum.steps import Range

__all__ = ["denoise_image", "estimate_noise"]

_LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_NORMAL_MAD = 0.674_489_75  # median of |x| for a unit normal
_SAMPLE = 1 << 22  # pixels that `estimate_noise` reads at most


def denoise_image(
    image: ArrayLike,
    *,
    method: Literal["gaussian", "median", "non_local_means"] = "gaussian",
    sigma: Annotated[float, Range(0, 200, unit="px")] = 1.0,
    radius: Annotated[int, Range(1, 50, unit="px")] = 1,
    patch_size: Annotated[int, Range(3, 15, unit="px")] = 5,
    search_radius: Annotated[int, Range(1, 30, unit="px")] = 6,
    strength: Annotated[float, Range(0, 10)] = 0.8,
) -> NDArray[np.float32]:
    """Remove noise; values keep their scale and never pass through 8 bit.

    Parameters
    ----------
    image : (Y, X) array_like
        Any real dtype.
    method : {"gaussian", "median", "non_local_means"}
        "gaussian" is the fastest and the usual choice before a threshold, "median" removes single hot pixels,
        "non_local_means" keeps edges and fine texture.
    sigma : float
        Standard deviation of the Gaussian in pixels, 0 to 200; 0 leaves the image as it is.
    radius : int
        Of the median: the window is a square of ``2 * radius + 1`` pixels; 1 to 50.
    patch_size : int
        Side of the compared patches of non-local means in pixels, odd, 3 to 15.
    search_radius : int
        How far non-local means looks for like patches, in pixels, 1 to 30.
    strength : float
        Filter parameter h of non-local means in units of the estimated noise, 0 to 10; 0 leaves the image as it is.

    Returns
    -------
    image : (Y, X) ndarray of float32

    Raises
    ------
    SettingError
        An unknown method, or a setting out of its range.

    Notes
    -----
    At the border the Gaussian mirrors the image with the edge pixel doubled (scipy's "reflect"), cut off at 4 sigma;
    the median repeats the edge pixel; non-local means mirrors it. Seconds of one core for 16 Mpx: Gaussian 0.1, median
    0.02 up to radius 2 and 1.6 above, non-local means 10; the last two use all cores. Integers above 2**24 lose their
    last digits to float32. The median of float or 32-bit images with radius above 2 is taken on 65,536 levels of their
    range. Non-local means subtracts twice the noise variance from patch distances, as scikit-image does, but counts
    each pixel itself once (scikit-image: twice) and averages whole patches (its fast mode: one row and column less).

    References
    ----------
    .. [1] A. Buades, B. Coll, J.-M. Morel, "A non-local algorithm for image denoising", CVPR 2005,
       :doi:`10.1109/CVPR.2005.38`.
    .. [2] J. Darbon et al., "Fast nonlocal filtering applied to electron cryomicroscopy", ISBI 2008,
       :doi:`10.1109/ISBI.2008.4541250`.
    """
    image = check_image(image)
    _check_settings(sigma, radius, patch_size, search_radius, strength)
    if method == "gaussian":
        return _blur(image, sigma)
    if method == "median":
        return _median(image, radius)
    if method == "non_local_means":
        return _non_local_means(image, patch_size, search_radius, strength)
    raise SettingError(f"method: {method!r} does not exist; there are gaussian, median, non_local_means.")


def estimate_noise(image: ArrayLike, area: ArrayLike | None = None) -> float:
    """Return the standard deviation of the pixel noise, in intensity units.

    Parameters
    ----------
    image : (Y, X) array_like
        Any real dtype.
    area : (Y, X) array_like of bool, optional
        Only these pixels count.

    Returns
    -------
    sigma : float
        0 for a constant image and for one smaller than 3x3 pixels.

    Notes
    -----
    Immerkaer's second-difference mask cancels everything that is locally a plane; its robust spread (median of the
    absolute values) ignores edges as long as they cover less than about half of the image. Noise that is correlated
    from pixel to pixel (JPEG, rescaled or smoothed images) is underestimated. Reads at most 4 Mpx, in evenly spaced
    bands.

    References
    ----------
    .. [1] J. Immerkaer, "Fast noise variance estimation", CVIU 64, 300-302 (1996), :doi:`10.1006/cviu.1996.0060`.
    """
    image = check_image(image)
    area = check_area(area, image.shape)
    if min(image.shape) < 3:
        return 0.0
    if image.dtype in (np.uint8, np.uint16):
        middle = _middle_of_levels(image, area)
        if middle > 0:
            return middle / _NORMAL_MAD / 6
    spread = np.concatenate([_second_difference(image, area, y0, y1) for y0, y1 in _sample_rows(image.shape)])
    if spread.size == 0:
        return 0.0
    sigma = float(np.median(spread)) / _NORMAL_MAD
    if sigma == 0:  # coarse levels: more than half of the differences are 0, so the mean must serve
        spread = spread[spread <= np.quantile(spread, 0.98)]
        sigma = float(spread.mean(dtype=np.float64)) * float(np.sqrt(np.pi / 2))
    return sigma / 6


def _sample_rows(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return bands of rows, evenly spaced, of about `_SAMPLE` pixels together."""
    rows, columns = shape
    if rows * columns <= _SAMPLE:
        return [(0, rows)]
    starts = np.linspace(0, rows, 17).astype(int)
    height = max(3, _SAMPLE // (16 * columns))
    return [(int(start), int(min(start + height, rows))) for start in starts[:-1] if start + 3 <= rows]


def _middle_of_levels(image: NDArray[Any], area: NDArray[np.bool_] | None) -> float:
    """Return the median that `_second_difference` leads to, counted as whole numbers; 0 where there is none."""
    counts = np.zeros(8 * int(np.iinfo(image.dtype).max) + 1, np.int64)
    everywhere = np.zeros((0, 0), np.uint8)
    for y0, y1 in _sample_rows(image.shape):
        inside = everywhere if area is None else cv2.erode(area[y0:y1].view(np.uint8), np.ones((3, 3), np.uint8))
        _count_differences(image[y0:y1], inside, counts)
    cumulative = np.cumsum(counts)
    n = int(cumulative[-1])
    if n == 0:
        return 0.0
    below, above = np.searchsorted(cumulative, [(n - 1) // 2, n // 2], side="right")
    return float(below + above) / 2


@njit(cache=True, nogil=True)
def _count_differences(image: Any, inside: Any, counts: Any) -> None:
    """Add |Laplacian of Laplacian| of the inner pixels to the counts; an empty `inside` counts all."""
    height, width = image.shape
    for y in range(1, height - 1):
        # sums over three rows with weights 1 -2 1, at three columns that move along
        left = np.int64(image[y - 1, 0]) - 2 * np.int64(image[y, 0]) + np.int64(image[y + 1, 0])
        here = np.int64(image[y - 1, 1]) - 2 * np.int64(image[y, 1]) + np.int64(image[y + 1, 1])
        for x in range(1, width - 1):
            right = np.int64(image[y - 1, x + 1]) - 2 * np.int64(image[y, x + 1]) + np.int64(image[y + 1, x + 1])
            if inside.size == 0 or inside[y, x]:
                counts[abs(left - 2 * here + right)] += 1
            left, here = here, right


def _second_difference(image: NDArray[Any], area: NDArray[np.bool_] | None, y0: int, y1: int) -> NDArray[np.float32]:
    """Return |Laplacian of Laplacian| of inner pixels of some rows, as one row."""
    band = image[y0:y1]
    # differences are small even where values are large: shift first, then float32
    band = (band - np.float64(band.flat[0])).astype(np.float32)
    difference = np.abs(cv2.filter2D(band, cv2.CV_32F, _LAPLACIAN)[1:-1, 1:-1])
    if area is None:
        return difference.ravel()
    inside = cv2.erode(area[y0:y1].view(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
    return difference[inside]


def _check_settings(sigma: float, radius: int, patch_size: int, search_radius: int, strength: float) -> None:
    """Raise `SettingError` for the first setting that is out of its range."""
    given = (
        ("sigma", sigma, 0, 200),
        ("radius", radius, 1, 50),
        ("patch_size", patch_size, 3, 15),
        ("search_radius", search_radius, 1, 30),
        ("strength", strength, 0, 10),
    )
    for name, value, low, high in given:
        if value not in Range(low, high):
            raise SettingError(f"{name}: {value!r} is out of range, must be {low} to {high}.")
    if patch_size % 2 == 0:
        raise SettingError(f"patch_size: {patch_size!r} must be odd.")


def _blur(image: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    """Return the image after a Gaussian, as scipy's `gaussian_filter` gives it."""
    smooth = image.astype(np.float32)
    if sigma > 0:
        side = 2 * int(4 * sigma + 0.5) + 1
        cv2.GaussianBlur(smooth, (side, side), sigma, dst=smooth, borderType=cv2.BORDER_REFLECT)
    return smooth


def _median(image: NDArray[Any], radius: int) -> NDArray[np.float32]:
    """Return the median in squares; OpenCV where it can (8 bit, or windows up to 5x5), own kernel elsewhere."""
    side = 2 * radius + 1
    if image.dtype == np.uint8 or (radius <= 2 and image.dtype in (np.uint16, np.float32)):
        return cv2.medianBlur(image, side).astype(np.float32)
    if radius <= 2:
        return cv2.medianBlur(image.astype(np.float32), side)
    from granum.preprocess.median import median_of_levels

    if image.dtype == np.uint16:
        return median_of_levels(image, radius).astype(np.float32)
    low, high = float(image.min()), float(image.max())
    step = max(high - low, np.finfo(np.float64).tiny) / 65_535
    if image.dtype.kind in "iu":
        step = max(step, 1.0)
    levels = np.rint((image - low) / step).astype(np.uint16)
    return (median_of_levels(levels, radius) * step + low).astype(np.float32)


def _non_local_means(image: NDArray[Any], patch_size: int, search_radius: int, strength: float) -> NDArray[np.float32]:
    """Return non-local means with h = strength * noise."""
    noise = estimate_noise(image)
    if noise == 0 or strength == 0:
        return image.astype(np.float32)
    from granum.preprocess.non_local_means import average_like_patches

    # in units of the noise, around the middle: float32 keeps its digits for any gain and offset
    middle = float(np.median(image[:: max(1, image.shape[0] // 256), :: max(1, image.shape[1] // 256)]))
    scaled = np.empty(image.shape, np.float32)
    np.subtract(image, np.float64(middle), out=scaled, casting="same_kind")
    scaled /= np.float32(noise)
    average = average_like_patches(scaled, patch_size // 2, search_radius, strength)
    average *= np.float32(noise)
    average += np.float32(middle)
    return average
