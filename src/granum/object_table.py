"""The one schema of everything that is measured: name, quantity and meaning of each column and flag.

An object table is a dict of equally long NumPy arrays, one per column, in the order of `COLUMNS`. Lengths and areas
are stored in pixels under their bare name (``area``, ``ecd``); `named_columns` writes them as ``area_px`` and, when the
pixel size is known, once more in its unit (``area_nm2``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from granum.image import PixelSize

__all__ = ["COLUMNS", "FLAGS", "Column", "ObjectTable", "flag_names", "named_columns"]

Quantity = Literal["text", "index", "position", "length", "area", "angle", "ratio", "intensity"]
ObjectTable = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Column:
    """One measured quantity.

    Parameters
    ----------
    name : str
        Bare name; lengths and areas get the suffix of their unit when written.
    quantity : str
        ``length`` and ``area`` are scaled by the pixel size; ``position`` (pixels), ``angle`` (degrees), ``ratio``
        (no unit), ``intensity`` (grey levels of the file), ``index`` and ``text`` are written as they are.
    meaning : str
        One sentence for the docs and the report.
    """

    name: str
    quantity: Quantity
    meaning: str


_SCHEMA = (
    Column("file", "text", "Name of the input file."),
    Column("frame", "index", "Time point, counted from 0."),
    Column("label", "index", "Value of the object in the label image of its frame, 1..K."),
    Column("y", "position", "Centroid row, in pixels; the centre of the first pixel is 0."),
    Column("x", "position", "Centroid column, in pixels; the centre of the first pixel is 0."),
    Column("area", "area", "Number of pixels of the object, or that number times the area of a pixel."),
    Column("ecd", "length", "Equivalent circular diameter: of the disc of the same area, sqrt(4 area / pi)."),
    Column("major_axis", "length", "Long axis of the ellipse with the same second moments."),
    Column("minor_axis", "length", "Short axis of the ellipse with the same second moments."),
    Column("orientation", "angle", "Angle of the long axis against the x axis, counter-clockwise, -90 < angle <= 90."),
    Column("feret_min", "length", "Smallest calliper width of the pixel outline (minimum Feret diameter)."),
    Column("feret_max", "length", "Largest calliper width of the pixel outline (maximum Feret diameter)."),
    Column("perimeter", "length", "Crofton perimeter over four directions."),
    Column("circularity", "ratio", "4 pi area / perimeter^2; 1 for a disc, may exceed 1 for a few pixels."),
    Column("solidity", "ratio", "Area over the area of the convex hull of the pixel squares."),
    Column("convexity", "ratio", "Perimeter of the convex hull over the perimeter of the object."),
    Column("eccentricity", "ratio", "Eccentricity of the ellipse with the same second moments; 0 for a circle."),
    Column("intensity_mean", "intensity", "Mean grey level inside the object."),
    Column("intensity_sd", "intensity", "Standard deviation of the grey level inside the object."),
    Column("intensity_sum", "intensity", "Sum of the grey levels inside the object (integrated intensity)."),
    Column("contrast", "intensity", "Mean inside minus the median of the background ring around; dark is negative."),
    Column("neighbour_distance", "length", "Distance from the centroid to the nearest other centroid of the frame."),
    Column("bbox_height", "length", "Height of the bounding box."),
    Column("bbox_width", "length", "Width of the bounding box."),
    Column("confidence", "ratio", "Confidence of the separation, 0..1; 1 where nothing was split."),
    Column("state", "text", "Live or dead: dead where p_dead is over a half; unclear where neither stain tells."),
    Column(
        "p_dead", "ratio", "Probability that the nucleus belongs to a dead cell, 0..1; empty where neither stain tells."
    ),
    Column("live_mean", "intensity", "Live stain: mean of the nucleus over its local background, a ring around it."),
    Column("dead_mean", "intensity", "Dead stain: mean of the nucleus over its local background, a ring around it."),
    Column("dead_ring", "intensity", "Dead stain: mean of the ring around the nucleus, grey levels of the file."),
    Column("dead_ratio", "ratio", "Dead stain: nucleus over ring, both over the dark of the image."),
    Column("cell_area", "area", "Area of the cell of the nucleus."),
    Column("n_in_clump", "index", "Nuclei in the same connected cell area."),
    Column("flags", "index", "Quality flags, written as names joined by '|'; see FLAGS."),
)

COLUMNS: dict[str, Column] = {column.name: column for column in _SCHEMA}

FLAGS: dict[str, tuple[int, str]] = {
    "touches_border": (1, "Touches the edge of the image or of the analysed area: the size is a lower bound."),
    "was_split": (2, "Was cut from a larger connected region."),
    "low_confidence": (4, "The separation is doubtful (confidence under 0.5): look at it."),
    "saturated": (8, "More than 1 % of its pixels lie at the largest value of the image's type."),
    "near_resolution_limit": (16, "Fewer than 10 pixels across (minimum Feret): the shape is not reliable."),
    "edited": (32, "Made or changed by hand."),
}
"""Name -> (bit, meaning)."""


def flag_names(flags: int) -> str:
    """Return the names of the set bits joined by ``|``; empty when there is none."""
    return "|".join(name for name, (bit, _) in FLAGS.items() if flags & bit)


def _length_factor(name: str, pixel_size: PixelSize, objects: ObjectTable) -> float | NDArray[np.float64]:
    if name == "bbox_height":
        return pixel_size.y
    if name == "bbox_width":
        return pixel_size.x
    return pixel_size.mean


def named_columns(objects: ObjectTable, pixel_size: PixelSize | None) -> ObjectTable:
    """Return the table as it is written: units in the names, flags as text.

    Parameters
    ----------
    objects : dict of ndarray
        An object table, lengths and areas in pixels.
    pixel_size : PixelSize or None
        When None, no physical column is made.

    Returns
    -------
    named : dict of ndarray
        In the order of `COLUMNS`; columns that the schema does not know follow as they are.

    Notes
    -----
    With pixels that are not square, lengths are scaled by the geometric mean of height and width; areas are exact.
    """
    named: ObjectTable = {}
    for name in [*COLUMNS, *(extra for extra in objects if extra not in COLUMNS)]:
        if name not in objects:
            continue
        values = objects[name]
        quantity = COLUMNS[name].quantity if name in COLUMNS else "text"
        if name == "flags":
            named[name] = np.array([flag_names(int(value)) for value in values], dtype=object)
        elif quantity == "length":
            named[f"{name}_px"] = values
            if pixel_size is not None:
                named[f"{name}_{pixel_size.unit}"] = values * _length_factor(name, pixel_size, objects)
        elif quantity == "area":
            named[f"{name}_px"] = values
            if pixel_size is not None:
                named[f"{name}_{pixel_size.unit}2"] = values * (pixel_size.y * pixel_size.x)
        else:
            named[name] = values
    return named
