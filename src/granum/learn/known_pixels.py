"""`KnownPixels`: features of single pixels that were computed before, so that one stroke more costs one stroke."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale, measure_intensity

__all__ = ["KnownPixels"]

_Places = tuple[NDArray[np.int32], NDArray[np.int32]]
_Key = tuple[str, tuple[int, ...], str, int]


@dataclass(slots=True, eq=False)
class _Known:
    """Of one image: its scale, and the features (F, n) of pixels whose places are ascending."""

    intensity: IntensityScale
    features: FeatureSet | None
    flat: NDArray[np.int64]
    planes: NDArray[np.float32]
    sample: tuple[tuple[int, int], _Places] | None = None
    """(Pixels wanted, seed), and what was drawn."""


class KnownPixels:
    """Features of single pixels of images that are in use.

    Parameters
    ----------
    most_bytes : int
        Memory; the images that were not used for longest are forgotten first.

    Notes
    -----
    An image is told by its name, shape, dtype and the size of its area: whoever changes the pixels of an image under
    its old name calls `forget`. Safe to use from several threads; they wait for each other.
    """

    def __init__(self, most_bytes: int = 256 << 20) -> None:
        self._most_bytes = most_bytes
        self._known: OrderedDict[_Key, _Known] = OrderedDict()
        self._areas: dict[int, tuple[weakref.ref[NDArray[np.bool_]], int]] = {}
        self._lock = threading.RLock()

    @property
    def nbytes(self) -> int:
        """Memory of the features; the places of samples come on top, 8 bytes per pixel."""
        with self._lock:
            return sum(one.planes.nbytes + one.flat.nbytes for one in self._known.values())

    def intensity(self, name: str, channels: NDArray[Any], area: NDArray[np.bool_] | None) -> IntensityScale:
        """Return the intensity scale of an image, measured the first time."""
        with self._lock:
            return self._of(name, channels, area).intensity

    def sample(
        self,
        name: str,
        channels: NDArray[Any],
        area: NDArray[np.bool_] | None,
        *,
        n: int,
        seed: int,
        draw: Callable[[], _Places],
    ) -> _Places:
        """Return the rows and columns of the sample of an image, drawn the first time."""
        with self._lock:
            one = self._of(name, channels, area)
            if one.sample is None or one.sample[0] != (n, seed):
                one.sample = ((n, seed), draw())
            return one.sample[1]

    def features(
        self,
        name: str,
        channels: NDArray[Any],
        area: NDArray[np.bool_] | None,
        *,
        features: FeatureSet,
        y: NDArray[np.int32],
        x: NDArray[np.int32],
    ) -> NDArray[np.float32]:
        """Return the features (F, n) of pixels, computing those that are not known yet."""
        from granum.learn.pixel_features import sample_features

        with self._lock:
            one = self._of(name, channels, area)
            if one.features != features:
                n_planes = features.n_features(channels.shape[0])
                one.features, one.flat = features, np.zeros(0, np.int64)
                one.planes = np.zeros((n_planes, 0), np.float32)
            width = channels.shape[2]
            wanted = y.astype(np.int64) * width + x
            new = np.setdiff1d(wanted, one.flat)
            if new.size:
                rows, columns = (new // width).astype(np.int32), (new % width).astype(np.int32)
                fresh = sample_features(channels, features, intensity=one.intensity, y=rows, x=columns)
                flat = np.concatenate([one.flat, new])
                order = np.argsort(flat, kind="stable")
                one.flat = flat[order]
                one.planes = np.concatenate([one.planes, fresh], axis=1)[:, order]
            found = one.planes[:, np.searchsorted(one.flat, wanted)]
            self._make_room()
            return found

    def forget(self, name: str) -> None:
        """Forget what is known of the images of a name."""
        with self._lock:
            for key in [key for key in self._known if key[0] == name]:
                del self._known[key]

    def _of(self, name: str, channels: NDArray[Any], area: NDArray[np.bool_] | None) -> _Known:
        key = (name, channels.shape, channels.dtype.str, self._size_of(area))
        one = self._known.get(key)
        if one is None:
            intensity = measure_intensity(channels, area=area)
            one = self._known[key] = _Known(intensity, None, np.zeros(0, np.int64), np.zeros((0, 0), np.float32))
        self._known.move_to_end(key)
        return one

    def _size_of(self, area: NDArray[np.bool_] | None) -> int:
        """Return the pixels of an area, counted once for each array: 0.05 s for 20,000 x 20,000."""
        if area is None:
            return -1
        known = self._areas.get(id(area))
        if known is None or known[0]() is not area:
            self._areas = {key: one for key, one in self._areas.items() if one[0]() is not None}
            known = self._areas[id(area)] = (weakref.ref(area), int(np.count_nonzero(area)))
        return known[1]

    def _make_room(self) -> None:
        """Forget the features, not the scales, of what was not used for longest."""
        total = self.nbytes
        for one in self._known.values():
            if total <= self._most_bytes:
                return
            total -= one.planes.nbytes + one.flat.nbytes
            one.features, one.flat, one.planes = None, np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
