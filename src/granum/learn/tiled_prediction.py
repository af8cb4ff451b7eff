"""`predict_tiles`: a model over an image in tiles, so that memory is bounded and any window equals the whole bit for
bit.

A tile grown by what its classifiers look at around it goes through: features, first stage, smoothed probabilities,
second stage, prior. The final smoothing works on the result itself. Tiles come one after the other, threads share
each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.errors import SettingError
from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale
from granum.learn.needed_features import needed_features
from granum.learn.pixel_features import compute_features
from granum.learn.probability_smoothing import context_planes, smooth_planes, smoothing_radius

if TYPE_CHECKING:
    from granum.learn.pixel_model import PixelModel

__all__ = ["Prediction", "Window", "predict_tiles", "predict_unsmoothed", "smooth_and_name"]

Window = tuple[int, int, int, int]
_MOST_BYTES = 100_000_000
_WIDEST = 2048


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says about a window.

    Parameters
    ----------
    classes : (h, w) ndarray of uint8
        Id of the most probable class of each pixel, the first of equals; 0 outside the area.
    probabilities : (K, h, w) ndarray of float32
        In the order of the model's classes; they sum to 1, and are 0 outside the area.
    notes : tuple of str
        What the user must know.
    """

    classes: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    notes: tuple[str, ...] = ()


@njit(cache=True, nogil=True)
def _apply_prior(planes, factors):  # type: ignore[no-untyped-def]
    """Multiply (K, n) probabilities by a factor per class and let them sum to 1 again."""
    width = 1024
    total = np.empty(width, np.float32)
    for begin in range(0, planes.shape[1], width):
        end = min(begin + width, planes.shape[1])
        total[:] = 0
        for k in range(len(factors)):
            row, factor = planes[k][begin:end], factors[k]
            for p in range(end - begin):
                total[p] += row[p] * factor
        for k in range(len(factors)):
            row, factor = planes[k][begin:end], factors[k]
            for p in range(end - begin):
                value, whole = row[p], total[p]
                row[p] = value * factor / whole if whole > 0 else value


@njit(cache=True, nogil=True)
def _name_classes(planes, ids, area, classes):  # type: ignore[no-untyped-def]
    """Fill the id of the most probable class; outside the area (an empty one is everywhere) all becomes 0."""
    best = np.empty(planes.shape[2], np.float32)
    for y in range(planes.shape[1]):
        names = classes[y]
        best[:] = planes[0, y]
        names[:] = ids[0]
        for k in range(1, len(ids)):
            row, name = planes[k, y], ids[k]
            for x in range(len(best)):
                value, most, before = row[x], best[x], names[x]
                names[x] = name if value > most else before
                best[x] = value if value > most else most
        if area.size:
            for x in range(len(best)):
                if not area[y, x]:
                    names[x] = 0
                    planes[:, y, x] = 0


def _grow(window: Window, margin: int, shape: tuple[int, int]) -> Window:
    y0, x0, y1, x1 = window
    return max(y0 - margin, 0), max(x0 - margin, 0), min(y1 + margin, shape[0]), min(x1 + margin, shape[1])


