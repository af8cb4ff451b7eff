"""How much of the area cells cover, and between which bounds, from how far methods disagree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from granum.arrays import check_area, check_mask, check_same_shape

__all__ = ["measure_confluency"]


def measure_confluency(
    mask: ArrayLike, votes: Mapping[str, ArrayLike] | None = None, area: ArrayLike | None = None
) -> dict[str, float]:
    """Measure the share of the area that cells cover.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        Where cells are.
    votes : mapping of str to (Y, X) array_like of bool, optional
        What each method sees, as `segment_by_texture` returns it.
    area : (Y, X) array_like of bool, optional
        The analysed area; pixels outside count neither as cells nor as area.

    Returns
    -------
    summary : dict of str to float
        "confluency" (0 to 1; NaN where no area is analysed), and with votes "confluency_low" and "confluency_high",
        "confluency_<method>" for each method, and "doubt": half of the share of pixels on which methods differ, over
        the smaller of the covered and the free share (at least 2 %), or the distance of the bounds if that is larger;
        at most 1.

    Raises
    ------
    ShapeError
        The arrays do not fit.

    Notes
    -----
    The bounds run from the least to the largest share of any method, the mask's among them. They tell how far the
    number depends on the method, not how far it varies between fields: for that, take several fields of a well.
    Methods that err in the same way are not noticed.
    """
    cells = check_mask(mask)
    inside = check_area(area, cells.shape)
    n = cells.size if inside is None else int(np.count_nonzero(inside))
    if n == 0:
        return {"confluency": float("nan")}

    def share(of: np.ndarray) -> float:
        return int(np.count_nonzero(of if inside is None else of & inside)) / n

    found = share(cells)
    summary = {"confluency": found}
    if not votes:
        return summary
    shares = {}
    some, every = np.zeros(cells.shape, np.bool_), np.ones(cells.shape, np.bool_)
    for name, vote in votes.items():
        seen = check_mask(vote, name=f"votes[{name!r}]")
        check_same_shape(seen, cells.shape, name=f"votes[{name!r}]")
        shares[name] = share(seen)
        some |= seen
        every &= seen
    least, most = min(found, *shares.values()), max(found, *shares.values())
    summary["confluency_low"], summary["confluency_high"] = least, most
    summary.update({f"confluency_{name}": value for name, value in shares.items()})
    apart = share(some & ~every)
    summary["doubt"] = min(1.0, max(0.5 * apart / max(min(found, 1.0 - found), 0.02), most - least))
    return summary
