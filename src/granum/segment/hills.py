"""Every hill of a relief, and how high it is: so that each object gets the grey level half way up to its own top."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.segment.disc_opening import boxes_of, open_by_disc

__all__ = ["climb_hills", "mask_by_own_levels", "mask_in_the_shade", "smooth"]

_COARSE = 1 / 3  # smoothing for the tops, in radii of the objects
_DISC_TOP = 1 - float(np.exp(-0.5 / _COARSE**2))  # what it leaves of the middle of a disc
_GROUND = 0.1  # quantile, along the line where a hill ends, that is its own background
_HIGHEST_GROUND = 0.5  # of its inside: a bright spot in a nucleus is a hill without surroundings
_ROUNDS = 3  # from the level of the tops to that of the insides
_STRAIGHT, _DIAGONAL, _FAR = 0.955, 1.3693, 1e9  # steps of a chamfer that is right to 4 %
_BEND = 1 / math.sqrt(8 * math.pi)  # a disc smoothed by sigma has 0.5 - 0.2 sigma / radius of its height at its edge


def smooth(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the image after a Gaussian, mirrored at its frame."""
    if sigma <= 0:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)


def mask_by_own_levels(
    relief: NDArray[np.float32], candidates: NDArray[np.bool_], radius: float, level: float, sigma: float
) -> NDArray[np.bool_]:
    """Return the candidates above `level` times the height of their own hill.

    Parameters
    ----------
    relief : (Y, X) ndarray of float32
        0 in the background, smoothed by `sigma`.
    candidates : (Y, X) ndarray of bool
        What is no noise.
    radius : float
        Of a usual object; tops are those of the relief smoothed by 0.4 radii, so that texture has no tops of its own.
    level : float
        0 to 1.
    sigma : float
        Smoothing that `relief` has already.

    Notes
    -----
    A level between surroundings and top would draw what is textured too small, and what is smaller than the coarse
    smoothing too large. So the tops only start it: then a level lies between surroundings and the mean inside, deep
    pixels counting most, as the rim is blurred. Smoothing draws a disc smaller; the level is lowered by as much.
    """
    coarse = smooth(relief, float(np.sqrt(max((_COARSE * radius) ** 2 - sigma**2, 0.25))))
    hills, tops, places = _climb(coarse, candidates)
    own = np.concatenate([[np.float32(np.inf)], level * tops / _DISC_TOP]).astype(np.float32)
    share = np.float32(level - _BEND * min(sigma / max(radius, 1e-9), 1.0))
    ground = _ground_of(relief, hills, places, len(own))
    depth = np.zeros(relief.shape, np.float32)
    for _ in range(_ROUNDS):
        inside = _mean_inside(relief, hills, places, own, depth)
        low = np.minimum(ground, _HIGHEST_GROUND * inside)
        own = np.where(inside > 0, low + share * (inside - low), own).astype(np.float32)
    return np.asarray(_over_levels(relief, hills, places, own))


