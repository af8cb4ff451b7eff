"""`granum app`: the app in the browser, which comes later."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]


def app(
    folder: Annotated[Path | None, typer.Argument(help="Folder of images to open.")] = None,
    port: Annotated[int, typer.Option(help="Port on this computer.")] = 8000,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser window.")] = True,
) -> None:
    """Open the app in a browser (not there yet)."""
    typer.echo("The app is not there yet; it is coming. Until then: granum run particles INPUT -o OUT")
