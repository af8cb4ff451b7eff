"""Nuclei or cell bodies that one fluorescent stain shows, each with a grey level of its own, and noise never.

Where a nucleus ends is half way up from its own surroundings to its own inside; a dim nucleus beside a bright one has
its own half way. What rises from the noise but has no edge is light from another plane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from granum.preprocess.background import estimate_background
from granum.preprocess.denoise import estimate_noise
from granum.preprocess.histogram import Histogram, count_values
from granum.preprocess.surface import evaluate_surface, fit_surface
from granum.segment.disc_opening import widen_by_disc
from granum.segment.hills import mask_by_own_levels, mask_in_the_shade, smooth
from granum.segment.mask_cleanup import clean_mask
from granum.segment.smoothing_scale import sample_tiles
from granum.segment.stain_focus import (
    MeasuredRegions,
    keep_real_regions,
    measure_regions,
    pick_regions,
    usual_region,
    weighted_median,
    wide_regions,
)
from granum.segment.threshold import threshold_of_histogram

__all__ = ["StainObjects", "find_stain_objects", "grey_step", "noise_floor"]

_GATE = 5.0  # noise widths over the background from which a smoothed pixel is no noise
_FINE = 1 / 6  # smoothing for outlines, in radii
_START, _ROUNDS = 0.5, 4  # the first guess of the radius, in shares of that of the rough mask
_SMALLEST = 8  # pixels; in a narrower image nothing can be told from its background
_NARROWER = 0.8  # width of the background without uneven light over that with it
_TILE = 48  # pixels; over which noise is taken as the same
_EVEN = 1.3  # noise of the worst tile over that of the best, under which it is the same everywhere
_NO_PLANES = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_FLOOR_RADII = 2.0  # the surroundings of an object reach so many radii
_FLANK = 2.5  # how far out the flank of a bright object rises over the noise, in sigmas of its blur
_SHADE = 0.3  # dim objects beside bright ones: least share of height, slope and area of the usual object
_SHADE_HEIGHT = 12.0  # and least height in noise widths
_SHARP = 1 / 12  # smoothing for the steepness of outlines, in radii


@dataclass(frozen=True, eq=False)
class StainObjects:
    """What one stain shows.

    Parameters
    ----------
    mask : (Y, X) ndarray of bool
        The objects.
    relief : (Y, X) ndarray of float32
        The smoothed image over its local background, 1 at the height of the usual object.
    radius : float
        Of the usual object in pixels; 0 without objects.
    noise : float
        Width of the noise of the smoothed image, in grey levels.
    height : float
        Of the usual object over its surroundings, in grey levels; 0 without objects.
    blur : float
        Of the outlines of the usual object: sigma in pixels; 0 without objects.
    n_soft : int
        Objects left out as out of focus.
    smoothing : float
        Sigma in pixels.
    """

    mask: NDArray[np.bool_]
    relief: NDArray[np.float32]
    radius: float
    noise: float
    height: float
    blur: float
    n_soft: int
    smoothing: float


def grey_step(image: NDArray[Any]) -> float:
    """Return the smallest distance of two grey levels that occur: 1 for counts, 16 for counts times 16.

    What lies within it is rounding, whatever the gain of the export. 0 for floats that were not counts once.
    """
    if image.dtype.kind in "iub":
        histogram = count_values(image)
        filled = np.flatnonzero(histogram.counts)
        return float(np.diff(filled).min() * histogram.step) if len(filled) > 1 else 0.0
    sample = image.ravel()[:: max(1, image.size // 500_000)]
    levels = np.unique(sample)
    if len(levels) < 2 or len(levels) * 20 > len(sample):
        return 0.0
    gaps = np.diff(levels).astype(np.float64)
    return float(gaps[gaps > 1e-6 * float(levels[-1] - levels[0])].min(initial=np.inf))


def noise_floor(image: NDArray[Any]) -> float:
    """Return the noise of a pixel, at least that of rounding to the grey levels that occur."""
    window = sample_tiles(image)[0]
    return max(estimate_noise(np.ascontiguousarray(image[window])), 0.3 * grey_step(image))


def find_stain_objects(
    image: NDArray[Any],
    area: NDArray[np.bool_] | None,
    *,
    kind: Literal["nuclei", "cytoplasm"] = "nuclei",
    level: float = 0.5,
    smoothing: float | None = None,
    min_area: int | None = None,
    focus: float | None = 0.0,
    nucleus: float = 0.0,
) -> StainObjects:
    """Return the objects of one stain.

    Parameters
    ----------
    image : (Y, X) ndarray
        Checked; objects bright.
    area : (Y, X) ndarray of bool or None
        The analysed area.
    kind : {"nuclei", "cytoplasm"}
        Whether the surroundings of an object are sought nearby, or the image has one smooth background.
    level : float
        Where the outline lies between surroundings (0) and inside (1).
    smoothing : float, optional
        Sigma in pixels; by default a sixth of the usual radius.
    min_area : int, optional
        Smallest object in pixels; by default 0.12 of the usual one.
    focus : float, optional
        Blur of outlines (sigma, in pixels) of what is in focus, from another stain; 0 where it is not known. None: what
        is out of focus stays.
    nucleus : float
        Radius of a usual nucleus in another stain, 0 where it is not known.
    """
    nothing = StainObjects(
        np.zeros(image.shape, np.bool_), np.zeros(image.shape, np.float32), 0.0, noise_floor(image), 0.0, 0.0, 0, 1.0
    )
    work = _centred(image, area)
    if work is None or min(image.shape) < _SMALLEST:
        return nothing
    radius = nucleus if nucleus > 0 else _usual_radius(work, area, noise_floor(image))
    if radius <= 0:
        return nothing
    step = 0.3 * grey_step(image)
    _take_slope(work, area, step)
    # from below: clumps make the rough mask's radius too large, and what is smoothed by it stays a clump
    radius *= 1.0 if nucleus > 0 else _START

    def objects_in(window: tuple[slice, slice], size: float) -> StainObjects:
        sigma = min(max(_FINE * size, 0.7), 8.0) if smoothing is None else smoothing
        inside = None if area is None else np.ascontiguousarray(area[window])
        part = np.ascontiguousarray(work[window])
        return _objects_of(part, inside, kind, level, sigma, size, step, min_area, focus, math.pi * nucleus**2)

    everywhere = (slice(0, image.shape[0]), slice(0, image.shape[1]))
    sample = sample_tiles(work)[0]
    for window in [everywhere] if sample == everywhere else [sample, everywhere]:
        for _ in range(_ROUNDS):
            found = objects_in(window, radius)
            if found.radius <= 0 or 0.75 < found.radius / radius < 1.33:
                break
            radius = found.radius
    return found


def _centred(image: NDArray[Any], area: NDArray[np.bool_] | None) -> NDArray[np.float32] | None:
    """Return the image less its median as float32, 0 outside; None when it is constant."""
    values = image if area is None else image[area]
    if values.size == 0 or values.min() == values.max():
        return None
    middle = np.float64(np.median(values.ravel()[:: max(1, values.size // 1_000_000)]))
    work = np.empty(image.shape, np.float32)
    np.subtract(image, middle, out=work, dtype=np.float64, casting="unsafe")
    if area is not None:
        work[~area] = 0
    return work


def _take_slope(work: NDArray[np.float32], area: NDArray[np.bool_] | None, step: float) -> None:
    """Take uneven light away in place, where that makes the background narrower: it fails under large glows.

    An opening alone would leave a wedge at the bright edge of a slope.
    """
    window = sample_tiles(work)[0]
    part = np.ascontiguousarray(work[window])
    inside = None if area is None else np.ascontiguousarray(area[window])
    coefficients, shape = fit_surface(work, area), (work.shape[0], work.shape[1])
    before = _background_of(count_values(smooth(part, 1.0), inside), step)[1]
    flat = part - evaluate_surface(coefficients, shape, window)
    if _background_of(count_values(smooth(flat, 1.0), inside), step)[1] < _NARROWER * before:
        work -= evaluate_surface(coefficients, shape)
        if area is not None:
            work[~area] = 0


def _background_of(histogram: Histogram, step: float) -> tuple[float, float]:
    """Return the most frequent value below Otsu's threshold, and the width of the noise below that value."""
    values, counts = histogram.values(), histogram.counts.astype(np.float64)
    low = values <= threshold_of_histogram(histogram)
    values, counts = values[low], counts[low]
    if counts.sum() == 0:
        return 0.0, step
    # the middle of the shortest third: no bins, so no dependence on gain
    share = np.cumsum(counts) / counts.sum()
    ends = np.searchsorted(share, np.minimum(share - counts / counts.sum() + 1 / 3, 1.0))
    ends = np.minimum(ends, len(values) - 1)
    whole = share[ends] - share + counts / counts.sum() >= 1 / 3 - 1e-9
    widths = np.where(whole, values[ends] - values, np.inf)
    start = int(np.argmin(widths))
    part = slice(start, ends[start] + 1)
    mode = float(np.average(values[part], weights=counts[part]))
    below = values <= mode
    depth, weight = mode - values[below][::-1], np.cumsum(counts[below][::-1])
    if weight.size == 0:
        return mode, step
    middle = depth[np.searchsorted(weight, 0.6827 * weight[-1])]
    return mode, max(float(middle), step)


