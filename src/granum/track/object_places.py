"""`ObjectPlaces`: where the objects of one frame are, and how many pixels those of two frames share.

Linking needs a few numbers per object, so that only the last frames must be kept as images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ObjectPlaces", "find_places", "shared_pixels"]


@dataclass(frozen=True, eq=False)
class ObjectPlaces:
    """Where the objects of one frame are.

    Parameters
    ----------
    labels : (K,) ndarray of int32
        Label of each object, ascending.
    points : (K, 2) ndarray of float64
        Centroids (y, x).
    areas : (K,) ndarray of float64
        In px.
    to_border : (K,) ndarray of float64
        Pixels between the object and the nearest edge of the image, 0 when it touches it.
    shape : tuple of int
        Of the frame.
    """

    labels: NDArray[np.int32]
    points: NDArray[np.float64]
    areas: NDArray[np.float64]
    to_border: NDArray[np.float64]
    shape: tuple[int, int]

    @property
    def diameters(self) -> NDArray[np.float64]:
        """Diameters of the discs of equal area, in px."""
        return np.asarray(2 * np.sqrt(self.areas / np.pi))

    def __len__(self) -> int:
        return len(self.labels)


def find_places(labels: NDArray[np.int32]) -> ObjectPlaces:
    """Return where the objects of a label image are; gaps in the labels leave no row."""
    height, width = labels.shape
    place = np.flatnonzero(labels)
    values = labels.ravel()[place]
    y, x = np.divmod(place, width)
    top = int(values.max()) + 1 if len(values) else 1
    areas = np.bincount(values, minlength=top)
    used = np.flatnonzero(areas)
    n = areas[used].astype(np.float64)
    # whole numbers below 2**53: the sums are exact, in any order
    points = np.stack([np.bincount(values, c, top)[used] / n for c in (y, x)], axis=1).reshape(-1, 2)
    edge = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
    to_border = np.full(top, np.iinfo(np.int64).max)
    np.minimum.at(to_border, values, edge)
    return ObjectPlaces(used.astype(np.int32), points, n, to_border[used].astype(np.float64), (height, width))


def shared_pixels(
    previous: NDArray[np.int32], labels: NDArray[np.int32], shift: tuple[int, int] = (0, 0)
) -> NDArray[np.int64]:
    """Return (P, 3) rows (label in previous, label, pixels that they share), `previous` moved by `shift` first."""
    height, width = labels.shape
    dy, dx = shift
    if abs(dy) >= height or abs(dx) >= width:
        return np.zeros((0, 3), np.int64)
    before = previous[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
    after = labels[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)]
    both = (before > 0) & (after > 0)
    key = before[both].astype(np.int64) << 32 | after[both].astype(np.int64)
    pairs, counts = np.unique(key, return_counts=True)
    return np.stack([pairs >> 32, pairs & 0xFFFFFFFF, counts], axis=1).astype(np.int64)
