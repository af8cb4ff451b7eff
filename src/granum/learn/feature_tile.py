"""Where the levels for `fill_kinds` come from and its parts go: one tile of an image, or many patches side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.learn.feature_kernels import enlarge, pick
from granum.learn.feature_pyramid import Pyramid, reduced_range
from granum.learn.feature_scales import FeatureScale
from granum.learn.scale_kernels import N_PLANES, Scratch, fill_kinds, kind_places, scale_settings

__all__ = ["PATCH", "Pixels", "fill_patches", "fill_tile"]

PATCH = 8
"""Rows and columns of a patch, which lies on a grid of this size."""

_NOTHING = np.zeros((0, 0), np.float32)


@njit(cache=True, nogil=True)
def _enlarge_parts(parts, out, top, left, size, starts, factor, line):  # type: ignore[no-untyped-def]
    """Write parts of a reduced image to out[:, top:, left:]."""
    for i in range(len(parts)):
        enlarge(parts[i], out[i], top, left, size[0], size[1], starts[0], starts[1], factor, line)


@njit(cache=True, nogil=True)
def _place_patches(source, corners, side, target):  # type: ignore[no-untyped-def]
    """Put squares of `source` side by side."""
    for i in range(len(corners)):
        y, x = corners[i]
        for row in range(side):
            target[row][i * side : (i + 1) * side] = source[y + row][x : x + side]


@njit(cache=True, nogil=True)
def _pick_parts(parts, places, weights, factor, out, order):  # type: ignore[no-untyped-def]
    """Write single pixels of all parts to out[:, order]."""
    for i in range(len(parts)):
        pick(parts[i], places, weights, factor, out[i], order)


def fill_tile(
    pyramid: Pyramid,
    scale: FeatureScale,
    kinds: tuple[str, ...],
    out: NDArray[np.float32],
    *,
    tile: tuple[int, int, int, int],
    origin: tuple[int, int],
    scratch: Scratch,
) -> None:
    """Write the features of a tile at one scale.

    Parameters
    ----------
    pyramid : tuple of Level
        Of the channel.
    scale : FeatureScale
        What to compute.
    kinds : tuple of str
        In the order of the planes.
    out : (F, h, w) ndarray of float32
        One plane per part of every kind, C-contiguous.
    tile : tuple of int
        (y0, x0, y1, x1) in the whole image.
    origin : tuple of int
        Place of ``out[:, 0, 0]`` in the whole image.
    scratch : Scratch
        Of this thread.
    """
    y0, x0, y1, x1 = tile
    factor, reach, level = scale.factor, scale.reach, pyramid[scale.level]
    (top, bottom), (left, right) = (reduced_range(a, b, factor=factor) for a, b in ((y0, y1), (x0, x1)))
    y, x = top - reach - level.y, left - reach - level.x
    rows, columns = bottom - top + 2 * reach, right - left + 2 * reach
    levels, variances = scratch.take("levels", rows, columns), _NOTHING
    levels[:] = level.levels[y : y + rows, x : x + columns]
    if level.variances.size:
        variances = scratch.take("variances", rows, columns)
        variances[:] = level.variances[y : y + rows, x : x + columns]
    place = y0 - origin[0], x0 - origin[1]
    planes, line = scratch.take("planes", N_PLANES, rows, columns), scratch.take("line", 2 * columns)
    settings, wanted = scale_settings(scale), kind_places(kinds)
    if factor == 1:
        fill_kinds(levels, variances, settings, wanted, planes, line, out, *place)
        return
    parts = scratch.take("parts", len(out), bottom - top, right - left)
    fill_kinds(levels, variances, settings, wanted, planes, line, parts, 0, 0)
    starts = 2 * y0 - factor + 1 - 2 * factor * top, 2 * x0 - factor + 1 - 2 * factor * left
    _enlarge_parts(parts, out, *place, (y1 - y0, x1 - x0), starts, factor, line)


@dataclass(frozen=True, eq=False)
class Pixels:
    """Single pixels, and the patches that hold them.

    Parameters
    ----------
    y, x : (n,) ndarray of int64
        Places in the whole image.
    order : (n,) ndarray of int64
        Where their features go.
    patch : (n,) ndarray of int64
        Index of the patch of each.
    tops, lefts : (P,) ndarray of int64
        First row and column of each patch, multiples of `PATCH`.
    """

    y: NDArray[np.int64]
    x: NDArray[np.int64]
    order: NDArray[np.int64]
    patch: NDArray[np.int64]
    tops: NDArray[np.int64]
    lefts: NDArray[np.int64]


def fill_patches(
    pyramid: Pyramid,
    scale: FeatureScale,
    kinds: tuple[str, ...],
    out: NDArray[np.float32],
    *,
    pixels: Pixels,
    scratch: Scratch,
) -> None:
    """Write the features of single pixels at one scale to ``out[:, pixels.order]``.

    The patches are put side by side with their frames, so that kernels have long rows to run along; what they compute
    where two frames meet is not looked at.
    """
    factor, reach, level = scale.factor, scale.reach, pyramid[scale.level]
    start, stop = reduced_range(0, PATCH, factor=factor)
    side = stop - start  # the same for every patch: factors are powers of two as is PATCH
    full = side + 2 * reach
    starts = np.stack((pixels.tops, pixels.lefts), axis=1)
    inside = np.stack((pixels.y, pixels.x), axis=1)
    places, weights = inside - starts[pixels.patch], np.zeros(inside.shape, np.float32)
    if factor > 1:
        starts = (2 * starts - factor + 1) // (2 * factor)
        twice = 2 * inside - factor + 1 - 2 * factor * starts[pixels.patch]
        places = twice // (2 * factor)
        weights = (twice % (2 * factor)).astype(np.float32) / np.float32(2 * factor)
    places[:, 1] += full * pixels.patch
    corners, columns = starts - (reach + level.y, reach + level.x), full * len(starts)
    levels, variances = scratch.take("levels", full, columns), _NOTHING
    _place_patches(level.levels, corners, full, levels)
    if level.variances.size:
        variances = scratch.take("variances", full, columns)
        _place_patches(level.variances, corners, full, variances)
    planes, line = scratch.take("planes", N_PLANES, full, columns), scratch.take("line", 2 * columns)
    parts = scratch.take("parts", len(out), side, columns - 2 * reach)
    fill_kinds(levels, variances, scale_settings(scale), kind_places(kinds), planes, line, parts, 0, 0)
    _pick_parts(parts, places, weights, factor, out, pixels.order)
