"""Small models for the tests of what uses a model: learnt in a moment from a few strokes on drawn discs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tifffile

from granum.learn.classifiers import fit_classifier
from granum.learn.feature_set import FeatureSet
from granum.learn.pixel_model import PixelModel, Stage
from granum.learn.scribbles import PixelClass, make_scribbles
from granum.learn.training_data import TrainingImage, gather_training_data

FEATURES = FeatureSet((1.0, 3.5), ("gaussian", "gradient"))
REPORT = {
    "method": "One image was left out at a time.",
    "miou": 0.91,
    "low": 0.85,
    "high": 0.95,
    "per_class": [
        {"class_id": 1, "name": "ground", "iou": 0.95, "precision": 0.97, "recall": 0.98, "n_px": 300, "n_strokes": 4},
        {"class_id": 4, "name": "disc <b>", "iou": 0.87, "precision": 0.9, "recall": 0.9, "n_px": 200, "n_strokes": 5},
    ],
    "confusion": [[0.98, 0.02], [0.1, 0.9]],
    "learning_curve": [(100, 0.8), (500, 0.91)],
    "importance": [("gaussian", 0.7), ("gradient", 0.3)],
    "warnings": ["few strokes."],
}


def draw_discs(n: int = 6, *, seed: int = 0, size: int = 96) -> np.ndarray[Any, Any]:
    """A noisy grey picture (uint8) of bright discs, none of which touch."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    image = rng.normal(50, 6, (size, size))
    for number in range(n):
        cy, cx = 16 + 32 * (number // 3), 16 + 32 * (number % 3)
        image[(y - cy) ** 2 + (x - cx) ** 2 <= 49] += 90
    return np.clip(image, 0, 255).astype(np.uint8)


def draw_strokes(size: int = 96) -> np.ndarray[Any, Any]:
    """Strokes on `draw_discs`: 1 on the ground, 4 on discs."""
    strokes = np.zeros((size, size), np.uint8)
    strokes[25:28, 5:90] = 1
    strokes[5:90, 26:28] = 1
    strokes[64:67, 5:60] = 1
    strokes[10:23, 13:20] = 4
    strokes[45:52, 42:55] = 4
    return strokes


def make_model(
    *,
    names: tuple[str, ...] = ("ground", "disc <b>"),
    n_channels: int = 1,
    report: Any = REPORT,
) -> PixelModel:
    """A model of two or three classes of `draw_discs`; a third one is painted but never found elsewhere."""
    strokes = draw_strokes()
    if len(names) == 3:
        strokes[90:94, 5:90] = 5
    channels = np.repeat(draw_discs()[None], n_channels, axis=0)
    ids = (1, 4, 5)[: len(names)]
    classes = [PixelClass(number, name) for number, name in zip(ids, names, strict=True)]
    image = TrainingImage("discs", channels, make_scribbles(strokes, name="discs"))
    data = gather_training_data([image], classes, features=FEATURES, n_sample=256)
    fitted = fit_classifier("logistic", data.painted, data.labels, n_classes=len(names), weights=data.weights)
    about = {"report": report, "n_images": 1, "n_strokes": 4} if report else {}
    columns = tuple(range(len(data.names)))
    return PixelModel(
        data.classes, n_channels, (), "uint8", None, FEATURES, "image", data.intensity[0], Stage(columns, fitted),
        about=about,
    )  # fmt: skip


@pytest.fixture(scope="session")
def disc_model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A saved model that tells discs (4) from the ground (1)."""
    path = tmp_path_factory.mktemp("models") / "discs.granum_model"
    make_model().save(path)
    return path


@pytest.fixture(scope="session")
def learnt() -> Any:
    """This module, for tests that want other models."""
    import sys

    return sys.modules[__name__]


@pytest.fixture
def disc_pictures(tmp_path: Any) -> Any:
    """A folder with two pictures of discs: six, and three."""
    folder = tmp_path / "discs"
    folder.mkdir()
    for name, n in (("a", 6), ("b", 3)):
        tifffile.imwrite(folder / f"{name}.tif", draw_discs(n, seed=n))
    return folder
