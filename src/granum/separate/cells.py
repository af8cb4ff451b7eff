"""Cells from their nuclei: every pixel of the cell area goes to the nucleus that is nearest on a way through the area.

The published code floods a distance map with markers that start at 1 like the marker of the background, clips the
distance at 255 pixels and lets the flood write lines between cells and around the picture. Here numbers stay numbers,
lengths stay lengths, and of equally near nuclei the smaller number wins, in whatever order pixels are looked at.
"""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_labels, check_mask, check_same_shape
from granum.errors import GranumWarning, SettingError
from granum.segment.components import count_labels
from granum.steps import Range

__all__ = ["grow_cells"]

_UNIT = 5  # steps cost 5 along an edge, 7 across a corner, 11 for a knight's move: within 2 % of the true length
_FAR = 2**30  # longer than any way: a pixel of the area that no nucleus reaches
_CLOSED = 2**30 + 2**20  # neither area nor nucleus
_ALONE = 0.1  # share of a nucleus in the cell area under which it counts as outside


def grow_cells(
    labels: ArrayLike,
    cell_mask: ArrayLike,
    *,
    max_distance: Annotated[float, Range(0, None, unit="px")] | None = None,
) -> NDArray[np.int32]:
    """Give each pixel of the cell area to its nearest nucleus, measured through the area.

    Parameters
    ----------
    labels : (Y, X) array_like of int
        Nuclei, 0 background.
    cell_mask : (Y, X) array_like of bool
        Where cells are.
    max_distance : float, optional
        Longest way from the nucleus in pixels; what lies farther belongs to no cell. None is as far as the area goes.

    Returns
    -------
    cells : (Y, X) ndarray of int32
        The cell of nucleus 7 is 7, in one piece where the nucleus is. Each nucleus keeps its own pixels, whether they
        lie in the area or not; parts of the area that no nucleus reaches are 0 (debris, cells whose nucleus is not in
        the picture).

    Raises
    ------
    ShapeError
        Arrays do not fit each other.
    SettingError
        `max_distance` is negative.

    Warns
    -----
    GranumWarning
        Nuclei lie outside the cell area: their cell is the nucleus alone.

    Notes
    -----
    Ways go along edges, across corners that do not cut through the background, and by knight's moves, so lengths are
    within 2 % of the true ones. Pixels as near to two nuclei go to the smaller number. Nuclei of one cell with two
    share it between them; `measure.viability` counts nuclei that share a piece of the area. Fails where cells touch and
    their nuclei lie off their middles: the border is half way between nuclei, not where membranes are. 10 Mpx, a third
    of it cells: 0.3 s of one core, 4 bytes per pixel beside the result.

    Examples
    --------
    >>> grow_cells([[1, 0, 0, 0, 0, 0, 2]], [[1, 1, 1, 1, 1, 0, 0]])
    array([[1, 1, 1, 1, 1, 0, 2]], dtype=int32)
    """
    nuclei = check_labels(labels)
    area = check_mask(cell_mask, name="cell_mask")
    check_same_shape(area, nuclei.shape, name="cell_mask")
    if max_distance is not None and not max_distance >= 0:
        raise SettingError(f"separate.cells.max_distance: {max_distance!r} is out of range, must be at least 0.")
    longest = _FAR - 1 if max_distance is None else int(min(_FAR - 1, _UNIT * max_distance))
    cells = nuclei.copy()
    _hand_on(cells, _measure_ways(cells, area.view(np.uint8), np.int32(longest)))
    _warn_of_nuclei_outside(nuclei, area)
    return cells


def _warn_of_nuclei_outside(nuclei: NDArray[np.int32], area: NDArray[np.bool_]) -> None:
    n = int(nuclei.max())
    if n == 0:
        return
    sizes = count_labels(nuclei, n)
    inside = count_labels(np.where(area, nuclei, 0), n)
    alone = np.flatnonzero(inside[1:] < _ALONE * sizes[1:]) + 1
    if alone.size:
        some = ", ".join(str(label) for label in alone[:5]) + (", ..." if alone.size > 5 else "")
        warnings.warn(
            f"{alone.size} of {np.count_nonzero(sizes[1:])} nuclei lie outside the cell area (labels {some}): the cell "
            "of each is its nucleus alone; they may be out of focus, or the threshold of the cell area is too high.",
            GranumWarning,
            stacklevel=3,
        )


