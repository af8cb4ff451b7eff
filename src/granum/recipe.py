"""Recipes: ordered steps with all their settings, read from TOML and written back to it, the same bytes every time.

A step reads layers by the names of its positional parameters and writes its result into a layer, so the usual line
needs no wiring; ``from`` and ``into`` rename where a recipe branches. Everything is checked when a recipe is loaded,
long before the first pixel is read.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from granum.channel_roles import ASSAY_KINDS, ChannelRole, parse_roles
from granum.errors import RecipeError, SettingError
from granum.steps import Step, check_settings, load_step, nearest_name
from granum.toml_text import read_toml

__all__ = ["Recipe", "RecipeStep", "list_recipes", "load_recipe", "parse_recipe", "ready_recipe_text", "to_toml_value"]

_CHANNEL = "channel."
_KEYS = ("name", "summary", "assay", "channels", "step")
_LARGEST_RECIPE = 1_000_000  # bytes; a recipe is a page of text, so more is a wrong file


@dataclass(frozen=True)
class RecipeStep:
    """One step of a recipe.

    Parameters
    ----------
    do : str
        Name of the step, such as "segment.threshold".
    settings : dict
        All its settings, defaults filled in.
    from_ : dict
        Parameter -> layer, where the layer has another name than the parameter.
    into : str or None
        Another name for the first layer that it writes.
    """

    do: str
    settings: dict[str, Any] = field(default_factory=dict)
    from_: dict[str, str] = field(default_factory=dict)
    into: str | None = None

    @property
    def writes(self) -> tuple[str, ...]:
        """Names of the layers that the step writes, `into` included."""
        first, *rest = load_step(self.do).writes
        return (self.into or first, *rest)


@dataclass(frozen=True)
class Recipe:
    """A checked chain of steps.

    Parameters
    ----------
    name : str
        Short name.
    summary : str
        One line for lists.
    steps : tuple of RecipeStep
        In the order in which they run.
    assay : str
        What its images make together, one of `granum.channel_roles.ASSAY_KINDS`; "" for nothing.
    roles : tuple of ChannelRole
        The channels that it reads, by what they are for; the first one that an image has is shown in reports. Empty for
        a recipe that calls its channels by one name each.
    """

    name: str
    summary: str
    steps: tuple[RecipeStep, ...]
    assay: str = ""
    roles: tuple[ChannelRole, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form (`to_toml`)."""
        return hashlib.sha256(self.to_toml().encode()).hexdigest()

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that the recipe reads beside the image: its roles, where it has any."""
        if self.roles:
            return tuple(role.name for role in self.roles)
        layers = (layer for step in self.steps for layer in step.from_.values())
        return tuple(dict.fromkeys(layer.removeprefix(_CHANNEL) for layer in layers if layer.startswith(_CHANNEL)))

    @property
    def reads_image(self) -> bool:
        """Whether a step reads the layer `image` before any step has written it."""
        return self._reads_first("image")

    @property
    def reads_channels(self) -> bool:
        """Whether a step takes all channels of the file, as the layer `channels`."""
        return self._reads_first("channels")

    def _reads_first(self, layer: str) -> bool:
        for step in self.steps:
            known = load_step(step.do)
            if any(step.from_.get(name, name) == layer for name in (*known.reads, *known.reads_if_there)):
                return True
            if layer in step.writes:
                return False
        return False

    @property
    def files(self) -> tuple[str, ...]:
        """Files that its settings name, such as the model of `segment.learned`; each once."""
        named = (
            str(step.settings[setting.name])
            for step in self.steps
            for setting in load_step(step.do).settings.values()
            if setting.is_file and step.settings.get(setting.name)
        )
        return tuple(dict.fromkeys(named))

    def with_files(self, change: Callable[[str], str]) -> Recipe:
        """Return the recipe with `change(path)` for every file that its settings name."""
        steps = []
        for step in self.steps:
            known = load_step(step.do).settings
            settings = {
                name: change(value) if value and name in known and known[name].is_file else value
                for name, value in step.settings.items()
            }
            steps.append(replace(step, settings=settings))
        return replace(self, steps=tuple(steps))

    def to_toml(self) -> str:
        """Return the recipe as TOML with all settings, the same text for the same recipe."""
        lines = [f"name = {to_toml_value(self.name)}", f"summary = {to_toml_value(self.summary)}"]
        lines += [f"assay = {to_toml_value(self.assay)}"] if self.assay else []
        for role in self.roles:
            lines += ["", f"[channels.{role.name}]", f"names = {to_toml_value(role.names)}"]
            lines += [f"optional = {to_toml_value(role.optional)}", f"about = {to_toml_value(role.about)}"]
        for step in self.steps:
            lines += ["", "[[step]]", f"do = {to_toml_value(step.do)}"]
            if step.from_:
                lines.append(f"from = {to_toml_value(dict(sorted(step.from_.items())))}")
            if step.into is not None:
                lines.append(f"into = {to_toml_value(step.into)}")
            lines += [f"{name} = {to_toml_value(value)}" for name, value in step.settings.items()]
        return "\n".join(lines) + "\n"

    def with_settings(self, changes: Mapping[str, Any]) -> Recipe:
        """Return the recipe with other settings.

        Parameters
        ----------
        changes : dict
            "STEP.SETTING" -> value, as in ``{"segment.threshold.method": "li"}``. STEP is the full name, or its last
            part; a step that comes twice is told apart as "separate.peaks#2". Values may be text.

        Raises
        ------
        SettingError
            For a step that the recipe does not have (the nearest is named), an unknown setting, or a value that does
            not fit.
        """
        settings = [dict(step.settings) for step in self.steps]
        for key, value in changes.items():
            where, dot, name = key.rpartition(".")
            if not dot:
                raise SettingError(f"setting {key!r}: write it as STEP.SETTING, as in segment.threshold.method.")
            settings[self._find_step(where)][name] = value
        steps = [
            replace(step, settings=check_settings(step.do, changed))
            for step, changed in zip(self.steps, settings, strict=True)
        ]
        return replace(self, steps=tuple(steps))

    def with_seed(self, seed: int) -> Recipe:
        """Return the recipe with `seed` in every step that has such a setting."""
        steps = [
            replace(step, settings=check_settings(step.do, {**step.settings, "seed": seed}))
            if "seed" in step.settings
            else step
            for step in self.steps
        ]
        return replace(self, steps=tuple(steps))

    def _find_step(self, where: str) -> int:
        name, _, number = where.partition("#")
        found = [i for i, step in enumerate(self.steps) if name in (step.do, step.do.rpartition(".")[2])]
        if not found:
            names = dict.fromkeys(step.do if "." in name else step.do.rpartition(".")[2] for step in self.steps)
            raise SettingError(f"step {name!r}: recipe {self.name!r} has no such step; {nearest_name(name, names)}")
        if number:
            if not (number.isdecimal() and 1 <= int(number) <= len(found)):
                raise SettingError(f"step {where!r}: recipe {self.name!r} has {name!r} {len(found)} times, from #1.")
            return found[int(number) - 1]
        if len(found) > 1:
            options = ", ".join(f"{self.steps[i].do}#{n}" for n, i in enumerate(found, 1))
            raise SettingError(
                f"step {name!r}: comes {len(found)} times in recipe {self.name!r}; say which: {options}."
            )
        return found[0]


def to_toml_value(value: Any) -> str:
    """Return one value as TOML; None, which TOML lacks, becomes "none" (and is read back as None)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return '"none"'
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise RecipeError(f"recipe: {value!r} is not a number that a recipe can hold.")
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(to_toml_value(item) for item in value) + "]"
    if isinstance(value, dict):
        inside = ", ".join(f"{name} = {to_toml_value(item)}" for name, item in value.items())
        return "{ " + inside + " }" if inside else "{}"
    raise RecipeError(f"recipe: a value of type {type(value).__name__} cannot be written as TOML.")