def _usual_radius(work: NDArray[np.float32], area: NDArray[np.bool_] | None, noise: float) -> float:
    """Return a first guess of the radius of the objects: thrice the mean distance to the outline of a rough mask."""
    window = sample_tiles(work)[0]
    part = np.ascontiguousarray(work[window])
    inside = None if area is None else np.ascontiguousarray(area[window])
    flat = smooth(part, 1.5) - evaluate_surface(fit_surface(part, inside), (part.shape[0], part.shape[1]))
    histogram = count_values(flat, inside)
    mode, width = _background_of(histogram, 0.3 * noise)
    bright = flat[flat > mode + _GATE * width] if inside is None else flat[(flat > mode + _GATE * width) & inside]
    if bright.size < 12:
        return 0.0
    # half way to the usual bright pixel: Otsu's level would follow the one brightest object
    mask = flat > mode + 0.5 * (float(np.median(bright)) - mode)
    if inside is not None:
        mask &= inside
    return _radius_of(clean_mask(mask, min_area=12))


def _radius_of(mask: NDArray[np.bool_]) -> float:
    """Return three times the mean distance to the background: the radius, for discs of one size."""
    if not mask.any():
        return 0.0
    distance = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5)
    return 3 * float(distance.sum(dtype=np.float64)) / int(np.count_nonzero(mask))


