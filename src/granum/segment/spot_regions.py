"""From spots to a mask: every spot reaches as far as it stands half its height over its own background."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.segment.spots import Spots

__all__ = ["draw_spots"]


def draw_spots(
    image: NDArray[np.float32], spots: Spots, area: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return the mask of the spots and the relief in which they were drawn.

    Parameters
    ----------
    image : (Y, X) ndarray of float32
        Objects bright.
    spots : Spots
        Of `find_spots`.
    area : (Y, X) ndarray of bool, optional
        Nothing is drawn outside.

    Returns
    -------
    mask : (Y, X) ndarray of bool
        Pixels above half the height of the nearest spot, within three scales of it.
    relief : (Y, X) ndarray of float32
        The image, smoothed by a third of the scale, less the local background.
    """
    scale = spots.scale
    smooth = cv2.GaussianBlur(image, (0, 0), max(0.7, scale / 3))
    if not len(spots.peaks):
        return np.zeros(image.shape, bool), smooth
    nearest, distance = _nearest_spot(image.shape, spots.peaks)
    free = (distance > 1.8 * scale).astype(np.float32)
    relief = smooth - _local_mean(smooth, free, 3 * scale)
    at = np.clip(np.rint(spots.peaks).astype(int), 0, np.array(image.shape) - 1)
    heights = cv2.dilate(relief, np.ones((3, 3), np.uint8))[at[:, 0], at[:, 1]]
    mask = (relief > 0.5 * heights[nearest]) & (distance <= 3 * scale) & (heights[nearest] > 0)
    if area is not None:
        mask &= area
    return _touching_spots(mask, at), relief


def _nearest_spot(shape: tuple[int, ...], peaks: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return for every pixel the row of the nearest spot and the distance to it."""
    empty = np.ones(shape, np.uint8)
    at = np.clip(np.rint(peaks).astype(int), 0, np.array(shape) - 1)
    empty[at[:, 0], at[:, 1]] = 0
    distance, seeds = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    row_of_seed = np.zeros(int(seeds.max()) + 1, np.int32)
    row_of_seed[seeds[at[:, 0], at[:, 1]]] = np.arange(len(at), dtype=np.int32)
    return row_of_seed[seeds], distance


def _local_mean(image: NDArray[np.float32], weights: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the Gaussian mean of the weighted pixels; the plain one where no weight is near."""
    shrink = max(1, int(sigma / 4))
    size = (max(1, image.shape[1] // shrink), max(1, image.shape[0] // shrink))
    total = cv2.resize(image * weights, size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(weights, size, interpolation=cv2.INTER_AREA)
    plain = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / shrink)
    total, share = (cv2.GaussianBlur(values, (0, 0), sigma / shrink) for values in (total, share))
    mean = np.where(share > 0.02, total / np.maximum(share, 1e-6), plain)
    return cv2.resize(mean.astype(np.float32), (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)


def _touching_spots(mask: NDArray[np.bool_], at: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return the regions that hold a spot's centre or lie next to one."""
    count, regions = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    keep = np.zeros(count, bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            y, x = np.clip(at[:, 0] + dy, 0, mask.shape[0] - 1), np.clip(at[:, 1] + dx, 0, mask.shape[1] - 1)
            keep[regions[y, x]] = True
    keep[0] = False
    return keep[regions]
