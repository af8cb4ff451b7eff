"""`find_scribbles`: which file of strokes belongs to which image, by name or as it was typed; nothing is guessed."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from granum.errors import ReadError, SettingError
from granum.learn.class_lists import CLASS_FILES, find_classes
from granum.learn.scribble_checks import name_classes
from granum.learn.scribble_files import assign_colours, read_drawing, scribbles_of_drawing
from granum.learn.scribbles import PixelClass, Scribbles
from granum.read.image_files import list_images, natural_key

__all__ = ["ENDINGS", "FoundScribbles", "find_scribbles"]

ENDINGS = ("", "_scribbles", ".scribbles", "_labels", ".labels", "_strokes", ".strokes")
"""What may stand between the name of an image and the extension of its strokes."""
_PAIRS = "pairs.csv"
_DENSE = 0.3  # nobody paints so much of an image by hand


@dataclass(frozen=True, eq=False)
class FoundScribbles:
    """Strokes beside their images.

    Parameters
    ----------
    scribbles : tuple of Scribbles or None
        Of each image, in the order that was given; None where it has none.
    paths : tuple of Path or None
        The files that they came from.
    classes : tuple of PixelClass
        Every class that is painted or named, sorted by id.
    notes : tuple of str
        Files of strokes without an image, and how files were read.
    """

    scribbles: tuple[Scribbles | None, ...]
    paths: tuple[Path | None, ...]
    classes: tuple[PixelClass, ...]
    notes: tuple[str, ...]


def find_scribbles(
    folder: str | Path,
    images: Sequence[str | Path],
    *,
    pairs: Mapping[str, str] | None = None,
    class_map: Mapping[int, int] | None = None,
) -> FoundScribbles:
    """Return the strokes of some images out of a folder.

    Parameters
    ----------
    folder : str or Path
        Holds the files of strokes, and perhaps ``classes.csv`` or ``classes.json``.
    images : sequence of str or Path
        The images that were painted on, or some of them.
    pairs : mapping of str to str, optional
        File name of an image -> file name of its strokes, for those that do not go by the same name. They may also
        stand in ``pairs.csv`` in the folder, one pair per line.
    class_map : mapping of int to int, optional
        Number in the files -> class, 0 to leave it out.

    Returns
    -------
    found : FoundScribbles
        The strokes of ``a.tif`` are ``a.png``, ``a.tif``, ``a_scribbles.tif``, ``a.labels.png`` and so on (`ENDINGS`).

    Raises
    ------
    ReadError
        When the folder or a file cannot be read.
    SettingError
        When no image has strokes, an image has several files, or several images go by one name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ReadError(f"{folder}: is not a folder; give the folder that holds the strokes.")
    paths = [Path(one) for one in images]
    own = {path.resolve() for path in paths}
    try:
        files = [one for one in list_images(folder) if one.resolve() not in own and one.name not in CLASS_FILES]
    except OSError as error:
        raise ReadError(f"{folder}: cannot be listed ({error.strerror}).") from None
    partner = _partners(folder, paths, files, {**_typed_pairs(folder), **(pairs or {})})
    alone = [file for file in files if file not in partner.values()]
    if not partner:
        raise SettingError(_no_match(folder, paths, files))
    notes = []
    if alone:
        listed = ", ".join(_with_guess(file, [path for path in paths if path not in partner]) for file in alone[:5])
        more = f" and {len(alone) - 5} more" if len(alone) > 5 else ""
        notes.append(
            f"{folder}: no image here goes with {listed}{more}; they are left out (name strokes like their image, or"
            f" pair them in {_PAIRS})."
        )
    classes = find_classes(folder)
    drawings = {path: read_drawing(file) for path, file in sorted(partner.items(), key=lambda one: natural_key(one[0]))}
    colours = assign_colours([*drawings.values()], classes)
    made = {
        path: scribbles_of_drawing(drawing, colours, name=path.name, class_map=class_map)
        for path, drawing in drawings.items()
    }
    notes += _dense([*made.values()])
    return FoundScribbles(
        tuple(made.get(path) for path in paths),
        tuple(partner.get(path) for path in paths),
        name_classes([*made.values()], classes),
        tuple(notes),
    )


