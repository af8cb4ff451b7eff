"""`granum simulate`: write simulated micrographs with exact truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from granum.samples import SimulatedParticles


def simulate(
    kind: Annotated[str, typer.Argument(help="tem, haadf, sem, discs or phases.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make.")],
    size: Annotated[int, typer.Option(help="Side of the square image in px, 32 to 32768.")] = 1024,
    count: Annotated[int, typer.Option(help="Particles per image, 0 to 1,000,000.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the first image; the next ones count on from it.")] = 0,
    images: Annotated[int, typer.Option(help="How many images, 1 to 10,000.")] = 1,
    median_diameter: Annotated[float | None, typer.Option(help="Median diameter in px; default: by count.")] = None,
    log_sd: Annotated[float, typer.Option(help="Standard deviation of log(diameter), 0 to 1.")] = 0.25,
    touching: Annotated[float, typer.Option(help="Share of particles attached to another one, 0 to 1.")] = 0.4,
    shape: Annotated[str | None, typer.Option(help="round, facetted, irregular or mixed; default: by kind.")] = None,
    noise: Annotated[float, typer.Option(help="Noise over the usual one, 0 to 100.")] = 1.0,
    uneven_light: Annotated[float, typer.Option(help="Brightest minus darkest light, 0 to 1.")] = 0.15,
    info_bar: Annotated[bool, typer.Option("--info-bar", help="Draw a bar with scale bar and text.")] = False,
    pixel_size: Annotated[str, typer.Option(help="Pixel size, as in '0.5 nm'.")] = "0.5 nm",
    dtype: Annotated[str, typer.Option(help="uint8 or uint16.")] = "uint8",
    strokes: Annotated[
        int, typer.Option(help="phases: painted pixels per class and image, 0 to 10,000,000; 0 for none.")
    ] = 1000,
    painted: Annotated[
        int | None, typer.Option(help="phases: how many of the images are painted; default: all.")
    ] = None,
) -> None:
    """Write simulated micrographs of particles: images/, labels/ and truth.json.

    The kind "phases" is a micrograph of four phases: images/, classes/ (the true class of every pixel), scribbles/
    (strokes as a person paints them) and truth.json. The pixel size is inside the files, so granum and ImageJ measure
    them in nm. Same seed, same bytes.
    """
    from granum.errors import SettingError
    from granum.image import PixelSize
    from granum.samples import simulate_particles

    if not 1 <= images <= 10_000:
        raise SettingError(f"--images: {images} is out of range, must be 1 to 10000.")
    size_nm = PixelSize.parse(pixel_size)
    if not size_nm.is_square:
        raise SettingError(f"--pixel-size: {pixel_size!r} is not square; simulated pixels are.")
    settings: dict[str, Any] = {
        "size": size, "count": count, "median_diameter": median_diameter, "log_sd": log_sd, "touching": touching,
        "shape": shape, "noise": noise, "uneven_light": uneven_light, "info_bar": info_bar,
        "pixel_size_nm": size_nm.nm[0], "dtype": dtype,
    }  # fmt: skip
    if kind == "phases":
        from granum.cli.simulate_phases import write_phases

        usual = {"count": 200, "median_diameter": None, "log_sd": 0.25, "touching": 0.4, "shape": None}
        for name, value in usual.items():
            if settings.pop(name) != value:
                raise SettingError(
                    f"--{name.replace('_', '-')}: is a setting of particles, not of phases; leave it out."
                )
        partial = make_partial_folder(output, ("images", "classes", "scribbles"))
        shown = range(seed, seed + images)
        finish(partial, output, write_phases(partial, shown, strokes=strokes, painted=painted, settings=settings))
        return
    partial = make_partial_folder(output, ("images", "labels"))
    truths: dict[str, Any] = {}
    for number in range(seed, seed + images):
        name = f"{kind}_{number:04d}"
        simulated = simulate_particles(kind, seed=number, **settings)  # type: ignore[arg-type]
        _write_images(partial, name, simulated)
        truths[name] = simulated.truth
        typer.echo(f"{name}: {simulated.truth['n_particles']} particles")
    finish(partial, output, truths)


def make_partial_folder(output: Path, folders: tuple[str, ...]) -> Path:
    """Return an empty folder beside `output`, which takes its name when everything is written."""
    import shutil

    from granum.errors import OutputError

    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OutputError(f"{output}: exists and is not an empty folder; give another one.")
    partial = output.parent / f".{output.name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        for folder in folders:
            (partial / folder).mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"{output}: cannot be made ({error.strerror}).") from None
    return partial


def _write_images(folder: Path, name: str, simulated: SimulatedParticles) -> None:
    """Write the picture and the labels."""
    from granum.image import PixelSize
    from granum.report.label_images import write_labels

    size_nm = simulated.truth["pixel_size_nm"]
    write_picture(folder / "images" / f"{name}.tif", simulated.image, size_nm)
    write_labels(folder / "labels" / f"{name}.tif", simulated.labels, PixelSize(size_nm, size_nm, "nm", "typed"))


def write_picture(path: Path, image: Any, pixel_size_nm: float) -> None:
    """Write a picture as ImageJ TIFF, whose header takes no date and no random number."""
    import tifffile

    resolution = (1 / pixel_size_nm, 1 / pixel_size_nm)
    tifffile.imwrite(path, image, imagej=True, resolution=resolution, metadata={"axes": "YX", "unit": "nm"})


def finish(partial: Path, output: Path, truths: dict[str, Any]) -> None:
    """Write truth.json and give the folder its name."""
    from granum import __version__
    from granum.errors import OutputError

    document = {"granum": __version__, "images": truths}
    (partial / "truth.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    try:
        if output.exists():
            output.rmdir()
        partial.rename(output)
    except OSError as error:
        raise OutputError(f"{output}: cannot be made ({error.strerror}); the result is in {partial}.") from None
