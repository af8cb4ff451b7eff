"""`link_labels`: which object of one frame is which of the next, by the pixels that they share.

Objects that share more than half of what they cover together are the same; no other pair can claim that. The rest is
decided together: in every group of objects that could be each other, the assignment with the largest total gain, where
a gain grows with the shared pixels and falls with the square of the distance. What is then left over is looked at
again: a new object beside a parent that shrank is a division, a lost one inside a larger one is a merge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from granum.arrays import check_labels, check_same_shape
from granum.errors import SettingError
from granum.steps import Range
from granum.track.common_shift import find_common_shift
from granum.track.object_places import ObjectPlaces, find_places, shared_pixels

__all__ = ["Links", "assign", "find_divisions", "find_merges", "link_labels", "usual_reach"]

Pairs = list[tuple[int, int]]
_FEWEST = 10  # pairs that tell a usual step
_UNKNOWN_REACH = 1.5  # diameters, where it cannot be told
_MOST_CHANGE = 0.15  # of the area: a nucleus does not become a speck, or a clump, from one frame to the next


@dataclass(frozen=True, eq=False)
class Links:
    """Two frames with the pairs of objects that could be the same, as positions in their lists of objects.

    Parameters
    ----------
    before, after : ObjectPlaces
        Of the two frames.
    moved : (K, 2) ndarray of float64
        Centroids of `before`, moved by the shift that all objects have in common.
    shared : dict
        (position before, position after) -> pixels that they share after the shift.
    """

    before: ObjectPlaces
    after: ObjectPlaces
    moved: NDArray[np.float64]
    shared: dict[tuple[int, int], int]

    @classmethod
    def of(
        cls,
        previous: NDArray[np.int32],
        labels: NDArray[np.int32],
        before: ObjectPlaces,
        after: ObjectPlaces,
        shift: tuple[float, float],
    ) -> Links:
        """Compare two label images, the first one moved by `shift`."""
        rows = shared_pixels(previous, labels, (round(shift[0]), round(shift[1])))
        i, j = np.searchsorted(before.labels, rows[:, 0]), np.searchsorted(after.labels, rows[:, 1])
        shared = dict(zip(zip(i.tolist(), j.tolist(), strict=True), rows[:, 2].tolist(), strict=True))
        return cls(before, after, before.points + np.asarray(shift), shared)


def link_labels(
    previous: ArrayLike,
    labels: ArrayLike,
    *,
    reach: Annotated[float, Range(0, 10)] = 1.0,
    shift: tuple[float, float] | None = None,
) -> NDArray[np.int32]:
    """Return which object of the previous frame is which of this one.

    Parameters
    ----------
    previous, labels : (Y, X) array_like of int
        Labels of two neighbouring frames.
    reach : float
        How far objects that share no pixel may be apart: 1 is three times the step that four in five stay below,
        within 0.7 to 2 diameters of the disc of their area.
    shift : (dy, dx), optional
        How far everything moved, in px; without, it is estimated.

    Returns
    -------
    pairs : (N, 2) ndarray of int32
        (label before, label now), sorted. A label before that stands twice has divided, a label now that stands twice
        is a merge; one that does not stand here has disappeared, or appeared.

    Raises
    ------
    ShapeError
        The frames are not label images of the same size.
    SettingError
        A setting out of its range.

    Notes
    -----
    Cost: 0.3 s for 10 Mpx and 1500 objects on one core. It fails where objects move further
    than to their neighbour's place between frames: take frames more often.
    """
    before_labels, after_labels = check_labels(previous, name="previous"), check_labels(labels)
    check_same_shape(before_labels, after_labels.shape, name="previous")
    if reach not in Range(0, 10):
        raise SettingError(f"reach: {reach!r} is out of range, must be {Range(0, 10)}.")
    before, after = find_places(before_labels), find_places(after_labels)
    found = Links.of(
        before_labels, after_labels, before, after, find_common_shift(before, after) if shift is None else shift
    )
    wide = reach * usual_reach(found)
    pairs = assign(found, range(len(before)), range(len(after)), reach=wide)
    taken = {j for _, j in pairs}
    new = [j for j in range(len(after)) if j not in taken]
    split = find_divisions(found, dict(pairs), new, reach=reach)
    linked = {i for i, _ in pairs}
    merged = find_merges(found, {j: i for i, j in pairs}, [i for i in range(len(before)) if i not in linked])
    everything = sorted((*pairs, *split, *merged))
    return np.array(
        [(before.labels[i], after.labels[j]) for i, j in everything], np.int32
    ).reshape(-1, 2)  # fmt: skip


def usual_reach(links: Links) -> float:
    """Return how far objects may have moved, in diameters, judged by those that are each other's nearest."""
    if min(len(links.before), len(links.after)) < _FEWEST:
        return _UNKNOWN_REACH
    distance, there = cKDTree(links.after.points).query(links.moved)
    _, back = cKDTree(links.moved).query(links.after.points[there])
    mutual = back == np.arange(len(there))
    if mutual.sum() < _FEWEST:
        return _UNKNOWN_REACH
    # not the median: where most are dead and lie still, the living ones crawl all the same
    step = np.quantile(distance[mutual] / links.before.diameters[mutual], 0.8)
    return float(np.clip(3 * step, 0.7, 2.0))


