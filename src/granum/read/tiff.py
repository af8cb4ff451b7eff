"""TIFF and its dialects through tifffile: planes are found once and decoded one at a time."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import ReadError
from granum.image import Image
from granum.read.bounds import check_declared_size, read_exactly
from granum.read.colour import image_of_samples
from granum.read.tiff_directories import check_directories
from granum.read.tiff_metadata import TiffFacts, read_facts

__all__ = ["read_tiff"]

_WHITE_IS_ZERO, _RGB, _CMYK, _YCBCR = 0, 2, 5, 6


@dataclass(frozen=True)
class _Layout:
    """Where the planes of a series lie: `outer` axes count blocks, `inner` axes are the axes of one decoded block."""

    outer: str
    outer_shape: tuple[int, ...]
    inner: str
    load_block: Callable[[int], NDArray[Any]]
    load_rows: Callable[[int, int, int], NDArray[Any]] | None = None
    """Rows of one block, where the pixels lie in the file as they are."""


def read_tiff(path: Path, *, max_plane_bytes: int) -> Image:
    """Return the largest picture of a TIFF, BigTIFF, OME-TIFF, ImageJ or SEM file.

    Pages without axes are taken as frames. OME files that point to others are read without them.
    """
    import tifffile

    description = check_directories(path)
    is_ome = "<OME" in description[:4096] and "<BinaryOnly" not in description
    tif = tifffile.TiffFile(path, _multifile=False, is_ome=None if is_ome else False)
    try:
        index, notes = _choose_series(tif)
        series = tif.series[index]
        page = series.keyframe
        if page.dtype is None or page.dtype.kind not in "biuf":
            raise ReadError(f"{path}: holds {page.dtype or 'unknown values'}; granum reads bool, integers and floats.")
        stored = path.stat().st_size
        check_declared_size(path, page.shape, page.dtype.itemsize, stored=stored, max_bytes=max_plane_bytes)
        layout = _layout(path, tif, series, max_plane_bytes)
        letters = _name_axes(path, layout.outer + layout.inner, notes)
        shape = (*layout.outer_shape, *page.shape) if layout.outer else page.shape
        sizes = dict(zip(letters, shape, strict=True))
        facts = read_facts(tif, index, description, sizes, notes, is_ome=is_ome and tif.is_ome)
        return _image(path, page, layout, letters, sizes, facts, notes)
    finally:
        tif.close()


def _choose_series(tif: Any) -> tuple[int, list[str]]:
    """Return the index of the series with the largest planes; thumbnails and overviews lose."""
    areas = [math.prod(series.keyframe.shape) for series in tif.series]
    index = areas.index(max(areas))
    if len(areas) == 1:
        return index, []
    y, x = tif.series[index].keyframe.imagelength, tif.series[index].keyframe.imagewidth
    return index, [f"The file holds {len(areas)} images of different kinds; the largest, {y} x {x}, was read."]


def _layout(path: Path, tif: Any, series: Any, max_plane_bytes: int) -> _Layout:
    """Return how to get one block of the series."""
    page = series.keyframe
    axes, shape, inner = series.axes, series.shape, page.axes
    outer = axes[: -len(inner)] if axes.endswith(inner) and shape[-len(inner) :] == page.shape else None
    if outer is None:
        return _whole_series(path, tif, series, max_plane_bytes)
    outer_shape = tuple(shape[: len(outer)])
    n_blocks = math.prod(outer_shape)
    if series.dataoffset is not None:
        dtype = np.dtype(tif.byteorder + page.dtype.char)
        start, step = int(series.dataoffset), math.prod(page.shape) * dtype.itemsize
        if start + n_blocks * step > path.stat().st_size:
            raise ReadError(f"{path}: is truncated: {n_blocks} planes end beyond the file.")
        row = step // page.shape[0]

        def load_rows(i: int, y0: int, y1: int) -> NDArray[Any]:
            return read_exactly(path, start + i * step + y0 * row, dtype, (y1 - y0, *page.shape[1:]))

        return _Layout(
            outer, outer_shape, inner, lambda i: read_exactly(path, start + i * step, dtype, page.shape),
            load_rows if inner == "YX" else None,
        )  # fmt: skip
    if len(series.pages) != n_blocks:
        return _whole_series(path, tif, series, max_plane_bytes)
    pages = [series.pages[i] for i in range(n_blocks)]
    lock = threading.Lock()

    def load_block(i: int) -> NDArray[Any]:
        chosen = pages[i]
        if chosen is None:
            raise ReadError(f"{path}: plane {i} is missing, it lies in another file; join them to one file first.")
        _check_segments(path, chosen, page)
        with lock:  # the pages share one file handle
            tif.filehandle.open()
            try:
                block: NDArray[Any] = chosen.asarray(squeeze=True)
            finally:
                tif.filehandle.close()
        return block

    return _Layout(outer, outer_shape, inner, load_block)


def _check_segments(path: Path, page: Any, keyframe: Any) -> None:
    """Refuse a page that lists fewer strips or tiles than its size needs; the rest would be invented."""
    needed, listed = math.prod(keyframe.chunked), len(page.dataoffsets)
    if listed < needed:
        raise ReadError(f"{path}: lists {listed} of {needed} strips or tiles; it is damaged.")


def _whole_series(path: Path, tif: Any, series: Any, max_plane_bytes: int) -> _Layout:
    """Return the layout of a series whose pages do not line up with planes: it is decoded in one piece."""
    stored = path.stat().st_size
    check_declared_size(path, series.shape, series.dtype.itemsize, stored=stored, max_bytes=max_plane_bytes)

    _check_segments(path, series.keyframe, series.keyframe)

    def load_block(i: int) -> NDArray[Any]:
        tif.filehandle.open()
        try:
            block: NDArray[Any] = series.asarray()
        finally:
            tif.filehandle.close()
        return block

    return _Layout("", (), series.axes, load_block)


def _name_axes(path: Path, axes: str, notes: list[str]) -> str:
    """Return the axes with unknown letters turned into free ones, time first."""
    letters = list(axes)
    for i, letter in enumerate(letters):
        if letter not in "TCZYXS":
            free = [name for name in "TZC" if name not in letters]
            if not free:
                raise ReadError(f"{path}: has the axes {axes!r}; granum reads T, C, Z, Y, X and samples.")
            letters[i] = free[0]
            if letter not in "IQ" or free[0] != "T":
                notes.append(f"The axis {letter!r} of the file was read as {free[0]}.")
            else:
                notes.append("The file does not say what its pages are; they were read as frames in time.")
    if len(set(letters)) != len(letters) or not {"Y", "X"} <= set(letters):
        raise ReadError(f"{path}: has the axes {axes!r}; granum reads T, C, Z, Y, X and samples.")
    return "".join(letters)


def _image(
    path: Path, page: Any, layout: _Layout, letters: str, sizes: dict[str, int], facts: TiffFacts, notes: list[str]
) -> Image:
    dtype = np.dtype(page.dtype).newbyteorder("=")
    invert = page.photometric == _WHITE_IS_ZERO and dtype.kind == "u"
    if invert:
        notes.append("Stored with zero as white; inverted, so that bright is large.")
    top = 2 ** min(int(page.bitspersample or 8), 8 * dtype.itemsize) - 1
    inner = letters[len(layout.outer) :]

    def number(at: dict[str, int]) -> int:
        place = [at.get(letter, 0) for letter in letters[: len(layout.outer)]]
        return int(np.ravel_multi_index(place, layout.outer_shape)) if layout.outer else 0

    def block(at: dict[str, int]) -> NDArray[Any]:
        pixels = layout.load_block(number(at))
        return pixels.dtype.type(top) - pixels if invert else pixels

    samples = sizes.get("S", 1)
    if samples > 1 and not {"C", "Z"} & set(letters) and page.photometric in (_RGB, _YCBCR) and samples <= 4:

        def load(t: int) -> NDArray[Any]:
            pixels = block({"T": t})
            order = [inner.index(letter) for letter in "YXS"]
            if "T" in inner:
                pixels = np.take(pixels, t, axis=inner.index("T"))
                order = [inner.replace("T", "").index(letter) for letter in "YXS"]
            return pixels.transpose(order)

        return image_of_samples(
            load, path, n_frames=sizes.get("T", 1), notes=notes, tolerance=4 if page.photometric == _YCBCR else 0,
            pixel_size=facts.pixel_size, frame_times_s=facts.frame_times_s, format=facts.format,
            metadata=facts.metadata,
        )  # fmt: skip
    if samples > 1:
        kind = "CMYK" if page.photometric == _CMYK else "several samples per pixel"
        notes.append(f"Stored with {kind}; each sample was read as a channel.")

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        at = {"T": t, "Z": z, "C": c // samples, "S": c % samples}
        pixels = block(at)
        plane = pixels[tuple(slice(None) if letter in "YX" else at[letter] for letter in inner)]
        return plane if inner.index("Y") < inner.index("X") else plane.T

    load_rows = layout.load_rows

    def read_rows(t: int, c: int, z: int, y0: int, y1: int) -> NDArray[Any]:
        pixels = load_rows(number({"T": t, "Z": z, "C": c}), y0, y1) if load_rows else np.empty(0)
        return pixels.dtype.type(top) - pixels if invert else pixels

    n_channels = sizes.get("C", 1) * samples
    shape = (sizes.get("T", 1), n_channels, sizes.get("Z", 1), sizes["Y"], sizes["X"])
    names = facts.channel_names if len(facts.channel_names) == n_channels else ()
    return Image(
        shape, dtype, read_plane, facts.pixel_size, names, facts.frame_times_s, path, facts.format, False,
        tuple(notes), facts.metadata, read_rows if load_rows else None,
    )  # fmt: skip
