"""Places where a stroke could be, evenly over images, with what a model says around each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError, ShapeError
from granum.learn.class_prior import apply_prior
from granum.learn.intensity import map_features
from granum.learn.known_pixels import KnownPixels
from granum.learn.normalisation_choice import map_to_training
from granum.learn.uncertainty import uncertainty_map

if TYPE_CHECKING:
    from granum.learn.pixel_model import PixelModel
    from granum.learn.training_data import TrainingData, TrainingImage

__all__ = ["PlaceCandidates", "candidate_places", "find_candidates", "map_painted"]

N_CANDIDATES = 2048
"""Per image: places on a grid that is shaken, so that stripes and lattices cannot hide between its lines."""
_STEP = 4  # px between the 3 x 3 pixels that stand for the surroundings of a place


@dataclass(frozen=True, eq=False)
class PlaceCandidates:
    """Places where a stroke could be.

    Parameters
    ----------
    image, y, x : (n,) ndarray of int32
        Number of the image, and the pixel.
    features : (F, n) ndarray of float32
        With the intensity scale that the model sees.
    probabilities : (K, n) ndarray of float32
        Mean of the pixels around each.
    uncertainty : (n,) ndarray of float32
        Mean of `uncertainty_map` around each.
    """

    image: NDArray[np.int32]
    y: NDArray[np.int32]
    x: NDArray[np.int32]
    features: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    uncertainty: NDArray[np.float32]

    def __post_init__(self) -> None:
        n = len(self.y)
        shapes = (self.image.shape, self.x.shape, self.uncertainty.shape)
        is_right = shapes == ((n,),) * 3 and self.features.ndim == self.probabilities.ndim == 2
        if not is_right or not self.features.shape[1] == self.probabilities.shape[1] == n:
            raise ShapeError(
                f"candidates: {n} rows, but {len(self.x)} columns, features {self.features.shape}, probabilities "
                f"{self.probabilities.shape}, uncertainty {self.uncertainty.shape}; all must be of the same places."
            )


def candidate_places(
    shape: tuple[int, int], *, n: int = N_CANDIDATES, area: NDArray[np.bool_] | None = None, seed: int = 0
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return rows and columns of about `n` places, evenly over an image, each in another corner of its cell.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the image.
    n : int
        How many, at least 1.
    area : (Y, X) ndarray of bool, optional
        Where they may be.
    seed : int
        Shakes the grid.
    """
    if n < 1:
        raise SettingError(f"n is {n}, must be at least 1.")
    rows = int(np.clip(round(np.sqrt(n * shape[0] / shape[1])), 1, shape[0]))
    columns = int(np.clip(round(n / rows), 1, shape[1]))
    shake = np.random.default_rng(seed).random((2, rows, columns))
    y = ((np.arange(rows)[:, None] + shake[0]) * (shape[0] / rows)).astype(np.int32).ravel()
    x = ((np.arange(columns)[None] + shake[1]) * (shape[1] / columns)).astype(np.int32).ravel()
    if area is not None:
        inside = area[y, x]
        y, x = y[inside], x[inside]
    return y, x


def find_candidates(
    model: PixelModel,
    images: Sequence[TrainingImage],
    *,
    n: int = N_CANDIDATES,
    seed: int = 0,
    cache: KnownPixels | None = None,
) -> PlaceCandidates:
    """Return places of images with what the model says there, without predicting the images.

    Parameters
    ----------
    model : PixelModel
        Of the first stage only: a second stage and smoothing are left out.
    images : sequence of TrainingImage
        Painted or not.
    n : int
        Places in each image.
    seed : int
        Of the places.
    cache : KnownPixels, optional
        Keeps features, so that the next call costs the classifier only.

    Notes
    -----
    What is around a place is judged by nine pixels, 4 apart.
    """
    known = KnownPixels() if cache is None else cache
    offsets = np.array([(0, 0)] + [(a, b) for a in (-_STEP, 0, _STEP) for b in (-_STEP, 0, _STEP) if a or b])
    parts: list[tuple[NDArray[Any], ...]] = []
    for number, image in enumerate(images):
        shape = image.channels.shape[1:]
        y, x = candidate_places((shape[0], shape[1]), n=n, area=image.area, seed=seed)
        rows = np.clip(y + offsets[:, :1], 0, shape[0] - 1).astype(np.int32)
        columns = np.clip(x + offsets[:, 1:], 0, shape[1] - 1).astype(np.int32)
        found = known.features(
            image.name, image.channels, image.area, features=model.features, y=rows.ravel(), x=columns.ravel()
        )
        if model.normalisation == "training":
            names = model.features.names(len(image.channels))
            old = known.intensity(image.name, image.channels, image.area)
            found = map_features(found, names, old=old, new=model.intensity)
        balanced = model.first.classifier.probabilities(
            np.ascontiguousarray(found), rows=np.asarray(model.first.columns, np.int64)
        )
        around = apply_prior(balanced, np.asarray(model.prior)).reshape(len(balanced), len(offsets), -1)
        unsure = uncertainty_map(around).mean(axis=0)
        features = found.reshape(len(found), len(offsets), -1)[:, 0]
        parts.append((np.full(len(y), number, np.int32), y, x, features, around.mean(axis=1), unsure))
    joined = [np.concatenate(column, axis=-1) for column in zip(*parts, strict=True)]
    return PlaceCandidates(*joined)


def map_painted(model: PixelModel, data: TrainingData) -> NDArray[np.float32]:
    """Return the features (F, m) of the painted pixels with the intensity scale that the model sees."""
    if model.normalisation == "training":
        return map_to_training(data.painted, data, data.image_of, model.intensity)
    return data.painted
