"""`SearchData`: the painted pixels, and whole pieces of the images around them, which a context stage needs.

Small images are taken whole. Of large ones, tiles: those that hold most of the strokes, and some of those that were
drawn for the sample, within a number of bytes. So the memory of a search does not grow with the images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from granum.learn.folds import Folds, make_folds
from granum.learn.intensity import IntensityScale, map_features
from granum.learn.normalisation_choice import map_to_training, pool_intensity
from granum.learn.pixel_features import compute_features
from granum.learn.probability_smoothing import smoothing_radius
from granum.learn.search_space import Normalisation
from granum.learn.training_data import TrainingData

__all__ = ["LARGEST_CONTEXT", "Patch", "SearchData", "prepare_search"]

LARGEST_CONTEXT = 8.0
_TILE = 128
_PAINTED_SHARE = 0.6
Window = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Patch:
    """A piece of an image with everything in it.

    Parameters
    ----------
    image : int
        Index of the image.
    window : (y0, x0, y1, x1)
        Of the image.
    planes : (F, h * w) ndarray of float32
        Features of every pixel, with the intensity scale of the image.
    painted, painted_at : (n,) ndarray of int64
        Painted pixels (places in `TrainingData.labels`) in its inner part, and their places in `planes`.
    sample, sample_at : (m,) ndarray of int64
        The same for the sample.
    """

    image: int
    window: Window
    planes: NDArray[np.float32]
    painted: NDArray[np.int64]
    painted_at: NDArray[np.int64]
    sample: NDArray[np.int64]
    sample_at: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        y0, x0, y1, x1 = self.window
        return y1 - y0, x1 - x0


@dataclass(frozen=True, eq=False)
class SearchData:
    """What every trial learns from and is tested on.

    Parameters
    ----------
    data : TrainingData
        Painted pixels and a sample that lies in patches.
    folds : Folds
        Of the same.
    patches : tuple of Patch
        Every pixel of the sample is in one; a painted one in one or none.
    training : IntensityScale
        Of all painted images together: the median of theirs.
    absolute : tuple of ((F, n) ndarray, (F, m) ndarray)
        Features of the painted pixels and of the sample with that scale.
    sample_weights : (m,) ndarray of float64
        With them the sample stands for whole images, though tiles with strokes were taken on purpose.
    """

    data: TrainingData
    folds: Folds
    patches: tuple[Patch, ...]
    training: IntensityScale
    absolute: tuple[NDArray[np.float32], NDArray[np.float32]]
    sample_weights: NDArray[np.float64]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.data.classes)

    def painted(self, normalisation: Normalisation) -> NDArray[np.float32]:
        """Return the features of the painted pixels."""
        return self.data.painted if normalisation == "image" else self.absolute[0]

    def sample(self, normalisation: Normalisation) -> NDArray[np.float32]:
        """Return the features of the sample."""
        return self.data.sample if normalisation == "image" else self.absolute[1]

    def patch(self, number: int, normalisation: Normalisation) -> NDArray[np.float32]:
        """Return the features of a patch."""
        patch = self.patches[number]
        if normalisation == "image":
            return patch.planes
        return map_features(patch.planes, self.data.names, old=self.data.intensity[patch.image], new=self.training)


def prepare_search(
    data: TrainingData,
    *,
    seed: int = 0,
    most_bytes: int = 400 << 20,
    should_stop: Callable[[], bool] | None = None,
) -> SearchData:
    """Return training data with patches and folds.

    Parameters
    ----------
    data : TrainingData
        Of all images.
    seed : int
        Of the folds.
    most_bytes : int
        Of all features in patches, about.
    should_stop : callable, optional
        Asked before each patch; the patches until then are returned.

    Notes
    -----
    About 0.3 seconds of one core per Mpx of patches; at most 1.2 Mpx at the default features of one channel.
    """
    most_px = most_bytes // (4 * max(len(data.names), 1))
    windows = _choose_windows(data, most_px)
    worth: list[NDArray[np.float64]] = []
    patches: list[Patch] = []
    kept: list[NDArray[np.int64]] = []
    halo = smoothing_radius(LARGEST_CONTEXT)
    n_sample = 0
    for image, core, weight in windows:
        if should_stop is not None and patches and should_stop():
            break
        channels = data.images[image].channels
        height, width = channels.shape[1:]
        y0, x0, y1, x1 = core
        window = (max(y0 - halo, 0), max(x0 - halo, 0), min(y1 + halo, height), min(x1 + halo, width))
        planes = compute_features(channels, data.features, intensity=data.intensity[image], window=window)
        painted, painted_at = _inside(data.image_of, data.y, data.x, image, core, window)
        sample, sample_at = _inside(data.sample_image, data.sample_y, data.sample_x, image, core, window)
        number = n_sample + np.arange(sample.size)
        n_sample += sample.size
        kept.append(sample)
        worth.append(np.full(sample.size, weight))
        patches.append(Patch(image, window, planes.reshape(len(planes), -1), painted, painted_at, number, sample_at))
    chosen = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    own = replace(
        data,
        sample=np.ascontiguousarray(data.sample[:, chosen]),
        sample_image=data.sample_image[chosen],
        sample_y=data.sample_y[chosen],
        sample_x=data.sample_x[chosen],
    )
    training = pool_intensity(tuple(data.intensity[image] for image in np.unique(data.image_of)))
    absolute = (
        map_to_training(own.painted, own, own.image_of, training),
        map_to_training(own.sample, own, own.sample_image, training),
    )
    weights = np.concatenate(worth) if worth else np.zeros(0)
    return SearchData(own, make_folds(own, seed=seed), tuple(patches), training, absolute, weights)


def _choose_windows(data: TrainingData, most_px: int) -> list[tuple[int, Window, float]]:
    """Return image, inner window, and weight of the sample of the patches, in the order of the images.

    Tiles with strokes are taken on purpose, so a rare class is in more of them than elsewhere. The others are drawn,
    and each stands for those that were not (Horvitz-Thompson), so that the weighted sample stands for whole images.
    """
    shapes = [image.channels.shape[1:] for image in data.images]
    if sum(height * width for height, width in shapes) <= most_px:
        return [(image, (0, 0, *shape), 1.0) for image, shape in enumerate(shapes)]
    per_class = np.bincount(data.labels, minlength=len(data.classes)).astype(np.float64)
    worth = _per_tile(data.image_of, data.y, data.x, 1.0 / per_class[data.labels])
    drawn = _per_tile(data.sample_image, data.sample_y, data.sample_x, np.ones(data.sample_image.size))
    halo = smoothing_radius(LARGEST_CONTEXT)
    most_tiles = max(2, most_px // (_TILE + 2 * halo) ** 2)
    ranked = sorted(worth, key=lambda tile: (-worth[tile], tile))
    chosen = set(ranked[: max(1, int(_PAINTED_SHARE * most_tiles))])
    on_purpose = set(chosen)
    # in turn one tile of each image, so that the sample stands for all of them
    queues = {
        image: sorted((tile for tile in drawn if tile[0] == image and tile not in chosen), key=_scatter)
        for image in range(len(shapes))
    }
    n_drawn = {image: len(queue) for image, queue in queues.items()}
    while len(chosen) < most_tiles and any(queues.values()):
        for image in range(len(shapes)):
            if queues[image] and len(chosen) < most_tiles:
                chosen.add(queues[image].pop(0))
    weight = {image: n_drawn[image] / max(n_drawn[image] - len(queues[image]), 1) for image in queues}
    return [
        (
            image,
            (
                row * _TILE,
                column * _TILE,
                min((row + 1) * _TILE, shapes[image][0]),
                min((column + 1) * _TILE, shapes[image][1]),
            ),
            1.0 if (image, row, column) in on_purpose else weight[image],
        )
        for image, row, column in sorted(chosen)
    ]


def _per_tile(
    image_of: NDArray[np.int32], y: NDArray[np.int32], x: NDArray[np.int32], worth: NDArray[np.float64]
) -> dict[tuple[int, int, int], float]:
    """Return the sum of `worth` of the pixels in each tile (image, row, column)."""
    tiles = np.column_stack([image_of, y // _TILE, x // _TILE])
    found, place = np.unique(tiles, axis=0, return_inverse=True)
    total = np.bincount(place.ravel(), worth, minlength=len(found))
    return {
        (int(image), int(row), int(column)): float(one) for (image, row, column), one in zip(found, total, strict=True)
    }


def _scatter(tile: tuple[int, int, int]) -> int:
    """Return a number that puts tiles into an order without a direction."""
    return (tile[1] * 73_856_093 ^ tile[2] * 19_349_663) % 1_000_003


def _inside(
    image_of: NDArray[np.int32], y: NDArray[np.int32], x: NDArray[np.int32], image: int, core: Window, window: Window
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which pixels lie in the core of a patch, and their places in it."""
    y0, x0, y1, x1 = core
    found = np.flatnonzero((image_of == image) & (y >= y0) & (y < y1) & (x >= x0) & (x < x1))
    width = window[3] - window[1]
    at = (y[found].astype(np.int64) - window[0]) * width + (x[found] - window[1])
    return found, at
