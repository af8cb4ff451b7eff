"""How rough the smoothest part of an image is, and at what size its texture lies: the two lengths of a yardstick.

An image is cut into bands of size, an octave each. The band of single pixels, where the image is smoothest, gives the
noise of the camera; the bands whose energy rises most above that of the smoothest part give the size of the texture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["TextureScale", "blur", "grey_step", "has_block_grid", "measure_texture_scale"]

_WINDOW = 4.0  # px: over which energies are averaged
_EVERY = 4  # energies are read at every fourth pixel
_WHITE = 0.865  # standard deviation of white noise less its blur of 1 px, of 1
_WHITE_SHARE = 0.8
_GRID = 1.06
_SMALLEST, _LARGEST = 1.5, 10.0
_PIXEL_TO_PIXEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6


@dataclass(frozen=True)
class TextureScale:
    """What `measure_texture_scale` found.

    Parameters
    ----------
    noise : float
        Standard deviation of the noise of single pixels, in units of the image; 0 for an image without any.
    fine : float
        The same from what varies from pixel to pixel only: as large as `noise` where the noise is white, smaller where
        colours were interpolated, an image was enlarged or saved as JPEG, or where there is texture everywhere.
    size : float
        Size of the texture, in px: about a quarter of the width of the structures that stand out, 1.5 to 10.
    is_white : bool
        Whether the noise is that of a camera whose pixels know nothing of each other, and more than that of rounding.
    """

    noise: float
    fine: float
    size: float
    is_white: bool = False


def blur(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the values after a Gaussian; the image goes on beyond its border by reflection."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)


def grey_step(image: NDArray[Any]) -> float:
    """Return the step between grey levels; 0 where there are about as many levels as pixels.

    A 12-bit camera writes multiples of 16 into 16 bits, 8 bits are stretched by 257 or kept as fractions of 1: rounding
    noise goes with that step.
    """
    few = image[:: max(1, image.shape[0] // 256), :: max(1, image.shape[1] // 256)]
    levels = np.unique(few)
    if levels.size < 2:
        return 0.0
    if image.dtype.kind in "iu":
        return float(np.gcd.reduce(np.diff(levels.astype(np.int64))))
    if levels.size > few.size // 2:
        return 0.0
    steps = np.diff(levels.astype(np.float64))
    steps = steps[steps > 1e-6 * float(levels[-1] - levels[0])]
    return float(steps.min())


def has_block_grid(values: NDArray[np.float32]) -> bool:
    """Return whether the image has been a JPEG: second differences are larger at every eighth row or column.

    They are larger by a tenth to ten times in JPEGs, and by less than 2 % elsewhere. JPEG makes noise uneven.
    """
    if min(values.shape) < 32:
        return False
    for axis in (0, 1):
        change = np.abs(np.diff(values, 2, axis=axis))
        np.minimum(change, np.quantile(change[::4, ::4], 0.95), out=change)
        lines = change.mean(axis=1 - axis, dtype=np.float64)
        means = np.sort([lines[first::8].mean() for first in range(8)])
        if means[-1] > 0 and 0.5 * (means[-1] + means[-2]) > _GRID * float(np.median(means)):
            return True
    return False


def measure_texture_scale(
    values: NDArray[np.float32], area: NDArray[np.bool_] | None = None, *, step: float = 0.0
) -> TextureScale:
    """Return noise and texture size of an image.

    Parameters
    ----------
    values : (Y, X) ndarray of float32
        The image, around 0.
    area : (Y, X) ndarray of bool, optional
        Where to look.
    step : float
        Between grey levels; noise is never taken to be less than rounding makes.

    Notes
    -----
    The smoothest part is the twentieth of the area with the least energy between 1 and 2 px, where something is left
    to measure (clipped pixels have no noise).
    """
    values = np.ascontiguousarray(values, np.float32)
    bands = _band_energies(values)
    rows, columns = bands[0].shape
    inside = np.ones((rows, columns), np.bool_)
    if area is not None:
        inside = area[::_EVERY, ::_EVERY][:rows, :columns]
        if not inside.any():
            inside = np.ones((rows, columns), np.bool_)
    changes = cv2.filter2D(values, cv2.CV_32F, _PIXEL_TO_PIXEL, borderType=cv2.BORDER_REFLECT)
    bands.append(_mean_square(np.asarray(changes, np.float32), 1))
    energy = np.stack([band[inside] for band in bands])
    alive = energy[:, energy[1] > (0.02 * step) ** 2]
    if alive.shape[1] < max(16, energy.shape[1] // 50):
        alive = energy
    order = np.argsort(alive[1], kind="stable")[: max(1, alive.shape[1] // 20)]
    smoothest = np.median(alive[:, order], axis=1)
    rounding = step / float(np.sqrt(12.0))
    noise, fine = float(np.sqrt(max(smoothest[0], 0.0))) / _WHITE, float(np.sqrt(max(smoothest[-1], 0.0)))
    is_white = fine > max(_WHITE_SHARE * noise, 1.5 * rounding)
    noise, fine = max(noise, rounding), max(fine, rounding)
    excess = np.maximum(energy.mean(axis=1, dtype=np.float64) - smoothest, 0.0)[1:-1]
    if excess.max(initial=0.0) <= 0:
        return TextureScale(noise, fine, _SMALLEST, is_white)
    weight = (excess / excess.max()) ** 2
    size = 1.5 * 2.0 ** float((weight * np.arange(weight.size)).sum() / weight.sum())
    return TextureScale(noise, fine, float(np.clip(size, _SMALLEST, _LARGEST)), is_white)


def _band_energies(values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return local mean squares of the octaves 0-1, 1-2, 2-4, 4-8 and 8-16 px, at every fourth pixel or so.

    Coarse octaves are made on shrunken images, so that all cost about as much as the two finest.
    """
    one = blur(values, 1.0)
    two = blur(one, float(np.sqrt(3.0)))
    bands = [_mean_square(values - one, 1), _mean_square(one - two, 1)]
    shape = bands[0].shape
    now = two
    for octave in range(3):
        now = _halve(now)
        coarser = blur(now, float(np.sqrt(3.0)))
        bands.append(_fit(_mean_square(now - coarser, 2 ** (octave + 1)), shape))
        now = coarser
    return bands


def _mean_square(band: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    smooth = blur(band * band, max(_WINDOW / factor, 0.8))
    every = max(1, _EVERY // factor)
    return np.ascontiguousarray(smooth[::every, ::every])


def _halve(values: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = values.shape
    size = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _fit(plane: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    if plane.shape == shape:
        return plane
    return np.asarray(cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)
