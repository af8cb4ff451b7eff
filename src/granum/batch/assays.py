"""The assay of a batch: places and times, nuclei followed, curves and fits, tables and videos, from committed results.

It comes after all images are done, so what cannot be told (a plate map that does not fit, a series with a gap) becomes
a note and costs nothing that was computed.
"""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from granum.batch.assay_videos import VideoJob, write_series_video
from granum.batch.class_files import class_file
from granum.batch.image_places import ImagePlace, Places, check_names, find_places
from granum.batch.item import Item
from granum.batch.label_files import label_file
from granum.batch.ledger import Ledger
from granum.batch.plan import Source
from granum.batch.runners import Runner
from granum.batch.series_tracks import TABLES, FollowedSeries, SeriesFrame, SeriesJob, follow_series
from granum.errors import GranumError, OutputError, ReadError, SettingError
from granum.image import PixelSize
from granum.learn.scribbles import PixelClass
from granum.recipe import Recipe

if TYPE_CHECKING:
    from granum.plate.assay import Kind, PlateImage
    from granum.plate.plate_map import PlateMap
    from granum.plate.survival import Life

__all__ = ["AssayPlan", "BuiltAssay", "build_assay_files", "plan_assay"]

_NO_MEASURE = ("file", "frame", "flags", "warnings")
Results = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class AssayPlan:
    """How the images of a batch make an assay.

    Parameters
    ----------
    kind : str
        As the recipe says.
    names : str or None
        Pattern of the names of files.
    plate_map : PlateMap or None
        What was in the wells.
    map_name, map_bytes, map_sha256 : str, bytes, str
        The file of the map, which is kept in the run folder.
    video : bool
        Whether each series becomes a film.
    """

    kind: str
    names: str | None = None
    plate_map: PlateMap | None = None
    map_name: str = ""
    map_bytes: bytes = b""
    map_sha256: str = ""
    video: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what was typed, in JSON types."""
        named = {"name": self.map_name, "sha256": self.map_sha256} if self.map_name else None
        return {"kind": self.kind, "names": self.names, "plate_map": named, "video": self.video}


@dataclass(frozen=True)
class BuiltAssay:
    """Columns that images.csv gains for each image, in order, and what the user must know."""

    columns: list[dict[str, Any]]
    notes: tuple[str, ...]


def plan_assay(
    recipe: Recipe,
    sources: Sequence[Source],
    *,
    names: str | None,
    plate_map: str | os.PathLike[str] | None,
    video: bool,
) -> AssayPlan | None:
    """Return how the images make an assay, all that was typed checked; None for a recipe that makes none.

    Raises
    ------
    SettingError
        Options of an assay for a recipe without one; a pattern that cannot be used, or fits no name.
    ReadError
        The plate map cannot be read.
    """
    import hashlib

    from granum.plate.plate_map import read_plate_map

    typed = [option for option, value in (("--plate-map", plate_map), ("--names", names)) if value is not None]
    typed += ["--video"] if video else []
    if not recipe.assay:
        if typed:
            raise SettingError(f"{typed[0]}: recipe {recipe.name!r} makes no assay (assay = 'live-dead', for one).")
        return None
    check_names([source.path for source in sources], names)
    if plate_map is None:
        return AssayPlan(recipe.assay, names, video=video)
    path = Path(plate_map)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path}: cannot be read as a plate map ({error.strerror or error}).") from error
    digest = hashlib.sha256(content).hexdigest()
    return AssayPlan(recipe.assay, names, read_plate_map(path), path.name, content, digest, video)


def build_assay_files(
    built: Path,
    ledger: Ledger,
    plan: AssayPlan,
    items: Sequence[Item],
    results: Results,
    runner: Runner,
) -> BuiltAssay:
    """Write assay.json with its tables, tracks and videos into the run folder.

    Parameters
    ----------
    built : Path
        The run folder.
    ledger : Ledger
        Holds the result of every item.
    plan : AssayPlan
        What was asked for.
    items, results : sequence
        What was done, with its item.json.
    runner : Runner
        Who follows nuclei and writes videos, a field each.
    """
    from granum.plate.build import build_assay
    from granum.plate.plate_map import apply_plate_map
    from granum.plate.tables import write_assay_tables
    from granum.report.provenance import write_json

    if plan.map_name:
        (built / f"plate_map{Path(plan.map_name).suffix or '.csv'}").write_bytes(plan.map_bytes)
    frames = [(item.facts, item.frame) for item in items]
    found = find_places(frames, names=plan.names, interval_s=items[0].reading.interval_s if items else None)
    notes = list(found.notes)
    images = [_plate_image(*one) for one in zip(items, results, found.places, strict=True)]
    if plan.plate_map is not None:
        images, told = apply_plate_map(images, plan.plate_map)
        notes += told
    series = _series(found.places)
    lives: list[Life] = []
    if plan.kind == "live-dead":
        condition = {(image.plate, image.well): image.condition for image in images}
        lives, told = _follow_all(built, ledger, items, found, series, runner, condition)
        notes += told
    videos: list[str] = []
    if plan.video:
        videos, told = _film_all(built, items, results, found, series, runner)
        notes += told
    try:
        assay = build_assay(
            cast("Kind", plan.kind),
            images,
            time_unit=found.time_unit,
            lives=lives,
            overlays=_overlays(items),
            videos=videos,
            notes=notes,
        )
        write_json(built / "assay.json", assay.to_json())
        write_assay_tables(built, assay)
        notes = list(assay.notes)
    except GranumError as error:
        notes.append(f"The assay could not be put together: {error}")
    return BuiltAssay(_columns(images, found.time_unit), tuple(dict.fromkeys(notes)))


def _plate_image(item: Item, result: Mapping[str, Any], place: ImagePlace) -> PlateImage:
    from granum.plate.assay import PlateImage

    values = {
        name: value
        for name, value in result["row"].items()
        if name not in _NO_MEASURE and not isinstance(value, bool | str | list | dict)
    }
    source = item.facts.source
    return PlateImage(
        source.file, source.stem, item.frame, place.plate, place.well, place.field, place.time, values=values
    )


def _columns(images: Sequence[PlateImage], time_unit: str) -> list[dict[str, Any]]:
    """Return the columns of images.csv that say where and when; those that are empty everywhere are left out."""
    every = [
        {
            "plate": image.plate,
            "well": image.well,
            "field": image.field,
            f"time_{time_unit}": None if math.isnan(image.time) else image.time,
            "condition": image.condition,
            "dose": image.dose,
            "replicate": image.replicate,
            "control": image.control,
        }
        for image in images
    ]
    used = [name for name in (every[0] if every else ()) if any(row[name] not in ("", None) for row in every)]
    if time_unit == "frame" and not any(row["time_frame"] for row in every):  # one time, of which nothing is known
        used = [name for name in used if name != "time_frame"]
    columns = [{name: row[name] for name in used} for row in every]
    for image, row in zip(images, columns, strict=True):
        if time_unit == "h" and "time_s" in image.values:  # of its file alone: 0 where each time has a file of its own
            row["time_s"] = None if math.isnan(image.time) else round(image.time * 3600, 6)
    return columns


def _series(places: Sequence[ImagePlace]) -> dict[tuple[str, str, str], list[int]]:
    """Return for each field the positions of its frames, by time; those without a time are left out."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for position, place in enumerate(places):
        if not math.isnan(place.time):
            found.setdefault(place.series, []).append(position)
    return {key: sorted(own, key=lambda i: places[i].time) for key, own in found.items() if len(own) > 1}


