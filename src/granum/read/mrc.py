"""MRC and CCP4 maps: a 1024-byte header, then raw pixels."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from granum.errors import ReadError
from granum.image import Image
from granum.read.bounds import check_declared_size, read_exactly
from granum.read.pixel_size import pixel_size_from_file

__all__ = ["read_mrc"]

_HEADER = 1024
_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_IMOD_STAMP = 1146047817


def read_mrc(path: Path, *, max_plane_bytes: int) -> Image:
    """Return an MRC file; rows as stored, sections as frames (image stack) or as z (volume).

    The header's cell size over its sampling is the pixel size, in Å; files often carry nonsense there, which is noted
    and dropped.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER)
    if len(head) < _HEADER:
        raise ReadError(f"{path}: is a truncated MRC file: its header has {len(head)} of {_HEADER} bytes.")
    order = _byte_order(head)
    nx, ny, nz, mode = struct.unpack_from(f"{order}4i", head)
    mx, my = struct.unpack_from(f"{order}2i", head, 28)
    cell_x, cell_y, _ = struct.unpack_from(f"{order}3f", head, 40)
    space_group, extended = struct.unpack_from(f"{order}2i", head, 88)
    if mode not in _MODES:
        kinds = {3: "complex integers", 4: "complex numbers", 101: "4-bit counts"}
        raise ReadError(f"{path}: holds MRC mode {mode} ({kinds.get(mode, 'unknown')}); granum reads 0, 1, 2, 6, 12.")
    imod = struct.unpack_from(f"{order}2i", head, 152)
    dtype = np.dtype(_MODES[mode]).newbyteorder(order)
    if mode == 0 and imod[0] == _IMOD_STAMP and not imod[1] & 1:
        dtype = np.dtype(np.uint8)  # IMOD wrote bytes unsigned unless this flag is set
    check_declared_size(path, (ny, nx), dtype.itemsize, max_bytes=max_plane_bytes)
    if nz < 1 or extended < 0:
        raise ReadError(f"{path}: the header declares {nz} sections after {extended} bytes; it is damaged.")
    start, plane = _HEADER + extended, nx * ny * dtype.itemsize
    size = path.stat().st_size
    if start + plane * nz > size:
        raise ReadError(f"{path}: is truncated: {nz} sections need {start + plane * nz} bytes, the file has {size}.")
    notes: list[str] = []
    pixel_size = None
    if cell_x == 0 and cell_y == 0:
        notes.append("The MRC header gives no pixel size.")
    elif mx < 1 or my < 1:
        notes.append(f"The MRC header's sampling is {mx} x {my}, not positive; its pixel size was dropped.")
    else:
        pixel_size = pixel_size_from_file(cell_y / my, cell_x / mx, "angstrom", notes, where="the MRC header")
    volume = space_group != 0 and nz > 1

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        return read_exactly(path, start + (z if volume else t) * plane, dtype, (ny, nx))

    def read_rows(t: int, c: int, z: int, y0: int, y1: int) -> NDArray[Any]:
        at = start + (z if volume else t) * plane + y0 * nx * dtype.itemsize
        return read_exactly(path, at, dtype, (y1 - y0, nx))

    shape = (1, 1, nz, ny, nx) if volume else (nz, 1, 1, ny, nx)
    native = dtype.newbyteorder("=")
    return Image(
        shape, native, read_plane, pixel_size, source=path, format="MRC", notes=tuple(notes), read_rows=read_rows
    )


def _byte_order(head: bytes) -> Literal["<", ">"]:
    """Return "<" or ">" from the machine stamp, or from the order in which the mode makes sense."""
    if head[212:214] in (b"DD", b"DA"):
        return "<"
    if head[212:214] == b"\x11\x11":
        return ">"
    return "<" if 0 <= struct.unpack_from("<i", head, 12)[0] <= 200 else ">"
