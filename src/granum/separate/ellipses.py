"""Split overlapping round or elongated particles by fitting ellipses to the stretches of the outline between them."""

from __future__ import annotations

from itertools import combinations
from typing import Annotated, Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage as ndi

from granum.arrays import check_mask
from granum.errors import SettingError
from granum.segment.components import label_components
from granum.steps import Range

__all__ = ["fit_ellipse", "fit_overlapping_ellipses", "split_by_ellipses"]

# arcs of a component beyond this many are not grouped: a clump of that many concavities is a network, not an overlap
MOST_ARCS = 40


def split_by_ellipses(
    mask: ArrayLike,
    *,
    max_residual: Annotated[float, Range(0, 1)] = 0.08,
    max_overlap: Annotated[float, Range(0, 1)] = 0.92,
    min_inside: Annotated[float, Range(0, 1)] = 0.9,
) -> NDArray[np.int32]:
    """Label each pixel with the fitted ellipse in which it lies deepest.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    max_residual : float
        0 to 1. Two arcs belong to one ellipse when it leaves their points by at most this part of its minor semi-axis
        (root mean square).
    max_overlap : float
        0 to 1. Ellipses that share more than this part of the smaller one are merged.
    min_inside : float
        0 to 1. An ellipse with less of its area on its component is discarded.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        0 in the background, 1..K without gaps. Every pixel has one label, also where ellipses overlap: that of the
        ellipse with the smallest normalised distance from the centre. A component without a good ellipse is one object.

    Raises
    ------
    ShapeError
        `mask` does not have two axes, or is empty.
    SettingError
        A setting is out of its range.

    See Also
    --------
    fit_overlapping_ellipses : the whole ellipses; overlapped area belongs to both.

    Notes
    -----
    The outline is cut at its concave points; arcs are grouped while one ellipse fits them. For projected particles that
    lie over each other. It fails for particles that are not elliptic (use `split_by_convexity`), and where outlines
    are too rough to tell concave points from noise. About 1 ms per particle in a clump.

    References
    ----------
    .. [1] R. Halíř, J. Flusser, "Numerically stable direct least squares fitting of ellipses", WSCG (1998); after
       A. Fitzgibbon, M. Pilu, R. B. Fisher, IEEE Trans. PAMI 21 (1999). doi:10.1109/34.765658
    .. [2] S. Zafari et al., "Segmentation of overlapping elliptical objects in silhouette images", IEEE Trans. Image
       Process. 24 (2015). doi:10.1109/TIP.2015.2492828
    """
    components, found = _fit_all(mask, max_residual, max_overlap, min_inside)
    labels, n = np.zeros(components.shape, np.int32), 0
    for (box, own), ellipses in found:
        if len(ellipses) < 2:
            n += 1
            labels[box][own] = n
            continue
        where = np.argwhere(own)
        nearest = np.argmin([_depth(ellipse, where) for ellipse in ellipses], axis=0)
        used, nearest = np.unique(nearest, return_inverse=True)
        labels[box][own] = n + 1 + nearest
        n += len(used)
    return labels


