"""Label images as OME-TIFF that ImageJ, Fiji, QuPath and napari open, with the pixel size inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import OutputError, ReadError, ShapeError
from granum.image import PixelSize

__all__ = ["ome_xml", "read_labels", "resolution_tags", "write_labels"]

_PIXELS_PER_CM = {"nm": 1e7, "um": 1e4, "mm": 10.0}
_OME_UNIT = {"nm": "nm", "um": "µm", "mm": "mm"}


def ome_xml(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    pixel_size: PixelSize | None,
    name: str,
    channel: str = "labels",
    values: Mapping[str, str] | None = None,
) -> str:
    """Return the OME-XML of a (T, Y, X) image of labels; written here because a library would add a random UUID.

    `values` says what single values mean, as a map annotation.
    """
    frames, height, width = shape
    size = ""
    if pixel_size is not None:
        unit = quoteattr(_OME_UNIT[pixel_size.unit])
        size = (
            f' PhysicalSizeX="{pixel_size.x:.9g}" PhysicalSizeXUnit={unit}'
            f' PhysicalSizeY="{pixel_size.y:.9g}" PhysicalSizeYUnit={unit}'
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" Creator="granum"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xsi:schemaLocation="http://www.openmicroscopy.org/Schemas/OME/2016-06'
        ' http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd">'
        f'<Image ID="Image:0" Name={quoteattr(name)}>'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="{dtype.name}" BigEndian="false" SizeX="{width}"'
        f' SizeY="{height}" SizeC="1" SizeZ="1" SizeT="{frames}"{size}>'
        f'<Channel ID="Channel:0:0" SamplesPerPixel="1" Name={quoteattr(channel)}/>'
        f'<TiffData IFD="0" PlaneCount="{frames}"/></Pixels>{_meanings(values or {})}</OME>'
    )


def _meanings(values: Mapping[str, str]) -> str:
    if not values:
        return "</Image>"
    clean = {value: "".join(c if c.isprintable() else " " for c in meaning) for value, meaning in values.items()}
    pairs = "".join(f"<M K={quoteattr(value)}>{escape(meaning)}</M>" for value, meaning in clean.items())
    return (
        '<AnnotationRef ID="Annotation:0"/></Image><StructuredAnnotations>'
        f'<MapAnnotation ID="Annotation:0" Namespace="granum/values"><Value>{pairs}</Value></MapAnnotation>'
        "</StructuredAnnotations>"
    )


def resolution_tags(pixel_size: PixelSize | None) -> dict[str, Any]:
    """Return the resolution tags of a TIFF for `tifffile`; none where the size is not known."""
    if pixel_size is None:
        return {}
    per_cm = _PIXELS_PER_CM[pixel_size.unit]
    return {"resolution": (per_cm / pixel_size.x, per_cm / pixel_size.y), "resolutionunit": "CENTIMETER"}


def write_labels(path: str | Path, labels: ArrayLike, pixel_size: PixelSize | None = None) -> None:
    """Write a label image, the same bytes for the same labels.

    Parameters
    ----------
    path : str or Path
        The file, `.tif`.
    labels : (Y, X) or (T, Y, X) array_like of int
        0 background, 1..K objects.
    pixel_size : PixelSize, optional
        Written into the OME-XML and, per centimetre, into the resolution tags that plain ImageJ reads.

    Raises
    ------
    ShapeError
        For another number of axes, values that are not integers, negative or over 2**32 - 1.
    OutputError
        When the file cannot be written.

    Notes
    -----
    uint16 up to 65,535 objects, uint32 above; deflate-compressed strips; BigTIFF only above 4 GB. No dates.
    """
    import tifffile

    path = Path(path)
    array = np.asarray(labels)
    if array.dtype == np.bool_:
        array = array.astype(np.uint16)
    if array.ndim not in (2, 3) or array.size == 0 or array.dtype.kind not in "iu":
        raise ShapeError(
            f"labels: shape {array.shape} of {array.dtype} cannot be written; needs integers on (Y, X) or (T, Y, X)."
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > np.iinfo(np.uint32).max:
        raise ShapeError(f"labels: values run from {low} to {high}, must lie in 0..{np.iinfo(np.uint32).max}.")
    dtype = np.dtype(np.uint16 if high <= np.iinfo(np.uint16).max else np.uint32)
    stack = np.ascontiguousarray(array.reshape((-1, *array.shape[-2:])), dtype=dtype)
    try:
        tifffile.imwrite(
            path,
            stack,
            bigtiff=stack.nbytes > 2**32 - 2**25,
            byteorder="<",
            photometric="minisblack",
            compression="zlib",
            compressionargs={"level": 6},
            description=ome_xml(stack.shape, dtype, pixel_size, path.stem).encode("utf-8"),
            metadata=None,
            software="granum",
            **resolution_tags(pixel_size),
        )
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}).") from error


def read_labels(path: str | Path) -> NDArray[np.int32]:
    """Read a label image of any common TIFF or PNG kind as int32.

    Parameters
    ----------
    path : str or Path
        TIFF (compressed or not) or PNG with one integer per pixel.

    Returns
    -------
    labels : (Y, X) or (T, Y, X) int32 ndarray
        Axes of length 1 in front are dropped.

    Raises
    ------
    ReadError
        When the file cannot be read, or holds colours, fractions, negative values or values over 2**31 - 1.
    """
    import tifffile

    path = Path(path)
    try:
        if path.suffix.lower() == ".png":
            import imagecodecs

            array = np.asarray(imagecodecs.png_decode(path.read_bytes()))
        else:
            array = np.asarray(tifffile.imread(path))
    except (OSError, ValueError, RuntimeError, tifffile.TiffFileError) as error:
        raise ReadError(f"{path}: cannot be read as a label image ({error}).") from error
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and path.suffix.lower() == ".png"):
        raise ReadError(f"{path}: has shape {array.shape}; a label image has one value per pixel, (Y, X) or (T, Y, X).")
    if array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.rint(array)).all():
        array = array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise ReadError(f"{path}: has dtype {array.dtype}; a label image holds whole numbers.")
    if array.size and (int(array.min()) < 0 or int(array.max()) > np.iinfo(np.int32).max):
        raise ReadError(f"{path}: values run from {array.min()} to {array.max()}, must lie in 0..2147483647.")
    return array.astype(np.int32)