def parse_recipe(text: str, *, where: str = "recipe") -> Recipe:
    """Return the recipe of a TOML text, checked, with all settings filled in.

    Parameters
    ----------
    text : str
        The TOML.
    where : str
        Name of the file for messages.

    Raises
    ------
    RecipeError
        Not TOML, no steps, an unknown key, step or layer.
    SettingError
        A setting that is unknown, of the wrong type, or out of its range.
    """
    tables = read_toml(text, where=where)
    for key in tables:
        if key not in _KEYS:
            raise RecipeError(f"{where}: unknown key {key!r}; {nearest_name(key, _KEYS)}")
    name, summary, steps = tables.get("name", Path(where).stem), tables.get("summary", ""), tables.get("step", [])
    if not isinstance(name, str) or not isinstance(summary, str):
        raise RecipeError(f"{where}: name and summary must be text.")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise RecipeError(f"{where}: has no steps; write each as a [[step]] table with do = 'STAGE.STEP'.")
    assay, roles = tables.get("assay", ""), parse_roles(tables.get("channels", {}), where=where)
    if assay and assay not in ASSAY_KINDS:
        raise RecipeError(f"{where}: assay = {assay!r}; {nearest_name(str(assay), ASSAY_KINDS)}")
    parsed = tuple(_parse_step(step, f"{where}, step {n}") for n, step in enumerate(steps, 1))
    recipe = Recipe(name, summary, parsed, str(assay), roles)
    _check_layers(recipe, where)
    return recipe


