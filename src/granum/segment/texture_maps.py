"""Maps of how rough an image is around each pixel, and the level from which roughness is more than background.

Roughness is counted in units of the noise of single pixels, so that the level is no split into two classes: an empty
dish has no cells, and a full one no background. Maps are logarithms: the mean of logarithms over a window hardly
notices a speck of dust, and half way up an edge is where the edge is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.segment.texture_scale import blur

__all__ = [
    "BackgroundLevel",
    "MapName",
    "find_background",
    "find_sharpness",
    "is_unlike_noise",
    "texture_map",
    "white_noise_level",
]

MapName = Literal["contrast", "gradient", "coarse"]

_MOST = float(np.log(2.0))
"""How much rougher than the noise of single pixels a background may be, at any size: the most frequent roughness of
background was 0.5 to 1.5 times that noise in the photographs at hand, and in simulated noise that was smoothed,
enlarged or written as JPEG; that of layers of cells in photographs 2.8 to 8 times."""
_USUAL, _USUAL_SPREAD = float(np.log(0.9)), 0.27  # where no background is seen
_HIGHEST = float(np.log(2.5))  # threshold; from there on roughness is that of layers of cells
_DEVIATIONS = 3.0
_WAY = 0.35  # of the way from background to cells where the threshold lies at least: dirt is rougher than noise
_BIN = 0.05
_PEAK = 0.3
_MOST_WHITE, _USUAL_WHITE = float(np.log(4.0)), float(np.log(1.4))  # over white noise: dirt and waves of light
_SMOOTHER = 0.3
_UNLIKE_NOISE = 0.21


@dataclass(frozen=True)
class BackgroundLevel:
    """Where the background of a map lies.

    Parameters
    ----------
    level, spread : float
        Its most frequent value and its standard deviation.
    threshold : float
        What is above is textured.
    found : bool
        Whether a background was seen; else all three are those of usual noise.
    """

    level: float
    spread: float
    threshold: float
    found: bool


def texture_map(
    values: NDArray[np.float32], size: float, name: MapName, noise: float, *, sharpness: float = 2.0
) -> NDArray[np.float32]:
    """Return the logarithm of roughness around each pixel, in units of the noise.

    Parameters
    ----------
    values : (Y, X) ndarray of float32
        The image, around 0.
    size : float
        Of the texture, in px.
    name : {"contrast", "gradient", "coarse"}
        "contrast": standard deviation under a Gaussian of the size over `sharpness`. "gradient": slope, over half the
        size. "coarse": contrast at twice the size.
    noise : float
        Of single pixels, over 0.
    sharpness : float
        2 to 3: how much narrower than the texture the windows are. Narrow ones follow outlines, wide ones see through
        noise; `find_sharpness` tells.
    """
    if name == "gradient":
        smooth = blur(values, max(size / 3, 0.7))
        down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REFLECT_101)
        across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REFLECT_101)
        energy = down * down
        energy += across * across
        energy *= np.float32((size / 16.0) ** 2)  # a Sobel mask sums to 8 times the slope
    else:
        scale = size if name == "contrast" else 2 * size
        band = blur(values, max(scale / 4, 0.4))
        band -= _wide_mean(values, 2 * scale)
        window = max(scale / sharpness, 0.8)
        mean = blur(band, window)
        energy = blur(band * band, window)
        energy -= mean * mean
    np.maximum(energy, np.float32((0.02 * noise) ** 2), out=energy)
    logs = np.log(energy)
    logs *= np.float32(0.5)
    logs -= np.float32(np.log(noise))
    return blur(logs, max(1.5 * size / sharpness, 0.8))


def find_sharpness(sample: NDArray[np.float32]) -> float:
    """Return how narrow windows may be: the farther cells stand out of the background, the narrower."""
    level = find_background(sample)
    above = sample[sample > level.threshold]
    if above.size < 1e-3 * sample.size:
        return 2.0
    return float(np.clip(float(np.quantile(above, 0.8)) - level.level, 2.0, 3.0)) if level.found else 2.0


def _wide_mean(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the mean under a wide Gaussian, made on a shrunken image."""
    factor = max(1, int(sigma / 3))
    if factor == 1 or min(values.shape) < 4 * factor:
        return blur(values, sigma)
    height, width = values.shape
    small = cv2.resize(values, (-(-width // factor), -(-height // factor)), interpolation=cv2.INTER_AREA)
    small = blur(np.asarray(small, np.float32), sigma / factor)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


@lru_cache(maxsize=64)
def white_noise_level(size: float, name: MapName, sharpness: float) -> float:
    """Return the median of a map of white noise."""
    noise = np.random.default_rng(0).standard_normal((256, 256)).astype(np.float32)
    return float(np.median(texture_map(noise, size, name, 1.0, sharpness=sharpness)))


def is_unlike_noise(plane: NDArray[np.float32], area: NDArray[np.bool_] | None, size: float) -> bool:
    """Return whether roughness changes from place to place more than that of any noise does, nearly everywhere.

    Blocks as wide as a few cells, so that uneven light and a dish that is empty on one side do not count; of the two
    sides of the middle of a block the narrower, so that neither a few specks nor blocks of JPEG without any noise do.
    The quartile of the blocks' spreads is 0.12 in white noise, up to 0.20 in noise that was smoothed or enlarged, and
    0.22 to 0.30 in simulated full layers: a narrow margin. JPEG of faint noise reaches 0.25 and more.
    """
    side = max(24, round(16 * size))
    rows, columns = plane.shape
    spreads = []
    for y in range(0, max(1, rows - side + 1), side):
        for x in range(0, max(1, columns - side + 1), side):
            block = plane[y : y + side, x : x + side]
            if area is not None:
                block = block[area[y : y + side, x : x + side]]
            if block.size < side * side // 2:
                continue
            low, middle, high = np.quantile(block, [0.1, 0.5, 0.9])
            spreads.append(min(middle - low, high - middle) / 1.2816)
    return bool(spreads) and float(np.quantile(spreads, 0.25)) > _UNLIKE_NOISE


def find_background(sample: NDArray[np.float32], *, white: float = -3.0, is_white: bool = False) -> BackgroundLevel:
    """Return where the background of a map lies, if there is one.

    Parameters
    ----------
    sample : (N,) ndarray
        Values of the map.
    white : float
        Value of the map for white noise that differs from pixel to pixel as much as the image: `white_noise_level`.
        Nothing that is smoother is background: it is clipped, or was smoothed by a file format.
    is_white : bool
        Whether the noise of the image is known to be white, so that background can hardly be rougher than that.

    Notes
    -----
    The background is the lowest peak of the histogram below the most that noise makes (twice the noise of single
    pixels, or four times what white noise makes) that is not much lower than the highest one there, which may be that
    of faint cells. Its spread is that of the side below the peak, where there are no cells. The threshold lies three
    deviations above, and at least a third of the way (of logarithms) to what is usual above.
    """
    most = min(_MOST, white + _MOST_WHITE) if is_white else _MOST
    usual = min(_USUAL, white + _USUAL_WHITE) if is_white else _USUAL
    edges = np.arange(-4.0, _MOST + 8 * _BIN, _BIN)
    counts, _ = np.histogram(sample, bins=edges)
    smooth = np.convolve(counts, np.array([1, 2, 3, 2, 1]) / 9, mode="same")
    n_least = max(1.0, 2e-4 * sample.size)
    peaks = [
        n
        for n in range(smooth.size)
        if white - _SMOOTHER < edges[n] < most
        and smooth[n] >= n_least
        and smooth[n] >= smooth[max(0, n - 5) : n + 6].max()
    ]
    highest = max((smooth[n] for n in peaks), default=0.0)
    best = next((n for n in peaks if smooth[n] >= _PEAK * highest), -1)
    if best < 0:
        return BackgroundLevel(usual, _USUAL_SPREAD, usual + _DEVIATIONS * _USUAL_SPREAD, False)
    level = float(edges[best] + _BIN / 2)
    below = level - sample[sample < level]
    spread = float(np.clip(np.median(below) / 0.6745, 0.15, 0.45)) if below.size else _USUAL_SPREAD
    threshold = level + _DEVIATIONS * spread
    above = sample[sample > threshold]
    if above.size >= 1e-3 * sample.size:
        threshold = max(threshold, level + _WAY * (float(np.quantile(above, 0.8)) - level))
    return BackgroundLevel(level, spread, min(threshold, _HIGHEST), True)
