"""`Measurer`: the measuring step of a run, done once more on corrected labels of one frame.

What else the step reads (the image as it stood then, the analysed area) is computed once from the image, by the very
steps of the run, and kept. So the numbers are those of `granum run --edits`, and a correction costs one measuring.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum import pipeline
from granum.errors import GranumWarning, SettingError
from granum.measure.flags import flag_edited
from granum.object_table import ObjectTable
from granum.read import read_image
from granum.recipe import Recipe
from granum.steps import load_step

__all__ = ["Measurer"]


class Measurer:
    """Measures corrected labels of one frame.

    Parameters
    ----------
    recipe : Recipe
        Of the run.
    path : Path
        The image.
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
        self, recipe: Recipe, path: Path, frame: int, reading: Mapping[str, Any], labels: NDArray[np.int32]
    ) -> None:
        measuring = [step for step in recipe.steps if "objects" in step.writes]
        self._step = measuring[-1] if measuring else None
        self._data: dict[str, Any] = {}
        if self._step is None:
            return
        if reading.get("patterns"):
            raise SettingError("runs whose channels stand in files of their own cannot be measured again here.")
        known = load_step(self._step.do)
        wanted = {name: self._step.from_.get(name, name) for name in (*known.reads, *known.reads_if_there)}
        given = {"labels": labels, "confidence": None}
        result = pipeline.run(
            recipe,
            read_image(path),  # steps work in pixels: the pixel size of the run is not needed here
            frame=frame,
            channels=reading.get("channels") or {},
            z=reading.get("z"),
            keep={*wanted.values(), "labels"},
            given=given,
        )
        self._data = {
            name: result.layers[layer]
            for name, layer in wanted.items()
            if layer in result.layers and layer not in ("labels", "confidence")
        }
        self._labels = [name for name, layer in wanted.items() if layer == "labels"]
        self._confidence = [name for name, layer in wanted.items() if layer == "confidence"]

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
        if self._step is None:
            return None
        data = {**self._data, **dict.fromkeys(self._labels, labels), **dict.fromkeys(self._confidence, confidence)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GranumWarning)
            objects: ObjectTable = load_step(self._step.do).function(**data, **self._step.settings)
        return flag_edited(objects, edited)
