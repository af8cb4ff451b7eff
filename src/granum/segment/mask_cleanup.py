"""Masks without holes and specks; objects at the border stay."""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_mask
from granum.errors import SettingError
from granum.segment.components import keep_components
from granum.steps import Range

__all__ = ["clean_mask"]


def clean_mask(
    mask: ArrayLike,
    *,
    min_area: Annotated[int, Range(0, None, unit="px2")] = 10,
    fill_holes: bool = True,
    max_hole_area: Annotated[int, Range(0, None, unit="px2")] | None = None,
    opening_radius: Annotated[float, Range(0, 100, unit="px")] = 0.0,
    remove_border: bool = False,
) -> NDArray[np.bool_]:
    """Open, fill holes, drop specks, in this order.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        True where objects are.
    min_area : int
        Objects of fewer pixels are dropped; 0 or 1 keeps all.
    fill_holes : bool
        Whether background that an object encloses is filled.
    max_hole_area : int, optional
        Holes of more pixels stay; None fills all. Set it where touching particles enclose true background.
    opening_radius : float
        Radius in pixels of a disk with which the mask is opened first (whiskers and thin bridges go), 0 to 100; 0 does
        not.
    remove_border : bool
        Whether objects that touch the border of the image are dropped. By default they stay, and are flagged when
        they are measured: dropping them biases counts and sizes.

    Returns
    -------
    mask : (Y, X) ndarray of bool
        A new array.

    Raises
    ------
    SettingError
        A setting out of its range.

    Notes
    -----
    Objects are 8-connected, the background 4-connected. What is background is decided from every pixel of the border,
    not from one corner, so an object in the corner does not invert the mask. Beyond the border the opening sees the
    image continued: objects there are not eaten from the outside. 16 Mpx: 0.3 s of one core, 8 bytes per pixel.

    Examples
    --------
    >>> import numpy as np
    >>> ring = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0]])
    >>> int(clean_mask(ring, min_area=5).sum())
    9
    """
    mask = check_mask(mask)
    if min_area not in Range(0, None):
        raise SettingError(f"min_area: {min_area!r} is out of range, must be at least 0.")
    if max_hole_area is not None and max_hole_area not in Range(0, None):
        raise SettingError(f"max_hole_area: {max_hole_area!r} is out of range, must be at least 0.")
    if opening_radius not in Range(0, 100):
        raise SettingError(f"opening_radius: {opening_radius!r} is out of range, must be 0 to 100.")
    clean = mask
    if opening_radius >= 1:
        opened = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, _disk(opening_radius))
        clean = np.asarray(opened.view(np.bool_))
    if fill_holes and max_hole_area != 0:
        clean = clean | keep_components(~clean, connectivity=1, max_area=max_hole_area, inner=True)
    if min_area > 1 or remove_border:
        clean = keep_components(clean, connectivity=2, min_area=min_area, inner=remove_border)
    return clean.copy() if clean is mask else clean


def _disk(radius: float) -> NDArray[np.uint8]:
    """Return a disk as scikit-image's `disk`."""
    reach = int(radius)
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return (y * y + x * x <= radius * radius).astype(np.uint8)
