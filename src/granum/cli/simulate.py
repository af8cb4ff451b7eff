"""`granum simulate`: write simulated micrographs with exact truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from granum.samples import SimulatedParticles


def simulate(
    kind: Annotated[str, typer.Argument(help="tem, haadf, sem, discs, phases, live-dead or confluency.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make.")],
    size: Annotated[
        int | None,
        typer.Option(
            help="Side of the square image in px, 32 to 32768, default 1024; of cells 64 to 8192, default 512."
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option(help="Particles (default 200) or cells (default 24) per image, 0 to 1,000,000.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the first image; the next ones count on from it.")] = 0,
    images: Annotated[int, typer.Option(help="How many images, 1 to 10,000.")] = 1,
    median_diameter: Annotated[float | None, typer.Option(help="Median diameter in px; default: by count.")] = None,
    log_sd: Annotated[float, typer.Option(help="Standard deviation of log(diameter), 0 to 1.")] = 0.25,
    touching: Annotated[float, typer.Option(help="Share of particles attached to another one, 0 to 1.")] = 0.4,
    shape: Annotated[str | None, typer.Option(help="round, facetted, irregular or mixed; default: by kind.")] = None,
    noise: Annotated[float, typer.Option(help="Noise over the usual one, 0 to 100.")] = 1.0,
    uneven_light: Annotated[float, typer.Option(help="Brightest minus darkest light, 0 to 1.")] = 0.15,
    info_bar: Annotated[bool, typer.Option("--info-bar", help="Draw a bar with scale bar and text.")] = False,
    pixel_size: Annotated[
        str | None, typer.Option(help="Pixel size; default '0.5 nm', of cells '0.65 um' at 10x.")
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="uint8 or uint16; default uint8, of live-dead uint16.")] = None,
    strokes: Annotated[
        int, typer.Option(help="phases: painted pixels per class and image, 0 to 10,000,000; 0 for none.")
    ] = 1000,
    painted: Annotated[
        int | None, typer.Option(help="phases: how many of the images are painted; default: all.")
    ] = None,
    hours: Annotated[float, typer.Option(help="Cells: length of the time lapse in hours; 0 for none.")] = 0.0,
    interval: Annotated[float, typer.Option(help="Cells: hours between two frames.")] = 1.0,
    replicates: Annotated[int, typer.Option(help="Cells: wells per condition, 1 to 22.")] = 4,
    fields: Annotated[int, typer.Option(help="live-dead: fields per well, 1 to 1000.")] = 1,
    stains: Annotated[str, typer.Option(help="live-dead: hoechst-draq7 or calcein-ethd1.")] = "hoechst-draq7",
    stack: Annotated[bool, typer.Option("--stack", help="live-dead: one TIFF with all channels per field.")] = False,
    magnification: Annotated[float, typer.Option(help="confluency: of the lens, 1 to 100.")] = 10.0,
    optics: Annotated[str, typer.Option(help="confluency: phase or brightfield.")] = "phase",
    wound: Annotated[bool, typer.Option("--wound", help="confluency: a scratch that closes, with --hours.")] = False,
) -> None:
    """Write simulated micrographs of particles: images/, labels/ and truth.json.

    The kind "phases" is a micrograph of four phases: images/, classes/ (the true class of every pixel), scribbles/
    (strokes as a person paints them) and truth.json. The kind "live-dead" is a plate of 3 conditions, "confluency" a
    row of dishes from empty to full, or with --hours a plate of 2 conditions; plates come with plate_map.csv. The pixel
    size is inside the files. Same seed, same bytes.
    """
    from granum.errors import SettingError
    from granum.image import PixelSize
    from granum.samples import simulate_particles

    if not 1 <= images <= 10_000:
        raise SettingError(f"--images: {images} is out of range, must be 1 to 10000.")
    if kind in ("live-dead", "confluency"):
        particles = {"median_diameter": median_diameter, "shape": shape, "painted": painted}
        usual_values = {"log_sd": (log_sd, 0.25), "touching": (touching, 0.4), "strokes": (strokes, 1000)}
        changed = [name for name, value in particles.items() if value is not None]
        changed += [name for name, (value, usual) in usual_values.items() if value != usual]
        changed += ["info_bar"] * info_bar
        if kind == "live-dead":
            others = {"wound": (wound, False), "optics": (optics, "phase"), "magnification": (magnification, 10.0)}
        else:
            others = {"stack": (stack, False), "fields": (fields, 1), "stains": (stains, "hoechst-draq7")}
        changed += [name for name, (value, usual) in others.items() if value != usual]
        for name in changed:
            raise SettingError(f"--{name.replace('_', '-')}: is not a setting of {kind}; leave it out.")
        _simulate_cells(
            kind, output, size=size or 512, count=24 if count is None else count, seeds=range(seed, seed + images),
            pixel_size=pixel_size, dtype=dtype, noise=noise, uneven_light=uneven_light, hours=hours,
            interval_h=interval, replicates=replicates, fields=fields, stains=stains, stack=stack,
            magnification=magnification, optics=optics, wound=wound,
        )  # fmt: skip
        return
    size, pixel_size, dtype = size or 1024, pixel_size or "0.5 nm", dtype or "uint8"
    size_nm = PixelSize.parse(pixel_size)
    if not size_nm.is_square:
        raise SettingError(f"--pixel-size: {pixel_size!r} is not square; simulated pixels are.")
    settings: dict[str, Any] = {
        "size": size, "count": 200 if count is None else count, "median_diameter": median_diameter, "log_sd": log_sd,
        "touching": touching,
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


def _simulate_cells(
    kind: str, output: Path, *, size: int, count: int, seeds: range, pixel_size: str | None, dtype: str | None,
    noise: float, uneven_light: float, hours: float, interval_h: float, replicates: int, fields: int, stains: str,
    stack: bool, magnification: float, optics: str, wound: bool,
) -> None:  # fmt: skip
    """Write a plate of living and dead cells, or dishes."""
    from granum.cli.simulate_cells import CELL_FOLDERS, write_confluency, write_live_dead
    from granum.errors import SettingError
    from granum.image import PixelSize

    if len(seeds) > 1 and (hours or kind == "live-dead"):
        raise SettingError("--images: of a plate there are as many as --replicates, --fields and --hours say.")
    if wound and not hours:
        raise SettingError("--wound: a wound closes over time; give --hours as well.")
    scale = 1.0 if kind == "live-dead" else max(magnification, 1.0) / 10
    pixel = PixelSize.parse(pixel_size or f"{0.65 / scale:.6g} um")
    partial = make_partial_folder(output, CELL_FOLDERS[kind])
    if kind == "live-dead":
        images, more = write_live_dead(
            partial, settings={"size": size, "count": count, "interval_h": interval_h, "seed": seeds[0]},
            look={"stains": stains, "noise": noise, "uneven_light": uneven_light, "dtype": dtype or "uint16"},
            replicates=replicates, fields=fields, hours=hours, stack=stack, pixel_size=pixel,
        )  # fmt: skip
    else:
        images, more = write_confluency(
            partial, settings={
                "size": size, "magnification": magnification, "optics": optics, "noise": noise,
                "uneven_light": uneven_light, "dtype": dtype or "uint8",
            }, seeds=seeds, replicates=replicates, hours=hours, interval_h=interval_h, wound=wound, pixel_size=pixel,
        )  # fmt: skip
    finish(partial, output, images, more)


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


def finish(partial: Path, output: Path, truths: dict[str, Any], more: dict[str, Any] | None = None) -> None:
    """Write truth.json and give the folder its name."""
    from granum import __version__
    from granum.errors import OutputError

    document = {"granum": __version__, "images": truths, **(more or {})}
    (partial / "truth.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    try:
        if output.exists():
            output.rmdir()
        partial.rename(output)
    except OSError as error:
        raise OutputError(f"{output}: cannot be made ({error.strerror}); the result is in {partial}.") from None
