"""`sample_features`: features of single pixels, from the windows that hold them only.

The image is walked over in regions, so that memory is bounded. Where many pixels are close together (strokes) a region
is computed as a window; where they are far apart, as patches of 8 x 8 pixels side by side. Both give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import ShapeError
from granum.learn.feature_input import Run, Window, check_channels, threads_for
from granum.learn.feature_pyramid import Pyramid, build_pyramid
from granum.learn.feature_scales import FeatureScale, feature_scales
from granum.learn.feature_set import FeatureSet
from granum.learn.feature_tile import PATCH, Pixels, fill_patches, fill_tile
from granum.learn.intensity import IntensityScale
from granum.learn.scale_kernels import Scratch

__all__ = ["sample_features"]

_REGION = 512
_TILE = 128  # is computed whole when that costs less than its patches
_PATCHES = 32  # of one piece of work
_PIXELS_PER_PATCH = 600  # of a window that cost as much as a patch, measured on windows of 128 x 128 pixels
"""Rows and columns of a region are multiples of those of a tile, and those of a patch."""


def sample_features(
    channels: ArrayLike, features: FeatureSet, *, intensity: IntensityScale, y: ArrayLike, x: ArrayLike
) -> NDArray[np.float32]:
    """Return the features of single pixels, bit for bit those of the whole image.

    Parameters
    ----------
    channels, features, intensity
        As in `compute_features`.
    y, x : (n,) array_like of int
        The pixels, in any order, also repeated.

    Returns
    -------
    planes : (F, n) ndarray of float32

    Raises
    ------
    ShapeError
        As in `compute_features`; or when a pixel is outside the image.
    """
    array = check_channels(channels, intensity)
    height, width = array.shape[1:]
    rows, columns = np.asarray(y, np.int64), np.asarray(x, np.int64)
    if rows.ndim != 1 or rows.shape != columns.shape:
        raise ShapeError(f"y, x: have shapes {rows.shape} and {columns.shape}, need one axis of the same length.")
    outside = (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)
    if outside.any():
        i = int(np.flatnonzero(outside)[0])
        raise ShapeError(f"y, x: pixel {i} is ({rows[i]}, {columns[i]}), outside the image of {height} x {width}.")
    planes = np.empty((features.n_features(len(array)), len(rows)), np.float32)
    n_each = (len(planes) - 2 * features.position) // len(array)
    spare: list[Scratch] = []
    with threads_for(-(-len(rows) // _PATCHES)) as run:
        for region in _groups(rows, columns, np.arange(len(rows)), _REGION):
            window, pieces = _plan(rows, columns, region)
            for channel in range(len(array)):
                scale = {"offset": intensity.offset[channel], "scale": intensity.scale[channel]}
                pyramid = build_pyramid(array[channel], features, window=window, run=run, **scale)
                out = planes[channel * n_each : (channel + 1) * n_each]
                if features.pixel:
                    place = rows[region] - pyramid[0].y, columns[region] - pyramid[0].x
                    out[0, region] = pyramid[0].levels[place]
                _fill(pyramid, features, out[int(features.pixel) :], rows, columns, pieces, spare, run)
    if features.position:
        planes[-2] = ((rows + 0.5) / height).astype(np.float32)
        planes[-1] = ((columns + 0.5) / width).astype(np.float32)
    return planes


@dataclass(frozen=True, eq=False)
class _Tile:
    """Pixels of a window that is computed whole."""

    order: NDArray[np.int64]
    window: Window


def _groups(
    rows: NDArray[np.int64], columns: NDArray[np.int64], order: NDArray[np.int64], side: int
) -> Iterator[NDArray[np.int64]]:
    """Give the pixels `order` by squares of a grid."""
    if not len(order):
        return
    squares = (rows[order] // side) * (int(columns[order].max()) // side + 1) + columns[order] // side
    ranked = np.argsort(squares, kind="stable")
    yield from np.split(order[ranked], np.flatnonzero(np.diff(squares[ranked])) + 1)


def _plan(
    rows: NDArray[np.int64], columns: NDArray[np.int64], region: NDArray[np.int64]
) -> tuple[Window, list[_Tile | Pixels]]:
    """Return the window of a region that must be known, and the pieces of work in it."""
    pieces: list[_Tile | Pixels] = []
    patches: list[NDArray[np.int64]] = []
    for tile in _groups(rows, columns, region, _TILE):
        found = list(_groups(rows, columns, tile, PATCH))
        window = _bounds(rows[tile], columns[tile], 1)
        if (window[2] - window[0]) * (window[3] - window[1]) <= (len(found) - 1) * _PIXELS_PER_PATCH:
            pieces.append(_Tile(tile, window))
        else:
            patches += found
    for first in range(0, len(patches), _PATCHES):
        some = patches[first : first + _PATCHES]
        order = np.concatenate(some)
        starts = np.array([one[0] for one in some])
        tops, lefts = (axis[starts] // PATCH * PATCH for axis in (rows, columns))
        index = np.repeat(np.arange(len(some)), [len(one) for one in some])
        pieces.append(Pixels(rows[order], columns[order], order, index, tops, lefts))
    return _bounds(rows[region], columns[region], PATCH), pieces


def _bounds(rows: NDArray[np.int64], columns: NDArray[np.int64], step: int) -> Window:
    """Return the smallest window around pixels on a grid of `step`."""
    top, left = (int(axis.min()) // step * step for axis in (rows, columns))
    bottom, right = ((int(axis.max()) // step + 1) * step for axis in (rows, columns))
    return top, left, bottom, right


def _fill(
    pyramid: Pyramid,
    features: FeatureSet,
    out: NDArray[np.float32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    pieces: list[_Tile | Pixels],
    spare: list[Scratch],
    run: Run,
) -> None:
    """Write all planes of one channel but the grey level."""
    scales: tuple[FeatureScale, ...] = feature_scales(features)
    if not scales:
        return
    n_each = len(out) // len(scales)

    def fill(piece: _Tile | Pixels) -> Callable[[], None]:
        def work() -> None:
            scratch = spare.pop() if spare else Scratch()
            for i, scale in enumerate(scales):
                planes = out[i * n_each : (i + 1) * n_each]
                if isinstance(piece, Pixels):
                    fill_patches(pyramid, scale, features.kinds, planes, pixels=piece, scratch=scratch)
                    continue
                y0, x0, y1, x1 = piece.window
                block = scratch.take("block", n_each, y1 - y0, x1 - x0)
                fill_tile(pyramid, scale, features.kinds, block, tile=piece.window, origin=(y0, x0), scratch=scratch)
                planes[:, piece.order] = block[:, rows[piece.order] - y0, columns[piece.order] - x0]
            spare.append(scratch)

        return work

    run([fill(piece) for piece in pieces])
