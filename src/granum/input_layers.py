"""From an `Image` to the layers that a recipe starts with: planes, all channels, and what is wrong with the pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.arrays import check_image
from granum.channel_roles import FoundChannel, find_channels, role_named, unknown_channel
from granum.errors import SettingError, ShapeError
from granum.image import Image
from granum.preprocess.channel_mean import mean_of_channels
from granum.recipe import Recipe
from granum.step_cache import content_key

__all__ = ["layer_keys", "read_layers"]

_SATURATED_SHARE = 0.01  # of the pixels at the largest value, from which sizes of bright objects are doubtful


def read_layers(
    recipe: Recipe, image: Image, channels: dict[str, int | str | Image], frame: int, z: int | None
) -> tuple[dict[str, Any], list[str], list[str]]:
    """Return the planes that the recipe reads, as layers, and what is wrong with their pixels: flags, sentences.

    Parameters
    ----------
    recipe : Recipe
        What will run.
    image : Image
        The image.
    channels : dict
        What each channel name stands for, as in `granum.pipeline.run`.
    frame, z : int
        Which plane.

    Returns
    -------
    layers : dict
        "image" and "channel.NAME" as they are read; for a recipe that reads it, "channels" with what a model must know
        of them: "channel_names" and "pixel_size_nm" where the file says so. For a recipe with roles, "stains": role ->
        name under which its channel was found; optional roles that were not found have no layer.
    flags, notes : list of str
        In one word, and in a sentence each.

    Raises
    ------
    SettingError
        A channel, frame or z plane is missing or does not exist.
    ShapeError
        Channels do not show the same field.
    """
    _check_kinds(image, channels)
    found, notes = _find_roles(recipe, image, channels)
    wanted: dict[str, int | str | Image | None] = {
        f"channel.{name}": channels.get(name, name) for name in (() if recipe.roles else recipe.channels)
    }
    wanted |= {f"channel.{role}": one.source for role, one in found.items()}
    stack, mixed = _channel_stack(recipe, image, channels, frame, z) if recipe.reads_channels else (None, None)
    if recipe.assay == "confluency" and recipe.reads_image and image.colour and "image" not in channels:
        # a photograph of a dish: no colour means anything, and no cell lab has reason to choose one
        planes = [image.plane(frame=frame, channel=number, z=z) for number in range(image.shape[1])]
        mixed = mean_of_channels(np.stack(planes))
        notes.append("image: is true colour; the mean of its channels is analysed (--channel image=N takes one).")
    if recipe.reads_image or recipe.reads_channels or not wanted:
        wanted = {"image": channels.get("image"), **wanted}
    layers: dict[str, Any] = {}
    flags: list[str] = []
    for layer, source in wanted.items():
        try:
            if layer == "image" and mixed is not None:
                pixels = mixed
            elif isinstance(source, Image):
                pixels = _same_plane(source, frame, z)
            else:
                pixels = image.plane(frame=frame, channel=source, z=z)
        except SettingError as error:
            where = "" if layer == "image" else f"{layer}: "
            raise SettingError(f"{where}{error}") from None
        filled = check_image(pixels, name=layer)
        # steps fill what is not finite by themselves; the one that finds the analysed area must see where it is
        finite = np.isfinite(pixels) if np.asarray(pixels).dtype.kind == "f" else True
        layers[layer] = filled if np.all(finite) else np.where(finite, filled, filled.dtype.type(np.nan))
        for flag, note in _pixel_notes(np.asarray(pixels), filled):
            flags.append(flag)
            notes.append(f"{layer}: {note}")
    shapes = {layer: plane.shape for layer, plane in layers.items()}
    if len(set(shapes.values())) > 1:
        raise ShapeError(f"channels: have different shapes ({shapes}); they must show the same field.")
    if recipe.roles:
        layers["stains"] = {role: one.stain for role, one in found.items()}
    if stack is not None:
        layers["channels"] = layers["image"][None] if len(stack) == 1 else stack
        if mixed is not None and any("objects" in step.writes for step in recipe.steps):
            notes.append(
                f"image: has {len(stack)} channels; grey levels of objects are those of their mean "
                "(--channel image=N takes one)."
            )
        if image.channel_names and len(stack) == len(image.channel_names):
            layers["channel_names"] = image.channel_names
        if image.pixel_size is not None:
            layers["pixel_size_nm"] = math.sqrt(image.pixel_size.nm[0] * image.pixel_size.nm[1])
    return layers, flags, notes


def _find_roles(
    recipe: Recipe, image: Image, channels: Mapping[str, int | str | Image]
) -> tuple[dict[str, FoundChannel], list[str]]:
    if not recipe.roles:
        return {}, []
    known = (*(["image"] if recipe.reads_image else []), *recipe.channels)
    for name in channels:
        if name not in known and role_named(recipe.roles, name) is None and not recipe.reads_channels:
            raise unknown_channel(name, recipe.name, known, recipe.roles)
    return find_channels(recipe.roles, image, channels, recipe=recipe.name)


def _same_plane(source: Image, frame: int, z: int | None) -> NDArray[Any]:
    """Return the plane of another image that goes with a frame; what has one frame or z plane goes with all."""
    return source.plane(frame=frame if source.n_frames > 1 else 0, z=z if source.shape[2] > 1 else None)


def _channel_stack(
    recipe: Recipe, image: Image, channels: Mapping[str, int | str | Image], frame: int, z: int | None
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return all channels as (C, Y, X), and their mean where no channel was named as the image."""
    main = channels.get("image")
    if main is None:
        planes = [image.plane(frame=frame, channel=number, z=z) for number in range(image.shape[1])]
    else:
        planes = [
            _same_plane(main, frame, z) if isinstance(main, Image) else image.plane(frame=frame, channel=main, z=z)
        ]
    own_use = {"image", *recipe.channels}
    planes += [
        _same_plane(source, frame, z)
        for name, source in channels.items()
        if isinstance(source, Image) and name not in own_use
    ]
    shapes = {plane.shape for plane in planes}
    if len(shapes) > 1:
        raise ShapeError(f"channels: have different shapes ({sorted(shapes)}); they must show the same field.")
    stack = np.stack(planes) if len(planes) > 1 else np.asarray(planes[0])[None]
    if main is not None or len(stack) == 1 or image.shape[1] == 1:
        return stack, None
    return stack, mean_of_channels(stack)


