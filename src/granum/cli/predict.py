"""`granum predict`: classes, probabilities or objects of images by a learnt model."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from granum.cli.run import parse_interval, print_summary

if TYPE_CHECKING:
    from granum.recipe import Recipe

__all__ = ["predict", "prediction_recipe"]


def predict(
    model: Annotated[Path, typer.Argument(help="A file that granum learn or the app has written.", metavar="MODEL")],
    inputs: Annotated[list[str], typer.Argument(help="Image files, folders and globs.", metavar="INPUT...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to make.", metavar="OUT")],
    objects: Annotated[
        str | None, typer.Option(help="Count the pieces of this class (name or id) as objects.", metavar="CLASS")
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Keep the probabilities of all classes as TIFF files too.")
    ] = False,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            help="The one channel to look at (image=1), or files with more channels of the same field (b=*_w2.tif).",
            metavar="NAME=PATTERN",
        ),
    ] = None,
    pixel_size: Annotated[str | None, typer.Option(help="As in '0.5 nm'; wins over the file.", metavar="SIZE")] = None,
    interval: Annotated[str | None, typer.Option(help="Time between frames, as in '5 s'.", metavar="TIME")] = None,
    z: Annotated[int | None, typer.Option("--z", help="Plane along z, from 0.", metavar="N")] = None,
    jobs: Annotated[int, typer.Option(help="Number of processes.", metavar="N")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run, or retry what failed.")] = False,
) -> None:
    """Give every pixel of images its class by a learnt model.

    It leaves a run folder with class images, areas and a report; with --objects also what the recipe scribbles makes:
    labels and a table of objects.
    """
    from granum.batch.plan import parse_channels
    from granum.batch.runs import run_batch
    from granum.cli.progress import show_progress

    channels, patterns = parse_channels(channel or [])
    with show_progress() as progress:
        summary = run_batch(
            prediction_recipe(str(model), objects, probabilities),
            inputs,
            output,
            channels=channels,
            patterns=patterns,
            pixel_size=pixel_size,
            interval_s=None if interval is None else parse_interval(interval),
            z=z,
            jobs=jobs,
            resume=resume,
            progress=progress,
            command=["granum", *sys.argv[1:]],
        )
    print_summary(summary, has_objects=objects is not None)
    if summary.failures:
        raise typer.Exit(3)


def prediction_recipe(model: str, objects: str | None = None, probabilities: bool = False) -> Recipe:
    """Return the recipe `scribbles` with this model; without `objects` only its steps up to the classes."""
    from granum.errors import SettingError
    from granum.recipe import load_recipe

    if objects is not None and not objects.strip():
        raise SettingError("--objects: is empty; give the name or id of a class, or leave it out for classes only.")
    recipe = load_recipe("scribbles").with_settings(
        {"segment.learned.model": model, "segment.learned.objects": objects or "none"}
    )
    if probabilities:
        recipe = recipe.with_settings({"segment.learned.probabilities": True})
    if objects is not None:
        return recipe
    steps = tuple(step for step in recipe.steps if step.do.startswith(("preprocess.", "segment.")))
    return replace(recipe, name="classes", summary="Classes of pixels by a learnt model.", steps=steps)