def _partners(
    folder: Path, images: Sequence[Path], files: Sequence[Path], pairs: Mapping[str, str]
) -> dict[Path, Path]:
    """Return image -> its file of strokes."""
    by_name = {file.name: file for file in files}
    by_stem: dict[str, list[Path]] = {}
    for file in files:
        by_stem.setdefault(file.stem, []).append(file)
    typed: dict[Path, Path] = {}
    for image_name, stroke_name in pairs.items():
        if stroke_name not in by_name:
            raise SettingError(f"{folder}: has no file {stroke_name!r}, which was paired with {image_name!r}.")
        for image in images:
            if image.name == image_name:
                typed[image] = by_name[stroke_name]
    taken = {by_name[name] for name in pairs.values()}
    found: dict[Path, Path] = {}
    image_of: dict[Path, Path] = {}
    for image in images:
        fitting = [typed[image]] if image in typed else []
        if not fitting:
            fitting = [file for end in ENDINGS for file in by_stem.get(image.stem + end, []) if file not in taken]
        if len(fitting) > 1:
            listed = ", ".join(file.name for file in fitting)
            raise SettingError(f"{folder}: {image.name} goes with {listed}; keep one of them, or pair it in {_PAIRS}.")
        if fitting:
            if fitting[0] in image_of:
                raise SettingError(
                    f"{fitting[0]}: goes with {image_of[fitting[0]]} and with {image}; give images whose names differ."
                )
            found[image] = fitting[0]
            image_of[fitting[0]] = image
    return found


def _typed_pairs(folder: Path) -> dict[str, str]:
    """Return the pairs of pairs.csv."""
    path = folder / _PAIRS
    if not path.is_file():
        return {}
    try:
        rows = [row for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReadError(f"{path}: cannot be read ({error}).") from None
    pairs = {}
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise ReadError(f"{path}: line {number} has {len(row)} columns; write image,strokes, such as a.tif,b.png.")
        pairs[row[0].strip()] = row[1].strip()
    return {image: strokes for image, strokes in pairs.items() if (image, strokes) != ("image", "strokes")}


def _dense(made: Sequence[Scribbles]) -> list[str]:
    """Return a note on images of which so much is painted that 0 may be a class too."""
    shares = [one.n_px / (one.shape[0] * one.shape[1]) for one in made]
    dense = [(one.name, share) for one, share in zip(made, shares, strict=True) if _DENSE < share < 1]
    if not dense:
        return []
    others = f" (and {len(dense) - 1} more)" if len(dense) > 1 else ""
    return [
        f"{dense[0][0]}{others}: {dense[0][1]:.0%} of all pixels are painted, like an image of classes; 0 counts as "
        "unpainted, so give the class 0 a number of its own if it is one."
    ]


def _no_match(folder: Path, images: Sequence[Path], files: Sequence[Path]) -> str:
    if not files:
        return f"{folder}: holds no file of strokes; give the folder with TIFF or PNG files named like the images."
    listed = ", ".join(_with_guess(file, images) for file in files[:3])
    return (
        f"{folder}: none of its {len(files)} files of strokes goes with an image by name, such as {listed}; name"
        f" strokes like their image, or pair them in {folder / _PAIRS}, one line image,strokes each."
    )


def _with_guess(file: Path, images: Sequence[Path]) -> str:
    """Return the name of a file, and the image whose name is most like it; for the user to decide."""
    like = difflib.get_close_matches(file.stem, [image.stem for image in images], n=1, cutoff=0.7)
    guess = next((image.name for image in images if like and image.stem == like[0]), "")
    return f"{file.name} (of {guess}?)" if guess else file.name