def _objects_of(
    flat: NDArray[np.float32],
    area: NDArray[np.bool_] | None,
    kind: str,
    level: float,
    sigma: float,
    radius: float,
    step: float,
    min_area: int | None,
    focus: float | None,
    nucleus: float,
) -> StainObjects:
    """Return the objects for a radius that is roughly known."""
    fine = smooth(flat, sigma)
    if kind == "nuclei":
        floor = estimate_background(fine, area, method="top_hat", radius=max(_FLOOR_RADII * radius, 5.0))
        fine = np.subtract(fine, floor, out=floor)
        del floor
    unevenness = _uneven_noise(flat, area, step)
    even = fine if unevenness is None else fine / unevenness
    mode, width = _background_of(count_values(even, area), step)
    candidates = even > mode + _GATE * width
    del even
    ground = np.float32(mode) if unevenness is None else np.float32(mode) * unevenness
    fine = np.subtract(fine, ground, out=None if fine is flat else fine)
    del ground, unevenness
    if area is not None:
        fine[~area] = 0
    if area is not None:
        candidates &= area
    mask = _tidy(mask_by_own_levels(fine, candidates, radius, level, sigma), area, radius)
    sharp = smooth(flat, min(sigma, max(_SHARP * radius, 0.7)))
    found = measure_regions(fine, sharp, mask)
    usual = usual_region(found, width, nucleus)
    if usual is not None and kind == "nuclei":
        rules = {"min_area": min_area, "focus": focus, "nucleus": nucleus}
        shaded = _shaded(fine, sharp, candidates, found, usual, radius, level, sigma, width, rules)
        if shaded.any():
            mask |= shaded
            found = measure_regions(fine, sharp, mask)
        del shaded
    del sharp, candidates, mask
    wide = wide_regions(flat, found.labels, nucleus) if nucleus > 0 and focus is not None else None
    real, soft, blur = keep_real_regions(found, width, min_area=min_area, focus=focus, nucleus=nucleus, wide=wide)
    n_soft = int(soft.sum())
    if not real.any():
        return StainObjects(np.zeros(fine.shape, np.bool_), fine, 0.0, width, 0.0, 0.0, n_soft, sigma)
    kept = pick_regions(found.labels, real)
    height = weighted_median(found.height[real], found.area[real])
    fine /= np.float32(height)
    return StainObjects(kept, fine, _radius_of(kept), width, height, blur, n_soft, sigma)


