"""SER series of FEI/TIA: a fixed header, a table of offsets, one small header before each image."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from granum.errors import ReadError
from granum.image import Image
from granum.read.bounds import check_declared_size, read_exactly
from granum.read.pixel_size import pixel_size_from_file

__all__ = ["read_ser"]

_DTYPES = {1: "u1", 2: "u2", 3: "u4", 4: "i1", 5: "i2", 6: "i4", 7: "f4", 8: "f8"}
_ELEMENT = struct.Struct("<ddi ddi hii")  # calibration of x, of y (offset, step, element), data type, width, height
_MAX_IMAGES = 1_000_000
_YEAR_1990 = 631_152_000


def read_ser(path: Path, *, max_plane_bytes: int) -> Image:
    """Return the images of a SER file as frames; the step of the pixels is stored in metres.

    Frame times come from the tag of each image, in whole seconds. Rows are given as stored.
    """
    with path.open("rb") as file:
        order, series, version, kind, tag_kind, n_total, n_valid = struct.unpack("<hhhiiii", file.read(22))
        if order != 0x4949 or series != 0x0197:
            raise ReadError(f"{path}: is not a SER file: its first bytes are wrong.")
        if kind != 0x4122:
            raise ReadError(f"{path}: holds spectra, not images; open the image file of the same acquisition.")
        wide = version >= 0x0220
        table = struct.unpack("<q" if wide else "<i", file.read(8 if wide else 4))[0]
        size = path.stat().st_size
        width = 8 if wide else 4
        if not 1 <= n_valid <= min(n_total, _MAX_IMAGES) or table < 0 or table + 2 * n_total * width > size:
            raise ReadError(f"{path}: declares {n_valid} of {n_total} images, more than it can hold; it is damaged.")
        file.seek(table)
        offsets = np.fromfile(file, dtype="<i8" if wide else "<i4", count=2 * n_total)
        data, tags = offsets[:n_valid].tolist(), offsets[n_total : n_total + n_valid].tolist()
        if min(data) < 0 or max(data) > size:
            raise ReadError(f"{path}: image offsets lie outside the file; it is truncated or damaged.")
        header = _element_header(file, data[0])
        _, step_x, _, _, step_y, _, data_type, nx, ny = header
        if data_type not in _DTYPES:
            raise ReadError(f"{path}: holds SER data type {data_type}; granum reads real numbers (1 to 8).")
        times = _times(file, tags, tag_kind, size)
    dtype = np.dtype(_DTYPES[data_type]).newbyteorder("<")
    check_declared_size(path, (ny, nx), dtype.itemsize, max_bytes=max_plane_bytes)
    if data[-1] + _ELEMENT.size + nx * ny * dtype.itemsize > size:
        raise ReadError(f"{path}: is truncated: its last image ends beyond the file.")
    notes: list[str] = []
    if n_valid < n_total:
        notes.append(f"The acquisition was stopped: {n_valid} of {n_total} images are there.")
    pixel_size = pixel_size_from_file(step_y, step_x, "m", notes, where="the SER header")

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        with path.open("rb") as file:
            *_, this_type, this_nx, this_ny = _element_header(file, data[t])
        if (this_type, this_nx, this_ny) != (data_type, nx, ny):
            raise ReadError(f"{path}: image {t} is {this_ny} x {this_nx}, image 0 is {ny} x {nx}; split the series.")
        return read_exactly(path, data[t] + _ELEMENT.size, dtype, (ny, nx))

    return Image(
        (n_valid, 1, 1, ny, nx),
        dtype.newbyteorder("="),
        read_plane,
        pixel_size,
        (),
        times,
        path,
        "SER",
        False,
        tuple(notes),
    )


def _element_header(file: BinaryIO, offset: int) -> tuple[Any, ...]:
    file.seek(offset)
    return _ELEMENT.unpack(file.read(_ELEMENT.size))


def _times(file: BinaryIO, tags: list[int], tag_kind: int, size: int) -> tuple[float, ...] | None:
    """Return seconds since the first image, or None when the tags do not give rising times."""
    if len(tags) < 2 or tag_kind not in (0x4152, 0x4142) or not all(0 <= tag <= size - 8 for tag in tags):
        return None
    raw = []
    for tag in tags:
        file.seek(tag)
        raw.append(file.read(8))
    # the second after 1970 follows the kind of the tag, in most files behind two bytes of padding
    for code in ("<4xi", "<2xi2x"):
        stamps = [struct.unpack(code, data)[0] for data in raw]
        if min(stamps) > _YEAR_1990:
            break
    else:
        return None
    seconds = np.asarray(stamps, dtype=np.float64) - stamps[0]
    return tuple(seconds.tolist()) if (np.diff(seconds) >= 0).all() and seconds[-1] > 0 else None