def assign(links: Links, rows: Sequence[int], columns: Sequence[int], *, reach: float) -> Pairs:
    """Return the best one-to-one pairs (position before, position after) of the objects in `rows` and `columns`."""
    wanted, free = set(rows), set(columns)
    pairs: Pairs = []
    for (i, j), n in links.shared.items():
        union = links.before.areas[i] + links.after.areas[j] - n
        if i in wanted and j in free and 2 * n > union:
            pairs.append((i, j))
    wanted -= {i for i, _ in pairs}
    free -= {j for _, j in pairs}
    gains = _gains(links, sorted(wanted), sorted(free), reach)
    if gains:
        pairs += _best(links, gains)
    return sorted(pairs)


def _gains(links: Links, rows: list[int], columns: list[int], reach: float) -> dict[tuple[int, int], float]:
    """Return what a link of each pair that could be the same object is worth: 0 to 1."""
    before, after = links.before, links.after
    wanted, free = set(rows), set(columns)
    candidates = {(i, j) for i, j in links.shared if i in wanted and j in free}
    if rows and columns and reach > 0:
        farthest = reach * (before.diameters[rows].max() + after.diameters[columns].max()) / 2
        near = cKDTree(links.moved[rows]).query_ball_tree(cKDTree(after.points[columns]), farthest)
        candidates |= {(rows[a], columns[b]) for a, found in enumerate(near) for b in found}
    gains = {}
    for i, j in sorted(candidates):
        small, large = sorted((before.areas[i], after.areas[j]))
        if small < _MOST_CHANGE * large and before.to_border[i] > 0 and after.to_border[j] > 0:
            continue
        overlap = links.shared.get((i, j), 0) / small
        limit = reach * (before.diameters[i] + after.diameters[j]) / 2
        distance = float(np.hypot(*(links.moved[i] - after.points[j])))
        near_by = max(0.0, 1 - (distance / limit) ** 2) if limit > 0 else 0.0
        gain = 0.5 * (overlap + near_by) * np.sqrt(small / large)
        if gain > 0.02:
            gains[i, j] = round(float(gain), 9)
    return gains


def _best(links: Links, gains: dict[tuple[int, int], float]) -> Pairs:
    """Return the pairs with the largest total gain, group by group; equal ones by position in the image."""
    # positions, not labels, give the order: the same objects under other numbers get the same links
    rows = _by_position(links.moved, {i for i, _ in gains})
    columns = _by_position(links.after.points, {j for _, j in gains})
    row_of, column_of = {i: n for n, i in enumerate(rows)}, {j: n for n, j in enumerate(columns)}
    a = np.array([row_of[i] for i, _ in gains])
    b = np.array([column_of[j] for _, j in gains])
    n = len(rows) + len(columns)
    _, group = connected_components(coo_array((np.ones(len(a)), (a, b + len(rows))), shape=(n, n)), directed=False)
    order = np.argsort(group[a], kind="stable")
    pairs: Pairs = []
    gain = np.array(list(gains.values()))
    for part in np.split(order, np.flatnonzero(np.diff(group[a][order])) + 1):
        in_rows, at_row = np.unique(a[part], return_inverse=True)
        in_columns, at_column = np.unique(b[part], return_inverse=True)
        matrix = np.zeros((len(in_rows), len(in_columns)))
        matrix[at_row, at_column] = gain[part]
        for r, c in zip(*linear_sum_assignment(matrix, maximize=True), strict=True):
            if matrix[r, c] > 0:
                pairs.append((rows[in_rows[r]], columns[in_columns[c]]))
    return pairs


