"""Running a recipe on one plane, again and again: the process that makes previews.

It keeps the pixels and the results of single steps, so that a moved slider pays only for what depends on it. Level 0 is
exact: the same call on the same pixels as `granum run`. Level n is the same call on the plane halved n times, with
lengths and areas shrunk alike, and everything is told in pixels of the full image again.
"""

from __future__ import annotations

import math
import os
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum import pipeline
from granum.app.field_files import in_app_words
from granum.app.forms import is_full_size_only, shrink_recipe
from granum.app.full_size import full_choice, full_objects
from granum.app.preview_layers import (
    LayerFile,
    find_histogram,
    find_legend,
    has_layer,
    layer_kinds,
    make_layer,
    write_layer,
)
from granum.app.tiles import halve, level_shape
from granum.batch.runners import end_with_parent
from granum.choice import Choice
from granum.errors import GranumError, SettingError
from granum.image import Image, PixelSize
from granum.object_table import ObjectTable
from granum.recipe import Recipe

__all__ = [
    "LARGEST_MOVING",
    "LARGEST_PLANE",
    "Found",
    "PreviewJob",
    "PreviewMaker",
    "PreviewSource",
    "Stopped",
    "full_objects",
    "work",
]

LARGEST_PLANE = 64 * 1024 * 1024
"""Pixels of the largest plane of which there is a preview; larger images have previews of their coarser levels."""
LARGEST_MOVING = 4 * 1024 * 1024
"""Pixels up to which a recipe that works at full size only is run while a setting moves."""
_PLANE_BYTES, _STEP_BYTES = 512 << 20, 1 << 30
_OPEN_IMAGES = 8
_MOST_THREADS = 8

ReadLevel = Callable[[int, int, int, int], NDArray[Any]]


@dataclass(frozen=True)
class PreviewSource:
    """Where the pixels of an image are.

    Parameters
    ----------
    image : str
        Id of the image: the first digits of its hash, so other pixels have another id.
    path : Path
        The file.
    pixel_size : PixelSize or None
        Typed by the user; wins over the file.
    read_level : callable, optional
        ``read_level(t, c, z, level)`` returns a plane of the pyramid in grey levels of the file, for images that are
        too large to be read whole. It must be picklable.
    """

    image: str
    path: Path
    pixel_size: PixelSize | None = None
    read_level: ReadLevel | None = None


@dataclass(frozen=True)
class PreviewJob:
    """What to run: a request of the page, checked and with all names resolved."""

    number: int
    source: PreviewSource
    recipe: Recipe
    t: int = 0
    z: int | None = None
    channels: dict[str, int | None] = field(default_factory=dict)
    level: int = 0
    layers: tuple[str, ...] = ("labels",)
    folder: Path = Path()
    """Where to write the layers; made by who asks."""
    others: dict[str, PreviewSource] = field(default_factory=dict)
    """Channels in files of their own, in the order of a run: the first is what a run would call the image."""


@dataclass(frozen=True)
class Found:
    """What a preview found, lengths in pixels of the full image."""

    shape: tuple[int, int]
    """Size of the full image."""
    n_objects: int
    seconds: dict[str, float]
    layers: tuple[LayerFile, ...]
    layer_names: tuple[str, ...]
    choices: tuple[Choice, ...]
    warnings: tuple[str, ...]
    histogram: dict[str, Any] | None
    objects: ObjectTable | None
    n_pixels: int
    """Analysed pixels."""
    pixel_size: PixelSize | None
    level: int = 0
    """At which it was made; not always the one asked for."""


class Stopped(Exception):
    """A newer request came; raised between two steps."""


