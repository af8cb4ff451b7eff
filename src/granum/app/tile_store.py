"""All levels of one plane in one file, tile after tile, so that any tile is one read of one place.

The file starts with a header of JSON that says what is in it. Tiles are cut short at the right and bottom edge, none is
padded: the place of a tile follows from the geometry alone. A file gets its name only when it is whole; one that is cut
or of another version counts as missing. Reads go through `os.pread`: the server's memory does not grow with images.
"""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.tiles import TILE, count_levels, halve, level_shape

__all__ = ["FORMAT", "MemoryTiles", "TileStore"]

FORMAT = 1
_HEADER = 4096
Progress = Callable[[float], None]


class _Tiles:
    """What stores on disk and in memory share: pieces are put together from tiles."""

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    n_levels: int

    def tile(self, level: int, y: int, x: int) -> NDArray[Any]:
        """Return one tile; IndexError outside the grid."""
        raise NotImplementedError

    def region(self, level: int, y0: int, x0: int, y1: int, x1: int) -> NDArray[Any]:
        """Return rows y0:y1 and columns x0:x1 of a level; what lies outside repeats the edge.

        Raises
        ------
        IndexError
            When the level does not exist or the region is empty.
        """
        if not 0 <= level < self.n_levels or y1 <= y0 or x1 <= x0:
            raise IndexError(f"no region {y0}:{y1}, {x0}:{x1} of level {level}")
        height, width = level_shape(self.shape, level)
        inside = (
            min(max(y0, 0), height - 1), min(max(x0, 0), width - 1),
            max(min(y1, height), 1), max(min(x1, width), 1),
        )  # fmt: skip
        top, left, bottom, right = inside[0], inside[1], max(inside[2], inside[0] + 1), max(inside[3], inside[1] + 1)
        out = np.empty((bottom - top, right - left), self.dtype)
        for ty in range(top // TILE, -(-bottom // TILE)):
            for tx in range(left // TILE, -(-right // TILE)):
                a, b = max(top, ty * TILE), max(left, tx * TILE)
                c, d = min(bottom, (ty + 1) * TILE), min(right, (tx + 1) * TILE)
                part = self._part(level, ty, tx, a - ty * TILE, c - ty * TILE)
                out[a - top : c - top, b - left : d - left] = part[:, b - tx * TILE : d - tx * TILE]
        if (y0, x0, y1, x1) == (top, left, bottom, right):
            return out
        rows = np.clip(np.arange(y0, y1), top, bottom - 1) - top
        columns = np.clip(np.arange(x0, x1), left, right - 1) - left
        return np.ascontiguousarray(out[rows][:, columns])

    def tile_with_halo(self, level: int, y: int, x: int, halo: int = 1) -> NDArray[Any]:
        """Return one tile with `halo` pixels more on every side, as masks and labels travel."""
        rows, columns = self._tile_shape(level, y, x)
        top, left = y * TILE - halo, x * TILE - halo
        return self.region(level, top, left, top + rows + 2 * halo, left + columns + 2 * halo)

    def _part(self, level: int, y: int, x: int, first: int, last: int) -> NDArray[Any]:
        """Return rows first:last of a tile."""
        return self.tile(level, y, x)[first:last]

    def _tile_shape(self, level: int, y: int, x: int) -> tuple[int, int]:
        """Return the size of a tile, or raise IndexError."""
        if not 0 <= level < self.n_levels:
            raise IndexError(f"no level {level}")
        height, width = level_shape(self.shape, level)
        if not (0 <= y * TILE < height and 0 <= x * TILE < width):
            raise IndexError(f"no tile {y}, {x} at level {level}")
        return min(TILE, height - y * TILE), min(TILE, width - x * TILE)


class MemoryTiles(_Tiles):
    """The levels of a small plane in memory.

    Parameters
    ----------
    plane : (Y, X) ndarray
        Level 0.
    """

    def __init__(self, plane: NDArray[Any]) -> None:
        self.shape = (int(plane.shape[0]), int(plane.shape[1]))
        self.dtype = plane.dtype
        self.n_levels = count_levels(self.shape)
        self.levels = [plane]
        while len(self.levels) < self.n_levels:
            self.levels.append(halve(self.levels[-1]))

    @property
    def n_bytes(self) -> int:
        """Memory that it takes."""
        return sum(level.nbytes for level in self.levels)

    def tile(self, level: int, y: int, x: int) -> NDArray[Any]:
        """Return one tile; IndexError outside the grid."""
        rows, columns = self._tile_shape(level, y, x)
        return self.levels[level][y * TILE : y * TILE + rows, x * TILE : x * TILE + columns]


class TileStore(_Tiles):
    """A finished file of tiles.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns of level 0.
    dtype : numpy.dtype
        Type of the values as stored.
    about : dict
        What the writer said about it.

    Raises
    ------
    FileNotFoundError
        When there is no such file, or it is cut, damaged or of another version: it must be made anew.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise FileNotFoundError(f"{path}: no tiles ({error.strerror}).") from None
        # a store may be dropped from a cache while another thread reads from it: the last reference closes the file
        self._close = weakref.finalize(self, os.close, self._handle)
        try:
            header = json.loads(_pread(self._handle, _HEADER, 0))
            if header["format"] != FORMAT or header["tile"] != TILE:
                raise ValueError("another version")
            self.shape = (int(header["shape"][0]), int(header["shape"][1]))
            self.dtype = np.dtype(header["dtype"]).newbyteorder("<")
            self.about: dict[str, Any] = header["about"]
            self.n_levels = count_levels(self.shape)
            self._starts = _level_starts(self.shape, self.dtype)
            self._counts_at = self._starts[-1]
            n_counts = int(header["n_counts"])
            if os.fstat(self._handle).st_size != self._starts[-1] + 8 * n_counts:
                raise ValueError("cut")
            self._n_counts = n_counts
        except (ValueError, KeyError, TypeError, IndexError, OSError) as error:
            self._close()
            raise FileNotFoundError(f"{path}: tiles are not whole ({error}).") from None

    def tile(self, level: int, y: int, x: int) -> NDArray[Any]:
        """Return one tile; IndexError outside the grid."""
        rows, _ = self._tile_shape(level, y, x)
        return self._part(level, y, x, 0, rows)

    def histogram(self) -> NDArray[np.int64]:
        """Return how often each tile value stands in level 0; empty when it was not counted."""
        data = _pread(self._handle, 8 * self._n_counts, self._counts_at)
        return np.frombuffer(data, "<i8").astype(np.int64)

    def close(self) -> None:
        """Close the file now rather than with the last reference."""
        self._close()

    def _part(self, level: int, y: int, x: int, first: int, last: int) -> NDArray[Any]:
        rows, columns = self._tile_shape(level, y, x)
        at = self._starts[level] + _offset(self.shape, level, y, x, rows) * self.dtype.itemsize
        data = _pread(
            self._handle, (last - first) * columns * self.dtype.itemsize, at + first * columns * self.dtype.itemsize
        )
        return np.frombuffer(data, self.dtype).reshape(last - first, columns)

    # ------------------------------------------------------------------------------------------------ writing

    @staticmethod
    def write(
        path: Path,
        bands: Iterable[NDArray[Any]],
        shape: tuple[int, int],
        dtype: str,
        *,
        about: dict[str, Any] | None = None,
        decimate: bool = False,
        count: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Write all levels from the bands of level 0, in one pass and with the memory of a few bands.

        Parameters
        ----------
        path : Path
            The file; it appears when it is whole.
        bands : iterable of (512, X) ndarray
            Rows of the plane from the top, 512 each, the last band less.
        shape : (int, int)
            Rows and columns of the plane.
        dtype : str
            Type of the values.
        about : dict, optional
            Kept in the header, JSON.
        decimate : bool
            Take every second pixel instead of the mean of four: labels and masks.
        count : bool
            Keep the histogram of level 0; unsigned values up to 16 bit.
        progress : callable, optional
            Called with the share that is done.

        Raises
        ------
        OSError
            When it cannot be written; nothing is left then.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".tmp-", suffix=path.suffix, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                _write_levels(file.fileno(), bands, shape, np.dtype(dtype), about or {}, decimate, count, progress)
                # a name may reach the disk before the bytes do; after a power cut it must not stand for zeros
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    @staticmethod
    def write_labels(path: Path, labels: NDArray[Any], *, progress: Progress | None = None) -> None:
        """Write labels (Y, X) as uint32, decimated; a memory map is read band by band."""
        shape = (int(labels.shape[0]), int(labels.shape[1]))
        bands = (np.asarray(labels[y : y + TILE]).astype("<u4") for y in range(0, shape[0], TILE))
        TileStore.write(path, bands, shape, "uint32", decimate=True, progress=progress)


def _write_levels(
    handle: int,
    bands: Iterable[NDArray[Any]],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    about: dict[str, Any],
    decimate: bool,
    count: bool,
    progress: Progress | None,
) -> None:
    little = dtype.newbyteorder("<")
    starts = _level_starts(shape, little)
    counts = np.zeros(1 << (8 * dtype.itemsize) if count else 0, np.int64)
    rows = 0
    for level, y, band in _all_bands(bands, count_levels(shape), shape, decimate):
        if level == 0:
            rows += band.shape[0]
            if count:
                counts += np.bincount(band.ravel(), minlength=counts.size)
            if progress is not None:
                progress(rows / shape[0])
        at = starts[level] + _offset(shape, level, y, 0, band.shape[0]) * little.itemsize
        tiles = [band[:, x : x + TILE].astype(little, copy=False).tobytes() for x in range(0, band.shape[1], TILE)]
        _pwrite(handle, b"".join(tiles), at)
    if rows != shape[0]:
        raise ValueError(f"{rows} rows were given for a plane of {shape[0]}")
    _pwrite(handle, counts.astype("<i8").tobytes(), starts[-1])
    header = {"format": FORMAT, "tile": TILE, "shape": shape, "dtype": dtype.name, "n_counts": counts.size}
    text = json.dumps({**header, "about": about}).encode()
    if len(text) > _HEADER:
        raise ValueError("about: too long for the header")
    _pwrite(handle, text.ljust(_HEADER), 0)


def _all_bands(
    bands: Iterable[NDArray[Any]], n_levels: int, shape: tuple[int, int], decimate: bool
) -> Iterator[tuple[int, int, NDArray[Any]]]:
    """Yield (level, row of tiles, band) of all levels, each as soon as the bands above it are there."""
    waiting: list[list[NDArray[Any]]] = [[] for _ in range(n_levels)]
    done = [0] * n_levels
    heights = [level_shape(shape, level)[0] for level in range(n_levels)]

    def push(level: int, band: NDArray[Any]) -> Iterator[tuple[int, int, NDArray[Any]]]:
        waiting[level].append(band)
        n_rows = sum(part.shape[0] for part in waiting[level])
        if n_rows < TILE and done[level] * TILE + n_rows < heights[level]:
            return
        whole = np.concatenate(waiting[level]) if len(waiting[level]) > 1 else waiting[level][0]
        waiting[level] = []
        yield level, done[level], whole
        done[level] += 1
        if level + 1 < n_levels:
            yield from push(level + 1, whole[::2, ::2] if decimate else halve(whole))

    for band in bands:
        yield from push(0, band)


def _level_starts(shape: tuple[int, int], dtype: np.dtype[Any]) -> list[int]:
    """Return the byte where each level starts, and where the last one ends."""
    starts = [_HEADER]
    for level in range(count_levels(shape)):
        height, width = level_shape(shape, level)
        starts.append(starts[-1] + height * width * dtype.itemsize)
    return starts


def _offset(shape: tuple[int, int], level: int, y: int, x: int, rows: int) -> int:
    """Return how many values of a level stand before a tile: whole rows of tiles, then tiles of `rows` rows."""
    _, width = level_shape(shape, level)
    return y * TILE * width + x * TILE * rows


def _pread(handle: int, size: int, at: int) -> bytes:
    """Read exactly; a file that ends early was cut under our hands."""
    if size == 0:
        return b""
    data = os.pread(handle, size, at)
    while len(data) < size:
        more = os.pread(handle, size - len(data), at + len(data))
        if not more:
            raise OSError("the file of tiles was cut")
        data += more
    return data


def _pwrite(handle: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        n = os.pwrite(handle, view, at)
        view, at = view[n:], at + n
