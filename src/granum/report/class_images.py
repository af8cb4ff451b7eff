"""Class images as TIFF that shows its colours everywhere, probabilities, and classes as a tint over the picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_same_shape
from granum.errors import OutputError, ShapeError
from granum.image import PixelSize
from granum.learn.class_colours import colour_classes
from granum.learn.scribbles import PixelClass
from granum.report.label_images import ome_xml, resolution_tags
from granum.report.overlays import stretch_contrast
from granum.report.png import encode_palette_png

__all__ = ["class_palette", "write_class_overlay", "write_classes", "write_probabilities"]

_TINT = 0.45  # of the class colour in the overlay, the rest is the picture
_DARK = 0.35  # what was not analysed


def class_palette(legend: Sequence[PixelClass]) -> NDArray[np.uint8]:
    """Return (256, 3) red, green, blue by class id; black where there is no class."""
    palette = np.zeros((256, 3), np.uint8)
    for one in colour_classes(legend):
        palette[one.id] = list(bytes.fromhex(one.colour[1:]))
    return palette


def write_classes(
    path: str | Path, classes: ArrayLike, legend: Sequence[PixelClass], pixel_size: PixelSize | None = None
) -> None:
    """Write a class image, the same bytes for the same classes.

    Parameters
    ----------
    path : str or Path
        The file, `.tif`.
    classes : (Y, X) or (T, Y, X) array_like of uint8
        Class ids, 0 where there is none.
    legend : sequence of PixelClass
        Their names and colours.
    pixel_size : PixelSize, optional
        Written into the OME-XML and the resolution tags.

    Raises
    ------
    ShapeError
        For another number of axes or another dtype.
    OutputError
        When the file cannot be written.

    Notes
    -----
    uint8 with a colour table, so that ImageJ shows the classes in their colours while the values stay the ids. Names
    stand in the OME-XML as a map annotation, id -> name. Deflate-compressed; no dates.
    """
    import tifffile

    path = Path(path)
    array = np.asarray(classes)
    if array.ndim not in (2, 3) or array.size == 0 or array.dtype != np.uint8:
        raise ShapeError(
            f"classes: shape {array.shape} of {array.dtype} cannot be written; needs uint8 on (Y, X) or (T, Y, X)."
        )
    stack = np.ascontiguousarray(array.reshape((-1, *array.shape[-2:])))
    names = {str(one.id): one.name for one in legend}
    try:
        tifffile.imwrite(
            path,
            stack,
            bigtiff=stack.nbytes > 2**32 - 2**25,
            byteorder="<",
            photometric="palette",
            colormap=class_palette(legend).T.astype(np.uint16) * 257,
            compression="zlib",
            compressionargs={"level": 6},
            description=ome_xml(stack.shape, stack.dtype, pixel_size, path.stem, "classes", names).encode("utf-8"),
            metadata=None,
            software="granum",
            **resolution_tags(pixel_size),
        )
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}).") from error


def write_probabilities(
    path: str | Path,
    probabilities: NDArray[np.float32],
    legend: Sequence[PixelClass],
    pixel_size: PixelSize | None = None,
) -> None:
    """Write the probabilities of all classes as channels, float32, (K, Y, X), with the names of the classes.

    Raises
    ------
    ShapeError
        Not one plane per class.
    OutputError
        When the file cannot be written.
    """
    import tifffile

    path = Path(path)
    if probabilities.ndim != 3 or len(probabilities) != len(legend):
        raise ShapeError(f"probabilities: shape {probabilities.shape} does not fit {len(legend)} classes, (K, Y, X).")
    resolution: dict[str, Any] = {}
    meta: dict[str, Any] = {"axes": "CYX", "Labels": [one.name for one in legend]}
    if pixel_size is not None:
        meta["unit"] = pixel_size.unit
        resolution = {"resolution": (1 / pixel_size.x, 1 / pixel_size.y), "resolutionunit": "NONE"}
    try:
        tifffile.imwrite(
            path,
            np.ascontiguousarray(probabilities, dtype=np.float32),
            imagej=True,
            byteorder="<",
            metadata=meta,
            software="granum",
            **resolution,
        )
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}).") from error


def write_class_overlay(
    path: str | Path,
    image: ArrayLike,
    classes: NDArray[np.uint8],
    legend: Sequence[PixelClass],
    area: ArrayLike | None = None,
) -> None:
    """Write the picture tinted in the colours of the classes, as a PNG with a colour table.

    Parameters
    ----------
    path : str or Path
        The file, `.png`.
    image : (Y, X) array_like
        The picture, any real dtype; its contrast is stretched.
    classes : (Y, X) ndarray of uint8
        Class ids, 0 where there is none.
    legend : sequence of PixelClass
        Their colours.
    area : (Y, X) array_like of bool, optional
        The analysed area; the rest is darkened.

    Raises
    ------
    ShapeError
        When image, classes and area do not fit.
    OutputError
        When the file cannot be written.
    """
    grey = stretch_contrast(image)
    check_same_shape(classes, grey.shape, name="classes")
    inside = check_area(area, grey.shape)
    known = colour_classes(legend)
    # the 256 colours of the table are shared out: as many greys for each class, and for what has none
    n_greys = 256 // (len(known) + 1)
    rank = np.zeros(256, np.uint8)
    rank[[one.id for one in known]] = np.arange(1, len(known) + 1)
    ramp = np.linspace(0, 255, n_greys)[:, None].repeat(3, axis=1)
    colours = [ramp]
    colours += [(1 - _TINT) * ramp + _TINT * np.array(list(bytes.fromhex(one.colour[1:]))) for one in known]
    if inside is not None:
        grey = np.where(inside, grey, (grey * np.float32(_DARK)).astype(np.uint8)).astype(np.uint8)
    steps = (np.arange(256) * n_greys // 256).astype(np.uint8)
    picture = (rank[classes].astype(np.uint16) * n_greys + steps[grey]).astype(np.uint8)
    data = encode_palette_png(picture, np.rint(np.concatenate(colours)).astype(np.uint8))
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}).") from error
