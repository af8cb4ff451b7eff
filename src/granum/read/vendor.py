"""ND2, LIF and CZI through optional packages; without them the error names the `pip install`."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import MissingExtraError
from granum.image import Image, PixelSize
from granum.read.bounds import check_declared_size
from granum.read.pixel_size import pixel_size_from_file

__all__ = ["read_czi", "read_lif", "read_nd2"]


def _load(package: str, path: Path) -> Any:
    """Import an optional package, or say how to get it."""
    try:
        return importlib.import_module(package)
    except ImportError:
        raise MissingExtraError(
            f"{path}: needs the package {package}; run `pip install {package}`, or export the file as OME-TIFF."
        ) from None


def read_nd2(path: Path, *, max_plane_bytes: int) -> Image:
    """Return a Nikon ND2 file of one position."""
    package = _load("nd2", path)
    notes: list[str] = []
    with package.ND2File(path) as file:
        axes, shape, dtype = "".join(file.sizes), tuple(file.sizes.values()), np.dtype(file.dtype)
        names = tuple(str(channel.channel.name) for channel in (file.metadata.channels or []))
        voxel = file.voxel_size()
        size = pixel_size_from_file(voxel.y, voxel.x, "um", notes, where="the ND2 metadata")

    def load() -> NDArray[Any]:
        with package.ND2File(path) as file:
            return np.asarray(file.asarray())

    return _from_whole(load, path, axes, shape, dtype, names, size, notes, "ND2", max_plane_bytes)


def read_lif(path: Path, *, max_plane_bytes: int) -> Image:
    """Return the first image of a Leica LIF file."""
    package = _load("liffile", path)
    notes: list[str] = []
    with package.LifFile(path) as file:
        first = file.images[0]
        axes, shape, dtype = "".join(first.dims), tuple(first.shape), np.dtype(first.dtype)
        if len(file.images) > 1:
            notes.append(f"The file holds {len(file.images)} images; the first was read.")
        size = None
        if "X" in first.coords and "Y" in first.coords and min(shape[axes.index("Y")], shape[axes.index("X")]) > 1:
            y, x = (float(np.diff(first.coords[letter][:2])[0]) for letter in "YX")
            size = pixel_size_from_file(y, x, "m", notes, where="the LIF metadata")

    def load() -> NDArray[Any]:
        with package.LifFile(path) as file:
            return np.asarray(file.images[0].asarray())

    return _from_whole(load, path, axes, shape, dtype, (), size, notes, "LIF", max_plane_bytes)


def read_czi(path: Path, *, max_plane_bytes: int) -> Image:
    """Return a Zeiss CZI file of one scene."""
    package = _load("czifile", path)
    notes: list[str] = ["The pixel size of CZI files is not read; type it with --pixel-size."]
    with package.CziFile(str(path)) as file:
        axes, shape, dtype = str(file.axes), tuple(file.shape), np.dtype(file.dtype)

    def load() -> NDArray[Any]:
        with package.CziFile(str(path)) as file:
            return np.asarray(file.asarray())

    return _from_whole(load, path, axes, shape, dtype, (), None, notes, "CZI", max_plane_bytes)


def _from_whole(
    load: Any, path: Path, axes: str, shape: tuple[int, ...], dtype: np.dtype[Any], names: tuple[str, ...],
    size: PixelSize | None, notes: list[str], format: str, max_plane_bytes: int,
) -> Image:  # fmt: skip
    """Return an image that is loaded whole at the first plane; unknown axes of length 1 are dropped."""
    itemsize = dtype.itemsize * math.prod(shape[:-2])
    check_declared_size(path, shape[-2:], itemsize, max_bytes=8 * max_plane_bytes)
    keep = [i for i, (letter, n) in enumerate(zip(axes, shape, strict=True)) if n > 1 or letter in "YX"]
    letters = "".join({"S": "C"}.get(axes[i], axes[i]) for i in keep)
    image = Image.from_array(np.broadcast_to(np.zeros(1, dtype), [shape[i] for i in keep]), axes=letters)
    whole: list[NDArray[Any]] = []

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        if not whole:
            whole.append(load())
        squeezed = whole[0].reshape([shape[i] for i in keep])
        return Image.from_array(squeezed, axes=letters).read_plane(t, c, z)

    names = names if len(names) == image.shape[1] else ()
    return Image(image.shape, dtype, read_plane, size, names, None, path, format, False, tuple(notes))