def _follow_all(
    built: Path,
    ledger: Ledger,
    items: Sequence[Item],
    found: Places,
    series: Mapping[tuple[str, str, str], Sequence[int]],
    runner: Runner,
    condition: Mapping[tuple[str, str], str],
) -> tuple[list[Life], list[str]]:
    """Follow the nuclei of every series; write the joined tables; return all lives and notes."""
    from granum.plate.survival import Life
    from granum.report.tables import join_csv

    scratch = ledger.folder / "series"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    jobs: list[SeriesJob] = []
    for own in series.values():
        frames = []
        for position in own:
            item = items[position]
            place = item.items / item.key
            file = label_file(place, item.facts.source.stem, "labels")
            if file.exists():
                time = found.places[position].time
                frames.append(SeriesFrame(item.facts.source.file, item.frame, time, file, place / "objects.csv"))
        if len(frames) > 1:
            jobs.append(SeriesJob(found.places[own[0]], tuple(frames), found.time_unit, scratch, len(jobs)))
    lives: list[Life] = []
    notes: list[str] = []
    done: list[SeriesJob] = []
    for job, result in _run_all(runner, follow_series, jobs, notes):
        done.append(job)
        followed: FollowedSeries = result
        notes += followed.notes
        where = job.place
        in_well = condition.get((where.plate, where.well), "")
        lives += [
            Life(where.plate, where.well, where.field, in_well, start, end, died)
            for start, end, died in zip(
                *(followed.lives[name].tolist() for name in ("start", "end", "died")), strict=True
            )
        ]
    for name in TABLES if done else ():
        join_csv(built / f"{name}.csv", [job.table(name) for job in done])
    shutil.rmtree(scratch)
    return lives, notes


