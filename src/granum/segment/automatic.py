"""From an image to a mask with no setting and no label: polarity, background, smoothing and threshold are found."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image
from granum.choice import Choice
from granum.errors import GranumWarning, SettingError
from granum.preprocess.denoise import estimate_noise
from granum.preprocess.histogram import count_values
from granum.preprocess.surface import evaluate_surface, fit_surface
from granum.segment.component_tree import find_tree_objects
from granum.segment.components import component_areas, label_components, name_runs
from granum.segment.mask_cleanup import clean_mask
from granum.segment.mask_completion import add_pale_neighbours, fill_dim_insides
from granum.segment.outline_steepness import outline_steepness
from granum.segment.polarity import find_polarity
from granum.segment.smoothing_scale import (
    choose_smoothing,
    otsu_separability,
    sample_tiles,
    separability_of_histogram,
)
from granum.segment.spot_regions import draw_spots
from granum.segment.spots import find_spots
from granum.segment.threshold import threshold_of_histogram
from granum.step_cache import remembered
from granum.steps import Range

__all__ = ["segment_automatically"]

_STEEP_OUTLINE = 2.4
_ONE_SUPPORT = 0.3
_LOW_NOISE = 25.0
_NO_OUTLINE, _NO_CLASSES = 1.25, 0.7
_WEAKEST = 0.02
_OWN_LEVEL_SMOOTHING = 1.0
_BAND = 256  # rows of which a whole surface is drawn at a time

Method = Literal["auto", "level", "local_levels", "spots"]


def segment_automatically(
    image: ArrayLike,
    area: ArrayLike | None = None,
    *,
    polarity: Literal["auto", "bright", "dark"] = "auto",
    method: Method = "auto",
    smoothing: Annotated[float, Range(0, 50, unit="px")] | None = None,
    flatten: Literal["auto", "yes", "no"] = "auto",
) -> tuple[NDArray[np.bool_], NDArray[np.float32], Choice]:
    """Find the objects of an image, choosing everything from the image itself.

    Parameters
    ----------
    image : (Y, X) array_like
        Any real dtype.
    area : (Y, X) array_like of bool, optional
        The analysed area; nothing outside it counts or is found.
    polarity : {"auto", "bright", "dark"}
        Whether objects are brighter or darker than their surroundings.
    method : {"auto", "level", "local_levels", "spots"}
        "level": one grey level for the whole (flattened) image. "local_levels": a level of its own for every object,
        from the component tree; for objects of very different brightness (one level after all when most of what it
        finds lies outside the objects of one level: grain). "spots": what stands out of its
        surroundings at the scale of the particles; for small particles on an uneven support.
    smoothing : float, optional
        Sigma of the Gaussian in pixels; by default chosen.
    flatten : {"auto", "yes", "no"}
        Whether uneven light (a second-order surface through the background) is taken away first.

    Returns
    -------
    mask : (Y, X) ndarray of bool
        True on objects.
    relief : (Y, X) ndarray of float32
        The smoothed and flattened image in which they were found, objects bright, background about 0.
    choice : Choice
        What was chosen, and why.

    Warns
    -----
    GranumWarning
        The picture looks like noise; nothing is found then.

    Raises
    ------
    ShapeError
        Not a (Y, X) image of real numbers.
    SettingError
        A setting is out of its range or not one of its words.

    Notes
    -----
    Smoothing is the smallest sigma at the knee of the Otsu separability (`choose_smoothing`). Then, with the Otsu mask:

    1. Its outline is not steep (mean gradient there under 2.4 times that of the image) and its largest region holds at
       least 30 % of it: the level has found the support instead of the particles, so spots are looked for.
    2. Otherwise, contrast of at least 25 times the noise: every object gets a level of its own.
    3. Otherwise one Otsu level for all.

    The rules are granum's own, found on simulated pictures and on five kinds of real ones. The mask is the same for an
    image times a constant or plus one. Fails when objects differ from the background in texture only.
    """
    image = check_image(image)
    area = check_area(area, image.shape)
    if smoothing is not None and not 0 <= smoothing <= 50:
        raise SettingError(f"segment.automatic.smoothing: {smoothing!r} is out of range, must be 0 to 50.")
    _check_word("polarity", polarity, ("auto", "bright", "dark"))
    _check_word("method", method, ("auto", "level", "local_levels", "spots"))
    _check_word("flatten", flatten, ("auto", "yes", "no"))
    is_guess = polarity == "auto"
    side = _side(image, area) if polarity == "auto" else polarity
    start = _flat_objects(image, area, side, flatten)
    if start is None:
        return _nothing(image.shape, "the image is constant")
    work, middle, is_flattened, gain = start
    sigma, table = _smoothing(work, area) if smoothing is None else (smoothing, [])
    relief = cv2.GaussianBlur(work, (0, 0), sigma) if sigma else work
    histogram = count_values(relief, area)
    level = threshold_of_histogram(histogram)
    mask = relief > level
    if area is not None:
        mask &= area
    separability = separability_of_histogram(histogram)
    edges = outline_steepness(relief, mask)
    largest = _largest_share(mask)
    contrast = _contrast_to_noise(image, relief, mask, area)
    if method == "auto":
        method = (
            "spots"
            if edges < _STEEP_OUTLINE and largest >= _ONE_SUPPORT
            else "local_levels"
            if contrast >= _LOW_NOISE
            else "level"
        )
        if method == "level" and edges < _NO_OUTLINE and separability < _NO_CLASSES:
            why = (
                f"the picture looks like noise: outlines are {edges:.2f} times as steep as the mean (1 in noise), "
                f"separability is {separability:.2f} (0.64 in noise); set method = level if there are objects"
            )
            warnings.warn(f"{why}.", GranumWarning, stacklevel=2)
            return _nothing(image.shape, why)
    chosen: dict[str, Any] = {
        "polarity": side,
        "smoothing_px": float(sigma),
        "flattened": is_flattened,
        "method": method,
    }
    reason = (
        f"Objects are {'taken as ' if not is_guess else ''}{side}. "
        + (f"Uneven light was taken away (separability {gain[0]:.2f} -> {gain[1]:.2f}). " if is_flattened else "")
        + f"Gaussian smoothing of {sigma:g} px "
        + (
            "was set. "
            if smoothing is not None
            else "is the least that separates objects and background almost as well as any. "
        )
    )
    if method in ("level", "local_levels"):
        mask = _clean(mask, relief, level, sigma)
        own = _local_levels(work, area, mask) if method == "local_levels" else None
        if own is not None:
            mask = own
            reason += f"Each object has its own level (contrast / noise {contrast:.0f})."
        else:
            if not is_flattened:
                chosen["threshold"] = middle + (-level if side == "dark" else level)
            else:
                chosen["threshold_over_background"] = float(level)
            reason += f"One Otsu level for all (contrast / noise {contrast:.0f}"
            reason += "; levels of their own would find grain of the background)." if method == "local_levels" else ")."
            chosen["method"] = "level"
    else:
        mask, relief, scale, n_spots, table = _spots(work, area)
        chosen |= {"spot_scale_px": scale, "n_spots": n_spots, "smoothing_px": scale / 3}
        reason += (
            f"Spots of scale {scale:g} px were looked for, not one level (outline {edges:.1f} times as steep as "
            f"the mean, largest region {100 * largest:.0f} %); particles of very different size are missed."
        )
    chosen |= {
        "separability": round(separability, 4),
        "edge_steepness": round(edges, 3),
        "largest_share": round(largest, 3),
        "contrast_to_noise": round(contrast, 2),
    }
    return mask, relief, Choice("segmentation", chosen, reason, table)


def _check_word(setting: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise SettingError(f"segment.automatic.{setting}: {word!r} is not one of {', '.join(words)}.")


def _nothing(shape: tuple[int, ...], why: str) -> tuple[NDArray[np.bool_], NDArray[np.float32], Choice]:
    return (
        np.zeros(shape, bool),
        np.zeros(shape, np.float32),
        Choice("segmentation", {"method": "none"}, f"Nothing found: {why}."),
    )


# what follows depends on the pixels alone; a preview computes it once, however often a slider moves


@remembered
def _side(image: NDArray[Any], area: NDArray[np.bool_] | None) -> Literal["bright", "dark"]:
    return find_polarity(image, area)


@remembered
def _flat_objects(
    image: NDArray[Any], area: NDArray[np.bool_] | None, side: str, flatten: str
) -> tuple[NDArray[np.float32], float, bool, tuple[float, float]] | None:
    """Return the image with bright objects, without uneven light; its median; whether light was taken away, and why.

    None when the image is constant.
    """
    start = _bright_objects(image, area, side)
    if start is None:
        return None
    work, middle = start
    surface, gain = _flatten(work, area, flatten)
    return work, middle, surface is not None, gain


@remembered
def _smoothing(work: NDArray[np.float32], area: NDArray[np.bool_] | None) -> tuple[float, list[dict[str, float]]]:
    return choose_smoothing(work, area)


@remembered
def _spots(
    work: NDArray[np.float32], area: NDArray[np.bool_] | None
) -> tuple[NDArray[np.bool_], NDArray[np.float32], float, int, list[dict[str, float]]]:
    """Return mask, relief, scale, number and table of the spots."""
    spots = find_spots(work, area)
    return *draw_spots(work, spots, area), spots.scale, len(spots.peaks), spots.table


@remembered
def _tree_labels(work: NDArray[np.float32], area: NDArray[np.bool_] | None) -> NDArray[np.int32]:
    """Return the objects at levels of their own."""
    return find_tree_objects(work, area, smoothing=_OWN_LEVEL_SMOOTHING, polarity="bright").labels


@remembered
def _noise(image: NDArray[Any]) -> float:
    """Return the noise of a pixel."""
    return estimate_noise(np.ascontiguousarray(image[sample_tiles(image)[0]]))


def _bright_objects(
    image: NDArray[Any], area: NDArray[np.bool_] | None, side: str
) -> tuple[NDArray[np.float32], float] | None:
    """Return a float32 copy less its median, objects bright, 0 outside, and the median; None when it is constant."""
    values = image if area is None else image[area]
    if values.size == 0 or values.min() == values.max():
        return None
    # the median goes away first: float32 holds 24 bits, and a large offset would eat the contrast
    middle = float(
        np.median(
            values[:: max(1, values.size // 1_000_000)]
            if values.ndim == 1
            else values[:: max(1, values.shape[0] // 1000)]
        )
    )
    work = (
        (image - np.float64(middle)).astype(np.float32)
        if image.dtype.itemsize > 2
        else image.astype(np.float32) - np.float32(middle)
    )
    if side == "dark":
        np.negative(work, out=work)
    if area is not None:
        work[~area] = 0
    return work, middle


def _flatten(
    work: NDArray[np.float32], area: NDArray[np.bool_] | None, flatten: str
) -> tuple[NDArray[np.float64] | None, tuple[float, float]]:
    """Take the background surface away from `work` in place when that pulls the classes apart."""
    if flatten == "no" or min(work.shape) < 16:
        return None, (0.0, 0.0)
    surface = fit_surface(work, area)
    window = sample_tiles(work)[0]
    part = None if area is None else np.ascontiguousarray(area[window])
    smooth = cv2.GaussianBlur(np.ascontiguousarray(work[window]), (0, 0), 2)
    before = otsu_separability(smooth, part)
    shape = (work.shape[0], work.shape[1])
    after = otsu_separability(smooth - evaluate_surface(surface, shape, window), part)
    if flatten == "auto" and after < before + 0.01:
        return None, (before, after)
    for y in range(0, shape[0], _BAND):
        work[y : y + _BAND] -= evaluate_surface(surface, shape, (slice(y, y + _BAND), slice(None)))
    if area is not None:
        work[~area] = 0
    return surface, (before, after)


def _largest_share(mask: NDArray[np.bool_]) -> float:
    """Return the share of the mask that lies in its largest connected region."""
    areas = component_areas(name_runs(mask))[1:]
    return float(areas.max() / areas.sum()) if areas.size else 0.0


def _contrast_to_noise(
    image: NDArray[Any], relief: NDArray[np.float32], mask: NDArray[np.bool_], area: NDArray[np.bool_] | None
) -> float:
    """Return the difference of the class means over the noise of a pixel; 0 when there is one class only."""
    window = sample_tiles(relief)[0]
    objects = mask[window]
    ground = ~objects if area is None else ~objects & area[window]
    if not objects.any() or not ground.any():
        return 0.0
    contrast = float(relief[window][objects].mean() - relief[window][ground].mean())
    noise = _noise(image)
    return min(contrast / noise, 1e6) if noise > 0 else 1e6


def _clean(mask: NDArray[np.bool_], relief: NDArray[np.float32], level: float, sigma: float) -> NDArray[np.bool_]:
    """Drop specks under the resolution of the smoothing, and regions that barely rise over the level."""
    smallest = max(10, round(sigma * sigma))
    mask = clean_mask(mask, min_area=smallest, fill_holes=True, max_hole_area=max(4, round(2 * sigma * sigma)))
    mask = fill_dim_insides(mask, relief, level)
    runs = name_runs(mask)
    areas = component_areas(runs)
    if len(areas) < 3:
        return mask
    heights = _rises(*runs, relief, np.float32(level), len(areas)) / np.maximum(areas, 1)
    evidence = heights * np.sqrt(areas)
    evidence[0] = 0
    order = np.argsort(evidence)
    weight = np.cumsum(evidence[order] ** 2)
    typical = evidence[order][np.searchsorted(weight, weight[-1] / 2)]
    weak = evidence < _WEAKEST * typical
    weak[0] = False
    return mask & ~weak[label_components(mask)] if weak.any() else mask


@njit(cache=True)
def _rises(bounds: Any, offsets: Any, names: Any, relief: Any, level: Any, n: Any) -> Any:
    """Return the sum of what rises over the level in each component 1..n - 1, pixel by pixel in raster order."""
    sums = np.zeros(n)
    for y in range(len(offsets) - 1):
        for run in range(offsets[y], offsets[y + 1]):
            rise = sums[names[run]]
            for x in range(bounds[run, 0], bounds[run, 1]):
                rise += max(relief[y, x] - level, np.float32(0))
            sums[names[run]] = rise
    return sums


def _local_levels(
    work: NDArray[np.float32], area: NDArray[np.bool_] | None, level_mask: NDArray[np.bool_]
) -> NDArray[np.bool_] | None:
    """Return the objects at levels of their own; None when most of them are no objects at all at one level for all."""
    labels = _tree_labels(work, area)
    pixels = np.bincount(labels.ravel())
    inside = np.bincount(labels[level_mask], minlength=len(pixels)) > 0.5 * pixels
    n_inside = int(inside[1:].sum())
    if len(pixels) - 1 - n_inside > n_inside:
        return None
    return add_pale_neighbours(labels > 0, level_mask)
