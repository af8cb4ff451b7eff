"""Label and class images of runs, ready to be cut into tiles: in memory, or in a file that is mapped.

A mapped file costs no memory that the system could not take back, so a run on a 20,000 x 20,000 image can be looked at
and corrected in a server of a few hundred MB.
"""

from __future__ import annotations

import mmap
import os
import secrets
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.problems import Problem
from granum.app.result_folder import ResultFolder

__all__ = ["IN_MEMORY", "check_sum", "give_back", "open_classes", "open_labels"]

_Type = type[np.int32] | type[np.uint8]
IN_MEMORY = 1 << 25
"""Pixels up to which a plane is kept in memory."""


def open_labels(folder: ResultFolder, stem: str, t: int, cache: Path, *, writable: bool) -> NDArray[np.int32]:
    """Return the labels of one frame as they stand in the run folder.

    Parameters
    ----------
    folder : ResultFolder
        The run.
    stem, t : str, int
        The frame.
    cache : Path
        Folder for large ones; it may not exist.
    writable : bool
        Whether they will be corrected: a mapped file is then a copy of its own.

    Raises
    ------
    Problem
        404 when there are none, 409 when they cannot be read or hold labels over 2**31 - 1, 507 when the disk is full.
    """
    height, width = folder.shape(stem)
    if height * width <= IN_MEMORY:
        return _checked(folder.labels(stem, t), stem, np.int32)
    try:
        stamp = folder.labels_path(stem, t).stat().st_mtime_ns  # a result that was replaced has other labels
        path = cache / f"{stem}_t{t}-{stamp:x}.npy"
        if not path.is_file():
            cache.mkdir(parents=True, exist_ok=True)
            _write_plane(folder, stem, t, folder.labels_path(stem, t), path, np.int32)
        if not writable:
            return np.asarray(np.load(path, mmap_mode="r"))
        own = path.with_suffix(".edited.npy")
        own.unlink(missing_ok=True)  # a map of the old one stays valid
        shutil.copyfile(path, own)
        mapped: NDArray[np.int32] = np.load(own, mmap_mode="r+")
    except OSError as error:
        raise Problem(507, "not_written", f"{cache}: cannot be written ({error.strerror or error}).") from error
    return mapped


def open_classes(folder: ResultFolder, stem: str, t: int, cache: Path) -> NDArray[np.uint8]:
    """Return the classes of one frame as they stand in the run folder.

    Raises
    ------
    Problem
        404 when there are none, 409 when they cannot be read, 507 when the disk is full.
    """
    source = folder.classes_path(stem, t)
    try:
        stamp = source.stat().st_mtime_ns
        path = cache / f"{stem}_t{t}-{stamp:x}.classes.npy"
        if not path.is_file():
            cache.mkdir(parents=True, exist_ok=True)
            _write_plane(folder, stem, t, source, path, np.uint8)
        mapped: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise Problem(507, "not_written", f"{cache}: cannot be written ({error.strerror or error}).") from error
    return mapped


def check_sum(labels: NDArray[np.int32]) -> int:
    """Return a number that tells these labels from others."""
    rows = max(1, (1 << 24) // labels.shape[1])
    found = 0
    for y in range(0, len(labels), rows):
        found = zlib.crc32(np.ascontiguousarray(labels[y : y + rows]).data, found)
    return found


def give_back(labels: NDArray[np.int32]) -> None:
    """Tell the system that the pages of a mapped file are not needed now; labels in memory stay as they are."""
    array: Any = labels
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    mapped = getattr(array, "_mmap", None)
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)  # the map is shared with the file: changed pages stay


def _checked(page: NDArray[Any], stem: str, dtype: _Type) -> NDArray[Any]:
    if page.dtype.itemsize >= np.dtype(dtype).itemsize and page.size and int(page.max()) > np.iinfo(dtype).max:
        raise Problem(409, "damaged", f"the labels of {stem!r} run to {page.max()}, over {np.iinfo(dtype).max}.")
    return np.ascontiguousarray(page, dtype)


def _write_plane(folder: ResultFolder, stem: str, t: int, source: Path, path: Path, dtype: _Type) -> None:
    """Write a plane strip by strip, under another name until it is whole."""
    import tifffile

    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    plane = np.lib.format.open_memmap(part, mode="w+", dtype=dtype, shape=folder.shape(stem))
    try:
        with tifffile.TiffFile(source) as tif:
            page: Any = tif.pages[t if folder.n_frames(stem) > 1 else 0]
            if page.shape != plane.shape or page.dtype.kind != "u":
                raise Problem(409, "damaged", f"{stem}.tif: is not the image that granum wrote there.")
            for data, index, shape in page.segments(maxworkers=1):
                y, x = index[-3], index[-2]
                if data is not None:
                    strip = data[0, : shape[-3], : shape[-2], 0]
                    plane[y : y + shape[-3], x : x + shape[-2]] = _checked(strip, stem, dtype)
        plane.flush()
        del plane
        part.replace(path)
    except (ValueError, IndexError, RuntimeError, tifffile.TiffFileError) as error:
        raise Problem(409, "damaged", f"{stem}.tif: cannot be read ({error}).") from error
    finally:
        part.unlink(missing_ok=True)
