"""A camera behind a microscope: uneven light, tiles that are stitched, photons, read noise, offset and grey levels."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.samples.noise import draw_uneven_light

__all__ = ["draw_tiled_light", "expose", "shift_plane"]

_EXACT_BELOW = 5.0  # photoelectrons below which counts are drawn from Poisson's law itself


def draw_tiled_light(
    shape: tuple[int, int], *, strength: float, tiles: int = 1, step: float = 0.0, seed: int = 0
) -> NDArray[np.float32]:
    """Draw the light of a field that is stitched of tiles x tiles pictures: one pattern repeats, and seams are steps.

    Parameters
    ----------
    shape : (int, int)
        Height and width in px.
    strength : float
        Brightest minus darkest factor within a tile.
    tiles : int
        Tiles along each axis; 1 for no seam.
    step : float
        Standard deviation of the brightness from tile to tile.
    seed : int
        Seed.
    """
    if tiles == 1:
        return draw_uneven_light(shape, strength=strength, seed=seed)
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, shape[0], tiles + 1).round().astype(int)
    columns = np.linspace(0, shape[1], tiles + 1).round().astype(int)
    tile = draw_uneven_light((int(np.diff(rows).max()), int(np.diff(columns).max())), strength=strength, seed=seed)
    light = np.empty(shape, np.float32)
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            factor = np.float32(1 + step * rng.normal())
            light[top:bottom, left:right] = factor * tile[: bottom - top, : right - left]
    return light


def expose(
    electrons: NDArray[np.float32],
    *,
    gain: float,
    offset: float,
    read_noise: float,
    noise: float,
    dtype: Literal["uint8", "uint16"],
    seed: int,
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the grey levels of a plane of expected photoelectrons.

    Parameters
    ----------
    electrons : (Y, X) ndarray of float32
        At least 0.
    gain, offset : float
        Grey levels per photoelectron, and at none; both in levels of `dtype`.
    read_noise : float
        Standard deviation in photoelectrons.
    noise : float
        All noise over what it is: 0 for a picture without.
    dtype : {"uint8", "uint16"}
        What does not fit is clipped, as a saturated camera does.
    seed : int
        Seed.
    """
    rng = np.random.default_rng(seed)
    grey = electrons * np.float32(gain)
    grey += np.float32(offset + 0.5)
    if noise > 0:
        spread = rng.standard_normal(electrons.shape, dtype=np.float32)
        variance = electrons + np.float32(read_noise**2)
        # the normal law bent by the skewness of Poisson's (Cornish and Fisher): twice as fast as exact draws
        skew = spread * spread
        skew -= 1
        skew *= electrons
        skew /= np.float32(6) * np.maximum(variance, np.float32(1e-6))
        spread *= np.sqrt(variance, out=variance)
        spread += skew
        few = np.flatnonzero(electrons < _EXACT_BELOW)
        if few.size:
            expected = electrons.ravel()[few]
            exact = rng.poisson(expected) - expected
            spread.ravel()[few] = exact + np.float32(read_noise) * rng.standard_normal(few.size, dtype=np.float32)
        spread *= np.float32(gain * noise)
        grey += spread
    white = 255 if dtype == "uint8" else 65535
    return np.clip(grey, 0, white, out=grey).astype(dtype)


def shift_plane(plane: NDArray[np.float32], shift: Sequence[float]) -> NDArray[np.float32]:
    """Return a plane moved by (y, x) px, its border filled with what lies at the edge."""
    if not any(shift):
        return plane
    move = np.array([[1, 0, shift[1]], [0, 1, shift[0]]], np.float32)
    moved = cv2.warpAffine(plane, move, plane.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.float32)