def _pixel_notes(pixels: NDArray[Any], image: NDArray[Any]) -> Iterator[tuple[str, str]]:
    """Yield what the user must know about the pixels: a flag and a sentence each."""
    if pixels.dtype.kind == "f":
        n_bad = pixels.size - int(np.isfinite(pixels).sum())
        if n_bad:
            text = (
                f"{n_bad} of {pixels.size} pixels are NaN or infinite; where a step needs a value it took the median."
            )
            yield "not_finite", text
    low, high = image.min(), image.max()
    if low == high:
        yield "constant", f"all {pixels.size} pixels have the same value ({low:g}); there is nothing to find."
    elif pixels.dtype.kind in "iu" and high == np.iinfo(pixels.dtype).max:
        share = float(np.count_nonzero(image == high)) / image.size
        if share > _SATURATED_SHARE:
            text = f"{100 * share:.1f} % of the pixels are saturated (value {high}); bright objects look larger."
            yield "saturated", text


def _check_kinds(image: object, channels: Mapping[str, object]) -> None:
    """Raise for arrays in place of images: it must be told what their axes are."""
    given = {"image": image} | {
        f"channel {name!r}": one for name, one in channels.items() if isinstance(one, np.ndarray)
    }
    for name, one in given.items():
        if not isinstance(one, Image):
            raise SettingError(
                f"{name}: is {type(one).__name__}, not an Image; make one with granum.Image.from_array(array), or with "
                "axes='CYX' of several channels."
            )


def layer_keys(layers: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands for the content of each layer that was read."""
    keys = {
        name: content_key(value) if isinstance(value, np.ndarray) else repr(value)
        for name, value in layers.items()
        if name != "channels"
    }
    if "channels" in layers:
        stack = layers["channels"]
        keys["channels"] = f"channels {keys['image']}" if len(stack) == 1 else content_key(stack)
    return keys
