"""Which tiles there are of which plane: small planes are decoded here and kept for a while, large ones are on disk.

A plane is built once, however many ask for it at the same time: small ones while the others wait, large ones in
`tile_builder` while the others are told to come again. The memory for small planes is bounded, and so is the disk.
"""

from __future__ import annotations

import itertools
import logging
import os
import queue
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.builder_process import BuilderProcess
from granum.app.plane_values import ValueMap
from granum.app.problems import Problem
from granum.app.tile_builder import SMALL, exact_path, plane_path
from granum.app.tile_store import MemoryTiles, TileStore
from granum.errors import GranumError, OutputError, ReadError
from granum.image import Image

__all__ = ["BuildQueue", "LevelReader", "Plane", "Planes"]

_MEMORY = 160 * 2**20
_DISK = 50 * 10**9
_FREE = 2 * 10**9
_OPEN_STORES = 64
_log = logging.getLogger("granum.app")


@dataclass(frozen=True)
class Plane:
    """Everything that is needed to make the tiles of one plane.

    Parameters
    ----------
    id : str
        Id of the image.
    place : (int, int, int)
        Frame, channel, z.
    path, folder : Path
        The file of the image, and its folder in the cache.
    shape : (int, int)
        Rows and columns.
    values : ValueMap
        How grey levels become tile values.
    open_image : callable
        Returns the image; called only for small planes.
    """

    id: str
    place: tuple[int, int, int]
    path: Path
    folder: Path
    shape: tuple[int, int]
    values: ValueMap
    open_image: Callable[[], Image]

    @property
    def small(self) -> bool:
        """Whether it is decoded by the server itself."""
        return self.shape[0] * self.shape[1] <= SMALL


