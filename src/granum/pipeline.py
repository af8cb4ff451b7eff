"""`run(recipe, image)`: the only place that chains stages.

It reads the planes that a recipe needs, hands each step its layers, collects what the steps chose by themselves and
what they warn about, and can keep every step's result so that moving one slider recomputes only what depends on it.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from granum.arrays import check_image
from granum.choice import Choice
from granum.errors import GranumError, GranumWarning, SettingError
from granum.image import Image, PixelSize
from granum.input_layers import layer_keys, read_layers
from granum.object_table import ObjectTable
from granum.recipe import Recipe, RecipeStep, load_recipe
from granum.step_cache import Cache, StepResult, file_key, layer_key
from granum.steps import load_step

if TYPE_CHECKING:
    from granum.learn.scribbles import PixelClass

__all__ = ["Cache", "Result", "run"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Result:
    """What a recipe made of one plane.

    Parameters
    ----------
    recipe : Recipe
        What ran.
    picture : (Y, X) ndarray
        The plane as it was read (that of the first channel where a recipe reads no image), NaN and infinities filled.
    layers : dict
        Every named layer after the last step: "image", "mask", "labels", "objects", ...
    choices : tuple of Choice
        What the steps chose by themselves, in order.
    seconds : dict
        Step -> seconds, in order; 0 where the result came from the cache.
    warnings : tuple of str
        What the user must know before publishing a number.
    pixel_size : PixelSize or None
        Of the image.
    frame : int
        Time point that was read.
    flags : tuple of str
        The warnings about the pixels in one word each: "not_finite", "constant", "saturated", "no_objects".
    """

    recipe: Recipe
    picture: NDArray[Any]
    layers: dict[str, Any]
    choices: tuple[Choice, ...]
    seconds: dict[str, float]
    warnings: tuple[str, ...]
    pixel_size: PixelSize | None
    frame: int = 0
    flags: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the image."""
        height, width = self.picture.shape
        return height, width

    @property
    def labels(self) -> NDArray[np.int32] | None:
        """The layer `labels`, or None when the recipe makes none."""
        return self.layers.get("labels")

    @property
    def objects(self) -> ObjectTable | None:
        """The layer `objects`, or None when the recipe measures none."""
        return self.layers.get("objects")

    @property
    def classes(self) -> NDArray[np.uint8] | None:
        """The layer `classes`, 0 outside the analysed area, or None when the recipe makes none."""
        return self.layers.get("classes")

    @property
    def legend(self) -> tuple[PixelClass, ...]:
        """Ids, names and colours of the classes; empty when the recipe makes none."""
        return self.layers.get("legend") or ()

    @property
    def summary(self) -> dict[str, Any]:
        """The layer `summary`: numbers of the whole image by name, of all steps that write some; often empty."""
        return self.layers.get("summary") or {}

    @property
    def wants_objects(self) -> bool:
        """Whether no step was told to make no objects, as `segment.learned` with ``objects = "none"`` is."""
        return _wants_objects(self.choices)

    @property
    def n_objects(self) -> int:
        """Number of objects, 0 when the recipe makes no labels."""
        return 0 if self.labels is None else int(self.labels.max(initial=0))

    @property
    def threshold(self) -> float | None:
        """The grey level that the last thresholding step used, or None when it has no single one."""
        for choice in reversed(self.choices):
            value = choice.chosen.get("threshold")
            if isinstance(value, int | float):
                return float(value)
        return None


