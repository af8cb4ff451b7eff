"""`granum export`: what a run found, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["export"]


def export(
    out: Annotated[Path, typer.Argument(help="The output folder of a run.", metavar="OUT")],
    to: Annotated[
        Literal["coco", "geojson", "imagej-rois", "ome-zarr", "parquet"],
        typer.Option("--to", help="The format: geojson is for QuPath, imagej-rois for the ROI Manager."),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The new folder [default: OUT-FORMAT beside OUT].")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier export has made.")] = False,
) -> None:
    """Write the objects of a run as COCO, GeoJSON, ImageJ ROIs, OME-Zarr labels or Parquet."""
    from granum.report.exports import export_run

    typer.echo(export_run(out, to, output, overwrite=overwrite))
