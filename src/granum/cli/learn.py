"""`granum learn pixels`: a model of pixel classes from images and a few strokes."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from granum.learn.pixel_model import PixelModel
    from granum.learn.scribbles import PixelClass
    from granum.learn.training_data import TrainingImage
    from granum.learn.training_files import PaintedPlane

__all__ = ["learn", "parse_budget", "parse_classes", "pixels", "read_painted_inputs"]

learn = typer.Typer(help="Teach a model by examples.", no_args_is_help=True, rich_markup_mode=None)

_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
_LONGEST_S = 86_400.0
_MOST_LINES = 20


@learn.callback()
def _group() -> None:
    """Teach a model by examples."""


@learn.command("pixels")
def pixels(
    inputs: Annotated[list[str], typer.Argument(help="Image files, folders and globs.", metavar="INPUT...")],
    scribbles: Annotated[
        Path,
        typer.Option(help="Folder of label images named like the images, or a granum_project folder.", metavar="DIR"),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.", metavar="FILE")],
    budget: Annotated[str, typer.Option(help="Time for the search, as in '30s' or '5min'.", metavar="TIME")] = "60s",
    trials: Annotated[
        int | None, typer.Option(help="Stop after so many pipelines instead: repeatable.", metavar="N", min=1)
    ] = None,
    first: Annotated[bool, typer.Option("--first", help="No search, only the first model.")] = False,
    classes: Annotated[str | None, typer.Option(help="Names, as in '1=matrix,2=gamma'.", metavar="ID=NAME,...")] = None,
    channel: Annotated[
        str | None, typer.Option(help="Learn from this channel only (index or name).", metavar="CHANNEL")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random numbers.", metavar="N", min=0)] = 0,
    study: Annotated[
        Path | None,
        typer.Option(
            help="Keep what was tried in this file; a later search of the same images and strokes goes on from it.",
            metavar="FILE",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page about the training: a folder, or a .html file.", metavar="PLACE")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE when it is there already.")] = False,
) -> None:
    """Find the model that tells the painted classes apart best, on what it has not seen.

    Ctrl-C ends the search and keeps the best model so far.
    """
    from granum.learn.model_file import save_model

    seconds = parse_budget(budget)
    _check_places(output, report, study, force)
    images, named, notes = read_painted_inputs(inputs, scribbles, parse_classes(classes), channel, seed)
    for note in notes[:_MOST_LINES]:
        typer.echo(f"note: {note}", err=True)
    if first:
        stopped, (model, leaderboard, more) = 0, _first_model(images, named, seed)
    else:
        with _stop_softly() as stop:
            model, leaderboard, more = _search(images, named, seconds, trials, seed, study, stop)
        stopped = stop.number
    for note in more[:_MOST_LINES]:
        typer.echo(f"note: {note}", err=True)
    save_model(model, output)
    if report is not None:
        from granum.report.model_page import write_model_page

        page = report if report.suffix == ".html" else report / "report.html"
        write_model_page(page, model, leaderboard)
        typer.echo(f"Report: {page}")
    _print_result(model, leaderboard)
    typer.echo(f"Model: {output}")
    if stopped:
        typer.echo("Stopped before the time was up; the best model so far was kept.", err=True)
        raise typer.Exit(128 + stopped)


def parse_budget(text: str) -> float:
    """Return a time such as "60s", "2 min", "0.5h" or "90" in seconds.

    Raises
    ------
    SettingError
        When it is no time, 0, or over a day.
    """
    from granum.errors import SettingError

    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*", text.casefold())
    if match is None or match[2] not in _SECONDS:
        raise SettingError(f"--budget {text!r}: write a number and s, min or h, as in '60s'.")
    seconds = float(match[1]) * _SECONDS[match[2]]
    if not 0 < seconds <= _LONGEST_S:
        raise SettingError(f"--budget {text!r}: is out of range, must be over 0, at most a day (--first: no search).")
    return seconds


def parse_classes(text: str | None) -> tuple[PixelClass, ...]:
    """Return classes of "1=matrix,2=gamma".

    Raises
    ------
    SettingError
        When one is not written so, or an id or a name comes twice.
    """
    from granum.errors import SettingError
    from granum.learn.scribbles import PixelClass

    found: dict[int, PixelClass] = {}
    for part in [] if text is None else text.split(","):
        number, equals, name = (piece.strip() for piece in part.partition("="))
        if not (equals and name and number.isdecimal() and 1 <= int(number) <= 255):
            raise SettingError(f"--classes {part.strip()!r}: write ID=NAME with an id from 1 to 255, as in 1=matrix.")
        if int(number) in found or name in (one.name for one in found.values()):
            raise SettingError(f"--classes {part.strip()!r}: this id or name is given twice.")
        found[int(number)] = PixelClass(int(number), name)
    return tuple(found[number] for number in sorted(found))


def _check_places(output: Path, report: Path | None, study: Path | None, force: bool) -> None:
    """Raise before the long work when the model, the page or the study could not be written."""
    from granum.errors import OutputError

    if output.is_dir():
        raise OutputError(f"{output}: is a folder; give the name of a file for -o.")
    if output.exists() and not force:
        raise OutputError(f"{output}: exists already; choose another name for -o, or add --force.")
    if not output.parent.is_dir():
        raise OutputError(f"{output}: the folder {output.parent} does not exist; make it first.")
    if report is not None and report.suffix != ".html" and report.is_file():
        raise OutputError(f"--report {report}: is a file; give a folder or the name of a .html file.")
    if study is not None and (study.is_dir() or not study.parent.is_dir()):
        reason = "is a folder" if study.is_dir() else f"the folder {study.parent} does not exist"
        raise OutputError(f"--study {study}: {reason}; give the name of a file in a folder that is there.")


def read_painted_inputs(
    inputs: Sequence[str], scribbles: Path, typed: Sequence[PixelClass], channel: str | None, seed: int
) -> tuple[tuple[TrainingImage, ...], tuple[PixelClass, ...], list[str]]:
    """Return images, classes and notes of image files and the strokes on them.

    Raises
    ------
    GranumError
        A file cannot be read, or does not fit the others.
    """
    from granum.batch.plan import find_files
    from granum.learn.training_files import read_training_images

    files = find_files(inputs)
    if _is_project(scribbles):
        planes, classes, notes = _from_project(files, scribbles)
    else:
        planes, classes, notes = _from_folder(files, scribbles)
    names = {one.id: one for one in classes}
    for one in typed:
        names[one.id] = type(one)(one.id, one.name, names[one.id].colour if one.id in names else "")
    images, more = read_training_images(planes, channels={} if channel is None else {"image": channel}, seed=seed)
    return images, tuple(names[number] for number in sorted(names)), [*notes, *more]


def _is_project(folder: Path) -> bool:
    return folder.name == "granum_project" or (folder / "granum_project").is_dir()


def _from_folder(files: Sequence[Path], folder: Path) -> tuple[list[PaintedPlane], tuple[PixelClass, ...], list[str]]:
    from granum.learn.scribble_folder import find_scribbles
    from granum.learn.training_files import PaintedPlane

    found = find_scribbles(folder, files)
    planes = [PaintedPlane(path, painted) for path, painted in zip(files, found.scribbles, strict=True)]
    return planes, found.classes, list(found.notes)


def _from_project(files: Sequence[Path], folder: Path) -> tuple[list[PaintedPlane], tuple[PixelClass, ...], list[str]]:
    from granum.app.paint_export import read_painted
    from granum.errors import SettingError
    from granum.learn.training_files import PaintedPlane
    from granum.read import file_sha256

    project = read_painted(folder)
    notes = list(project.notes)
    known = {file_sha256(path): path for path in files}  # by content: names and places may have changed
    planes = []
    for one in project.planes:
        if one.sha256 in known:
            planes.append(PaintedPlane(known[one.sha256], one.scribbles, one.t, one.z))
        else:
            notes.append(f"{one.scribbles.name}: is painted, but not among the inputs; it is left out.")
    if not planes:
        raise SettingError(f"{folder}: none of the inputs is painted in this project (files go by their content).")
    painted = {plane.path for plane in planes}
    planes += [PaintedPlane(path) for path in files if path not in painted]
    return planes, project.classes, notes


class _Stop:
    """Remembers that somebody asked to stop."""

    number = 0

    def __call__(self) -> bool:
        return self.number != 0


@contextmanager
def _stop_softly() -> Iterator[_Stop]:
    """Let the first Ctrl-C or SIGTERM end the search with what it has; the second one acts as always."""
    stop = _Stop()
    before: dict[signal.Signals, Any] = {}

    def ask(number: int, frame: FrameType | None) -> None:
        stop.number = int(number)
        for known, handler in before.items():
            signal.signal(known, handler)
        print("stopping; the best model so far is kept (again to stop at once)", file=sys.stderr, flush=True)

    for wanted in (signal.SIGINT, signal.SIGTERM):
        before[wanted] = signal.signal(wanted, ask)
    try:
        yield stop
    finally:
        for wanted, handler in before.items():
            signal.signal(wanted, handler)


def _first_model(
    images: Sequence[TrainingImage], classes: Sequence[PixelClass], seed: int
) -> tuple[PixelModel, tuple[Any, ...], tuple[str, ...]]:
    from granum.learn.pixel_classifier import fit_first_model
    from granum.learn.training_data import gather_training_data

    data = gather_training_data(images, classes, seed=seed)
    model = fit_first_model(data, seed=seed)
    return model, (), tuple(dict.fromkeys([*data.notes, *model.about.get("notes", [])]))


def _search(
    images: Sequence[TrainingImage],
    classes: Sequence[PixelClass],
    budget_s: float,
    trials: int | None,
    seed: int,
    study: Path | None,
    stop: Callable[[], bool],
) -> tuple[PixelModel, tuple[Any, ...], tuple[str, ...]]:
    from granum.cli.progress import show_progress
    from granum.learn.model_search import SearchProgress, search_model

    with show_progress(unit="s" if trials is None else "pipelines") as show:

        def tell(now: SearchProgress) -> None:
            if trials is None:
                show(min(int(now.elapsed_s), int(budget_s)), max(1, int(budget_s)), _progress_words(now))
            else:
                show(min(now.n_trials, trials), trials, _progress_words(now))

        found = search_model(
            images,
            classes,
            budget_s=_LONGEST_S if trials is not None else budget_s,
            most_trials=trials,
            seed=seed,
            progress=tell,
            should_stop=stop,
            study=study,
        )
    return found.model, found.leaderboard, found.notes


def _progress_words(now: Any) -> str:
    best = "" if now.best is None else f", best {now.best.miou:.3f}: {now.best.description}"
    return f"{now.n_trials} pipelines{best}"


def _print_result(model: PixelModel, leaderboard: Sequence[Any]) -> None:
    """Print the score with its interval, the scores of classes, and the best pipelines."""
    from rich.console import Console
    from rich.table import Table

    from granum.report.class_section import score_words

    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    report = model.about.get("report") or {}
    typer.echo(f"{model.describe()}")
    if report:
        typer.echo(f"Mean IoU {score_words(report)}. {report.get('method', '')}")
    else:
        more_time = "without --first" if model.about.get("kind") == "first model" else "with a larger --budget"
        typer.echo(f"It is not scored: a search ({more_time}) tells how good a model is.")
    if report.get("per_class"):
        table = Table(box=None, pad_edge=False)
        for heading in ("class", "IoU", "precision", "recall", "painted px", "strokes"):
            table.add_column(heading, justify="left" if heading == "class" else "right")
        for one in report["per_class"]:
            shares = (f"{one[name]:.2f}" for name in ("iou", "precision", "recall"))
            table.add_row(one["name"], *shares, str(one["n_px"]), str(one["n_strokes"]))
        console.print(table)
    if leaderboard:
        table = Table(box=None, pad_edge=False)
        for heading in ("mIoU", "95 %", "seconds", "pipeline"):
            table.add_column(heading, justify="left" if heading == "pipeline" else "right")
        for trial in [one for one in leaderboard if one.miou is not None][:5]:
            interval = "" if trial.low is None else f"{trial.low:.2f} to {trial.high:.2f}"
            table.add_row(f"{trial.miou:.3f}", interval, f"{trial.seconds:.1f}", trial.description)
        console.print(table)
    for text in (report.get("warnings") or [])[:_MOST_LINES]:
        typer.echo(f"warning: {text}", err=True)
