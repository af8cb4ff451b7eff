"""`granum learn training-set`: images and masks for networks that are trained elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from granum.cli.learn import parse_classes, read_painted_inputs

if TYPE_CHECKING:
    from granum.learn.training_set import TrainingSet

__all__ = ["parse_background", "training_set"]

_MOST_LINES = 20
_FROM_RUN = ("--split-by", "--background", "--ignore-uncertain", "--names", "--images")


def training_set(
    inputs: Annotated[
        list[str], typer.Argument(help="One run folder; or image files, folders and globs.", metavar="INPUT...")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to make.", metavar="OUT")],
    scribbles: Annotated[
        Path | None,
        typer.Option(
            help="Strokes on the images: a folder of label images named like them, or a granum_project folder.",
            metavar="DIR",
        ),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Names of strokes, as in '1=matrix,2=gamma'.", metavar="ID=NAME,...")
    ] = None,
    channel: Annotated[
        str | None, typer.Option(help="Write this channel only (role, index or name).", metavar="CHANNEL")
    ] = None,
    tile: Annotated[
        int | None, typer.Option(help="Side of a tile in px; 0 for whole images. [160; of strokes 512]", metavar="PX")
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(help="Step from tile to tile in px; 0 for the side. [half a tile; of strokes 0]", metavar="PX"),
    ] = None,
    split_by: Annotated[
        str | None, typer.Option(help="What is never parted: well, field or image. [auto]", metavar="KIND")
    ] = None,
    validation: Annotated[
        float, typer.Option(help="Share of the wells, fields or images that is set aside, 0 to 0.9.", metavar="SHARE")
    ] = 0.2,
    background: Annotated[
        str | None,
        typer.Option(
            help="Training tiles with nothing but background: keep, drop, or the share that stays. [keep]",
            metavar="keep|drop|SHARE",
        ),
    ] = None,
    ignore_uncertain: Annotated[
        bool,
        typer.Option("--ignore-uncertain", help="Nuclei with p_dead between .2 and .8 become 255, not known."),
    ] = False,
    names: Annotated[
        str | None,
        typer.Option(help="What names of files say, as in '{well}_f{field}_t{time}_*'.", metavar="PATTERN"),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Where the images of the run are now, when they were moved.", metavar="DIR")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides what is set aside and dropped.", metavar="N")] = 0,
) -> None:
    """Write images and what is known of them as tiles and masks, for networks.

    From a run folder (live-dead, confluency, scribbles), or from images and strokes. OUT gets images/, masks/ (index of
    the class, 255 = not known), balance.csv and manifest.json.
    """
    from granum.errors import SettingError

    if scribbles is None:
        if classes is not None:
            raise SettingError("--classes names strokes; the classes of a run have names already.")
        if len(inputs) != 1:
            raise SettingError(f"inputs: {len(inputs)} are given; give one run folder, or --scribbles DIR with images.")
        notes: list[str] = []
        from granum.batch.run_tiles import export_run_tiles

        side = 160 if tile is None else tile
        written = export_run_tiles(
            inputs[0],
            output,
            channel=channel,
            tile=side,
            stride=side // 2 if stride is None else stride,
            split_by=split_by or "auto",  # type: ignore[arg-type]  # checked there
            validation_share=validation,
            background=parse_background(background or "keep"),
            uncertain=(0.2, 0.8) if ignore_uncertain else None,
            names=names,
            images=images,
            seed=seed,
        )
    else:
        given = (split_by, background, ignore_uncertain or None, names, images)
        for option, value in zip(_FROM_RUN, given, strict=True):
            if value is not None:
                raise SettingError(f"{option}: goes with a run folder, not with --scribbles.")
        written, notes = _from_strokes(
            inputs, scribbles, classes, channel, tile=512 if tile is None else tile, stride=stride or 0,
            validation=validation, output=output, seed=seed,
        )  # fmt: skip
    for note in list(dict.fromkeys([*notes, *written.notes]))[:_MOST_LINES]:
        typer.echo(f"note: {note}", err=True)
    _print_result(written)


def _from_strokes(
    inputs: Sequence[str], scribbles: Path, classes: str | None, channel: str | None, *, tile: int, stride: int,
    validation: float, output: Path, seed: int,
) -> tuple[TrainingSet, list[str]]:  # fmt: skip
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
    return written, notes


def parse_background(text: str) -> float:
    """Return the share of background tiles that stays: "keep", "drop", or a number from 0 to 1.

    Raises
    ------
    SettingError
        When it is none of these.
    """
    from granum.errors import SettingError

    try:
        share = {"keep": 1.0, "drop": 0.0}.get(text.casefold())
        share = float(text) if share is None else share
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingError(f"--background {text!r}: write keep, drop, or the share that stays, 0 to 1.")
    return share


def _print_result(written: TrainingSet) -> None:
    for side, n_tiles in written.n_tiles.items():
        total = sum(written.balance[side].values())
        shares = ", ".join(
            f"{name} {n_px} px ({n_px / total:.1%})" for name, n_px in written.balance[side].items() if total
        )
        typer.echo(f"{side}: {n_tiles} tiles{f' ({shares})' if n_tiles else ''}")
    if written.n_dropped:
        typer.echo(f"left out: {written.n_dropped} tiles with nothing but background")
    typer.echo(f"Training set: {written.folder}")
