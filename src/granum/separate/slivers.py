"""Splinters of a split: parts too small and too crooked to be objects, given back to the object beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.separate.basins import rename_labels
from granum.separate.clump_scores import hull_areas, outlines
from granum.separate.overlaps import measure_aspects

__all__ = ["merge_slivers"]

_SMALL = 0.25
_CROOKED = 0.8
_HEMMED = 0.5
_STRIP = 1.8


def merge_slivers(
    labels: NDArray[np.int32], confidence: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32], int]:
    """Join every splinter to the neighbour with which it shares the longest border.

    Parameters
    ----------
    labels : (Y, X) ndarray of int32
        Objects 1..K without gaps.
    confidence : (K,) ndarray of float32
        Of each object.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        1..K' without gaps, in the old order.
    confidence : (K',) ndarray of float32
        Of the objects that remain.
    n_merged : int
        How many splinters were joined.

    Notes
    -----
    A splinter touches another object and has under a quarter of its area; and it is either crooked (solidity under 0.8)
    or a strip hemmed in (over half of its outline borders on others, aspect over 1.8), as between two discs. Convex
    small particles on large ones are therefore kept. granum's own.
    """
    n = len(confidence)
    if n < 2:
        return labels, confidence, 0
    area, hull = hull_areas(labels, n)
    solidity = area / np.maximum(hull, 1)
    outline, cut, _ = outlines(labels, labels, n)
    crooked = (solidity < _CROOKED) | ((cut > _HEMMED * outline) & (measure_aspects(labels, n) > _STRIP))
    crooked &= area > 0
    crooked[0] = False
    if not crooked.any():
        return labels, confidence, 0
    pairs, lengths = np.unique(_border_pairs(labels, crooked), return_counts=True)
    target = np.arange(n + 1, dtype=np.int32)
    longest = np.zeros(n + 1, np.int64)
    for pair, length in zip(pairs, lengths, strict=True):
        part, other = divmod(int(pair), n + 1)
        if area[part] < _SMALL * area[other] and length > longest[part]:
            longest[part], target[part] = length, other
    merged = target != np.arange(n + 1)
    for part in np.flatnonzero(merged).tolist():  # a splinter of a splinter goes where that one goes
        while merged[target[part]]:
            target[part] = target[target[part]]
    kept = np.flatnonzero(~merged[1:]) + 1
    names = np.zeros(n + 1, np.int32)
    names[kept] = np.arange(1, len(kept) + 1, dtype=np.int32)
    joined = labels.copy()
    rename_labels(joined, names[target])
    return joined, confidence[kept - 1], int(merged.sum())


@njit(cache=True)
def _border_pairs(labels: Any, crooked: Any) -> Any:
    """Return part * (K + 1) + neighbour for every border pixel edge of a crooked part."""
    height, width = labels.shape
    base = np.int64(len(crooked))
    n = 0
    for again in range(2):
        found = np.empty(n, np.int64)
        n = 0
        for y in range(height):
            for x in range(width):
                k = labels[y, x]
                if k == 0 or not crooked[k]:
                    continue
                for step in range(4):
                    b, a = y + (step == 0) - (step == 1), x + (step == 2) - (step == 3)
                    if 0 <= b < height and 0 <= a < width and labels[b, a] != 0 and labels[b, a] != k:
                        if again == 1:
                            found[n] = base * k + labels[b, a]
                        n += 1
    return found
