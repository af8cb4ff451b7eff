"""From images to wells: which images belong to one well, and how the fields of a well are put together.

Counts are added up, so that a field with 300 nuclei weighs more than one with 3; shares of an area are weighted with
the area that was analysed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from granum.measure.proportion import wilson_interval
from granum.plate.assay import Measure, PlateImage, Well
from granum.plate.well_positions import well_position

__all__ = ["Pooled", "WellImages", "group_wells", "pool_fields", "snap_times"]

# shares that are counted: measure -> (what has it, what has not)
COUNTED: Mapping[str, tuple[str, str]] = {"viability": ("n_live", "n_dead")}
_AREA = "analysed_px"
_SAME_TIME = 0.25  # of an interval: scans of a plate take time


@dataclass(frozen=True)
class Pooled:
    """A measure of one well at one time; None where there is nothing to compute it from."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True)
class WellImages:
    """A well, or what stands for one where names hold none: a file with frames, or all images together."""

    well: Well
    images: tuple[PlateImage, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Plate and name."""
        return self.well.plate, self.well.well

    def at_times(self) -> dict[float, list[PlateImage]]:
        """Return time -> images of it, in the order of time."""
        found: dict[float, list[PlateImage]] = defaultdict(list)
        for image in self.images:
            found[image.time].append(image)
        return dict(sorted(found.items()))


def group_wells(images: Sequence[PlateImage]) -> list[WellImages]:
    """Return the wells of a plate, row by row.

    Images whose names hold no well stand together under "all images" (a series of files), files with several frames
    each under its own name.
    """
    frames: dict[str, set[int]] = defaultdict(set)
    for image in images:
        frames[image.stem].add(image.frame)
    times_of: dict[tuple[str, str], set[float]] = defaultdict(set)
    for image in images:
        times_of[image.plate, image.field].add(image.time)
    groups: dict[tuple[str, str], list[PlateImage]] = defaultdict(list)
    for image in images:
        series = image.field if image.field and len(times_of[image.plate, image.field]) > 1 else "all images"
        name = image.well or (image.stem if len(frames[image.stem]) > 1 else series)
        groups[image.plate, name].append(image)
    wells = []
    for (plate, name), members in groups.items():
        members.sort(key=lambda image: (image.time, image.field, image.file, image.frame))
        first = members[0]
        row, column = well_position(name) if first.well else (0, 0)
        fields = {(image.field, "" if image.field else image.stem) for image in members} if first.well else {name}
        times = {image.time for image in members}
        if first.well and not any(image.field for image in members) and len(times) > 1:
            # files of a series, one for each time: as many fields as images at one time
            fields = {str(k) for k in range(max(sum(i.time == t for i in members) for t in times))}
        wells.append(
            WellImages(
                Well(
                    plate, name, row, column, first.condition, first.replicate, first.control, first.dose, len(fields),
                    len(times),
                ),
                tuple(members),
            )
        )  # fmt: skip
    return sorted(wells, key=lambda one: (one.well.plate, one.well.row, one.well.column, one.well.well))


def snap_times(images: Sequence[PlateImage]) -> dict[float, float]:
    """Return time -> time point, so that fields and wells of one scan stand at one time.

    Times nearer to each other than a quarter of the usual interval between images of one place become their smallest
    one. Where that would join more than half an interval, the times stay what they are.
    """
    places: dict[tuple[str, str, str], set[float]] = defaultdict(set)
    for image in images:
        places[image.plate, image.well or image.stem, image.field].add(image.time)
    steps = [step for times in places.values() for step in np.diff(sorted(times)).tolist() if step > 0]
    ordered = sorted({image.time for image in images})
    points = {time: time for time in ordered}
    if not steps:
        return points
    interval = float(np.median(steps))
    start = last = ordered[0]
    for time in ordered[1:]:
        if time - last < _SAME_TIME * interval:
            if time - start > interval / 2:
                return {time: time for time in ordered}
            points[time] = start
        else:
            start = time
        last = time
    return points


def pool_fields(images: Sequence[PlateImage], measure: Measure) -> Pooled:
    """Return a measure over the fields of one well at one time.

    Parameters
    ----------
    images : sequence of PlateImage
        Fields of one well at one time.
    measure : Measure
        "viability" is the sum of the live over the sum of all, with Wilson's interval; other shares (unit "%") are
        weighted with the analysed area, and so are their intervals, as the methods err alike on all fields; numbers
        of objects ("n_...") and everything else are means over the fields.

    Returns
    -------
    pooled : Pooled
        `n` counts objects for counted shares and numbers of objects, fields for the rest.
    """
    name = measure.name
    if name in COUNTED and any(finite_value(image, COUNTED[name][0]) is not None for image in images):
        yes, no = (sum(finite_value(image, column) or 0.0 for image in images) for column in COUNTED[name])
        if yes + no <= 0:
            return Pooled(None)
        return Pooled(yes / (yes + no), *wilson_interval(yes, yes + no), round(yes + no))
    found = [(image, value) for image in images if (value := value_of(image, name)) is not None]
    if not found:
        return Pooled(None)
    if measure.unit != "%":
        value = math.fsum(value for _, value in found) / len(found)
        return Pooled(value, n=round(math.fsum(v for _, v in found)) if name.startswith("n_") else len(found))
    areas = [finite_value(image, _AREA) for image, _ in found]
    weights = (
        [area or 0.0 for area in areas] if all(area is not None and area > 0 for area in areas) else [1.0] * len(found)
    )
    total = math.fsum(weights)
    ends = []
    for end in ("_low", "_high"):
        values = [finite_value(image, name + end) for image, _ in found]
        known = [value for value in values if value is not None]
        ends.append(
            math.fsum(w * v for w, v in zip(weights, known, strict=True)) / total if len(known) == len(found) else None
        )
    value = math.fsum(weight * value for weight, (_, value) in zip(weights, found, strict=True)) / total
    return Pooled(value, ends[0], ends[1], len(found))


def value_of(image: PlateImage, name: str) -> float | None:
    """Return a measure of one image; nuclei are the live and the dead where their number is not there itself."""
    if name not in image.values and (name == "n_nuclei" or name in COUNTED):
        live, dead = (finite_value(image, column) for column in COUNTED.get(name, COUNTED["viability"]))
        if live is None or dead is None:
            return None
        if name == "n_nuclei":
            return live + dead
        return live / (live + dead) if live + dead > 0 else None
    return finite_value(image, name)


def finite_value(image: PlateImage, name: str) -> float | None:
    """Return a column of the image's row; None where it is missing, no number, or not finite."""
    value: object = image.values.get(name)
    if not isinstance(value, int | float | np.number) or not math.isfinite(value):
        return None
    return float(value)
