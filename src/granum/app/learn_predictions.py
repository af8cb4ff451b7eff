"""Predictions of planes, block by block, into arrays that the server maps: what is looked at first, the rest outward.

The same model on the same plane is one prediction, so who moves the view, or comes back, goes on where it was.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.app.learn_jobs import Spot, Window
from granum.app.learn_layers import BLOCK, LAYERS, block_window, join_blocks
from granum.app.learn_planes import OpenPlane
from granum.learn.tiled_prediction import predict_tiles

if TYPE_CHECKING:
    from granum.learn.feature_cache import FeatureCache
    from granum.learn.pixel_model import PixelModel

__all__ = ["PlanePrediction", "blocks_outward", "margin_uncertainty"]


class PlanePrediction:
    """What a model says about a plane, as far as it was asked.

    Parameters
    ----------
    name : str
        Of its folder.
    model : PixelModel
        What predicts.
    plane : OpenPlane
        What is predicted.
    folder : Path
        Folder of all predictions.
    cache : FeatureCache
        Features that are known already.

    Attributes
    ----------
    done : (R, C) ndarray of bool
        Blocks that are ready.
    """

    def __init__(self, name: str, model: PixelModel, plane: OpenPlane, folder: Path, cache: FeatureCache) -> None:
        self.name, self.model, self.plane, self._cache = name, model, plane, cache
        self.path = folder / name
        self.done = np.zeros(tuple(-(-side // BLOCK) for side in plane.shape), np.bool_)
        self._intensity = model.intensity if model.normalisation == "training" else plane.intensity
        self.path.mkdir(mode=0o700)
        self._arrays: dict[str, NDArray[Any]] = {
            # sparse: what is never looked at takes no room
            layer: np.lib.format.open_memmap(self.path / f"{layer}.npy", "w+", dtype, plane.shape)
            for layer, dtype in LAYERS.items()
        }

    @property
    def is_complete(self) -> bool:
        """Whether all blocks are ready."""
        return bool(self.done.all())

    def make(self, row: int, column: int) -> Window:
        """Predict a block and return its pixels."""
        y0, x0, y1, x1 = window = block_window(row, column, self.plane.shape)
        predicted = predict_tiles(
            self.model,
            self.plane.channels,
            intensity=self._intensity,
            area=self.plane.area,
            window=window,
            threads=None,
            features_of=self._features,
        )
        unsure = margin_uncertainty(np.ascontiguousarray(predicted.probabilities), predicted.classes)
        self._arrays["uncertainty"][y0:y1, x0:x1] = unsure
        self._arrays["classes"][y0:y1, x0:x1] = predicted.classes
        self.done[row, column] = True
        return window

    def _features(self, window: Window) -> NDArray[np.float32]:
        plane, model = self.plane, self.model
        return self._cache.window(plane.key, plane.channels, model.features, self._intensity, window, copy=False)

    def ready(self) -> tuple[Window, ...]:
        """Return all that is there, as few windows."""
        return tuple(join_blocks(self.done, self.plane.shape))

    def areas(self) -> dict[int, int]:
        """Return class id -> pixels."""
        counts = np.zeros(256, np.int64)
        for y in range(0, self.plane.shape[0], BLOCK):
            counts += np.bincount(self._arrays["classes"][y : y + BLOCK].ravel(), minlength=256)
        return {int(one): int(counts[one]) for one in np.flatnonzero(counts) if one}

    def spots(self) -> tuple[Spot, ...]:
        """Return where one more stroke helps most."""
        return ()

    def close(self) -> None:
        """Take its files away; the server may still have them mapped."""
        self._arrays.clear()
        shutil.rmtree(self.path, ignore_errors=True)


def blocks_outward(view: Window, shape: tuple[int, int]) -> list[tuple[int, int, bool]]:
    """Return all blocks (row, column, whether it touches the view), those of the view first, then by their distance."""
    y0, x0, y1, x1 = view
    rows, columns = -(-shape[0] // BLOCK), -(-shape[1] // BLOCK)
    middle = ((y0 + y1) / 2, (x0 + x1) / 2)
    order = []
    for row in range(rows):
        for column in range(columns):
            top, left = row * BLOCK, column * BLOCK
            inside = top < y1 and top + BLOCK > y0 and left < x1 and left + BLOCK > x0
            outside = max(y0 - top - BLOCK, top - y1, 0), max(x0 - left - BLOCK, left - x1, 0)
            centre = top + BLOCK / 2 - middle[0], left + BLOCK / 2 - middle[1]
            order.append((not inside, math.hypot(*outside), math.hypot(*centre), row, column))
    return [(row, column, not far) for far, _, _, row, column in sorted(order)]


@njit(cache=True, nogil=True)
def margin_uncertainty(probabilities: Any, classes: Any) -> Any:
    """Return 65535 times one minus the lead of the likeliest class over the next; 0 where there is no class.

    Parameters
    ----------
    probabilities : (K, Y, X) ndarray of float32
        Of each class.
    classes : (Y, X) ndarray of uint8
        0 where nothing is predicted.

    Returns
    -------
    uncertainty : (Y, X) ndarray of uint16
    """
    n_classes, height, width = probabilities.shape
    unsure = np.zeros((height, width), np.uint16)
    for y in range(height):
        for x in range(width):
            if classes[y, x] == 0:
                continue
            first: Any = np.float32(0.0)
            second: Any = np.float32(0.0)
            for k in range(n_classes):
                value = probabilities[k, y, x]
                if value > first:
                    second = first
                    first = value
                elif value > second:
                    second = value
            unsure[y, x] = np.uint16(65535.0 * (1.0 - (first - second)) + 0.5)
    return unsure
