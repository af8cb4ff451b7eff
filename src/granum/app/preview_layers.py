"""The layers of a preview: what kind each is, how it lies in a file, and how a tile is cut from there.

The process that runs previews writes arrays, the server maps them into memory and cuts what the page asks for; so no
image travels through a pipe, and a tile that nobody looks at costs nothing.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.app.messages import HistogramInfo
from granum.app.tiles import TILE, cut_decimated, halve, level_shape
from granum.errors import SettingError
from granum.learn.scribbles import PixelClass
from granum.pipeline import Result
from granum.recipe import Recipe, RecipeStep
from granum.steps import load_step

__all__ = [
    "LayerFile",
    "cut_tile",
    "find_histogram",
    "find_legend",
    "full_points",
    "has_layer",
    "layer_kinds",
    "make_layer",
    "write_layer",
]

Kind = Literal["image", "mask", "labels", "classes", "points"]
_KINDS: dict[str, Kind] = {"mask": "mask", "area": "mask", "labels": "labels", "peaks": "points"}
_KINDS |= {"cells": "labels", "cell_mask": "mask", "live_mask": "mask", "dead_mask": "mask"}
_KINDS |= {"classes": "classes"}
_KINDS |= {"image": "image", "relief": "image"}
_DERIVED: dict[str, Kind] = {"distance": "image", "peaks": "points"}
_BINS = 256
_WINDOW = (0.2, 99.8)  # percentiles between which an image is shown at first


@dataclass(frozen=True)
class LayerFile:
    """One layer of a preview on the disk.

    Parameters
    ----------
    name : str
        As the recipe calls it.
    kind : {"image", "mask", "labels", "classes", "points"}
        What it holds: uint16, bool, int32, uint8, or float32 (N, 2).
    path : Path
        The .npy file.
    value_scale, value_offset : float
        An image's grey levels are ``value_offset + value_scale * stored``.
    low, high : float
        Display window to start with, in stored values.
    legend : tuple of PixelClass
        Of classes: what they are called, and their colours.
    """

    name: str
    kind: Kind
    path: Path
    value_scale: float = 1.0
    value_offset: float = 0.0
    low: float = 0.0
    high: float = 65535.0
    legend: tuple[PixelClass, ...] = ()


def layer_kinds(recipe: Recipe) -> dict[str, Kind]:
    """Return every layer of a recipe that can be looked at, in the order in which they come to be."""
    kinds: dict[str, Kind] = {"image": "image"} if recipe.reads_image else {}
    kinds |= {f"channel.{name}": "image" for name in recipe.channels}
    for step in recipe.steps:
        for layer, written in zip(step.writes, load_step(step.do).writes, strict=True):
            if written in _KINDS:
                kinds[layer] = _KINDS[written]
    if _last_mask(recipe) is not None:
        kinds |= {name: kind for name, kind in _DERIVED.items() if name not in kinds}
    return kinds


def has_layer(layers: dict[str, Any], name: str) -> bool:
    """Whether a finished run has a layer, or what it is made from; it lacks optional channels that were not there."""
    return name in layers or name in _DERIVED


def make_layer(recipe: Recipe, layers: dict[str, Any], name: str) -> NDArray[Any]:
    """Return a layer of a finished run; `distance` and `peaks` are made from its last mask when it has none.

    Raises
    ------
    SettingError
        An optional channel that this image does not have.
    """
    if name in layers:
        return np.asarray(layers[name])
    if name not in _DERIVED:
        raise SettingError(f"layer {name!r}: this image has none; the recipe works without.")
    mask = layers[_last_mask(recipe) or ""]
    if name == "distance":
        from granum.separate.distance import distance_map

        return distance_map(mask)
    from granum.separate.peaks import find_distance_peaks

    return find_distance_peaks(mask)


def _last_mask(recipe: Recipe) -> str | None:
    written = [
        layer
        for step in recipe.steps
        for layer, name in zip(step.writes, load_step(step.do).writes, strict=True)
        if name == "mask"
    ]
    return written[-1] if written else None


def find_legend(recipe: Recipe, layers: dict[str, Any], name: str) -> tuple[PixelClass, ...]:
    """Return the classes of a layer: the legend of its step, or numbers when another legend came after."""
    from granum.learn.class_colours import colour_classes

    writers = [step for step in recipe.steps if "legend" in step.writes]
    if writers and name in writers[-1].writes:
        return colour_classes(layers["legend"])
    return colour_classes([PixelClass(int(number), str(number)) for number in np.unique(layers[name]) if number])


def write_layer(
    folder: Path, name: str, kind: Kind, values: NDArray[Any], level: int, legend: tuple[PixelClass, ...] = ()
) -> LayerFile:
    """Write one layer; its file is named by a hash, because a layer may be called anything."""
    path = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.npy"
    window: dict[str, float] = {}
    if kind == "image":
        values, window = _to_uint16(values)
    elif kind == "mask":
        values = np.asarray(values, np.bool_)
    elif kind == "labels":
        values = np.asarray(values, np.int32)
    elif kind == "classes":
        values = np.asarray(values, np.uint8)
    else:
        values = full_points(values, level)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.save(file, values, allow_pickle=False)
    part.replace(path)
    return LayerFile(name, kind, path, **window, legend=legend)


def full_points(points: NDArray[Any], level: int) -> NDArray[np.float32]:
    """Return points of a halved image in pixels of the full one: a pixel's centre is that of the pixels it covers."""
    scale = 2**level
    moved = (np.asarray(points, np.float64).reshape(-1, 2) + 0.5) * scale - 0.5
    return moved.astype("<f4")


