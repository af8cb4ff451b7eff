"""Recipes as forms: what the page needs to draw a recipe, read from the steps' own signatures, and the recipes kept.

Nothing is declared here. Names, help, ranges, units and choices come from `granum.steps.load_step`, so a new setting of
a step is in the form the moment it is in the signature.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

from granum.app.model_shelf import check_models
from granum.app.problems import Problem
from granum.app.recipe_messages import (
    RecipeInfo,
    RecipeList,
    RecipeRequest,
    RoleInfo,
    SettingInfo,
    Settings,
    StepInfo,
)
from granum.errors import OutputError, RecipeError, SettingError
from granum.recipe import Recipe, list_recipes, load_recipe, parse_recipe
from granum.steps import Setting, load_step, nearest_name

__all__ = ["RecipeShelf", "describe_recipe", "is_full_size_only", "settings_of", "shrink_recipe", "step_keys"]

_NAME = re.compile(r"\w[\w -]{0,63}")


def step_keys(recipe: Recipe) -> list[str]:
    """Return the name of each step that `Recipe.with_settings` takes: "separate.peaks#2" where one comes twice."""
    names = [step.do for step in recipe.steps]
    return [f"{name}#{names[: i + 1].count(name)}" if names.count(name) > 1 else name for i, name in enumerate(names)]


def settings_of(recipe: Recipe) -> Settings:
    """Return every setting of a recipe, "STEP.SETTING" -> value in JSON types."""
    return {
        f"{key}.{name}": _plain_value(load_step(step.do).settings[name], value)
        for key, step in zip(step_keys(recipe), recipe.steps, strict=True)
        for name, value in step.settings.items()
    }


def describe_recipe(recipe: Recipe) -> RecipeInfo:
    """Return a recipe as a form: its steps with all their settings."""
    steps = []
    for key, step in zip(step_keys(recipe), recipe.steps, strict=True):
        known = load_step(step.do)
        steps.append(
            StepInfo(
                key=key,
                do=step.do,
                title=known.function.__name__.replace("_", " ").capitalize(),
                summary=_plain_text(known.summary),
                reads=[step.from_.get(name, name) for name in (*known.reads, *known.reads_if_there)],
                writes=list(step.writes),
                settings=[_describe(setting, step.settings[name]) for name, setting in known.settings.items()],
            )
        )
    return RecipeInfo(
        name=recipe.name,
        summary=recipe.summary,
        channels=list(recipe.channels),
        roles=[
            RoleInfo(name=role.name, names=list(role.names), optional=role.optional, about=role.about)
            for role in recipe.roles
        ],
        assay=cast("Literal['', 'live-dead', 'confluency']", recipe.assay),
        reads_image=recipe.reads_image,
        full_size_only=is_full_size_only(recipe),
        steps=steps,
        toml=recipe.to_toml(),
    )


def _describe(setting: Setting, value: Any) -> SettingInfo:
    limits = setting.range
    return SettingInfo(
        name=setting.name,
        help=_plain_text(setting.help),
        kind=setting.kind,
        optional=setting.is_optional,
        value=_plain_value(setting, value),
        default=_plain_value(setting, setting.default),
        low=None if limits is None else limits.low,
        high=None if limits is None else limits.high,
        unit=setting.unit,
        choices=list(setting.choices),
    )


def _plain_value(setting: Setting, value: Any) -> Any:
    """Return a value in JSON types; one of several choices is always text, as the choices are."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if setting.kind == "choice" and value is not None else value


def _plain_text(text: str) -> str:
    """Return docstring text without its marks."""
    return re.sub(r":\w+:(?=`)|`+", "", text)


def is_full_size_only(recipe: Recipe) -> bool:
    """Whether a recipe has a step to which a shrunken image is another image."""
    return any(load_step(step.do).full_size_only for step in recipe.steps)


