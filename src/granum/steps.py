"""Step names, and the one settings model of each step, built from its signature.

A step is a plain function of a stage. Its positional parameters are layers, its keyword-only parameters are settings;
the model made from them here is the recipe check, the `--set` option, the web form and the docs table.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from granum.errors import RecipeError, SettingError
from granum.toml_text import read_toml

__all__ = [
    "FULL_SIZE_ONLY",
    "STEPS",
    "FilePath",
    "Range",
    "Setting",
    "Step",
    "check_settings",
    "load_step",
    "nearest_name",
]

Kind = Literal["boolean", "integer", "number", "choice", "text", "list"]
Unit = Literal["", "px", "px2", "%", "degrees"]


@dataclass(frozen=True)
class Range:
    """Legal values of a numeric setting, bounds included: ``Annotated[float, Range(0, 100, unit="px")]``.

    The unit tells a form what to write beside the number, and a preview how the setting shrinks with the image: "px"
    is a length, "px2" an area.
    """

    low: float | None = None
    high: float | None = None
    unit: Unit = ""

    def __contains__(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        if self.low is None:
            return f"at most {self.high:g}" if self.high is not None else "any number"
        return f"at least {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class FilePath:
    """Marks a setting that names a file: ``Annotated[str, FilePath()]``; the result depends on what is in the file."""


# step name -> (module:function, layers that it writes: the result, then what else it returns)
STEPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "preprocess.crop": ("granum.preprocess.crop:find_analysed_area", ("area", "choice")),
    "preprocess.channel_check": ("granum.preprocess.channel_check:check_channels", ("channel_facts", "choice")),
    "preprocess.normalise": ("granum.preprocess.normalise:normalise_intensity", ("image",)),
    "preprocess.background": ("granum.preprocess.background:subtract_background", ("image",)),
    "preprocess.denoise": ("granum.preprocess.denoise:denoise_image", ("image",)),
    "segment.automatic": ("granum.segment.automatic:segment_automatically", ("mask", "relief", "choice")),
    "segment.threshold": ("granum.segment.threshold:segment_by_threshold", ("mask",)),
    "segment.grid_maximum": ("granum.segment.grid_maximum:segment_by_grid_maximum", ("mask",)),
    "segment.component_tree": ("granum.segment.component_tree:segment_by_component_tree", ("mask",)),
    "segment.cell_area": ("granum.segment.cell_area:find_cell_area", ("cell_mask", "choice")),
    "segment.stain_classes": ("granum.segment.stain_classes:paint_stain_classes", ("classes", "legend")),
    "segment.mask_cleanup": ("granum.segment.mask_cleanup:clean_mask", ("mask",)),
    "segment.components": ("granum.segment.components:label_components", ("labels",)),
    "segment.learned": (
        "granum.segment.learned:segment_by_model",
        ("classes", "mask", "relief", "probabilities", "legend", "choice"),
    ),
    "segment.nuclei": (
        "granum.segment.nuclei:find_nuclei",
        ("mask", "relief", "live_mask", "dead_mask", "choice"),
    ),
    "segment.stain_levels": (
        "granum.segment.stain_levels:find_nuclei_by_level",
        ("mask", "live_mask", "dead_mask", "choice"),
    ),
    "segment.pixel_clusters": (
        "granum.segment.pixel_clusters:cluster_pixels",
        ("classes", "mask", "legend", "choice"),
    ),
    "segment.texture": ("granum.segment.texture:segment_by_texture", ("mask", "votes", "classes", "legend", "choice")),
    "segment.local_contrast": ("granum.segment.local_contrast:segment_by_local_contrast", ("mask",)),
    "segment.grey_clusters": (
        "granum.segment.grey_clusters:cluster_grey_levels",
        ("mask", "classes", "legend", "choice"),
    ),
    "separate.peaks": ("granum.separate.peaks:find_distance_peaks", ("peaks",)),
    "separate.local_kmeans": ("granum.separate.local_kmeans:split_by_local_kmeans", ("labels",)),
    "separate.local_mixture": ("granum.separate.local_mixture:split_by_local_mixture", ("labels",)),
    "separate.local_spectral": ("granum.separate.local_spectral:split_by_local_spectral", ("labels",)),
    "separate.watershed": ("granum.separate.watershed:split_by_watershed", ("labels",)),
    "separate.convexity": ("granum.separate.convexity:split_by_convexity", ("labels",)),
    "separate.ellipses": ("granum.separate.ellipses:split_by_ellipses", ("labels",)),
    "separate.convex_merge": ("granum.separate.convex_merge:split_by_shape", ("labels", "confidence")),
    "separate.object_levels": ("granum.separate.object_levels:refine_object_levels", ("labels",)),
    "separate.choose": ("granum.separate.choose:split_automatically", ("labels", "confidence", "choice")),
    "separate.cut_reasons": ("granum.separate.cut_reasons:merge_needless_cuts", ("labels", "confidence", "choice")),
    "separate.cells": ("granum.separate.cells:grow_cells", ("cells",)),
    "measure.objects": ("granum.measure.objects:measure_objects", ("objects",)),
    "measure.confluency": ("granum.measure.confluency:measure_confluency", ("summary",)),
    "measure.stain_states": ("granum.measure.stain_states:judge_by_mask", ("objects", "summary")),
    "measure.viability": ("granum.measure.viability:judge_nuclei", ("objects", "summary", "choice")),
}

FULL_SIZE_ONLY = frozenset({"segment.learned", "segment.pixel_clusters"})
"""Steps whose lengths are fixed in pixels, by a model or by their features: a shrunken image is another image to them,
so a preview runs them at full size or not at all."""


@dataclass(frozen=True)
class Setting:
    """One keyword-only parameter of a step."""

    name: str
    annotation: Any
    default: Any
    help: str
    range: Range | None
    choices: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """What its values are, None aside."""
        if self.choices:
            return "choice"
        parts = _parts(self.annotation)
        if any(typing.get_origin(part) in (tuple, list) for part in parts):
            return "list"
        words: dict[type, Kind] = {bool: "boolean", int: "integer", float: "number"}
        return next((word for kind, word in words.items() if kind in parts), "text")

    @property
    def is_file(self) -> bool:
        """Whether it names a file whose content counts, not its name."""
        return any(isinstance(part, FilePath) for part in _parts(self.annotation))

    @property
    def is_optional(self) -> bool:
        """Whether it may be None."""
        return type(None) in _parts(self.annotation)

    @property
    def unit(self) -> Unit:
        """Unit of its numbers, "" where they have none."""
        return "" if self.range is None else self.range.unit


@dataclass(frozen=True)
class Step:
    """A step as its signature tells it.

    Parameters
    ----------
    name : str
        "stage.file".
    function : callable
        The stage function.
    reads : tuple of str
        Layers that it needs: its positional parameters without a default.
    reads_if_there : tuple of str
        Layers that it takes when they exist.
    writes : tuple of str
        Layers that it writes, in the order in which the function returns them.
    settings : dict of Setting
        Its keyword-only parameters.
    summary : str
        First line of its docstring.
    full_size_only : bool
        Whether a shrunken image is another image to it, which no setting can make good.
    """

    name: str
    function: Callable[..., Any]
    reads: tuple[str, ...]
    reads_if_there: tuple[str, ...]
    writes: tuple[str, ...]
    settings: dict[str, Setting]
    summary: str
    full_size_only: bool = False


def nearest_name(word: str, names: typing.Iterable[str]) -> str:
    """Return "did you mean 'x'?" for the nearest of `names`, or the list of them when none is near."""
    names = list(names)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return "there are " + ", ".join(names) + "." if names else "there are none."


def _setting_help(docstring: str, name: str) -> str:
    """Return the text of one entry of a numpydoc Parameters section."""
    match = re.search(
        rf"^(?P<pad> *)(?:[\w, ]*, )?{name}\b[^\n]*:[^\n]*\n(?P<text>(?:(?P=pad) +\S[^\n]*\n|\n)+)",
        docstring + "\n",
        re.M,
    )
    return " ".join(match["text"].split()) if match else ""


def _parts(annotation: Any) -> list[Any]:
    """Return an annotation with everything inside it: members of unions, items of tuples, metadata."""
    inside = [*typing.get_args(annotation)] if typing.get_origin(annotation) is not Literal else []
    return [annotation, *(part for option in inside for part in _parts(option))]


def _read_setting(parameter: inspect.Parameter, annotation: Any, docstring: str) -> Setting:
    parts = _parts(annotation)
    limits = next((part for part in parts if isinstance(part, Range)), None)
    choices = tuple(
        str(choice) for part in parts if typing.get_origin(part) is Literal for choice in typing.get_args(part)
    )
    return Setting(
        parameter.name, annotation, parameter.default, _setting_help(docstring, parameter.name), limits, choices
    )


def _from_toml(value: Any, setting: Setting) -> Any:
    """Return a value of a recipe or of `--set` in the type that the setting has.

    TOML has neither None nor tuples, and the command line has only text.
    """
    parts = _parts(setting.annotation)
    if value == "none" and type(None) in parts and "none" not in setting.choices:
        return None
    literals = [choice for part in parts if typing.get_origin(part) is Literal for choice in typing.get_args(part)]
    if isinstance(value, str) and str not in parts and value not in literals:
        try:
            value = read_toml(f"value = {value.strip()}")["value"]
        except RecipeError:
            return value
    if isinstance(value, list) and any(typing.get_origin(part) is tuple for part in parts):
        return tuple(value)
    return value


@cache
def load_step(name: str) -> Step:
    """Return the step of a name such as "segment.threshold".

    Raises
    ------
    RecipeError
        When there is no such step; the message names the nearest.
    """
    if name not in STEPS:
        raise RecipeError(f"step {name!r} does not exist; {nearest_name(name, STEPS)}")
    target, writes = STEPS[name]
    module, function_name = target.split(":")
    function = getattr(importlib.import_module(module), function_name)
    hints = typing.get_type_hints(function, include_extras=True)
    docstring = inspect.getdoc(function) or ""
    reads, optional, settings = [], [], {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            settings[parameter.name] = _read_setting(parameter, hints.get(parameter.name, Any), docstring)
        elif parameter.default is inspect.Parameter.empty:
            reads.append(parameter.name)
        else:
            optional.append(parameter.name)
    summary, full = docstring.split("\n")[0], name in FULL_SIZE_ONLY
    return Step(name, function, tuple(reads), tuple(optional), writes, settings, summary, full)


@cache
def _settings_model(name: str) -> Any:
    """Return the strict pydantic model of a step's settings."""
    import pydantic

    fields: dict[str, Any] = {
        setting.name: (setting.annotation, ... if setting.default is inspect.Parameter.empty else setting.default)
        for setting in load_step(name).settings.values()
    }
    config = pydantic.ConfigDict(
        strict=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False, protected_namespaces=()
    )
    return pydantic.create_model(name.replace(".", "_"), __config__=config, **fields)


