"""One row of `images.csv`: counts, densities and typical sizes of one image."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError
from granum.measure.quantiles import weighted_quantiles
from granum.object_table import FLAGS, ObjectTable

__all__ = ["summarise_image"]

_MEDIANS = ("circularity", "solidity", "eccentricity", "intensity_mean", "contrast", "confidence")


def _pixel_sides(pixel_size_nm: float | tuple[float, float] | None) -> tuple[float, float] | None:
    if pixel_size_nm is None:
        return None
    y, x = pixel_size_nm if isinstance(pixel_size_nm, tuple) else (pixel_size_nm, pixel_size_nm)
    if not (math.isfinite(y) and math.isfinite(x) and y > 0 and x > 0):
        raise SettingError(f"pixel_size_nm: {pixel_size_nm!r} must be a positive number of nanometres.")
    return float(y), float(x)


def _median(values: NDArray[np.float64]) -> float | None:
    finite = np.asarray(values, np.float64)
    finite = finite[np.isfinite(finite)]
    return float(np.median(finite)) if finite.size else None


def summarise_image(
    objects: ObjectTable, area_px: int, pixel_size_nm: float | tuple[float, float] | None = None
) -> dict[str, int | float | None]:
    """Summarise the objects of one image: count, density, area fraction, typical sizes.

    Parameters
    ----------
    objects : dict of (K,) ndarray
        The object table of one image, lengths in pixels.
    area_px : int
        Pixels of the analysed area, at least 1.
    pixel_size_nm : float or (y, x), optional
        Side of a pixel in nanometres; without it no physical value is made.

    Returns
    -------
    summary : dict
        ``n_objects, n_touching_border, n_split, n_low_confidence, area_fraction, density_per_mpx, ecd_mean_px,
        ecd_d10_px, ecd_d50_px, ecd_d90_px, feret_min_d50_px, neighbour_distance_d50_px``; when the pixel size is known
        ``density_per_um2`` and the lengths in ``_nm`` too; medians such as ``circularity_median``. None where there is
        nothing to compute it from.

    Raises
    ------
    SettingError
        When `area_px` or `pixel_size_nm` is not positive.

    Notes
    -----
    Sizes and shapes are of the objects that do not touch the border, because cut objects look smaller. The density
    counts an object at the border as half of one. For a sample of several images use `size_distribution` on the
    joined table; the mean of medians is not the median.

    Examples
    --------
    >>> from granum.measure import measure_objects
    >>> labels = np.zeros((40, 50), np.int32)
    >>> labels[10:20, 10:20] = 1
    >>> summary = summarise_image(measure_objects(labels, labels), labels.size, 2.0)
    >>> summary["n_objects"], summary["area_fraction"], round(summary["ecd_d50_nm"], 2)
    (1, 0.05, 22.57)
    """
    if area_px < 1:
        raise SettingError(f"area_px: {area_px!r} is out of range, must be at least 1.")
    sides = _pixel_sides(pixel_size_nm)
    flags = np.asarray(objects["flags"]).astype(np.int64)
    at_border = (flags & FLAGS["touches_border"][0]) != 0
    n, n_border = len(flags), int(at_border.sum())
    counted = n - n_border / 2
    summary: dict[str, int | float | None] = {
        "n_objects": n,
        "n_touching_border": n_border,
        "n_split": int(((flags & FLAGS["was_split"][0]) != 0).sum()),
        "n_low_confidence": int(((flags & FLAGS["low_confidence"][0]) != 0).sum()),
        "area_fraction": float(objects["area"].sum()) / area_px,
        "density_per_mpx": counted / area_px * 1e6,
    }
    if sides is not None:
        summary["density_per_um2"] = counted / (area_px * sides[0] * sides[1] * 1e-6)
    ecd = np.asarray(objects["ecd"], np.float64)[~at_border]
    lengths: dict[str, float | None] = {"ecd_mean": float(ecd.mean()) if ecd.size else None}
    quantiles = weighted_quantiles(ecd, np.ones(len(ecd)), [0.1, 0.5, 0.9]).tolist() if ecd.size else [None] * 3
    lengths |= dict(zip(("ecd_d10", "ecd_d50", "ecd_d90"), quantiles, strict=True))
    for name in ("feret_min", "neighbour_distance"):
        if name in objects:
            lengths[f"{name}_d50"] = _median(objects[name][~at_border])
    for name, value in lengths.items():
        summary[f"{name}_px"] = value
        if sides is not None:
            summary[f"{name}_nm"] = None if value is None else value * math.sqrt(sides[0] * sides[1])
    for name in _MEDIANS:
        if name in objects:
            summary[f"{name}_median"] = _median(objects[name][~at_border])
    return summary
