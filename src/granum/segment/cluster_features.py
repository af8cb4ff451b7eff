"""What pixels are clustered by: a few local features, on grey levels as they are or freed from uneven light."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale, measure_intensity

__all__ = ["ClusterFeatures", "Light", "assign_bands", "draw_pixels", "flatten_light", "make_features"]

Light = Literal["even", "uneven"]
_SIGMAS = (1.6, 3.5)
_TEXTURE_WEIGHT = 0.2  # beside grey levels, so that the edges of phases do not become phases
_SOFT = 4.0  # times its median, under which a texture counts as noise
_WIDE = 60.0  # pixels over which uneven light is taken to be constant
_BAND_BYTES = 64 << 20
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class ClusterFeatures:
    """The features of an image, and how their values are brought to one scale.

    Parameters
    ----------
    channels : (C, Y, X) ndarray
        What they are computed from.
    features : FeatureSet
        Which.
    intensity : IntensityScale
        Of `channels`.
    columns : tuple of int
        Planes that are used.
    width : (F,) ndarray of float64
        0 for a grey level, which counts as it is; over 0 for a texture, which counts as log(1 + (value / width)^2).
    mean, scale : (F,) ndarray of float64
        Of the values after that, in the sample.
    """

    channels: NDArray[Any]
    features: FeatureSet
    intensity: IntensityScale
    columns: tuple[int, ...]
    width: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def bands(self) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Yield first row, last row + 1 and features (F, n) of bands of rows, so that memory is bounded."""
        from granum.learn.pixel_features import compute_features

        _, height, width = self.channels.shape
        n_planes = self.features.n_features(len(self.channels))
        rows = max(16, _BAND_BYTES // (4 * n_planes * width))
        for top in range(0, height, rows):
            end = min(height, top + rows)
            window = (top, 0, end, width)
            planes = compute_features(self.channels, self.features, intensity=self.intensity, window=window)
            yield top, end, planes.reshape(n_planes, -1)[list(self.columns)]


def flatten_light(channels: NDArray[Any]) -> NDArray[np.float32]:
    """Return channels freed from uneven light: difference to the local mean over the root of the local mean.

    Noise of counted photons and electrons grows with the root of the signal, so that it is the same everywhere
    afterwards; dividing by the mean itself would turn the noise of dark regions into texture.
    """
    flat = np.empty(channels.shape, np.float32)
    for number, plane in enumerate(channels):
        values = plane.astype(np.float32)
        values -= min(0.0, float(values.min()))
        local = cv2.GaussianBlur(values, (0, 0), _WIDE, borderType=cv2.BORDER_REFLECT)
        values -= local
        values /= np.sqrt(np.maximum(local, max(0.05 * float(local.max()), 1e-12)))
        flat[number] = values
    return flat


def draw_pixels(
    shape: tuple[int, int], area: NDArray[np.bool_] | None, n: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of `n` pixels drawn from the area without repetition, in the order of the image."""
    places = np.arange(shape[0] * shape[1]) if area is None else np.flatnonzero(area)
    if places.size > n:
        places = np.sort(np.random.default_rng(seed).choice(places, n, replace=False))
    rows, columns = np.divmod(places, shape[1])
    return rows, columns


def make_features(
    channels: NDArray[Any],
    area: NDArray[np.bool_] | None,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    light: Light,
) -> tuple[ClusterFeatures, NDArray[np.float64]]:
    """Return the features and their scaled values (n, F) at the pixels of the sample.

    Gradient and standard deviation at two scales for every channel, and with even light the smoothed grey levels.
    """
    from granum.learn.pixel_features import sample_features

    work = flatten_light(channels) if light == "uneven" else channels
    features = FeatureSet(_SIGMAS, ("gaussian", "gradient", "deviation"), pixel=False)
    names = features.names(len(work))
    is_level = [FeatureSet.response(name) == "level" for name in names]
    used = tuple(n for n in range(len(names)) if light == "even" or not is_level[n])
    intensity = measure_intensity(work, area=area)
    planes = sample_features(work, features, intensity=intensity, y=rows, x=columns)[list(used)]
    width = np.zeros(len(used))
    values = planes.astype(np.float64)
    for row, plane in enumerate(used):
        if not is_level[plane]:
            middle = float(np.median(values[row]))
            width[row] = _SOFT * middle if middle > 0 else 1e-6
            values[row] = np.log1p((values[row] / width[row]) ** 2)
    mean, scale = values.mean(axis=1), values.std(axis=1)
    scale[scale < 1e-9] = 1.0
    if light == "even":
        scale[width > 0] /= _TEXTURE_WEIGHT
    made = ClusterFeatures(work, features, intensity, used, width, mean, scale)
    return made, np.ascontiguousarray(((values - mean[:, None]) / scale[:, None]).T)


def assign_bands(
    made: ClusterFeatures,
    centres: NDArray[np.float64],
    factors: NDArray[np.float64],
    offsets: NDArray[np.float64],
    area: NDArray[np.bool_] | None,
) -> NDArray[np.uint8]:
    """Return the cluster of every pixel, 1..K in the order of `centres`, 0 outside the area.

    Parameters
    ----------
    made : ClusterFeatures
        The features.
    centres : (K, F) ndarray
        In scaled features.
    factors : (K, F, F) ndarray
        The distance of a pixel to centre k is the length of ``(pixel - centre) @ factor``.
    offsets : (K,) ndarray
        Twice what is added to the logarithm of the likelihood; 0 for k-means.
    area : (Y, X) ndarray of bool, optional
        Where to look.
    """
    _, height, width = made.channels.shape
    classes = np.zeros((height, width), np.uint8)
    for top, end, planes in made.bands():
        _assign(planes, made.width, made.mean, made.scale, centres, factors, offsets, classes[top:end].reshape(-1))
    if area is not None:
        classes[~area] = 0
    return classes


@njit(cache=True, nogil=True, parallel=True)
def _assign(planes: Any, width: Any, mean: Any, scale: Any, centres: Any, factors: Any, offsets: Any, out: Any) -> None:
    """Write the number of the nearest centre of every pixel, from 1; of two equally near ones the first."""
    n_features, n = planes.shape
    n_clusters = len(centres)
    for block in prange((n + _BLOCK - 1) // _BLOCK):
        values = np.empty(n_features)
        for i in range(block * _BLOCK, min(n, (block + 1) * _BLOCK)):
            for f in range(n_features):
                value = np.float64(planes[f, i])
                if width[f] > 0:
                    value = np.log1p((value / width[f]) ** 2)
                values[f] = (value - mean[f]) / scale[f]
            best, nearest = np.inf, 0
            for k in range(n_clusters):
                total = -offsets[k]
                for column in range(n_features):
                    part = 0.0
                    for f in range(n_features):
                        part += (values[f] - centres[k, f]) * factors[k, f, column]
                    total += part * part
                if total < best:
                    best, nearest = total, k
            out[i] = nearest + 1
