"""Split touching particles by k-means inside each connected component: the method of the particle-separation page."""

from __future__ import annotations

from typing import Annotated, Literal

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_mask, check_peaks
from granum.errors import SettingError
from granum.separate.component_runs import find_component_runs, group_peaks, peak_radii
from granum.separate.power_cells import cut_components
from granum.steps import Range

__all__ = ["check_iterations", "drop_unused", "split_by_local_kmeans"]


def split_by_local_kmeans(
    mask: ArrayLike,
    peaks: ArrayLike,
    *,
    size_weighted: bool = False,
    connectivity: Literal[1, 2] = 1,
    max_iterations: Annotated[int, Range(0, 10000)] = 300,
    tolerance: Annotated[float, Range(0, 1)] = 1e-4,
) -> NDArray[np.int32]:
    """Split each component into one cluster per peak by k-means on the pixel positions, started at the peaks.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    peaks : (N, 2) array_like
        Starts as (y, x), for example from `find_distance_peaks`. A peak on the background is left out.
    size_weighted : bool
        False: Lloyd's k-means, cells end halfway between the centres. True: cells of a power diagram, weighted by the
        squared radius of the largest disc about the peak, so that a small particle at a large one keeps its shape.
    connectivity : {1, 2}
        Pixels of a component touch by edges (1), or by edges and corners (2).
    max_iterations : int
        0 to 10000. Most moves of the centres; 0 assigns the pixels to the peaks as they are.
    tolerance : float
        0 to 1. Stop when the squared shifts of a component's centres add up to less than this part of the mean
        variance of its y and x, as scikit-learn does.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        0 in the background, 1..K without gaps: components in image order, clusters of one in the order of their peaks.
        A component without a peak is one object.

    Raises
    ------
    ShapeError
        `mask` or `peaks` have the wrong shape, or a peak lies outside the image.
    SettingError
        A setting is out of its range.

    Notes
    -----
    The plain form gives the labels of ``sklearn.cluster.KMeans(k, init=peaks, n_init=1)`` [1]_ on every component,
    except that a pixel exactly halfway goes to the earlier peak (scikit-learn leaves that to rounding), and that a
    cluster which loses all its pixels (two peaks in one place) is dropped, not moved elsewhere.

    The weighted form assigns to argmin ``|p - c|^2 - r^2`` [2]_: for two overlapping discs the cut is their common
    chord. Centres follow the centroids, and r the area of the cell, between 1 and 1.2 times the radius at the peak.

    Sums over stretches of a row are taken in closed form in integers, so the result does not depend on the number of
    threads, and the cost goes with the number of particles times their height, also within one component. Cells are
    convex: neither form cuts elongated particles well that touch at an angle (`split_by_local_mixture` does), and a
    cluster of a bent component can be in two pieces.

    References
    ----------
    .. [1] S. P. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28 (1982).
       doi:10.1109/TIT.1982.1056489
    .. [2] F. Aurenhammer, "Power diagrams: properties, algorithms and applications", SIAM J. Comput. 16 (1987).
       doi:10.1137/0216006

    Examples
    --------
    >>> split_by_local_kmeans([[1, 1, 1, 1, 1, 0, 1]], [[0, 0], [0, 4]])
    array([[1, 1, 1, 2, 2, 0, 3]], dtype=int32)
    """
    pixels = check_mask(mask)
    starts = check_peaks(peaks, pixels.shape)
    check_iterations(connectivity, max_iterations, tolerance)
    runs = find_component_runs(pixels, connectivity)
    order, peak_offsets = group_peaks(runs, starts)
    centres = starts[order]
    weights = peak_radii(runs, centres) ** 2 if size_weighted else np.zeros(len(centres))
    n_names = np.maximum(np.diff(peak_offsets), 1)
    labels = np.zeros(pixels.shape, np.int32)
    # large components first, so that no thread is left with the largest at the end
    with numba.parallel_chunksize(4):
        n_empty = cut_components(
            np.argsort(-np.diff(runs.offsets), kind="stable"),
            (runs.rows, runs.starts, runs.stops),
            runs.offsets,
            peak_offsets,
            centres,
            weights,
            int(max_iterations),
            float(tolerance),
            np.cumsum(n_names) - n_names + 1,
            labels,
            bool(size_weighted),
        )
    return drop_unused(labels, int(n_names.sum())) if n_empty else labels


def check_iterations(connectivity: int, max_iterations: int, tolerance: float) -> None:
    """Raise `SettingError` when a setting that the clustering splitters share is out of its range."""
    if connectivity not in (1, 2):
        raise SettingError(f"connectivity: is {connectivity!r}, must be 1 (edges) or 2 (edges and corners).")
    if not 0 <= max_iterations <= 10000:
        raise SettingError(f"max_iterations: is {max_iterations!r}, must lie in 0 to 10000.")
    if not 0 <= tolerance <= 1:
        raise SettingError(f"tolerance: is {tolerance!r}, must lie in 0 to 1.")


def drop_unused(labels: NDArray[np.int32], n_labels: int) -> NDArray[np.int32]:
    """Return the labels renumbered without gaps, in the same order."""
    used = np.bincount(labels.ravel(), minlength=n_labels + 1) > 0
    used[0] = False
    return np.asarray(np.where(used, np.cumsum(used), 0).astype(np.int32)[labels])
