"""How far one channel lies off another, to a fraction of a pixel, and whether that can be told at all."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["measure_shift"]

_SIDE = 1024  # pixels of the window that is compared
_SAMPLE = 1 << 16
_BLUR = 1.5  # what is finer than nuclei is noise, hot pixels and the blocks of JPEG
_BROAD = 12.0  # what is broader is uneven light, which is the same in both and says 0
_OPPOSITE = 0.6  # depth of the deepest hollow over the peak: one stain is where the other is not (nucleus, cytoplasm)
_LEAST_HALF = 5.0  # the same for half of the picture, which need only not contradict
_AGREE = 1.5  # pixels
_DIVISIBLE = 160
_LEAST = 12.0  # peak of the correlation over its spread elsewhere, from which it is believed


def measure_shift(one: NDArray[Any], other: NDArray[Any], *, most: float = 40.0) -> tuple[float, float, float] | None:
    """Return (y, x) by which `other` lies off `one`, and how far the peak stands out; None where nothing is common.

    Parameters
    ----------
    one, other : (Y, X) ndarray
        Channels of one field.
    most : float
        Largest shift that is looked for, in pixels.

    Returns
    -------
    shift : (float, float, float) or None
        y, x, and the peak in standard deviations of the correlation elsewhere. A point at (y0, x0) of `one` is at
        (y0 + y, x0 + x) of `other`.

    Notes
    -----
    Correlation of both channels between two Gaussians (1.5 and 12 px), each drawn towards its ranks by a square root so
    that one bright object does not decide, tapered at the frame; its peak is refined by a parabola through the
    logarithm of the peak and its neighbours. Only places that have structure in both channels speak: bleed-through, or
    dead nuclei that keep some of the live stain.
    """
    window = _busiest(one, other)
    first, second = _structure(one[window]), _structure(other[window])
    whole = _correlate(first, second, most, _LEAST)
    if whole is None:
        return None
    # stains of nucleus and cytoplasm peak where chance has put neighbours: elsewhere in each part of the picture
    height, width = first.shape
    if min(height, width) >= _DIVISIBLE:
        for part in (np.s_[: height // 2], np.s_[height // 2 :], np.s_[:, : width // 2], np.s_[:, width // 2 :]):
            half = _correlate(first[part], second[part], most, _LEAST_HALF)
            if half is not None and math.hypot(half[0] - whole[0], half[1] - whole[1]) > _AGREE:
                return None
    return whole


def _correlate(
    one: NDArray[np.float32], other: NDArray[np.float32], most: float, least: float
) -> tuple[float, float, float] | None:
    """Return the peak of the correlation of two structures, None where it does not stand out."""
    first, second = _prepared(one), _prepared(other)
    if first is None or second is None:
        return None
    surface = np.fft.irfft2(np.fft.rfft2(second) * np.conj(np.fft.rfft2(first)), s=first.shape)
    reach = int(min(most, (min(first.shape) - 1) // 4))
    if reach < 2:
        return None
    near = np.roll(surface, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    sample = surface[::2, ::2] if surface.size > _SAMPLE else surface  # neighbours say the same
    middle = float(np.median(sample))
    spread = float(np.median(np.abs(sample - middle))) / 0.6745
    y, x = (int(i) for i in np.unravel_index(int(np.argmax(near)), near.shape))
    height = float(near[y, x]) - middle
    if spread <= 0 or height < least * spread or not (0 < y < 2 * reach and 0 < x < 2 * reach):
        return None
    if middle - float(near.min()) > _OPPOSITE * height or _is_ridge(near, y, x):
        return None
    dy = _vertex(near[y - 1, x], near[y, x], near[y + 1, x])
    dx = _vertex(near[y, x - 1], near[y, x], near[y, x + 1])
    return y + dy - reach, x + dx - reach, height / spread


def _busiest(one: NDArray[Any], other: NDArray[Any]) -> tuple[slice, slice]:
    """Return the window where both channels have most contrast, the middle of a small image."""
    height, width = one.shape
    if height <= _SIDE and width <= _SIDE:
        return slice(0, height), slice(0, width)
    tall, wide = min(height, _SIDE), min(width, _SIDE)
    best, window = -1.0, (slice(0, tall), slice(0, wide))
    for y in sorted({0, (height - tall) // 2, height - tall}):
        for x in sorted({0, (width - wide) // 2, width - wide}):
            place = (slice(y, y + tall), slice(x, x + wide))
            score = float(one[place][::4, ::4].std() * other[place][::4, ::4].std())
            if score > best:
                best, window = score, place
    return window


def _structure(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return what has the size of nuclei."""
    values = (image - np.float64(image.flat[0])).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _BLUR) - cv2.GaussianBlur(values, (0, 0), _BROAD), np.float32)


def _prepared(band: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return structure drawn towards its ranks and tapered; None where there is none."""
    scale = float(np.sqrt(np.mean(band.astype(np.float64) ** 2)))
    if scale <= 0:
        return None
    band = np.sign(band) * np.sqrt(np.abs(band) / np.float32(scale))
    band -= band.mean()
    taper = [np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / max(1.0, 0.08 * n)) for n in band.shape]
    return np.asarray(band * np.sin(taper[0] * math.pi / 2)[:, None] * np.sin(taper[1] * math.pi / 2), np.float32)


def _is_ridge(near: NDArray[np.float64], y: int, x: int) -> bool:
    """Return whether the peak is a line along a seam, not a point: six pixels along one axis it has hardly fallen."""
    rows, columns = near.shape
    low, high, left, right = max(y - 6, 0), min(y + 6, rows - 1), max(x - 6, 0), min(x + 6, columns - 1)
    along = [near[low, x], near[high, x]], [near[y, left], near[y, right]]
    falls = [1 - max(pair) / near[y, x] for pair in along]
    return min(falls) < 0.1 and max(falls) > 3 * max(min(falls), 1e-6)


def _vertex(before: float, at: float, after: float) -> float:
    """Return where the parabola through three values has its top, -0.5 to 0.5."""
    bend = before - 2 * at + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0
