"""What an array must be to enter a stage: the argument checks that all stages share.

Each check returns the array in the one form that the kernels take (native byte order, C order, two axes), copying only
when it must and never changing its input, or raises `ShapeError`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import ShapeError

__all__ = ["check_area", "check_image", "check_labels", "check_mask", "check_peaks", "check_same_shape"]


def _two_axes(array: ArrayLike, *, name: str) -> NDArray[Any]:
    array = np.asarray(array)
    if array.ndim != 2:
        raise ShapeError(f"{name}: has shape {array.shape}, needs two axes (Y, X); choose one frame and one channel.")
    if array.size == 0:
        raise ShapeError(f"{name}: is empty (shape {array.shape}); check what was cropped.")
    if array.dtype.byteorder not in "=|" and not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return np.ascontiguousarray(array)


def check_image(image: ArrayLike, *, name: str = "image") -> NDArray[Any]:
    """Return a (Y, X) image with a real dtype and only finite values.

    Parameters
    ----------
    image : (Y, X) array_like
        Boolean, integer or floating; any byte order and strides.
    name : str
        Name of the argument in the error message.

    Returns
    -------
    image : (Y, X) ndarray
        C-contiguous, native byte order: uint8, uint16, int32-or-wider integers as they are, float16 as float32.
        Booleans become uint8. NaN and infinities become the median of the finite values (0 when there is none).

    Raises
    ------
    ShapeError
        Not two axes, no pixels, or a dtype that is not a real number.
    """
    array = _two_axes(image, name=name)
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise ShapeError(f"{name}: has dtype {array.dtype}, needs real numbers (bool, integers or floats).")
    if array.dtype.kind == "f":
        if array.dtype.itemsize == 2:
            array = array.astype(np.float32)
        elif array.dtype.itemsize > 8:
            array = array.astype(np.float64)
        finite = np.isfinite(array)
        if not finite.all():
            fill = np.median(array[finite]) if finite.any() else 0
            array = np.where(finite, array, array.dtype.type(fill))
    return array


def check_mask(mask: ArrayLike, *, name: str = "mask") -> NDArray[np.bool_]:
    """Return a (Y, X) boolean mask, C-contiguous; anything that is not zero is True."""
    array = _two_axes(mask, name=name)
    return array if array.dtype == np.bool_ else array != 0


def check_labels(labels: ArrayLike, *, name: str = "labels") -> NDArray[np.int32]:
    """Return (Y, X) int32 labels, C-contiguous, all >= 0.

    Raises
    ------
    ShapeError
        Not two axes, not integers, negative, or larger than int32 holds.
    """
    array = _two_axes(labels, name=name)
    if array.dtype == np.bool_ or array.dtype.kind not in "iu":
        raise ShapeError(f"{name}: has dtype {array.dtype}, needs integers (0 background, 1..K objects).")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > np.iinfo(np.int32).max:
        raise ShapeError(f"{name}: values run from {low} to {high}, must lie in 0..{np.iinfo(np.int32).max}.")
    return array.astype(np.int32, copy=False)


def check_area(area: ArrayLike | None, shape: tuple[int, ...], *, name: str = "area") -> NDArray[np.bool_] | None:
    """Return the analysed area as a mask of `shape`, or None when everything is analysed."""
    if area is None:
        return None
    mask = check_mask(area, name=name)
    check_same_shape(mask, shape, name=name)
    return None if mask.all() else mask


def check_peaks(peaks: ArrayLike, shape: tuple[int, ...], *, name: str = "peaks") -> NDArray[np.float64]:
    """Return peaks as (N, 2) float64 (y, x), all inside an image of `shape`."""
    array = np.ascontiguousarray(np.asarray(peaks, dtype=np.float64))
    if array.size == 0:
        return np.zeros((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise ShapeError(f"{name}: has shape {array.shape}, needs (N, 2) as (y, x).")
    inside = (array > -0.5).all(axis=1) & (array < np.asarray(shape) - 0.5).all(axis=1)
    if not inside.all():
        row = int(np.flatnonzero(~inside)[0])
        y, x = array[row]
        raise ShapeError(
            f"{name}: row {row} is ({y:g}, {x:g}), outside the image of shape {tuple(shape)}; crop both together."
        )
    return array


def check_same_shape(array: NDArray[Any], shape: tuple[int, ...], *, name: str) -> None:
    """Raise `ShapeError` when `array` is not of `shape`."""
    if array.shape != tuple(shape):
        raise ShapeError(f"{name}: has shape {array.shape}, the image has {tuple(shape)}; they must be the same.")
