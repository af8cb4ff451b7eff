"""All levels of a watershed at once: flood from every maximum once, then merge at any level without flooding again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_image, check_labels, check_mask, check_same_shape
from granum.errors import SettingError, ShapeError
from granum.separate.basins import (
    find_basins,
    find_plateau_centres,
    follow_parents,
    join_basins,
    rename_labels,
)
from granum.steps import Range

__all__ = ["BasinTree", "flood_to_dynamic", "merge_by_dynamic", "watershed_hierarchy"]


@dataclass(frozen=True)
class BasinTree:
    """The maxima of a relief inside a mask, and the saddle at which each one joins a higher one.

    Parameters
    ----------
    peaks : (N, 2) ndarray of float64
        Where the maxima are, as (y, x); row k - 1 belongs to label k of `watershed_hierarchy`.
    heights : (N,) ndarray of float32
        The relief there.
    saddles : (N,) ndarray of float32
        Height of the highest pass to a higher maximum (the earlier one of equals); -inf where there is none, which is
        once in each component.
    parents : (N,) ndarray of int32
        Row of the basin on the other side of that pass; -1 where there is none.
    """

    peaks: NDArray[np.float64]
    heights: NDArray[np.float32]
    saddles: NDArray[np.float32]
    parents: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.heights)

    @property
    def dynamics(self) -> NDArray[np.float32]:
        """Height of each maximum over its saddle; inf for the highest of a component."""
        return self.heights - self.saddles

    def survives(self, min_dynamic: float, min_depth: float = 0.0) -> NDArray[np.bool_]:
        """Return which maxima stand at least `min_dynamic` x their height, and `min_depth`, above their saddle."""
        return self.dynamics >= np.maximum(np.float32(min_dynamic) * self.heights, np.float32(min_depth))

    def targets(self, survives: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return for each basin the row of the surviving one that takes it up."""
        return np.asarray(follow_parents(self.parents, survives))


def watershed_hierarchy(
    relief: ArrayLike, mask: ArrayLike | None = None, *, connectivity: Literal[1, 2] = 2
) -> tuple[NDArray[np.int32], BasinTree]:
    """Flood a relief from all its maxima, and tell where their basins meet.

    Parameters
    ----------
    relief : (Y, X) array_like
        High inside objects, such as a distance map or the image itself. Taken as float32.
    mask : (Y, X) array_like of bool, optional
        Pixels to flood; None floods all.
    connectivity : {1, 2}
        Neighbours by edges (1), or also by corners (2) where both pixels share an edge neighbour in the mask. Basins
        never reach over from one 4-connected component to the next.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        One label per regional maximum, numbered in raster order of the maxima; a plateau is one maximum. Every pixel of
        the mask has a label.
    tree : BasinTree
        Heights, saddles and parents, from which `merge_by_dynamic` makes any level.

    Raises
    ------
    ShapeError
        An array without two axes, or two of different shapes.
    SettingError
        `connectivity` is neither 1 nor 2.

    Notes
    -----
    A pixel belongs to the basin of its highest neighbour, equal ones in raster order: what a flood by priority gives
    [1]_, up to ties, without its queue. The saddles are sorted, not the pixels; the cost is linear in the pixels, on
    all cores.

    References
    ----------
    .. [1] F. Meyer, "Topographic distance and watershed lines", Signal Processing 38 (1994).
       doi:10.1016/0165-1684(94)90060-4
    .. [2] M. Grimaud, "A new measure of contrast: the dynamics", Proc. SPIE 1769 (1992). doi:10.1117/12.60650

    Examples
    --------
    >>> labels, tree = watershed_hierarchy([[1, 3, 2, 5, 1]])
    >>> labels
    array([[1, 1, 2, 2, 2]], dtype=int32)
    >>> tree.heights, tree.saddles
    (array([3., 5.], dtype=float32), array([  2., -inf], dtype=float32))
    """
    if connectivity not in (1, 2):
        raise SettingError(f"connectivity: is {connectivity!r}, must be 1 (edges) or 2 (edges and corners).")
    field = check_image(relief, name="relief").astype(np.float32, copy=False)
    pixels = np.ones(field.shape, np.bool_) if mask is None else check_mask(mask)
    check_same_shape(pixels, field.shape, name="mask")
    labels, tree, names = flood_maxima(field, pixels, corners=connectivity == 2)
    rename_labels(labels, names)
    return labels, tree


