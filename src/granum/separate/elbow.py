"""The elbow method: count particles by global k-means over all foreground pixels. For comparison, not for use."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_mask
from granum.errors import EmptyResultError, SettingError
from granum.steps import Range

__all__ = ["count_by_elbow", "elbow_curve"]

# pixels that the global clustering looks at; the elbow does not move with more
ENOUGH = 20_000


def count_by_elbow(mask: ArrayLike, *, max_clusters: Annotated[int, Range(3, 1000)] = 30, seed: int = 0) -> int:
    """Return the number of particles as the elbow of the within-cluster scatter.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    max_clusters : int
        3 to 1000. Largest number of clusters tried.
    seed : int
        Starts of k-means.

    Returns
    -------
    count : int
        0 for an empty mask.

    Raises
    ------
    ShapeError
        `mask` does not have two axes, or is empty.
    SettingError
        `max_clusters` is out of its range.

    Notes
    -----
    The elbow is the point of the curve farthest from the chord between its ends [1]_. The curve is that of
    `elbow_curve`. It falls smoothly, so the elbow depends on `max_clusters` more than on the particles, and each number
    tried costs a clustering of the whole image: the reasons to prefer peaks and `split_by_local_kmeans`.

    References
    ----------
    .. [1] V. Satopaa et al., "Finding a kneedle in a haystack", ICDCS Workshops (2011). doi:10.1109/ICDCSW.2011.20
    """
    if not check_mask(mask).any():
        return 0
    scatter = elbow_curve(mask, max_clusters=max_clusters, seed=seed)
    if len(scatter) < 3 or scatter[0] == scatter[-1]:
        return 1
    along = np.linspace(0, 1, len(scatter))
    fallen = (scatter[0] - scatter) / (scatter[0] - scatter[-1])
    return int(np.argmax(fallen - along)) + 1


def elbow_curve(
    mask: ArrayLike, *, max_clusters: Annotated[int, Range(3, 1000)] = 30, seed: int = 0
) -> NDArray[np.float64]:
    """Return the mean squared distance of foreground pixels to their cluster's centre, for 1, 2, ... clusters.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground. Of more than 20000 pixels a random part is used.
    max_clusters : int
        3 to 1000. Largest number of clusters tried; at most the number of pixels.
    seed : int
        Starts of k-means and choice of pixels.

    Returns
    -------
    scatter : (max_clusters,) ndarray of float64
        In square pixels.

    Raises
    ------
    EmptyResultError
        The mask has no foreground.
    SettingError
        `max_clusters` is out of its range.
    """
    from sklearn.cluster import KMeans

    if not 3 <= max_clusters <= 1000:
        raise SettingError(f"max_clusters: is {max_clusters!r}, must lie in 3 to 1000.")
    where = np.argwhere(check_mask(mask)).astype(np.float64)
    if len(where) == 0:
        raise EmptyResultError("mask: has no foreground, so there is nothing to cluster; lower the threshold.")
    if len(where) > ENOUGH:
        where = where[np.sort(np.random.default_rng(seed).choice(len(where), ENOUGH, replace=False))]
    counts = range(1, min(max_clusters, len(where)) + 1)
    return np.array([KMeans(k, n_init=1, random_state=seed).fit(where).inertia_ / len(where) for k in counts])
