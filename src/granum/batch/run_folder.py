"""The output folder of a run, put together from the committed results of its images."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from granum.batch.assays import AssayPlan, build_assay_files
from granum.batch.class_files import place_classes
from granum.batch.item import Item, SourceFacts
from granum.batch.label_files import place_labels, put
from granum.batch.ledger import Ledger, publish
from granum.batch.runners import Runner
from granum.errors import OutputError
from granum.recipe import Recipe

__all__ = ["Failure", "build_run_folder", "publish_run_folder"]


@dataclass(frozen=True)
class Failure:
    """An input, or a frame of one, that could not be done.

    Parameters
    ----------
    file : str
        As the tables name it.
    frame : int or None
        None when the file could not be opened.
    error : Exception
        Why.
    details : str
        The traceback.
    """

    file: str
    frame: int | None
    error: Exception
    details: str = ""

    def __str__(self) -> str:
        where = self.file if self.frame is None else f"{self.file}, frame {self.frame}"
        text = str(self.error)
        return text if self.file in text else f"{where}: {text}"


def build_run_folder(
    ledger: Ledger,
    recipe: Recipe,
    sources: Sequence[SourceFacts],
    items: Sequence[Item],
    failures: Sequence[Failure],
    about: Mapping[str, Any],
    edits: Mapping[str, Any] | None = None,
    assay: tuple[AssayPlan, Runner] | None = None,
) -> Path:
    """Write all files of a run under a temporary name, DONE last, and return the folder.

    Parameters
    ----------
    ledger : Ledger
        Holds the result of every item.
    recipe : Recipe
        What ran.
    sources : sequence of SourceFacts
        All inputs that could be opened, in order.
    items : sequence of Item
        What was done, in order.
    failures : sequence of Failure
        What was not.
    about : dict
        More for run.json, JSON types.
    edits : dict, optional
        Corrections by hand, for edits.json.
    assay : (AssayPlan, Runner), optional
        What the images make together, and who does what is done for each field.

    Raises
    ------
    OutputError
        When something cannot be written.
    """
    from granum.report.provenance import write_json

    built = ledger.folder / "out"
    try:
        shutil.rmtree(built, ignore_errors=True)
        built.mkdir()
        if edits:
            write_json(built / "edits.json", edits)
        _write_all(built, ledger, recipe, sources, items, failures, about, assay)
    except OSError as error:
        raise OutputError(f"{built}: cannot be written ({error.strerror or error}).") from error
    return built


def publish_run_folder(built: Path, out: Path, ledger: Ledger) -> None:
    """Give a finished run folder its name; an older one in its place (only after ``--resume``) goes away after that."""
    if out.exists():
        old = ledger.folder / "old"
        shutil.rmtree(old, ignore_errors=True)
        try:
            out.rename(old)
        except OSError as error:
            raise OutputError(f"{out}: cannot be replaced ({error.strerror or error}).") from error
    publish(built, out)


def _write_all(
    built: Path,
    ledger: Ledger,
    recipe: Recipe,
    sources: Sequence[SourceFacts],
    items: Sequence[Item],
    failures: Sequence[Failure],
    about: Mapping[str, Any],
    assay: tuple[AssayPlan, Runner] | None,
) -> None:
    from granum.read import file_sha256
    from granum.report.page import write_report
    from granum.report.provenance import machine, versions, write_json
    from granum.report.tables import join_csv, write_images_csv

    results = [json.loads((ledger.place(item.key) / "item.json").read_text(encoding="utf-8")) for item in items]
    for file in recipe.files:
        (built / file).parent.mkdir(exist_ok=True)
        put(ledger.folder / file, built / file)
    (built / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8", newline="")
    rows = [result["row"] for result in results]
    if assay is not None:
        made = build_assay_files(built, ledger, assay[0], items, results, assay[1])
        rows = [{**row, **columns} for row, columns in zip(rows, made.columns, strict=True)]
        about = {**about, "assay": {**assay[0].to_json(), "notes": list(made.notes)}}
    write_images_csv(built / "images.csv", rows)
    join_csv(built / "objects.csv", [ledger.place(item.key) / "objects.csv" for item in items])
    _place_pictures(built, ledger, sources, items, results)
    run = {
        **about,
        "recipe": {"name": recipe.name, "summary": recipe.summary, "sha256": recipe.hash},
        "settings": [
            {"do": step.do, "from": step.from_, "into": step.into, "settings": step.settings} for step in recipe.steps
        ],
        "inputs": [facts.to_json() for facts in sources],
        "images": [_image_entry(item, result) for item, result in zip(items, results, strict=True)],
        "failed": [{"file": failure.file, "frame": failure.frame, "error": str(failure)} for failure in failures],
        "seconds": _sum_seconds(results),
        "warnings": _joint_warnings(results, about.get("warnings", [])),
        "machine": machine(),
        "versions": versions(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_json(built / "run.json", run)
    sections = [(item, ledger.place(item.key) / "section.html") for item in items]
    write_report(built, [section for item, section in sections if section.exists() or not item.in_report])
    hashes = {path.relative_to(built).as_posix(): file_sha256(path) for path in built.rglob("*") if path.is_file()}
    lines = [f"{hashes[name]}  {name}\n" for name in sorted(hashes)]
    (built / "DONE").write_text("".join(lines), encoding="utf-8", newline="")


def _image_entry(item: Item, result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "file": item.facts.source.file,
        "frame": item.frame,
        "stem": item.facts.source.stem,
        **{name: result[name] for name in ("choices", "seconds", "warnings", "pixel_size")},
        **({"classes": result["classes"], "analysed_px": result["row"]["analysed_px"]} if result["classes"] else {}),
    }


def _sum_seconds(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for result in results:
        for step, seconds in result["seconds"].items():
            total[step] = total.get(step, 0.0) + seconds
    return total


def _joint_warnings(results: Sequence[Mapping[str, Any]], first: Sequence[str]) -> list[str]:
    """Return every warning once, and how many images have it; those that differ only in numbers count as one."""
    found: dict[str, list[str]] = {}
    for result in results:
        for text in result["warnings"]:
            found.setdefault(re.sub(r"\d+(\.\d+)?", "#", text), []).append(text)
    if len(results) == 1:
        return [*first, *results[0]["warnings"]]
    n = len(results)
    return [
        *first,
        *(
            f"{len(texts)} of {n} images: {texts[0]}"
            if len(set(texts)) == 1
            else f"{len(texts)} of {n} images, as in: {texts[0]}"
            for texts in found.values()
        ),
    ]


def _place_pictures(
    built: Path, ledger: Ledger, sources: Sequence[SourceFacts], items: Sequence[Item], results: Sequence[Any]
) -> None:
    """Put label images and overlays in place: a file of one frame as it is, frames of a series in one stack."""
    by_stem: dict[str, dict[int, tuple[Path, Any]]] = {}
    for item, result in zip(items, results, strict=True):
        by_stem.setdefault(item.facts.source.stem, {})[item.frame] = ledger.place(item.key), result
    for facts in sources:
        stem, frames = facts.source.stem, by_stem.get(facts.source.stem, {})
        place_classes(built, stem, facts.n_frames, frames, ledger.folder / "stack.npy")
        for kind in ("labels", "cells"):
            place_labels(built, facts, frames, kind, ledger.folder / "stack.npy")
        for frame, (place, _) in frames.items():
            if (place / f"{stem}.png").exists():
                (built / "overlays").mkdir(exist_ok=True)
                put(place / f"{stem}.png", built / "overlays" / f"{stem}{facts.ending(frame)}.png")