def _tiles(window: Window, n_planes: int) -> Iterator[Window]:
    """Yield the tiles of a window: bands across it where they are not too wide."""
    y0, x0, y1, x1 = window
    across = -(-(x1 - x0) // _WIDEST)
    width = -(-(x1 - x0) // across)
    height = max(32, _MOST_BYTES // (4 * n_planes * width))
    bands = -(-(y1 - y0) // height)
    height = -(-(y1 - y0) // bands)
    for top in range(y0, y1, height):
        for left in range(x0, x1, width):
            yield top, left, min(top + height, y1), min(left + width, x1)


def _choose_features(model: PixelModel, *, whole_bank: bool) -> tuple[FeatureSet, dict[int, int]]:
    """Return the features to compute, those that a stage looks at, and where each column of the model is in them."""
    used = [column for stage in model.stages for column in stage.columns]
    if whole_bank:  # features that are known already are those of the whole bank
        return model.features, {column: column for column in used}
    return needed_features(model.features, model.n_channels, used)


def predict_tiles(
    model: PixelModel,
    channels: NDArray[Any],
    *,
    intensity: IntensityScale,
    area: NDArray[np.bool_] | None,
    window: Window | None,
    threads: int | None,
    features_of: Callable[[Window], NDArray[np.float32]] | None = None,
) -> Prediction:
    """Return classes and probabilities of a window; see `PixelModel.predict`.

    ``features_of(window)`` gives the features of a window, (F, h, w), where they are known already: bit for bit those
    of `compute_features` with `intensity`. They are only read.
    """
    shape: tuple[int, int] = (channels.shape[1], channels.shape[2])
    wanted = (0, 0, *shape) if window is None else window
    y0, x0, y1, x1 = wanted
    if not (0 <= y0 < y1 <= shape[0] and 0 <= x0 < x1 <= shape[1]):
        raise SettingError(f"window: {wanted} is no part of an image of {shape[0]} x {shape[1]} pixels.")
    before = numba.get_num_threads()
    numba.set_num_threads(before if threads is None else max(1, min(threads, numba.config.NUMBA_NUM_THREADS)))
    try:
        radius = smoothing_radius(model.smoothing_px)
        outer = _grow(wanted, radius, shape)
        planes = np.zeros((len(model.classes), outer[2] - outer[0], outer[3] - outer[1]), np.float32)
        n_context = len(model.classes) * len(model.context.sigmas) if model.context else 0
        bank, _ = _choose_features(model, whole_bank=features_of is not None)
        for tile in _tiles(outer, bank.n_features(model.n_channels) + n_context):
            top, left, bottom, right = _grow(tile, radius, shape)
            if area is None or area[top:bottom, left:right].any():
                place = (slice(tile[0] - outer[0], tile[2] - outer[0]), slice(tile[1] - outer[1], tile[3] - outer[1]))
                planes[:, *place] = predict_unsmoothed(
                    model, channels, intensity=intensity, window=tile, features_of=features_of
                )
        return smooth_and_name(model, planes, outer=outer, window=wanted, area=area)
    finally:
        numba.set_num_threads(before)


def smooth_and_name(
    model: PixelModel, planes: NDArray[np.float32], *, outer: Window, window: Window, area: NDArray[np.bool_] | None
) -> Prediction:
    """Return the prediction of a window from what `predict_unsmoothed` says about `outer`, which is smoothed in place.

    ``outer`` is the window grown by `smoothing_radius` of the model, as far as the image goes; `area` is of the image.
    """
    (top, left, _, _), (y0, x0, y1, x1) = outer, window
    smooth_planes(planes, model.smoothing_px)
    if outer != window:
        planes = planes[:, y0 - top : y1 - top, x0 - left : x1 - left].copy()
    classes = np.empty(planes.shape[1:], np.uint8)
    ids = np.array([known.id for known in model.classes], np.uint8)
    inside = np.zeros((0, 0), np.bool_) if area is None else area[y0:y1, x0:x1]
    _name_classes(planes, ids, inside, classes)
    return Prediction(classes, planes)


def predict_unsmoothed(
    model: PixelModel,
    channels: NDArray[Any],
    *,
    intensity: IntensityScale,
    window: Window,
    features_of: Callable[[Window], NDArray[np.float32]] | None = None,
) -> NDArray[np.float32]:
    """Return the (K, h, w) probabilities of a window with the prior, before the final smoothing."""
    tile, shape = window, (channels.shape[1], channels.shape[2])
    around = max(map(smoothing_radius, model.context.sigmas)) if model.context else 0
    grown = _grow(tile, around, shape)
    bank, places = _choose_features(model, whole_bank=features_of is not None)
    n_features, n_classes = bank.n_features(model.n_channels), len(model.classes)
    n_context = n_classes * len(model.context.sigmas) if model.context else 0
    size = (grown[2] - grown[0], grown[3] - grown[1])
    if features_of is not None and not n_context:
        planes = features_of(grown)
    else:
        planes = np.empty((n_features + n_context, *size), np.float32)
        if features_of is not None:
            planes[:n_features] = features_of(grown)
        else:
            compute_features(channels, bank, intensity=intensity, window=grown, out=planes[:n_features])
    flat = planes.reshape(len(planes), -1)
    columns = np.array([places[column] for column in model.first.columns], np.int64)
    found = model.first.classifier.probabilities(flat, rows=columns)
    if model.context:
        context_planes(found.reshape(n_classes, *size), model.context.sigmas, out=planes[n_features:])
        own = np.array([places[column] for column in model.context.columns], np.int64)
        columns = np.concatenate([own, np.arange(n_features, len(planes))])
        found = model.context.classifier.probabilities(flat, rows=columns)
    factors = (np.array(model.prior) * n_classes).astype(np.float32)
    if not (factors == factors[0]).all():
        _apply_prior(found, factors)
    top, left = tile[0] - grown[0], tile[1] - grown[1]
    whole = found.reshape(n_classes, *size)
    return whole[:, top : top + tile[2] - tile[0], left : left + tile[3] - tile[1]]