def shrink_recipe(recipe: Recipe, level: int) -> Recipe:
    """Return the recipe for an image halved `level` times: lengths and areas shrink with it, by their units.

    What falls out of its range is put back to the nearest legal value. Whole numbers are rounded, odd ones to odd ones:
    a window has a pixel in its middle.

    Raises
    ------
    SettingError
        When a step works at full size only.
    """
    if level == 0:
        return recipe
    if is_full_size_only(recipe):
        raise SettingError(f"recipe {recipe.name!r}: works at full size only, not on an image that was made smaller.")
    changes: Settings = {}
    for key, step in zip(step_keys(recipe), recipe.steps, strict=True):
        for name, value in step.settings.items():
            setting = load_step(step.do).settings[name]
            power = {"px": 1, "px2": 2}.get(setting.unit, 0)
            if power and isinstance(value, int | float):
                changes[f"{key}.{name}"] = _shrink(value, 2 ** (level * power), setting)
    return recipe.with_settings(changes) if changes else recipe


def _shrink(value: float, factor: int, setting: Setting) -> float:
    small: float = value / factor
    if isinstance(value, int):
        small = 2 * round((small - 1) / 2) + 1 if value % 2 and setting.unit == "px" else round(small)
    limits = setting.range
    if limits is not None:
        small = small if limits.low is None else max(small, type(small)(limits.low))
        small = small if limits.high is None else min(small, type(small)(limits.high))
    return small


class RecipeShelf:
    """The ready recipes and those kept in a project.

    Parameters
    ----------
    folder : Path
        The project's `recipes` folder; it is made when the first recipe is kept. The project's models, the only ones
        that a request may name, lie in `models` beside it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._models = folder, folder.parent / "models"

    def describe_all(self) -> RecipeList:
        """Return all recipes as forms, the ready ones first; a kept one that is damaged is left out."""
        found = [describe_recipe(load_recipe(name)) for name in list_recipes()]
        for name in self._kept():
            try:
                found.append(describe_recipe(self.load(name)))
            except RecipeError:  # written by another version, or by hand: asking for it by name tells what is wrong
                continue
        return RecipeList(recipes=found)

    def load(self, name: str) -> Recipe:
        """Return a recipe by its name, never by a path.

        Raises
        ------
        Problem
            When there is none (404); the nearest is named.
        RecipeError
            When the file of a kept one is not valid.
        """
        ready, kept = list_recipes(), self._kept()
        if name in ready:
            return load_recipe(name)
        if name not in kept:
            raise Problem(404, "not_found", f"recipe {name!r}: does not exist; {nearest_name(name, [*ready, *kept])}")
        # models are named beside it, so that a project may be moved or sent
        return load_recipe(self._folder / f"{name}.toml").with_files(os.path.normpath)

    def resolve(self, request: RecipeRequest) -> Recipe:
        """Return the recipe that a request means, checked.

        Raises
        ------
        Problem, RecipeError, SettingError
            No such recipe, a text that is none, a setting that does not fit (the sentence names the legal range), or a
            model that is none of the project.
        """
        recipe = self.load(request.recipe) if request.toml is None else parse_recipe(request.toml)
        recipe = recipe.with_settings(request.settings) if request.settings else recipe
        check_models(recipe, self._models)
        return recipe

    def keep(self, name: str, request: RecipeRequest) -> Recipe:
        """Keep a recipe in the project under a name, in place of an older one.

        Raises
        ------
        Problem
            When the name cannot be that of a file (422) or is that of a ready recipe (409).
        OutputError
            When it cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise Problem(
                422, "setting", f"name {name!r}: use up to 64 letters, digits, spaces, hyphens and underscores."
            )
        if name in list_recipes():
            raise Problem(409, "ready_recipe", f"name {name!r}: is that of a ready recipe; choose another.")
        recipe = replace(self.resolve(request), name=name)
        path, beside = self._folder / f"{name}.toml", self._folder.absolute()
        written = recipe.with_files(lambda file: Path(os.path.relpath(file, beside)).as_posix())
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}.part")
            part.write_text(written.to_toml(), encoding="utf-8", newline="")
            part.replace(path)
        except OSError as error:
            raise OutputError(f"recipe {name!r}: cannot be written ({error.strerror or error}).") from error
        return recipe

    def _kept(self) -> list[str]:
        try:
            return sorted(path.stem for path in self._folder.glob("*.toml") if _NAME.fullmatch(path.stem))
        except OSError:  # no folder yet, or none that may be read: then there are no kept ones
            return []
