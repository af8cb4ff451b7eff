"""The bar that a microscope burns into the bottom of its pictures."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_info_bar", "info_bar_height", "nice_length"]


def info_bar_height(size: int) -> int:
    """Return the height in px of the bar of an image `size` px high: about 7 %."""
    return max(12, round(0.068 * size))


def nice_length(longest: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not above `longest`.

    Examples
    --------
    >>> nice_length(130.0)
    100.0
    """
    power = 10.0 ** math.floor(math.log10(longest))
    return next(factor * power for factor in (5, 2, 1) if factor * power <= longest * (1 + 1e-9))


def draw_info_bar(image: NDArray[np.float32], height: int, *, pixel_size_nm: float) -> dict[str, Any]:
    """Draw a black bar with a white scale bar and its length over the last rows of `image`, in place.

    Parameters
    ----------
    image : (Y, X) ndarray of float32
        Brightness 0 to 1.
    height : int
        Height of the bar in px.
    pixel_size_nm : float
        Side of a pixel in nm.

    Returns
    -------
    truth : dict
        First row of the bar, and the scale bar: length in px and nm, its text, and its box (y0, x0, y1, x1).
    """
    rows, columns = image.shape
    top = rows - height
    image[top:] = 0.0
    length_nm = nice_length(0.25 * columns * pixel_size_nm)
    length = max(1, round(length_nm / pixel_size_nm))
    text = f"{length_nm:g} nm" if length_nm < 1000 else f"{length_nm / 1000:g} um"
    thick = max(2, height // 8)
    y0, x0 = top + height // 2 - thick // 2, round(0.05 * columns)
    image[y0 : y0 + thick, x0 : x0 + length] = 1.0
    scale = height / 45
    line = max(1, round(scale * 1.6))
    for words, x in ((text, x0 + length + round(0.02 * columns)), ("simulated", round(0.72 * columns))):
        at = (x, y0 + thick // 2 + round(11 * scale))
        # the picture is drawn as 8 bit so that the letters are the same on every build of OpenCV
        letters = np.zeros((height, columns), np.uint8)
        cv2.putText(letters, words, (at[0], at[1] - top), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, line, cv2.LINE_AA)
        image[top:] = np.maximum(image[top:], letters.astype(np.float32) / 255)
    box = [y0, x0, y0 + thick, x0 + length]
    return {"top_row": top, "scale_bar_px": length, "scale_bar_nm": length_nm, "text": text, "scale_bar_box": box}
