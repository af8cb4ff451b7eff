"""Every hill of a relief, and how high it is: so that each object gets the grey level half way up to its own top."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["climb_hills", "mask_by_own_levels", "mask_in_the_shade", "smooth"]

_COARSE = 1 / 2.5  # smoothing for the tops, in radii of the objects
_DISC_TOP = 1 - float(np.exp(-0.5 / _COARSE**2))  # what it leaves of the middle of a disc


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
    """
    coarse = smooth(relief, float(np.sqrt(max((_COARSE * radius) ** 2 - sigma**2, 0.25))))
    hills, tops = climb_hills(coarse, candidates)
    own = np.concatenate([[np.float32(np.inf)], level * tops / _DISC_TOP]).astype(np.float32)
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
    return np.asarray(left & (relief > own[hills]))


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
