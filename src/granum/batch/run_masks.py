"""A finished run as a source of images and their classes: files found again, their content checked, masks read.

A run folder holds classes but not the pictures. They are looked for where the run found them, then beside the run and
in a folder that the user names; nothing is used whose bytes are not those that the run has seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.batch.item import Reading, SourceFacts
from granum.batch.plan import plan_sources
from granum.errors import ReadError, SettingError
from granum.image import Image, PixelSize
from granum.learn.scribbles import PixelClass
from granum.recipe import Recipe, load_recipe

__all__ = ["FinishedRun", "RunFrame", "open_run"]

# steps that give every pixel a class: what has none is ground; from others, 0 is "not known"
_GROUND_IS_ZERO = ("segment.stain_classes", "segment.texture", "segment.grey_clusters")


@dataclass(frozen=True)
class RunFrame:
    """One image and frame of a run.

    Parameters
    ----------
    facts : SourceFacts
        Its input.
    frame : int
        Which frame.
    n_px : dict
        Class id -> pixels.
    analysed : int
        Pixels that were analysed.
    """

    facts: SourceFacts
    frame: int
    n_px: Mapping[int, int]
    analysed: int

    @property
    def name(self) -> str:
        """For messages and the manifest."""
        return self.facts.source.file + ("" if self.facts.n_frames == 1 else f", frame {self.frame}")


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """What a run folder says.

    Parameters
    ----------
    folder : Path
        The run folder.
    recipe : Recipe
        What ran.
    reading : Reading
        How files were read.
    frames : tuple of RunFrame
        Those that have classes, in order.
    legend : tuple of PixelClass
        Classes of all images, by id, without 0.
    """

    folder: Path
    recipe: Recipe
    reading: Reading
    frames: tuple[RunFrame, ...]
    legend: tuple[PixelClass, ...]

    @property
    def ground_is_zero(self) -> bool:
        """Whether 0 in the class images means background (True) or that nothing is known (False)."""
        writers = [step.do for step in self.recipe.steps if "classes" in step.writes]
        return bool(writers) and writers[-1] in _GROUND_IS_ZERO

    def check_sources(self) -> None:
        """Make sure that the images still are what the run has seen.

        Raises
        ------
        ReadError
            One was changed since.
        """
        from granum.read import file_sha256

        for facts in {one.facts.source.stem: one.facts for one in self.frames}.values():
            for path in facts.source.paths:
                if file_sha256(path) != facts.sha256[str(path)]:
                    raise ReadError(
                        f"{path}: was changed since {self.folder.name} was made, so its masks may not fit; run the "
                        "recipe again."
                    )

    def classes(self, one: RunFrame) -> NDArray[np.uint8]:
        """Return the class image of a frame.

        Raises
        ------
        ReadError
            It is missing, or of another size than the image.
        """
        path = self.folder / "classes" / f"{one.facts.source.stem}.tif"
        return np.asarray(_read_page(path, one), np.uint8)

    def labels(self, one: RunFrame) -> NDArray[Any]:
        """Return the label image of a frame; raises as `classes`."""
        return _read_page(self.folder / "labels" / f"{one.facts.source.stem}.tif", one)

    def area(self, one: RunFrame, channels: Mapping[str, Any], image: Image) -> NDArray[np.bool_] | None:
        """Return what the run has analysed of a frame, found once more as it is not kept; None for all of it.

        Raises
        ------
        ReadError
            Another area is found than the run's.
        """
        if one.analysed == one.facts.shape[-2] * one.facts.shape[-1]:
            return None
        from granum import pipeline

        last = max(n for n, step in enumerate(self.recipe.steps) if "area" in step.writes)
        cut = replace(self.recipe, steps=self.recipe.steps[: last + 1])
        result = pipeline.run(cut, image, frame=one.frame, channels=dict(channels), z=self.reading.z, keep=("area",))
        area = result.layers.get("area")
        found = image.shape[-1] * image.shape[-2] if area is None else int(np.count_nonzero(area))
        if found != one.analysed:
            raise ReadError(
                f"{one.name}: the run analysed {one.analysed} px, now {found} px would be; run the recipe again with "
                "this version."
            )
        return area

    @cached_property
    def doubtful(self) -> dict[tuple[str, int], list[tuple[int, float]]]:
        """(file, frame) -> label and p_dead of each nucleus.

        Raises
        ------
        SettingError
            The run has no ``p_dead``.
        """
        from granum.report.tables import read_objects_csv

        table = read_objects_csv(self.folder / "objects.csv", ("file", "frame", "label", "p_dead"))
        if "p_dead" not in table:
            raise SettingError(
                f"{self.folder}: has no p_dead in objects.csv; only live-dead runs know how sure they are."
            )
        found: dict[tuple[str, int], list[tuple[int, float]]] = {}
        for file, frame, label, p_dead in zip(*(table[n] for n in ("file", "frame", "label", "p_dead")), strict=True):
            found.setdefault((str(file), int(frame)), []).append((int(label), float(p_dead)))
        return found


def _read_page(path: Path, one: RunFrame) -> NDArray[Any]:
    import tifffile

    try:
        plane = np.asarray(tifffile.imread(path, key=one.frame if one.facts.n_frames > 1 else 0))
    except (OSError, ValueError, IndexError, tifffile.TiffFileError) as error:
        raise ReadError(f"{path}: cannot be read ({error}); the run folder is not complete.") from error
    if plane.shape != one.facts.shape[-2:]:
        raise ReadError(f"{path}: has shape {plane.shape}, the image {one.facts.shape[-2:]}; they must be the same.")
    return plane


def open_run(folder: str | Path, *, images: str | Path | None = None) -> FinishedRun:
    """Read what a run folder says, and find its images.

    Parameters
    ----------
    folder : path
        A run folder with ``classes/``.
    images : path, optional
        Where the images are now, when they were moved.

    Raises
    ------
    SettingError
        It is no finished run, or has no classes.
    ReadError
        It cannot be read, or an image is not found.
    """
    from granum.report.tables import read_images_csv

    folder = Path(folder)
    if not (folder / "run.json").is_file():
        raise SettingError(f"{folder}: is no run folder (no run.json); give the folder that granum run -o has made.")
    if not (folder / "DONE").is_file():
        raise SettingError(f"{folder}: is not finished (no DONE); go on with granum run --resume.")
    recipe = load_recipe(folder / "recipe.toml")
    if not (folder / "classes").is_dir():
        raise SettingError(
            f"{folder}: has no classes/, recipe {recipe.name!r} finds none; run live-dead, confluency or scribbles."
        )
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        about = run["reading"]
        size = PixelSize.parse(about["pixel_size"]) if about["pixel_size"] else None
        reading = Reading(about["channels"], size, None, about["interval_s"], about["z"])
        finder = _Finder(folder, None if images is None else Path(images))
        inputs = {entry["stem"]: _facts(entry, about["patterns"], finder) for entry in run["inputs"]}
        analysed = {(row["file"], row["frame"]): row["analysed_px"] for row in read_images_csv(folder / "images.csv")}
        frames: list[RunFrame] = []
        legend: dict[int, PixelClass] = {}
        for entry in run["images"]:
            known = entry.get("classes", [])
            legend |= {one["id"]: PixelClass(one["id"], one["name"], one["colour"]) for one in known if one["id"]}
            if known:
                n_px = {one["id"]: int(one["area_px"]) for one in known}
                key = (entry["file"], entry["frame"])
                frames.append(RunFrame(inputs[entry["stem"]], entry["frame"], n_px, int(analysed[key])))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReadError(f"{folder}: run.json or images.csv cannot be read ({error!r}).") from error
    return FinishedRun(folder, recipe, reading, tuple(frames), tuple(legend[number] for number in sorted(legend)))


class _Finder:
    """Finds the files of a run again."""

    def __init__(self, folder: Path, images: Path | None) -> None:
        self._folder, self._images = folder, images
        if images is not None and not images.is_dir():
            raise SettingError(f"images {images}: is no folder.")

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in sorted(self._images.rglob("*")) if self._images is not None else []:
            found.setdefault(path.name, []).append(path)
        return found

    def find(self, entry: Mapping[str, Any]) -> Path:
        """Return where a file is now; of several with its name, the one with its content."""
        from granum.read import file_sha256

        typed = Path(entry["path"])
        places = [
            *self._by_name.get(typed.name, []),
            typed,
            self._folder.parent / typed,
            self._folder.parent / typed.name,
        ]
        there = list(dict.fromkeys(place for place in places if place.exists()))
        if not there:
            where = f" nor in {self._images}" if self._images is not None else "; say where it is with --images FOLDER"
            raise ReadError(f"{typed}: is not there any more{where}.")
        if len(there) == 1:
            return there[0]
        return next((place for place in there if file_sha256(place) == entry["sha256"]), there[0])


def _facts(entry: Mapping[str, Any], patterns: Mapping[str, str], finder: _Finder) -> SourceFacts:
    """Return what is known of an input, with its files where they are now."""
    files = [(finder.find(file), file["sha256"]) for file in entry["files"]]
    paths = [path for path, _ in files]
    (planned,), _ = plan_sources(paths, patterns) if patterns else plan_sources(paths[:1])
    return SourceFacts(
        replace(planned, file=entry["file"], stem=entry["stem"]),
        int(entry["shape_tczyx"][0]),
        tuple(entry["shape_tczyx"]),
        entry["dtype"],
        entry["format"],
        None,
        tuple(entry["frame_times_s"]) if entry["frame_times_s"] else None,
        tuple(entry["notes"]),
        {str(path): sha256 for path, sha256 in files},
    )
