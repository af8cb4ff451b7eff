"""`granum demo`: simulated micrographs, the recipe `particles` on them, and a report to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["demo"]


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to make.")] = Path("granum-demo"),
    count: Annotated[int, typer.Option(help="Particles per image.")] = 150,
) -> None:
    """Simulate two micrographs and measure their particles.

    It says where the report is.
    """
    from granum.batch import run_batch
    from granum.cli.progress import show_progress
    from granum.cli.simulate import simulate
    from granum.errors import OutputError

    if output.exists():
        raise OutputError(f"{output}: exists already; choose another folder with -o.")
    simulate("tem", output / "samples", size=768, count=count, seed=1, images=2)
    with show_progress() as progress:
        summary = run_batch("particles", [output / "samples" / "images"], output / "result", progress=progress)
    typer.echo(f"{summary.n_objects} particles found in {summary.n_done} images; {2 * count} were drawn.")
    typer.echo(f"Report: {output / 'result' / 'report.html'}")
