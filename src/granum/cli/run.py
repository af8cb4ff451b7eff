"""`granum run`: a recipe on files, with one folder as the result."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from granum.batch.runs import BatchSummary
    from granum.recipe import Recipe

__all__ = ["parse_interval", "parse_settings", "print_summary", "run"]

_SECONDS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_MOST_LINES = 20


def run(
    recipe: Annotated[
        str, typer.Argument(help="A ready recipe (see granum recipes) or a TOML file.", metavar="RECIPE")
    ],
    inputs: Annotated[list[str], typer.Argument(help="Image files, folders and globs.", metavar="INPUT...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to make.", metavar="OUT")],
    channel: Annotated[
        list[str] | None,
        typer.Option(
            help="An index (hoechst=3) or name inside the files, or a pattern of files (hoechst=*_w2.tif).",
            metavar="NAME=PATTERN",
        ),
    ] = None,
    pixel_size: Annotated[str | None, typer.Option(help="As in '0.5 nm'; wins over the file.", metavar="SIZE")] = None,
    scale_bar: Annotated[
        str | None, typer.Option(help="Length of the burnt-in scale bar, as in '50 nm'.", metavar="LENGTH")
    ] = None,
    interval: Annotated[str | None, typer.Option(help="Time between frames, as in '5 s'.", metavar="TIME")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="As in threshold.method=li; may be repeated.", metavar="STEP.SETTING=VALUE"),
    ] = None,
    z: Annotated[int | None, typer.Option("--z", help="Plane along z, from 0.", metavar="N")] = None,
    jobs: Annotated[int, typer.Option(help="Number of processes.", metavar="N")] = 1,
    seed: Annotated[int | None, typer.Option(help="For every step that has a seed.", metavar="N")] = None,
    edits: Annotated[
        Path | None, typer.Option(help="Corrections by hand, as the edits.json of a run.", metavar="FILE")
    ] = None,
    plate_map: Annotated[
        Path | None, typer.Option(help="Table of what was in each well (assays only).", metavar="FILE")
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            help="What names of files say, as in '{well}_f{field}_t{time}_*' (assays only).", metavar="PATTERN"
        ),
    ] = None,
    video: Annotated[bool, typer.Option("--video", help="Make a film of every field over time (assays only).")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run, or retry what failed.")] = False,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a cluster (not there yet).", metavar="ADDRESS")
    ] = None,
    tile: Annotated[int | None, typer.Option(help="Side of a tile (not there yet).", metavar="PX")] = None,
) -> None:
    """Run a recipe on images.

    It leaves one folder with tables, label images, overlays and a report. One bad file does not stop the rest.
    """
    from granum.batch.plan import parse_channels
    from granum.batch.runs import run_batch
    from granum.cli.progress import show_progress
    from granum.errors import SettingError
    from granum.recipe import load_recipe

    for option, value in (("--cluster", cluster), ("--tile", tile)):
        if value is not None:
            raise SettingError(f"{option}: is not there yet; leave it out (--jobs N uses several processes).")
    channels, patterns = parse_channels(channel or [])
    chosen = load_recipe(recipe).with_settings(parse_settings(settings or []))
    with show_progress() as progress:
        summary = run_batch(
            chosen,
            inputs,
            output,
            channels=channels,
            patterns=patterns,
            pixel_size=pixel_size,
            scale_bar=scale_bar,
            interval_s=None if interval is None else parse_interval(interval),
            z=z,
            seed=seed,
            edits=edits,
            plate_map=plate_map,
            names=names,
            video=video,
            jobs=jobs,
            resume=resume,
            progress=progress,
            command=["granum", *sys.argv[1:]],
        )
    print_summary(summary, has_objects=_makes_objects(chosen))
    if summary.failures:
        raise typer.Exit(3)


def parse_settings(options: list[str]) -> dict[str, str]:
    """Return ``--set STEP.SETTING=VALUE`` as name -> text.

    Raises
    ------
    SettingError
        When an option has no ``=``, or a setting comes twice.
    """
    from granum.errors import SettingError

    settings: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise SettingError(f"--set {option!r}: write STEP.SETTING=VALUE, as in threshold.method=li.")
        if name in settings:
            raise SettingError(f"--set {name}: is given twice.")
        settings[name] = value
    return settings


def parse_interval(text: str) -> float:
    """Return a time such as "5 s", "0.5 min" or "2 h" in seconds.

    Raises
    ------
    SettingError
        When it is not a positive number with a unit of time.
    """
    from granum.errors import SettingError

    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]+)\s*", text)
    if match is None or match[2] not in _SECONDS or float(match[1]) == 0:
        raise SettingError(f"--interval {text!r}: write a number and one of {', '.join(_SECONDS)}, as in '5 s'.")
    return float(match[1]) * _SECONDS[match[2]]


def _makes_objects(recipe: Recipe) -> bool:
    """Whether a recipe ends in objects: labels are written, and no step was told to make none."""
    wanted = all(step.settings.get("objects") != "none" for step in recipe.steps)
    return wanted and any("labels" in step.writes for step in recipe.steps)


def print_summary(summary: BatchSummary, *, has_objects: bool = True) -> None:
    """Print what became of a run: warnings and failures on standard error, results and where they are."""
    for warning in summary.warnings[:_MOST_LINES]:
        typer.echo(f"warning: {warning}", err=True)
    for failure in summary.failures[:_MOST_LINES]:
        typer.echo(f"failed: {failure}", err=True)
    for many, what in ((summary.warnings, "warnings"), (summary.failures, "failures")):
        if len(many) > _MOST_LINES:
            typer.echo(f"... {len(many) - _MOST_LINES} more {what} in {summary.out / 'run.json'}.", err=True)
    skipped = f" ({summary.n_skipped} done before)" if summary.n_skipped else ""
    found = f"{summary.n_objects} objects in {summary.n_done} images" if has_objects else f"{summary.n_done} images"
    typer.echo(f"{found}{skipped}")
    if line := _result_line(summary.out):
        typer.echo(line)
    typer.echo(f"Report: {summary.out / 'report.html'}")
    if summary.failures:
        typer.echo(f"{len(summary.failures)} failed; --resume tries them once more.", err=True)


def _result_line(out: Path) -> str:
    """Return what an assay found, else the share of each class in the analysed area of all images, else nothing."""
    import json

    from granum.plate.assay import read_assay
    from granum.report.assay_numbers import assay_numbers
    from granum.report.class_section import class_shares

    if (out / "assay.json").is_file():
        found = [
            (name, f"{value} {unit}".strip(), more)
            for name, value, unit, more in assay_numbers(read_assay(out / "assay.json"))
        ]
        return "\n".join(f"{name}: {value}{f' ({more})' if more else ''}" for name, value, more in found)
    shares = class_shares(json.loads((out / "run.json").read_text(encoding="utf-8")))
    return "Area: " + ", ".join(f"{name} {100 * share:.1f} %" for (_, name), share in shares.items()) if shares else ""
