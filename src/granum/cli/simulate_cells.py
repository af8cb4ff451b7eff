"""`granum simulate live-dead` and `granum simulate confluency`: plates and dishes of cells with exact truth."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from granum.image import PixelSize
    from granum.samples import LiveDeadSeries, SimulatedLiveDead

__all__ = ["CELL_FOLDERS", "write_confluency", "write_live_dead"]

CELL_FOLDERS = {"live-dead": ("images", "labels", "classes"), "confluency": ("images", "labels")}
"""Kind -> folders that it writes."""
_MAP = ("well", "condition", "dose", "replicate", "control")
_END_POINT_H = 24.0  # without a time lapse, wells are shown as they are after a day
_GROWTH = {"medium": 14.0, "inhibitor": 40.0}  # condition -> doubling time in hours
_CLOSING = {"medium": 0.7, "inhibitor": 0.2}  # condition -> px per hour at 1x


def write_live_dead(
    folder: Path,
    *,
    settings: Mapping[str, Any],
    look: Mapping[str, Any],
    replicates: int,
    fields: int,
    hours: float,
    stack: bool,
    pixel_size: PixelSize,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write a plate and its map; return what is true of each image, and of plate and series."""
    from granum.samples import LiveDeadLook, simulate_live_dead_plate

    plate_settings = {**settings, "look": LiveDeadLook(**look), "hours": hours}
    if hours == 0:
        plate_settings.update(hours=_END_POINT_H, interval_h=_END_POINT_H)
    plate = simulate_live_dead_plate(**plate_settings, replicates=replicates, fields=fields)
    _write_map(folder, plate.map_rows)
    images: dict[str, Any] = {}
    all_series: dict[str, Any] = {}
    for one in plate.wells:
        for field in range(1, fields + 1):
            series = plate.series(one.well, field)
            name = f"{one.well}_f{field}"
            frames = [len(series) - 1] if hours == 0 else list(range(len(series)))
            taken = _write_frames(folder, name, series, frames, images, stack=stack, pixel_size=pixel_size)
            all_series[name] = series.truth
            first, last = series.viability[frames[0]], series.viability[frames[-1]]
            said = f"viability {last:.0%}" if len(frames) == 1 else f"viability {first:.0%} to {last:.0%}"
            typer.echo(f"{name} ({one.condition.name}): {taken} frame{'s' * (taken > 1)}, {said}")
    return images, {"plate": plate.truth, "series": all_series}


def _write_frames(
    folder: Path, name: str, series: LiveDeadSeries, frames: Sequence[int], images: dict[str, Any], *, stack: bool,
    pixel_size: PixelSize,
) -> int:  # fmt: skip
    """Write images, labels, classes of a field, and add what is true of each frame; return how many there are."""
    import tifffile

    from granum.report.label_images import write_labels

    one_frame = len(frames) == 1

    def drawn() -> Iterator[SimulatedLiveDead]:
        for frame in frames:
            field = series[frame]
            stem = name if one_frame else f"{name}_t{frame:03d}"
            write_labels(folder / "labels" / f"{stem}_nuclei.tif", field.nuclei, pixel_size)
            write_labels(folder / "labels" / f"{stem}_cells.tif", field.cells, pixel_size)
            tifffile.imwrite(folder / "classes" / f"{stem}.tif", field.classes, compression="zlib", metadata=None)
            images[stem] = {key: value for key, value in field.truth.items() if key not in ("settings", "look")}
            if not stack:
                for channel, plane in _channels(field).items():
                    _write_planes(folder / "images" / f"{stem}_{channel}.tif", plane[None], "TYX", pixel_size)
            yield field

    if not stack:
        return sum(1 for _ in drawn())
    first = series[frames[0]]
    names = list(_channels(first))
    planes = (plane for field in drawn() for plane in _channels(field).values())
    shape = (len(frames), len(names), *first.live.shape)
    interval = float(series.times_h[1] - series.times_h[0]) * 3600 if len(series) > 1 else 0.0
    _write_planes(
        folder / "images" / f"{name}.tif", planes, "TCYX", pixel_size, shape=shape, dtype=first.live.dtype,
        about={"Labels": names * len(frames), **({"finterval": interval, "tunit": "s"} if not one_frame else {})},
    )  # fmt: skip
    return len(frames)


