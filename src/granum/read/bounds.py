"""What keeps a bad file harmless: size limits checked before any allocation, and the one place where errors are turned.

Every reader runs inside `reading`, when a file is opened and again whenever a plane of it is read.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import MissingExtraError, ReadError
from granum.image import Image

__all__ = ["MAX_PLANE_BYTES", "MAX_RATIO", "check_declared_size", "guard_planes", "read_exactly", "reading"]

MAX_PLANE_BYTES = 4 * 2**30
"""Largest plane that is read without being asked to: 4 GiB, 46,000 x 46,000 pixels of 16 bit."""

MAX_RATIO = 10_000
"""Largest believable ratio of pixels to stored bytes; deflate cannot pass 1032, real files stay near it."""

_SMALL = 256 * 2**20  # below this a wrong size does no harm, so a very well packed label image may pass
_MAX_SIDE = 2**31 - 1


@contextmanager
def reading(path: Path, what: str = "image") -> Iterator[None]:
    """Turn whatever a reader throws into one `ReadError` sentence, and let no warning or log line out."""
    loggers = [logging.getLogger(name) for name in ("tifffile", "PIL", "nd2", "czifile", "liffile")]
    for logger in loggers:
        logger.addFilter(_drop)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ReadError, MissingExtraError):
        raise
    except FileNotFoundError:
        raise ReadError(f"{path}: no such file.") from None
    except PermissionError:
        raise ReadError(f"{path}: may not be read; check the permissions of the file.") from None
    except MemoryError:
        raise ReadError(f"{path}: needs more memory than there is; crop it, or use a larger machine.") from None
    except Exception as error:  # a damaged file makes third-party readers raise nearly anything
        raise ReadError(f"{path}: cannot be read as {what}: {_first_line(error)}.") from error
    finally:
        for logger in loggers:
            logger.removeFilter(_drop)


def guard_planes(image: Image, path: Path, what: str) -> Image:
    """Return `image` with planes that can only fail with a `ReadError`, and that never share memory."""
    inner = image.read_plane
    shape = image.shape[3:]

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        with reading(path, what):
            plane = np.ascontiguousarray(inner(t, c, z))
            if plane.shape != shape:
                raise ReadError(f"{path}: plane is {plane.shape} pixels where the header says {shape}; it is damaged.")
            return plane if plane.flags.writeable else plane.copy()

    inner_rows = image.read_rows
    if inner_rows is None:
        return replace(image, read_plane=read_plane)

    def read_rows(t: int, c: int, z: int, y0: int, y1: int) -> NDArray[Any]:
        with reading(path, what):
            if not 0 <= y0 < y1 <= shape[0]:
                raise ReadError(f"{path}: has no rows {y0} to {y1}, its planes have {shape[0]}.")
            return np.array(inner_rows(t, c, z, y0, y1), order="C")

    return replace(image, read_plane=read_plane, read_rows=read_rows)


def check_declared_size(
    path: Path, shape: Sequence[int], itemsize: float, *, stored: int | None = None, max_bytes: int = MAX_PLANE_BYTES
) -> None:
    """Raise `ReadError` when a header declares more than may be allocated, or more than the file can hold.

    Parameters
    ----------
    path : Path
        Named in the message.
    shape : sequence of int
        Declared sizes of what is read in one piece.
    itemsize : float
        Bytes per pixel.
    stored : int, optional
        Bytes that are there for it.
    max_bytes : int
        Limit of the piece.
    """
    shape = [int(n) for n in shape]
    if min(shape, default=0) < 1 or max(shape) > _MAX_SIDE:
        raise ReadError(f"{path}: the header declares {_sides(shape)} pixels, which is not a picture; it is damaged.")
    declared = math.prod(shape) * itemsize
    if declared > max_bytes:
        raise ReadError(
            f"{path}: the header declares {_sides(shape)} pixels, {_size(declared)}, above the limit of"
            f" {_size(max_bytes)} for one plane; crop or tile it, or raise max_plane_bytes if you trust the file."
        )
    if stored is not None and declared > _SMALL and declared > MAX_RATIO * max(stored, 1):
        raise ReadError(
            f"{path}: the header declares {_sides(shape)} pixels, {_size(declared)}, but the file holds only"
            f" {_size(stored)}; a ratio above {MAX_RATIO:,}:1 is refused as damaged or hostile."
        )


def read_exactly(path: Path, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array stored raw at `offset`, or raise `ReadError` when the file ends before it does."""
    needed = math.prod(shape) * dtype.itemsize
    size = path.stat().st_size
    if offset < 0 or offset + needed > size:
        raise ReadError(f"{path}: is truncated: pixels need bytes {offset} to {offset + needed}, the file has {size}.")
    with path.open("rb") as file:
        file.seek(offset)
        array = np.fromfile(file, dtype=dtype, count=math.prod(shape)).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _drop(record: logging.LogRecord) -> bool:
    """Filter that lets nothing through."""
    return False


def _first_line(error: Exception) -> str:
    """Return the first line of a third-party message, short, without its closing dot."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    if isinstance(error, KeyError):
        text = f"{text} is missing"
    return text.rstrip(".")[:200]


def _sides(shape: Sequence[int]) -> str:
    return " x ".join(str(n) for n in shape)


def _size(n: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if n < 1024:
            return f"{n:.4g} {unit}"
        n /= 1024
    return f"{n:.4g} TiB"
