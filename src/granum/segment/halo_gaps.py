"""Gaps between dark cells that their halos have closed: bright ridges go, and what they cut off from every dark body.

`peel_halo` works from outside; a channel between two cells whose ends are closed is never reached. Here the image is
opened first (the brightest level that a disk of the size of the texture fits under), which leaves bodies dark although
their texture is bright in places, and halos bright. Dark bodies and the outside are flooded towards each other over the
brightness, so that they meet on the crests between them. Then ridges that are more than half as bright as the crest
beside them are taken away where they touch the outside or are longer than the texture is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.segment.components import keep_components
from granum.segment.halo import Halo, depth_inside
from granum.segment.texture_scale import blur

__all__ = ["open_gaps"]

_CLEAR = 3.0  # deviations of the background by which a halo must rise: else there is none, or light is uneven
_LEAST_OUTSIDE = 0.05  # of the image: else nobody knows how bright the background is
_NEAR = 8.0  # sizes: how far away background is looked for
_ENOUGH = 0.02  # of what is near
_DEVIATIONS = 2.0
_DIFFERENT = 0.98  # of the inner parts of cells
_RIDGE = 0.6  # of the crest beside it: bright
_BRIGHTEST = 3.0  # heights of the mean halo; above are rounded cells, which must not hide the halos of others
_STEPS = 8.0  # of brightness per deviation of the background, in the flood
_LEVELS = 1024


@dataclass(frozen=True, eq=False)
class _Level:
    """The image in units of its noise, and how it spreads in the background."""

    fine: NDArray[np.float32]
    low: NDArray[np.float32]
    fine_spread: float
    low_spread: float


def open_gaps(
    rough: NDArray[np.bool_],
    cells: NDArray[np.bool_],
    halo: Halo,
    size: float,
    area: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Return the cells without the halos between them.

    Parameters
    ----------
    rough : (Y, X) ndarray of bool
        Cells with their halos.
    cells : (Y, X) ndarray of bool
        The same after `peel_halo`.
    halo : Halo
        What `measure_halo` found.
    size : float
        Of the texture, in px.
    area : (Y, X) ndarray of bool, optional
        The analysed area.

    Notes
    -----
    Nothing is cut where the halo is not clear (three deviations of the background), nor where little background is
    near, because nobody knows then which of two levels is that of cells: less than a twentieth of the image, or less
    than a fiftieth of what is within about eight sizes of the texture.
    """
    outside = depth_inside(~rough) > size
    if area is not None:
        outside &= area
    if not halo.depth or np.count_nonzero(outside) < max(500, _LEAST_OUTSIDE * outside.size):
        return cells
    level = _measure_level(halo, outside, size)
    cells = _without_fringe(level, cells, size)
    if halo.height < _CLEAR * level.fine_spread:
        return cells
    left = _cut(level, rough, cells, halo, size)
    return np.asarray(left | (cells & ~_is_background_near(outside, size)))


def _without_fringe(level: _Level, cells: NDArray[np.bool_], size: float) -> NDArray[np.bool_]:
    """Return the cells without what only the windows of the texture made cell: nothing near differs from background.

    Cells must hardly have such places inside; where they have, as bodies in brightfield do, fringes are kept too.
    """
    differs = _close(np.abs(level.fine) > np.float32(_CLEAR * level.fine_spread), size)
    differs = ~keep_components(~differs, connectivity=1, min_area=round(np.pi * (10 * size) ** 2))
    deep = cells & (depth_inside(cells) > 1.5 * size)
    n = int(np.count_nonzero(deep))
    return cells & differs if n and np.count_nonzero(deep & differs) >= _DIFFERENT * n else cells