def _channels(field: SimulatedLiveDead) -> dict[str, Any]:
    """Return the planes of a field by the name of their stain."""
    names = field.truth["channels"]
    planes = {names["live"]: field.live, names["dead"]: field.dead}
    return planes if field.brightfield is None else {**planes, names["brightfield"]: field.brightfield}


def write_confluency(
    folder: Path,
    *,
    settings: Mapping[str, Any],
    seeds: Sequence[int],
    replicates: int,
    hours: float,
    interval_h: float,
    wound: bool,
    pixel_size: PixelSize,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write dishes from empty to full, or over time a plate of growing cells or of closing wounds."""
    from granum.errors import SettingError
    from granum.report.label_images import write_labels
    from granum.samples import simulate_confluency, simulate_growth, simulate_wound

    images: dict[str, Any] = {}

    def write(stem: str, dish: Any) -> None:
        _write_planes(folder / "images" / f"{stem}.tif", dish.image[None], "TYX", pixel_size)
        write_labels(folder / "labels" / f"{stem}.tif", dish.cells, pixel_size)
        images[stem] = {key: value for key, value in dish.truth.items() if key != "settings"}

    if hours == 0:
        for number, seed in enumerate(seeds):
            share = number / (len(seeds) - 1) if len(seeds) > 1 else 0.5
            dish = simulate_confluency(**settings, confluency=share, seed=seed)
            write(f"dish_{seed:04d}", dish)
            typer.echo(f"dish_{seed:04d}: {dish.truth['confluency']:.1%}")
        return images, {"settings": dict(settings)}
    if not 1 <= replicates <= 22:
        raise SettingError(f"--replicates: {replicates} is out of range, must be 1 to 22.")
    laws = _CLOSING if wound else _GROWTH
    rows, truths = [], {}
    for row, (condition, value) in enumerate(laws.items()):
        for replicate in range(replicates):
            well = f"{'BC'[row]}{replicate + 2:02d}"
            seed = seeds[0] + 100 * row + replicate
            times: dict[str, Any] = {"hours": hours, "interval_h": interval_h, "seed": seed}
            if wound:
                rate = value * settings["magnification"]
                series = simulate_wound(**settings, **times, width_px=0.4 * settings["size"], closing_px_h=rate)
            else:
                series = simulate_growth(**settings, **times, doubling_h=value)
            for frame, dish in enumerate(series):
                write(f"{well}_f1_t{frame:03d}_{settings['optics']}", dish)
            truths[f"{well}_f1"] = series.truth
            control = "negative" if row == 0 else ""
            rows.append(dict(zip(_MAP, (well, condition, "", str(replicate + 1), control), strict=True)))
            low, high = series.confluency[0], series.confluency[-1]
            typer.echo(f"{well} ({condition}): {len(series)} frames, {low:.0%} to {high:.0%}")
    _write_map(folder, rows)
    return images, {"series": truths}


def _write_map(folder: Path, rows: Sequence[Mapping[str, str]]) -> None:
    with (folder / "plate_map.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _MAP, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_planes(
    path: Path, planes: Any, axes: str, pixel_size: PixelSize, *, about: Mapping[str, Any] | None = None, **kind: Any
) -> None:
    """Write planes as ImageJ TIFF, whose header takes no date and no random number."""
    import tifffile

    resolution = (1 / pixel_size.x, 1 / pixel_size.y)
    unit = {"um": "\\u00B5m"}.get(pixel_size.unit, pixel_size.unit)  # as ImageJ writes it
    metadata = {"axes": axes, "unit": unit, **(about or {})}
    tifffile.imwrite(path, planes, imagej=True, resolution=resolution, metadata=metadata, **kind)