def _shaded(
    fine: NDArray[np.float32],
    sharp: NDArray[np.float32],
    candidates: NDArray[np.bool_],
    first: MeasuredRegions,
    usual: tuple[float, float, float],
    radius: float,
    level: float,
    sigma: float,
    width: float,
    rules: dict[str, Any],
) -> NDArray[np.bool_]:
    """Return dim objects beside the bright ones that were found first."""
    mask = first.labels > 0
    flank = _FLANK * math.hypot(sigma, usual[1] / max(math.sqrt(2 * math.pi) * usual[2], 1e-30))
    _, soft, _ = keep_real_regions(first, width, **rules)
    taken = mask
    if soft.any():  # light of another plane has wide flanks of its own
        reach = 2 * max(1, round(1.5 * radius)) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        taken = mask | widen_by_disc(pick_regions(first.labels, soft), disc)
    left = mask_in_the_shade(fine, candidates, taken, radius, level, flank)
    if not left.any():
        return left
    left = _tidy(left, None, radius) & candidates & ~taken
    if not left.any():
        return left
    near = cv2.dilate(mask.view(np.uint8), np.ones((7, 7), np.uint8)).view(np.bool_)
    second = measure_regions(fine, sharp, left, near)
    good = (second.height >= max(_SHADE * usual[1], _SHADE_HEIGHT * width)) & (second.slope >= _SHADE * usual[2])
    good &= (second.area >= _SHADE * usual[0]) & (second.area <= 2 * usual[0])
    good[0] = False
    return pick_regions(second.labels, good)


def _uneven_noise(work: NDArray[np.float32], area: NDArray[np.bool_] | None, step: float) -> NDArray[np.float32] | None:
    """Return the noise at every pixel over that of the usual place, or None where it is the same all over.

    Photon noise grows with the light below: what is a nucleus in the dark corner is noise in the bright one.
    """
    rows, columns = work.shape[0] // _TILE, work.shape[1] // _TILE
    if rows * columns < 4:
        return None
    whole = np.ascontiguousarray(work[: rows * _TILE, : columns * _TILE])
    spread = np.abs(cv2.filter2D(whole, cv2.CV_32F, _NO_PLANES, borderType=cv2.BORDER_REFLECT)[::2, ::2])
    tiles = spread.reshape(rows, _TILE // 2, columns, _TILE // 2).swapaxes(1, 2).reshape(rows, columns, -1)
    noise = np.median(tiles, axis=2) / (6 * 0.6745)
    if area is not None:
        inside = area[: rows * _TILE, : columns * _TILE].reshape(rows, _TILE, columns, _TILE).all(axis=(1, 3))
        if not inside.any():
            return None
        noise = np.where(inside, noise, np.median(noise[inside]))
    noise = np.maximum(noise, step).astype(np.float32)
    usual = float(np.median(noise))
    if usual <= 0 or noise.max() < _EVEN * noise.min():
        return None
    noise = cv2.medianBlur(np.pad(noise, 1, mode="edge"), 3)[1:-1, 1:-1] / np.float32(usual)
    size = (columns * _TILE, rows * _TILE)
    full = cv2.resize(np.ascontiguousarray(noise), size, interpolation=cv2.INTER_LINEAR)
    rest = ((0, work.shape[0] - size[1]), (0, work.shape[1] - size[0]))
    return np.pad(full, rest, mode="edge") if rest != ((0, 0), (0, 0)) else np.asarray(full, np.float32)


def _tidy(mask: NDArray[np.bool_], area: NDArray[np.bool_] | None, radius: float) -> NDArray[np.bool_]:
    """Close notches, fill holes, drop single pixels."""
    close = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * max(1, round(radius / 8)) + 1,) * 2)
    closed = np.asarray(cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_CLOSE, close)).view(np.bool_)
    if area is not None:
        closed &= area
    return clean_mask(closed, min_area=9, fill_holes=True, max_hole_area=max(4, round(radius * radius)))