def _is_background_near(outside: NDArray[np.bool_], size: float) -> NDArray[np.bool_]:
    """Return where enough background is near for its brightness to be known."""
    height, width = outside.shape
    factor = max(1, round(2 * size))
    shape = (-(-width // factor), -(-height // factor))
    share = cv2.resize(outside.astype(np.float32), shape, interpolation=cv2.INTER_AREA)
    share = blur(np.asarray(share, np.float32), _NEAR * size / factor)
    return np.asarray(cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)) > _ENOUGH


def _measure_level(halo: Halo, outside: NDArray[np.bool_], size: float) -> _Level:
    fine = halo.level.copy()
    low = np.asarray(cv2.morphologyEx(fine, cv2.MORPH_OPEN, _disk(size)), np.float32)
    spreads = []
    every = max(1, int(np.sqrt(np.count_nonzero(outside) / 50_000)))
    for plane in (fine, low):
        few = plane[::every, ::every][outside[::every, ::every]]
        few = few if few.size else plane[outside]
        middle = np.float32(np.median(few))
        plane -= middle
        spreads.append(1.4826 * float(np.median(np.abs(few - middle))))
    return _Level(fine, low, spreads[0], max(spreads[1], 1e-9))


def _cut(
    level: _Level, rough: NDArray[np.bool_], cells: NDArray[np.bool_], halo: Halo, size: float
) -> NDArray[np.bool_]:
    dark = rough & (level.low < -_DEVIATIONS * level.low_spread)
    dark = keep_components(dark, connectivity=2, min_area=max(4, round(np.pi * (0.7 * size) ** 2)))
    side = 2 * halo.depth + 1
    crest = np.asarray(cv2.dilate(level.low, np.ones((side, side), np.uint8)), np.float32)  # a square, which is fast
    np.minimum(crest, np.float32(_BRIGHTEST * halo.height), out=crest)
    ridge = rough & (level.low > np.maximum(np.float32(_DEVIATIONS * level.low_spread), np.float32(_RIDGE) * crest))
    ridge = _close(ridge, 0.5 * size) & rough & ~dark
    rounded = _rounded_cells(level.fine, rough, halo, size)
    ridge &= ~rounded
    steps = np.clip(level.fine * np.float32(_STEPS / level.low_spread) + _LEVELS // 2, 0, _LEVELS - 1)
    markers = (~rough).astype(np.uint8)
    markers[dark | rounded] = 2
    wide = cv2.copyMakeBorder(markers, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=4)
    _flood(cv2.copyMakeBorder(steps.astype(np.int16), 1, 1, 1, 1, cv2.BORDER_REPLICATE), wide)
    left = cells & (wide[1:-1, 1:-1] % 8 != 1)
    left &= ~_long_or_outside(ridge & left, left, size)
    return np.asarray(left | (rounded & cells))


def _rounded_cells(fine: NDArray[np.float32], rough: NDArray[np.bool_], halo: Halo, size: float) -> NDArray[np.bool_]:
    """Return what is much brighter than halos are, and with its dark middle filled thicker than a ridge."""
    strong = rough & (fine > np.float32(_BRIGHTEST * halo.height))
    if not strong.any():
        return strong
    full = ~keep_components(~strong, connectivity=1, min_area=round(np.pi * (4 * size) ** 2))
    full = np.asarray(cv2.morphologyEx(full.view(np.uint8), cv2.MORPH_OPEN, _disk(1.8 * size))).view(np.bool_)
    return keep_components(full, connectivity=2, min_area=round(np.pi * (1.8 * size) ** 2)) & rough


def _long_or_outside(ridge: NDArray[np.bool_], cells: NDArray[np.bool_], size: float) -> NDArray[np.bool_]:
    """Return the pieces of ridges that touch what is no cell, or are too large to be a bright part of a body."""
    n, labels, stats, _ = cv2.connectedComponentsWithStats(ridge.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    near = cv2.dilate((~cells).view(np.uint8), cross).view(np.bool_)
    goes = np.bincount(labels[near], minlength=n) > 0
    goes |= stats[:, cv2.CC_STAT_AREA] > np.pi * (2 * size) ** 2
    goes[0] = False
    return np.asarray(goes[labels])


def _disk(radius: float) -> NDArray[np.uint8]:
    reach = max(1, round(radius))
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)), np.uint8)


def _close(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    return np.asarray(cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_CLOSE, _disk(radius))).view(np.bool_)


@njit(cache=True, nogil=True)
def _flood(level: Any, markers: Any) -> None:
    """Flood from all markers at once, from low to high, in place; of equal levels, what was reached first goes first.

    Both arrays are flat images with a border of 1 px, whose markers are not 0. Pixels wait in a list for each level.
    """
    size, width = markers.size, markers.shape[1]
    flat, rows = markers.ravel(), level.ravel()
    first = np.full(_LEVELS, -1, np.int32)
    last = np.full(_LEVELS, -1, np.int32)
    after = np.empty(size, np.int32)
    beside = (-width, -1, 1, width)
    for at in range(width + 1, size - width - 1):
        if flat[at] == 0 and (flat[at - width] or flat[at - 1] or flat[at + 1] or flat[at + width]):
            for step in beside:
                by = at + step
                if flat[by] and flat[by] < 3:
                    flat[by] += 8  # waits
                    queue = rows[by]
                    after[by] = -1
                    if first[queue] < 0:
                        first[queue] = by
                    else:
                        after[last[queue]] = by
                    last[queue] = by
    now = 0
    while now < _LEVELS:
        at = first[now]
        if at < 0:
            now += 1
            continue
        first[now] = after[at]
        name = flat[at]
        for step in beside:
            to = at + step
            if flat[to] == 0:
                flat[to] = name
                queue = max(rows[to], now)
                after[to] = -1
                if first[queue] < 0:
                    first[queue] = to
                else:
                    after[last[queue]] = to
                last[queue] = to
