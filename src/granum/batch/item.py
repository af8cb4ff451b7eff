"""One image and frame of a batch: look at the file, run the recipe, commit what came out; called in the workers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum import pipeline
from granum.batch.class_files import class_columns, class_entries, write_class_files
from granum.batch.ledger import commit
from granum.batch.plan import Source
from granum.errors import OutputError
from granum.image import Image, PixelSize
from granum.object_table import ObjectTable
from granum.pipeline import Result
from granum.recipe import Recipe

__all__ = [
    "CELL_FILES",
    "Item",
    "Reading",
    "SourceFacts",
    "inspect_source",
    "open_channels",
    "process_item",
    "summarise_in_unit",
]

CELL_FILES = "cell_files"
"""Where labels of cells lie in a committed folder: a folder, so that no stem can be called the same."""


@dataclass(frozen=True)
class Reading:
    """How the files of a batch are read, the same for all.

    Parameters
    ----------
    channels : dict
        Channel name -> index or name inside the file.
    pixel_size : PixelSize or None
        Typed by the user; wins over the file.
    scale_bar : PixelSize or None
        Length of the burnt-in scale bar, as a `PixelSize` of one such bar; gives the pixel size where it is not known.
    interval_s : float or None
        Seconds between frames; wins over the file.
    z : int or None
        Plane along z.
    """

    channels: Mapping[str, str] = field(default_factory=dict)
    pixel_size: PixelSize | None = None
    scale_bar: PixelSize | None = None
    interval_s: float | None = None
    z: int | None = None


@dataclass(frozen=True)
class SourceFacts:
    """What a batch must know about a file before it runs, and what `run.json` says about it."""

    source: Source
    n_frames: int
    shape: tuple[int, ...]
    dtype: str
    format: str
    pixel_size: PixelSize | None
    frame_times_s: tuple[float, ...] | None
    notes: tuple[str, ...]
    sha256: Mapping[str, str]

    def ending(self, frame: int) -> str:
        """Return what the name of a frame's picture has after the stem: nothing where there is one frame, or "_t07"."""
        return "" if self.n_frames == 1 else f"_t{frame:0{len(str(self.n_frames - 1))}d}"

    def to_json(self) -> dict[str, Any]:
        """Return the facts in JSON types."""
        files = [{"name": path.name, "path": str(path), "sha256": self.sha256[str(path)]} for path in self.source.paths]
        return {
            "file": self.source.file,
            "stem": self.source.stem,
            "files": files,
            "format": self.format,
            "shape_tczyx": list(self.shape),
            "dtype": self.dtype,
            "pixel_size": asdict(self.pixel_size) if self.pixel_size else None,
            "frame_times_s": list(self.frame_times_s) if self.frame_times_s else None,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Item:
    """One frame of one source, with all that a worker needs to do it.

    Parameters
    ----------
    facts : SourceFacts
        The source.
    frame : int
        The frame.
    recipe : Recipe
        What to run; models are named by their content and lie beside `items`.
    reading : Reading
        How to read.
    items : Path
        Where to commit the result.
    about : str
        What else the result depends on: versions.
    n_items : int
        Number of items of the batch; the report's pictures are the smaller the more there are.
    edits : tuple of dict
        Corrections by hand of this frame.
    in_report : bool
        Whether the report may show its picture; that of one that it cannot show is not made.
    """

    facts: SourceFacts
    frame: int
    recipe: Recipe
    reading: Reading
    items: Path
    about: str
    n_items: int = 1
    edits: tuple[Mapping[str, Any], ...] = ()
    in_report: bool = True

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on: pixels, recipe, how they are read, versions, names."""
        from granum.report.section import section_width

        parts = [
            self.about,
            self.recipe.hash,
            repr(self.reading),
            self.facts.source.file,
            self.facts.source.stem,
            *(self.facts.sha256[str(path)] for path in self.facts.source.paths),
            str(self.frame),
            str(section_width(self.n_items)),
            *([json.dumps(self.edits)] if self.edits else []),
            *([] if self.in_report else ["not in the report"]),
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _open(source: Source, reading: Reading) -> Image:
    from granum.read import read_image

    return read_image(source.path, pixel_size=reading.pixel_size)


def inspect_source(job: tuple[Source, Reading]) -> SourceFacts:
    """Read the headers of a source and hash its files.

    Raises
    ------
    ReadError
        When a file cannot be read.
    """
    from granum.read import file_sha256

    source, reading = job
    image = _open(source, reading)
    times = image.frame_times_s
    if reading.interval_s is not None:
        times = tuple(reading.interval_s * frame for frame in range(image.n_frames))
    return SourceFacts(
        source,
        image.n_frames,
        image.shape,
        str(image.dtype),
        image.format,
        image.pixel_size,
        times,
        image.notes,
        {str(path): file_sha256(path) for path in source.paths},
    )


def process_item(item: Item) -> str:
    """Run the recipe on one frame and commit its folder; return its key.

    Raises
    ------
    GranumError
        When the file cannot be read or the recipe cannot work on it; nothing is committed then.
    OutputError
        When the result cannot be written.
    """
    image, channels = open_channels(item)
    keep = ("labels", "objects", "area", "classes", "legend", "probabilities", "cells", "summary")
    # the recipe names models by their content; their copies lie beside the committed results
    recipe = item.recipe.with_files(lambda file: str(item.items.parent / file))
    result = pipeline.run(
        recipe, image, frame=item.frame, channels=channels, z=item.reading.z, keep=keep, edits=item.edits
    )
    if result.pixel_size is None and item.reading.scale_bar is not None:
        result = replace(result, pixel_size=_size_from_bar(result.picture, item.reading.scale_bar))
    try:
        commit(item.items, item.key, lambda folder: _write(folder, item, result))
    except OSError as error:
        raise OutputError(f"{item.items}: cannot be written ({error.strerror or error}).") from error
    return item.key


def open_channels(item: Item) -> tuple[Image, dict[str, int | str | Image]]:
    """Return the image of an item, and what its channels are, as `granum.pipeline.run` takes them.

    Raises
    ------
    ReadError
        When a file cannot be read.
    """
    from granum.read import read_image

    image = _open(item.facts.source, item.reading)
    others = {name: read_image(path) for name, path in item.facts.source.channel_paths.items()}
    return image, {**item.reading.channels, **others}


def _size_from_bar(picture: NDArray[Any], bar: PixelSize) -> PixelSize | None:
    """Return the pixel size from the burnt-in scale bar, or None when none was found."""
    from granum.preprocess.crop import measure_scale_bar

    length = measure_scale_bar(picture)
    return None if length is None else PixelSize(bar.y / length, bar.x / length, bar.unit, "scale bar")


def _write(folder: Path, item: Item, result: Result) -> None:
    from granum.report.label_images import write_labels
    from granum.report.overlays import write_overlay
    from granum.report.provenance import to_json
    from granum.report.section import write_section
    from granum.report.tables import write_objects_csv

    source, size = item.facts.source, result.pixel_size
    classes = class_entries(result)
    row, warnings = _image_row(item, result, classes), _warnings(item, result)
    objects = result.objects if result.objects is not None else {}
    write_objects_csv(folder / "objects.csv", objects, size, file=source.file, frame=item.frame)
    write_class_files(folder, result)
    area = result.layers.get("area")
    if result.labels is not None:
        write_labels(folder / f"{source.stem}.tif", result.labels, size)
        write_overlay(folder / f"{source.stem}.png", result.picture, result.labels, result.objects, area)
    if result.layers.get("cells") is not None:
        (folder / CELL_FILES).mkdir()
        write_labels(folder / CELL_FILES / f"{source.stem}.tif", result.layers["cells"], size)
    if item.in_report and (result.labels is not None or result.classes is not None):
        write_section(
            folder / "section.html",
            result.picture,
            result.labels if result.wants_objects else None,
            objects,
            area,
            result.classes,
            file=source.file,
            frame=item.frame if item.facts.n_frames > 1 else None,
            pixel_size=size,
            choices=result.choices,
            warnings=warnings,
            row=row,
            legend=result.legend,
            class_fractions={one["id"]: one["area_fraction"] for one in classes},
            n_sections=item.n_items,
        )
    about = {
        "row": row,
        "choices": [choice.to_json() for choice in result.choices],
        "seconds": result.seconds,
        "warnings": warnings,
        "pixel_size": asdict(size) if size else None,
        "n_labels": result.n_objects,
        "classes": classes,
    }
    # not sorted: the order of the row is the order of the columns
    (folder / "item.json").write_text(json.dumps(to_json(about), allow_nan=False), encoding="utf-8")


def _warnings(item: Item, result: Result) -> list[str]:
    notes = [*item.facts.notes, *result.warnings]
    if item.reading.scale_bar is not None and result.pixel_size is None:
        notes.append("no scale bar was found, so the pixel size is not known.")
    return notes


def _image_row(item: Item, result: Result, classes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of images.csv."""
    height, width = result.shape
    area = result.layers.get("area")
    n_pixels = height * width if area is None else int(np.count_nonzero(area))
    row: dict[str, Any] = {
        "file": item.facts.source.file,
        "frame": item.frame,
        "n_objects": None if classes and (result.labels is None or not result.wants_objects) else result.n_objects,
        "area_fraction": None,
        "threshold": result.threshold,
    }
    if item.facts.frame_times_s is not None:
        row["time_s"] = item.facts.frame_times_s[item.frame]
    row |= {"height_px": height, "width_px": width, "analysed_px": n_pixels}
    if result.pixel_size is not None:
        row[f"pixel_size_{result.pixel_size.unit}"] = result.pixel_size.mean
    if result.objects is not None and result.wants_objects and n_pixels:
        row |= summarise_in_unit(result.objects, n_pixels, result.pixel_size)
    row |= class_columns(classes)
    if twice := row.keys() & result.summary.keys():
        raise TypeError(f"summary: images.csv has the columns {', '.join(sorted(twice))} already.")
    row |= result.summary
    row["flags"] = list(result.flags)
    row["warnings"] = _warnings(item, result)
    return row


def summarise_in_unit(objects: ObjectTable, n_pixels: int, size: PixelSize | None) -> dict[str, Any]:
    """Return the statistics of an image, physical lengths in the unit of its pixel size as in objects.csv."""
    from granum.measure import summarise_image

    summary = summarise_image(objects, n_pixels, None if size is None else size.nm)
    if size is None or size.unit == "nm":
        return dict(summary)
    scale = size.nm[0] / size.y
    return {
        f"{name[:-3]}_{size.unit}" if name.endswith("_nm") else name: value / scale
        if name.endswith("_nm") and value is not None
        else value
        for name, value in summary.items()
    }
