"""Split touching particles by a Gaussian mixture inside each connected component."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numba
import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_mask, check_peaks
from granum.separate.component_runs import find_component_runs, group_peaks, peak_radii
from granum.separate.local_kmeans import check_iterations, drop_unused
from granum.steps import Range

__all__ = ["split_by_local_mixture"]

# up to this many Gaussians every pixel is compared with all of them; above, with those that reach its tile
FEW = 12
# a Gaussian reaches this many standard deviations; a uniform ellipse ends at two
REACH = 4.0
# pixels per Gaussian that the fit looks at; the final assignment looks at all
ENOUGH = 600
# variance of a position inside one pixel, added to every covariance: a particle one pixel wide has a width too
PIXEL_VARIANCE = 1 / 12


def split_by_local_mixture(
    mask: ArrayLike,
    peaks: ArrayLike,
    *,
    connectivity: Literal[1, 2] = 1,
    max_iterations: Annotated[int, Range(0, 10000)] = 100,
    tolerance: Annotated[float, Range(0, 1)] = 1e-3,
) -> NDArray[np.int32]:
    """Split each component into one Gaussian per peak, with its own size, elongation and direction.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    peaks : (N, 2) array_like
        Starts as (y, x), for example from `find_distance_peaks`. A peak on the background is left out.
    connectivity : {1, 2}
        Pixels of a component touch by edges (1), or by edges and corners (2).
    max_iterations : int
        0 to 10000. Most rounds of expectation and maximisation.
    tolerance : float
        0 to 1. Stop when the mean log-likelihood of a component's pixels changes by less.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        0 in the background, 1..K without gaps: components in image order, clusters of one in the order of their peaks.
        A component without a peak is one object; a Gaussian that wins no pixel is dropped.

    Raises
    ------
    ShapeError
        `mask` or `peaks` have the wrong shape, or a peak lies outside the image.
    SettingError
        A setting is out of its range.

    Notes
    -----
    Expectation-maximisation [1]_ with full covariances, started at the peaks as uniform discs of the largest radius
    that fits there. It cuts elongated particles where they touch, which k-means and power cells cannot. It wants
    one peak per particle, not far from its middle: a rod with two peaks becomes two, and of two parallel rods with
    peaks at opposite ends it may find left and right halves. Particles far from elliptic are cut better by watershed
    or `split_by_convexity`.

    About one microsecond per pixel of the components with several peaks. Components larger than 600 pixels per peak
    are fitted on a regular subset of their pixels. In components of more than 12 peaks a Gaussian is followed to four
    standard deviations. The result does not depend on the number of threads.

    References
    ----------
    .. [1] A. P. Dempster, N. M. Laird, D. B. Rubin, "Maximum likelihood from incomplete data via the EM algorithm",
       J. R. Stat. Soc. B 39 (1977). doi:10.1111/j.2517-6161.1977.tb01600.x
    """
    pixels = check_mask(mask)
    starts = check_peaks(peaks, pixels.shape)
    check_iterations(connectivity, max_iterations, tolerance)
    runs = find_component_runs(pixels, connectivity)
    order, peak_offsets = group_peaks(runs, starts)
    centres = starts[order]
    n_names = np.maximum(np.diff(peak_offsets), 1)
    labels = np.zeros(pixels.shape, np.int32)
    with numba.parallel_chunksize(4):
        _fit_components(
            np.argsort(-np.diff(runs.offsets), kind="stable"),
            (runs.rows, runs.starts, runs.stops),
            runs.offsets,
            peak_offsets,
            centres,
            np.maximum(peak_radii(runs, centres), 0.5),
            int(max_iterations),
            float(tolerance),
            np.cumsum(n_names) - n_names + 1,
            labels,
        )
    return drop_unused(labels, int(n_names.sum()))


@njit(cache=True)
def _list_pixels(runs: Any, first: Any, last: Any, stride: Any) -> Any:
    """Return the (n, 2) pixels of the runs whose y and x are multiples of `stride`."""
    rows, starts, stops = runs
    n = 0
    for r in range(first, last):
        if rows[r] % stride == 0:
            n += (stops[r] - 1) // stride - (starts[r] - 1) // stride
    listed, n = np.empty((n, 2)), 0
    for r in range(first, last):
        if rows[r] % stride == 0:
            for x in range(-(-starts[r] // stride) * stride, stops[r], stride):
                listed[n, 0], listed[n, 1] = rows[r], x
                n += 1
    return listed


@njit(cache=True)
def _reach_tiles(models: Any, frame: Any) -> Any:
    """Return, for each tile, the Gaussians that reach it, as offsets and members."""
    y0, x0, side, ny, nx = frame
    k = len(models)
    spans = np.empty((k, 4), np.int64)
    offsets = np.zeros(ny * nx + 1, np.int64)
    for j in range(k):
        dy, dx = REACH * np.sqrt(models[j, 2]), REACH * np.sqrt(models[j, 4])
        if ny * nx == 1:
            dy = dx = np.float64(side)
        spans[j, 0] = np.int64(max((models[j, 0] - dy - y0) / side, 0.0))
        spans[j, 1] = np.int64(min((models[j, 0] + dy - y0) / side, ny - 1.0))
        spans[j, 2] = np.int64(max((models[j, 1] - dx - x0) / side, 0.0))
        spans[j, 3] = np.int64(min((models[j, 1] + dx - x0) / side, nx - 1.0))
        for ty in range(spans[j, 0], spans[j, 1] + 1):
            for tx in range(spans[j, 2], spans[j, 3] + 1):
                offsets[ty * nx + tx + 1] += 1
    for tile in range(ny * nx):
        offsets[tile + 1] += offsets[tile]
    members, free = np.empty(offsets[-1], np.int64), offsets.copy()
    for j in range(k):
        for ty in range(spans[j, 0], spans[j, 1] + 1):
            for tx in range(spans[j, 2], spans[j, 3] + 1):
                members[free[ty * nx + tx]] = j
                free[ty * nx + tx] += 1
    return offsets, members


@njit(cache=True)
def _densities(models: Any) -> Any:
    """Return, for each Gaussian, the log of its weighted height and the inverse of its covariance."""
    forms = np.empty((len(models), 4))
    for j in range(len(models)):
        yy, yx, xx, share = models[j, 2], models[j, 3], models[j, 4], models[j, 5]
        determinant = yy * xx - yx * yx
        forms[j, 0] = (np.log(share) if share > 0 else -np.inf) - np.log(2 * np.pi) - np.log(determinant) / 2
        forms[j, 1], forms[j, 2], forms[j, 3] = xx / determinant, -yx / determinant, yy / determinant
    return forms


@njit(cache=True)
def _log_density(y: Any, x: Any, models: Any, forms: Any, j: Any) -> Any:
    dy, dx = y - models[j, 0], x - models[j, 1]
    return forms[j, 0] - (forms[j, 1] * dy * dy + 2 * forms[j, 2] * dy * dx + forms[j, 3] * dx * dx) / 2


@njit(cache=True)
def _tile_of(y: Any, x: Any, frame: Any) -> Any:
    return np.int64(y - frame[0]) // frame[2] * frame[4] + np.int64(x - frame[1]) // frame[2]


@njit(cache=True)
def _improve(listed: Any, models: Any, frame: Any) -> Any:
    """One round of expectation and maximisation, in place; return the mean log-likelihood before it."""
    forms, (offsets, members) = _densities(models), _reach_tiles(models, frame)
    moments, everyone = np.zeros((len(models), 6)), np.arange(len(models))
    logs, total = np.empty(len(models)), 0.0
    for i in range(len(listed)):
        y, x = listed[i]
        tile = _tile_of(y, x, frame)
        near = members[offsets[tile] : offsets[tile + 1]]
        if len(near) == 0:
            near = everyone
        highest = -np.inf
        for n in range(len(near)):
            logs[n] = _log_density(y, x, models, forms, near[n])
            highest = max(highest, logs[n])
        norm = 0.0
        for n in range(len(near)):
            logs[n] = np.exp(logs[n] - highest)
            norm += logs[n]
        total += highest + np.log(norm)
        for n in range(len(near)):
            share = logs[n] / norm
            if share > 0:
                j = near[n]
                dy, dx = y - models[j, 0], x - models[j, 1]
                moments[j, 0] += share
                moments[j, 1] += share * dy
                moments[j, 2] += share * dx
                moments[j, 3] += share * dy * dy
                moments[j, 4] += share * dy * dx
                moments[j, 5] += share * dx * dx
    for j in range(len(models)):
        weight = moments[j, 0]
        models[j, 5] = weight / len(listed)
        if weight > 1e-6:
            my, mx = moments[j, 1] / weight, moments[j, 2] / weight
            models[j, 0] += my
            models[j, 1] += mx
            models[j, 2] = moments[j, 3] / weight - my * my + PIXEL_VARIANCE
            models[j, 3] = moments[j, 4] / weight - my * mx
            models[j, 4] = moments[j, 5] / weight - mx * mx + PIXEL_VARIANCE
        else:
            models[j, 5] = 0.0
    return total / len(listed)


@njit(cache=True)
def _fit_component(
    runs: Any, first: Any, last: Any, centres: Any, radii: Any, max_iterations: Any, tolerance: Any, name: Any, out: Any
) -> None:
    k, n_pixels = len(centres), np.int64(0)
    left, right = runs[1][first], runs[2][first]
    for r in range(first, last):
        n_pixels += runs[2][r] - runs[1][r]
        left, right = min(left, runs[1][r]), max(right, runs[2][r])
    top, height, width = runs[0][first], runs[0][last - 1] - runs[0][first] + 1, right - left
    side = max(height, width) if k <= FEW else max(np.int64(np.sqrt(np.float64(height) * width / k)), 4)
    frame = np.array([top, left, side, (height - 1) // side + 1, (width - 1) // side + 1], dtype=np.int64)
    listed = _list_pixels(runs, first, last, max(np.int64(np.sqrt(n_pixels / (ENOUGH * k))), 1))
    models, area = np.zeros((k, 6)), np.sum(radii**2)
    # the discs may overlap, but together they are no larger than the component
    scale = min(n_pixels / (np.pi * area), 1.0)
    for j in range(k):
        models[j, 0], models[j, 1] = centres[j]
        models[j, 2] = models[j, 4] = scale * radii[j] ** 2 / 4 + PIXEL_VARIANCE
        models[j, 5] = radii[j] ** 2 / area
    before = -np.inf
    for _ in range(max_iterations):
        likelihood = _improve(listed, models, frame)
        if abs(likelihood - before) < tolerance:
            break
        before = likelihood
    forms, (offsets, members) = _densities(models), _reach_tiles(models, frame)
    everyone = np.arange(k)
    for r in range(first, last):
        for x in range(runs[1][r], runs[2][r]):
            y = runs[0][r]
            tile = _tile_of(y, x, frame)
            near = members[offsets[tile] : offsets[tile + 1]]
            if len(near) == 0:
                near = everyone
            best, highest = near[0], -np.inf
            for j in near:
                value = _log_density(y, x, models, forms, j)
                if value > highest:
                    best, highest = j, value
            out[y, x] = name + best


@njit(cache=True, parallel=True)
def _fit_components(
    order: Any,
    runs: Any,
    offsets: Any,
    peak_offsets: Any,
    centres: Any,
    radii: Any,
    max_iterations: Any,
    tolerance: Any,
    names: Any,
    out: Any,
) -> None:
    for i in prange(len(order)):
        k = order[i]
        first, last, p, q = offsets[k], offsets[k + 1], peak_offsets[k], peak_offsets[k + 1]
        if q - p < 2:
            for r in range(first, last):
                out[runs[0][r], runs[1][r] : runs[2][r]] = names[k]
        else:
            _fit_component(runs, first, last, centres[p:q], radii[p:q], max_iterations, tolerance, names[k], out)
