"""`FeatureCache`: features of the images that are in use, in blocks, within a number of bytes.

Blocks lie on a fixed grid, so that overlapping windows share them. They are float32: rounding them would give other
classes than the same model gives without the cache.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import SettingError, ShapeError
from granum.learn.feature_input import Window, check_window
from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale
from granum.learn.pixel_features import compute_features

__all__ = ["FeatureCache"]

BLOCK = 256
"""Rows and columns of a block: 22 MB at the default features of one channel."""


class FeatureCache:
    """Features of windows, kept as long as there is room; the least recently used blocks go first.

    Parameters
    ----------
    most_bytes : int
        Of all blocks that are kept. A window that needs more is computed all the same.

    Notes
    -----
    Safe for several threads. Two threads that want the same missing block may both compute it; they get equal bytes.
    """

    def __init__(self, most_bytes: int) -> None:
        if most_bytes < 0:
            raise SettingError(f"most_bytes: is {most_bytes}, must be 0 or more.")
        self.most_bytes = most_bytes
        self._blocks: OrderedDict[tuple[Hashable, ...], NDArray[np.float32]] = OrderedDict()
        self._n_bytes = 0
        self._lock = Lock()

    @property
    def n_bytes(self) -> int:
        """Bytes of all blocks that are kept now."""
        return self._n_bytes

    def window(
        self,
        key: Hashable,
        channels: ArrayLike,
        features: FeatureSet,
        intensity: IntensityScale,
        window: Window | None,
        *,
        copy: bool = True,
        keep: bool = True,
    ) -> NDArray[np.float32]:
        """Return the features of a window, bit for bit those of `compute_features`.

        Parameters
        ----------
        key : hashable
            What names these pixels: the same key must never stand for two images.
        channels, features, intensity, window
            As in `compute_features`.
        copy : bool
            Whether in new memory. False spares 5 ms per block: a window that is one block of the grid comes as it is
            kept, and must only be read.
        keep : bool
            Whether blocks that are missing are computed and kept. False computes the window alone then: for the rest of
            an image that does not fit, which would push out what is looked at.

        Returns
        -------
        planes : (F, h, w) ndarray of float32
        """
        array = np.asarray(channels)
        if array.ndim != 3:
            raise ShapeError(f"channels: has shape {array.shape}, needs three axes (C, Y, X).")
        height, width = array.shape[1:]
        y0, x0, y1, x1 = check_window(window, (height, width))
        if not keep and not self._holds((key, features, intensity, array.shape), (y0, x0, y1, x1)):
            return compute_features(array, features, intensity=intensity, window=(y0, x0, y1, x1))
        is_block = not (y0 % BLOCK or x0 % BLOCK) and (y1, x1) == (min(y0 + BLOCK, height), min(x0 + BLOCK, width))
        if is_block and not copy:
            return self._block((key, features, intensity, array.shape, y0, x0), array, (y0, x0, y1, x1))
        planes = np.empty((features.n_features(len(array)), y1 - y0, x1 - x0), np.float32)
        for top in range(y0 - y0 % BLOCK, y1, BLOCK):
            for left in range(x0 - x0 % BLOCK, x1, BLOCK):
                area = (top, left, min(top + BLOCK, height), min(left + BLOCK, width))
                block = self._block((key, features, intensity, array.shape, top, left), array, area)
                a, b, c, d = max(y0, top), max(x0, left), min(y1, area[2]), min(x1, area[3])
                planes[:, a - y0 : c - y0, b - x0 : d - x0] = block[:, a - top : c - top, b - left : d - left]
        return planes

    def forget(self, key: Hashable) -> None:
        """Drop all blocks of an image."""
        with self._lock:
            for name in [name for name in self._blocks if name[0] == key]:
                self._n_bytes -= self._blocks.pop(name).nbytes

    def clear(self) -> None:
        """Drop all blocks."""
        with self._lock:
            self._blocks.clear()
            self._n_bytes = 0

    def _holds(self, image: tuple[Hashable, ...], window: Window) -> bool:
        y0, x0, y1, x1 = window
        with self._lock:
            return all(
                (*image, top, left) in self._blocks
                for top in range(y0 - y0 % BLOCK, y1, BLOCK)
                for left in range(x0 - x0 % BLOCK, x1, BLOCK)
            )

    def _block(self, name: tuple[Hashable, ...], array: NDArray[np.generic], area: Window) -> NDArray[np.float32]:
        with self._lock:
            block = self._blocks.get(name)
            if block is not None:
                self._blocks.move_to_end(name)
                return block
        _, features, intensity = name[:3]
        if not isinstance(features, FeatureSet) or not isinstance(intensity, IntensityScale):
            raise TypeError("the name of a block holds its features and intensity scale")
        block = compute_features(array, features, intensity=intensity, window=area)
        with self._lock:
            if name not in self._blocks and block.nbytes <= self.most_bytes:
                self._blocks[name] = block
                self._n_bytes += block.nbytes
                while self._n_bytes > self.most_bytes:
                    self._n_bytes -= self._blocks.popitem(last=False)[1].nbytes
        return block