def mask_in_the_shade(
    relief: NDArray[np.float32],
    candidates: NDArray[np.bool_],
    mask: NDArray[np.bool_],
    radius: float,
    level: float,
    flank: float,
) -> NDArray[np.bool_]:
    """Return dim objects beside bright ones, whose own top drowns in the flank of the other.

    What is left of the candidates is opened by a disc: the flanks themselves, `flank` pixels wide, are thinner than it.
    """
    apart = cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    side = 2 * max(1, round(0.55 * radius), round(0.65 * flank)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    left = open_by_disc(candidates & ~apart, disc)
    found = np.zeros(left.shape, np.bool_)
    sigma = radius * _COARSE
    for window, core in boxes_of(left, math.ceil(4 * sigma) + 1):
        part, bright = left[window], relief[window]
        weight = smooth(part.astype(np.float32), sigma)
        mean = smooth(np.where(part, bright, np.float32(0)).astype(np.float32), sigma)
        mean /= np.maximum(weight, np.float32(1e-3))
        hills, tops, places = _climb(mean, part)
        own = np.concatenate([[np.float32(np.inf)], level * tops]).astype(np.float32)
        # the upper half of a wide flank is thinner than the disc again
        found[window] |= open_by_disc(_over_levels(bright, hills, places, own) & core, disc)
    return found


def climb_hills(relief: NDArray[np.float32], mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the hill of each pixel of a mask (1..N in raster order of their tops, 0 outside), and the heights (N,)."""
    hills, tops, _ = _climb(relief, mask)
    return hills, tops


@njit(cache=True, nogil=True)
def _climb(relief: Any, mask: Any) -> Any:
    """Return the hill of each pixel of a mask (1..N, numbered in raster order of their tops), the heights, the pixels.

    Every pixel steps to the highest of its eight neighbours; equal heights are ordered by position. Only pixels of the
    mask cost anything: they stand in a list, in raster order, and `hills` holds their places in it at first.
    """
    rows, columns = relief.shape
    n_pixels = 0
    for y in range(rows):
        for x in range(columns):
            n_pixels += mask[y, x]
    places = np.empty((n_pixels, 2), np.int32)
    hills = np.zeros((rows, columns), np.int32)
    k = 0
    for y in range(rows):
        for x in range(columns):
            if mask[y, x]:
                places[k, 0], places[k, 1] = y, x
                k += 1
                hills[y, x] = k
    to = np.empty(n_pixels, np.int32)
    for k in range(n_pixels):
        y, x = places[k]
        best, target = relief[y, x], k
        for v in range(max(y - 1, 0), min(y + 2, rows)):
            for u in range(max(x - 1, 0), min(x + 2, columns)):
                near = hills[v, u] - 1
                if near >= 0 and (relief[v, u] > best or (relief[v, u] == best and near < target)):
                    best, target = relief[v, u], near
        to[k] = target
    names = np.zeros(n_pixels, np.int32)
    n = 0
    for k in range(n_pixels):
        if to[k] == k:
            n += 1
            names[k] = n
    tops = np.empty(n, np.float32)
    for k in range(n_pixels):
        top = k
        while names[top] == 0:
            top = to[top]
        name = names[top]
        if to[top] == top:
            tops[name - 1] = relief[places[top, 0], places[top, 1]]
        step = k
        while names[step] == 0:
            names[step] = name
            step = to[step]
    for k in range(n_pixels):
        hills[places[k, 0], places[k, 1]] = names[k]
    return hills, tops, places


@njit(cache=True, nogil=True)
def _over_levels(relief: Any, hills: Any, places: Any, own: Any) -> Any:
    """Return which of the listed pixels lie over the level of their hill."""
    above = np.zeros(hills.shape, np.bool_)
    for k in range(len(places)):
        y, x = places[k]
        above[y, x] = relief[y, x] > own[hills[y, x]]
    return above


def _ground_of(
    relief: NDArray[np.float32], hills: NDArray[np.int32], places: NDArray[np.int32], n: int
) -> NDArray[np.float32]:
    """Return how high the lowest tenth of the line lies along which each hill ends; 0 where it ends in the background.

    In the haze of a dense field the valleys between nuclei are above the noise: background for all that.
    """
    names, heights = _ends(relief, hills, places)
    order = np.lexsort((heights, names))
    counts = np.bincount(names, minlength=n)
    first = np.cumsum(counts) - counts
    at = first + (_GROUND * counts).astype(np.int64)
    ground = np.zeros(n, np.float32)
    has = counts > 0
    ground[has] = heights[order][at[has]]
    return np.maximum(ground, 0)


@njit(cache=True, nogil=True)
def _ends(relief: Any, hills: Any, places: Any) -> Any:
    """Return hill and height of all pixels beside another hill, and hill and 0 of those beside the background."""
    rows, columns = hills.shape
    n = 0
    names, heights = np.empty(0, np.int32), np.empty(0, np.float32)
    for count in range(2):
        if count == 1:
            names, heights = np.empty(n, np.int32), np.empty(n, np.float32)
        n = 0
        for k in range(len(places)):
            y, x = places[k]
            name = hills[y, x]
            beside, outside = False, False
            for side in range(4):
                v, u = y + (side == 0) - (side == 1), x + (side == 2) - (side == 3)
                if 0 <= v < rows and 0 <= u < columns and hills[v, u] != name:
                    beside = True
                    outside |= hills[v, u] == 0
            if beside:
                if count == 1:
                    names[n] = name
                    heights[n] = np.float32(0) if outside else relief[y, x]
                n += 1
    return names, heights


@njit(cache=True, nogil=True)
def _mean_inside(relief: Any, hills: Any, places: Any, own: Any, depth: Any) -> Any:
    """Return the mean of what lies over the level of each hill, each pixel by the square of its depth; 0 for nothing.

    The line where two hills meet is not inside. Depth is the 3 x 3 chamfer distance of `cv2.distanceTransform`, swept
    over the listed pixels only; `depth` is memory for it, 0 elsewhere.
    """
    rows, columns = hills.shape
    straight, diagonal, far = np.float32(_STRAIGHT), np.float32(_DIAGONAL), np.float32(_FAR)
    for k in range(len(places)):
        y, x = places[k]
        name = hills[y, x]
        right = x + 1 < columns and hills[y, x + 1] > 0 and hills[y, x + 1] != name
        below = y + 1 < rows and hills[y + 1, x] > 0 and hills[y + 1, x] != name
        depth[y, x] = far if relief[y, x] > own[name] and not (right or below) else np.float32(0)
    for k in range(len(places)):
        y, x = places[k]
        least = depth[y, x]
        if least > 0:
            if x > 0:
                least = min(least, depth[y, x - 1] + straight)
            if y > 0:
                least = min(least, depth[y - 1, x] + straight)
                if x > 0:
                    least = min(least, depth[y - 1, x - 1] + diagonal)
                if x + 1 < columns:
                    least = min(least, depth[y - 1, x + 1] + diagonal)
            depth[y, x] = least
    for k in range(len(places) - 1, -1, -1):
        y, x = places[k]
        least = depth[y, x]
        if least > straight:
            if x + 1 < columns:
                least = min(least, depth[y, x + 1] + straight)
            if y + 1 < rows:
                least = min(least, depth[y + 1, x] + straight)
                if x > 0:
                    least = min(least, depth[y + 1, x - 1] + diagonal)
                if x + 1 < columns:
                    least = min(least, depth[y + 1, x + 1] + diagonal)
            depth[y, x] = least
    total, weight = np.zeros(len(own)), np.zeros(len(own))
    for k in range(len(places)):
        y, x = places[k]
        if depth[y, x] > 0:
            square = depth[y, x] * depth[y, x]
            total[hills[y, x]] += square * relief[y, x]
            weight[hills[y, x]] += square
    return (total / np.maximum(weight, 1e-30)).astype(np.float32)