def check_settings(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the complete settings of a step, defaults filled in, each of its own type.

    Parameters
    ----------
    name : str
        Name of the step.
    settings : dict
        What the user gave; numbers may be text, as `--set` gives them, and "none" stands for None.

    Raises
    ------
    SettingError
        For an unknown setting (the nearest is named), a wrong type, or a value out of its range (the range is named).
    """
    import pydantic

    step = load_step(name)
    for key in settings:
        if key not in step.settings:
            raise SettingError(f"{name}.{key}: no such setting; {nearest_name(key, step.settings)}")
    given = {key: _from_toml(value, step.settings[key]) for key, value in settings.items()}
    try:
        model = _settings_model(name)(**given)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise _misfit(name, step.settings[str(first["loc"][0])], settings, first["msg"]) from None
    checked = {key: getattr(model, key) for key in step.settings}
    for key, value in checked.items():
        limits = step.settings[key].range
        for number in value if isinstance(value, tuple) else (value,):
            if limits is not None and isinstance(number, int | float) and number not in limits:
                raise SettingError(f"{name}.{key}: {value!r} is out of range, must be {limits}.")
    return checked


def _misfit(name: str, setting: Setting, settings: dict[str, Any], message: str) -> SettingError:
    """Return the error for a value of the wrong type."""
    if setting.name not in settings:
        return SettingError(f"{name}.{setting.name}: is missing, and has no default; give it in the recipe.")
    value = settings[setting.name]
    if setting.choices:
        near = nearest_name(value, setting.choices) if isinstance(value, str) else ""
        hint = f" {near}" if near.startswith("did") else ""
        return SettingError(f"{name}.{setting.name}: {value!r} is not one of {', '.join(setting.choices)}.{hint}")
    limits = f" ({setting.range})" if setting.range is not None else ""
    return SettingError(f"{name}.{setting.name}: {value!r} does not fit: {message.lower()}{limits}.")
