"""Class images of a run: written per image and frame, put in place as one file per input."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.image import PixelSize
from granum.learn.scribbles import PixelClass
from granum.pipeline import Result

__all__ = ["class_columns", "class_entries", "class_file", "place_classes", "write_class_files"]

_SOURCE = "class_files"  # in the committed folder of an item, so that no stem can be called the same


def class_entries(result: Result) -> list[dict[str, Any]]:
    """Return id, name, colour, pixels and share of the analysed area of every class, in JSON types."""
    from granum.learn.class_colours import colour_classes

    if result.classes is None:
        return []
    area = result.layers.get("area")
    n = result.classes.size if area is None else int(np.count_nonzero(area))
    counts = np.bincount(result.classes.ravel(), minlength=256)
    return [
        {
            "id": one.id,
            "name": one.name,
            "colour": one.colour,
            "area_px": int(counts[one.id]),
            "area_fraction": int(counts[one.id]) / n if n else None,
        }
        for one in colour_classes(result.legend)
    ]


def class_columns(entries: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Return the columns of images.csv: ``area_fraction_<name>``, names in letters, digits and ``_``, each once."""
    plain = [re.sub(r"[^a-z0-9]+", "_", str(one["name"]).casefold()).strip("_") or "class" for one in entries]
    columns = {}
    for name, one in zip(plain, entries, strict=True):
        unique = name if plain.count(name) == 1 else f"{name}_{one['id']}"
        columns[f"area_fraction_{unique}"] = one["area_fraction"]
    return columns


def class_file(place: Path) -> Path:
    """Return where the class image of a committed frame lies."""
    return place / _SOURCE / "classes.tif"


def write_class_files(folder: Path, result: Result) -> None:
    """Write classes, their overlay and, where the recipe gives them, probabilities of one image and frame."""
    from granum.report.class_images import write_class_overlay, write_classes, write_probabilities

    if result.classes is None:
        return
    place = folder / _SOURCE
    place.mkdir()
    area = result.layers.get("area")
    write_classes(place / "classes.tif", result.classes, result.legend, result.pixel_size)
    write_class_overlay(place / "overlay.png", result.picture, result.classes, result.legend, area)
    probabilities = result.layers.get("probabilities")
    if probabilities is not None:
        write_probabilities(place / "probabilities.tif", probabilities, result.legend, result.pixel_size)


def place_classes(
    built: Path, stem: str, n_frames: int, frames: Mapping[int, tuple[Path, Mapping[str, Any]]], scratch: Path
) -> None:
    """Put the class images of one input in place: classes in one stack, overlays and probabilities frame by frame.

    Parameters
    ----------
    built : Path
        The run folder.
    stem : str
        Of the input.
    n_frames : int
        That it has.
    frames : dict
        Frame -> committed folder and its item.json.
    scratch : Path
        A file that may be made and deleted.
    """
    present = {t: (place / _SOURCE, result) for t, (place, result) in frames.items() if (place / _SOURCE).is_dir()}
    digits = len(str(n_frames - 1))
    for t, (place, _) in present.items():
        ending = "" if n_frames == 1 else f"_t{t:0{digits}d}"
        _put(place / "overlay.png", built / "class_overlays" / f"{stem}{ending}.png")
        _put(place / "probabilities.tif", built / "probabilities" / f"{stem}{ending}.tif")
        if n_frames == 1:
            _put(place / "classes.tif", built / "classes" / f"{stem}.tif")
    if present and n_frames > 1:
        (built / "classes").mkdir(exist_ok=True)
        _stack(built / "classes" / f"{stem}.tif", n_frames, present, scratch)


def _put(source: Path, target: Path) -> None:
    """Give a committed file a second name, or a copy where the disk cannot do that; nothing when it is not there."""
    if not source.exists():
        return
    target.parent.mkdir(exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _stack(path: Path, n_frames: int, frames: Mapping[int, tuple[Path, Mapping[str, Any]]], scratch: Path) -> None:
    """Write the classes of a series as one stack, through a file so that a long series needs little memory."""
    import tifffile

    from granum.report.class_images import write_classes

    stack: NDArray[np.uint8] | None = None
    legend: dict[int, PixelClass] = {}
    size: PixelSize | None = None
    for t, (place, result) in frames.items():
        classes = tifffile.imread(place / "classes.tif")
        if stack is None:
            stack = np.lib.format.open_memmap(scratch, mode="w+", dtype=np.uint8, shape=(n_frames, *classes.shape))
        stack[t] = classes
        legend |= {one["id"]: PixelClass(one["id"], one["name"], one["colour"]) for one in result["classes"]}
        size = PixelSize(**result["pixel_size"]) if size is None and result["pixel_size"] else size
    if stack is not None:
        write_classes(path, stack, [legend[number] for number in sorted(legend)], size)
        del stack
        scratch.unlink()
