"""PNG with a palette, compressed on all cores: a third of the bytes of true colour, and the same ones every time."""

from __future__ import annotations

import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from granum.errors import ShapeError
from granum.steps import Range

__all__ = ["encode_palette_png"]

_STRIP = 1 << 20  # bytes that one thread compresses at a time; fixed, so that the file does not depend on the cores


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _deflate(rows: bytes, level: int, last: bool) -> bytes:
    """Return a piece of a deflate stream that ends at a byte, so that pieces can stand one after the other."""
    coder = zlib.compressobj(level, zlib.DEFLATED, -15, 9)
    return coder.compress(rows) + coder.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


def encode_palette_png(
    pixels: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    *,
    transparent: bool = False,
    level: Annotated[int, Range(1, 9)] = 1,
) -> bytes:
    """Return a PNG of palette indices.

    Parameters
    ----------
    pixels : (Y, X) uint8 ndarray
        Rows of the palette.
    palette : (N, 3) uint8 ndarray
        Red, green, blue; N from 1 to 256.
    transparent : bool
        Make the first colour of the palette transparent.
    level : int
        How hard to compress, 1..9; noise gains little from more than 1.

    Raises
    ------
    ShapeError
        When the pixels are not (Y, X) or the palette is not (N, 3).
    """
    if pixels.ndim != 2 or pixels.size == 0 or palette.ndim != 2 or palette.shape[1] != 3 or len(palette) > 256:
        raise ShapeError(
            f"PNG: pixels {pixels.shape} with a palette {palette.shape}; needs (Y, X) and (N, 3), N <= 256."
        )
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # the first byte of a row says: not filtered
    rows[:, 1:] = pixels
    data = rows.reshape(-1).data
    parts = [data[start : start + _STRIP] for start in range(0, len(data), _STRIP)]
    ends = [False] * (len(parts) - 1) + [True]
    if len(parts) == 1:  # starting a thread takes longer than most small pictures
        pieces = [_deflate(bytes(data), level, True)]
    else:
        with ThreadPoolExecutor(min(len(parts), os.cpu_count() or 1)) as threads:
            pieces = list(threads.map(lambda part, last: _deflate(bytes(part), level, last), parts, ends))
    stream = b"\x78\x01" + b"".join(pieces) + struct.pack(">I", zlib.adler32(data))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), _chunk(b"PLTE", np.ascontiguousarray(palette).tobytes())]
    if transparent:
        chunks.append(_chunk(b"tRNS", b"\x00"))
    return b"\x89PNG\r\n\x1a\n" + b"".join([*chunks, _chunk(b"IDAT", stream), _chunk(b"IEND", b"")])
