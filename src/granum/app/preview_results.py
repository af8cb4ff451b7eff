"""What previews have found, as long as it is kept: files in a temporary folder, and the messages about them.

The folder lies in memory where there is room, is bounded, and is taken away when the server ends; what a killed server
has left is taken away by the next one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.forms import settings_of
from granum.app.messages import HistogramInfo
from granum.app.preview_layers import LayerFile
from granum.app.preview_worker import Found, PreviewJob
from granum.app.problems import Problem
from granum.app.recipe_messages import ChoiceInfo, LayerInfo, PreviewResult
from granum.app.tiles import count_levels

__all__ = ["HeldPreview", "ResultFolder", "make_result"]

_MOST_RESULTS, _MOST_BYTES = 48, 1 << 30
_ROOM = 3 << 30  # free bytes that the memory disk must have to be used
_PREFIX = "granum-preview-"


@dataclass(frozen=True)
class HeldPreview:
    """A result that can still be looked at, and its size on the disk."""

    job: PreviewJob
    found: Found
    n_bytes: int


class ResultFolder:
    """Results on the disk, the least recently used let go first.

    Parameters
    ----------
    max_results, max_bytes : int
        How much is kept.
    """

    def __init__(self, max_results: int = _MOST_RESULTS, max_bytes: int = _MOST_BYTES) -> None:
        self._max_results, self._max_bytes = max_results, max_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[str, HeldPreview] = OrderedDict()
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """The folder; made when it is asked for."""
        with self._lock:
            if self._path is None:
                self._path = _make_folder()
            return self._path

    def keep(self, job: PreviewJob, found: Found) -> str:
        """Keep a result and return its key; the oldest go when there are too many."""
        # nobody else on a lab server can know it from what was asked for
        key = f"{secrets.token_hex(12)}-{job.number}"
        gone: list[HeldPreview] = []
        with self._lock:
            self._held[key] = HeldPreview(job, found, sum(_size(layer.path) for layer in found.layers))
            total = sum(held.n_bytes for held in self._held.values())
            while len(self._held) > 1 and (len(self._held) > self._max_results or total > self._max_bytes):
                gone.append(self._held.popitem(last=False)[1])
                total -= gone[-1].n_bytes
        for held in gone:
            shutil.rmtree(held.job.folder, ignore_errors=True)
        return key

    def held(self, key: str) -> HeldPreview:
        """Return a result by its key.

        Raises
        ------
        Problem
            404 when there is none, or it was let go for newer ones.
        """
        with self._lock:
            if key not in self._held:
                raise Problem(404, "not_found", "This preview is gone; ask for it anew.")
            self._held.move_to_end(key)
            return self._held[key]

    def load(self, layer: LayerFile) -> NDArray[Any]:
        """Return the array of a layer as a memory map.

        Raises
        ------
        Problem
            404 when it was let go meanwhile.
        """
        try:
            values: NDArray[Any] = np.load(layer.path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            raise Problem(404, "not_found", "This preview is gone; ask for it anew.") from None
        return values

    def close(self) -> None:
        """Take everything away."""
        with self._lock:
            self._held.clear()
            path, self._path = self._path, None
        if path is not None:
            shutil.rmtree(path, ignore_errors=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # taken away from outside: nothing to count
        return 0


def make_result(request: int, job: PreviewJob, found: Found, key: str, total_ms: float) -> PreviewResult:
    """Return the message about a result."""
    layers = [_layer_info(layer, number, key, found.level, found.shape) for number, layer in enumerate(found.layers)]
    return PreviewResult(
        request=request,
        image=job.source.image,
        key=key,
        level=found.level,
        exact=found.level == 0,
        n_objects=found.n_objects,
        seconds=found.seconds,
        total_ms=round(total_ms, 2),
        layers=layers,
        layer_names=list(found.layer_names),
        choices=[ChoiceInfo(**choice.to_json()) for choice in found.choices],
        warnings=list(found.warnings),
        histogram=None if found.histogram is None else HistogramInfo(**found.histogram),
        settings=settings_of(job.recipe),
    )


def _layer_info(layer: LayerFile, number: int, key: str, level: int, shape: tuple[int, int]) -> LayerInfo:
    # by number: a layer may be called anything, "a/b" and ".." too
    url = f"/api/v1/previews/{key}/layers/{number}"
    tail = "/points" if layer.kind == "points" else "/tiles"
    return LayerInfo(
        name=layer.name,
        kind=layer.kind,
        url=url + tail,
        level=level,
        n_levels=max(count_levels(shape), level + 1),
        height=shape[0],
        width=shape[1],
        value_scale=layer.value_scale,
        value_offset=layer.value_offset,
        low=layer.low,
        high=layer.high,
        colours={one.id: one.colour for one in layer.legend},
        names={one.id: one.name or str(one.id) for one in layer.legend},
        version=key,
    )


def _make_folder() -> Path:
    """Return a new folder for results, in memory where there is room, and take away what dead servers have left."""
    places = [Path(tempfile.gettempdir())]
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK):
        places.insert(0, memory)
    for place in places:
        for left in place.glob(f"{_PREFIX}*"):
            if _is_orphan(left):
                shutil.rmtree(left, ignore_errors=True)
    place = next((place for place in places if shutil.disk_usage(place).free > _ROOM), places[-1])
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place))


def _is_orphan(folder: Path) -> bool:
    """Whether the server that made a folder is gone; only folders of this user count."""
    number = folder.name.removeprefix(_PREFIX).partition("-")[0]
    if not number.isdecimal() or not hasattr(os, "getuid"):
        return False
    try:
        if folder.lstat().st_uid != os.getuid():
            return False
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