def _parse_step(table: dict[str, Any], where: str) -> RecipeStep:
    settings = dict(table)
    do, from_, into = settings.pop("do", None), settings.pop("from", {}), settings.pop("into", None)
    if not isinstance(do, str):
        raise RecipeError(f"{where}: do = {do!r}, must be the name of a step, as in do = 'segment.threshold'.")
    if not isinstance(from_, dict) or not all(isinstance(layer, str) for layer in from_.values()):
        raise RecipeError(f"{where} ({do}): from = {from_!r}, must be a table, as in from = {{ image = 'mask' }}.")
    if into is not None and (not isinstance(into, str) or not into or into.startswith(_CHANNEL)):
        raise RecipeError(f"{where} ({do}): into = {into!r}, must be the name of a layer, not of a channel.")
    try:
        return RecipeStep(do, check_settings(do, settings), from_, into)
    except SettingError as error:
        raise type(error)(f"{where}: {error}") from None


def _check_layers(recipe: Recipe, where: str) -> None:
    """Raise when a step reads a layer that nothing before it has written."""
    layers = {"image", "channels", *(["stains"] if recipe.roles else [])}
    for n, step in enumerate(recipe.steps, 1):
        known = load_step(step.do)
        for name in step.from_:
            if name not in (*known.reads, *known.reads_if_there):
                hint = nearest_name(name, (*known.reads, *known.reads_if_there))
                raise RecipeError(f"{where}, step {n} ({step.do}): reads no {name!r}; {hint}")
        wanted = [step.from_.get(name, name) for name in known.reads] + list(step.from_.values())
        for layer in wanted:
            if layer not in layers and not (layer.startswith(_CHANNEL) and layer != _CHANNEL):
                raise RecipeError(
                    f"{where}, step {n} ({step.do}): reads the layer {layer!r}, which no step before it writes; "
                    f"{nearest_name(layer, sorted(layers))}"
                )
            _check_role(recipe, known, step, layer, f"{where}, step {n} ({step.do})")
        layers.update(step.writes)


def _check_role(recipe: Recipe, known: Step, step: RecipeStep, layer: str, where: str) -> None:
    """Raise when a recipe with roles reads a channel that is none, or needs one that may be missing."""
    if not recipe.roles or not layer.startswith(_CHANNEL):
        return
    role = next((role for role in recipe.roles if layer == _CHANNEL + role.name), None)
    if role is None:
        hint = nearest_name(layer, [_CHANNEL + name for name in recipe.channels])
        raise RecipeError(f"{where}: reads the layer {layer!r}, which has no table in [channels]; {hint}")
    needs = [name for name in known.reads if step.from_.get(name) == layer]
    if role.optional and needs:
        raise RecipeError(f"{where}: needs {layer!r} as its {needs[0]}, but [channels.{role.name}] is optional.")


def list_recipes() -> dict[str, str]:
    """Return the ready recipes, name -> summary."""
    return {name: str(tomllib.loads(ready_recipe_text(name)).get("summary", "")) for name in _ready_names()}


def _ready_names() -> list[str]:
    folder = resources.files("granum") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def ready_recipe_text(name: str) -> str:
    """Return the TOML of a ready recipe as it is written, with its comments.

    Raises
    ------
    RecipeError
        When there is no such recipe; the nearest is named.
    """
    _check_ready(name, _ready_names())
    return (resources.files("granum") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")


def _check_ready(name: str, names: Iterable[str]) -> None:
    names = list(names)
    if name not in names:
        raise RecipeError(f"recipe {name!r}: is neither a ready recipe nor a TOML file; {nearest_name(name, names)}")


def load_recipe(name_or_path: str | os.PathLike[str]) -> Recipe:
    """Return a ready recipe by its name, or one read from a TOML file.

    Parameters
    ----------
    name_or_path : str or path
        "particles", or "my/recipe.toml". A ready recipe wins over a file of the same name without ".toml". A file that
        it names by a relative path is looked for beside the recipe first, then in the working folder.

    Raises
    ------
    RecipeError
        When there is neither, or the recipe is not valid.
    """
    text = os.fspath(name_or_path)
    if text in _ready_names():
        return parse_recipe(ready_recipe_text(text), where=f"{text}.toml")
    path = Path(text)
    if not path.is_file():
        if text.endswith(".toml"):
            raise RecipeError(f"recipe {text}: no such file.")
        _check_ready(text, _ready_names())
    try:
        if path.stat().st_size > _LARGEST_RECIPE:
            raise RecipeError(f"recipe {text}: has {path.stat().st_size} bytes; this is no recipe.")
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RecipeError(f"recipe {text}: is not a text file in UTF-8.") from None
    except OSError as error:
        raise RecipeError(f"recipe {text}: cannot be read ({error.strerror}).") from None
    return parse_recipe(content, where=path.name).with_files(lambda file: _beside(path.parent, file))


def _beside(folder: Path, file: str) -> str:
    """Return the whole path of a file that lies beside the recipe; another path as it is."""
    place = folder / file
    return str(place.absolute()) if place.is_file() else file
