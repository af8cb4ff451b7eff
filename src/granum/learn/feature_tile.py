"""Where the planes of `ScaleKernels` come from and go to: one tile of an image, or many small patches side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from granum.learn import feature_kernels as kernels
from granum.learn.feature_pyramid import Pyramid, reduced_range
from granum.learn.feature_scales import FeatureScale
from granum.learn.feature_set import PARTS
from granum.learn.scale_kernels import ScaleKernels, Scratch

__all__ = ["PATCH", "Pixels", "fill_patches", "fill_tile"]

PATCH = 8
"""Rows and columns of a patch, which lies on a grid of this size."""

_NOTHING = np.zeros((0, 0), np.float32)


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
        One plane per part of every kind.
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
    rows = slice(top - reach - level.y, bottom + reach - level.y)
    columns = slice(left - reach - level.x, right + reach - level.x)
    size = (rows.stop - rows.start, columns.stop - columns.start)
    levels, variances = scratch.plane("levels", *size), _NOTHING
    levels[:] = level.levels[rows, columns]
    if level.variances.size:
        variances = scratch.plane("variances", *size)
        variances[:] = level.variances[rows, columns]
    down, across = y0 - origin[0], x0 - origin[1]
    place = (down, across) if factor == 1 else (0, 0)
    work = ScaleKernels(levels, variances, scale, kinds, scratch=scratch, place=place)
    line = scratch.plane("wide line", 1, right - left)[0]
    starts = [2 * a - factor + 1 - 2 * factor * b for a, b in ((y0, top), (x0, left))]
    first = 0
    for kind in kinds:
        planes = [out[first + i] for i in range(len(PARTS[kind]))]
        first += len(planes)
        if factor == 1:
            work.fill(kind, planes)
            continue
        small = [scratch.plane(f"part {i}", bottom - top, right - left) for i in range(len(planes))]
        work.fill(kind, small)
        for part, plane in zip(small, planes, strict=True):
            kernels.enlarge(part, plane, down, across, y1 - y0, x1 - x0, *starts, factor, line)


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
    tops, lefts = (((2 * a - factor + 1) // (2 * factor)) if factor > 1 else a for a in (pixels.tops, pixels.lefts))
    size = (full, full * len(tops))
    levels, variances = scratch.plane("levels", *size), _NOTHING
    if level.variances.size:
        variances = scratch.plane("variances", *size)
    for i, (y, x) in enumerate(zip(tops - reach - level.y, lefts - reach - level.x, strict=True)):
        levels[:, i * full : (i + 1) * full] = level.levels[y : y + full, x : x + full]
        if variances.size:
            variances[:, i * full : (i + 1) * full] = level.variances[y : y + full, x : x + full]
    work = ScaleKernels(levels, variances, scale, kinds, scratch=scratch, place=(0, 0))
    weights = np.zeros((len(pixels.y), 2), np.float32)
    places = [pixels.y - tops[pixels.patch], pixels.x - lefts[pixels.patch]]
    if factor > 1:
        for axis, (a, b) in enumerate(((pixels.y, tops), (pixels.x, lefts))):
            twice = 2 * a - factor + 1 - 2 * factor * b[pixels.patch]
            places[axis] = twice // (2 * factor)
            weights[:, axis] = (twice % (2 * factor)).astype(np.float32) / np.float32(2 * factor)
    rows, columns = places[0], places[1] + full * pixels.patch
    first = 0
    for kind in kinds:
        parts = [scratch.plane(f"part {i}", side, size[1] - 2 * reach) for i in range(len(PARTS[kind]))]
        work.fill(kind, parts)
        for part in parts:
            kernels.pick(part, rows, columns, weights, factor, out[first], pixels.order)
            first += 1
