"""The band of text that a microscope adds below or above its pictures, across the full width."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.arrays import check_image

__all__ = ["find_info_bar", "to_levels"]

_SMALLEST = 48  # px; below this there is no room for a picture and a band
_TALLEST = 0.25  # of the height
_TOLERANCE = 6  # levels of 255: JPEG leaves this much around letters
_GAP = 3  # rows in a row that may look unlike the band
_INK = 90  # levels between the letters and their ground


def find_info_bar(image: NDArray[Any]) -> tuple[int, int] | None:
    """Return the rows (start, stop) of an info bar, or None.

    A bar is a band at the bottom or the top whose ground has one value, that begins abruptly over the full width,
    and that holds letters. Dark or saturated margins of a picture have no abrupt edge or no letters.

    Parameters
    ----------
    image : (Y, X) array of real numbers
        One picture.

    Returns
    -------
    rows : tuple of int or None
        First row of the bar and the row after its last; one of them is an edge of the picture.
    """
    return find_info_bar_in_levels(to_levels(check_image(image)))


def find_info_bar_in_levels(levels: NDArray[np.uint8]) -> tuple[int, int] | None:
    """Return the rows of the bar in a picture of 256 levels."""
    height, width = levels.shape
    if min(height, width) < _SMALLEST:
        return None
    limit = int(_TALLEST * height)
    n = _band_height(levels[::-1][: 2 * limit], limit)
    if n:
        return height - n, height
    n = _band_height(levels[: 2 * limit], limit)
    return (0, n) if n else None


def to_levels(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the image on 0..255, its smallest value at 0 and its largest at 255."""
    low, high = float(image.min()), float(image.max())
    if image.dtype == np.uint8 and low == 0 and high == 255:
        return image
    if not high > low:
        return np.zeros(image.shape, np.uint8)
    scale = 255 / (high - low)
    if image.dtype == np.uint8 or image.dtype == np.uint16:
        values = np.arange(np.iinfo(image.dtype).max + 1, dtype=np.float64)
        table = np.round(np.clip((values - low) * scale, 0, 255)).astype(np.uint8)
        return table[image]
    levels = np.empty(image.shape, np.uint8)
    for rows in range(0, len(image), 512):  # in bands, so that no float copy of the whole image is made
        part = image[rows : rows + 512].astype(np.float64)
        levels[rows : rows + 512] = np.round((part - low) * scale)
    return levels


def _band_height(rows: NDArray[np.uint8], limit: int) -> int:
    """Return the height of the band that starts at row 0 and goes inwards, 0 when there is none."""
    n_edge = max(3, limit // 8)
    ground = int(np.bincount(rows[:n_edge].ravel(), minlength=256).argmax())
    near = cv2.inRange(rows, max(ground - _TOLERANCE, 0), min(ground + _TOLERANCE, 255))
    share = near.mean(axis=1) / 255
    n = gap = 0
    while n + gap < len(rows) and gap <= _GAP:
        # the rules of a table may cover most of a row, but only a few rows
        if share[n + gap] > 0.3 or _is_line(rows[n + gap]):
            n, gap = n + gap + 1, 0
        else:
            gap += 1
    smallest = max(8, limit // 12)
    if n > limit:
        # the picture goes on as dark as the ground: only a drawn line can part them
        drawn = np.flatnonzero((np.abs(rows[: limit + 1].astype(np.int16) - ground) > _INK).mean(axis=1) > 0.95)
        n = int(drawn[-1]) + 1 if len(drawn) else 0
        return n if n >= smallest and _holds_letters(rows[:n], ground) else 0
    if n < smallest:
        return 0
    starts_abruptly = share[max(n - 3, 0) : n].max() > 0.6 and share[n : n + 3].mean() < 0.35
    beyond = share[n : 2 * n].mean()
    return n if starts_abruptly and beyond < 0.35 and _holds_letters(rows[:n], ground) else 0


def _is_line(row: NDArray[np.uint8]) -> bool:
    """Whether a row has one value from side to side."""
    return float((np.abs(row.astype(np.int16) - int(np.median(row))) <= _TOLERANCE).mean()) > 0.95


def _holds_letters(band: NDArray[np.uint8], ground: int) -> bool:
    """Whether the band holds at least four separate strokes of letters, and little but ground and ink."""
    away = cv2.absdiff(band, np.full_like(band, ground))
    ink = (away > _INK).astype(np.uint8)
    share = float(ink.mean())
    if not 0.002 < share < 0.5 or float((away <= _TOLERANCE).mean()) < 0.45:
        return False
    n, _, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    heights, widths = boxes[1:n, cv2.CC_STAT_HEIGHT], boxes[1:n, cv2.CC_STAT_WIDTH]
    height = len(band)
    letters = (heights >= max(4, 0.08 * height)) & (heights < 0.95 * height) & (widths < 2 * height)
    return int(letters.sum()) >= 4
