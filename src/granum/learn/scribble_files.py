"""Strokes from image files: label images with 0 = unpainted, and drawings in a few pure colours.

A file is one or the other by what it holds. Grey, or colours that come with an index (palettes): the numbers are the
classes. Red, green, blue: every colour is a class, on black, white or transparent ground. Colours have no order of
their own, so a drawing can only be turned into classes when all colours of all drawings are known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import ReadError, SettingError, ShapeError
from granum.learn.class_lists import classes_of_json
from granum.learn.scribbles import PixelClass, Scribbles, make_scribbles
from granum.read.bounds import reading
from granum.read.formats import find_format
from granum.read.image_files import read_image

__all__ = ["Drawing", "assign_colours", "read_drawing", "read_scribbles", "scribbles_of_drawing"]

_MOST_COLOURS = 32
_PILLOW_PX = 80_000_000
_BLACK, _WHITE = 0x000000, 0xFFFFFF


@dataclass(frozen=True, eq=False)
class Drawing:
    """What a file of strokes holds, before its colours are classes.

    Parameters
    ----------
    path : Path
        The file.
    values : (Y, X) ndarray of int
        Class ids, or 0 and the places in `colours` counted from 1.
    colours : tuple of str
        "#rrggbb" of a drawing, sorted; empty for a label image.
    classes : tuple of PixelClass
        Names that the file gives.
    notes : tuple of str
        How it was read.
    """

    path: Path
    values: NDArray[Any]
    colours: tuple[str, ...] = ()
    classes: tuple[PixelClass, ...] = ()
    notes: tuple[str, ...] = ()


def read_scribbles(
    path: str | Path,
    *,
    name: str = "",
    shape: tuple[int, int] | None = None,
    classes: Sequence[PixelClass] = (),
    class_map: Mapping[int, int] | None = None,
) -> Scribbles:
    """Return the strokes of one file.

    Parameters
    ----------
    path : str or Path
        TIFF, PNG or another image with one number per pixel, 0 = unpainted; or a drawing of at most 32 pure colours on
        black, white or transparent ground.
    name : str
        Of the image that was painted on; by default the name of the file.
    shape : (int, int), optional
        Rows and columns that the image has.
    classes : sequence of PixelClass
        Those of a drawing by their colours; without, its colours are the classes 1, 2, ... in the order of their hex
        codes and go by them.
    class_map : mapping of int to int, optional
        Number in a label image -> class, 0 to leave it out; every number that is painted must be in it.

    Returns
    -------
    scribbles : Scribbles
        Every 8-connected piece of one class is a stroke.

    Raises
    ------
    ReadError
        When the file cannot be read, has several planes, fractions, negative numbers, or too many colours.
    ShapeError
        When it is not of `shape`, or holds numbers over 255.
    SettingError
        When a number is not in `class_map`, or a colour is none of `classes`.
    """
    drawing = read_drawing(Path(path))
    ids = assign_colours([drawing], classes)
    return scribbles_of_drawing(drawing, ids, name=name or Path(path).name, shape=shape, class_map=class_map)


def read_drawing(path: Path) -> Drawing:
    """Return what a file of strokes holds.

    Raises
    ------
    ReadError
        As in `read_scribbles`.
    """
    image = read_image(path)  # refuses what is damaged or too large before anything is decoded
    if image.shape[0] * image.shape[2] > 1:
        n_planes = image.shape[0] * image.shape[2]
        raise ReadError(f"{path}: holds {n_planes} planes; give one plane of strokes for each plane that was painted.")
    format = find_format(path)[0].name
    if format == "JPEG":
        raise ReadError(f"{path}: is a JPEG, which blurs strokes; save the strokes as PNG or TIFF.")
    with reading(path, "strokes"):
        samples, palette = _decode(path, format)
    while samples.ndim > 2 and samples.shape[0] == 1:
        samples = samples[0]
    if palette is not None and _counts_as_numbers(samples, palette):
        named = (PixelClass(int(i), f"class {i}", palette[i]) for i in np.unique(samples) if 0 < i < len(palette))
        return Drawing(path, samples, classes=tuple(named))
    if palette is not None:
        table = np.array([[*bytes.fromhex(colour[1:])] for colour in palette], np.uint8)
        samples = table[samples]
    if samples.ndim == 2:
        return Drawing(path, _whole_numbers(path, samples), classes=_names_inside(path, format))
    if samples.ndim == 3 and samples.shape[2] in (1, 2, 3, 4) and samples.shape[2] <= min(samples.shape[:2]) + 4:
        return _read_colours(path, samples)
    if samples.ndim == 3 and samples.shape[0] in (3, 4):
        return _read_colours(path, np.moveaxis(samples, 0, -1))
    raise ReadError(f"{path}: has shape {samples.shape}; strokes are one number or one colour per pixel.")


def assign_colours(drawings: Sequence[Drawing], classes: Sequence[PixelClass]) -> dict[str, PixelClass]:
    """Return which class each colour of some drawings is.

    Parameters
    ----------
    drawings : sequence of Drawing
        All that are learnt from together.
    classes : sequence of PixelClass
        Those with a colour decide; none has one: all colours become classes in the order of their hex codes.

    Raises
    ------
    SettingError
        When a colour is none of the classes', or there are more than 32.
    """
    where = {colour: drawing.path for drawing in reversed(drawings) for colour in drawing.colours}
    known = {one.colour.lower(): one for one in classes if one.colour}
    if known:
        for colour in sorted(where):
            if colour not in known:
                listed = ", ".join(f"{one.colour} ({one.name})" for one in known.values())
                raise SettingError(
                    f"{where[colour]}: is painted in {colour}, no class; those of the classes are {listed}."
                )
        return {colour: known[colour] for colour in sorted(where)}
    if len(where) > _MOST_COLOURS:
        raise SettingError(
            f"strokes: the drawings have {len(where)} colours in all, at most {_MOST_COLOURS} are taken."
        )
    return {colour: PixelClass(i, colour, colour) for i, colour in enumerate(sorted(where), 1)}


def scribbles_of_drawing(
    drawing: Drawing,
    colours: Mapping[str, PixelClass],
    *,
    name: str,
    shape: tuple[int, int] | None = None,
    class_map: Mapping[int, int] | None = None,
) -> Scribbles:
    """Return the strokes of a drawing whose colours are known; parameters as in `read_scribbles`."""
    values = drawing.values
    if shape is not None and values.shape != tuple(shape):
        raise ShapeError(
            f"{drawing.path}: the strokes have {values.shape[0]} x {values.shape[1]} pixels, the image {name} has "
            f"{shape[0]} x {shape[1]}; give the strokes of this image, at its full size."
        )
    named = {one.id: one for one in drawing.classes}
    if drawing.colours:
        table = np.array([0, *(colours[colour].id for colour in drawing.colours)])
        values = table[values]
        named = {colours[colour].id: colours[colour] for colour in drawing.colours}
    if class_map is not None and not drawing.colours:
        numbers, places = np.unique(values, return_inverse=True)
        missing = [int(n) for n in numbers if n and int(n) not in class_map]
        if missing:
            raise SettingError(
                f"{drawing.path}: the number {missing[0]} is painted, but not in class_map; say which class it is, or 0"
                " to leave it out."
            )
        values = np.array([class_map.get(int(n), 0) for n in numbers])[places].reshape(values.shape)
        named = {}
    try:
        return make_scribbles(values, name=name, names=named, notes=drawing.notes)
    except ShapeError as error:
        raise ShapeError(f"{drawing.path}: {error}") from None


def _decode(path: Path, format: str) -> tuple[NDArray[Any], list[str] | None]:
    """Return the samples as they are stored, and the colours of a PNG with a palette."""
    if format == "PNG":
        import imagecodecs

        with path.open("rb") as file:
            has_palette = file.read(26)[25] == 3
        samples = np.asarray(imagecodecs.png_decode(path.read_bytes()))
        # the indices of a palette come from Pillow, which does not open what is larger
        is_small = samples.shape[0] * samples.shape[1] <= _PILLOW_PX
        return _decode_palette(path, samples) if has_palette and is_small else (samples, None)
    if format == "TIFF":
        import tifffile

        return np.asarray(tifffile.imread(path)), None
    image = read_image(path)
    planes = [image.plane(channel=c) for c in range(image.shape[1])]
    return planes[0] if len(planes) == 1 else np.stack(planes, axis=-1), None


def _decode_palette(path: Path, samples: NDArray[Any]) -> tuple[NDArray[Any], list[str] | None]:
    """Return the indices of a PNG and their colours; its samples when some colours are transparent."""
    from PIL import Image

    with Image.open(path) as picture:
        if picture.mode != "P" or "transparency" in picture.info:
            return samples, None
        flat = picture.getpalette() or []
        return np.asarray(picture), ["#" + bytes(flat[i : i + 3]).hex() for i in range(0, len(flat) - 2, 3)]


def _counts_as_numbers(indices: NDArray[Any], palette: list[str]) -> bool:
    """Whether the indices of a palette are classes: 0 is the ground, and black or white."""
    counts = np.bincount(indices.ravel(), minlength=1)
    return int(counts.argmax()) == 0 and palette[0] in ("#000000", "#ffffff")


def _whole_numbers(path: Path, plane: NDArray[Any]) -> NDArray[Any]:
    if plane.dtype.kind == "f":
        if not np.isfinite(plane).all() or (plane != np.rint(plane)).any():
            raise ReadError(f"{path}: holds fractions; strokes are whole numbers, one for each class, 0 = unpainted.")
        plane = plane.astype(np.int64)
    if plane.dtype.kind not in "iub":
        raise ReadError(f"{path}: holds {plane.dtype} values; strokes are whole numbers, 0 = unpainted.")
    if int(plane.min()) < 0:
        raise ReadError(f"{path}: holds the negative number {plane.min()}; classes are 1 to 255, 0 = unpainted.")
    return plane


def _read_colours(path: Path, samples: NDArray[Any]) -> Drawing:
    """Return a drawing of RGB or RGBA samples; grey ones without transparency are numbers."""
    n_colours = 3 if samples.shape[2] >= 3 else 1
    colour, notes = samples[..., :n_colours], []
    painted = None
    if samples.shape[2] in (2, 4):
        alpha = samples[..., -1]
        half = np.iinfo(alpha.dtype).max // 2 if alpha.dtype.kind in "iu" else 0.5
        if int((alpha <= half).sum()):
            painted = alpha > half
    if painted is None and (colour == colour[..., :1]).all():
        return Drawing(path, _whole_numbers(path, colour[..., 0]))
    if colour.dtype != np.uint8:
        raise ReadError(f"{path}: is a drawing of {colour.dtype} colours; save it with 8 bits per colour.")
    if n_colours == 1:
        colour = np.repeat(colour, 3, axis=2)
    packed = colour[..., 0].astype(np.int32) << 16 | colour[..., 1].astype(np.int32) << 8 | colour[..., 2]
    found, counts = np.unique(packed if painted is None else packed[painted], return_counts=True)
    if painted is None:
        ground = int(found[counts.argmax()])
        if len(found) <= _MOST_COLOURS + 1 and ground not in (_BLACK, _WHITE):
            raise ReadError(
                f"{path}: its most frequent colour is #{ground:06x}; draw on black, white or transparent ground, so"
                " that it is clear what is unpainted."
            )
        painted = packed != ground
        found = found[found != ground]
        if ground == _WHITE:
            notes.append(f"{path.name}: white counts as unpainted.")
    if len(found) > _MOST_COLOURS:
        raise ReadError(
            f"{path}: has {len(found)} colours, at most {_MOST_COLOURS} are taken; draw on an empty layer with a hard"
            " brush (no smooth edges), one pure colour per class, and save this layer alone."
        )
    values = np.zeros(packed.shape, np.uint8)
    values[painted] = np.searchsorted(found, packed[painted]) + 1
    return Drawing(path, values, tuple(f"#{one:06x}" for one in found.tolist()), notes=tuple(notes))


def _names_inside(path: Path, format: str) -> tuple[PixelClass, ...]:
    """Return the class names in the description of a TIFF that granum wrote."""
    if format != "TIFF":
        return ()
    import tifffile

    with reading(path), tifffile.TiffFile(path) as file:
        text = file.pages.first.description
    if not text.startswith("{"):
        return ()
    try:
        value = json.loads(text)
    except ValueError:
        return ()
    return classes_of_json(value) if isinstance(value, dict) and "classes" in value else ()
