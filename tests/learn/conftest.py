"""Simulated phases with strokes inside them: what scores are tested on, as the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

from granum.learn import FeatureSet, PixelClass, TrainingData, TrainingImage, gather_training_data, make_scribbles

FEATURES = FeatureSet(sigmas=(1.0, 2.0), kinds=("gaussian", "deviation"))
CLASSES = (PixelClass(1, "matrix"), PixelClass(2, "phase"), PixelClass(3, "rare"))


@dataclass(frozen=True, eq=False)
class Phases:
    """Images (Y, X) with their classes 0..2, and strokes 0..3 (0 = unpainted)."""

    images: tuple[NDArray[np.float32], ...]
    classes: tuple[NDArray[np.uint8], ...]
    strokes: tuple[NDArray[np.uint8], ...]

    def training(self, n_painted: int, *, n_sample: int = 3000) -> TrainingData:
        """Return data of the first images."""
        given = [
            TrainingImage(f"image {at}", self.images[at][None], make_scribbles(self.strokes[at], name=f"image {at}"))
            for at in range(n_painted)
        ]
        return gather_training_data(given, CLASSES, features=FEATURES, most_per_class=150, n_sample=n_sample)


def _draw(seed: int, size: int, noise: float, n_strokes: int) -> tuple[NDArray[np.float32], ...]:
    """Return an image, its classes and strokes that keep away from edges."""
    rng = np.random.default_rng(seed)
    coarse = ndi.gaussian_filter(rng.normal(size=(size, size)), 7)
    fine = ndi.gaussian_filter(rng.normal(size=(size, size)), 4)
    classes = (coarse > 0).astype(np.uint8)
    classes[fine > np.quantile(fine, 0.95)] = 2
    level = np.array([0.0, 1.0, 2.0])[classes] + 0.1 * rng.normal()
    image = ndi.gaussian_filter(level, 1.2) + ndi.gaussian_filter(rng.normal(size=(size, size)), 0.7) * noise
    strokes = np.zeros_like(classes)
    for one in range(3):
        inner = np.argwhere(ndi.binary_erosion(classes == one, iterations=2))
        for y, x in inner[rng.permutation(len(inner))[:n_strokes]]:
            angle = rng.uniform(0, np.pi)
            along = np.arange(-6, 7)
            rows = np.clip(np.rint(y + along * np.sin(angle)).astype(int), 0, size - 1)
            columns = np.clip(np.rint(x + along * np.cos(angle)).astype(int), 0, size - 1)
            deep = ndi.binary_erosion(classes == one)[rows, columns]
            strokes[rows[deep], columns[deep]] = one + 1
    return image.astype(np.float32), classes, strokes


@pytest.fixture(scope="session")
def draw_phases() -> Callable[..., Phases]:
    """Return a function that draws images of three phases."""

    def draw(n_images: int, *, seed: int = 0, size: int = 128, noise: float = 1.2, n_strokes: int = 8) -> Phases:
        drawn = [_draw(1000 * seed + at, size, noise, n_strokes) for at in range(n_images)]
        return Phases(*(tuple(column) for column in zip(*drawn, strict=True)))

    return draw