def fit_overlapping_ellipses(
    mask: ArrayLike,
    *,
    max_residual: Annotated[float, Range(0, 1)] = 0.08,
    max_overlap: Annotated[float, Range(0, 1)] = 0.92,
    min_inside: Annotated[float, Range(0, 1)] = 0.9,
) -> NDArray[np.float64]:
    """Return the whole ellipses, overlapped and hidden area included.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Foreground.
    max_residual, max_overlap, min_inside : float
        As in `split_by_ellipses`.

    Returns
    -------
    ellipses : (N, 5) ndarray of float64
        Rows (y, x, major semi-axis, minor semi-axis, orientation) in pixels; orientation in radians between the y axis
        and the major axis, counter-clockwise, in (-pi/2, pi/2], as scikit-image has it.

    Raises
    ------
    ShapeError
        `mask` does not have two axes, or is empty.
    SettingError
        A setting is out of its range.
    """
    _, found = _fit_all(mask, max_residual, max_overlap, min_inside)
    corners = [(box[0].start, box[1].start, 0, 0, 0) for (box, _), ellipses in found for _ in ellipses]
    rows = [ellipse + corner for ellipse, corner in zip((e for _, es in found for e in es), corners, strict=True)]
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def fit_ellipse(points: ArrayLike) -> NDArray[np.float64] | None:
    """Return the direct least-squares ellipse (y, x, major, minor, orientation) of points, None when there is none.

    Parameters
    ----------
    points : (N, 2) array_like
        Positions (y, x), at least six.

    Returns
    -------
    ellipse : (5,) ndarray of float64 or None
        As a row of `fit_overlapping_ellipses`.
    """
    points = np.asarray(points, dtype=np.float64)
    if len(points) < 6:
        return None
    middle = points.mean(axis=0)
    scale = np.abs(points - middle).max() or 1.0
    y, x = ((points - middle) / scale).T
    quadratic, linear = np.stack([x * x, x * y, y * y], axis=1), np.stack([x, y, np.ones_like(x)], axis=1)
    if np.linalg.matrix_rank(linear) < 3:
        return None
    onto = -np.linalg.solve(linear.T @ linear, linear.T @ quadratic)
    reduced = quadratic.T @ quadratic + quadratic.T @ linear @ onto
    values, vectors = np.linalg.eig(np.stack([reduced[2] / 2, -reduced[1], reduced[0] / 2]))
    vectors = np.real(vectors[:, np.isreal(values)])
    is_ellipse = 4 * vectors[0] * vectors[2] - vectors[1] ** 2 > 0
    if not is_ellipse.any():
        return None
    first = vectors[:, np.argmax(is_ellipse)]
    return _from_conic(np.concatenate([first, onto @ first]), middle, scale)


def _from_conic(conic: Any, middle: Any, scale: float) -> NDArray[np.float64] | None:
    """Return centre, semi-axes and orientation of a x^2 + b xy + c y^2 + d x + e y + f = 0."""
    a, b, c, d, e, f = conic
    form = np.array([[c, b / 2], [b / 2, a]])  # in (y, x)
    centre = np.linalg.solve(form, [-e / 2, -d / 2])
    level = centre @ form @ centre - f
    values, vectors = np.linalg.eigh(form / level)
    if not (values > 0).all():
        return None
    major, minor = 1 / np.sqrt(values)
    along = vectors[:, 0]
    orientation = np.arctan2(along[1], along[0])
    orientation = np.pi / 2 - (np.pi / 2 - orientation) % np.pi
    return np.array([*(centre * scale + middle), major * scale, minor * scale, orientation])


def _depth(ellipse: NDArray[np.float64], points: NDArray[Any]) -> NDArray[np.float64]:
    """Return the normalised distance of points (y, x) from the centre: 1 on the ellipse."""
    dy, dx = points[:, 0] - ellipse[0], points[:, 1] - ellipse[1]
    sin, cos = np.sin(ellipse[4]), np.cos(ellipse[4])
    return np.asarray(np.hypot((dy * cos + dx * sin) / ellipse[2], (dx * cos - dy * sin) / ellipse[3]))


def _fit_all(mask: ArrayLike, max_residual: float, max_overlap: float, min_inside: float) -> Any:
    """Return the components, and for each ((box, own pixels), its ellipses in the box's frame)."""
    settings = {"max_residual": max_residual, "max_overlap": max_overlap, "min_inside": min_inside}
    for name, value in settings.items():
        if not 0 <= value <= 1:
            raise SettingError(f"{name}: is {value!r}, must lie in 0 to 1.")
    components = label_components(check_mask(mask))
    found = []
    for label, box in enumerate(ndi.find_objects(components), start=1):
        own = np.ascontiguousarray(components[box] == label)
        found.append(((box, own), _fit_component(own, max_residual, max_overlap, min_inside)))
    return components, found


def _fit_component(own: NDArray[np.bool_], max_residual: float, max_overlap: float, min_inside: float) -> list[Any]:
    padded = np.pad(own, 2).view(np.uint8)
    outlines, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len).reshape(-1, 2)[:, ::-1] - 2.0
    arcs = _split_outline(outline)
    groups = _group_arcs(arcs, own, max_residual, min_inside)
    ellipses = [ellipse for _, ellipse in groups if ellipse is not None and _inside(ellipse, own) >= min_inside]
    return _merge_overlapping(ellipses, max_overlap)


