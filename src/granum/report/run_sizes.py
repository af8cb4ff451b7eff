"""The sizes of all objects of a run, from its tables: one unit, and the border correction per image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError
from granum.image import NM_PER_UNIT
from granum.measure.nanomaterial import NanomaterialFraction, nanomaterial_fraction
from granum.measure.sampling import border_weights
from granum.measure.sizes import SizeDistribution, size_distribution
from granum.object_table import FLAGS

__all__ = ["SIZE_COLUMNS", "RunSizes", "collect_sizes"]

SIZE_COLUMNS = frozenset(
    ["file", "frame", "label", "flags", "bbox_height_px", "bbox_width_px"]
    + [f"{name}_{unit}" for name in ("ecd", "feret_min") for unit in ("px", *NM_PER_UNIT)]
)
"""Columns of objects.csv that `collect_sizes` needs."""

_WORK = 50_000_000  # draws of the bootstrap, so that the report of a million objects does not take minutes
_BORDER = "touches_border"


@dataclass(frozen=True, eq=False)
class RunSizes:
    """Sizes of a run and their statistics.

    Parameters
    ----------
    unit : {"px", "nm", "um", "mm"}
        Unit of all sizes; "px" unless every object has a physical size.
    values, weights : (N,) ndarray of float64
        Equivalent circular diameters, and number weights (0 for objects at the border).
    n_all, n_border : int
        All objects, and those that touch the border.
    distribution : SizeDistribution
        Of the weighted sizes.
    nanomaterial : NanomaterialFraction or None
        None when the pixel size is not known.
    density, density_unit : float or None, str
        Objects per area; an object at the border counts as half of one.
    warnings : tuple of str
        What the user must know about these statistics.
    """

    unit: str
    values: NDArray[np.float64]
    weights: NDArray[np.float64]
    n_all: int
    n_border: int
    distribution: SizeDistribution
    nanomaterial: NanomaterialFraction | None
    density: float | None
    density_unit: str
    warnings: tuple[str, ...]


def _length(objects: Mapping[str, NDArray[Any]], name: str) -> tuple[NDArray[np.float64], str]:
    """Return a length of all objects in one unit: the most frequent one, pixels when an object has no other."""
    n = len(objects["label"])
    known = {unit: np.asarray(objects[f"{name}_{unit}"], float) for unit in NM_PER_UNIT if f"{name}_{unit}" in objects}
    in_nm = np.full(n, np.nan)
    for unit, values in known.items():
        in_nm = np.where(np.isfinite(values), values * NM_PER_UNIT[unit], in_nm)
    if not known or not np.isfinite(in_nm).all():
        return np.asarray(objects[f"{name}_px"], dtype=np.float64), "px"
    unit = max(known, key=lambda key: int(np.isfinite(known[key]).sum()))
    values = known[unit]
    return (values if np.isfinite(values).all() else in_nm / NM_PER_UNIT[unit]), unit


def _image_starts(objects: Mapping[str, NDArray[Any]]) -> list[tuple[tuple[str, int], slice]]:
    """Return (file, frame) and the rows of each image; rows of one image stand together."""
    files, frames = objects["file"], np.asarray(objects["frame"])
    if not len(files):
        return []
    changes = np.flatnonzero((files[1:] != files[:-1]) | (frames[1:] != frames[:-1])) + 1
    bounds = [0, *changes.tolist(), len(files)]
    return [((str(files[start]), int(frames[start])), slice(start, end)) for start, end in pairwise(bounds)]


def _number_weights(
    objects: Mapping[str, NDArray[Any]], at_border: NDArray[np.bool_], images: Sequence[Mapping[str, Any]]
) -> tuple[NDArray[np.float64], list[str]]:
    """Return the Miles-Lantuejoul weights, image by image."""
    weights = np.where(at_border, 0.0, 1.0)
    needed = ("bbox_height_px", "bbox_width_px")
    if not at_border.size or any(name not in objects for name in needed):
        return weights, []
    rows = {(str(row["file"]), int(row.get("frame") or 0)): row for row in images}
    flags = np.where(at_border, FLAGS[_BORDER][0], 0)
    unweighted = 0
    for key, part in _image_starts(objects):
        row = rows.get(key, {})
        height, width = row.get("height_px"), row.get("width_px")
        if not height or not width:
            unweighted += 1
            continue
        # what is left out is nearly always a bar of full width, so the analysed rectangle keeps the width
        shape = (max(1, round((row.get("analysed_px") or height * width) / width)), int(width))
        table = {name.removesuffix("_px"): objects[name][part] for name in needed} | {"flags": flags[part]}
        try:
            weights[part] = border_weights(table, shape)
        except SettingError:  # an object as large as the frame: no weight makes up for what cannot be seen
            unweighted += 1
    if not unweighted:
        return weights, []
    return weights, [f"border correction: not possible in {unweighted} images; their objects have the weight 1."]


def _density(images: Sequence[Mapping[str, Any]], n_counted: float, unit: str) -> tuple[float | None, str]:
    """Return the objects per area of all images together."""
    pixels = [row.get("analysed_px") for row in images]
    if not images or any(not value for value in pixels):
        return None, ""
    if unit == "px":
        return n_counted / sum(map(float, pixels)) * 1e6, "Mpx"  # type: ignore[arg-type]
    total_um2 = 0.0
    for row in images:
        sides = [
            row[f"pixel_size_{name}"] * nm / 1e3 for name, nm in NM_PER_UNIT.items() if row.get(f"pixel_size_{name}")
        ]
        if not sides:
            return None, ""
        total_um2 += float(row["analysed_px"]) * float(sides[0]) ** 2
    density = n_counted / total_um2
    if density >= 1e4:
        return density / 1e6, "nm²"
    return (density, "µm²") if density >= 0.01 else (density * 1e6, "mm²")


def collect_sizes(objects: Mapping[str, NDArray[Any]], images: Sequence[Mapping[str, Any]]) -> RunSizes:
    """Return the sizes of a run and their statistics.

    Parameters
    ----------
    objects : dict of (N,) ndarray
        objects.csv, as `read_objects_csv` gives it.
    images : sequence of dict
        images.csv, as `read_images_csv` gives it.

    Returns
    -------
    sizes : RunSizes
        Defined for no objects, too.

    Notes
    -----
    Objects that touch the border have the weight 0, the others that of Miles and Lantuejoul for the rectangle that was
    analysed in their image. Over 50,000 objects the bootstrap draws fewer samples, at least 100.
    """
    n = len(objects.get("label", ()))
    if not n or "ecd_px" not in objects:
        empty = np.zeros(0)
        density, density_unit = _density(images, 0.0, "px") if n == 0 else (None, "")
        return RunSizes("px", empty, empty, n, 0, size_distribution(empty), None, density, density_unit, ())
    values, unit = _length(objects, "ecd")
    flags = objects.get("flags", np.full(n, "", dtype=object))
    at_border = np.array([_BORDER in str(text).split("|") for text in flags.tolist()], dtype=bool)
    weights, warnings = _number_weights(objects, at_border, images)
    usable = np.isfinite(values) & (values > 0)
    values, weights = values[usable], weights[usable]
    if not weights.any():
        warnings.append("sizes: every object touches the border, so there is no whole object to measure.")
    if unit == "px" and any(np.isfinite(objects[f"ecd_{u}"]).any() for u in NM_PER_UNIT if f"ecd_{u}" in objects):
        warnings.append("pixel size: known for some images only, so the sizes of all are given in pixels.")
    n_resamples = int(np.clip(_WORK // max(1, len(values)), 100, 1000))
    distribution = size_distribution(values, weights, unit=unit, n_resamples=n_resamples)
    nanomaterial = None
    if unit != "px" and "feret_min_px" in objects:
        feret, feret_unit = _length(objects, "feret_min")
        feret = feret[usable] * NM_PER_UNIT[feret_unit]
        good = np.isfinite(feret) & (feret > 0)
        nanomaterial = nanomaterial_fraction(feret[good], weights[good])
    n_border = int(at_border.sum())
    density, density_unit = _density(images, n - n_border / 2, unit)
    return RunSizes(
        unit, values, weights, n, n_border, distribution, nanomaterial, density, density_unit, tuple(warnings)
    )
