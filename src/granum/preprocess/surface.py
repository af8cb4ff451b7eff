"""Uneven light as a smooth surface: a low-order polynomial fitted to the background pixels only.

The fit solves its normal equations from sums that one pass over the pixels gives, in kernels of its own: a linear
algebra library would be slower, and would sum in another order with another number of threads.
"""

from __future__ import annotations

from typing import Annotated, Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image
from granum.errors import SettingError
from granum.steps import Range

__all__ = ["evaluate_surface", "fit_surface"]

_FIT_SIDE = 256
_BINS = 512


def _axis(n: int, n_full: int, step: float) -> NDArray[np.float64]:
    """Return the positions of `n` samples of an axis of `n_full` pixels, scaled to -0.5..0.5."""
    return ((np.arange(n) + 0.5) * step - 0.5) / max(n_full - 1, 1) - 0.5


def fit_surface(
    image: ArrayLike, area: ArrayLike | None = None, *, n_rounds: Annotated[int, Range(0, 100)] = 4
) -> NDArray[np.float64]:
    """Fit a second-order surface to the background of an image with bright objects.

    Parameters
    ----------
    image : (Y, X) array_like
        Objects brighter than the background.
    area : (Y, X) array_like of bool, optional
        Only these pixels count.
    n_rounds : int
        Fits, 0 to 100; before each, pixels above the Otsu threshold of what is left, and their surroundings, drop out.

    Returns
    -------
    coefficients : (6,) ndarray of float64
        Of 1, y, x, y^2, xy, x^2 with y and x from -0.5 to 0.5 over the image.

    Raises
    ------
    ShapeError
        Not a (Y, X) image of real numbers, or an area of another shape.
    SettingError
        `n_rounds` is out of its range.

    Notes
    -----
    Fitted on an image of at most 256 pixels a side. Fails (follows the objects) where they cover nearly everything; a
    fit from under 5 % of the pixels is not made and the surface is a constant.
    """
    if not 0 <= n_rounds <= 100:
        raise SettingError(f"fit_surface: n_rounds is {n_rounds!r}, must be 0 to 100.")
    image = check_image(image)
    area = check_area(area, image.shape)
    height, width = image.shape
    step = max(1.0, max(height, width) / _FIT_SIDE)
    size = (max(1, round(width / step)), max(1, round(height / step)))
    small = cv2.resize(image.astype(np.float32, copy=False), size, interpolation=cv2.INTER_AREA).astype(np.float64)
    inside = np.ones(small.shape, bool)
    if area is not None:
        inside = cv2.resize(area.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    y = _axis(small.shape[0], height, height / small.shape[0])
    x = _axis(small.shape[1], width, width / small.shape[1])
    coefficients = np.zeros(6)
    if not inside.any():
        return coefficients
    coefficients[0] = np.median(small[inside])
    if small.size < 64:
        return coefficients
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    middle = float(coefficients[0])  # sums of squares keep their digits around it
    for _ in range(n_rounds):
        left = _subtract(small, coefficients, y, x)
        values = left[inside]
        background = inside & (left <= _otsu(values))
        objects = cv2.dilate((inside & ~background).astype(np.uint8), near) > 0
        if (background & ~objects).sum() >= 0.05 * inside.sum():
            background &= ~objects
        if background.sum() < max(12, 0.05 * inside.sum()):
            break
        coefficients = _solve(*_sums(small, background, y, x, middle))
        coefficients[0] += middle
    return coefficients


def _solve(products: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest solution of the normal equations: on one row or column some terms are the same."""
    scale = np.sqrt(np.maximum(np.diag(products), 1e-300))
    return np.asarray(np.linalg.lstsq(products / np.outer(scale, scale), right / scale, rcond=1e-12)[0] / scale)


@njit(cache=True, nogil=True)
def _subtract(image: Any, c: Any, y: Any, x: Any) -> Any:
    """Return an image less a surface."""
    left = np.empty(image.shape)
    for i in range(image.shape[0]):
        start, slope = c[0] + c[1] * y[i] + c[3] * y[i] * y[i], c[2] + c[4] * y[i]
        for j in range(image.shape[1]):
            left[i, j] = image[i, j] - (start + slope * x[j] + c[5] * x[j] * x[j])
    return left


@njit(cache=True, nogil=True)
def _sums(image: Any, used: Any, y: Any, x: Any, middle: Any) -> Any:
    """Return the sums of the products of all terms (6, 6), and of each with the values over `middle` (6,)."""
    of_y, of_x = np.array([0, 1, 0, 2, 1, 0]), np.array([0, 0, 1, 0, 1, 2])  # powers of 1, y, x, y^2, xy, x^2
    products, right = np.zeros((6, 6)), np.zeros(6)
    powers, values = np.zeros(5), np.zeros(3)
    for i in range(image.shape[0]):
        powers[:] = 0.0
        values[:] = 0.0
        for j in range(image.shape[1]):
            if used[i, j]:
                term, value = 1.0, image[i, j] - middle
                for k in range(5):
                    powers[k] += term
                    if k < 3:
                        values[k] += term * value
                    term *= x[j]
        for m in range(6):
            right[m] += y[i] ** of_y[m] * values[of_x[m]]
            for n in range(6):
                products[m, n] += y[i] ** (of_y[m] + of_y[n]) * powers[of_x[m] + of_x[n]]
    return products, right


def _otsu(values: NDArray[np.float64]) -> float:
    low, high = values.min(), values.max()
    if high <= low:
        return float(high)
    edges = np.linspace(low, high, _BINS + 1)
    counts = _count(values, edges)
    centres = (edges[:-1] + edges[1:]) / 2
    share = np.cumsum(counts) / counts.sum()
    moment = np.cumsum(counts * centres) / counts.sum()
    inner = (share > 0) & (share < 1)
    if not inner.any():
        return float(high)
    between = (moment[-1] * share[inner] - moment[inner]) ** 2 / (share[inner] * (1 - share[inner]))
    return float(edges[1:][inner][between.argmax()])


@njit(cache=True, nogil=True)
def _count(values: Any, edges: Any) -> Any:
    """Return the values in each of the equal bins, the last one with its upper edge, as `numpy.histogram` does."""
    n = len(edges) - 1
    counts = np.zeros(n, np.int64)
    width = edges[n] - edges[0]
    for value in values:
        k = min(int((value - edges[0]) / width * n), n - 1)
        if value < edges[k]:
            k -= 1
        elif k < n - 1 and value >= edges[k + 1]:
            k += 1
        counts[k] += 1
    return counts


def evaluate_surface(
    coefficients: NDArray[np.float64], shape: tuple[int, int], window: tuple[slice, slice] | None = None
) -> NDArray[np.float32]:
    """Return the surface at every pixel (of a window) of an image of `shape` as float32."""
    c = coefficients
    rows_of, columns_of = window if window is not None else (slice(None), slice(None))
    y = _axis(shape[0], shape[0], 1.0)[rows_of, None]
    x = _axis(shape[1], shape[1], 1.0)[None, columns_of]
    rows = (c[0] + c[1] * y + c[3] * y * y).astype(np.float32)
    columns = (c[2] * x + c[5] * x * x).astype(np.float32)
    surface = rows + columns
    if c[4]:
        surface += (c[4] * y).astype(np.float32) * x.astype(np.float32)
    return surface
