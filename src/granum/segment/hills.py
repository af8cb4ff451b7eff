"""Every hill of a relief, and how high it is: so that each object gets the grey level half way up to its own top."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["climb_hills", "mask_by_own_levels", "mask_in_the_shade", "smooth"]

_COARSE = 1 / 3  # smoothing for the tops, in radii of the objects
_DISC_TOP = 1 - float(np.exp(-0.5 / _COARSE**2))  # what it leaves of the middle of a disc
_GROUND = 0.1  # quantile, along the line where a hill ends, that is its own background
_HIGHEST_GROUND = 0.5  # of its inside: a bright spot in a nucleus is a hill without surroundings
_ROUNDS = 3  # from the level of the tops to that of the insides
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
    hills, tops = climb_hills(coarse, candidates)
    own = np.concatenate([[np.float32(np.inf)], level * tops / _DISC_TOP]).astype(np.float32)
    share = np.float32(level - _BEND * min(sigma / max(radius, 1e-9), 1.0))
    ground = _ground_of(relief, hills, len(own))
    for _ in range(_ROUNDS):
        depth = cv2.distanceTransform(_inside_hills(relief, hills, own).view(np.uint8), cv2.DIST_L2, 3)
        inside = _mean_inside(relief, hills, depth, len(own))
        low = np.minimum(ground, _HIGHEST_GROUND * inside)
        own = np.where(inside > 0, low + share * (inside - low), own).astype(np.float32)
    return np.asarray(candidates & (relief > own[hills]))


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
    left = np.asarray(cv2.morphologyEx((candidates & ~apart).view(np.uint8), cv2.MORPH_OPEN, disc)).view(np.bool_)
    if not left.any():
        return left
    weight = smooth(left.astype(np.float32), radius * _COARSE)
    mean = smooth(np.where(left, relief, np.float32(0)).astype(np.float32), radius * _COARSE)
    mean /= np.maximum(weight, np.float32(1e-3))
    hills, tops = climb_hills(mean, left)
    own = np.concatenate([[np.float32(np.inf)], level * tops]).astype(np.float32)
    above = np.asarray(left & (relief > own[hills]))
    # the upper half of a wide flank is thinner than the disc again
    return np.asarray(cv2.morphologyEx(above.view(np.uint8), cv2.MORPH_OPEN, disc)).view(np.bool_)


def climb_hills(relief: NDArray[np.float32], mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the hill of each pixel of a mask (1..N in raster order of their tops, 0 outside), and the heights (N,)."""
    hills, tops = _climb(relief, mask)
    return hills, tops


@njit(cache=True)
def _climb(relief: Any, mask: Any) -> Any:
    """Return the hill of each pixel of a mask (1..N, numbered in raster order of their tops), and the heights.

    Every pixel steps to the highest of its eight neighbours; equal heights are ordered by position.
    """
    rows, columns = relief.shape
    to = np.full(rows * columns, -1, np.int32)
    for y in range(rows):
        for x in range(columns):
            if not mask[y, x]:
                continue
            best, target = relief[y, x], y * columns + x
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    v, u = y + dy, x + dx
                    if 0 <= v < rows and 0 <= u < columns and mask[v, u]:
                        place = v * columns + u
                        if relief[v, u] > best or (relief[v, u] == best and place < target):
                            best, target = relief[v, u], place
            to[y * columns + x] = target
    hills = np.zeros((rows, columns), np.int32)
    n = 0
    for place in range(rows * columns):
        if to[place] == place:
            n += 1
            hills[place // columns, place % columns] = n
    tops = np.empty(n, np.float32)
    for place in range(rows * columns):
        if to[place] < 0:
            continue
        top = place
        while hills[top // columns, top % columns] == 0:
            top = to[top]
        name = hills[top // columns, top % columns]
        if to[top] == top:
            tops[name - 1] = relief[top // columns, top % columns]
        step = place
        while hills[step // columns, step % columns] == 0:
            hills[step // columns, step % columns] = name
            step = to[step]
    return hills, tops


@njit(cache=True, nogil=True)
def _inside_hills(relief: Any, hills: Any, own: Any) -> Any:
    """Return what lies over the level of its hill, without the line where two hills meet."""
    rows, columns = hills.shape
    inside = np.zeros((rows, columns), np.bool_)
    for y in range(rows):
        for x in range(columns):
            name = hills[y, x]
            if name == 0 or not relief[y, x] > own[name]:
                continue
            right = x + 1 < columns and hills[y, x + 1] > 0 and hills[y, x + 1] != name
            below = y + 1 < rows and hills[y + 1, x] > 0 and hills[y + 1, x] != name
            inside[y, x] = not (right or below)
    return inside


def _ground_of(relief: NDArray[np.float32], hills: NDArray[np.int32], n: int) -> NDArray[np.float32]:
    """Return how high the lowest tenth of the line lies along which each hill ends; 0 where it ends in the background.

    In the haze of a dense field the valleys between nuclei are above the noise: background for all that.
    """
    names, heights = _ends(relief, hills)
    order = np.lexsort((heights, names))
    counts = np.bincount(names, minlength=n)
    first = np.cumsum(counts) - counts
    at = first + (_GROUND * counts).astype(np.int64)
    ground = np.zeros(n, np.float32)
    has = counts > 0
    ground[has] = heights[order][at[has]]
    return np.maximum(ground, 0)


@njit(cache=True, nogil=True)
def _ends(relief: Any, hills: Any) -> Any:
    """Return hill and height of all pixels beside another hill, and hill and 0 of those beside the background."""
    rows, columns = hills.shape
    n = 0
    names, heights = np.empty(0, np.int32), np.empty(0, np.float32)
    for count in range(2):
        if count == 1:
            names, heights = np.empty(n, np.int32), np.empty(n, np.float32)
        n = 0
        for y in range(rows):
            for x in range(columns):
                name = hills[y, x]
                if name == 0:
                    continue
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
def _mean_inside(relief: Any, hills: Any, depth: Any, n: Any) -> Any:
    """Return the mean of each hill, each pixel by the square of its depth; 0 for a hill without an inside."""
    total, weight = np.zeros(n), np.zeros(n)
    rows, columns = hills.shape
    for y in range(rows):
        for x in range(columns):
            if depth[y, x] > 0:
                square = depth[y, x] * depth[y, x]
                total[hills[y, x]] += square * relief[y, x]
                weight[hills[y, x]] += square
    return (total / np.maximum(weight, 1e-30)).astype(np.float32)
