"""A walk over the directories of a TIFF before anything believes them: loops, lies, missing ends."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from granum.errors import ReadError

__all__ = ["check_directories"]

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_MAX_DIRECTORIES = 1_000_000
_MAX_DESCRIPTION = 64 * 2**20
_DESCRIPTION = 270


def check_directories(path: Path) -> str:
    """Return the first image description, after checking the chain of directories.

    Raises
    ------
    ReadError
        A directory outside the file (truncated), a chain that bites its tail, a tag longer than the file, a
        description above 64 MiB, or XML that declares entities.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = struct.unpack(order + "H", head[2:4])[0] == 43
        if len(head) < (16 if big else 8):
            raise ReadError(f"{path}: is truncated: a TIFF of {size} bytes.")
        offset = struct.unpack(order + ("Q" if big else "I"), head[8:16] if big else head[4:8])[0]
        seen: set[int] = set()
        description = b""
        while offset:
            if offset in seen:
                raise ReadError(f"{path}: its directories form an endless loop; it is damaged or hostile.")
            if len(seen) >= _MAX_DIRECTORIES:
                raise ReadError(f"{path}: has more than {_MAX_DIRECTORIES} directories; it is refused.")
            if offset >= size:
                raise ReadError(f"{path}: is truncated: directory {len(seen)} lies at byte {offset} of {size}.")
            first = not seen
            seen.add(offset)
            tags, offset = _directory(path, file, offset, order, big, size)
            if first:
                if not tags:
                    raise ReadError(f"{path}: its first directory is empty; it is damaged.")
                description = _description(path, file, tags, order, big)
    if not seen:
        raise ReadError(f"{path}: is a TIFF without a picture.")
    return description.rstrip(b"\0").decode("utf-8", errors="replace")


def _directory(
    path: Path, file: BinaryIO, offset: int, order: str, big: bool, size: int
) -> tuple[dict[int, tuple[int, bytes]], int]:
    """Return {code: (bytes of the value, stored field)} and the offset of the next directory."""
    file.seek(offset)
    n = struct.unpack(order + ("Q" if big else "H"), _read(path, file, 8 if big else 2))[0]
    width = 20 if big else 12
    if n > 65_535 or offset + n * width > size:
        raise ReadError(f"{path}: is truncated or damaged: a directory of {n} tags does not fit into {size} bytes.")
    block = _read(path, file, n * width)
    tags: dict[int, tuple[int, bytes]] = {}
    for code, kind, count, field in struct.iter_unpack(order + ("HHQ8s" if big else "HHI4s"), block):
        length = count * _SIZES.get(kind, 1)
        if length > size:
            raise ReadError(f"{path}: tag {code} claims {length} bytes in a file of {size}; it is damaged.")
        tags[code] = (length, field)
    return tags, struct.unpack(order + ("Q" if big else "I"), _read(path, file, 8 if big else 4))[0]


def _description(path: Path, file: BinaryIO, tags: dict[int, tuple[int, bytes]], order: str, big: bool) -> bytes:
    length, field = tags.get(_DESCRIPTION, (0, b""))
    if length > _MAX_DESCRIPTION:
        raise ReadError(
            f"{path}: its description takes {length} bytes, above the limit of {_MAX_DESCRIPTION}; refused."
        )
    if length <= len(field):
        return field[:length]
    file.seek(struct.unpack(order + ("Q" if big else "I"), field)[0])
    text = file.read(length)
    # OME-XML never declares entities; a file that does wants to blow up its parser
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ReadError(f"{path}: its XML description declares entities, as no microscope does; refused.")
    return text


def _read(path: Path, file: BinaryIO, n: int) -> bytes:
    data = file.read(n)
    if len(data) < n:
        raise ReadError(f"{path}: is truncated inside a directory.")
    return data
