"""Grey levels of any type become tile values of 16 bit, by a line that is the same for all planes of a channel.

8 and 16 bit stay as they are, other integers that span less than 65,536 levels are only shifted: both are exact. Wider
integers and floats are scaled from their smallest to their largest finite value: for looking at, not for measuring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.app.tiles import TILE, halve

__all__ = ["N_VALUES", "ValueMap", "coarse_level", "count_histogram", "display_window", "fine_sample", "finite_range"]

N_VALUES = 65536
_LARGEST = 1e308
_LOW_PERCENT, _HIGH_PERCENT = 0.3, 99.7


@dataclass(frozen=True)
class ValueMap:
    """Tile values v mean ``offset + scale * v`` grey levels of the file.

    Parameters
    ----------
    scale, offset : float
        The line.
    dtype : str
        "uint8" or "uint16": how tile values are kept; they always travel as uint16.
    exact : bool
        Whether grey levels can be told from tile values without loss: never for floats, which may be NaN, too.
    """

    scale: float = 1.0
    offset: float = 0.0
    dtype: str = "uint16"
    exact: bool = True

    @classmethod
    def of_type(cls, dtype: np.dtype[Any]) -> ValueMap | None:
        """Return the map of a type that needs no look at the values: 8 and 16 bit; else None."""
        if dtype.kind == "b" or dtype == np.uint8:
            return cls(dtype="uint8")
        if dtype == np.uint16:
            return cls()
        if dtype in (np.int8, np.int16):
            return cls(offset=float(np.iinfo(dtype).min))
        return None

    @classmethod
    def of_range(cls, dtype: np.dtype[Any], low: float, high: float) -> ValueMap:
        """Return the map for values that run from `low` to `high`."""
        low, high = float(low), float(high)
        span = high - low
        scale = span / (N_VALUES - 1) if span <= _LARGEST else high / (N_VALUES - 1) - low / (N_VALUES - 1)
        if dtype.kind in "iu" and span < N_VALUES:
            return cls(offset=low)
        return cls(scale=scale if scale > 0 else 1.0, offset=low, exact=False)

    def apply(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return tile values; what is not finite becomes 0."""
        if values.dtype.kind == "b" or (self.exact and self.offset == 0 and values.dtype == self.dtype):
            return values.astype(self.dtype, copy=False)
        wide = values.astype(np.float64)
        if self.scale < _LARGEST / N_VALUES:
            wide -= self.offset
            wide /= self.scale
        else:  # the difference of such doubles may be infinite
            wide /= self.scale
            wide -= self.offset / self.scale
        finite = np.isfinite(wide)
        if not finite.all():
            wide[~finite] = 0
        np.clip(np.rint(wide, out=wide), 0, N_VALUES - 1, out=wide)
        return wide.astype(self.dtype)


def finite_range(values: NDArray[Any]) -> tuple[float, float] | None:
    """Return the smallest and largest finite value, or None when there is none."""
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if values.size == 0:
        return None
    return float(values.min()), float(values.max())


def coarse_level(plane: NDArray[Any]) -> NDArray[Any]:
    """Return tile values halved until they fit into one tile."""
    while max(plane.shape) > TILE:
        plane = halve(plane)
    return plane


def fine_sample(plane: NDArray[Any]) -> NDArray[Any]:
    """Return a sample of tile values halved at most once.

    Halving once takes away noise that nobody wants the contrast to be spent on. More of it would also take away a
    lattice or a dense field of small particles, and show their picture in black and white alone.
    """
    if max(plane.shape) > TILE:
        plane = halve(plane)
    step = -(-max(plane.shape) // (2 * TILE)) | 1  # odd: an even one would see one phase of a lattice
    return plane[::step, ::step]


def display_window(sample: NDArray[Any]) -> tuple[float, float]:
    """Return where display starts and ends, in tile values: the 0.3 and 99.7 percentiles of a sample."""
    low, high = np.percentile(sample, (_LOW_PERCENT, _HIGH_PERCENT))
    return float(low), float(max(high, low + 1))


def colour_window(largest: int) -> tuple[float, float]:
    """Return the window of a true colour picture: from 0 to the top of 8, 10, 12, 14 or 16 bit, what is enough."""
    bits = next(bits for bits in (8, 10, 12, 14, 16) if largest < 1 << bits)
    return 0.0, float((1 << bits) - 1)


def count_histogram(counts: NDArray[np.int64], n_bins: int = 256) -> tuple[int, int, list[int]]:
    """Return (low, high, counts per bin) from the counts of all 65,536 tile values.

    Bins hold a whole number of values, all the same, so that no comb shows that is not in the image.
    """
    there = np.flatnonzero(counts)
    first, last = (int(there[0]), int(there[-1])) if there.size else (0, 0)
    width = -(-(last + 1 - first) // n_bins)
    n = -(-(last + 1 - first) // width)
    padded = np.zeros(n * width, np.int64)
    padded[: last + 1 - first] = counts[first : last + 1]
    return first, first + n * width, padded.reshape(n, width).sum(axis=1).tolist()
