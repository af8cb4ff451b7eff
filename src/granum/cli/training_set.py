"""`granum learn training-set`: images and masks for networks that are trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from granum.cli.learn import parse_classes, read_painted_inputs

__all__ = ["training_set"]

_MOST_LINES = 20


def training_set(
    inputs: Annotated[list[str], typer.Argument(help="Image files, folders and globs.", metavar="INPUT...")],
    scribbles: Annotated[
        Path,
        typer.Option(help="Folder of label images named like the images, or a granum_project folder.", metavar="DIR"),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to make.", metavar="OUT")],
    classes: Annotated[str | None, typer.Option(help="Names, as in '1=matrix,2=gamma'.", metavar="ID=NAME,...")] = None,
    channel: Annotated[
        str | None, typer.Option(help="Write this channel only (index or name).", metavar="CHANNEL")
    ] = None,
    tile: Annotated[int, typer.Option(help="Side of a tile in px; 0 for whole images.", metavar="PX")] = 512,
    stride: Annotated[int, typer.Option(help="Step from tile to tile in px; 0 for the side.", metavar="PX")] = 0,
    validation: Annotated[
        float, typer.Option(help="Share of the images that is set aside, 0 to 0.9.", metavar="SHARE")
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="Decides which images are set aside.", metavar="N")] = 0,
) -> None:
    """Write painted images and their strokes as tiles and masks, for networks.

    OUT gets images/, masks/ (index of the class, 255 = unpainted) and manifest.json. Whole label images are strokes
    too: what is painted completely becomes a dense mask.
    """
    from granum.learn.training_set import export_training_set

    images, named, notes = read_painted_inputs(inputs, scribbles, parse_classes(classes), channel, seed)
    written = export_training_set(
        [image for image in images if image.scribbles is not None],
        output,
        classes=named,
        tile=tile,
        stride=stride,
        validation_share=validation,
        seed=seed,
    )
    for note in list(dict.fromkeys([*notes, *written.notes]))[:_MOST_LINES]:
        typer.echo(f"note: {note}", err=True)
    for side, n_tiles in written.n_tiles.items():
        painted = ", ".join(f"{name} {n_px} px" for name, n_px in written.balance[side].items())
        typer.echo(f"{side}: {n_tiles} tiles{f' ({painted})' if n_tiles else ''}")
    typer.echo(f"Training set: {written.folder}")
