"""`compute_features`: the features of a window of an image, bit for bit those of the whole image.

Every feature of a pixel is a fixed sequence of operations on pixels around it, on the image that goes on beyond its
borders by reflection. Windows, tiles and threads choose where it is computed, never how.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import ArrayLike, NDArray

from granum.errors import ShapeError
from granum.learn.feature_input import Run, Window, check_channels, check_window, threads_for
from granum.learn.feature_pyramid import build_pyramid
from granum.learn.feature_samples import sample_features
from granum.learn.feature_scales import feature_halo, feature_scales
from granum.learn.feature_set import FeatureSet
from granum.learn.feature_tile import fill_tile
from granum.learn.intensity import IntensityScale
from granum.learn.scale_kernels import Scratch

__all__ = ["compute_features", "feature_halo", "sample_features"]

TILE = (64, 256)
"""Rows and columns of a tile: its dozen planes stay in the cache of a core."""


def compute_features(
    channels: ArrayLike,
    features: FeatureSet,
    *,
    intensity: IntensityScale,
    window: Window | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return the features of every pixel of a window.

    Parameters
    ----------
    channels : (C, Y, X) array_like
        Any integer or floating dtype. What is not finite counts as the offset of its channel.
    features : FeatureSet
        Which features.
    intensity : IntensityScale
        Offset and scale of every channel.
    window : tuple of int, optional
        (y0, x0, y1, x1), half open; the whole image when not given.
    out : (F, h, w) ndarray of float32, optional
        Where to write them.

    Returns
    -------
    planes : (F, h, w) ndarray of float32
        In the order of ``features.names(C)``; `out` where it was given.

    Raises
    ------
    ShapeError
        When `channels` is no (C, Y, X) array of real numbers, or `out` does not fit.
    ModelError
        When the intensity scale is of another number of channels.
    SettingError
        When the window is not inside the image.
    """
    array = check_channels(channels, intensity)
    y0, x0, y1, x1 = area = check_window(window, array.shape[1:])
    size = (features.n_features(len(array)), y1 - y0, x1 - x0)
    if out is None:
        out = np.empty(size, np.float32)
    elif out.shape != size or out.dtype != np.float32 or not out.flags.writeable:
        raise ShapeError(f"out: is {out.dtype} of shape {out.shape}, needs writeable float32 of shape {size}.")
    target = _as_whole_planes(out)
    if target is None:
        target = np.empty(size, np.float32)
    tiles = [
        (y, x, min(y + TILE[0], y1), min(x + TILE[1], x1))
        for y in range(y0, y1, TILE[0])
        for x in range(x0, x1, TILE[1])
    ]
    with threads_for(len(tiles)) as run:
        n_each = (size[0] - 2 * features.position) // len(array)
        for channel in range(len(array)):
            planes = target[channel * n_each : (channel + 1) * n_each]
            scale = intensity.offset[channel], intensity.scale[channel]
            _fill_channel(array[channel], features, *scale, area, tiles, planes, run)
    if features.position:
        height, width = array.shape[1:]
        target[-2, : size[1]] = ((np.arange(y0, y1) + 0.5) / height).astype(np.float32)[:, None]
        target[-1, : size[1]] = ((np.arange(x0, x1) + 0.5) / width).astype(np.float32)[None, :]
    if not np.shares_memory(target, out):
        out[...] = target
    return out


def _as_whole_planes(out: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return `out`, a band of rows of contiguous planes, as those planes from its first row on; None when it is not."""
    n_planes, height, width = out.shape
    row = 4 * width
    if out.strides[1:] != (row, 4) or out.strides[0] % row or out.strides[0] < height * row:
        return out if out.flags.c_contiguous else None
    # kernels then know that rows are contiguous; rows after those of `out`, which may not exist, are never touched
    return as_strided(out, (n_planes, out.strides[0] // row, width), out.strides)


def _fill_channel(
    plane: NDArray[Any],
    features: FeatureSet,
    offset: float,
    scale: float,
    window: Window,
    tiles: list[Window],
    out: NDArray[np.float32],
    run: Run,
) -> None:
    """Write all planes of one channel."""
    y0, x0, y1, x1 = window
    scales = feature_scales(features)
    pyramid = build_pyramid(plane, features, window=window, offset=offset, scale=scale, run=run)
    first = int(features.pixel)
    if features.pixel:
        y, x = y0 - pyramid[0].y, x0 - pyramid[0].x
        out[0, : y1 - y0] = pyramid[0].levels[y : y + y1 - y0, x : x + x1 - x0]
    if not scales:
        return
    n_each = (len(out) - first) // len(scales)
    spare: list[Scratch] = []

    def fill(tile: Window) -> Callable[[], None]:
        def work() -> None:
            scratch = spare.pop() if spare else Scratch()
            for i, item in enumerate(scales):
                planes = out[first + i * n_each : first + (i + 1) * n_each]
                fill_tile(pyramid, item, features.kinds, planes, tile=tile, origin=(y0, x0), scratch=scratch)
            spare.append(scratch)

        return work

    run([fill(tile) for tile in tiles])
