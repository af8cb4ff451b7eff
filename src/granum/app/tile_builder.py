"""The process that opens files and builds pyramids, so that neither a hostile file nor a huge one touches the server.

``python -m granum.app.tile_builder`` reads one JSON job per line and answers with JSON lines: any number of
``{"progress": 0..1}`` and last ``{"done": ...}`` or ``{"error": SENTENCE}``. It ends when its input does.

Jobs: ``open`` tells whether a file can be read; ``inspect`` returns its facts and draws its thumbnail, and of a large
image builds the first planes; ``plane`` builds the tiles of one plane. Where the file allows, planes go band by band.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.image_facts import channel_colour, channel_names, header_facts
from granum.app.plane_values import ValueMap, coarse_level, colour_window, display_window, fine_sample, finite_range
from granum.app.thumbnails import draw_thumbnail
from granum.app.tile_store import TileStore
from granum.app.tiles import TILE, tile_grid
from granum.errors import GranumError
from granum.image import Image

__all__ = ["SMALL", "exact_path", "plane_path", "run_job", "thumbnail_path"]

SMALL = 4200 * 4200
"""Pixels of the largest plane that the server decodes itself, without a pyramid on disk."""
Progress = Callable[[float], None]


def plane_path(folder: Path, t: int, c: int, z: int) -> Path:
    """Return the file with the tiles of a plane."""
    return folder / f"t{t}_c{c}_z{z}.tiles"


def exact_path(folder: Path, t: int, c: int, z: int) -> Path:
    """Return the file with the grey levels of a plane as they are, for planes whose tiles lose something."""
    return folder / f"t{t}_c{c}_z{z}.exact"


def thumbnail_path(folder: Path) -> Path:
    """Return the file of the small picture."""
    return folder / "thumbnail.webp"


class _Planes:
    """The planes of one image, by bands; the last one that had to be decoded whole is kept for the next pass."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._last: tuple[tuple[int, int, int], NDArray[Any]] | None = None

    def bands(self, t: int, c: int, z: int) -> Iterator[NDArray[Any]]:
        """Yield the rows of a plane, 512 each."""
        height = self.image.shape[3]
        for y in range(0, height, TILE):
            if self.image.read_rows is not None:
                yield self.image.read_rows(t, c, z, y, min(y + TILE, height))
            else:
                yield self._whole(t, c, z)[y : y + TILE]

    def _whole(self, t: int, c: int, z: int) -> NDArray[Any]:
        if self._last is None or self._last[0] != (t, c, z):
            self._last = None  # let go of the old plane before the new one is there
            self._last = ((t, c, z), self.image.read_plane(t, c, z))
        return self._last[1]

    def range_of(self, c: int, progress: Progress) -> tuple[float, float]:
        """Return the smallest and largest finite value of a channel in all frames and z planes."""
        n_frames, _, n_z = self.image.shape[:3]
        low, high = np.inf, -np.inf
        for t in range(n_frames):
            for z in range(n_z):
                for band in self.bands(t, c, z):
                    found = finite_range(band)
                    if found is not None:
                        low, high = min(low, found[0]), max(high, found[1])
                progress((t * n_z + z + 1) / (n_frames * n_z))
        return (low, high) if low <= high else (0.0, 0.0)


def run_job(job: dict[str, Any], progress: Progress) -> Any:
    """Do one job and return its answer.

    Raises
    ------
    GranumError
        When the file cannot be read.
    OSError
        When the cache cannot be written.
    """
    from granum.read import read_image

    image = read_image(job["path"])
    if job["job"] == "open":
        return {"format": image.format}
    folder = Path(job["folder"])
    large = image.shape[3] * image.shape[4] > SMALL
    if job["job"] == "plane":
        place = (job["t"], job["c"], job["z"])
        build_plane(_Planes(image), folder, place, ValueMap(**job["map"]), progress)
        return {}
    if large and not job.get("large"):
        return {"large": True, "n_channels": image.shape[1], "facts": header_facts(image)}
    return {"large": False, "facts": _inspect(image, folder, large, progress)}


def build_plane(
    planes: _Planes, folder: Path, place: tuple[int, int, int], values: ValueMap, progress: Progress
) -> None:
    """Write the tiles of one plane, and its exact grey levels where tiles lose something and the file is slow."""
    image = planes.image
    path = plane_path(folder, *place)
    if image.read_rows is None and not values.exact:
        _write_exact(exact_path(folder, *place), planes.bands(*place), image.dtype)
    TileStore.write(
        path,
        (values.apply(band) for band in planes.bands(*place)),
        (image.shape[3], image.shape[4]),
        values.dtype,
        count=True,
        progress=progress,
    )


