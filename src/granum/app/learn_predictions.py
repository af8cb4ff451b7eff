"""Predictions of planes, block by block, into arrays that the server maps: what is looked at first, the rest outward.

The same model on the same plane is one prediction, so who moves the view, or comes back, goes on where it was.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from granum.app.learn_jobs import Spot, Window
from granum.app.learn_layers import BLOCK, LAYERS, block_window, join_blocks
from granum.app.learn_planes import OpenPlane
from granum.learn.place_candidates import PlaceCandidates, candidate_places
from granum.learn.probability_smoothing import smoothing_radius
from granum.learn.stroke_places import suggest_strokes
from granum.learn.tiled_prediction import Prediction, predict_tiles, predict_unsmoothed, smooth_and_name
from granum.learn.uncertainty import uncertainty_map, unsure_places

if TYPE_CHECKING:
    from granum.learn.feature_cache import FeatureCache
    from granum.learn.pixel_model import PixelModel
    from granum.learn.scribbles import Scribbles

__all__ = ["PlanePrediction", "blocks_outward"]

_MOST_RAW_BYTES = 256 << 20


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
    notes : tuple of str
        What the user must know about this model on this plane.

    Attributes
    ----------
    done : (R, C) ndarray of bool
        Blocks that are ready.
    kept : set of (int, int)
        Blocks whose features are kept; what lies further from the view must not push them out.
    """

    def __init__(
        self,
        name: str,
        model: PixelModel,
        plane: OpenPlane,
        folder: Path,
        cache: FeatureCache,
        *,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.name, self.model, self.plane, self._cache, self.notes = name, model, plane, cache, notes
        self.path = folder / name
        self.done = np.zeros(tuple(-(-side // BLOCK) for side in plane.shape), np.bool_)
        self._intensity = model.intensity if model.normalisation == "training" else plane.intensity
        self.kept: set[tuple[int, int]] = set()
        self._raw: NDArray[np.float32] | None = None
        n_bytes = 4 * len(model.classes) * math.prod(plane.shape)
        # a second stage looks further around a pixel than thin strips go
        if model.context is None and n_bytes <= _MOST_RAW_BYTES:
            self._raw = np.zeros((len(model.classes), *plane.shape), np.float32)
        self._raw_done = np.zeros_like(self.done)
        y, x = candidate_places(plane.shape, area=plane.area)
        self._places = PlaceCandidates(
            image=np.zeros(len(y), np.int32),
            y=y,
            x=x,
            features=np.zeros((model.features.n_features(len(plane.channels)), len(y)), np.float32),
            probabilities=np.zeros((len(model.classes), len(y)), np.float32),
            uncertainty=np.zeros(len(y), np.float32),
        )
        self.path.mkdir(mode=0o700)
        self._arrays: dict[str, NDArray[Any]] = {
            # sparse: what is never looked at takes no room
            layer: np.lib.format.open_memmap(self.path / f"{layer}.npy", "w+", dtype, plane.shape)
            for layer, dtype in LAYERS.items()
        }

    @property
    def nbytes(self) -> int:
        """Memory of its arrays once all is there."""
        return 3 * math.prod(self.plane.shape)

    @property
    def is_complete(self) -> bool:
        """Whether all blocks are ready."""
        return bool(self.done.all())

    def make(self, row: int, column: int) -> Window:
        """Predict a block and return its pixels; several threads may make different blocks."""
        y0, x0, y1, x1 = window = block_window(row, column, self.plane.shape)
        raw = self._raw
        predicted = self._predict_alone(window) if raw is None else self._predict_in_place(raw, row, column)
        unsure = uncertainty_map(predicted.probabilities)
        self._arrays["uncertainty"][y0:y1, x0:x1] = np.rint(65535 * unsure)
        here, y, x = self._places_in(window)
        places = self._places
        places.probabilities[:, here], places.uncertainty[here] = unsure_places(predicted.probabilities, unsure, y, x)
        self._arrays["classes"][y0:y1, x0:x1] = predicted.classes
        self.done[row, column] = True
        if self.is_complete:
            self.release()
        return window

    def release(self) -> None:
        """Give up the memory that makes it fast; it can go on all the same."""
        self._raw = None

    def _predict_alone(self, window: Window) -> Prediction:
        """Predict a window with all that it needs around it."""
        return predict_tiles(
            self.model,
            self.plane.channels,
            intensity=self._intensity,
            area=self.plane.area,
            window=window,
            threads=None,
            features_of=self._features,
        )

    def _predict_in_place(self, raw: NDArray[np.float32], row: int, column: int) -> Prediction:
        """Predict a block from the features of the block as they lie in the cache, and thin strips around it.

        The same bytes as `_predict_alone`, whose features of the grown window have to be copied together.
        """
        model, shape = self.model, self.plane.shape
        radius, window = smoothing_radius(model.smoothing_px), block_window(row, column, shape)
        y0, x0, y1, x1 = window
        top, left, bottom, right = outer = (
            max(y0 - radius, 0), max(x0 - radius, 0), min(y1 + radius, shape[0]), min(x1 + radius, shape[1])
        )  # fmt: skip
        self._fill(raw, window)
        self._raw_done[row, column] = True
        strips = (
            (top, left, y0, x0), (top, x0, y0, x1), (top, x1, y0, right), (y0, left, y1, x0), (y0, x1, y1, right),
            (y1, left, bottom, x0), (y1, x0, bottom, x1), (y1, x1, bottom, right),
        )  # fmt: skip
        for strip in strips:
            is_there = strip[2] > strip[0] and strip[3] > strip[1]
            if is_there and not self._raw_done[strip[0] // BLOCK, strip[1] // BLOCK]:
                self._fill(raw, strip)
        planes = raw[:, top:bottom, left:right].copy()
        return smooth_and_name(model, planes, outer=outer, window=window, area=self.plane.area)

    def _fill(self, raw: NDArray[np.float32], window: Window) -> None:
        """Write what the model says about a window before smoothing, unless that reaches no analysed pixel."""
        y0, x0, y1, x1 = window
        area = self.plane.area
        reach = smoothing_radius(self.model.smoothing_px)
        near = np.s_[max(y0 - reach, 0) : y1 + reach, max(x0 - reach, 0) : x1 + reach]
        if area is None or area[near].any():
            raw[:, y0:y1, x0:x1] = predict_unsmoothed(
                self.model, self.plane.channels, intensity=self._intensity, window=window, features_of=self._features
            )

    def _features(self, window: Window) -> NDArray[np.float32]:
        plane, model = self.plane, self.model
        block = (window[0] // BLOCK, window[1] // BLOCK)
        # a strip is not worth all of the block in which it lies
        keep = block in self.kept and window == block_window(*block, plane.shape)
        found = self._cache.window(
            plane.key, plane.channels, model.features, self._intensity, window, copy=False, keep=keep
        )
        # taken while they are there: the cache may have let them go when places are asked for
        here, y, x = self._places_in(window)
        self._places.features[:, here] = found[:, y, x]
        return found

    def _places_in(self, window: Window) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
        """Return which places a window has, and where in it."""
        y, x, (y0, x0, y1, x1) = self._places.y, self._places.x, window
        here = np.flatnonzero((y >= y0) & (y < y1) & (x >= x0) & (x < x1))
        return here, y[here] - np.int32(y0), x[here] - np.int32(x0)

    def ready(self) -> tuple[Window, ...]:
        """Return all that is there, as few windows."""
        return tuple(join_blocks(self.done, self.plane.shape))

    def areas(self) -> dict[int, int]:
        """Return class id -> pixels."""
        counts = np.zeros(256, np.int64)
        for y in range(0, self.plane.shape[0], BLOCK):
            counts += np.bincount(self._arrays["classes"][y : y + BLOCK].ravel(), minlength=256)
        return {int(one): int(counts[one]) for one in np.flatnonzero(counts) if one}

    def spots(self, painted: NDArray[np.float32] | None = None, scribbles: Scribbles | None = None) -> tuple[Spot, ...]:
        """Return where one more stroke helps most.

        Parameters
        ----------
        painted : (F, m) ndarray of float32, optional
            Features of all that is painted, as this model sees them.
        scribbles : Scribbles, optional
            What is painted on this plane.
        """
        class_ids = [one.id for one in self.model.classes]
        found = suggest_strokes(self._places, class_ids, painted=painted, scribbles=(scribbles,))
        return tuple(Spot(one.y, one.x, one.radius, one.class_ids, one.reason) for one in found)

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