@dataclass(frozen=True)
class LevelReader:
    """Reads whole levels of large planes, in grey levels of the file; it can be sent to another process.

    Parameters
    ----------
    folder : Path
        Folder of the image in the cache.
    maps : tuple of ValueMap
        One per channel.
    dtype : str
        Type of the file's grey levels.
    """

    folder: Path
    maps: tuple[ValueMap, ...]
    dtype: str

    def __call__(self, t: int, c: int, z: int, level: int) -> NDArray[Any]:
        """Return a level of a plane.

        Raises
        ------
        ReadError
            When its tiles are not ready.
        """
        try:
            store = TileStore(plane_path(self.folder, t, c, z))
        except FileNotFoundError:
            raise ReadError("the pyramid of this image is not ready; look at the plane first.") from None
        try:
            height, width = -(-store.shape[0] // (1 << level)), -(-store.shape[1] // (1 << level))
            tiles = store.region(level, 0, 0, height, width)
        finally:
            store.close()
        values = self.maps[c]
        if values.exact and values.offset == 0:
            return tiles.astype(self.dtype, copy=False)
        grey = tiles * np.float64(values.scale) + values.offset
        return grey.astype(self.dtype if values.exact else np.float32)


@dataclass
class _Kept:
    """A small plane in memory."""

    tiles: MemoryTiles
    grey: NDArray[Any]

    @property
    def n_bytes(self) -> int:
        shared = self.grey is self.tiles.levels[0]
        return self.tiles.n_bytes + (0 if shared else self.grey.nbytes)


class BuildQueue:
    """One thread that does long jobs, the most urgent first, each only once."""

    def __init__(self) -> None:
        self._jobs: queue.PriorityQueue[tuple[int, int, str, Callable[[], None] | None]] = queue.PriorityQueue()
        self._keys: set[str] = set()
        self._lock = threading.Lock()
        self._order = itertools.count()
        self._thread = threading.Thread(target=self._work, name="granum-builds", daemon=True)
        self._thread.start()

    def submit(self, key: str, job: Callable[[], None], *, urgent: bool) -> None:
        """Do a job soon; one whose key is waiting or being done already is not done twice."""
        with self._lock:
            if key in self._keys:
                return
            self._keys.add(key)
        self._jobs.put((0 if urgent else 1, next(self._order), key, job))

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._keys

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being done."""
        with self._lock:
            return not self._keys

    def close(self) -> None:
        """Drop what waits, and wait for what is being done."""
        self._jobs.put((-1, next(self._order), "", None))
        self._thread.join()

    def _work(self) -> None:
        while True:
            _, _, key, job = self._jobs.get()
            if job is None:
                return
            try:
                job()
            except Exception:  # the thread must live on; the job has told whom it concerns
                _log.exception("building %s failed", key)
            finally:
                with self._lock:
                    self._keys.discard(key)


class Planes:
    """Tiles of the planes of all images.

    Parameters
    ----------
    cache : Path
        Folder for the tiles of large planes.
    builder : BuilderProcess
        Does the large ones.
    builds : BuildQueue
        Where they wait.
    on_built : callable
        Called with the id of an image when a plane of it was built or could not be.
    memory, disk : int
        Most bytes of small planes in memory, and of tiles on disk.
    """

    def __init__(
        self,
        cache: Path,
        builder: BuilderProcess,
        builds: BuildQueue,
        on_built: Callable[[str], None],
        *,
        memory: int = _MEMORY,
        disk: int = _DISK,
    ) -> None:
        self._cache, self._builder, self._builds, self._on_built = cache, builder, builds, on_built
        self._memory, self._disk = memory, disk
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int, int, int], _Kept] = OrderedDict()
        self._stores: OrderedDict[tuple[str, int, int, int], TileStore] = OrderedDict()
        self._making: dict[tuple[str, int, int, int], threading.Lock] = {}
        self._failed: dict[str, GranumError] = {}

    def tiles(self, plane: Plane) -> TileStore | MemoryTiles:
        """Return the tiles of a plane.

        Raises
        ------
        Problem
            503 "reading" while a large plane is being built.
        GranumError
            When it cannot be read or built.
        """
        return self._small(plane).tiles if plane.small else self._large(plane)

    def grey(self, plane: Plane, y: int, x: int) -> float:
        """Return the grey level of one pixel as the file has it."""
        if plane.small:
            return float(self._small(plane).grey[y, x])
        if plane.values.exact:
            store = self._large(plane)
            value = store.region(0, y, x, y + 1, x + 1)[0, 0]
            return float(value) + plane.values.offset
        image = plane.open_image()
        if image.read_rows is not None:
            return float(image.read_rows(*plane.place, y, y + 1)[0, x])
        self._large(plane)
        dtype = image.dtype.newbyteorder("<")
        with exact_path(plane.folder, *plane.place).open("rb") as file:
            file.seek((y * plane.shape[1] + x) * dtype.itemsize)
            return float(np.frombuffer(file.read(dtype.itemsize), dtype)[0])

    def forget(self, id: str) -> None:
        """Let go of everything of an image."""
        with self._lock:
            for kept in (self._kept, self._stores):
                for key in [key for key in kept if key[0] == id]:
                    del kept[key]

    # ------------------------------------------------------------------------------------------------

    def _small(self, plane: Plane) -> _Kept:
        key = (plane.id, *plane.place)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            grey = plane.open_image().read_plane(*plane.place)
            tiles = plane.values.apply(grey)
            kept = _Kept(MemoryTiles(tiles), tiles if plane.values.exact and plane.values.offset == 0 else grey)
            with self._lock:
                self._kept[key] = kept
                self._making.pop(key, None)
                total = sum(one.n_bytes for one in self._kept.values())
                while total > self._memory and len(self._kept) > 1:
                    total -= self._kept.popitem(last=False)[1].n_bytes
        return kept

    def _large(self, plane: Plane) -> TileStore:
        key = (plane.id, *plane.place)
        with self._lock:
            store = self._stores.get(key)
            if store is not None:
                self._stores.move_to_end(key)
                return store
        path = plane_path(plane.folder, *plane.place)
        name = str(path)
        with self._lock:
            error = self._failed.pop(name, None)
        if error is not None:
            raise error  # told once; who asks again starts another try
        try:
            store = TileStore(path)
        except FileNotFoundError:
            self._builds.submit(name, lambda: self._build(plane, name), urgent=True)
            raise Problem(503, "reading", "This plane is still being read; it comes in a moment.") from None
        if store.shape != plane.shape or store.dtype != np.dtype(plane.values.dtype):
            path.unlink(missing_ok=True)
            return self._large(plane)
        os.utime(path)  # the oldest are removed first when the disk gets full
        with self._lock:
            self._stores[key] = store
            while len(self._stores) > _OPEN_STORES:
                self._stores.popitem(last=False)
        return store

    def _build(self, plane: Plane, name: str) -> None:
        try:
            self.make_room(plane.shape[0] * plane.shape[1])
            t, c, z = plane.place
            job = {"job": "plane", "t": t, "c": c, "z": z, "path": str(plane.path), "folder": str(plane.folder)}
            self._builder.run({**job, "map": asdict(plane.values)})
        except GranumError as error:
            with self._lock:
                self._failed[name] = error
        finally:
            self._on_built(plane.id)

    def make_room(self, n_pixels: int) -> None:
        """Remove the tiles that were not looked at for longest, until those of so many pixels find room.

        Raises
        ------
        OutputError
            When the disk is too full all the same.
        """
        needed = n_pixels * 6  # 16 bit and their coarser levels, and exact grey levels of 32 bit at worst
        files = sorted(self._cache.glob("*/*.tiles"), key=lambda path: path.stat().st_mtime_ns)
        total = sum(path.stat().st_size for path in files)
        for path in files:
            free = shutil.disk_usage(self._cache).free
            if total + needed <= self._disk and free >= needed + _FREE:
                return
            total -= path.stat().st_size
            for old in (path, path.with_suffix(".exact")):
                old.unlink(missing_ok=True)
        free = shutil.disk_usage(self._cache).free
        if free < needed + _FREE // 4:
            raise OutputError(
                f"{self._cache}: the disk has {free / 1e9:.1f} GB left, the tiles of this image need"
                f" {needed / 1e9:.1f} GB; make room."
            )
