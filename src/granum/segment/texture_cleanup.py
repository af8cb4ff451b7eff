"""Masks of rough pixels made into masks of cells: what windows see from outside, dirt, whiskers and holes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.segment.halo import depth_inside
from granum.segment.texture_maps import BackgroundLevel

__all__ = ["drop_faint", "drop_thin", "fill_rough_holes", "keep_most", "open_mask", "seen_from_outside"]

_TAIL = 5.0
_MOST_LEFT = 0.4


def seen_from_outside(plane: NDArray[np.float32], size: float) -> NDArray[np.float32]:
    """Return what the windows around a rough place see of it from outside: a fifth of the roughest that is near.

    Otherwise the outline would lie the farther out the stronger a cell stands out.
    """
    reach = max(1, round(size))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(plane, disk), np.float32) - np.float32(np.log(_TAIL))


def drop_faint(mask: NDArray[np.bool_], plane: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Drop pieces that nowhere reach half way from the threshold to what is usual above it: faint dirt."""
    above = plane[mask]
    if above.size == 0:
        return mask
    strong = threshold + 0.5 * (float(np.quantile(above, 0.8)) - threshold)
    n, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    keep = np.zeros(n, np.bool_)
    keep[labels[plane > strong]] = True
    keep[0] = False
    return np.asarray(keep[labels])


def drop_thin(mask: NDArray[np.bool_], size: float) -> NDArray[np.bool_]:
    """Drop pieces that nowhere are half as thick as cells usually are in this image."""
    if not mask.any():
        return mask
    depth = depth_inside(mask)
    reach = max(1, round(2 * size))
    every = 3 if np.count_nonzero(mask) > 100_000 else 1
    deepest = cv2.dilate(depth, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    usual = float(np.median(deepest[::every, ::every][mask[::every, ::every]]))
    n, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    if n == 2:
        return mask
    keep = np.zeros(n, np.bool_)
    keep[labels[depth >= min(0.5 * usual, 2.5 * size)]] = True
    keep[0] = False
    return np.asarray(keep[labels])


def open_mask(mask: NDArray[np.bool_], size: float) -> NDArray[np.bool_]:
    """Take away what is narrower than about one and a half sizes of the texture."""
    radius = max(1, round(0.8 * size))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, disk), np.uint8).view(np.bool_)


def fill_rough_holes(
    mask: NDArray[np.bool_], plane: NDArray[np.float32], level: BackgroundLevel, size: float
) -> NDArray[np.bool_]:
    """Fill holes that are small, or hardly anywhere as smooth as the background."""
    n, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    smooth = np.bincount(labels[plane < level.level + 2 * level.spread], minlength=n)
    fill = (areas < np.pi * (1.5 * size) ** 2) | ((smooth < 0.2 * areas) & (areas < np.pi * (10 * size) ** 2))
    fill[0] = False
    return np.asarray(mask | fill[labels])


def keep_most(after: NDArray[np.bool_], before: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what is left, but whole pieces where most would go: they were no dark cells with a halo."""
    n, labels = cv2.connectedComponents(before.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    areas = np.bincount(labels.ravel(), minlength=n)
    left = np.bincount(labels[after], minlength=n)
    whole = left < _MOST_LEFT * areas
    whole[0] = False
    return np.asarray(after | whole[labels])
