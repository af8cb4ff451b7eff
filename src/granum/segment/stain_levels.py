"""Nuclei of two stains as the published live-dead code finds them: one level per stain, and its skew closing.

Kept to compare with. The closing moves outlines: each of its dilations and erosions by half a pixel to the right.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image, check_same_shape
from granum.choice import Choice
from granum.errors import SettingError
from granum.segment.area_outline import close_gaps_as_published
from granum.segment.components import label_components
from granum.segment.grid_maximum import grid_maximum_threshold
from granum.steps import Range

__all__ = ["find_nuclei_by_level"]


def find_nuclei_by_level(
    live: ArrayLike,
    dead: ArrayLike,
    area: ArrayLike | None = None,
    *,
    tile: Annotated[int, Range(2, 1000, unit="px")] = 25,
    offset: Annotated[float, Range(0, 100)] = 1.3,
    live_threshold: Annotated[float | None, Range()] = None,
    dead_threshold: Annotated[float | None, Range()] = None,
    iterations: Annotated[int, Range(0, 20)] = 4,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], Choice]:
    """Find nuclei at one level per stain, closed as published.

    Parameters
    ----------
    live, dead : (Y, X) array_like
        The stain of all nuclei, and the one of the nuclei of dead cells; bright.
    area : (Y, X) array_like of bool, optional
        The analysed area.
    tile, offset : int, float
        As in `segment_by_grid_maximum`.
    live_threshold, dead_threshold : float, optional
        A grey level of the file in place of the one found, which the publication allows as well.
    iterations : int
        How often the mask is dilated, and then eroded, with OpenCV's ellipse of 4 pixels; 0 does not close.

    Returns
    -------
    mask : (Y, X) ndarray of bool
        What either stain shows.
    live_mask, dead_mask : (Y, X) ndarray of bool
        What each shows.
    choice : Choice
        The levels.

    Raises
    ------
    ShapeError
        Not images, or not of one shape.
    SettingError
        A setting is out of its range.

    See Also
    --------
    find_nuclei : Each nucleus at a level of its own, where it lies; for counting.

    Notes
    -----
    The publication [1]_ says neither kernel nor iterations. Of ellipses of 3 to 6 pixels with 1 to 5 dilations and 1 to
    5 erosions, four of each with 4 pixels make his masks out of his own channels: IoU .947, three of each .873. They
    move nuclei (1, 4) px down and right, which `find_nuclei` does not. On three simulated fields with known outlines
    these nuclei reach an IoU of .34 to .61, those of `find_nuclei` .90 to .91. Fails where dim and bright nuclei are in
    one field, and takes what floats out of focus for nuclei. 10 Mpx: 0.2 s.

    References
    ----------
    .. [1] T. Herricks, "Macrophage live-dead assay: image segmentation" (2021).

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(100, 2, (2, 100, 100))
    >>> noise[0, 20:30, 20:30] += 90
    >>> mask, living, dead, _ = find_nuclei_by_level(*noise, iterations=0)
    >>> int(living.sum()), int(dead.sum())
    (100, 0)
    """
    stains = {"live": check_image(live, name="live"), "dead": check_image(dead, name="dead")}
    check_same_shape(stains["dead"], stains["live"].shape, name="dead")
    inside = check_area(area, stains["live"].shape)
    if iterations not in Range(0, 20) or isinstance(iterations, bool):
        raise SettingError(f"segment.stain_levels.iterations: {iterations!r} is out of range, must be 0 to 20.")
    chosen: dict[str, Any] = {}
    masks = {}
    for (name, image), level in zip(stains.items(), (live_threshold, dead_threshold), strict=True):
        found = grid_maximum_threshold(image, inside, tile=tile, offset=offset) if level is None else level
        mask = close_gaps_as_published(np.asarray(image > found), iterations)
        masks[name] = mask if inside is None else mask & inside
        chosen |= {f"{name}_threshold": found, f"{name}_regions": int(label_components(masks[name]).max())}
    reason = (
        f"One level per stain, as published: {chosen['live_threshold']:.4g} and {chosen['dead_threshold']:.4g}; "
        f"closed {iterations} times with a kernel that moves outlines down and right."
    )
    return masks["live"] | masks["dead"], masks["live"], masks["dead"], Choice("nuclei", chosen, reason)