def flood_maxima(
    relief: NDArray[np.float32], mask: NDArray[np.bool_], *, corners: bool = True
) -> tuple[NDArray[np.int32], BasinTree, NDArray[np.int32]]:
    """Return raw basins, the tree of the regional maxima, and the label that each raw basin has in the tree.

    A plateau may hold several raw basins; those end at their own height, and are merged here.
    """
    labels, maxima, pairs, passes = find_basins(relief, mask, corners=corners)
    heights = relief.ravel()[maxima]
    saddles, parents = join_basins(heights, pairs, passes)
    regional = saddles != heights
    targets = follow_parents(parents, regional)
    rows = np.cumsum(regional, dtype=np.int32) - np.int32(1)
    names = np.concatenate([np.zeros(1, np.int32), rows[targets] + np.int32(1)])
    centres = find_plateau_centres(relief, labels, maxima[regional], corners)
    peaks = np.stack(np.divmod(centres, relief.shape[1]), axis=1).astype(np.float64)
    above = parents[regional]
    joined = np.where(above < 0, np.int32(-1), rows[targets[above]]) if len(above) else above
    return labels, BasinTree(peaks, heights[regional], saddles[regional], joined.astype(np.int32)), names


def merge_by_dynamic(
    labels: ArrayLike,
    tree: BasinTree,
    *,
    min_dynamic: Annotated[float, Range(0, 1)] = 0.05,
    min_depth: Annotated[float, Range(0, unit="px")] = 0.0,
) -> NDArray[np.int32]:
    """Merge the basins whose maximum does not stand out enough.

    Parameters
    ----------
    labels : (Y, X) array_like of int
        Labels of `watershed_hierarchy`.
    tree : BasinTree
        Its tree.
    min_dynamic : float
        Part of its own height by which a maximum must stand above the saddle to a higher one, 0 to 1. Being relative,
        it asks the same of small and of large objects.
    min_depth : float
        The same in units of the relief, at least 0.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        Merged labels, 1..K in the order of ``tree.peaks[tree.survives(min_dynamic, min_depth)]``.

    Raises
    ------
    SettingError
        A setting is out of its range.
    ShapeError
        There are more labels than the tree has rows.
    """
    check_dynamic(min_dynamic, min_depth)
    merged = check_labels(labels).copy()
    if int(merged.max()) > len(tree):
        raise ShapeError(
            f"labels: go up to {int(merged.max())}, the tree has {len(tree)} rows; they do not belong together."
        )
    rename_labels(merged, merged_names(tree, tree.survives(min_dynamic, min_depth)))
    return merged


def flood_to_dynamic(
    relief: NDArray[np.float32], mask: NDArray[np.bool_], *, min_dynamic: float, min_depth: float = 0.0
) -> tuple[NDArray[np.int32], BasinTree]:
    """Return ``merge_by_dynamic(*watershed_hierarchy(relief, mask))`` and the tree, renaming the pixels only once."""
    labels, tree, names = flood_maxima(relief, mask)
    rename_labels(labels, merged_names(tree, tree.survives(min_dynamic, min_depth))[names])
    return labels, tree


def merged_names(tree: BasinTree, survives: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the new label (1..K) of each old one (0..N) when only the surviving basins stay."""
    rows = np.cumsum(survives, dtype=np.int32)
    return np.concatenate([np.zeros(1, np.int32), rows[tree.targets(survives)]])


def check_dynamic(min_dynamic: float, min_depth: float) -> None:
    """Raise `SettingError` for a setting out of its range."""
    if not 0 <= min_dynamic <= 1:
        raise SettingError(f"min_dynamic: is {min_dynamic!r}, must be 0 to 1 (part of the peak's height).")
    if not 0 <= min_depth < np.inf:
        raise SettingError(f"min_depth: is {min_depth!r}, must be at least 0, in units of the relief.")