def run(
    recipe: Recipe | str,
    image: Image,
    *,
    frame: int = 0,
    channels: Mapping[str, int | str | Image] | None = None,
    z: int | None = None,
    progress: Progress | None = None,
    cache: Cache | None = None,
    keep: Collection[str] | None = None,
    edits: Sequence[Mapping[str, Any]] | None = None,
    given: Mapping[str, Any] | None = None,
) -> Result:
    """Run a recipe on one plane of an image.

    Parameters
    ----------
    recipe : Recipe or str
        The recipe, or the name or path of one.
    image : Image
        The image.
    frame : int
        Time point, from 0.
    channels : dict, optional
        What each channel name stands for: an index or name of a channel of `image`, or another `Image`. "image" is the
        channel that the layer `image` is read from; it may be left out where there is only one. A recipe that reads
        the layer `channels` gets all channels of `image`, then those of the other images given here; with "image", only
        that one. Where "image" is left out, the layer `image` of such a recipe is the mean of the channels.
    z : int, optional
        Plane along z, needed where there are several.
    progress : callable, optional
        Called as ``progress(step_index, n_steps, name)`` before each step, and once with ``(n_steps, n_steps, "")``.
    cache : Cache, optional
        Where to find and keep the results of single steps; not used with `given`.
    keep : collection of str, optional
        Layers that the result must hold; others are let go as soon as no later step reads them, which saves memory on
        large images. By default all are.
    edits : sequence of dict, optional
        Corrections of the labels by hand (`granum.separate.edits`), made after the last step that writes them. They are
        then numbered without gaps; objects that were touched get the confidence 1 and the flag ``edited``.
    given : dict, optional
        Layers that are known already, as the last step that writes them would leave them. Steps that serve only to make
        them, or what is not in `keep`, are not run.

    Returns
    -------
    result : Result
        Always defined: an empty, constant or NaN image has 0 objects and a warning that says why.

    Raises
    ------
    SettingError
        A channel, frame or z plane is missing or does not exist.
    GranumError
        A step cannot work on this image (the message says which), or a correction does not go with its labels.
    """
    if isinstance(recipe, str):
        recipe = load_recipe(recipe)
    given, cache = given or {}, None if given else cache
    ready = {layer: _last_writer(recipe, layer) for layer in given}
    needed = _steps_needed(recipe, ready, keep) if given and keep is not None else set(range(len(recipe.steps)))
    last_labels = _last_writer(recipe, "labels")
    if edits and last_labels < 0:
        raise SettingError(f"edits: recipe {recipe.name!r} makes no labels that could be corrected by hand.")
    edited: NDArray[np.bool_] | None = None
    layers, flags, notes = read_layers(recipe, image, dict(channels or {}), frame, z)
    picture = check_image(next(iter(layers.values())))
    keys = layer_keys(layers) if cache is not None else {}
    choices: list[Choice] = []
    seconds: dict[str, float] = {}
    ready_after = {last: {layer: given[layer] for layer in given if ready[layer] == last} for last in ready.values()}
    layers.update(ready_after.get(-1, {}))
    for number, step in enumerate(recipe.steps):
        if number not in needed:
            layers.update(ready_after.get(number, {}))
            continue
        if progress is not None:
            progress(number, len(recipe.steps), step.do)
        start = time.perf_counter()
        data = _inputs(step, layers)
        key = _step_key(step, {name: keys.get(layer, "") for name, layer in data.items()}) if cache is not None else ""
        kept = cache.get(key) if cache is not None else None
        if kept is None:
            known = [(keys[layer], layers[layer]) for layer in data.values() if layer in keys]
            with nullcontext() if cache is None else cache.remembering(known):
                kept = _run_step(step, number + 1, {name: layers[layer] for name, layer in data.items()})
            if cache is not None:
                kept.keys = {name: layer_key(value, f"{key}:{name}") for name, value in kept.outputs.items()}
                cache.put(key, kept)
            elapsed = time.perf_counter() - start
        else:
            elapsed = 0.0
        layers.update(_with_earlier_summary(layers, kept.outputs))
        layers.update(ready_after.get(number, {}))
        keys.update(kept.keys)
        if edits and number == last_labels:
            edited = _correct(layers, keys, edits)
            notes.append(f"{len(edits)} correction{'s' * (len(edits) > 1)} by hand went into the labels.")
        if keep is not None:
            for layer in layers.keys() - set(keep) - _read_later(recipe, number + 1):
                del layers[layer]
        choices += kept.choices
        notes += kept.warnings
        seconds[_numbered(step.do, seconds)] = elapsed
    if progress is not None:
        progress(len(recipe.steps), len(recipe.steps), "")
    if edited is not None and "objects" in layers:
        from granum.measure.flags import flag_edited

        layers["objects"] = flag_edited(layers["objects"], edited)
    if isinstance(layers.get("labels"), np.ndarray) and not layers["labels"].any() and _wants_objects(choices):
        flags.append("no_objects")
        notes.append("no object was found.")
    return Result(
        recipe, picture, layers, tuple(choices), seconds, _unique(notes), image.pixel_size, frame, _unique(flags)
    )


