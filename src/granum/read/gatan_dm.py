"""DM3 and DM4 files of Gatan DigitalMicrograph: a tree of tags, the pixels being one of them.

The tree is walked once with bounds on depth and count; arrays are noted by offset and read only when wanted.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from granum.errors import ReadError
from granum.image import Image, PixelSize
from granum.read.bounds import check_declared_size, read_exactly
from granum.read.pixel_size import pixel_size_from_file

__all__ = ["read_dm"]

_MAX_DEPTH = 64
_MAX_TAGS = 500_000
_MAX_TEXT = 65_536  # array elements that are still read as text or numbers while walking

# codes of simple values in a tag
_VALUES = {
    2: "i2", 3: "i4", 4: "u2", 5: "u4", 6: "f4", 7: "f8", 8: "u1", 9: "i1", 10: "u1", 11: "i8", 12: "u8",
}  # fmt: skip
# codes of the pixels of an image
_PIXELS = {
    1: "i2", 2: "f4", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8", 14: "u1", 39: "i8", 40: "u8",
}  # fmt: skip
_COLOUR = (8, 23)
_TIME_S = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0}


@dataclass(frozen=True)
class _Stored:
    """An array that stays in the file."""

    offset: int
    dtype: str
    count: int


class _Tree:
    """Reader of the tag tree."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file, self.size = path, file, path.stat().st_size
        self.version = self._integer(">i")
        if self.version not in (3, 4):
            raise ReadError(f"{path}: is not a DM3 or DM4 file: its version is {self.version}.")
        self.wide = ">q" if self.version == 4 else ">i"
        self._integer(self.wide)
        self.order: Literal["<", ">"] = "<" if self._integer(">i") else ">"
        self.n_tags = 0

    def _integer(self, code: str) -> int:
        return int(struct.unpack(code, self.file.read(struct.calcsize(code)))[0])

    def group(self, depth: int = 0) -> dict[str, Any]:
        """Return a group as a dict; entries without a name get their number."""
        if depth > _MAX_DEPTH:
            raise ReadError(f"{self.path}: tags are nested deeper than {_MAX_DEPTH}; it is damaged.")
        self.file.read(2)  # sorted, open
        n = self._integer(self.wide)
        entries: dict[str, Any] = {}
        for i in range(n):
            self.n_tags += 1
            if self.n_tags > _MAX_TAGS:
                raise ReadError(f"{self.path}: has more than {_MAX_TAGS} tags; it is damaged.")
            kind = self._integer(">B")
            if kind == 0:
                break
            name = self.file.read(self._integer(">H")).decode("latin-1") or str(i)
            if self.version == 4:
                self._integer(">q")
            if kind == 20:
                entries[name] = self.group(depth + 1)
            elif kind == 21:
                entries[name] = self.value(is_pixels=name == "Data")
            else:
                raise ReadError(f"{self.path}: tag {name!r} is of kind {kind}, not 20 or 21; it is damaged.")
        return entries

    def value(self, *, is_pixels: bool = False) -> Any:
        """Return what one tag holds: a number, a tuple, a text, or where a long array lies."""
        if self.file.read(4) != b"%%%%":
            raise ReadError(f"{self.path}: a tag does not start with %%%%; it is damaged.")
        n = self._integer(self.wide)
        if not 1 <= n <= 4096:
            raise ReadError(f"{self.path}: a tag is described by {n} numbers; it is damaged.")
        about = [self._integer(self.wide) for _ in range(n)]
        code = about[0]
        if code in _VALUES:
            return self._numbers(_VALUES[code], 1)[0]
        if code == 15:
            return tuple(self._numbers(_VALUES[part], 1)[0] for part in about[4::2])
        if code == 18:
            return self._text(self._numbers("u2", about[1]))
        if code == 20:
            return self._array(about, is_pixels)
        raise ReadError(f"{self.path}: a tag holds the unknown type {code}; it is damaged.")

    def _array(self, about: list[int], is_pixels: bool) -> Any:
        count = about[-1]
        parts = [_VALUES[part] for part in about[5:-1:2]] if about[1] == 15 else [_VALUES[about[1]]]
        width = sum(np.dtype(part).itemsize for part in parts)
        offset = self.file.tell()
        if count < 0 or offset + count * width > self.size:
            raise ReadError(f"{self.path}: is truncated: an array of {count} values ends beyond the file.")
        if about[1] == 4 and count <= _MAX_TEXT and not is_pixels:  # texts are arrays of 16-bit letters
            return self._text(self._numbers("u2", count))
        self.file.seek(offset + count * width)
        return _Stored(offset, parts[0] if len(parts) == 1 else f"V{width}", count)

    def _numbers(self, code: str, count: int) -> list[Any]:
        dtype = np.dtype(code).newbyteorder(self.order)
        if not 0 <= count <= _MAX_TEXT:
            raise ReadError(f"{self.path}: a tag text has {count} characters; it is damaged.")
        data = self.file.read(count * dtype.itemsize)
        if len(data) < count * dtype.itemsize:
            raise ReadError(f"{self.path}: is truncated inside its tags.")
        numbers: list[Any] = np.frombuffer(data, dtype=dtype).tolist()
        return numbers

    @staticmethod
    def _text(codes: list[int]) -> str:
        return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000).strip("\x00")