def _split_outline(outline: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Cut a closed outline at its concave corners."""
    n = len(outline)
    if n < 16:
        return [outline]
    smooth = ndi.gaussian_filter1d(outline, max(1.0, min(3.0, n / 60)), axis=0, mode="wrap")
    reach = int(np.clip(n // 30, 3, 8))
    before, after = smooth - np.roll(smooth, reach, axis=0), np.roll(smooth, -reach, axis=0) - smooth
    turn = np.arctan2(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0], np.sum(before * after, axis=1))
    # a closed outline turns by one full circle; against that is concave
    turn *= np.sign(np.sum(smooth[:, 0] * np.roll(smooth[:, 1], -1) - np.roll(smooth[:, 0], -1) * smooth[:, 1]))
    lowest = ndi.minimum_filter1d(turn, 2 * reach + 1, mode="wrap")
    corners = np.flatnonzero((turn == lowest) & (turn < -0.25))
    corners = corners[np.diff(corners, prepend=-reach) > 1]
    if len(corners) < 2:
        return [outline]
    turned = np.roll(outline, -corners[0], axis=0)
    return [arc for arc in np.split(turned, corners[1:] - corners[0]) if len(arc) >= 6]


def _residual(ellipse: Any, points: NDArray[np.float64]) -> float:
    """Root mean square of how far points leave the ellipse, in minor semi-axes, without the pixel raster's own."""
    excess = np.sqrt(np.mean((_depth(ellipse, points) - 1) ** 2))
    return max(float(excess) - 0.4 / float(ellipse[3]), 0.0)


def _inside(ellipse: Any, own: NDArray[np.bool_]) -> float:
    """Return the part of the ellipse that lies on the component; what lies outside the image does not."""
    ring = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    radius, angle = np.meshgrid(np.sqrt((np.arange(6) + 0.5) / 6), ring)
    along, across = ellipse[2] * radius * np.cos(angle), ellipse[3] * radius * np.sin(angle)
    sin, cos = np.sin(ellipse[4]), np.cos(ellipse[4])
    y = np.rint(ellipse[0] + along * cos - across * sin).astype(int).ravel()
    x = np.rint(ellipse[1] + along * sin + across * cos).astype(int).ravel()
    there = (y >= 0) & (y < own.shape[0]) & (x >= 0) & (x < own.shape[1])
    return float(np.count_nonzero(own[y[there], x[there]]) / len(y))


def _group_arcs(arcs: list[Any], own: NDArray[np.bool_], max_residual: float, min_inside: float) -> list[Any]:
    """Join arcs, best pair first, while one ellipse fits both and lies on the component."""
    if len(arcs) > MOST_ARCS:
        return []
    groups = {i: (arc, fit_ellipse(arc)) for i, arc in enumerate(arcs)}
    fits: dict[tuple[int, int], tuple[float, Any]] = {}
    new = list(combinations(groups, 2))
    while True:
        for i, j in new:
            points = np.concatenate([groups[i][0], groups[j][0]])
            ellipse = fit_ellipse(points)
            residual = np.inf if ellipse is None else _residual(ellipse, points)
            if residual <= max_residual and _inside(ellipse, own) >= min_inside:
                fits[i, j] = (residual, ellipse)
        if not fits:
            return list(groups.values())
        i, j = min(fits, key=lambda pair: (fits[pair][0], pair))
        joined, name = (np.concatenate([groups[i][0], groups[j][0]]), fits[i, j][1]), max(groups) + 1
        del groups[i], groups[j]
        fits = {pair: fit for pair, fit in fits.items() if not {i, j} & set(pair)}
        new = [(other, name) for other in groups]
        groups[name] = joined


def _merge_overlapping(ellipses: list[Any], max_overlap: float) -> list[Any]:
    """Drop the smaller of two ellipses that share more than `max_overlap` of it."""
    kept: list[Any] = []
    for ellipse in sorted(ellipses, key=lambda e: -float(e[2] * e[3])):
        ring = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        radius, angle = np.meshgrid(np.sqrt((np.arange(8) + 0.5) / 8), ring)
        along, across = ellipse[2] * (radius * np.cos(angle)).ravel(), ellipse[3] * (radius * np.sin(angle)).ravel()
        sin, cos = np.sin(ellipse[4]), np.cos(ellipse[4])
        points = np.stack([ellipse[0] + along * cos - across * sin, ellipse[1] + along * sin + across * cos], axis=1)
        if all(np.mean(_depth(other, points) < 1) <= max_overlap for other in kept):
            kept.append(ellipse)
    return kept
