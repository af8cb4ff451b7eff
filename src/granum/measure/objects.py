"""The object table: everything that is measured on each object, in one call."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image, check_same_shape
from granum.errors import SettingError, ShapeError
from granum.measure.flags import flags_of_runs
from granum.measure.intensity import intensity_of_runs, saturation_level
from granum.measure.neighbours import measure_neighbours
from granum.measure.runs import find_runs, plain_labels
from granum.measure.shape import shape_of_runs
from granum.object_table import COLUMNS, ObjectTable

__all__ = ["measure_objects"]


def _confidence_per_object(confidence: ArrayLike | None, values: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return one confidence per object; `confidence` counts labels 1..K, or the objects that exist."""
    if confidence is None:
        return np.ones(len(values))
    given = np.asarray(confidence, np.float64)
    if given.shape == values.shape:
        return given.copy()
    largest = int(values[-1]) if len(values) else 0
    if given.ndim == 1 and len(given) >= largest:
        return given[values - 1]
    raise ShapeError(
        f"confidence: has shape {given.shape}, needs one value per object ({len(values)}) or per label 1..{largest}."
    )


def measure_objects(
    labels: ArrayLike,
    image: ArrayLike,
    area: ArrayLike | None = None,
    confidence: ArrayLike | None = None,
    *,
    intensity: bool = True,
    shape: Literal["full", "basic"] = "full",
) -> ObjectTable:
    """Measure size, shape, grey levels, neighbours and quality flags of each object.

    Parameters
    ----------
    labels : (Y, X) array_like of int
        0 is background; each other value is one object. The values may have gaps.
    image : (Y, X) array_like
        The image as it was read.
    area : (Y, X) array_like of bool, optional
        The analysed area (without info bar or scale bar).
    confidence : (K,) array_like of float, optional
        Confidence of each label 1..K, 0..1, from `granum.separate`; 1 when not given.
    intensity : bool, default: True
        Measure grey levels and contrast.
    shape : {"full", "basic"}, default: "full"
        "basic" leaves out Feret diameters, perimeter, circularity, solidity and convexity.

    Returns
    -------
    objects : dict of (K,) ndarray
        Columns of `granum.object_table.COLUMNS` in their order, without ``file`` and ``frame``; lengths in pixels,
        one row per object in ascending label. Without objects the columns are empty.

    Raises
    ------
    ShapeError
        When an array has the wrong type, or the shapes differ.
    SettingError
        When `shape` is neither of the two.

    Notes
    -----
    See `measure_shape`, `measure_intensity`, `measure_neighbours` and `flag_objects` for what each column means and
    when it fails. The table is the same for any number of threads. A single object has no neighbour: its
    ``neighbour_distance`` is NaN, the only NaN of the table. With ``shape="basic"`` the flag
    ``near_resolution_limit`` goes by the minor axis.

    Examples
    --------
    >>> labels = np.zeros((30, 30), np.int32)
    >>> labels[5:17, 5:17] = 1
    >>> objects = measure_objects(labels, labels * 100)
    >>> objects["area"], objects["intensity_mean"]
    (array([144]), array([100.]))
    """
    if shape not in ("full", "basic"):
        raise SettingError(f"shape: {shape!r} is not one of 'full', 'basic'.")
    checked_labels, checked_image = plain_labels(labels), check_image(image)
    check_same_shape(checked_labels, checked_image.shape, name="labels")
    checked_area = check_area(area, checked_image.shape)
    runs = find_runs(checked_labels)
    found = shape_of_runs(runs, basic=shape == "basic")
    if intensity:
        level = saturation_level(np.asarray(image).dtype)
        found |= intensity_of_runs(runs, checked_labels, checked_image, checked_area, level)
    found["neighbour_distance"] = measure_neighbours(found)
    found["confidence"] = _confidence_per_object(confidence, runs.values)
    found["flags"] = flags_of_runs(runs, checked_labels, found, checked_area)
    return {name: found[name] for name in COLUMNS if name in found}
