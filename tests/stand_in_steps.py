"""Small steps for the tests of steps, recipes and the pipeline: each shape that a real step can have."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Literal

import numpy as np
from scipy import ndimage

from granum.choice import Choice
from granum.errors import EmptyResultError, GranumWarning
from granum.steps import Range

STAND_INS = {
    "stand_in.above": ("stand_in_steps:find_above", ("mask",)),
    "stand_in.guess": ("stand_in_steps:guess_mask", ("mask", "relief", "choice")),
    "stand_in.label": ("stand_in_steps:label_mask", ("labels",)),
    "stand_in.measure": ("stand_in_steps:measure", ("objects",)),
    "stand_in.area": ("stand_in_steps:find_area", ("area", "choice")),
    "stand_in.fail": ("stand_in_steps:fail", ("mask",)),
    "stand_in.shuffle": ("stand_in_steps:shuffle", ("image",)),
    "stand_in.cells": ("stand_in_steps:grow", ("cells",)),
    "stand_in.judge": ("stand_in_steps:judge", ("objects", "summary")),
    "stand_in.count": ("stand_in_steps:count_pixels", ("summary",)),
}
CALLS: list[str] = []


def find_above(
    image: Any, area: Any = None, *, level: Annotated[float, Range(0, 1000)] = 10.0, dark: bool = False
) -> Any:
    """Pixels above a level.

    Parameters
    ----------
    image : (Y, X) array
        The image.
    area : (Y, X) mask, optional
        The analysed area.
    level : float
        Grey level,
        0 to 1000.
    dark : bool
        Below instead.
    """
    CALLS.append("above")
    mask = image < level if dark else image > level
    return mask if area is None else mask & area


def guess_mask(image: Any, *, method: Literal["mean", "median"] = "mean") -> Any:
    """Choose a level by itself."""
    CALLS.append("guess")
    level = float(getattr(np, method)(image))
    if level < 0:
        warnings.warn("the level is negative.", GranumWarning, stacklevel=2)
    return image > level, image.astype(np.float32), Choice("threshold", {"threshold": level}, f"It is the {method}.")


def label_mask(
    mask: Any, *, connectivity: Literal[1, 2] = 1, size: Annotated[int, Range(0, None)] | None = None
) -> Any:
    """Connected components."""
    CALLS.append("label")
    labels = ndimage.label(mask, ndimage.generate_binary_structure(2, connectivity))[0].astype(np.int32)
    if size is not None:
        labels = np.where(np.bincount(labels.ravel())[labels] >= size, labels, 0).astype(np.int32)
    return labels


def measure(image: Any, labels: Any, relief: Any = None, *, quantiles: tuple[float, ...] = (0.1, 0.9)) -> Any:
    """A table."""
    CALLS.append("measure")
    ids = np.arange(1, labels.max(initial=0) + 1)
    return {"label": ids, "area": np.bincount(labels.ravel(), minlength=ids.size + 1)[1:]}


def find_area(image: Any) -> Any:
    """Everything: None, and two choices."""
    return None, [Choice("area", {}, "All of it."), Choice("bar", {}, "There is none.")]


def fail(image: Any, *, kind: Literal["own", "expected", "memory", "warn"] = "own") -> Any:
    """Fail in one of four ways."""
    if kind == "expected":
        raise EmptyResultError("there is nothing.")
    if kind == "memory":
        raise MemoryError
    if kind == "own":
        raise ZeroDivisionError("by zero")
    warnings.warn("old thing", DeprecationWarning, stacklevel=2)
    return image > 0


def shuffle(image: Any, *, seed: Annotated[int, Range(0, 2**32 - 1)] = 0) -> Any:
    """Write the layer `image` anew."""
    CALLS.append("shuffle")
    pixels = image.ravel().copy()
    np.random.default_rng(seed).shuffle(pixels)
    return pixels.reshape(image.shape)


def count_pixels(mask: Any, *, name: str = "n_pixels") -> Any:
    """Numbers of the whole image."""
    return {name: int(mask.sum()), "last": name == "n_pixels"}


def grow(labels: Any) -> Any:
    """Labels of cells: one pixel more all round."""
    return ndimage.grey_dilation(labels, 3).astype(np.int32)


def judge(objects: Any, labels: Any, dead: Any) -> Any:
    """A nucleus is dead where the dead stain is over 100."""
    means = ndimage.mean(dead, labels, objects["label"]) if len(objects["label"]) else np.zeros(0)
    p_dead = np.where(np.asarray(means) > 100, 0.97, 0.03)
    n, n_dead = len(p_dead), int((p_dead > 0.5).sum())
    summary = {"n_live": n - n_dead, "n_dead": n_dead, "viability": (n - n_dead) / n if n else None, "doubt": 0.1}
    return {**objects, "state": np.where(p_dead > 0.5, "dead", "live"), "p_dead": p_dead}, summary