class PreviewMaker:
    """Runs previews in this process, and keeps what the next one may need.

    Parameters
    ----------
    plane_bytes, step_bytes : int
        Most bytes of pixels, and of results of steps, that are kept.
    """

    def __init__(self, *, plane_bytes: int = _PLANE_BYTES, step_bytes: int = _STEP_BYTES) -> None:
        self._images: OrderedDict[tuple[str, str, str], Image] = OrderedDict()
        self._planes: OrderedDict[tuple[str, int, int, int, int], NDArray[Any]] = OrderedDict()
        self._plane_bytes = plane_bytes
        self._steps = pipeline.Cache(step_bytes)

    def make(self, job: PreviewJob, progress: pipeline.Progress | None = None) -> Found:
        """Run a recipe on one plane, write the layers that were asked for.

        Raises
        ------
        GranumError
            The file cannot be read, the plane is too large, there is no such layer, or a step cannot work on it.
        """
        source = next(iter(job.others.values()), job.source)
        image = self._open(source)
        height, width = image.shape[3:]
        kinds = layer_kinds(job.recipe)
        for name in job.layers:
            if name not in kinds:
                raise SettingError(f"layer {name!r}: the recipe has none of this name; it has {', '.join(kinds)}.")
        level = _level_of(job, (height, width))
        recipe = shrink_recipe(job.recipe, level)
        result = pipeline.run(
            recipe,
            self._at_level(source, image, level),
            frame=job.t,
            channels=self._channels(job, level),
            z=job.z,
            progress=progress,
            cache=self._steps,
        )
        files = [
            write_layer(
                job.folder,
                name,
                kinds[name],
                make_layer(recipe, result.layers, name),
                level,
                find_legend(recipe, result.layers, name) if kinds[name] == "classes" else (),
            )
            for name in dict.fromkeys(job.layers)
        ]
        histogram = find_histogram(recipe, result)
        area, scale = result.layers.get("area"), 4**level
        n_small = math.prod(result.shape) if area is None else int(np.count_nonzero(area))
        return Found(
            (height, width),
            result.n_objects,
            result.seconds,
            tuple(files),
            tuple(name for name in kinds if has_layer(result.layers, name)),
            tuple(full_choice(choice, level) for choice in result.choices),
            result.warnings,
            None if histogram is None else histogram.model_dump(),
            None if result.objects is None else full_objects(result.objects, level),
            n_small * scale if level else n_small,
            image.pixel_size,
            level,
        )

    def _channels(self, job: PreviewJob, level: int) -> dict[str, int | str | Image]:
        """Return what each channel name stands for, as a run takes it."""
        found: dict[str, int | str | Image] = {
            name: "none" if index is None else index for name, index in job.channels.items()
        }
        for name, source in job.others.items():
            if name != "image":
                found[name] = self._at_level(source, self._open(source), level)
        return found

    def _open(self, source: PreviewSource) -> Image:
        from granum.read import read_image

        # two files may have the same bytes, as two empty channels do, and are two channels all the same
        key = (str(source.path), source.image, str(source.pixel_size))
        if key not in self._images:
            self._images[key] = read_image(source.path, pixel_size=source.pixel_size)
            while len(self._images) > _OPEN_IMAGES:
                self._images.popitem(last=False)
        self._images.move_to_end(key)
        return self._images[key]

    def _at_level(self, source: PreviewSource, image: Image, level: int) -> Image:
        """Return the image at a level, whose planes come from memory when they are there."""
        shape = level_shape((image.shape[3], image.shape[4]), level)
        if math.prod(shape) > LARGEST_PLANE:
            raise GranumError(
                f"preview: {shape[0]} x {shape[1]} pixels are more than a preview takes; "
                "start a run for the exact result, or zoom out."
            )
        size = image.pixel_size
        if size is not None:
            size = replace(size, y=size.y * 2**level, x=size.x * 2**level)
        return replace(
            image,
            shape=(*image.shape[:3], *shape),
            pixel_size=size,
            read_plane=lambda t, c, z: self._plane(source, image, (t, c, z), level),
        )

    def _plane(self, source: PreviewSource, image: Image, at: tuple[int, int, int], level: int) -> NDArray[Any]:
        key = (source.image, *at, level)
        if key in self._planes:
            self._planes.move_to_end(key)
            return self._planes[key]
        if level == 0:
            plane = image.read_plane(*at)
        elif math.prod(image.shape[3:]) > LARGEST_PLANE:
            if source.read_level is None:
                raise GranumError("preview: this image is too large to be read whole, and its pyramid is not ready.")
            plane = source.read_level(*at, level)
        else:
            finer = self._plane(source, image, at, level - 1)
            plane = halve(finer.view(np.uint8) if finer.dtype == np.bool_ else np.ascontiguousarray(finer))
        self._planes[key] = plane
        total = sum(kept.nbytes for kept in self._planes.values())
        while total > self._plane_bytes and len(self._planes) > 1:
            total -= self._planes.popitem(last=False)[1].nbytes
        return plane


