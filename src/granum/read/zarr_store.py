"""OME-Zarr 0.4 and 0.5: a folder of chunks; level 0 of the first multiscale image is read."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import ReadError
from granum.image import Image, PixelSize
from granum.read.bounds import check_declared_size
from granum.read.pixel_size import pixel_size_from_file

__all__ = ["is_zarr_folder", "read_zarr"]

_SECONDS = {"second": 1.0, "millisecond": 1e-3, "microsecond": 1e-6, "minute": 60.0, "hour": 3600.0}


def is_zarr_folder(path: Path) -> bool:
    """Whether the folder is a Zarr group or array."""
    return any((path / name).is_file() for name in (".zgroup", ".zattrs", ".zarray", "zarr.json"))


def read_zarr(path: Path, *, max_plane_bytes: int) -> Image:
    """Return the image of an OME-Zarr folder, chunks read when a plane is."""
    import zarr

    group = zarr.open(str(path), mode="r")
    if not isinstance(group, zarr.Group):
        raise ReadError(f"{path}: is a bare Zarr array without OME metadata; name its axes by saving it as OME-Zarr.")
    about = _ome(group)
    if "plate" in about:
        raise ReadError(f"{path}: is a plate of many images; give one of its wells, as in {path.name}/A/1/0.")
    if "multiscales" not in about and "bioformats2raw.layout" in about:
        return read_zarr(path / "0", max_plane_bytes=max_plane_bytes)
    if "multiscales" not in about:
        raise ReadError(f"{path}: is a Zarr group without 'multiscales'; granum reads OME-Zarr 0.4 and 0.5.")
    scale = about["multiscales"][0]
    level = scale["datasets"][0]
    name = str(level["path"])
    if name.startswith(("/", "\\")) or ".." in PurePosixPath(name.replace("\\", "/")).parts or ":" in name:
        raise ReadError(f"{path}: its metadata point outside the folder ({name!r}); refused.")
    array = group[name]
    if not isinstance(array, zarr.Array) or array.dtype.kind not in "biuf":
        raise ReadError(f"{path}: {name!r} is not an array of real numbers.")
    axes = _axes(scale, array.ndim)
    if sorted(axes) != sorted(set(axes)) or not {"Y", "X"} <= set(axes) <= set("TCZYX") or len(axes) != array.ndim:
        raise ReadError(f"{path}: has the axes {axes!r} for an array of {array.ndim}; granum reads T, C, Z, Y, X.")
    sizes = dict(zip(axes, array.shape, strict=True))
    check_declared_size(path, (sizes["Y"], sizes["X"]), array.dtype.itemsize, max_bytes=max_plane_bytes)
    check_declared_size(path, array.chunks, array.dtype.itemsize, max_bytes=max_plane_bytes)
    t, c, z, y, x = (int(sizes.get(letter, 1)) for letter in "TCZYX")
    notes: list[str] = []
    pixel_size, times = _scales(scale, level, axes, t, notes)

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        at = {"T": t, "C": c, "Z": z}
        index = tuple(at.get(letter, slice(None)) for letter in axes)
        plane = np.asarray(array[index])
        return plane if axes.index("Y") < axes.index("X") else plane.T

    def read_rows(t: int, c: int, z: int, y0: int, y1: int) -> NDArray[Any]:
        at: dict[str, int | slice] = {"T": t, "C": c, "Z": z, "Y": slice(y0, y1)}
        rows = np.asarray(array[tuple(at.get(letter, slice(None)) for letter in axes)])
        return rows if axes.index("Y") < axes.index("X") else rows.T

    channels = about.get("omero", {}).get("channels", []) if isinstance(about.get("omero"), dict) else []
    names = tuple(str(channel.get("label", i)) for i, channel in enumerate(channels))
    version = "0.5" if "ome" in group.attrs else "0.4"
    dtype = np.dtype(array.dtype).newbyteorder("=")
    return Image(
        (t, c, z, y, x), dtype, read_plane, pixel_size, names if len(names) == c else (), times, path,
        f"OME-Zarr {version}", False, tuple(notes), read_rows=read_rows,
    )  # fmt: skip


def _ome(group: Any) -> dict[str, Any]:
    """Return the OME metadata, which 0.5 keeps one level deeper than 0.4."""
    attributes = dict(group.attrs)
    inner = attributes.get("ome")
    return dict(inner) if isinstance(inner, dict) else attributes


def _axes(scale: dict[str, Any], ndim: int) -> str:
    """Return one letter per axis; before 0.4 the axes were always TCZYX."""
    axes = scale.get("axes", list("tczyx"[-ndim:]))
    return "".join(str(axis["name"] if isinstance(axis, dict) else axis).upper() for axis in axes)


def _scales(
    scale: dict[str, Any], level: dict[str, Any], axes: str, n_frames: int, notes: list[str]
) -> tuple[PixelSize | None, tuple[float, ...] | None]:
    """Return the pixel size and the frame times from units and scale transformations."""
    factors = np.ones(len(axes))
    for change in (*level.get("coordinateTransformations", []), *scale.get("coordinateTransformations", [])):
        if change.get("type") == "scale":
            factors *= np.asarray(change["scale"], dtype=np.float64)
    units = [axis.get("unit", "") if isinstance(axis, dict) else "" for axis in scale.get("axes", axes)]
    by_axis = {letter: (float(factors[i]), str(units[i])) for i, letter in enumerate(axes)}
    times = None
    step, unit = by_axis.get("T", (0.0, ""))
    if n_frames > 1 and unit in _SECONDS and step > 0:
        times = tuple(i * step * _SECONDS[unit] for i in range(n_frames))
    (y, unit_y), (x, unit_x) = by_axis["Y"], by_axis["X"]
    if not unit_y or unit_y != unit_x:
        notes.append("The OME-Zarr axes give no unit of length; no pixel size was taken.")
        return None, times
    return pixel_size_from_file(y, x, unit_y, notes, where="the OME-Zarr metadata"), times
