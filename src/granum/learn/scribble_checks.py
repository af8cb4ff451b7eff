"""Checks of strokes before anything is learnt: what cannot be learnt, what is left out, what the user must know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError, ShapeError
from granum.learn.scribbles import PixelClass, Scribbles

__all__ = ["check_classes", "check_scribbles", "fit_scribbles", "name_classes"]

_FEW_PX = 20
_MANY_OBJECTS = 5


def fit_scribbles(scribbles: Scribbles, channels: NDArray[Any], *, area: NDArray[np.bool_] | None = None) -> Scribbles:
    """Return the strokes without what lies outside the analysed area, or on pixels that are not numbers.

    Parameters
    ----------
    scribbles : Scribbles
        What was painted.
    channels : (C, Y, X) ndarray
        The image.
    area : (Y, X) ndarray of bool, optional
        What may be analysed.

    Returns
    -------
    fitted : Scribbles
        With a note on what was left out.

    Raises
    ------
    ShapeError
        When the strokes were painted on an image of another size.
    """
    shape = channels.shape[1:]
    if scribbles.shape != shape:
        raise ShapeError(
            f"{scribbles.name}: the strokes are of an image of {scribbles.shape[0]} x {scribbles.shape[1]} pixels, the "
            f"image has {shape[0]} x {shape[1]}; give the strokes of this image, at its full size."
        )
    if area is not None and area.shape != shape:
        raise ShapeError(f"{scribbles.name}: the area has shape {area.shape}, the image has {shape}.")
    kept, notes = np.ones(scribbles.n_px, np.bool_), []
    if area is not None:
        kept = area[scribbles.y, scribbles.x]
        if n_out := int(np.count_nonzero(~kept)):
            notes.append(
                f"{scribbles.name}: {n_out} painted pixels lie outside the analysed area (an information bar, say);"
                " they are left out."
            )
    if channels.dtype.kind == "f":
        finite = np.isfinite(channels[:, scribbles.y, scribbles.x]).all(axis=0)
        if n_nan := int(np.count_nonzero(kept & ~finite)):
            notes.append(
                f"{scribbles.name}: {n_nan} painted pixels are not numbers (NaN or infinite); they are left out."
            )
        kept &= finite
    return scribbles if not notes else scribbles.keep(kept, notes=tuple(notes))


def check_scribbles(
    scribbles: Sequence[Scribbles], classes: Sequence[PixelClass] = ()
) -> tuple[tuple[PixelClass, ...], list[str]]:
    """Return the classes that can be learnt, and what the user must know about the strokes.

    Parameters
    ----------
    scribbles : sequence of Scribbles
        Of all images.
    classes : sequence of PixelClass
        Those that are known by name; what is painted beyond them gets the name that came with the strokes, else
        "class 7".

    Returns
    -------
    used : tuple of PixelClass
        Those with strokes, sorted by id.
    notes : list of str
        Classes without a stroke, with very few pixels, on one image only; numbers that look like those of objects.

    Raises
    ------
    SettingError
        When nothing is painted, one class only, or `classes` has an id or a name twice.
    """
    check_classes(classes)
    n_px = np.zeros(256, np.int64)
    n_strokes, n_images = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for one in scribbles:
        counts = one.counts()
        ids = np.array([stroke.class_id for stroke in counts], np.int64)
        n_px += np.bincount(ids, [stroke.n_px for stroke in counts], 256).astype(np.int64)
        n_strokes += np.bincount(ids, minlength=256)
        n_images[np.unique(ids)] += 1
    painted = np.flatnonzero(n_px)
    named = {one.id: one for one in name_classes(scribbles, classes)}
    if not painted.size:
        raise SettingError("strokes: nothing is painted; paint at least one stroke of each of two classes.")
    if painted.size == 1:
        raise SettingError(
            f"strokes: only {named[int(painted[0])].name!r} is painted; paint at least one stroke of a second class,"
            " such as the background."
        )
    notes = []
    if unused := [one.name for one in sorted(classes) if not n_px[one.id]]:
        notes.append(f"{_quoted(unused)} {_has(unused)} no stroke; the model will not know it.")
    few = [int(one) for one in painted if n_px[one] < _FEW_PX]
    notes += [
        f"{named[one].name!r} has {n_px[one]} painted pixel{'s' if n_px[one] > 1 else ''} in all; that is learnt"
        " from, but says little about how much the class varies."
        for one in few
    ]
    if single := [named[int(one)].name for one in painted if n_strokes[one] == 1 and int(one) not in few]:
        notes.append(f"{_quoted(single)} {_has(single)} one stroke only; a score needs a second one that is left out.")
    if len(painted) >= _MANY_OBJECTS and (n_strokes[painted] == n_images[painted]).all():
        notes.append(
            f"Each of the {len(painted)} numbers is a single piece on every image: they look like numbers of objects, "
            "not of classes. Paint all objects of one kind with one number, and the background with another."
        )
    return tuple(named[int(class_id)] for class_id in painted), notes


def name_classes(scribbles: Sequence[Scribbles], classes: Sequence[PixelClass] = ()) -> tuple[PixelClass, ...]:
    """Return a class for every number that is painted or given, sorted by id.

    Raises
    ------
    SettingError
        When two files of strokes give one number different names, and `classes` does not say which it is.
    """
    named = {one.id: one for one in classes}
    source: dict[int, str] = {}
    for one in scribbles:
        for class_id, given in sorted(one.names.items()):
            other = named.get(class_id)
            if class_id in source and other is not None and other.name != given.name:
                raise SettingError(
                    f"class {class_id} is {other.name!r} on {source[class_id]} and {given.name!r} on {one.name}; write"
                    " the names of all classes in one classes.csv."
                )
            if other is None:
                named[class_id], source[class_id] = given, one.name
    for one in scribbles:
        for class_id in map(int, np.unique(one.class_ids)):
            named.setdefault(class_id, PixelClass(class_id, f"class {class_id}"))
    return tuple(named[class_id] for class_id in sorted(named))


def check_classes(classes: Sequence[PixelClass]) -> None:
    """Raise `SettingError` when an id is not 1 to 255, or an id or a name is there twice."""
    ids: dict[int, str] = {}
    names: dict[str, int] = {}
    for one in classes:
        if not 1 <= one.id <= 255:
            raise SettingError(f"class {one.name!r} has the number {one.id}, must be 1 to 255 (0 is unpainted).")
        if one.id in ids:
            raise SettingError(
                f"class {one.id} has two names, {ids[one.id]!r} and {one.name!r}; give every number one."
            )
        if one.name in names:
            raise SettingError(
                f"class {one.name!r} has two numbers, {names[one.name]} and {one.id}; give every class its own name."
            )
        ids[one.id], names[one.name] = one.name, one.id


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _has(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"
