"""Classes of pixels by a model that strokes have taught, and the mask of the class whose pieces become objects."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image
from granum.choice import Choice
from granum.errors import GranumWarning, SettingError, ShapeError
from granum.learn.class_colours import colour_classes
from granum.learn.scribbles import PixelClass
from granum.step_cache import file_key
from granum.steps import FilePath, nearest_name

if TYPE_CHECKING:
    from granum.learn.pixel_model import PixelModel

__all__ = ["area_percents", "check_channels", "find_class", "segment_by_model"]

_MOST_MODELS = 4  # kept in memory; a run uses one, the app perhaps a few

Learned = tuple[
    NDArray[np.uint8],
    NDArray[np.bool_],
    NDArray[np.float32],
    NDArray[np.float32] | None,
    tuple[PixelClass, ...],
    Choice,
]


def segment_by_model(
    image: ArrayLike,
    channels: ArrayLike | None = None,
    area: ArrayLike | None = None,
    pixel_size_nm: float | None = None,
    channel_names: Sequence[str] = (),
    *,
    model: Annotated[str, FilePath()] = "",
    objects: str = "",
    probabilities: bool = False,
) -> Learned:
    """Give every pixel the class that a learnt model finds for it.

    Parameters
    ----------
    image : (Y, X) array_like
        The image; what the model looks at where there are no `channels`.
    channels : (C, Y, X) array_like, optional
        All channels as they are in the file; as many as the model has learnt from.
    area : (Y, X) array_like of bool, optional
        The analysed area; outside it there is no class, and grey levels there do not count.
    pixel_size_nm : float, optional
        Compared with that of the training images.
    channel_names : sequence of str, optional
        Compared with those of the training images.
    model : str
        The file that `granum learn pixels` or the app has written; must be given. In a recipe file, a relative path is
        looked for beside the recipe first.
    objects : str
        Name or id of the class whose pieces are the objects; empty for the last class of the model that is not called
        background, "none" for no objects.
    probabilities : bool
        Return the probabilities too; a run then keeps them as files.

    Returns
    -------
    classes : (Y, X) ndarray of uint8
        Class id of each pixel, 0 outside the area.
    mask : (Y, X) ndarray of bool
        Where the class of the objects is.
    relief : (Y, X) ndarray of float32
        Probability of that class.
    probabilities : (K, Y, X) ndarray of float32 or None
        Of every class in the order of the legend, where they are wanted.
    legend : tuple of PixelClass
        The classes, sorted by id, each with a colour.
    choice : Choice
        Which model, what it says about itself, and how much of the area each class takes.

    Warns
    -----
    GranumWarning
        The image differs from those that the model has learnt from; or the model has three classes or more, and
        `objects` does not say which become objects.

    Raises
    ------
    SettingError
        `model` is missing, or the model has no class `objects`.
    ModelError
        The file is no model, or cannot work on an image with these channels.
    ShapeError
        The arrays do not fit.

    Notes
    -----
    The model stays in memory for the next image. Cost and memory are those of `PixelModel.predict`; all probabilities
    (4 bytes times classes times pixels) are held while it runs.
    """
    image = check_image(image)
    stack = check_channels(image, channels)
    inside = check_area(area, image.shape)
    if not model:
        raise SettingError(
            "segment.learned.model: is not given; choose one that was kept on the Paint tab of the app, or name a file "
            "that granum learn pixels has made (on the command line --set learned.model=FILE)."
        )
    loaded, sha256 = _open_model(model)
    legend = colour_classes(loaded.classes)
    index = find_class(legend, objects, model)
    for note in loaded.check(stack, channel_names=channel_names, pixel_size_nm=pixel_size_nm):
        warnings.warn(note, GranumWarning, stacklevel=2)
    predicted = loaded.predict(stack, area=inside)
    for note in predicted.notes:
        warnings.warn(note, GranumWarning, stacklevel=2)
    chosen = None if index is None else legend[index]
    choice = _explain(loaded, Path(model).name, sha256, legend, chosen, objects, predicted.classes, inside)
    if index is None or chosen is None:
        mask, relief = np.zeros(image.shape, np.bool_), np.zeros(image.shape, np.float32)
    else:
        mask, relief = predicted.classes == chosen.id, predicted.probabilities[index]
    if chosen is not None and len(legend) > 2 and not objects:
        last = f"the last of {len(legend)}{'' if chosen == legend[-1] else ' but background'}"
        warnings.warn(
            f"objects are made of class {chosen.id} ({chosen.name}), {last}; if others are meant, "
            "set segment.learned.objects to a name or id.",
            GranumWarning,
            stacklevel=2,
        )
    # a copy lets the probabilities of the other classes go
    kept = predicted.probabilities if probabilities else None
    return predicted.classes, mask, relief if probabilities else relief.copy(), kept, legend, choice


def check_channels(image: NDArray[Any], channels: ArrayLike | None) -> NDArray[Any]:
    """Return all channels as one C-ordered array, what is not finite replaced by the median of its channel."""
    if channels is None:
        return image[None]
    stack = np.asarray(channels)
    if stack.ndim != 3 or len(stack) == 0 or stack.shape[1:] != image.shape:
        raise ShapeError(
            f"channels: shape {stack.shape} does not fit the image of {image.shape}; needs (C, Y, X) of the same field."
        )
    if len(stack) == 1 and np.shares_memory(stack, image):
        return image[None]
    planes = [check_image(plane, name=f"channel {number}") for number, plane in enumerate(stack)]
    is_same = all(np.shares_memory(plane, stack) for plane in planes)
    return np.ascontiguousarray(stack) if is_same and stack.dtype.isnative else np.stack(planes)


_BACKGROUND = ("background", "bg", "empty", "nothing")

_models: OrderedDict[str, PixelModel] = OrderedDict()
_lock = threading.Lock()


def _open_model(path: str) -> tuple[PixelModel, str]:
    """Return the model of a file and the file's SHA-256; the same content is read once."""
    from granum.learn.model_file import load_model

    key = file_key(path)
    with _lock:
        model = _models.get(key)
    if model is None:
        model = load_model(path)
    with _lock:
        _models[key] = model
        _models.move_to_end(key)
        while len(_models) > _MOST_MODELS:
            _models.popitem(last=False)
    return model, key


