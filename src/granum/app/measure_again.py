"""`Measurer`: the measuring steps of a run, done once more on corrected labels of one frame.

What else these steps read (the image as it stood then, the analysed area) is computed once from the image, by the very
steps of the run, and kept. So the numbers are those of `granum run --edits`, and a correction costs what follows from
the labels: one measuring, or cells and the judgement of nuclei too.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum import pipeline
from granum.batch.plan import plan_sources
from granum.errors import GranumWarning, SettingError
from granum.measure.flags import flag_edited
from granum.object_table import ObjectTable
from granum.read import read_image
from granum.recipe import Recipe, RecipeStep
from granum.steps import load_step

__all__ = ["Measurer"]


class Measurer:
    """Measures corrected labels of one frame.

    Parameters
    ----------
    recipe : Recipe
        Of the run.
    paths : sequence of Path
        Its files, the main one first.
    frame : int
        The frame.
    reading : dict
        How the run read its images, from ``run.json``.
    labels : (Y, X) ndarray of int32
        Of the run.

    Raises
    ------
    GranumError
        When the image cannot be read, or a step before the measuring cannot work on it.
    """

    def __init__(
        self, recipe: Recipe, paths: Sequence[Path], frame: int, reading: Mapping[str, Any], labels: NDArray[np.int32]
    ) -> None:
        self._steps = _steps_to_objects(recipe)
        self._layers: dict[str, Any] = {}
        if not self._steps:
            return
        wanted: set[str] = set()
        for step in reversed(self._steps):
            wanted = (wanted - set(step.writes)) | set(_inputs(step).values())
        result = pipeline.run(
            recipe,
            read_image(paths[0]),  # steps work in pixels: the pixel size of the run is not needed here
            frame=frame,
            channels=_channels(paths, reading),
            z=reading.get("z"),
            keep={*wanted, "labels"},
            given={"labels": labels, "confidence": None},
        )
        self._layers = {layer: result.layers[layer] for layer in wanted if layer in result.layers}

    def __call__(
        self, labels: NDArray[np.int32], confidence: NDArray[np.float64] | None, edited: NDArray[np.bool_]
    ) -> ObjectTable | None:
        """Return the object table, lengths in pixels; None when the recipe measures nothing.

        Parameters
        ----------
        labels : (Y, X) ndarray of int32
            They may have gaps.
        confidence : (K,) ndarray or None
            Of the objects that there are, in ascending label.
        edited : (K,) ndarray of bool
            Which of them were touched by hand.
        """
        if not self._steps:
            return None
        layers = {**self._layers, "confidence": confidence}
        numbers = np.flatnonzero(np.bincount(labels.ravel()))
        numbers = numbers[numbers > 0]
        layers["labels"] = labels
        if len(self._steps) > 1 and len(numbers) and numbers[-1] != len(numbers):
            # judging may count on numbers without gaps; those of the page come back at the end
            places = np.zeros(numbers[-1] + 1, np.int32)
            places[numbers] = np.arange(1, len(numbers) + 1)
            layers["labels"] = places[labels]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GranumWarning)
            for step in self._steps:
                data = {name: layers[layer] for name, layer in _inputs(step).items() if layer in layers}
                returned = load_step(step.do).function(**data, **step.settings)
                values = returned if len(step.writes) > 1 and isinstance(returned, tuple) else (returned,)
                layers |= dict(zip(step.writes, values, strict=True))
        objects: ObjectTable = layers["objects"]
        if layers["labels"] is not labels:
            objects = {**objects, "label": numbers[objects["label"] - 1]}
        return flag_edited(objects, edited)


def _channels(paths: Sequence[Path], reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each channel name stands for; where channels are files, the patterns of the run tell which."""
    found: dict[str, Any] = dict(reading.get("channels") or {})
    if patterns := reading.get("patterns"):
        sources, _ = plan_sources(paths, patterns)
        if len(sources) != 1 or sources[0].path != paths[0]:
            raise SettingError(f"{paths[0].name}: the names of its files do not fit the patterns of the run any more.")
        found |= {name: read_image(path) for name, path in sources[0].channel_paths.items()}
    return found


def _inputs(step: RecipeStep) -> dict[str, str]:
    """Return parameter -> layer of all that a step may read."""
    known = load_step(step.do)
    return {name: step.from_.get(name, name) for name in (*known.reads, *known.reads_if_there)}


def _steps_to_objects(recipe: Recipe) -> list[RecipeStep]:
    """Return the steps that make the objects out of the labels: those after the last that writes labels, as needed."""
    after = max((n for n, step in enumerate(recipe.steps) if "labels" in step.writes), default=-1) + 1
    found: list[RecipeStep] = []
    wanted = {"objects"}
    for step in reversed(recipe.steps[after:]):
        if wanted & set(step.writes):
            found.insert(0, step)
            wanted = (wanted - set(step.writes)) | set(_inputs(step).values())
    return found