def _inspect(image: Image, folder: Path, large: bool, progress: Progress) -> dict[str, Any]:
    """Return the facts of an image whose pixels are looked at; large ones leave the tiles of their first planes."""
    facts = header_facts(image)
    planes = _Planes(image)
    names = channel_names(image)
    n = len(names)
    coarse, samples, maps, largest = [], [], [], 0
    for c in range(n):
        share = _part_of(progress, c, n)
        values = ValueMap.of_type(image.dtype)
        if values is None:
            values = ValueMap.of_range(image.dtype, *planes.range_of(c, _part_of(share, 0, 2)))
            share = _part_of(share, 1, 2)
        if large:
            build_plane(planes, folder, (0, c, 0), values, share)
            store = TileStore(plane_path(folder, 0, c, 0))
            coarse.append(store.tile(store.n_levels - 1, 0, 0))
            samples.append(_sample_tiles(store))
            counts = store.histogram()
            largest = max(largest, int(np.flatnonzero(counts)[-1]))
            store.close()
        else:
            plane = np.concatenate([values.apply(band) for band in planes.bands(0, c, 0)])
            coarse.append(coarse_level(plane))
            samples.append(fine_sample(plane))
            largest = max(largest, int(plane.max()))
            share(1.0)
        maps.append(values)
    for c in range(n):
        low, high = colour_window(largest) if image.colour else display_window(samples[c])
        facts["channels"].append({
            "index": c, "name": names[c], "value_scale": maps[c].scale, "value_offset": maps[c].offset, "low": low,
            "high": high, "colour": channel_colour(names[c], c, n, colour=image.colour), "kept": maps[c].dtype,
            "exact": maps[c].exact,
        })  # fmt: skip
    shown = slice(None) if image.colour else slice(0, 4)
    folder.mkdir(parents=True, exist_ok=True)
    _write_whole(thumbnail_path(folder), draw_thumbnail(coarse[shown], facts["channels"][shown]))
    return facts


def _sample_tiles(store: TileStore) -> NDArray[Any]:
    """Return values of level 1 from at most 6 x 6 tiles spread over the plane."""
    level = min(1, store.n_levels - 1)
    rows, columns = (np.unique(np.linspace(0, n - 1, 6).round().astype(int)) for n in tile_grid(store.shape, level))
    return np.concatenate([store.tile(level, int(y), int(x))[::5, ::5].ravel() for y in rows for x in columns])


def _write_exact(path: Path, bands: Iterator[NDArray[Any]], dtype: np.dtype[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            for band in bands:
                file.write(band.astype(dtype.newbyteorder("<"), copy=False).tobytes())
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _write_whole(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(temporary).replace(path)


def _part_of(progress: Progress, i: int, n: int) -> Progress:
    """Return the progress of part i of n."""
    return lambda share: progress((i + share) / n)


# ------------------------------------------------------------------------------------------------ the process


def _answer(job: dict[str, Any], send: Callable[[dict[str, Any]], None]) -> None:
    last = time.monotonic()

    def progress(share: float) -> None:
        nonlocal last
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            send({"progress": share})

    try:
        send({"done": run_job(job, progress)})
    except GranumError as error:
        send({"error": str(error)})
    except MemoryError:
        send({"error": f"{job['path']}: needs more memory than there is; crop it, or use a larger machine."})
    except OSError as error:
        send({"error": f"{job['path']}: its tiles cannot be written ({error.strerror or error}).", "disk": True})
    except Exception as error:  # the server must hear of it, whatever it is
        send({"error": f"{job['path']}: cannot be shown; granum's own fault: {type(error).__name__}: {error}."})
        raise


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; only the server decides
    if hasattr(os, "nice"):
        os.nice(5)  # painting and previews go first
    # what libraries print must not mix with the answers
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    jobs: queue.Queue[dict[str, Any]] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            jobs.put(json.loads(line))
        os._exit(0)  # the main thread may be deep in native code, and there is nobody left to tell

    threading.Thread(target=listen, daemon=True).start()

    def send(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    while True:
        _answer(jobs.get(), send)


if __name__ == "__main__":
    _main()
