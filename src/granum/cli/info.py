"""`granum info`: what granum reads from a file, before anything is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from granum.errors import GranumError

if TYPE_CHECKING:
    from granum.image import Image

__all__ = ["describe", "info"]


def info(
    files: Annotated[list[str], typer.Argument(help="Files, folders or globs.", metavar="FILE...")],
    pixel_size: Annotated[str | None, typer.Option(help='Size of a pixel, as in "0.5 nm".')] = None,
) -> None:
    """Show format, size, pixel size, channels, times and what would be left out of the analysis."""
    from granum.read import find_inputs, read_image

    failed = 0
    paths = find_inputs(files)
    for i, path in enumerate(paths):
        if i:
            typer.echo("")
        try:
            lines = describe(read_image(path, pixel_size=pixel_size))
        except GranumError as error:
            typer.echo(f"error: {error}", err=True)
            failed += 1
            continue
        width = max(len(name) for name, _ in lines)
        typer.echo(str(path))
        for name, text in lines:
            typer.echo(f"  {name.ljust(width)}  {text}")
    if failed:
        raise typer.Exit(3)


def describe(image: Image) -> list[tuple[str, str]]:
    """Return (name, text) pairs of all that is known about an image."""
    from granum.preprocess.crop import find_analysed_area, measure_scale_bar

    t, c, z, y, x = image.shape
    sizes = [f"{n} {word}" for n, word in ((t, "frames"), (c, "channels"), (z, "z planes")) if n > 1]
    lines = [("format", image.format), ("size", ", ".join([f"{y} x {x} px (height x width)", *sizes]))]
    lines.append(("axes", f"T {t}, C {c}, Z {z}, Y {y}, X {x}"))
    lines.append(("pixels", f"{image.dtype}{', true colour: choose a channel' if image.colour else ''}"))
    lines.append(("pixel size", str(image.pixel_size) if image.pixel_size else "unknown; give it with --pixel-size"))
    if image.channel_names:
        lines.append(("channels", ", ".join(f"{i} {name}" for i, name in enumerate(image.channel_names))))
        lines += _describe_roles(image)
    if image.frame_times_s:
        lines.append(("times", f"{image.frame_times_s[0]:g} s to {image.frame_times_s[-1]:g} s"))
    plane = image.read_plane(0, 0, 0)
    if plane.dtype.kind in "biuf":
        lines.append(("values", f"{plane.min():g} to {plane.max():g} in the first plane"))
        lines.append(("analysed area", find_analysed_area(plane)[1].reason))
        length = measure_scale_bar(plane)
        if length is not None:
            lines.append(("scale bar", f"{length:.1f} px long"))
    lines += [(name, str(value)) for name, value in image.metadata.items()]
    lines += [("note", note) for note in image.notes]
    return lines


def _describe_roles(image: Image) -> list[tuple[str, str]]:
    """Return for each ready recipe with roles which channel of the file would be which, where all that it needs is."""
    from granum.channel_roles import find_channels
    from granum.recipe import list_recipes, load_recipe

    lines = []
    for name in list_recipes():
        recipe = load_recipe(name)
        if not recipe.roles:
            continue
        try:
            found, _ = find_channels(recipe.roles, image, {}, recipe=name)
        except GranumError:  # a file of something else: only a run must say what is missing
            continue
        lines.append((f"for {name}", ", ".join(f"{role} = {one.source} {one.stain}" for role, one in found.items())))
    return lines
