"""Outlines of the cell area: gaps closed, holes of cells filled, outlines moved to where the edge is.

Beyond the frame, and beyond the analysed area, cells go on: nothing is eaten from there, and a hole that the frame cuts
is a hole.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.segment.components import count_labels, keep_components, label_components

__all__ = ["close_gaps", "close_gaps_as_published", "fill_holes", "move_inwards"]

_HOLE_NUCLEI = 1.0  # a hole larger than a nucleus, without one inside, is background that cells enclose
_CUT_NUCLEI = 2.0  # the same where the frame cuts the hole, and the nucleus may lie beyond


def _disk(radius: float) -> NDArray[np.uint8]:
    reach = int(radius)
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return (y * y + x * x <= radius * radius).astype(np.uint8)


def close_gaps(mask: NDArray[np.bool_], closing_radius: float, opening_radius: float) -> NDArray[np.bool_]:
    """Close gaps, then open whiskers; beyond the frame the mask goes on as its mirror image."""
    reach = int(closing_radius) + int(opening_radius)
    padded = mask.view(np.uint8)
    if reach:
        padded = cv2.copyMakeBorder(padded, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    if closing_radius >= 1:
        padded = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, _disk(closing_radius))
    if opening_radius >= 1:
        padded = cv2.morphologyEx(padded, cv2.MORPH_OPEN, _disk(opening_radius))
    height, width = mask.shape
    return np.ascontiguousarray(padded[reach : reach + height, reach : reach + width]).view(np.bool_)


def close_gaps_as_published(mask: NDArray[np.bool_], iterations: int = 2) -> NDArray[np.bool_]:
    """Dilate and erode so many times with the same skew kernel: twice for cells, four times for nuclei."""
    if iterations == 0:
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4, 4))
    fat = cv2.dilate(mask.view(np.uint8), kernel, iterations=iterations)
    return np.asarray(cv2.erode(fat, kernel, iterations=iterations)).view(np.bool_)


def move_inwards(mask: NDArray[np.bool_], radius: float, area: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Move outlines inwards; cells that the frame or the area cuts go on beyond it."""
    if radius < 1:
        return mask
    beyond = mask if area is None else mask | ~area
    reach = int(radius)
    padded = cv2.copyMakeBorder(beyond.view(np.uint8), reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    inner = cv2.erode(padded, _disk(radius))[reach : reach + mask.shape[0], reach : reach + mask.shape[1]]
    return mask & inner.view(np.bool_)


def fill_holes(
    mask: NDArray[np.bool_],
    labels: NDArray[np.int32] | None,
    max_area: int | None,
    nucleus_area: float,
    area: NDArray[np.bool_] | None,
) -> NDArray[np.bool_]:
    """Fill holes of cells: what no pixel of the frame (or of the outside of the area) reaches."""
    largest = max_area if max_area is not None else (round(_HOLE_NUCLEI * nucleus_area) if nucleus_area else None)
    empty = ~mask
    inner = keep_components(empty, connectivity=1, inner=True, max_area=largest)
    filled = mask | inner
    if largest is not None and max_area is None and labels is not None:
        left = keep_components(~filled, connectivity=1, inner=True)
        if left.any():
            holes = label_components(left)
            filled |= _holds_nucleus(holes, labels)[holes]
    if largest:  # half of such a hole, where the frame cuts it
        half = largest // 2 if max_area is not None else round(_CUT_NUCLEI * nucleus_area)
        filled |= _holes_cut_by_the_frame(~filled, half)
    if area is not None:
        filled &= area
    return filled


def _holds_nucleus(holes: NDArray[np.int32], labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return, by number of a hole, whether it holds half a nucleus or more: gaps between cells touch some as well."""
    there = (holes > 0) & (labels > 0)
    nuclei = labels[there].astype(np.int64)
    n_holes = int(holes.max()) + 1
    pairs, counts = np.unique(nuclei * n_holes + holes[there], return_counts=True)
    areas = count_labels(labels, int(labels.max(initial=0)))
    held = np.zeros(n_holes, np.bool_)
    held[(pairs % n_holes)[2 * counts >= areas[pairs // n_holes]]] = True
    return held


def _holes_cut_by_the_frame(empty: NDArray[np.bool_], largest: int) -> NDArray[np.bool_]:
    """Return small pieces of background that lie on one side of the frame only: with its mirror image, a hole."""
    small = keep_components(empty, connectivity=1, max_area=largest)
    sides = (small[0], small[-1], small[:, 0], small[:, -1])
    if not any(side.any() for side in sides):
        return np.zeros_like(empty)
    pieces = label_components(small)
    touched = np.zeros(int(pieces.max()) + 1, np.int64)
    for side in (pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]):
        touched[np.unique(side)] += 1
    wanted = touched == 1
    wanted[0] = False
    return np.asarray(wanted[pieces])