@njit(cache=True, nogil=True)
def _way(length: Any, v: Any, u: Any, dy: Any, dx: Any) -> Any:
    """Return the length of the way to pixel (v, u) whose last step is (dy, dx); `_CLOSED` or more where there is none.

    What lies between must be open, so that no corner of the background is cut: one of the two pixels beside a step
    across a corner, both of those between which a knight passes.
    """
    before = length[v - dy, u - dx]
    if dy == 0 or dx == 0:
        return before + 5
    if abs(dy) == abs(dx):
        return before + 7 if min(length[v - dy, u], length[v, u - dx]) < _CLOSED else _CLOSED
    one = length[v - dy // abs(dy), u] if abs(dy) == 2 else length[v, u - dx // abs(dx)]
    two = length[v - dy // abs(dy), u - dx] if abs(dy) == 2 else length[v - dy, u - dx // abs(dx)]
    return before + 11 if max(one, two) < _CLOSED else _CLOSED


@njit(cache=True, nogil=True)
def _shorten(length: Any, v: Any, u: Any, down: Any) -> Any:
    """Shorten the way to a pixel over the neighbours that a sweep has passed; return whether it got shorter."""
    old = length[v, u]
    best = min(length[v - down, u], length[v, u - down]) + 5
    diagonal = min(length[v - down, u - down], length[v - down, u + down]) + 7
    knight = min(
        min(length[v - 2 * down, u - down], length[v - 2 * down, u + down]),
        min(length[v - down, u - 2 * down], length[v - down, u + 2 * down]),
    )
    if diagonal < best:
        best = min(best, min(_way(length, v, u, down, down), _way(length, v, u, down, -down)))
    if knight + 11 < best:
        best = min(best, min(_way(length, v, u, 2 * down, down), _way(length, v, u, 2 * down, -down)))
        best = min(best, min(_way(length, v, u, down, 2 * down), _way(length, v, u, down, -2 * down)))
    if best >= old:
        return False
    length[v, u] = best
    return True


@njit(cache=True, nogil=True)
def _measure_ways(cells: Any, area: Any, longest: Any) -> Any:
    """Return the length of the way from the nearest nucleus to each pixel, with two pixels of `_CLOSED` around.

    Sweeps down and up over the rows near which something changed, until nothing does. Open pixels that no nucleus
    reaches within `longest` keep `_FAR`.
    """
    height, width = cells.shape
    length = np.full((height + 4, width + 4), np.int32(_CLOSED), np.int32)
    for y in range(height):
        for x in range(width):
            if cells[y, x] != 0:
                length[y + 2, x + 2] = 0
            elif area[y, x] != 0:
                length[y + 2, x + 2] = _FAR
    changed = np.ones(height + 4, np.uint8)
    down = 1
    sweep = 0
    going = True
    while going:
        going = sweep == 0
        now = np.zeros(height + 4, np.uint8)
        for i in range(height):
            v = i + 2 if down == 1 else height + 1 - i
            # rows of this sweep, and those of the sweep before, that this one looks at
            near = now[v - down] | now[v - 2 * down] | changed[v] | changed[v - down] | changed[v - 2 * down]
            if near == 0:
                continue
            row = False
            for j in range(width):
                u = j + 2 if down == 1 else width + 1 - j
                if length[v, u] == 0 or length[v, u] == _CLOSED:
                    continue
                row = _shorten(length, v, u, down) or row
            now[v] = row
            going = going or row
        if sweep > 0:  # the second looks at all rows: what lies below has not been seen from there
            changed = now
        down = -down
        sweep += 1
    for v in range(2, height + 2):
        for u in range(2, width + 2):
            if length[v, u] > longest and length[v, u] < _CLOSED:
                length[v, u] = _FAR
    return length


@njit(cache=True, nogil=True)
def _look_back(cells: Any, length: Any, y: Any, x: Any) -> Any:
    """Return the label of the neighbour over which the way is shortest, of equal ones the smallest, or where to ask.

    Labels are handed on between neighbours only, not by knight's moves, so every cell is in one piece. The second value
    is the flat position of such a neighbour that has no label yet, -1 where all have one.
    """
    best, label, ask = np.int32(_FAR), np.int32(0), -1
    v, u = y + 2, x + 2
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            if length[v - dy, u - dx] >= length[v, u] or length[v - dy, u - dx] + 5 > best:
                continue
            total = _way(length, v, u, dy, dx)
            if total > best or total >= _FAR:
                continue
            other = cells[y - dy, x - dx]
            if total < best:
                best, label, ask = total, other, -1
            label = min(label, other)
            if other == 0:
                ask = (y - dy) * cells.shape[1] + x - dx
    return label, ask


@njit(cache=True, nogil=True)
def _hand_on(cells: Any, length: Any) -> None:
    """Hand the labels on along the ways, in place: from each pixel back to what has a label, and forth again."""
    height, width = cells.shape
    path = np.empty(1024, np.int64)
    for y in range(height):
        for x in range(width):
            if cells[y, x] != 0 or length[y + 2, x + 2] >= _FAR:
                continue
            path[0] = y * width + x
            n = 1
            while n > 0:
                v, u = path[n - 1] // width, path[n - 1] % width
                label, ask = _look_back(cells, length, v, u)
                if ask < 0:
                    cells[v, u] = label
                    n -= 1
                    continue
                if n == len(path):
                    longer = np.empty(2 * n, np.int64)
                    longer[:n] = path
                    path = longer
                path[n] = ask
                n += 1
