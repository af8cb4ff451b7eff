"""Halos of phase contrast: the bright seam around a dark cell is not cell, a bright rounded cell is.

From outside, a halo first rises and then falls steeply into the body of the cell. What rises inwards along the
gradient of Kirsch's compass masks, or is as bright as the halo, is peeled off from outside, as deep as the halo of this
image goes. An image whose outlines are not bright on all sides (differential interference contrast, brightfield) has
no halo and is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from granum.segment.texture_scale import blur

__all__ = ["Halo", "depth_inside", "kirsch_gradient", "measure_halo", "peel_halo"]

_MOST_LOST = 0.6  # of a piece: when more of it goes, it was a bright cell and stays
_SHARE = 0.5  # of the way to the middle of a cell that is halo at most
_SIDES = 8
_EVENNESS = 0.25  # the dimmest side of a halo, of its mean


@dataclass(frozen=True, eq=False)
class Halo:
    """The halo of an image.

    Parameters
    ----------
    height : float
        Of its crest over the background, in units of the image; 0 where there is none.
    crest, depth : int
        How far inside the mask its crest lies, and how far it reaches, in px.
    level : (Y, X) ndarray of float32
        The image over its background.
    down, across : (Y, X) ndarray of float32
        Its Kirsch gradient, where there is a halo.
    """

    height: float
    crest: int
    depth: int
    level: NDArray[np.float32]
    down: NDArray[np.float32] | None = None
    across: NDArray[np.float32] | None = None


def kirsch_gradient(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return where the brightest of Kirsch's eight compass masks points: its strength times its direction, (y, x).

    References
    ----------
    .. [1] R. A. Kirsch, "Computer determination of the constituent structure of biological images", Comput. Biomed.
       Res. 4, 315-328 (1971), :doi:`10.1016/0010-4809(71)90034-6`.
    """
    padded = cv2.copyMakeBorder(values, 1, 1, 1, 1, cv2.BORDER_REFLECT)
    down, across = np.empty(values.shape, np.float32), np.empty(values.shape, np.float32)
    _compass(padded, down, across)
    return down, across


