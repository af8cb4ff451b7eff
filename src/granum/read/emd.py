"""EMD files: HDF5 in two dialects, NCEM (also called Berkeley) and Velox (Thermo Fisher).

Only hard links inside the file are followed, so that a file can neither loop nor pull in others.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import ReadError
from granum.image import Image, PixelSize
from granum.read.bounds import check_declared_size
from granum.read.pixel_size import pixel_size_from_file

__all__ = ["read_emd"]

_MAX_NODES = 10_000
_MAX_DEPTH = 8
_MAX_METADATA = 16 * 2**20
_PROBE_S = 20


def read_emd(path: Path, *, max_plane_bytes: int) -> Image:
    """Return the first image of an EMD file; Velox images of the same size become channels named by detector."""
    _probe(path, max_plane_bytes)
    return open_emd(path, max_plane_bytes=max_plane_bytes)


def open_emd(path: Path, *, max_plane_bytes: int) -> Image:
    """Return the image as `read_emd` does, without first trying it in another process."""
    import h5py

    with h5py.File(path, "r") as file:
        velox = _velox_images(file)
        if velox:
            return _read_velox(path, file, velox, max_plane_bytes)
        ncem = _ncem_group(file)
        if ncem is not None:
            return _read_ncem(path, file, ncem, max_plane_bytes)
    raise ReadError(f"{path}: is an HDF5 file without an EMD image (neither NCEM nor Velox); export it as TIFF.")


def _probe(path: Path, max_plane_bytes: int) -> None:
    """Try in another process first: damaged HDF5 can hang or crash its library, and nothing here could stop it."""
    code = (
        "import sys, pathlib; from granum.read.emd import open_emd;"
        "open_emd(pathlib.Path(sys.argv[1]), max_plane_bytes=int(sys.argv[2])).read_plane(0, 0, 0)"
    )
    command = [sys.executable, "-P", "-c", code, str(path.absolute()), str(max_plane_bytes)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PROBE_S, check=False)
    except subprocess.TimeoutExpired:
        raise ReadError(f"{path}: took longer than {_PROBE_S} s to open; it is damaged.") from None
    if done.returncode < 0:
        raise ReadError(f"{path}: makes the HDF5 library crash; it is damaged.")


def _child(group: Any, name: str) -> Any:
    """Return a member behind a hard link, or None."""
    import h5py

    if not isinstance(group, h5py.Group) or not isinstance(group.get(name, getlink=True), h5py.HardLink):
        return None
    return group[name]


def _velox_images(file: Any) -> list[str]:
    """Return the names below /Data/Image that hold pixels."""
    import h5py

    images = _child(_child(file, "Data"), "Image")
    if images is None:
        return []
    names = sorted(images)[:_MAX_NODES]
    return [name for name in names if isinstance(_child(_child(images, name), "Data"), h5py.Dataset)]


def _read_velox(path: Path, file: Any, names: list[str], max_plane_bytes: int) -> Image:
    pixels = [_child(_child(file["Data/Image"], name), "Data") for name in names]
    notes: list[str] = []
    first = pixels[0]
    same = [i for i, data in enumerate(pixels) if data.shape == first.shape and data.dtype == first.dtype]
    if len(same) < len(pixels):
        notes.append(f"The file holds {len(pixels)} images; the {len(same)} like the first were read as channels.")
    _check_dataset(path, first, 3, max_plane_bytes)
    metadata = [_velox_metadata(_child(file["Data/Image"], names[i])) for i in same]
    result = metadata[0].get("BinaryResult", {})
    pixel_size = None
    size = result.get("PixelSize") if isinstance(result, dict) else None
    if isinstance(size, dict):
        unit = result.get("PixelUnitX", "m")
        pixel_size = pixel_size_from_file(
            size.get("height"), size.get("width"), unit, notes, where="the Velox metadata"
        )
    else:
        notes.append("The Velox metadata gives no pixel size.")
    detectors = [str(about.get("BinaryResult", {}).get("Detector", f"image {i}")) for i, about in enumerate(metadata)]
    if len(set(detectors)) < len(detectors):
        detectors = [f"{name} {i}" for i, name in enumerate(detectors)]
    paths = [pixels[i].name for i in same]
    ny, nx, n = first.shape

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        return _read(path, paths[c], (slice(None), slice(None), t))

    return Image(
        (n, len(same), 1, ny, nx), first.dtype.newbyteorder("="), read_plane, pixel_size, tuple(detectors),
        None, path, "EMD (Velox)", False, tuple(notes), _plain(metadata[0].get("Instrument")),
    )  # fmt: skip


def _velox_metadata(group: Any) -> dict[str, Any]:
    """Return the metadata of the first frame: a column of bytes holding JSON."""
    import h5py

    data = _child(group, "Metadata")
    if not isinstance(data, h5py.Dataset) or data.ndim != 2 or data.shape[1] < 1 or data.shape[0] > _MAX_METADATA:
        return {}
    text = bytes(np.asarray(data[:, 0], dtype=np.uint8)).split(b"\x00", 1)[0]
    about = json.loads(text.decode("utf-8", errors="replace"))
    return about if isinstance(about, dict) else {}


def _ncem_group(file: Any) -> Any:
    """Return the first group marked as an EMD group with a data set inside."""
    import h5py

    queue, seen = [(file, 0)], 0
    while queue and seen < _MAX_NODES:
        group, depth = queue.pop(0)
        seen += 1
        if "emd_group_type" in group.attrs and isinstance(_child(group, "data"), h5py.Dataset):
            return group
        if depth < _MAX_DEPTH:
            members = (_child(group, name) for name in sorted(group)[:_MAX_NODES])
            queue += [(member, depth + 1) for member in members if isinstance(member, h5py.Group)]
    return None


def _read_ncem(path: Path, file: Any, group: Any, max_plane_bytes: int) -> Image:
    data = _child(group, "data")
    if not 2 <= data.ndim <= 3:
        raise ReadError(f"{path}: its data set has {data.ndim} axes; granum reads images (2) and stacks of them (3).")
    _check_dataset(path, data, data.ndim, max_plane_bytes, last=True)
    notes: list[str] = []
    axes = [_ncem_axis(group, i + 1) for i in range(data.ndim)]
    (step_y, unit_y), (step_x, unit_x) = axes[-2:]
    pixel_size: PixelSize | None = None
    if not unit_x or unit_x != unit_y:
        notes.append(
            f"The EMD axes are in {unit_y or 'no unit'!r} and {unit_x or 'no unit'!r}; no pixel size was taken."
        )
    else:
        pixel_size = pixel_size_from_file(step_y, step_x, unit_x, notes, where="the EMD axes")
    n = data.shape[0] if data.ndim == 3 else 1
    ny, nx = data.shape[-2:]
    # a stack is time unless its axis is a length
    on_z = data.ndim == 3 and axes[0][1].endswith("m")
    name, three = data.name, data.ndim == 3
    seconds = {"s": 1.0, "ms": 1e-3}.get(axes[0][1]) if three else None
    times = tuple(i * axes[0][0] * seconds for i in range(n)) if seconds and axes[0][0] > 0 else None

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        return _read(path, name, (max(t, z),) if three else ())

    shape = (1, 1, n, ny, nx) if on_z else (n, 1, 1, ny, nx)
    dtype = data.dtype.newbyteorder("=")
    return Image(shape, dtype, read_plane, pixel_size, (), times, path, "EMD (NCEM)", False, tuple(notes))


def _ncem_axis(group: Any, number: int) -> tuple[float, str]:
    """Return step and unit of one axis; units are written as in "[n_m]"."""
    import h5py

    values = _child(group, f"dim{number}")
    if not isinstance(values, h5py.Dataset):
        return 0.0, ""
    unit = values.attrs.get("units", "")
    unit = unit.decode("utf-8", errors="replace") if isinstance(unit, bytes) else str(unit)
    first = np.asarray(values[:2], dtype=np.float64).ravel() if values.ndim == 1 else np.zeros(0)
    step = float(first[1] - first[0]) if first.size == 2 else 0.0
    return (step if math.isfinite(step) else 0.0), unit.strip("[] ").replace("_", "")


def _check_dataset(path: Path, data: Any, ndim: int, max_plane_bytes: int, *, last: bool = False) -> None:
    """Refuse what is not real pixels in this very file, of believable size."""
    if data.dtype.kind not in "biuf":
        raise ReadError(f"{path}: holds {data.dtype}, granum reads bool, integers and floats.")
    if data.external or data.is_virtual:
        raise ReadError(f"{path}: keeps its pixels in other files; export it as one file.")
    if data.ndim != ndim or 0 in data.shape:
        raise ReadError(f"{path}: holds an image of shape {data.shape}; it is empty or damaged.")
    size = path.stat().st_size
    sides = data.shape[-2:] if last else data.shape[:2]
    check_declared_size(path, sides, data.dtype.itemsize, stored=size, max_bytes=max_plane_bytes)
    if data.chunks is not None:  # a chunk is unpacked whole
        check_declared_size(path, data.chunks, data.dtype.itemsize, stored=size, max_bytes=max_plane_bytes)


def _read(path: Path, name: str, index: tuple[Any, ...]) -> NDArray[Any]:
    import h5py

    with h5py.File(path, "r") as file:
        pixels = np.asarray(file[name][index])
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _plain(values: Any) -> dict[str, Any]:
    """Return the simple entries of a JSON object."""
    return {k: v for k, v in values.items() if isinstance(v, str | int | float)} if isinstance(values, dict) else {}