def _to_uint16(values: NDArray[Any]) -> tuple[NDArray[np.uint16], dict[str, float]]:
    """Return an image as uint16, and what its values and display window are."""
    if values.dtype.kind == "b" or (values.dtype.kind == "u" and values.dtype.itemsize <= 2):
        plain = values.astype(np.uint16, copy=False)
        low, high = _window(plain)
        return plain, {"low": low, "high": high}
    finite = np.isfinite(values) if values.dtype.kind == "f" else None
    known = values if finite is None or finite.all() else values[finite]
    least, most = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    scale = most / 65535 - least / 65535  # the range of float64 need not be a float64
    if not scale > 0:
        return np.zeros(values.shape, np.uint16), {"value_offset": least, "low": 0.0, "high": 1.0}
    wide: Any = np.float32 if values.dtype == np.float32 else np.float64
    # halves, for the same reason
    shares: NDArray[Any] = (values.astype(wide, copy=False) * wide(0.5) - wide(least / 2)) / wide(scale / 2)
    if finite is not None and not finite.all():
        shares[~finite] = 0
    stored = np.clip(np.rint(shares), 0, 65535).astype(np.uint16)
    low, high = _window(stored)
    return stored, {"value_scale": scale, "value_offset": least, "low": low, "high": high}


def _window(values: NDArray[np.uint16]) -> tuple[float, float]:
    step = max(1, math.isqrt(values.size // 100_000))
    low, high = np.percentile(values[::step, ::step], _WINDOW)
    return float(low), float(max(high, low + 1))


def cut_tile(values: NDArray[Any], kind: Kind, base: int, level: int, y: int, x: int) -> NDArray[Any] | None:
    """Return one tile of a layer that lies at level `base`, in the form of the contract; None when it is empty.

    Parameters
    ----------
    values : (Y, X) ndarray
        The layer, perhaps a memory map.
    kind : {"image", "mask", "labels", "classes"}
        Images are averaged, without halo; masks, labels and classes are decimated, with one pixel more on every side.
    base : int
        Level of `values`.
    level, y, x : int
        Which tile; `level` is at least `base`.
    """
    more = level - base
    if kind == "image":
        height, width = level_shape((values.shape[0], values.shape[1]), more)
        step = 1 << more
        block = values[y * TILE * step : min((y + 1) * TILE, height) * step]
        block = np.ascontiguousarray(block[:, x * TILE * step : min((x + 1) * TILE, width) * step])
        for _ in range(more):
            block = halve(block)
        return block.astype("<u2", copy=False)
    tile = cut_decimated(values, more, y, x)
    if not tile.any():
        return None
    return tile.astype("<u4" if kind == "labels" else "u1", copy=False)


def find_histogram(recipe: Recipe, result: Result) -> HistogramInfo | None:
    """Return the grey levels that the last step with a threshold saw, in grey levels, with the threshold on them."""
    for step, chosen in _thresholds(recipe, result):
        if "threshold" in chosen:
            image, threshold = result.layers[step.from_.get("image", "image")], chosen["threshold"]
        else:
            image, threshold = result.layers.get("relief"), chosen["threshold_over_background"]
        if image is None:
            return None
        return _count(image, result.layers.get("area"), float(threshold))
    return None


def _thresholds(recipe: Recipe, result: Result) -> Iterable[tuple[RecipeStep, dict[str, Any]]]:
    steps = [step for step in recipe.steps if step.do in ("segment.automatic", "segment.threshold")]
    found = [
        choice.chosen
        for choice in result.choices
        if {"threshold", "threshold_over_background"} & set(choice.chosen) and choice.about != "analysed area"
    ]
    return zip(steps[-1:], found[-1:], strict=False)


def _count(image: NDArray[Any], area: NDArray[np.bool_] | None, threshold: float) -> HistogramInfo | None:
    values = image if image.dtype in (np.uint8, np.uint16, np.float32) else image.astype(np.float32)
    inside = None if area is None or area.all() else area.view(np.uint8)
    low, high, _, _ = cv2.minMaxLoc(values, inside)
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return None
    if values.dtype.kind == "u":  # whole grey levels per bin, so that no bin is empty by rounding
        high = low + math.ceil((high + 1 - low) / _BINS) * _BINS
    else:
        high = float(np.nextafter(np.float32(high), np.float32(np.inf)))
    counts = cv2.calcHist([values], [0], inside, [_BINS], [low, high]).ravel()
    return HistogramInfo(low=low, high=high, counts=[int(count) for count in counts], threshold=threshold)