def measure_halo(values: NDArray[np.float32], mask: NDArray[np.bool_], size: float, noise: float) -> Halo:
    """Return the halo just inside the outline of a mask.

    Parameters
    ----------
    values : (Y, X) ndarray of float32
        The image.
    mask : (Y, X) ndarray of bool
        Cells with their halos.
    size : float
        Of the texture, in px.
    noise : float
        Of single pixels.
    """
    level = values - _background(values, mask, size)
    level = blur(level, max(size / 4, 0.6))
    if not mask.any() or mask.all():
        return Halo(0.0, 0, 0, level)
    inside = depth_inside(mask)
    most = max(4, round(3 * size))
    rim = mask & (inside <= most)
    rings = np.minimum(np.ceil(inside[rim]).astype(np.int64), most)
    n_ring = np.bincount(rings, minlength=most + 1)
    profile = np.bincount(rings, level[rim], minlength=most + 1) / np.maximum(n_ring, 1)
    crest = int(profile[1 : most * 2 // 3 + 1].argmax()) + 1
    height = float(profile[crest])
    if height < 0.5 * noise or not _is_all_around(level, inside, rim, crest, height):
        return Halo(0.0, 0, 0, level)
    behind = np.flatnonzero(profile[crest:] < 0.5 * height)
    depth = crest + (int(behind[0]) if behind.size else most - crest)
    return Halo(height, crest, depth, level, *kirsch_gradient(blur(values, max(size / 3, 0.7))))


def peel_halo(mask: NDArray[np.bool_], halo: Halo) -> NDArray[np.bool_]:
    """Return the mask without the halo.

    Parameters
    ----------
    mask : (Y, X) ndarray of bool
        Cells with their halos.
    halo : Halo
        What `measure_halo` found.
    """
    if halo.depth == 0 or halo.down is None or halo.across is None:
        return mask
    depth = depth_inside(mask)
    reach = 2 * halo.depth + 1
    ridge = cv2.dilate(depth, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))  # a square, which is fast
    may_go = depth <= _SHARE * ridge
    inside = blur(depth, 1.5)
    in_y = cv2.Sobel(inside, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REFLECT_101)
    in_x = cv2.Sobel(inside, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REFLECT_101)
    rises = (halo.down * in_y + halo.across * in_x) > 0
    bright = (halo.level > 0.5 * halo.height) & may_go
    dark = halo.level < -0.25 * halo.height
    peeled = _peel(mask.view(np.uint8), bright, rises & ~dark & may_go, halo.crest, halo.depth).view(np.bool_)
    n, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    before = np.bincount(labels.ravel(), minlength=n)
    after = np.bincount(labels.ravel(), peeled.ravel(), minlength=n)
    keep_whole = after < (1 - _MOST_LOST) * before
    keep_whole[0] = False
    return np.asarray(peeled | keep_whole[labels])


def depth_inside(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance to the outside; the border of the image is no outside."""
    depth = np.asarray(cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)
    return np.minimum(depth, np.float32(sum(mask.shape)))  # without any outside all distances are endless


def _background(values: NDArray[np.float32], mask: NDArray[np.bool_], size: float) -> NDArray[np.float32]:
    """Return the mean of what is near and outside the mask; of wider and wider surroundings where there is little."""
    far = max(1, round(size))
    near = cv2.dilate(mask.view(np.uint8), np.ones((2 * far + 1, 2 * far + 1), np.uint8)) == 0
    weight = near.astype(np.float32)
    product = values * weight
    middle = float(values[near].mean(dtype=np.float64)) if near.any() else float(values.mean(dtype=np.float64))
    background = np.full(values.shape, np.float32(middle))
    height, width = values.shape
    for sigma in (40 * size, 15 * size, 5 * size):
        factor = max(1, int(sigma / 3))
        shape = (-(-width // factor), -(-height // factor))
        share = blur(np.asarray(cv2.resize(weight, shape, interpolation=cv2.INTER_AREA), np.float32), 3.0)
        total = blur(np.asarray(cv2.resize(product, shape, interpolation=cv2.INTER_AREA), np.float32), 3.0)
        coarse = np.asarray(cv2.resize(background, shape, interpolation=cv2.INTER_AREA), np.float32)
        trust = np.float32(0.1)
        mean = (total + trust * coarse) / (share + trust)
        background = np.asarray(cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return background


def _is_all_around(
    level: NDArray[np.float32], inside: NDArray[np.float32], rim: NDArray[np.bool_], crest: int, height: float
) -> bool:
    """Return whether outlines are bright whichever way they face."""
    at = rim & (np.abs(inside - crest) <= 1.0)
    smooth = blur(inside, 1.5)
    y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REFLECT_101)[at]
    x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REFLECT_101)[at]
    side = ((np.arctan2(y, x) + np.pi) / (2 * np.pi) * _SIDES).astype(np.int64) % _SIDES
    n = np.bincount(side, minlength=_SIDES)
    means = np.bincount(side, level[at], minlength=_SIDES) / np.maximum(n, 1)
    # uneven light and few cells make sides differ; in interference contrast one side is as dark as the other is bright
    means = means[n > 0.03 * n.sum()]
    is_dim = means < _EVENNESS * height
    return bool(np.count_nonzero(is_dim) <= 0.4 * means.size and means.min() > -height)


@njit(cache=True, nogil=True, parallel=True)
def _compass(padded: Any, down: Any, across: Any) -> None:
    """Write the strongest of eight masks of 5 (three neighbours in a row) and -3 (the other five)."""
    ring_y = np.array([0, 0, 0, 1, 2, 2, 2, 1])
    ring_x = np.array([0, 1, 2, 2, 2, 1, 0, 0])
    half = np.float32(np.sqrt(0.5))
    for y in prange(down.shape[0]):
        near = np.empty(8, np.float32)
        for x in range(down.shape[1]):
            total = np.float32(0.0)
            for k in range(8):
                near[k] = padded[y + ring_y[k], x + ring_x[k]]
                total += near[k]
            best, at = np.float32(-np.inf), 0
            for k in range(8):
                three = near[k] + near[(k + 1) % 8] + near[(k + 2) % 8]
                if three > best:
                    best, at = three, (k + 1) % 8
            strength = np.float32(8.0) * best - np.float32(3.0) * total
            length = half if at % 2 == 0 else np.float32(1.0)
            down[y, x] = strength * (ring_y[at] - 1) * length
            across[y, x] = strength * (ring_x[at] - 1) * length


@njit(cache=True, nogil=True)
def _peel(mask: Any, bright: Any, rises: Any, crest: Any, most: Any) -> Any:
    """Remove pixels from outside inwards, ring by ring: bright ones, and up to the crest those that rise inwards."""
    height, width = mask.shape
    out = mask.copy()
    now = np.empty((height * width, 2), np.int32)
    n = 0
    for y in range(height):
        for x in range(width):
            if mask[y, x] == 0 and (
                (y > 0 and mask[y - 1, x])
                or (y + 1 < height and mask[y + 1, x])
                or (x > 0 and mask[y, x - 1])
                or (x + 1 < width and mask[y, x + 1])
            ):
                now[n, 0] = y
                now[n, 1] = x
                n += 1
    first = 0
    for ring in range(most):
        last = n
        for i in range(first, last):
            for k in range(4):
                y = now[i, 0] + (k == 0) - (k == 1)
                x = now[i, 1] + (k == 2) - (k == 3)
                if (
                    0 <= y < height
                    and 0 <= x < width
                    and out[y, x]
                    and (bright[y, x] or (ring < crest and rises[y, x]))
                ):
                    out[y, x] = 0
                    now[n, 0] = y
                    now[n, 1] = x
                    n += 1
        first = last
    return out
