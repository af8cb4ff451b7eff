"""`granum app`: the app in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]


def app(
    folder: Annotated[Path, typer.Argument(help="Folder of images to open, or a project.", metavar="FOLDER")] = Path(),
    port: Annotated[
        int | None,
        typer.Option(help="Port on this computer [default: the first free one from 8642].", min=0, max=65535),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser window.")] = True,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on, for a lab server; needs --token unless it is loopback.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="Token that people and scripts sign in with, 16 characters or more.", envvar="GRANUM_TOKEN"),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name of this server, as browsers show it; may be repeated.")
    ] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy that ends TLS stands in front, and passes Host on.")
    ] = False,
    print_token: Annotated[bool, typer.Option("--print-token", help="Print the token for scripts.")] = False,
    sample: Annotated[
        bool, typer.Option("--sample", help="Put a simulated sample into FOLDER first; it is made when missing.")
    ] = False,
) -> None:
    """Open a folder of images in the browser: tune a recipe, paint, run it on everything, correct, take it away."""
    from granum.errors import MissingExtraError

    try:
        from granum.app.launch import serve
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the app needs {error.name}; pip install --force-reinstall granum brings it."
        ) from None
    serve(
        folder,
        host=host,
        port=port,
        token=token,
        allow_host=tuple(allow_host or ()),
        behind_proxy=behind_proxy,
        open_browser=browser,
        print_token=print_token,
        sample=sample,
    )
