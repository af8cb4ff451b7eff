"""Bright-field pictures of simulated cells: light bends where their thickness changes.

A cell is a map of optical thickness: a slab with a steep edge, granules and vacuoles in it. A lens a little out of
focus shows about the Laplacian of that map (transport of intensity), which gives edges a bright line outside and a dark
one inside, and granules a ring of the other sign. A wider and weaker copy of the same is the halo.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["add_blurred_blobs", "add_bumps", "draw_phase", "show_phase"]


@njit(cache=True, nogil=True)
def draw_phase(
    bodies: NDArray[np.int32],
    depth: NDArray[np.float32],
    thick: NDArray[np.float32],
    looks: NDArray[np.float64],
    shifts: NDArray[np.int64],
    grains: NDArray[np.float32],
    coarse: NDArray[np.float32],
    patches: NDArray[np.float32],
    slab: NDArray[np.float32],
    granules: NDArray[np.float32],
) -> None:
    """Write the optical thickness of cells: `slab` gets what is smooth, `granules` what is grainy.

    Rows of `looks` are (height of the slab, ramp of its edge in px, strength of fine grains, of coarse ones). `shifts`
    says where in the repeating textures each cell reads.
    """
    tall, wide = grains.shape
    for i in range(bodies.shape[0]):
        for j in range(bodies.shape[1]):
            k = bodies[i, j] - 1
            if k < 0:
                continue
            rise = min(depth[i, j] / looks[k, 1], 1.0)
            share = thick[i, j]
            a, b = i + shifts[k, 0], j + shifts[k, 1]
            fine, rough = grains[a % tall, b % wide], coarse[a % tall, b % wide]
            here, there = patches[a % tall, b % wide], patches[b % tall, a % wide]
            uneven = 1 + 0.3 * here  # the edge stands higher here than there
            slab[i, j] = np.float32(looks[k, 0] * math.sqrt(rise) * (0.2 + 0.8 * share) * max(uneven, 0.3))
            # granules are few and strong and lie in crowds, so the texture is not Gaussian
            few = max(abs(fine) - 0.3, 0.0) * (1.45 if fine > 0 else -1.25)
            crowd = min(max(0.75 + 0.45 * there, 0.2), 1.5)
            inside = min(depth[i, j] / (4 * looks[k, 1]), 1.0)
            value = (looks[k, 2] * (few * abs(few) + 0.3 * fine) + looks[k, 3] * rough * abs(rough)) * crowd * inside
            # a veil has no granules but folds: lines where a smooth texture is zero
            fold = coarse[b // 2 % tall, a // 2 % wide]
            folds = -1.6 * looks[k, 2] * math.exp(-(fold * fold) * 30) * max(0.3 + here, 0.0)
            granules[i, j] = np.float32(value * share + folds * (1 - share) * rise)


@njit(cache=True, nogil=True)
def add_bumps(picture: NDArray[np.float32], bumps: NDArray[np.float64]) -> None:
    """Add bumps in place: rows (y, x, radius, height); a lens in the middle, its foot at 2 radii."""
    height, width = picture.shape
    for k in range(bumps.shape[0]):
        y, x, radius, tall = bumps[k, 0], bumps[k, 1], bumps[k, 2], bumps[k, 3]
        reach = 2.5 * radius + 1
        for i in range(max(math.ceil(y - reach), 0), min(int(y + reach) + 1, height)):
            for j in range(max(math.ceil(x - reach), 0), min(int(x + reach) + 1, width)):
                s = ((i - y) ** 2 + (j - x) ** 2) / (radius * radius)
                picture[i, j] += np.float32(tall * math.exp(-(s**1.5)))


@njit(cache=True, nogil=True)
def add_blurred_blobs(picture: NDArray[np.float32], blobs: NDArray[np.float64]) -> None:
    """Add blobs out of focus in place: rows (y, x, sigma, height, radius of the ring; 0 for none)."""
    height, width = picture.shape
    for k in range(blobs.shape[0]):
        y, x, sigma, tall, ring = blobs[k]
        reach = 3.5 * sigma + ring
        for i in range(max(math.ceil(y - reach), 0), min(int(y + reach) + 1, height)):
            for j in range(max(math.ceil(x - reach), 0), min(int(x + reach) + 1, width)):
                off = math.sqrt((i - y) ** 2 + (j - x) ** 2) - ring
                picture[i, j] += np.float32(tall * math.exp(-0.5 * (off / sigma) ** 2))


def show_phase(
    slab: NDArray[np.float32], granules: NDArray[np.float32], *, focus_px: float, halo_px: float, contrast: float = 1.0
) -> NDArray[np.float32]:
    """Return the bright-field picture of an optical thickness, about 1 where there is nothing.

    Parameters
    ----------
    slab, granules : (Y, X) ndarray of float32
        From `draw_phase`.
    focus_px, halo_px : float
        Widths in px of the lines at edges and granules, and of the weaker halo.
    contrast : float
        Strength.
    """
    whole = np.float32(1.7) * granules - np.float32(1.5) * slab
    fine = _blur(whole, focus_px)
    picture = fine - _blur(whole, 2 * focus_px)
    smooth = _blur(np.float32(0.3) * granules - slab, 0.3 * halo_px)
    picture += np.float32(0.16) * (smooth - _blur(smooth, halo_px))
    picture *= np.float32(contrast)
    picture += 1
    # bright spots saturate the lens of a granule, dark ones never reach zero
    return np.maximum(picture, np.float32(0.06), out=picture)


def _blur(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), dtype=np.float32)
