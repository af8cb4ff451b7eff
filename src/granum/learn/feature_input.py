"""What features are computed from, checked; and how pieces of work are shared among threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import ModelError, SettingError, ShapeError
from granum.learn.intensity import IntensityScale

__all__ = ["Run", "Window", "check_channels", "check_window", "threads_for"]

Window = tuple[int, int, int, int]
Run = Callable[[list[Callable[[], None]]], None]


def check_channels(channels: ArrayLike, intensity: IntensityScale) -> NDArray[Any]:
    """Return channels as a (C, Y, X) array of real numbers that fits the intensity scale."""
    array = np.asarray(channels)
    if array.ndim != 3 or array.size == 0:
        raise ShapeError(f"channels: has shape {array.shape}, needs three axes (C, Y, X) and at least one pixel.")
    if array.dtype.kind not in "biuf":
        raise ShapeError(f"channels: has dtype {array.dtype}, needs real numbers (bool, integers or floats).")
    if len(array) != intensity.n_channels:
        raise ModelError(f"channels: there are {len(array)}, the intensity scale is of {intensity.n_channels}.")
    return array


def check_window(window: Window | None, shape: tuple[int, ...]) -> Window:
    """Return a window inside an image of some shape (Y, X); all of it for None."""
    height, width = shape
    if window is None:
        return (0, 0, height, width)
    y0, x0, y1, x1 = (int(place) for place in window)
    if not (0 <= y0 < y1 <= height and 0 <= x0 < x1 <= width):
        raise SettingError(f"window: {(y0, x0, y1, x1)} is no part of an image of {height} x {width} pixels.")
    return y0, x0, y1, x1


def _run_here(work: list[Callable[[], None]]) -> None:
    for piece in work:
        piece()


@contextmanager
def threads_for(n_pieces: int) -> Iterator[Run]:
    """Give a function that does pieces of work, in as many threads as numba may use (`numba.set_num_threads`)."""
    threads = min(numba.get_num_threads(), n_pieces)
    if threads <= 1:
        yield _run_here
        return
    with ThreadPoolExecutor(threads) as pool:

        def run(work: list[Callable[[], None]]) -> None:
            for future in [pool.submit(piece) for piece in work]:
                future.result()

        yield run