def _by_position(points: NDArray[np.float64], positions: set[int]) -> list[int]:
    return sorted(positions, key=lambda k: (points[k, 0], points[k, 1]))


def find_divisions(
    links: Links,
    partner: dict[int, int],
    new: Sequence[int],
    whole: NDArray[np.float64] | None = None,
    *,
    reach: float,
) -> Pairs:
    """Return (parent, second daughter): new objects beside one that shrank to about the same size.

    Parameters
    ----------
    links : Links
        The two frames.
    partner : dict
        Object before -> object after that it is linked to.
    new : sequence of int
        Objects after without a link.
    whole : (K,) ndarray of float64, optional
        Areas of the objects before they got ready to divide: a nucleus condenses first.
    reach : float
        In diameters of the parent.
    """
    before, after = links.before, links.after
    whole = before.areas if whole is None else whole
    options: list[tuple[float, int, int]] = []
    parents = sorted(partner)
    if not parents or not len(new):
        return []
    tree = cKDTree(links.moved[parents])
    for j in new:
        farthest = max(0.75, 1.5 * reach) * float(2 * np.sqrt(whole.max() / np.pi))
        if after.to_border[j] == 0:  # it comes in, and is only partly there: its size says nothing
            continue
        for a in sorted(tree.query_ball_point(after.points[j], farthest)):
            i, sister = parents[a], partner[parents[a]]
            if after.to_border[sister] == 0:
                continue
            cost = _division_cost(links, i, sister, j, float(whole[i]), reach)
            if cost is not None:
                options.append((cost, i, j))
    found: Pairs = []
    for _, i, j in sorted(options, key=lambda one: (one[0], *after.points[one[2]], *links.moved[one[1]])):
        if i not in {p for p, _ in found} and j not in {c for _, c in found}:
            found.append((i, j))
    return found


def _division_cost(links: Links, parent: int, first: int, second: int, whole: float, reach: float) -> float | None:
    """Return how far two objects are from what a parent's daughters look like; None when they are none."""
    after, diameter = links.after, 2 * np.sqrt(whole / np.pi)
    sizes = np.sort(after.areas[[first, second]])
    if sizes[0] < 0.4 * sizes[1] or sizes[1] > 0.85 * whole or sizes.sum() < 0.4 * whole:
        return None
    middle = after.areas[[first, second]] @ after.points[[first, second]] / sizes.sum()
    off = float(np.hypot(*(middle - links.moved[parent]))) / diameter
    apart = float(np.hypot(*(after.points[first] - after.points[second]))) / diameter
    covered = min(links.shared.get((parent, one), 0) / after.areas[one] for one in (first, second))
    if covered >= 0.5 or (off <= 0.7 * max(reach, 0.5) and apart <= 2 * max(reach, 0.5)):
        return off + 0.1 * apart
    return None


def find_merges(links: Links, partner: dict[int, int], lost: Sequence[int]) -> Pairs:
    """Return (lost object, object after) where the lost one went into a larger one that is linked to another.

    Parameters
    ----------
    links : Links
        The two frames.
    partner : dict
        Object after -> object before that it is linked to.
    lost : sequence of int
        Objects before without a link.
    """
    found: Pairs = []
    for i in lost:
        shares = [(n, -j) for (own, j), n in links.shared.items() if own == i and j in partner]
        if not shares:
            continue
        n, j = max(shares)[0], -max(shares)[1]
        other, joint = links.before.areas[partner[j]], links.after.areas[j]
        whole = links.before.areas[i]
        if n >= 0.5 * whole and joint >= 0.7 * (other + whole) and joint > 1.15 * other:
            found.append((i, j))
    return found
