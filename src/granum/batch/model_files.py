"""Models that a recipe names: read once, known by their content, and kept with the run.

A run must give the same result when the model's file is moved or replaced. So the recipe of a run names each model by
the hash of its content, ``models/<hash>.granum_model``; a copy under that name lies in the ledger while the run goes
on, and in the run folder afterwards, beside ``recipe.toml``, where `load_recipe` looks first.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from granum.errors import GranumError, OutputError, SettingError
from granum.recipe import Recipe
from granum.steps import load_step

__all__ = ["ModelFile", "place_models", "read_models"]

_FOLDER, _ENDING = "models", ".granum_model"


@dataclass(frozen=True)
class ModelFile:
    """A model that a run uses.

    Parameters
    ----------
    path : Path
        Where it was.
    sha256 : str
        Of its content.
    content : bytes
        The file.
    about : dict
        What run.json says about it, JSON types.
    """

    path: Path
    sha256: str
    content: bytes = field(repr=False)
    about: dict[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """Its name in the run folder."""
        return f"{_FOLDER}/{self.sha256[:16]}{_ENDING}"


def read_models(recipe: Recipe) -> tuple[Recipe, tuple[ModelFile, ...]]:
    """Return the recipe with its models named by their content, and the models.

    Raises
    ------
    SettingError
        When a model is not given, cannot be read, is not valid, or has no such class: nothing could be done.
    """
    for step in recipe.steps:
        for setting in load_step(step.do).settings.values():
            if setting.is_file and not step.settings[setting.name]:
                raise SettingError(
                    f"{step.do}.{setting.name}: is not given; choose one in the app, or name a file (on the command "
                    f"line --set {step.do.rpartition('.')[2]}.{setting.name}=FILE)."
                )
    models = {path: _read(path) for path in recipe.files}
    for step in recipe.steps:
        if step.do == "segment.learned":
            _check_objects(models[step.settings["model"]], step.settings["objects"])
    return recipe.with_files(lambda path: models[path].name), tuple(models.values())


def _read(path: str) -> ModelFile:
    from granum.learn.class_colours import colour_classes
    from granum.learn.model_file import load_model

    try:
        content = Path(path).read_bytes()
        model = load_model(path)
    except OSError as error:
        raise SettingError(f"model {path}: cannot be read ({error.strerror or error}).") from None
    except GranumError as error:
        text = str(error)
        raise SettingError(text if path in text else f"model {path}: {text}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    learnt = model.about
    about = {
        "name": Path(path).name,
        "path": str(Path(path).absolute()),
        "file": f"{_FOLDER}/{sha256[:16]}{_ENDING}",
        "sha256": sha256,
        "description": model.describe(),
        "classes": [{"id": one.id, "name": one.name, "colour": one.colour} for one in colour_classes(model.classes)],
        "report": learnt.get("report"),
        "n_images": learnt.get("n_images"),
        "n_strokes": learnt.get("n_strokes"),
    }
    return ModelFile(Path(path), sha256, content, about)


def _check_objects(model: ModelFile, objects: str) -> None:
    """Raise when the model has no class of that name or id."""
    from granum.learn.scribbles import PixelClass
    from granum.segment.learned import find_class

    find_class([PixelClass(**one) for one in model.about["classes"]], objects, model.path.name)


def place_models(models: Sequence[ModelFile], folder: Path) -> None:
    """Write the models that are not there yet into a folder, under the names that the recipe of the run has.

    Raises
    ------
    OutputError
        When they cannot be written.
    """
    for model in models:
        place = folder / model.name
        if place.is_file():
            continue
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_suffix(f".{os.getpid()}.tmp")
            temporary.write_bytes(model.content)
            temporary.replace(place)
        except OSError as error:
            raise OutputError(f"{place}: cannot be written ({error.strerror or error}).") from error