def _level_of(job: PreviewJob, shape: tuple[int, int]) -> int:
    """Return the level at which a preview is made: that of the job, or 0 where only that shows the truth."""
    if not is_full_size_only(job.recipe):
        return job.level
    size = f"{shape[0]} x {shape[1]} pixels"
    if math.prod(shape) > LARGEST_PLANE:
        raise GranumError(
            f"preview: this recipe works at full size only, and {size} are more than a preview takes; start a run."
        )
    if job.level and math.prod(shape) > LARGEST_MOVING:
        raise GranumError(
            f"No preview while a setting moves: this recipe works at full size only, and {size} take too long for "
            "that. The exact result comes when you let go."
        )
    return 0


def work(connection: Connection) -> None:
    """Make previews until the connection ends; runs in a process of its own.

    It gets a `PreviewJob`, or ``("stop", number)`` for the one that it is at, or ``("warm",)`` to make itself ready. It
    sends ``("progress", number, step, n_steps, name)``, and as the last word on a job ``("found", number, Found)``,
    ``("failed", number, code, sentence)`` or ``("stopped", number)``.
    """
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; only the server decides
    # threads that wait must not spin: the server, the browser and jobs share the cores; read when kernels first run
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    threading.Thread(target=end_with_parent, daemon=True).start()
    _limit_threads()
    maker = PreviewMaker()
    while True:
        try:
            message = connection.recv()
            if isinstance(message, PreviewJob):
                connection.send(_answer(maker, message, connection))
            elif message[0] == "warm":
                _warm_up(connection)
        except (EOFError, OSError):
            return


def _answer(maker: PreviewMaker, job: PreviewJob, connection: Connection) -> tuple[Any, ...]:
    last = time.perf_counter()

    def progress(step: int, n_steps: int, name: str) -> None:
        nonlocal last
        while connection.poll():
            if connection.recv() == ("stop", job.number):
                raise Stopped
        if time.perf_counter() - last > 0.1:  # a quick preview needs no progress
            last = time.perf_counter()
            connection.send(("progress", job.number, step, n_steps, name))

    try:
        return ("found", job.number, maker.make(job, progress))
    except Stopped:
        return ("stopped", job.number)
    except GranumError as error:
        return ("failed", job.number, "not_possible", in_app_words(str(error)))
    except MemoryError:
        return ("failed", job.number, "memory", "There is not enough memory for this preview; zoom out or start a run.")
    except OSError as error:
        return ("failed", job.number, "not_written", f"The preview cannot be written ({error.strerror or error}).")
    except Exception as error:
        traceback.print_exc()  # to the terminal of the server
        return ("failed", job.number, "fault", f"granum's own fault: {type(error).__name__}; the terminal tells more.")


def _limit_threads() -> None:
    import cv2
    import numba

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = max(1, min(_MOST_THREADS, cores, numba.config.NUMBA_NUM_THREADS))
    numba.set_num_threads(threads)
    cv2.setNumThreads(threads)


def _warm_up(connection: Connection) -> None:
    """Load (the first time: compile) the kernels of the usual recipe; a job that comes in meanwhile goes first."""
    from granum.samples import simulate_particles

    def progress(step: int, n_steps: int, name: str) -> None:
        if connection.poll():
            raise Stopped

    try:
        for kind in ("discs", "tem"):
            pixels = simulate_particles(kind, size=256, count=12, seed=1, dtype="uint16").image
            for dtype in (np.uint16, np.uint8):
                few = (pixels >> 8).astype(np.uint8) if dtype is np.uint8 else pixels
                pipeline.run("particles", Image.from_array(few), progress=progress)
    except Stopped:
        return
