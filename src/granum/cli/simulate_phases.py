"""`granum simulate phases`: pictures of several phases, their true classes, and strokes as a person paints them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

__all__ = ["write_phases"]


def write_phases(
    folder: Path, seeds: Sequence[int], *, strokes: int, painted: int | None, settings: dict[str, Any]
) -> dict[str, Any]:
    """Write pictures, classes, and the strokes of the first `painted` ones; return what is true of each."""
    import tifffile

    from granum.cli.simulate import write_picture
    from granum.errors import SettingError
    from granum.learn import PixelClass
    from granum.learn.class_colours import colour_classes
    from granum.samples import simulate_phases, simulate_strokes

    n_painted = len(seeds) if painted is None else painted
    if not 0 <= n_painted <= len(seeds):
        raise SettingError(f"--painted: {n_painted} is out of range, must be 0 to {len(seeds)}, the number of images.")
    if not 0 <= strokes <= 10_000_000:
        raise SettingError(f"--strokes: {strokes} is out of range, must be 0 to 10000000.")
    truths: dict[str, Any] = {}
    legend: tuple[PixelClass, ...] = ()
    for number, seed in enumerate(seeds):
        name = f"phases_{seed:04d}"
        simulated = simulate_phases(seed=seed, **settings)
        write_picture(folder / "images" / f"{name}.tif", simulated.image, simulated.truth["pixel_size_nm"])
        tifffile.imwrite(folder / "classes" / f"{name}.tif", simulated.classes, compression="zlib", metadata=None)
        truths[name] = simulated.truth
        legend = colour_classes([PixelClass(int(id), text) for id, text in simulated.truth["classes"].items()])
        said = "no strokes"
        if number < n_painted and strokes:
            classes, numbers = simulate_strokes(simulated.classes, n_px=strokes, seed=seed)
            tifffile.imwrite(folder / "scribbles" / f"{name}.tif", classes, compression="zlib", metadata=None)
            truths[name] = {**simulated.truth, "n_strokes": int(numbers.max())}
            said = f"{numbers.max()} strokes"
        typer.echo(f"{name}: {said}")
    lines = ["id,name,colour", *(f"{one.id},{one.name},{one.colour}" for one in legend)]
    for place in ("classes", "scribbles"):
        (folder / place / "classes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return truths
