"""Outlines of the objects on the image, for people who check a result.

Solid outlines in colours that people with colour-blindness can tell apart, neighbours never alike; dashed where an
object touches the border; thick vermilion, kept for this alone, where the separation is doubtful.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image, check_labels, check_same_shape
from granum.errors import OutputError, SettingError
from granum.object_table import FLAGS, ObjectTable
from granum.report.png import encode_palette_png
from granum.steps import Range

__all__ = ["PALETTE", "colour_objects", "draw_overlay", "outline_map", "stretch_contrast", "write_overlay"]

# after Okabe and Ito, "Color Universal Design" (2008), brighter because thin lines on grey look pale; the last one is
# for what the others cannot tell apart
PALETTE = np.array([[60, 165, 255], [255, 222, 0], [0, 214, 130], [255, 110, 205], [255, 255, 255]], dtype=np.uint8)
DOUBTFUL = np.array([[255, 64, 0]], dtype=np.uint8)
# colours of the overlay: 240 greys, then those of the outlines
_N_GREYS = 240
_COLOURS = np.concatenate(
    [np.linspace(0, 255, _N_GREYS).round().astype(np.uint8)[:, None].repeat(3, axis=1), PALETTE, DOUBTFUL]
)
_REACH = 3  # objects as near as this, in pixels, count as neighbours


def stretch_contrast(image: ArrayLike, *, tail: Annotated[float, Range(0, 49)] = 0.3) -> NDArray[np.uint8]:
    """Return the image as 8-bit grey, `tail` percent of the pixels black and as many white.

    Parameters
    ----------
    image : (Y, X) array_like
        Any real dtype.
    tail : float
        Percent cut at each end, 0..49.

    Returns
    -------
    grey : (Y, X) uint8 ndarray
        Mid-grey for a constant image.
    """
    if not 0 <= tail <= 49:
        raise SettingError(f"tail: {tail!r} is out of range, must be 0 to 49 percent.")
    pixels = check_image(image)
    step = max(1, int(np.sqrt(pixels.size / 1_000_000)))
    low, high = np.percentile(pixels[::step, ::step], (tail, 100 - tail))
    if not high > low:
        low, high = float(pixels.min()), float(pixels.max())
    if not high > low:
        return np.full(pixels.shape, 128, dtype=np.uint8)
    if pixels.dtype in (np.uint8, np.uint16):  # a table of all grey levels is faster than arithmetic on all pixels
        levels = np.arange(np.iinfo(pixels.dtype).max + 1, dtype=np.float64)
        table = np.clip((levels - low) * (255.0 / (high - low)), 0, 255).astype(np.uint8)
        return np.asarray(table[pixels])
    grey = (pixels.astype(np.float64) - low) * (255.0 / (high - low))
    return np.clip(grey, 0, 255).astype(np.uint8)


@njit(cache=True)
def _neighbour_pairs(labels: Any, reach: int) -> Any:
    """Return the pairs of labels at most `reach` pixels apart along a row or a column, with repetitions."""
    height, width = labels.shape
    pairs = np.empty((1024, 2), np.int32)
    above = np.zeros(width, np.int32)  # the last object of each column, and its row
    row_above = np.zeros(width, np.int32)
    n = 0
    for y in range(height):
        left, left_x = 0, 0
        for x in range(width):
            label = labels[y, x]
            if label == 0:
                continue
            for way in range(2):
                other = left if way == 0 else above[x]
                gap = x - left_x if way == 0 else y - row_above[x]
                if other == 0 or other == label or gap > reach:
                    continue
                if n and pairs[n - 1, 0] == label and pairs[n - 1, 1] == other:
                    continue
                if n == len(pairs):
                    more = np.empty((2 * n, 2), np.int32)
                    more[:n] = pairs
                    pairs = more
                pairs[n, 0] = label
                pairs[n, 1] = other
                n += 1
            left, left_x = label, x
            above[x], row_above[x] = label, y
    return pairs[:n]


def colour_objects(labels: NDArray[np.int32], *, n_colours: Annotated[int, Range(1, 255)] = 5) -> NDArray[np.uint8]:
    """Return the palette index of every label, 0..n_colours-1, so that neighbours differ where the palette allows it.

    Parameters
    ----------
    labels : (Y, X) int32 ndarray
        0 background, 1..K objects.
    n_colours : int
        Length of the palette, 1..255.

    Returns
    -------
    colours : (K + 1,) uint8 ndarray
        Greedy colouring in label order; the last colour only where the others are all taken.
    """
    k = int(labels.max(initial=0))
    pairs = np.unique(np.sort(_neighbour_pairs(labels, _REACH), axis=1), axis=0)
    near: dict[int, list[int]] = {}
    for low, high in pairs.tolist():
        near.setdefault(high, []).append(low)
    colours = (np.arange(k + 1) % max(1, n_colours - 1)).astype(np.uint8)
    for label in sorted(near):
        taken = {int(colours[other]) for other in near[label]}
        if int(colours[label]) in taken:
            used = [int(colours[other]) for other in near[label]]
            free = [colour for colour in range(max(1, n_colours - 1)) if colour not in taken]
            colours[label] = free[label % len(free)] if free else min(reversed(range(n_colours)), key=used.count)
    return colours


@njit(cache=True)
def _outline_pixels(labels: Any, widths: Any, dashed: Any, dash: int) -> Any:
    """Return a mask of the pixels within `widths[label]` of another label, dashes left out."""
    height, width = labels.shape
    found = np.zeros((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label == 0 or (dashed[label] and ((x + y) // dash) % 2 == 0 and ((x - y) // dash) % 2 == 0):
                continue
            reach = widths[label]
            for step in range(1, reach + 1):
                if (
                    (y >= step and labels[y - step, x] != label)
                    or (y + step < height and labels[y + step, x] != label)
                    or (x >= step and labels[y, x - step] != label)
                    or (x + step < width and labels[y, x + step] != label)
                ):
                    found[y, x] = True
                    break
    return found


def outline_map(
    labels: NDArray[np.int32], objects: ObjectTable | None = None, *, width: Annotated[int, Range(1, 50)] = 1
) -> NDArray[np.uint8]:
    """Return the colour of every outline pixel: 0 none, 1..5 `PALETTE`, 6 a doubtful separation.

    Parameters
    ----------
    labels : (Y, X) int32 ndarray
        0 background, 1..K objects.
    objects : dict of ndarray, optional
        Its `label` and `flags` tell which objects are dashed (touch the border) or doubtful (low confidence).
    width : int
        Width of a line in pixels, drawn inside the object.
    """
    k = int(labels.max(initial=0))
    flags = np.zeros(k + 1, dtype=np.int64)
    if objects is not None and {"label", "flags"} <= objects.keys():
        known = (objects["label"] >= 0) & (objects["label"] <= k)
        flags[objects["label"][known]] = objects["flags"][known]
    doubtful = flags & FLAGS["low_confidence"][0] != 0
    dashed = flags & FLAGS["touches_border"][0] != 0
    widths = np.where(doubtful, width + 1, width).astype(np.int32)
    colours = np.where(doubtful, len(PALETTE) + 1, colour_objects(labels) + 1).astype(np.uint8)
    found = _outline_pixels(labels, widths, dashed, max(2, 2 * width))
    return np.where(found, colours[labels], 0).astype(np.uint8)


def _dim(grey: NDArray[np.uint8], area: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    """Return the picture with what was not analysed darkened and hatched."""
    if area is None:
        return grey
    y, x = np.ogrid[: grey.shape[0], : grey.shape[1]]
    pitch = max(8, min(grey.shape) // 60)
    dark = (grey * np.float32(0.35)).astype(np.uint8) + np.uint8(40) * ((x + y) % pitch < max(1, pitch // 8))
    return np.where(area, grey, dark).astype(np.uint8)


def draw_overlay(
    image: ArrayLike,
    labels: ArrayLike,
    objects: ObjectTable | None = None,
    area: ArrayLike | None = None,
    *,
    width: Annotated[int, Range(1, 50)] | None = None,
) -> NDArray[np.uint8]:
    """Draw the outlines of the objects on the image.

    Parameters
    ----------
    image : (Y, X) array_like
        The picture, any real dtype; its contrast is stretched.
    labels : (Y, X) array_like of int
        0 background, 1..K objects.
    objects : dict of ndarray, optional
        Object table with `label` and `flags`: border objects are dashed, doubtful separations thick and vermilion.
    area : (Y, X) array_like of bool, optional
        The analysed area; the rest is darkened and hatched.
    width : int, optional
        Width of the lines in pixels, 1..50; by default one per started 1500 pixels of the longer side.

    Returns
    -------
    overlay : (Y, X, 3) uint8 ndarray
        Red, green, blue.

    Raises
    ------
    ShapeError
        When image, labels and area do not fit.
    SettingError
        When `width` is out of range.
    """
    return np.asarray(_COLOURS[_overlay_colours(image, labels, objects, area, width)])


def _overlay_colours(
    image: ArrayLike, labels: ArrayLike, objects: ObjectTable | None, area: ArrayLike | None, width: int | None
) -> NDArray[np.uint8]:
    """Return the overlay as rows of `_COLOURS`."""
    grey = stretch_contrast(image)
    labels = check_labels(labels)
    check_same_shape(labels, grey.shape, name="labels")
    area = check_area(area, grey.shape)
    if width is None:
        width = 1 + max(grey.shape) // 1500
    if not 1 <= width <= 50:
        raise SettingError(f"width: {width!r} is out of range, must be 1 to 50 pixels.")
    outlines = outline_map(labels, objects, width=width)
    greys = (np.arange(256) * (_N_GREYS - 1) / 255).round().astype(np.uint8)
    return np.where(outlines > 0, outlines + np.uint8(_N_GREYS - 1), greys[_dim(grey, area)])


def write_overlay(
    path: str | Path,
    image: ArrayLike,
    labels: ArrayLike,
    objects: ObjectTable | None = None,
    area: ArrayLike | None = None,
    *,
    width: Annotated[int, Range(1, 50)] | None = None,
) -> None:
    """Write `draw_overlay` as a PNG of the image's full size, with a palette of 246 colours.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    path = Path(path)
    data = encode_palette_png(_overlay_colours(image, labels, objects, area, width), _COLOURS)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}).") from error