def find_class(legend: Sequence[PixelClass], wanted: str, where: str = "the model") -> int | None:
    """Return the index of a class given by name or id; of the last one but background for "", None for "none".

    Raises
    ------
    SettingError
        When there is no such class, or two have that name; the classes are listed.
    """
    if not wanted:  # nobody counts what is called background, whatever the order in which it was painted
        others = [n for n, one in enumerate(legend) if one.name.strip().casefold() not in _BACKGROUND]
        return others[-1] if others else len(legend) - 1
    for matches in (
        [n for n, one in enumerate(legend) if one.name == wanted],
        [n for n, one in enumerate(legend) if one.name.casefold() == wanted.strip().casefold()],
        [n for n, one in enumerate(legend) if str(one.id) == wanted.strip()],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            ids = ", ".join(str(legend[n].id) for n in matches)
            raise SettingError(f"objects: {len(matches)} classes are called {wanted!r}; give one of their ids ({ids}).")
    if wanted == "none":
        return None
    listed = ", ".join(f"{one.id} ({one.name})" for one in legend)
    near = nearest_name(wanted, [one.name for one in legend])
    hint = f" {near}" if near.startswith("did") else ""
    raise SettingError(f"objects: {wanted!r} is no class of {Path(where).name}, which has {listed}.{hint}")


def area_percents(
    classes: NDArray[np.uint8], legend: Sequence[PixelClass], area: NDArray[np.bool_] | None = None
) -> dict[int, float]:
    """Return the share of the analysed pixels that each class takes, in percent, by class id."""
    counts = np.bincount(classes.ravel(), minlength=256)
    n = classes.size if area is None else int(np.count_nonzero(area))
    return {one.id: 100.0 * int(counts[one.id]) / n if n else 0.0 for one in legend}


def _explain(
    model: PixelModel,
    name: str,
    sha256: str,
    legend: Sequence[PixelClass],
    chosen: PixelClass | None,
    objects: str,
    classes: NDArray[np.uint8],
    area: NDArray[np.bool_] | None,
) -> Choice:
    """Return which model was used, what it says about itself, and what it found here."""
    percents = area_percents(classes, legend, area)
    report = model.about.get("report") or {}
    values: dict[str, Any] = {"model": name, "sha256": sha256[:12]}
    values["objects"] = None  # on purpose: `Result.wants_objects`
    ending = " No objects are made, as set."
    if chosen is not None:
        values["objects"] = chosen.name
        default = "the last class" if chosen == legend[-1] else "the last class but background"
        ending = f" Objects are made of {chosen.name} ({'as set' if objects else default})."
    scored = "It carries no score."
    if isinstance(report.get("miou"), int | float):
        values["reported_miou"] = float(report["miou"])
        scored = f"On what it had not seen it scored a mean IoU of {report['miou']:.2f}"
        if isinstance(report.get("low"), int | float) and isinstance(report.get("high"), int | float):
            scored += f" (95 %: {report['low']:.2f} to {report['high']:.2f})"
        scored += "."
    found = ", ".join(f"{one.name} {percents[one.id]:.1f} %" for one in legend)
    reason = f"The model {name} ({model.describe()}) gives {found} of the area. {scored}{ending}"
    return Choice("pixel classes", values, reason)
