"""Split touching particles by normalised cuts of the pixel graph of each connected component."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, sparse

from granum.arrays import check_mask, check_peaks
from granum.errors import SettingError
from granum.separate.component_runs import component_pixels, find_component_runs, group_peaks
from granum.separate.distance import distance_map
from granum.separate.local_kmeans import drop_unused
from granum.steps import Range

__all__ = ["split_by_local_spectral"]

# more parts than this are reached by halving first: an eigenproblem for thousands of vectors cannot be solved
MOST_PARTS = 24


def split_by_local_spectral(
    mask: ArrayLike,
    peaks: ArrayLike,
    *,
    connectivity: Literal[1, 2] = 1,
    max_nodes: Annotated[int, Range(50, 5000)] = 300,
    neck_weight: Annotated[float, Range(0, 8)] = 2.0,
) -> NDArray[np.int32]:
    """Split each component into one part per peak so that little is cut compared with what is kept together.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    peaks : (N, 2) array_like
        Starts as (y, x), for example from `find_distance_peaks`. A peak on the background is left out.
    connectivity : {1, 2}
        Pixels of a component touch by edges (1), or by edges and corners (2).
    max_nodes : int
        50 to 5000. Larger components are cut on a coarser grid of about this many square blocks.
    neck_weight : float
        0 to 8. Power of the distance to the background with which neighbours hold together; 0 for the bare pixel graph.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        0 in the background, 1..K without gaps: components in image order, parts of one in the order of their peaks.
        A component without a peak is one object; a part that gets no pixel is dropped.

    Raises
    ------
    ShapeError
        `mask` or `peaks` have the wrong shape, or a peak lies outside the image.
    SettingError
        A setting is out of its range.

    Notes
    -----
    Eigenvectors of the normalised Laplacian [1]_, clustered by k-means started at the peaks. Cuts follow necks, also of
    bent and branched particles, with no assumption on shape. About 5 ms per component of several
    particles, cubic in `max_nodes`. Components of more than 24 peaks are halved first. Parts have edges as coarse as
    the blocks.

    References
    ----------
    .. [1] J. Shi, J. Malik, "Normalized cuts and image segmentation", IEEE Trans. PAMI 22 (2000).
       doi:10.1109/34.868688
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    pixels = check_mask(mask)
    starts = check_peaks(peaks, pixels.shape)
    if connectivity not in (1, 2):
        raise SettingError(f"connectivity: is {connectivity!r}, must be 1 (edges) or 2 (edges and corners).")
    if not 50 <= max_nodes <= 5000:
        raise SettingError(f"max_nodes: is {max_nodes!r}, must lie in 50 to 5000.")
    if not 0 <= neck_weight <= 8:
        raise SettingError(f"neck_weight: is {neck_weight!r}, must lie in 0 to 8.")
    runs = find_component_runs(pixels, connectivity)
    order, peak_offsets = group_peaks(runs, starts)
    distance = distance_map(pixels)
    labels, n = np.zeros(pixels.shape, np.int32), 0
    # one thread: small matrices gain nothing from more, and rounding then does not depend on how many there are
    with threadpool_limits(1, user_api="blas"):
        for component in range(len(runs.offsets) - 1):
            where = component_pixels(runs, component)
            own = starts[order[peak_offsets[component] : peak_offsets[component + 1]]]
            depth = distance[where[:, 0], where[:, 1]].astype(np.float64) ** neck_weight
            labels[where[:, 0], where[:, 1]] = n + 1 + _split(where, own, depth, max_nodes)
            n += max(len(own), 1)
    return drop_unused(labels, n)


def _split(
    where: NDArray[np.int64], peaks: NDArray[np.float64], depth: NDArray[np.float64], max_nodes: int
) -> NDArray[np.int64]:
    """Return the part (row of `peaks`) of each pixel."""
    if len(peaks) < 2 or len(where) == 0:
        return np.zeros(len(where), np.int64)
    node, graph = _pixel_graph(where, depth, max(max_nodes, 4 * min(len(peaks), MOST_PARTS)))
    nearest = [int(np.argmin(np.sum((where - peak) ** 2, axis=1))) for peak in peaks]
    at_peaks = node[nearest]
    if len(np.unique(at_peaks)) < 2:
        return np.asarray(np.argmin([np.sum((where - peak) ** 2, axis=1) for peak in peaks], axis=0))
    if len(peaks) <= MOST_PARTS:
        return _cluster(_embed(graph, len(peaks)), at_peaks)[node]
    fiedler = _embed(graph, 2)[:, 1]
    side = fiedler > np.median(fiedler[at_peaks])
    if side[at_peaks].all() or not side[at_peaks].any():
        side = fiedler >= np.median(fiedler[at_peaks])
    if side[at_peaks].all():
        return _cluster(_embed(graph, min(len(peaks), graph.shape[0])), at_peaks)[node]
    parts = np.empty(len(where), np.int64)
    for half in (False, True):
        mine, rows = side[node] == half, np.flatnonzero(side[at_peaks] == half)
        parts[mine] = rows[_split(where[mine], peaks[rows], depth[mine], max_nodes)]
    return parts


def _pixel_graph(where: NDArray[np.int64], depth: NDArray[np.float64], max_nodes: int) -> tuple[Any, Any]:
    """Return the node of each pixel and the weights between nodes: pixel pairs that touch, heavier where it is wide."""
    block = max(int(np.ceil(np.sqrt(len(where) / max_nodes))), 1)
    where = where - where.min(axis=0)
    width = int(where[:, 1].max()) + 2
    code = (where[:, 0] // block) * width + where[:, 1] // block
    names, node = np.unique(code, return_inverse=True)
    flat = where[:, 0] * width + where[:, 1]
    rows, columns, weights = [], [], []
    for step in (1, width):
        at = np.minimum(np.searchsorted(flat, flat + step), len(flat) - 1)
        joined = np.flatnonzero(flat[at] == flat + step)
        one, other = node[joined], node[at[joined]]
        rows.append(one)
        columns.append(other)
        weights.append(np.minimum(depth[joined], depth[at[joined]]))
    between = sparse.coo_array(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=(len(names), len(names))
    ).toarray()
    np.fill_diagonal(between, 0)
    return node, between + between.T


def _embed(graph: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return the first `n` generalised eigenvectors of the graph, one row per node."""
    # parts that touch only by corners would be apart in the graph: a faint bond keeps the order of eigenvectors fixed
    degree = graph.sum(axis=1) + 1e-9 * max(graph.max(), 1.0)
    inverse = 1 / np.sqrt(degree)
    laplacian = np.eye(len(graph)) - inverse[:, None] * graph * inverse
    n = min(n, len(graph))
    _, vectors = linalg.eigh(laplacian, subset_by_index=[0, n - 1])
    return np.asarray(vectors * inverse[:, None] / np.linalg.norm(vectors * inverse[:, None], axis=0))


def _cluster(embedding: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lloyd's k-means from the nodes of the peaks; ties go to the earlier peak."""
    centres = embedding[starts].copy()
    parts = np.full(len(embedding), -1)
    for _ in range(100):
        previous = parts
        squared = np.sum(embedding**2, axis=1)[:, None] - 2 * embedding @ centres.T + np.sum(centres**2, axis=1)
        parts = np.argmin(squared, axis=1)
        if np.array_equal(parts, previous):
            break
        for part in range(len(centres)):
            if (parts == part).any():
                centres[part] = embedding[parts == part].mean(axis=0)
    return parts