def _with_earlier_summary(layers: Mapping[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """Return what a step wrote, its summary joined to that of the steps before it."""
    if "summary" not in outputs or "summary" not in layers:
        return outputs
    return {**outputs, "summary": {**layers["summary"], **outputs["summary"]}}


def _wants_objects(choices: Sequence[Choice]) -> bool:
    """Whether no choice says that objects are not wanted: {"objects": None}."""
    return all(choice.chosen.get("objects", "") is not None for choice in choices)


def _correct(layers: dict[str, Any], keys: dict[str, str], edits: Sequence[Mapping[str, Any]]) -> NDArray[np.bool_]:
    """Correct the labels and their confidence in place; return which objects were touched by hand."""
    from granum.separate.edits import edit_labels

    result = edit_labels(layers["labels"], edits=edits)
    layers["labels"], confidence, edited = result.number(layers.get("confidence"))
    layers |= {} if confidence is None else {"confidence": confidence}
    keys.update({layer: f"{keys[layer]}:{[*map(dict, edits)]}" for layer in ("labels", "confidence") if layer in keys})
    return edited


def _last_writer(recipe: Recipe, layer: str) -> int:
    """Return the number of the last step that writes a layer, from 0."""
    return max((number for number, step in enumerate(recipe.steps) if layer in step.writes), default=-1)


def _steps_needed(recipe: Recipe, ready: Mapping[str, int], keep: Collection[str]) -> set[int]:
    """Return the steps without which `keep` cannot be had; `ready` are the layers given, with their last step."""
    needed: set[int] = set()
    wanted = set(keep)
    for number in reversed(range(len(recipe.steps))):
        step = recipe.steps[number]
        wanted -= {layer for layer, last in ready.items() if last == number}
        if wanted & set(step.writes):
            needed.add(number)
            wanted = (wanted - set(step.writes)) | _may_read(step)
    return needed


def _may_read(step: RecipeStep) -> set[str]:
    known = load_step(step.do)
    return {step.from_.get(name, name) for name in (*known.reads, *known.reads_if_there)}


def _read_later(recipe: Recipe, start: int) -> set[str]:
    """Return the layers that the steps from `start` on may read."""
    return set().union(*(_may_read(step) for step in recipe.steps[start:]))


def _unique(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _numbered(name: str, taken: Mapping[str, Any]) -> str:
    """Return `name`, or `name#2` when the recipe has that step already."""
    number = 1
    while (unique := name if number == 1 else f"{name}#{number}") in taken:
        number += 1
    return unique


def _inputs(step: RecipeStep, layers: Mapping[str, Any]) -> dict[str, str]:
    """Return parameter -> layer for all that the step reads and that is there."""
    known = load_step(step.do)
    data = {name: step.from_.get(name, name) for name in known.reads}
    for name in known.reads_if_there:
        layer = step.from_.get(name, name)
        if layer in layers:
            data[name] = layer
    return data


def _run_step(step: RecipeStep, number: int, data: dict[str, Any]) -> StepResult:
    """Call one step and return what it wrote, chose and warned about."""
    where = f"step {number} ({step.do})"
    with _collected_warnings() as notes:
        try:
            returned = load_step(step.do).function(**data, **step.settings)
        except GranumError as error:
            raise type(error)(f"{where}: {error}") from error
        except MemoryError as error:
            raise GranumError(f"{where}: not enough memory for this image ({error}).") from error
        except Exception as error:
            error.add_note(f"in {where} of the recipe")
            raise
    written = step.writes
    values = returned if len(written) > 1 and isinstance(returned, tuple) else (returned,)
    if len(values) != len(written):
        raise TypeError(f"{where}: returned {len(values)} values for the layers {', '.join(written)}.")
    outputs = dict(zip(written, values, strict=True))
    chosen = outputs.pop("choice", None)
    choices = (chosen,) if isinstance(chosen, Choice) else tuple(chosen or ())
    if step.do == "segment.threshold" and not choices:
        choices = _explain_threshold(step, data)
    return StepResult(outputs, choices, tuple(f"{step.do}: {note}" for note in notes))


def _explain_threshold(step: RecipeStep, data: dict[str, Any]) -> tuple[Choice, ...]:
    """Return the level of a global threshold, which belongs in images.csv though the step returns only a mask."""
    from granum.segment.polarity import find_polarity
    from granum.segment.threshold import threshold_value

    method, polarity = step.settings["method"], step.settings["polarity"]
    if method in ("sauvola", "phansalkar"):  # one threshold per pixel
        return ()
    image, area = data["image"], data.get("area")
    side = find_polarity(image, area) if polarity == "auto" else polarity
    level = threshold_value(image, area, method=method, polarity=side)
    side_words = f"{side} objects, as the image shows" if polarity == "auto" else f"{side} objects, as set"
    reason = f"The method {method!r} puts the threshold at {level:.6g} for {side_words}."
    return (Choice("threshold", {"method": method, "polarity": side, "threshold": level}, reason),)


@contextmanager
def _collected_warnings() -> Iterator[list[str]]:
    """Collect every `GranumWarning` as text; any other warning goes where it would have gone."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GranumWarning)
        yield notes
    for warning in caught:
        if issubclass(warning.category, GranumWarning):
            notes.append(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _step_key(step: RecipeStep, inputs: Mapping[str, str]) -> str:
    """Return the key of a step's result.

    See `layer_key`: beside the pixels that came from the file only masks are hashed, and files that settings name.
    """
    known = load_step(step.do)
    function = known.function
    settings = [
        (name, file_key(value) if value and known.settings[name].is_file else value)
        for name, value in sorted(step.settings.items())
    ]
    text = repr((function.__module__, function.__qualname__, step.writes, settings, sorted(inputs.items())))
    return hashlib.sha256(text.encode()).hexdigest()
