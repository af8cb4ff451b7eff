"""`find_common_shift`: how far everything moved from one frame to the next, as a stage that drifts or jumps does.

Every pair of objects of the two frames votes for its displacement; the true shift gets one vote from most objects, a
false one only by chance. A shift counts only when it explains clearly more objects than none at all does: cells that
crawl about must not be taken for a stage.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from scipy.spatial import cKDTree

from granum.track.object_places import ObjectPlaces

__all__ = ["find_common_shift"]

_CANDIDATES = 8
_FEWEST = 4  # objects that must agree: fewer are told apart from crawling cells by nothing


def find_common_shift(previous: ObjectPlaces, places: ObjectPlaces, *, longest: float = 0.25) -> tuple[float, float]:
    """Return the (dy, dx) that all objects have in common, in px; (0, 0) where it cannot be told.

    Parameters
    ----------
    previous, places : ObjectPlaces
        Of the two frames.
    longest : float
        The longest shift along an axis that is looked for, as a share of that side of the image.

    Notes
    -----
    Votes are counted by a Fourier transform of the centroids on a grid of half a radius: 0.1 s for 10 Mpx. It
    fails where objects stand in a lattice and the shift is a step of it, and where most objects move by more than
    their own radius in different directions.
    """
    if min(len(previous), len(places)) < _FEWEST:
        return 0.0, 0.0
    radius = float(np.median(np.concatenate([previous.diameters, places.diameters]))) / 2
    tree = cKDTree(places.points)
    still = _agreeing(previous, places, tree, np.zeros(2), radius)
    best, most = np.zeros(2), len(still)
    for shift in _candidates(previous, places, radius, longest):
        agreeing = len(_agreeing(previous, places, tree, shift, radius))
        # the candidates are the best of many: one must be clearly, not only slightly, better than no shift
        if agreeing > most and agreeing >= max(_by_chance(previous, places, shift), 1.25 * len(still) + _FEWEST):
            best, most = shift, agreeing
    for _ in range(3):
        moves = _agreeing(previous, places, tree, best, radius)
        if len(moves) < _FEWEST:
            return 0.0, 0.0
        best = np.median(moves, axis=0)
    return float(best[0]), float(best[1])


def _by_chance(previous: ObjectPlaces, places: ObjectPlaces, shift: NDArray[np.float64]) -> float:
    """Return how many objects must agree so that it is no accident: a fifth more than fall on another by chance."""
    moved = previous.points + shift
    n = int((((moved >= 0) & (moved < places.shape)).all(axis=1)).sum())
    covered = float(places.areas.sum()) / (places.shape[0] * places.shape[1])
    expected = n * covered
    return float(max(_FEWEST, expected + 0.2 * n, expected + 5 * np.sqrt(expected) + 2))


def _agreeing(
    previous: ObjectPlaces, places: ObjectPlaces, tree: cKDTree, shift: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """Return the displacements of objects that are each other's nearest after the shift, within a radius."""
    moved = previous.points + shift
    distance, there = tree.query(moved)
    _, back = cKDTree(moved).query(places.points[there])
    good = (back == np.arange(len(moved))) & (distance <= radius)
    return np.asarray(places.points[there[good]] - previous.points[good])


def _candidates(
    previous: ObjectPlaces, places: ObjectPlaces, radius: float, longest: float
) -> list[NDArray[np.float64]]:
    """Return the displacements with most votes, the most frequent first."""
    cell = max(1.0, radius / 2)
    # twice the size, so that shifts do not wrap around
    shape = tuple(fft.next_fast_len(2 * int(np.ceil(side / cell)) + 2, real=True) for side in places.shape)
    maps = []
    for one in (previous, places):
        grid = np.zeros(shape)
        spots = np.floor(one.points / cell).astype(np.int64)
        np.add.at(grid, (spots[:, 0], spots[:, 1]), 1.0)
        maps.append(fft.rfft2(grid))
    votes = np.rint(fft.irfft2(np.conj(maps[0]) * maps[1], s=shape))  # whole numbers: no ties decided by rounding
    reach = [int(np.ceil(longest * side / cell)) for side in places.shape]
    rows, columns = (np.arange(-n, n + 1) for n in reach)
    near = votes[np.ix_(rows, columns)]
    summed = ndimage.convolve(near, np.ones((3, 3)), mode="constant")
    peaks = (summed == ndimage.maximum_filter(summed, 5, mode="constant")) & (summed > 1)
    y, x = np.nonzero(peaks)
    length = np.hypot(y - reach[0], x - reach[1])
    order = np.lexsort((x, y, length, -summed[y, x]))[:_CANDIDATES]  # of equal ones the shorter
    return [np.array([rows[y[i]], columns[x[i]]]) * cell for i in order]
