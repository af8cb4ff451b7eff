"""How steep an image is at each pixel, without what is steep by the camera: seams of stitched tiles and uneven noise.

Cells in brightfield are as bright as what is around them; what tells them is that they are not flat. Three other
things are not flat either. White noise, which is smoothed only as far as it hides the cells. Seams of stitched tiles
of different brightness: they run exactly along a column or row of pixels, which no cell does. And noise that grows with
the light: the middle of a vignetted field is rougher than its corners, so the threshold follows the light.

How steep an empty tile is, most tiles tell while most are empty; where they are rougher than the noise between the
cells allows, that noise tells (`granum.segment.calm_level`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.segment.calm_level import CalmPlaces, find_calm_places
from granum.segment.grid_maximum import tile_extremes, usual_maximum
from granum.segment.smoothing_scale import sample_tiles

__all__ = ["GradientRelief", "measure_gradient", "threshold_gradient"]

_SCALES = (0.0, 0.7, 1.0, 1.4, 2.0, 2.8)  # px
_BAND_ROWS = 512  # a multiple of _SEAM
_SEAM = 128  # px: a straight line at least so long, exactly along one column or row, is a seam
_SEAM_SHARE = 0.8  # of its pixels with a step of the same sign
_BLOCK = 32  # px, of the grid of the light
_MIN_EXPLAINED = 0.6  # share of the differences of the noise that a straight line over the light must explain
_LEAST_UNEVEN, _MOST_UNEVEN = 1.1, 3.0  # between the noise of the darkest and the brightest place
# the largest of a few hundred gradients of noise is about three times their median, so texture whose largest gradient
# stands so many times over the threshold lies over it with most of its pixels, at least twice
_CLEAR = 6.0
# the usual maximum of a tile, over that of its noise, without smoothing: 0.96 to 1.37 in 11 photographs and in
# simulated fields most of which is empty (also after JPEG and filters), 1.8 to 34 where most tiles hold cells
_DIRT = 1.5
_SOMETHING = 3.0  # contrast under which what stands out is chance: it counts from 2


@dataclass(frozen=True, eq=False)
class GradientRelief:
    """The gradient of an image.

    Parameters
    ----------
    magnitude : (Y, X) ndarray of float32
        Length of the Sobel gradient: eight times the grey levels per pixel.
    smoothing : float
        Sigma of the Gaussian before it, in pixels.
    n_seams : int
        Pieces of seams, 128 px long, that were taken out.
    contrast : float
        Largest gradient of tiles that stand out (of three of four the smaller), over that of tiles that do not; 0 where
        none does.
    light : (V, U) ndarray of float32
        How bright the field is, on a coarse grid.
    noise : float
        Standard deviation of the noise of a pixel of the image.
    calm : CalmPlaces or None
        Where nothing is, None where that cannot be told.
    """

    magnitude: NDArray[np.float32]
    smoothing: float
    n_seams: int
    contrast: float
    light: NDArray[np.float32]
    noise: float
    calm: CalmPlaces | None


def measure_gradient(
    image: NDArray[Any],
    area: NDArray[np.bool_] | None = None,
    *,
    smoothing: float | None = None,
    tile: int = 25,
    offset: float = 1.3,
) -> GradientRelief:
    """Return how steep the image is.

    Parameters
    ----------
    image : (Y, X) ndarray
        Checked by `granum.arrays.check_image`.
    area : (Y, X) ndarray of bool, optional
        Only these pixels decide on the smoothing.
    smoothing : float, optional
        Sigma in pixels. None takes the smallest of 0 to 2.8 with which what stands out stands clearly over the
        threshold, or the one with which it stands out most.
    tile, offset : int, float
        As in `granum.segment.segment_by_grid_maximum`.

    Returns
    -------
    relief : GradientRelief
        10 Mpx: 0.2 s without smoothing, 8 bytes per pixel.
    """
    if smoothing is None:
        smoothing = _choose_smoothing(image, area, tile, offset)
    magnitude, n_seams = _measure(image, smoothing)
    calm = find_calm_places(image, _measure(image, 0.0)[0] if smoothing else magnitude, area)
    contrast = _contrast(magnitude, area, tile, calm, smoothing)
    return GradientRelief(magnitude, smoothing, n_seams, contrast, *_measure_light(image), calm)


def _choose_smoothing(image: NDArray[Any], area: NDArray[np.bool_] | None, tile: int, offset: float) -> float:
    """Return the smallest sigma with which texture stands clear of the noise, or the one with which it does most."""
    windows = sample_tiles(image)
    best, chosen = 0.0, 0.0
    calm: list[CalmPlaces | None] = []
    for sigma in _SCALES:
        found = []
        for number, window in enumerate(windows):
            inside = None if area is None else np.ascontiguousarray(area[window])
            magnitude = _measure(image[window], sigma)[0]
            if sigma == 0:
                calm.append(find_calm_places(image[window], magnitude, inside))
            found.append(_contrast(magnitude, inside, tile, calm[number], sigma))
        contrast = max(found)
        if contrast > best:
            best, chosen = contrast, sigma
        if best >= _CLEAR * offset:
            break
    # in an empty field the smoothing with which something stands out by chance is no better than none
    return chosen if best >= _SOMETHING else 0.0


def _contrast(
    magnitude: NDArray[np.float32], area: NDArray[np.bool_] | None, tile: int, calm: CalmPlaces | None, sigma: float
) -> float:
    maxima, _, _ = tile_extremes(magnitude, area, tile)
    level = min(usual_maximum(np.sort(maxima)), _most(magnitude, calm, sigma, tile))
    standing = maxima[maxima > 2 * level]
    return float(np.quantile(standing, 0.75)) / level if standing.size and level > 0 else 0.0


def _most(magnitude: NDArray[np.float32], calm: CalmPlaces | None, sigma: float, tile: int) -> float:
    """Return the most that an empty tile may have, by the noise of the calmest places."""
    return float("inf") if calm is None else _DIRT * calm.level(magnitude, sigma, tile)


def threshold_gradient(
    relief: GradientRelief, area: NDArray[np.bool_] | None = None, *, tile: int = 25, offset: float = 1.3
) -> tuple[NDArray[np.bool_], float, float, bool]:
    """Return what is steeper than the usual steepest pixel of an empty tile, times `offset`.

    Returns
    -------
    mask : (Y, X) ndarray of bool
        Also outside the area.
    threshold : float
        In units of the magnitude; the one of the usual light where it follows the light.
    unevenness : float
        The largest over the smallest noise in the field; 1 where the threshold is one number.
    by_noise : bool
        Whether most tiles are too steep to be empty, so that the level is 1.5 times what noise makes of an empty tile.
    """
    magnitude = relief.magnitude
    maxima, minima, centres = tile_extremes(magnitude, area, tile)
    level, most = usual_maximum(np.sort(maxima)), _most(magnitude, relief.calm, relief.smoothing, tile)
    by_noise = level > most
    level = min(level, most)
    base = float(np.quantile(minima, 0.1, method="lower"))
    threshold = base + offset * (level - base)
    # the light shows in the maxima of empty tiles only
    factors = None if by_noise else _follow_light(relief, maxima, centres, level)
    if factors is None:
        return magnitude > threshold, threshold, 1.0, by_noise
    height, width = magnitude.shape
    mask = np.empty(magnitude.shape, np.bool_)
    rows = _places(height, factors.shape[0])
    columns = np.broadcast_to(_places(width, factors.shape[1]), (1, width))
    for row in range(height):
        factor = cv2.remap(
            factors, columns, np.full((1, width), rows[row]), cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
        )
        mask[row] = magnitude[row] > base + offset * (np.float32(level) * factor[0] - base)
    return mask, threshold, float(factors.max() / factors.min()), False


def _measure(image: NDArray[Any], sigma: float) -> tuple[NDArray[np.float32], int]:
    """Return the magnitude, and how many pieces of seams went out."""
    magnitude = np.empty(image.shape, np.float32)
    height = image.shape[0]
    margin = 1 + int(np.ceil(4 * sigma))
    n_seams = 0
    for top in range(0, height, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, height)
        first, last = max(0, top - margin), min(height, bottom + margin)
        # differences are small even where values are large: shift first, then float32
        band = (image[first:last] - np.float64(image.flat[0])).astype(np.float32)
        if sigma:
            size = 2 * (margin - 1) + 1
            band = cv2.GaussianBlur(band, (size, size), sigma)
        rows = slice(top - first, bottom - first)
        across = np.ascontiguousarray(cv2.Sobel(band, cv2.CV_32F, 1, 0)[rows])
        down = np.ascontiguousarray(cv2.Sobel(band, cv2.CV_32F, 0, 1)[rows])
        n_seams += _take_out_seams(across) + _take_out_seams(down.T)
        magnitude[top:bottom] = cv2.magnitude(across, down)
    return magnitude, n_seams


def _take_out_seams(steps: NDArray[np.float32]) -> int:
    """Subtract the step of each seam that runs down a column, in place; return how many pieces there were.

    What goes is a constant along a column of 128 px, so texture that is taken for a seam by chance keeps its texture.
    """
    count = 0
    starts = range(0, max(1, steps.shape[0] - _SEAM // 2), _SEAM)
    for start in starts:
        piece = steps[start : start + _SEAM if start != starts[-1] else steps.shape[0]]
        if piece.shape[0] < _SEAM // 2:
            continue
        step = np.median(piece[::4], axis=0)
        # seams that are weaker than twice the usual gradient cannot pass the threshold
        least = max(6 * float(np.median(np.abs(step))), 2 * float(np.median(np.abs(piece[::4, ::4]))))
        at = np.flatnonzero(np.abs(step) > least)
        if at.size == 0:
            continue
        same = piece[:, at] * np.sign(step[at]) > 0.5 * np.abs(step[at])
        at = at[same.mean(axis=0) >= _SEAM_SHARE]
        piece[:, at] -= step[at]
        count += at.size
    return count


def _measure_light(image: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
    """Return how bright the field is without cells and grain, on a grid of blocks, and the noise of a pixel."""
    size = (max(1, round(image.shape[1] / _BLOCK)), max(1, round(image.shape[0] / _BLOCK)))
    light = np.empty((size[1], size[0]), np.float32)
    edges = np.rint(np.linspace(0, image.shape[0], size[1] + 1)).astype(int)
    for row in range(size[1]):
        strip = (image[edges[row] : edges[row + 1]] - np.float64(image.flat[0])).astype(np.float32)
        light[row] = cv2.resize(strip.mean(axis=0, keepdims=True), (size[0], 1), interpolation=cv2.INTER_AREA)[0]
    some = image[:: max(1, image.shape[0] // 500)].astype(np.float64)
    noise = float(np.median(np.abs(np.diff(some, axis=1)))) / 0.954 if image.shape[1] > 1 else 0.0
    return cv2.medianBlur(light, 5) if min(size) >= 5 else light, noise


def _places(length: int, count: int) -> NDArray[np.float32]:
    """Return where pixels lie on a grid of `count` blocks."""
    return (((np.arange(length) + 0.5) / length) * count - 0.5).astype(np.float32)


def _follow_light(
    relief: GradientRelief, maxima: NDArray[np.float64], centres: NDArray[np.float64], level: float
) -> NDArray[np.float32] | None:
    """Return, on the grid of the light, the usual tile maximum over `level`; None where the light makes no difference.

    Noise of photons grows with the root of the light, so the squares of the maxima of empty tiles lie on a line. The
    usual maximum is taken of tiles that are about as bright, which cells do not move while most of these are empty.
    """
    light = relief.light
    n_bins = min(8, maxima.size // 50)
    if level <= 0 or n_bins < 3:
        return None
    at = np.rint(centres / _BLOCK - 0.5).astype(np.int64)
    at = np.clip(at, 0, np.array(light.shape) - 1)
    bright = light[at[:, 0], at[:, 1]].astype(np.float64)
    order = np.argsort(bright, kind="stable")
    x, y = [], []
    for members in np.array_split(order, n_bins):
        x.append(float(bright[members].mean()))
        y.append((usual_maximum(np.sort(maxima[members])) / level) ** 2)
    low, high = min(x), max(x)
    # noise changes visibly only where the light changes by much more than the noise
    if high - low <= 3 * relief.noise or high == low:
        return None
    scaled = (np.array(x) - low) / (high - low)
    slope, start = np.polyfit(scaled, y, 1)
    left = np.array(y) - (start + slope * scaled)
    explained = 1 - float((left**2).sum() / max(((np.array(y) - np.mean(y)) ** 2).sum(), 1e-12))
    if slope <= 0 or explained < _MIN_EXPLAINED:
        return None
    squares = start + slope * np.clip((light - low) / (high - low), 0, 1)
    factors = np.sqrt(np.clip(squares, 1 / _MOST_UNEVEN**2, _MOST_UNEVEN**2)).astype(np.float32)
    return factors if factors.max() > _LEAST_UNEVEN * factors.min() else None
