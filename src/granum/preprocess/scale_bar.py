"""Scale bars drawn into a picture: the bar, the text that belongs to it, and the box around both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.arrays import check_image
from granum.preprocess.info_bar import to_levels

__all__ = ["ScaleBar", "find_scale_bar"]

Box = tuple[int, int, int, int]

_INK = 76  # levels of 255 from the darkest (or brightest) value that still count as drawn
_STRIP = 0.3  # scale bars lie in the upper or lower 30 % of a picture
_MIN_GLYPHS = 3  # "5nm"
_LABEL_GLYPHS = 4


@dataclass(frozen=True)
class ScaleBar:
    """A scale bar in a picture.

    Parameters
    ----------
    length : float
        Length in px, to a fraction of a pixel where the ends are smooth.
    bar : tuple of int
        Box of the bar (y0, x0, y1, x1), ends excluded.
    boxes : tuple of boxes
        What it covers with its text and frame, and further lettering in the same ink.
    ink : {"dark", "bright"}
        Whether it is darker or brighter than its surroundings.
    """

    length: float
    bar: Box
    boxes: tuple[Box, ...]
    ink: str


def find_scale_bar(image: NDArray[Any]) -> ScaleBar | None:
    """Return the scale bar drawn into a picture, or None.

    A scale bar is a thin straight level stroke in the darkest or the brightest value, with at least three characters
    of one height on one line in the same ink beside, above or below it. Strokes without text are not taken.

    Parameters
    ----------
    image : (Y, X) array of real numbers
        One picture.

    Returns
    -------
    bar : ScaleBar or None
        The one with the most characters; the longest among equals.
    """
    return find_scale_bar_in_levels(to_levels(check_image(image)))


def find_scale_bar_in_levels(levels: NDArray[np.uint8], rows: tuple[int, int] | None = None) -> ScaleBar | None:
    """Return the scale bar in a picture of 256 levels, or in the rows of its info bar."""
    height, width = levels.shape
    if min(height, width) < 32:
        return None
    strip = int(np.ceil(_STRIP * height))
    strips = [(0, strip), (height - strip, height)] if rows is None else [rows]
    best: tuple[tuple[int, int], ScaleBar] | None = None
    for ink in ("dark", "bright"):
        drawn = levels if ink == "dark" else cv2.bitwise_not(levels)
        strokes = _thin_strokes(drawn, strips)
        for stroke in strokes:
            glyphs = _text_of(drawn, stroke, rows or (0, height))
            if len(glyphs) < _MIN_GLYPHS:
                continue
            text_height = max(y1 - y0 for y0, _, y1, _ in glyphs)
            # "|--- 5 um ---|": the text parts the bar in two
            halves = [other for other in strokes if _flank(stroke, other, _around(glyphs))]
            bar = _around([stroke, *halves])
            box = _frame(drawn, _around([bar, *glyphs]), text_height)
            found = ScaleBar(_length(drawn, bar), bar, (box,), ink)
            score = len(glyphs), bar[3] - bar[1]
            if best is None or score > best[0]:
                best = score, found
    if best is None:
        return None
    chosen = best[1]
    if rows is not None:
        return chosen
    labels = _labels(levels if chosen.ink == "dark" else cv2.bitwise_not(levels), chosen)
    return replace(chosen, boxes=(*chosen.boxes, *labels))


def _thin_strokes(drawn: NDArray[np.uint8], strips: list[tuple[int, int]]) -> list[Box]:
    """Return level strokes of dark ink, plain or with an upright tick at both ends, in strips of rows."""
    height, width = drawn.shape
    shortest = max(12, round(0.015 * width)) | 1  # odd: OpenCV shifts what an even kernel opens
    found = []
    for top, bottom in strips:
        ink = (drawn[top:bottom] <= _INK).astype(np.uint8)
        long = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, shortest), np.uint8))
        filled = np.flatnonzero(long.any(axis=1))
        if not len(filled):
            continue
        n, _, boxes, _ = cv2.connectedComponentsWithStats(long[filled[0] : filled[-1] + 1], connectivity=8)
        boxes[:, 1] += filled[0]
        wide = (boxes[1:n, 2] <= 0.7 * width) & (boxes[1:n, 3] <= max(3, 0.03 * height))
        slim = wide & (boxes[1:n, 2] >= 5 * boxes[1:n, 3]) & (boxes[1:n, 4] >= 0.85 * boxes[1:n, 2] * boxes[1:n, 3])
        for x, y, w, h, _ in boxes[1:n][slim].tolist():
            if _stands_alone(ink, x, y, w, h):
                found.append((top + y, x, top + y + h, x + w))
    return found


def _stands_alone(ink: NDArray[np.uint8], x: int, y: int, w: int, h: int) -> bool:
    """Whether the rows just above and below are free of ink, except for ticks at the ends."""
    tick = max(2, h)
    inner = slice(x + tick, x + w - tick)
    above, below = ink[max(y - 2, 0) : max(y - 1, 0), inner], ink[y + h + 1 : y + h + 2, inner]
    if above.size == 0 or below.size == 0 or x == 0 or x + w == ink.shape[1]:
        return False
    ends = ink[y : y + h, max(x - 2, 0) : x].sum() + ink[y : y + h, x + w : x + w + 2].sum()
    return not above.any() and not below.any() and bool(ends <= h)


def _text_of(drawn: NDArray[np.uint8], bar: Box, rows: tuple[int, int]) -> list[Box]:
    """Return the characters on one line beside, above or below the bar, within some rows."""
    height, width = drawn.shape
    y0, x0, y1, x1 = bar
    reach = int(0.13 * height)
    top, bottom = max(y0 - reach, rows[0]), min(y1 + reach, rows[1])
    window = (top, max(x0 - width // 3, 0), bottom, min(x1 + width // 3, width))
    glyphs = [g for g in _glyphs(drawn, window, 0.8 * (y1 - y0), 0.12 * height) if _overlap(g, bar) == 0]
    best: list[Box] = []
    for line in _lines(glyphs):
        tall = max(g[2] - g[0] for g in line)
        top, left, bottom, right = _around(line)
        level = top <= (y0 + y1) / 2 <= bottom
        beside = level and min(abs(left - x1), abs(x0 - right)) <= 2.5 * tall and (left >= x1 - 2 or right <= x0 + 2)
        centred = x0 - 2 * tall <= (left + right) / 2 <= x1 + 2 * tall and right - left <= max(3 * (x1 - x0), 8 * tall)
        stacked = centred and min(abs(top - y1), abs(y0 - bottom)) <= 1.5 * tall and not level
        if (beside or stacked) and len(line) > len(best):
            best = line
    return best


def _flank(stroke: Box, other: Box, text: Box) -> bool:
    """Whether two strokes are the halves of one bar, left and right of its text."""
    left, right = sorted((stroke, other), key=lambda box: box[1])
    same_row = abs(left[0] - right[0]) <= 1 and abs(left[2] - right[2]) <= 1
    between = left[3] - 2 <= text[1] and text[3] <= right[1] + 2
    alike = 0.6 < (left[3] - left[1]) / (right[3] - right[1]) < 1.6
    return left is not right and same_row and between and alike


def _glyphs(drawn: NDArray[np.uint8], window: Box, smallest: float, tallest: float) -> list[Box]:
    """Return the boxes of character-like strokes of ink inside a window."""
    y0, x0, y1, x1 = window
    ink = (drawn[y0:y1, x0:x1] <= _INK).astype(np.uint8)
    n, labels, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    found = []
    for i in range(1, n):
        x, y, w, h, area = boxes[i].tolist()
        if not (max(smallest, 6) <= h <= tallest and w <= 1.6 * h and h <= 8 * w and area >= 0.15 * w * h):
            continue
        if (y == 0 and y0 > 0) or (x == 0 and x0 > 0) or y + h == y1 - y0 or x + w == x1 - x0:
            continue
        # letters are drawn in one value: half of their pixels must be close to the extreme
        inside = drawn[y0 + y : y0 + y + h, x0 + x : x0 + x + w][labels[y : y + h, x : x + w] == i]
        if np.median(inside) <= _INK // 2:
            found.append((y0 + y, x0 + x, y0 + y + h, x0 + x + w))
    return found


def _lines(glyphs: list[Box]) -> list[list[Box]]:
    """Group characters that stand on one line with letter-sized gaps; every group has at least three."""
    groups: list[list[Box]] = []
    for first in glyphs:
        base, tall = first[2], first[2] - first[0]
        row = [
            g for g in glyphs if abs(g[2] - base) <= max(1, 0.12 * tall) and 0.55 * tall <= g[2] - g[0] <= 1.05 * tall
        ]
        row.sort(key=lambda g: g[1])
        at = row.index(first)
        line = [first]
        for g in row[at + 1 :]:
            if g[1] - line[-1][3] > 0.9 * tall:
                break
            line.append(g)
        for g in row[:at][::-1]:
            if line[0][1] - g[3] > 0.9 * tall:
                break
            line.insert(0, g)
        if len(line) >= _MIN_GLYPHS and line not in groups:
            groups.append(line)
    return groups


def _labels(drawn: NDArray[np.uint8], bar: ScaleBar) -> list[Box]:
    """Return further lines of text near the edges of a picture that is known to carry lettering."""
    height, width = drawn.shape
    found: list[Box] = []
    for window in ((0, 0, int(0.12 * height), width), (int(0.88 * height), 0, height, width)):
        glyphs = _glyphs(drawn, window, 0.012 * height, 0.08 * height)
        for line in _lines(glyphs):
            box = _around(line)
            known = any(_overlap(box, other) for other in (*bar.boxes, *found))
            if len(line) >= _LABEL_GLYPHS and not known:
                found.append(_frame(drawn, box, max(g[2] - g[0] for g in line)))
    return found


def _frame(drawn: NDArray[np.uint8], box: Box, text_height: int) -> Box:
    """Return the box widened by half a letter, and on through a flat frame around it if there is one."""
    height, width = drawn.shape
    y0, x0, y1, x1 = box
    pad = max(2, round(0.3 * text_height))
    ground = 129 + int(np.bincount(drawn[y0:y1, x0:x1].ravel(), minlength=256)[129:].argmax())

    def flat(pixels: NDArray[np.uint8]) -> bool:
        return bool(pixels.size and (np.abs(pixels.astype(np.int16) - ground) <= 3).mean() > 0.97)

    # a frame ends; ground that goes on farther than two letters is the picture's own
    limit = 2 * text_height
    up = _flat_steps(lambda i: flat(drawn[y0 - 1 - i, x0:x1]), min(limit, y0), limit)
    down = _flat_steps(lambda i: flat(drawn[y1 + i, x0:x1]), min(limit, height - y1), limit)
    left = _flat_steps(lambda i: flat(drawn[y0:y1, x0 - 1 - i]), min(limit, x0), limit)
    right = _flat_steps(lambda i: flat(drawn[y0:y1, x1 + i]), min(limit, width - x1), limit)
    y0, y1, x0, x1 = y0 - up, y1 + down, x0 - left, x1 + right
    # the edge of a frame is smeared over some pixels by JPEG
    smear = max(2, text_height // 12)
    y0, y1 = min(y0 - smear, box[0] - pad), max(y1 + smear, box[2] + pad)
    x0, x1 = min(x0 - smear, box[1] - pad), max(x1 + smear, box[3] + pad)
    return max(y0, 0), max(x0, 0), min(y1, height), min(x1, width)


def _flat_steps(is_flat: Callable[[int], bool], most: int, limit: int) -> int:
    """Return how far a frame reaches in rows or columns, 0 when the flat ground goes on to the limit."""
    flat = np.asarray([is_flat(i) for i in range(most)], np.bool_)
    # smooth edges of letters may spoil the first rows
    reaches = flat & (np.cumsum(flat) >= 0.7 * np.arange(1, most + 1))
    n = int(np.flatnonzero(reaches)[-1]) + 1 if reaches.any() else 0
    return 0 if n == limit else n


def _length(drawn: NDArray[np.uint8], bar: Box) -> float:
    """Return the length of the bar: smooth ends count their share of ink, ticks are measured between their middles."""
    y0, x0, y1, x1 = bar
    rows = drawn[max(y0 - 3, 0) : max(y0 - 2, 0), x0:x1], drawn[y1 + 2 : y1 + 3, x0:x1]
    ground = max((float(np.median(row)) for row in rows if row.size), default=255.0)
    profile = drawn[(y0 + y1 - 1) // 2, max(x0 - 2, 0) : min(x1 + 2, drawn.shape[1])].astype(np.float64)
    ink = float(profile.min())
    if ground - ink < 20:
        return float(x1 - x0)
    covered = np.clip((ground - profile) / (ground - ink), 0, 1)
    # the text may part the bar, so only its ends are looked at
    n = min(6, len(covered) // 2)
    length = float(x1 - x0) + covered[:n].sum() - (n - 2) + covered[-n:].sum() - (n - 2)
    return length - _tick_width(drawn, bar)


def _tick_width(drawn: NDArray[np.uint8], bar: Box) -> float:
    """Return the mean width of upright ticks at both ends of the bar, 0 when it has none."""
    y0, x0, y1, x1 = bar
    half = max(2, (x1 - x0) // 8)
    widths = []
    for row in (max(y0 - 3, 0), min(y1 + 2, len(drawn) - 1)):
        left, right = drawn[row, x0 : x0 + half] <= _INK, drawn[row, x1 - half : x1] <= _INK
        if left[:2].any() and right[-2:].any():
            widths.append((int(left.sum()) + int(right.sum())) / 2)
    return max(widths, default=0.0)


def _around(boxes: list[Box]) -> Box:
    y0, x0, y1, x1 = zip(*boxes, strict=True)
    return min(y0), min(x0), max(y1), max(x1)


def _overlap(a: Box, b: Box) -> int:
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