def _film_all(
    built: Path,
    items: Sequence[Item],
    results: Results,
    found: Places,
    series: Mapping[tuple[str, str, str], Sequence[int]],
    runner: Runner,
) -> tuple[list[str], list[str]]:
    """Write the video of every series; return their places below the run folder, and notes."""
    if not series:
        return [], ["No field was seen at more than one time, so there is no video."]
    (built / "videos").mkdir()
    jobs: list[VideoJob] = []
    taken: set[str] = set()
    for key, own in series.items():
        name = re.sub(r"[^\w\-+=,.() ]", "_", "_".join(part for part in key if part)).strip(" .") or "series"
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        legend: dict[int, PixelClass] = {}
        for position in own:
            legend |= {
                one["id"]: PixelClass(one["id"], one["name"], one["colour"]) for one in results[position]["classes"]
            }
        size = results[own[0]]["pixel_size"]
        jobs.append(
            VideoJob(
                built / "videos" / name,
                tuple((items[position], found.places[position].time) for position in own),
                found.time_unit,
                PixelSize(**size) if size else None,
                tuple(legend[number] for number in sorted(legend)),
            )
        )
    notes: list[str] = []
    films = [f"videos/{film}" for _, film in _run_all(runner, write_series_video, jobs, notes)]
    if not films:
        (built / "videos").rmdir()
    return films, notes


def _run_all(runner: Runner, function: Any, jobs: Sequence[Any], notes: list[str]) -> Iterator[tuple[Any, Any]]:
    """Yield job and result in the order of the jobs; what fails on purpose becomes a note, a fault is raised."""
    outcomes: dict[int, Any] = {}
    for index, outcome in runner.map(function, jobs):
        if isinstance(outcome.error, OutputError) or not isinstance(outcome.error, GranumError | None):
            raise outcome.error
        outcomes[index] = outcome
    for index in sorted(outcomes):
        if outcomes[index].error is None:
            yield jobs[index], outcomes[index].value
        else:
            notes.append(str(outcomes[index].error))


def _overlays(items: Sequence[Item]) -> dict[tuple[str, int], str]:
    """Return (file, frame) -> the picture with what was found, below the run folder; classes rather than outlines."""
    found = {}
    for item in items:
        place, stem = item.items / item.key, item.facts.source.stem
        name = f"{stem}{item.facts.ending(item.frame)}.png"
        if class_file(place).exists():
            found[item.facts.source.file, item.frame] = f"class_overlays/{name}"
        elif (place / f"{stem}.png").exists():
            found[item.facts.source.file, item.frame] = f"overlays/{name}"
    return found