def read_dm(path: Path, *, max_plane_bytes: int) -> Image:
    """Return the image of a DM3 or DM4 file: the first that is not a thumbnail.

    A third axis in seconds, or without a unit, is time; in a length it is z.
    """
    with path.open("rb") as file:
        tree = _Tree(path, file)
        root = tree.group()
    entry = _choose_image(path, root)
    data = entry["ImageData"]
    stored, kind = data["Data"], data["DataType"]
    if kind not in _PIXELS:
        what = "colours" if kind in _COLOUR else "complex numbers" if kind in (3, 5, 13, 27, 28) else "unknown values"
        raise ReadError(f"{path}: holds {what} (data type {kind}); save it as a real, grey image.")
    sizes = [int(n) for n in data["Dimensions"].values()]
    while len(sizes) > 2 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) not in (2, 3):
        raise ReadError(f"{path}: has {len(sizes)} axes; granum reads images (2) and stacks of them (3).")
    dtype = np.dtype(_PIXELS[kind]).newbyteorder(tree.order)
    nx, ny, n = (*sizes, 1)[:3]
    check_declared_size(path, (ny, nx), dtype.itemsize, max_bytes=max_plane_bytes)
    if n < 1 or not isinstance(stored, _Stored) or nx * ny * n > stored.count:
        raise ReadError(f"{path}: declares {n} images of {ny} x {nx}, more than it holds; it is damaged.")
    notes: list[str] = []
    pixel_size, (step, unit) = _calibration(data, notes)
    times = tuple(i * step * _TIME_S[unit] for i in range(n)) if n > 1 and unit in _TIME_S and step > 0 else None
    is_time = times is not None or not unit
    if n > 1 and not is_time and not unit.endswith("m"):
        notes.append(f"The third axis is in {unit!r}; its planes were put on z.")

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        offset = stored.offset + max(t, z) * nx * ny * dtype.itemsize
        return read_exactly(path, offset, dtype, (ny, nx))

    shape = (n, 1, 1, ny, nx) if is_time else (1, 1, n, ny, nx)
    return Image(
        shape, dtype.newbyteorder("="), read_plane, pixel_size, (), times, path, f"DM{tree.version}", False,
        tuple(notes), _instrument(entry),
    )  # fmt: skip


def _choose_image(path: Path, root: dict[str, Any]) -> dict[str, Any]:
    """Return the first image that no thumbnail entry points to."""
    images = list(root["ImageList"].values())
    small = {item.get("ImageIndex") for item in root.get("Thumbnails", {}).values() if isinstance(item, dict)}
    usable = [
        image for i, image in enumerate(images) if isinstance(image, dict) and "Data" in image.get("ImageData", {})
    ]
    full = [image for i, image in enumerate(images) if image in usable and i not in small]
    # without thumbnail entries, the RGB picture in front is the thumbnail
    full = [image for image in full if image["ImageData"].get("DataType") not in _COLOUR] or full or usable
    if not full:
        raise ReadError(f"{path}: has tags but no image.")
    return full[0]


def _calibration(data: dict[str, Any], notes: list[str]) -> tuple[PixelSize | None, tuple[float, str]]:
    """Return the pixel size, and (step, unit) of the third axis."""
    axes = list(data.get("Calibrations", {}).get("Dimension", {}).values())
    steps = [(float(axis.get("Scale", 0)), str(axis.get("Units", "")).strip()) for axis in axes]
    steps += [(0.0, "")] * (3 - len(steps))
    (step_x, unit_x), (step_y, unit_y), third = steps[:3]
    if not unit_x and not unit_y:
        notes.append("The DM tags give no pixel size.")
        return None, third
    if unit_x != unit_y:
        notes.append(f"The DM tags give x in {unit_x!r} and y in {unit_y!r}; the pixel size was dropped.")
        return None, third
    return pixel_size_from_file(step_y, step_x, unit_x, notes, where="the DM tags"), third


def _instrument(entry: dict[str, Any]) -> dict[str, Any]:
    """Return name, voltage, magnification and the like."""
    tags = entry.get("ImageTags", {})
    about = tags.get("Microscope Info", {}) if isinstance(tags, dict) else {}
    keep = {} if not isinstance(about, dict) else about
    found = {key: value for key, value in keep.items() if isinstance(value, str | int | float)}
    return {"name": str(entry.get("Name", "")), **{key: found[key] for key in sorted(found)}}
