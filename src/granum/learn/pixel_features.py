"""`compute_features`: the features of a window of an image, bit for bit those of the whole image.

Every feature of a pixel is a fixed sequence of operations on pixels around it, on the image that goes on beyond its
borders by reflection. Windows, tiles and threads choose where it is computed, never how.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import ModelError, SettingError, ShapeError
from granum.learn.feature_pyramid import build_pyramid
from granum.learn.feature_scales import feature_halo, feature_scales
from granum.learn.feature_set import FeatureSet
from granum.learn.feature_tile import Scratch, fill_scale
from granum.learn.intensity import IntensityScale

__all__ = ["compute_features", "feature_halo", "sample_features"]

_TILE = (64, 256)
_BLOCK = 32

Window = tuple[int, int, int, int]


def _check_channels(channels: ArrayLike, intensity: IntensityScale) -> NDArray[Any]:
    array = np.asarray(channels)
    if array.ndim != 3 or array.size == 0:
        raise ShapeError(f"channels: has shape {array.shape}, needs three axes (C, Y, X) and at least one pixel.")
    if array.dtype.kind not in "biuf":
        raise ShapeError(f"channels: has dtype {array.dtype}, needs real numbers (bool, integers or floats).")
    if len(array) != intensity.n_channels:
        raise ModelError(f"channels: there are {len(array)}, the intensity scale is of {intensity.n_channels}.")
    return array


def check_window(window: Window | None, shape: tuple[int, int]) -> Window:
    if window is None:
        return (0, 0, *shape)
    y0, x0, y1, x1 = (int(place) for place in window)
    if not (0 <= y0 < y1 <= shape[0] and 0 <= x0 < x1 <= shape[1]):
        raise SettingError(f"window: {(y0, x0, y1, x1)} is no part of an image of {shape[0]} x {shape[1]} pixels.")
    return y0, x0, y1, x1


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
    array = _check_channels(channels, intensity)
    shape = array.shape[1], array.shape[2]
    y0, x0, y1, x1 = check_window(window, shape)
    size = (features.n_features(len(array)), y1 - y0, x1 - x0)
    if out is None:
        out = np.empty(size, np.float32)
    elif out.shape != size or out.dtype != np.float32:
        raise ShapeError(f"out: is {out.dtype} of shape {out.shape}, needs float32 of shape {size}.")
    plain = out[0].flags.c_contiguous and out.flags.writeable
    target = out if plain else np.empty(size, np.float32)
    threads = min(numba.get_num_threads(), -(-size[1] * size[2] // (_TILE[0] * _TILE[1])))
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            _fill(array, features, intensity, (y0, x0, y1, x1), target, lambda work: _run(pool, work))
    else:
        _fill(array, features, intensity, (y0, x0, y1, x1), target, _run_here)
    if features.position:
        target[-2] = ((np.arange(y0, y1) + 0.5) / shape[0]).astype(np.float32)[:, None]
        target[-1] = ((np.arange(x0, x1) + 0.5) / shape[1]).astype(np.float32)[None, :]
    if not plain:
        out[...] = target
    return out


def _run_here(work: list[Callable[[], None]]) -> None:
    for piece in work:
        piece()


def _run(pool: ThreadPoolExecutor, work: list[Callable[[], None]]) -> None:
    for future in [pool.submit(piece) for piece in work]:
        future.result()


def _fill(
    array: NDArray[Any],
    features: FeatureSet,
    intensity: IntensityScale,
    window: Window,
    out: NDArray[np.float32],
    run: Callable[[list[Callable[[], None]]], None],
) -> None:
    """Write all planes but the position."""
    y0, x0, y1, x1 = window
    scales = feature_scales(features)
    parts = FeatureSet(features.sigmas[:1] or (1.0,), features.kinds, pixel=False, position=not features.kinds)
    n_parts = parts.n_features() if features.kinds else 0
    spare: list[Scratch] = []
    first = 0
    for plane, offset, scale in zip(array, intensity.offset, intensity.scale, strict=True):
        pyramid = build_pyramid(
            plane, scales, window=window, offset=offset, scale=scale, run=run,
            variances="deviation" in features.kinds or "entropy" in features.kinds,
        )  # fmt: skip
        if features.pixel:
            level = pyramid[0]
            y, x = y0 - level.y, x0 - level.x
            out[first] = level.levels[y : y + y1 - y0, x : x + x1 - x0]
            first += 1
        places = [slice(first + i * n_parts, first + (i + 1) * n_parts) for i in range(len(scales))]

        def work(tile: Window, pyramid=pyramid, places=places) -> None:  # type: ignore[no-untyped-def]
            scratch = spare.pop() if spare else Scratch()
            for item, place in zip(scales, places, strict=True):
                fill_scale(pyramid, item, features.kinds, out[place], tile=tile, origin=(y0, x0), scratch=scratch)
            spare.append(scratch)

        tiles = [
            (y, x, min(y + _TILE[0], y1), min(x + _TILE[1], x1))
            for y in range(y0, y1, _TILE[0])
            for x in range(x0, x1, _TILE[1])
        ]
        run([lambda tile=tile: work(tile) for tile in tiles])  # type: ignore[misc]
        first += n_parts * len(scales)


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
    array = _check_channels(channels, intensity)
    rows, columns = np.asarray(y, np.int64), np.asarray(x, np.int64)
    if rows.ndim != 1 or rows.shape != columns.shape:
        raise ShapeError(f"y, x: have shapes {rows.shape} and {columns.shape}, need one axis of the same length.")
    outside = (rows < 0) | (rows >= array.shape[1]) | (columns < 0) | (columns >= array.shape[2])
    if outside.any():
        i = int(np.flatnonzero(outside)[0])
        raise ShapeError(
            f"y, x: pixel {i} is ({rows[i]}, {columns[i]}), outside the image of {array.shape[1]} x {array.shape[2]}."
        )
    planes = np.empty((features.n_features(len(array)), len(rows)), np.float32)
    if not len(rows):
        return planes
    block = (rows // _BLOCK) * (array.shape[2] // _BLOCK + 1) + columns // _BLOCK
    order = np.argsort(block, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(block[order])) + 1):
        top, left = int(rows[group].min()), int(columns[group].min())
        window = (top, left, int(rows[group].max()) + 1, int(columns[group].max()) + 1)
        found = compute_features(array, features, intensity=intensity, window=window)
        planes[:, group] = found[:, rows[group] - top, columns[group] - left]
    return planes
