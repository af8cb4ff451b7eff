"""A small picture of an image as it is shown first: its channels in their windows and tints, as WebP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import OutputError

__all__ = ["SIDE", "draw_thumbnail"]

SIDE = 256
_QUALITY = 80


def draw_thumbnail(coarse: Sequence[NDArray[Any]], channels: Sequence[dict[str, Any]]) -> bytes:
    """Return a WebP whose longer side is 256 pixels, less where the image is smaller.

    Parameters
    ----------
    coarse : sequence of (Y, X) ndarray
        A coarse level of each channel, in tile values.
    channels : sequence of dict
        Their "low", "high" and "colour".
    """
    import cv2

    height, width = coarse[0].shape
    shrink = max(1.0, max(height, width) / SIDE)
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    total = np.zeros((size[1], size[0], 3), np.float32)
    for plane, channel in zip(coarse, channels, strict=True):
        small = cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        low, high = float(channel["low"]), float(channel["high"])
        shown = np.clip((small - low) / max(high - low, 1e-9), 0, 1)
        tint = [int(channel["colour"][i : i + 2], 16) for i in (5, 3, 1)]  # OpenCV counts blue, green, red
        total += shown[..., None] * np.asarray(tint, np.float32)
    pixels = np.clip(total + 0.5, 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    if not done:
        raise OutputError(f"a thumbnail of {height} x {width} pixels could not be made.")
    return bytes(data)
