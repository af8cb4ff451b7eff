"""`read_image` and `read_series`: files become one `Image`; `find_inputs`: what a user typed becomes files."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import ReadError, SettingError
from granum.image import Image, PixelSize
from granum.read.bounds import MAX_PLANE_BYTES, guard_planes, reading
from granum.read.formats import find_format, is_image_name
from granum.read.zarr_store import is_zarr_folder

__all__ = ["file_sha256", "find_inputs", "list_images", "natural_key", "read_image", "read_series"]


def read_image(
    path: str | Path, *, pixel_size: str | PixelSize | None = None, max_plane_bytes: int = MAX_PLANE_BYTES
) -> Image:
    """Return an image file as an `Image`, its planes read when asked for.

    Parameters
    ----------
    path : str or Path
        A file, or the folder of an OME-Zarr image. The first bytes decide what it is, not the name.
    pixel_size : str or PixelSize, optional
        A typed size such as "0.5 nm"; it wins over the file's, and a note tells when they differ by more than 1 %.
    max_plane_bytes : int
        Largest plane in bytes that is read; larger ones are refused before any memory is taken. At least 1.

    Returns
    -------
    image : Image
        Axes T, C, Z, Y, X. True colour has the channels red, green and blue; grey stored as RGB has one.
        `notes` tells what the user must know about the reading.

    Raises
    ------
    ReadError
        For anything wrong with the file, now or when a plane is read: one sentence that names it.
    MissingExtraError
        When an optional package is needed; the message names the `pip install`.
    SettingError
        When `pixel_size` is not a size, or `max_plane_bytes` is not positive.

    Notes
    -----
    A pixel size comes from the file or from the user and is never guessed: print resolutions (72, 96, 300 dpi) are
    not taken for one, sizes that are not positive or not believable are dropped with a note.

    Opening reads headers only, except for colour pictures, whose first frame is decoded to see whether it is grey.
    """
    path = Path(path)
    if max_plane_bytes < 1:
        raise SettingError(f"max_plane_bytes is {max_plane_bytes}, must be at least 1.")
    typed = PixelSize.parse(pixel_size) if isinstance(pixel_size, str) else pixel_size
    with reading(path):
        format, note = find_format(path)
        read = format.load_reader()
    with reading(path, format.name):
        image = read(path, max_plane_bytes=max_plane_bytes)
    image = guard_planes(replace(image, source=path), path, format.name)
    if note:
        image = replace(image, notes=(note, *image.notes))
    return _with_typed_size(image, typed)


def _with_typed_size(image: Image, typed: PixelSize | None) -> Image:
    if typed is None:
        return image
    notes = image.notes
    stated = image.pixel_size
    if stated is not None and abs(stated.nm[1] - typed.nm[1]) > 0.01 * typed.nm[1]:
        notes = (*notes, f"The typed pixel size {typed} replaces {stated}.")
    return replace(image, pixel_size=typed, notes=notes)


def read_series(
    paths: Sequence[str | Path], *, pixel_size: str | PixelSize | None = None, max_plane_bytes: int = MAX_PLANE_BYTES
) -> Image:
    """Return several files as one series, in the order given; each file may hold several frames.

    Parameters
    ----------
    paths : sequence of str or Path
        At least one file. Every file must have the same number of channels and z planes and the same size.
    pixel_size : str or PixelSize, optional
        As in `read_image`. Without it, the files must agree on theirs; else a note tells and it is unknown.
    max_plane_bytes : int
        As in `read_image`.

    Returns
    -------
    image : Image
        The frames of all files on T. Frame times are kept when one file holds them all, else unknown.

    Raises
    ------
    ReadError
        When a file cannot be read, or does not fit the first one; the message names both sizes.
    SettingError
        When no file is given.
    """
    files = [Path(path) for path in paths]
    if not files:
        raise SettingError("series: no file given; give at least one.")
    first = read_image(files[0], pixel_size=pixel_size, max_plane_bytes=max_plane_bytes)
    if len(files) == 1:
        return first
    frames, notes, sizes, dtypes = [(files[0], t) for t in range(first.n_frames)], list(first.notes), set(), []
    for path in files:
        # an opened colour picture keeps its first frame, so files are opened again when a plane is read
        image = first if path is files[0] else read_image(path, max_plane_bytes=max_plane_bytes)
        if image.shape[1:] != first.shape[1:]:
            raise ReadError(
                f"{path}: {_sides(image)}, but {files[0].name} has {_sides(first)}; a series needs one size."
            )
        if path is not files[0]:
            frames += [(path, t) for t in range(image.n_frames)]
        sizes.add(image.pixel_size if pixel_size is None else first.pixel_size)
        dtypes.append(image.dtype)
        notes += [note for note in image.notes if note not in notes]
    size = first.pixel_size
    if len(sizes) > 1:
        notes.append("The files state different pixel sizes; none was taken, type one with --pixel-size.")
        size = None
    dtype = np.result_type(*dtypes)

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        path, frame = frames[t]
        plane = read_image(path, max_plane_bytes=max_plane_bytes).read_plane(frame, c, z)
        return plane.astype(dtype, copy=False)

    return replace(
        first, shape=(len(frames), *first.shape[1:]), dtype=dtype, read_plane=read_plane, read_rows=None,
        pixel_size=size, frame_times_s=None, notes=tuple(notes),
        metadata={**first.metadata, "files": [path.name for path in files]},
    )  # fmt: skip


def _sides(image: Image) -> str:
    _, c, z, y, x = image.shape
    return f"{y} x {x} pixels" + (f", {c} channels" if c > 1 else "") + (f", {z} z planes" if z > 1 else "")


def find_inputs(inputs: Sequence[str | Path]) -> list[Path]:
    """Return the image files that a user means by files, folders and globs.

    Parameters
    ----------
    inputs : sequence of str or Path
        A file is taken as it is. A folder gives the images directly in it, a glob ("run*/frame_*.tif", "**" goes
        through all folders) those that match; hidden files and files that are no images by name are skipped.
        OME-Zarr folders count as images.

    Returns
    -------
    paths : list of Path
        In the order of the inputs, each folder or glob sorted as people count (frame2 before frame10), none twice.

    Raises
    ------
    ReadError
        When an input does not exist, or a folder or glob has no image.
    """
    if not inputs:
        raise ReadError("inputs: nothing given; give files, folders or globs.")
    found: dict[Path, None] = {}
    for typed in inputs:
        path = Path(typed)
        with reading(path):
            if path.is_dir() and not is_zarr_folder(path):
                matches = list_images(path)
                if not matches:
                    raise ReadError(f"{path}: no image in this folder; give one that holds images, or a glob.")
            elif path.exists():
                matches = [path]
            elif glob.has_magic(str(typed)):
                matches = _images([Path(name) for name in glob.iglob(str(typed), recursive=True)])  # noqa: PTH207
                if not matches:
                    raise ReadError(f"{typed}: no image matches.")
            else:
                raise ReadError(f"{path}: no such file or folder.")
        found.update(dict.fromkeys(matches))
    return list(found)


def list_images(folder: Path) -> list[Path]:
    """Return the images directly in a folder, sorted as people count; there may be none."""
    return _images(list(folder.iterdir()))


def _images(paths: list[Path]) -> list[Path]:
    """Return what is an image by name and not hidden, sorted naturally."""
    kept = []
    for path in paths:
        if path.name.startswith(".") or (path.is_file() and not is_image_name(path)):
            continue
        inside_zarr = any(is_zarr_folder(parent) for parent in path.parents if parent.suffix == ".zarr")
        if not inside_zarr and (path.is_file() or is_zarr_folder(path)):
            kept.append(path)
    return sorted(kept, key=natural_key)


def natural_key(path: Path) -> tuple[tuple[tuple[int, int | str], ...], str]:
    """Return what to sort by so that frame2 comes before frame10."""
    parts = re.split(r"(\d+)", str(path).casefold())
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part), str(path)


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, or of all names and files of an OME-Zarr folder, as 64 hex digits.

    Raises
    ------
    ReadError
        When it does not exist or cannot be read.
    """
    path = Path(path)
    digest = hashlib.sha256()
    with reading(path):
        if path.is_dir():
            for member in sorted(p for p in path.rglob("*") if p.is_file()):
                digest.update(member.relative_to(path).as_posix().encode() + b"\0")
                digest.update(bytes.fromhex(file_sha256(member)))
        else:
            with path.open("rb") as file:
                while block := file.read(2**20):
                    digest.update(block)
    return digest.hexdigest()
