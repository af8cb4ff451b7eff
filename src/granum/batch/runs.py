"""`run_batch`: a recipe on many files, with one folder as the result."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import granum
from granum.batch.assays import plan_assay
from granum.batch.corrections import about_edits, check_targets, edits_of, read_edits
from granum.batch.item import Item, Reading, SourceFacts, inspect_source, process_item
from granum.batch.ledger import Ledger
from granum.batch.model_files import place_models, read_models
from granum.batch.plan import Source, find_files, plan_sources
from granum.batch.run_folder import Failure, build_run_folder, publish_run_folder
from granum.batch.runners import Runner, make_runner
from granum.channel_roles import role_named, swapped_patterns, unknown_channel
from granum.errors import OutputError, SettingError
from granum.image import PixelSize
from granum.recipe import Recipe, load_recipe

__all__ = ["BatchSummary", "run_batch"]

_SPARE_SECTIONS = 10  # pictures for the report in the place of those that fail
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class BatchSummary:
    """What became of a batch.

    Parameters
    ----------
    out : Path
        The output folder.
    n_done : int
        Number of images and frames in it.
    n_skipped : int
        How many of them an earlier run had already done.
    n_objects : int
        Number of objects in all of them.
    failures : tuple of Failure
        What could not be done.
    warnings : tuple of str
        What the user must know.
    """

    out: Path
    n_done: int
    n_skipped: int
    n_objects: int
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]


def run_batch(
    recipe: Recipe | str,
    inputs: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    channels: Mapping[str, str] | None = None,
    patterns: Mapping[str, str] | None = None,
    pixel_size: str | PixelSize | None = None,
    scale_bar: str | PixelSize | None = None,
    interval_s: float | None = None,
    z: int | None = None,
    seed: int | None = None,
    edits: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    plate_map: str | os.PathLike[str] | None = None,
    names: str | None = None,
    video: bool = False,
    jobs: int = 1,
    resume: bool = False,
    runner: Runner | None = None,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> BatchSummary:
    """Run a recipe on files and leave one output folder, whole or not at all.

    Parameters
    ----------
    recipe : Recipe or str
        The recipe, or the name or path of one.
    inputs : sequence of path
        Files, folders and globs.
    out : path
        The output folder; it must not exist unless `resume` is set.
    channels : dict, optional
        Channel name -> index or name of a channel inside the files.
    patterns : dict, optional
        Channel name -> pattern of the files that hold it.
    pixel_size : PixelSize or str, optional
        Wins over what the files say.
    scale_bar : PixelSize or str, optional
        Length of the burnt-in scale bar.
    interval_s : float, optional
        Seconds between frames.
    z : int, optional
        Plane along z.
    seed : int, optional
        For every step that has such a setting.
    edits : dict or path, optional
        Corrections by hand: ``{SHA-256 of the input: {frame: [edits]}}`` as in `granum.separate.edits`, or a JSON file
        that holds this, as the ``edits.json`` of a run folder.
    plate_map : path, optional
        Table of what was in each well (`granum.plate.read_plate_map`); for recipes that make an assay.
    names : str, optional
        How the names of files say plate, well, field and time, as in ``"{well}_f{field}_t{time}_*"``; by default they
        are read as instruments and people usually write them.
    video : bool
        Make a film of every field that was seen at several times.
    jobs : int
        Number of processes; the result has the same bytes for any.
    resume : bool
        Go on with an interrupted run, or try what has failed once more.
    runner : Runner, optional
        Who does the jobs, instead of `jobs` processes.
    progress : callable, optional
        Called as ``progress(n_done, n_all, name)``.
    command : sequence of str
        What the user typed, for run.json.

    Returns
    -------
    summary : BatchSummary
        Inputs that failed are listed there; they do not stop the others.

    Raises
    ------
    OutputError
        The folder exists, or cannot be written; what was done so far is kept for `resume`.
    GranumError
        Wrong settings; or every input failed: then the error of the first, and no folder is left.
    """
    from granum.report.page import MOST_SECTIONS

    started = datetime.now(UTC).isoformat(timespec="seconds")
    recipe = load_recipe(recipe) if isinstance(recipe, str) else recipe
    recipe = recipe if seed is None else recipe.with_seed(seed)
    recipe, models = read_models(recipe)
    reading = Reading(
        dict(channels or {}),
        PixelSize.parse(pixel_size) if isinstance(pixel_size, str) else pixel_size,
        PixelSize.parse(scale_bar) if isinstance(scale_bar, str) else scale_bar,
        interval_s,
        z,
    )
    _check_channels(recipe, [*(channels or {}), *(patterns or {})], patterns or {})
    corrections = read_edits(edits)
    sources, notes = plan_sources(find_files(inputs), patterns)
    notes += swapped_patterns(recipe.roles, patterns or {})
    assay = plan_assay(recipe, sources, names=names, plate_map=plate_map, video=video)
    runner = make_runner(jobs) if runner is None else runner
    out = Path(out)
    ledger = Ledger(out)
    if out.exists() and not resume:
        raise OutputError(f"{out}: exists already; choose another folder for -o, or add --resume.")
    about = {
        "granum": granum.__version__,
        "seed": seed,
        "command": list(command),
        "started": started,
        "reading": _reading_json(reading, patterns) | ({} if assay is None else {"assay": assay.to_json()}),
        "warnings": notes,
        **about_edits(corrections),
        **({"models": [model.about for model in models]} if models else {}),
    }
    if out.exists() and not ledger.folder.exists():
        return _already_done(out, recipe, sources, about)
    out.parent.mkdir(parents=True, exist_ok=True)
    versions = _versions()
    with ledger.open(resume=resume):
        place_models(models, ledger.folder)
        facts, failures = _inspect(runner, sources, reading)
        try:
            check_targets(corrections, facts, failures)
        except SettingError:
            if not ledger.committed():
                ledger.remove()
            raise
        frames = [(fact, frame) for fact in facts for frame in range(fact.n_frames)]
        items = [
            Item(
                fact,
                frame,
                recipe,
                reading,
                ledger.items.resolve(),
                versions,
                len(frames),
                edits_of(corrections, fact, frame),
                number < MOST_SECTIONS + _SPARE_SECTIONS,
            )
            for number, (fact, frame) in enumerate(frames)
        ]
        n_skipped = _process(runner, items, ledger, failures, progress)
        done = ledger.committed()
        finished = [item for item in items if item.key in done]
        if not finished:
            ledger.remove()
            raise failures[0].error
        together = None if assay is None else (assay, runner)
        built = build_run_folder(ledger, recipe, facts, finished, failures, about, corrections, together)
        run = json.loads((built / "run.json").read_text(encoding="utf-8"))
        n_objects = sum(_n_objects(ledger.place(item.key)) for item in finished)
        publish_run_folder(built, out, ledger)
        if not failures:
            ledger.remove()
    return BatchSummary(out, len(finished), n_skipped, n_objects, tuple(failures), _all_warnings(run))


def _check_channels(recipe: Recipe, names: Sequence[str], patterns: Collection[str]) -> None:
    """Raise for a channel that the recipe does not read; one that takes all channels takes further files too."""
    known = (*(["image"] if recipe.reads_image else []), *recipe.channels)
    for name in names:
        taken = name in known or role_named(recipe.roles, name) is not None
        if not taken and not (recipe.reads_channels and name in patterns):
            raise unknown_channel(name, recipe.name, known, recipe.roles)


def _inspect(runner: Runner, sources: Sequence[Source], reading: Reading) -> tuple[list[SourceFacts], list[Failure]]:
    """Return what the headers say, in the order of the sources, and the files that cannot be opened."""
    found: dict[int, SourceFacts] = {}
    failures: dict[int, Failure] = {}
    for index, outcome in runner.map(inspect_source, [(source, reading) for source in sources]):
        if outcome.error is None:
            found[index] = outcome.value
        else:
            failures[index] = Failure(sources[index].file, None, outcome.error, outcome.details)
    return [found[i] for i in sorted(found)], [failures[i] for i in sorted(failures)]


def _process(
    runner: Runner, items: Sequence[Item], ledger: Ledger, failures: list[Failure], progress: Progress | None
) -> int:
    """Do what is not committed yet; failures are added in the order of the items. Return how many were there."""
    committed = ledger.committed()
    missing = [item for item in items if item.key not in committed]
    n_skipped = len(items) - len(missing)
    failed: dict[int, Failure] = {}
    for n, (index, outcome) in enumerate(runner.map(process_item, missing), n_skipped + 1):
        item = missing[index]
        if isinstance(outcome.error, OutputError):  # a full disk is no fault of the image: stop, and keep what is there
            raise outcome.error
        if outcome.error is not None:
            frame = item.frame if item.facts.n_frames > 1 else None
            failed[index] = Failure(item.facts.source.file, frame, outcome.error, outcome.details)
        if progress is not None:
            progress(n, len(items), item.facts.source.file)
    failures += [failed[i] for i in sorted(failed)]
    return n_skipped


def _already_done(out: Path, recipe: Recipe, sources: Sequence[Source], about: Mapping[str, Any]) -> BatchSummary:
    """Return the summary of a finished run that was asked to resume, when it is the same run."""
    from granum.read import file_sha256

    try:
        run = json.loads((out / "run.json").read_text(encoding="utf-8"))
        there = {file["sha256"] for entry in run["inputs"] for file in entry["files"]}
        same = run["recipe"]["sha256"] == recipe.hash and run["reading"] == json.loads(json.dumps(about["reading"]))
        same_edits = run.get("edits") == about.get("edits")
    except (OSError, ValueError, KeyError, TypeError):
        raise OutputError(f"{out}: exists and is no run of granum; choose another folder for -o.") from None
    if not same:
        raise OutputError(f"{out}: is a finished run with other settings; choose another folder for -o.")
    if not same_edits:
        raise OutputError(f"{out}: is a finished run with other corrections by hand; choose another folder for -o.")
    if there != {file_sha256(path) for source in sources for path in source.paths}:
        raise OutputError(f"{out}: is a finished run of other inputs; choose another folder for -o.")
    from granum.report.tables import read_images_csv

    rows = read_images_csv(out / "images.csv")
    n_objects = sum(int(row["n_objects"] or 0) for row in rows)
    return BatchSummary(out, len(rows), len(rows), n_objects, (), _all_warnings(run))


def _all_warnings(run: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the user must know of a run, that of its assay included."""
    return (*run["warnings"], *run.get("assay", {}).get("notes", ()))


def _n_objects(place: Path) -> int:
    return int(json.loads((place / "item.json").read_text(encoding="utf-8"))["n_labels"])


def _versions() -> str:
    from granum.report.provenance import versions

    return json.dumps(versions())


def _reading_json(reading: Reading, patterns: Mapping[str, str] | None) -> dict[str, Any]:
    return {
        "channels": dict(reading.channels),
        "patterns": dict(patterns or {}),
        "pixel_size": str(reading.pixel_size) if reading.pixel_size else None,
        "scale_bar": str(reading.scale_bar) if reading.scale_bar else None,
        "interval_s": reading.interval_s,
        "z": reading.z,
    }
