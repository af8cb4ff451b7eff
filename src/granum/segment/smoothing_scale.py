"""How much smoothing a picture needs before it falls into objects and background: found from the picture alone.

Smoothing takes noise away from both classes and so pulls them apart; more of it than that blurs the objects into the
background. The share of the variance that lies between the two Otsu classes shows both, and its knee is the scale.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.preprocess.histogram import Histogram, count_values

__all__ = ["SCALES", "choose_smoothing", "otsu_separability", "sample_tiles", "separability_of_histogram"]

SCALES = (0.0, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)
_TILE = 1024
_CLEAR_FALL = 0.01
_MOST_TILES = 4


def otsu_separability(image: NDArray[Any], area: NDArray[np.bool_] | None = None) -> float:
    """Return the share of the variance of an image between its two Otsu classes, 0..1; 0 for a constant image."""
    return separability_of_histogram(count_values(image, area))


def separability_of_histogram(histogram: Histogram) -> float:
    """Return the same for a histogram that is already there."""
    counts = histogram.counts.astype(np.float64)
    total = counts.sum()
    if total == 0 or len(counts) < 2:
        return 0.0
    values = np.arange(len(counts), dtype=np.float64)
    share = np.cumsum(counts) / total
    moment = np.cumsum(counts * values) / total
    variance = float((counts * values**2).sum() / total - moment[-1] ** 2)
    if variance <= 0:
        return 0.0
    inner = (share > 0) & (share < 1)
    between = (moment[-1] * share[inner] - moment[inner]) ** 2 / (share[inner] * (1 - share[inner]))
    return float(between.max(initial=0.0) / variance)


def sample_tiles(image: NDArray[Any]) -> list[tuple[slice, slice]]:
    """Return the windows on which scales are compared: the whole image, or four spread tiles of a large one."""
    height, width = image.shape
    if height * width <= _MOST_TILES * _TILE**2:
        return [(slice(0, height), slice(0, width))]
    tall, wide = min(height, _TILE), min(width, _MOST_TILES * _TILE**2 // min(height, _TILE) // 2)
    wide = min(wide, _TILE) if height > _TILE else wide
    rows = sorted({(height - tall) // 4, (height - tall) * 3 // 4})
    columns = sorted({(width - wide) // 4, (width - wide) * 3 // 4})
    return [(slice(y, y + tall), slice(x, x + wide)) for y in rows for x in columns]


def choose_smoothing(
    image: NDArray[np.float32], area: NDArray[np.bool_] | None = None, *, knee: float = 0.988, smallest: float = 0.5
) -> tuple[float, list[dict[str, float]]]:
    """Return the smallest Gaussian sigma that separates objects from background almost as well as the best one.

    Parameters
    ----------
    image : (Y, X) ndarray of float32
        Background already flattened: unevenness counts as variance.
    area : (Y, X) ndarray of bool, optional
        Only these pixels count.
    knee : float
        Share of the best separability that is enough. More smoothing than needed closes the gaps between
        touching objects, so the peak itself is too far.
    smallest : float
        Least sigma returned, in pixels; half the noise of a detector is gone there and no edge has moved.

    Returns
    -------
    sigma : float
        In pixels.
    table : list of dict
        Separability of every sigma tried.

    Notes
    -----
    Cost: up to eleven Gaussian filters and histograms over at most 4 Mpx. Results hardly depend on `knee` from 0.98 to
    0.99. Fails where objects and background do not differ in grey level; the separability is then low for every sigma
    (under about 0.7).
    """
    tiles = [
        (np.ascontiguousarray(image[window]), None if area is None else np.ascontiguousarray(area[window]))
        for window in sample_tiles(image)
    ]

    def separability(sigma: float) -> float:
        of_tiles = [
            otsu_separability(cv2.GaussianBlur(tile, (0, 0), sigma) if sigma else tile, inside)
            for tile, inside in tiles
        ]
        return float(np.mean(of_tiles))

    shares: list[float] = []
    for sigma in SCALES:
        share = separability(sigma)
        # past a clear fall the filter melts whole clumps into one bright region, which separates well again;
        # the raw image does not count: noise that is clipped at 0 separates better than the same noise smoothed
        if len(shares) > 1 and share < max(shares[1:]) - _CLEAR_FALL:
            break
        shares.append(share)
    table = dict(zip(SCALES, shares, strict=False))
    enough = knee * max(shares)
    chosen = next(sigma for sigma in SCALES if table[sigma] >= enough)
    below = max((sigma for sigma in SCALES if sigma < chosen), default=0.0)
    if below >= smallest:  # the knee lies between two scales: look once between them
        between = round(float(np.sqrt(below * chosen)), 2)
        table[between] = separability(between)
        chosen = between if table[between] >= enough else chosen
    rows = [{"sigma": sigma, "separability": table[sigma]} for sigma in sorted(table)]
    return max(chosen, smallest), rows
