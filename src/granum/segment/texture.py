"""Cells without any label and in any light: what is rougher than the background, by the votes of three methods."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image
from granum.choice import Choice
from granum.errors import GranumWarning, SettingError
from granum.learn.class_colours import colour_classes
from granum.learn.scribbles import PixelClass
from granum.segment.cluster_count import fit_kmeans
from granum.segment.components import keep_components
from granum.segment.halo import Halo, measure_halo, peel_halo
from granum.segment.halo_gaps import open_gaps
from granum.segment.texture_cleanup import (
    drop_faint,
    drop_thin,
    fill_rough_holes,
    keep_most,
    open_mask,
    seen_from_outside,
)
from granum.segment.texture_maps import (
    BackgroundLevel,
    MapName,
    find_background,
    find_sharpness,
    is_unlike_noise,
    texture_map,
    white_noise_level,
)
from granum.segment.texture_scale import TextureScale, blur, grey_step, has_block_grid, measure_texture_scale
from granum.steps import Range

__all__ = ["segment_by_texture"]

_WORK_SIZE = 3.0  # px: the size of the texture in the image that is worked on, at least
_N_SAMPLE = 20_000
_CLUSTERS = 4
_FULL_SPREAD = 0.24
_ONE_POPULATION = float(np.log(2.0))
_LEVELLED: tuple[MapName, ...] = ("contrast", "gradient")
_ROUGH = (
    "everywhere the image is about as rough as its noise, and yet unevenly so: a full layer of cells with faint "
    "texture, or "
)
_FULL = _ROUGH + "an empty dish with uneven noise; it is taken for a full layer; look at it."
_EMPTY = (
    _ROUGH + "noise that JPEG has made uneven; it is taken for an empty dish; look at it, and keep images without loss."
)

Textured = tuple[NDArray[np.bool_], dict[str, NDArray[np.bool_]], NDArray[np.uint8], tuple[PixelClass, ...], Choice]


@dataclass(frozen=True, eq=False)
class _Work:
    """The image that is worked on, and its yardsticks in its own pixels."""

    values: NDArray[np.float32]
    area: NDArray[np.bool_] | None
    factor: int
    noise: float
    fine: float
    is_white: bool
    is_jpeg: bool
    size: float
    min_area: int


def segment_by_texture(
    image: ArrayLike,
    area: ArrayLike | None = None,
    *,
    size: Annotated[float, Range(1.5, 20, unit="px")] | None = None,
    sensitivity: Annotated[float, Range(0.2, 5)] = 1.0,
    halo: Literal["auto", "keep"] = "auto",
    min_area: Annotated[int, Range(0, None, unit="px2")] | None = None,
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0,
) -> Textured:
    """Find where cells are, by their texture.

    Parameters
    ----------
    image : (Y, X) array_like
        Phase contrast, brightfield or interference contrast; any gain, offset and light.
    area : (Y, X) array_like of bool, optional
        The analysed area.
    size : float, optional
        Size of the texture in px, about a quarter of the width of a cell; found from the image when not given.
    sensitivity : float
        Divides the thresholds: 2 takes what is half as rough for cells too.
    halo : {"auto", "keep"}
        "auto" takes bright seams around dark cells away where the image has them on all sides of the cells.
    min_area : int, optional
        Pieces of fewer pixels are no cells; found from the size of the texture when not given.
    seed : int
        Of the random numbers of k-means.

    Returns
    -------
    mask : (Y, X) ndarray of bool
        Where at least two of three methods see cells.
    votes : dict of (Y, X) ndarray of bool
        What each method sees: "contrast", "gradient" and "clusters".
    classes : (Y, X) ndarray of uint8
        1 where cells are.
    legend : tuple of PixelClass
        The one class.
    choice : Choice
        Noise, size of the texture and levels that were found.

    Raises
    ------
    SettingError
        A setting is out of its range.
    ShapeError
        The arrays do not fit.

    Notes
    -----
    Fails where cells are as smooth as the background for longer than a few sizes of the texture, where the texture of a
    full layer is as fine as the pixels, and where background is textured as strongly as cells (scratches, mould).
    """
    image = check_image(image)
    inside = check_area(area, image.shape)
    _check(size, sensitivity, halo, min_area, seed)
    legend = colour_classes([PixelClass(1, "cells")])
    work = _prepare(image, inside, size, min_area)
    if work is None:
        empty = np.zeros(image.shape, np.bool_)
        votes = {name: empty.copy() for name in ("contrast", "gradient", "clusters")}
        reason = "There are no cells, because all pixels that are analysed have the same value."
        return empty, votes, empty.astype(np.uint8), legend, Choice("cell texture", {"noise": 0.0}, reason)
    maps, sharpness, is_full = _draw_maps(work)
    shift = float(np.log(sensitivity))
    levels = {name: _find_level(maps[name], name, sharpness, is_full, work) for name in _LEVELLED}
    raw: dict[str, NDArray[np.bool_]] = {}
    for name in _LEVELLED:
        raw[name] = _by_level(maps[name], levels[name], shift, work)
    raw["clusters"] = _by_clusters(maps, levels["contrast"], shift, work, seed)
    joined = _majority(raw, work)
    found = measure_halo(work.values, joined, work.size, work.noise) if halo == "auto" else None
    tidy = _tidy(joined, maps["contrast"], levels["contrast"], work)
    without = _without_halo(tidy, found, work)
    seam = tidy & ~without
    small = {name: _tidy(one, maps["contrast"], levels["contrast"], work) & ~seam for name, one in raw.items()}
    votes = {name: _enlarge(one, work, image.shape, inside) for name, one in small.items()}
    mask = _enlarge(without, work, image.shape, inside)
    choice = _explain(work, levels["contrast"], found, mask, inside)
    return mask, votes, mask.astype(np.uint8), legend, choice


def _check(size: float | None, sensitivity: float, halo: str, min_area: int | None, seed: int) -> None:
    if halo not in ("auto", "keep"):
        raise SettingError(f"segment.texture.halo: {halo!r} is not one of auto, keep.")
    given = {
        "size": (size, Range(1.5, 20)),
        "sensitivity": (sensitivity, Range(0.2, 5)),
        "min_area": (min_area, Range(0)),
        "seed": (seed, Range(0, 2**32 - 1)),
    }
    for name, (value, limits) in given.items():
        if value is not None and value not in limits:
            raise SettingError(f"segment.texture.{name}: {value!r} is out of range, must be {limits}.")


def _prepare(
    image: NDArray[Any], area: NDArray[np.bool_] | None, size: float | None, min_area: int | None
) -> _Work | None:
    """Return the image around 0, outside the area filled up, shrunk where its texture is coarse; None when constant."""
    known = image if area is None else image[area]
    if known.size == 0 or known.min() == known.max():
        return None
    middle = float(np.median(known))
    values = (image - np.float64(middle)).astype(np.float32)
    spread = float(np.abs(values).max())
    values /= np.float32(spread)
    if area is not None:
        values = _fill_outside(values, area)
    scale = measure_texture_scale(values, area, step=grey_step(image) / spread)
    if size is not None:
        scale = TextureScale(scale.noise, scale.fine, size, scale.is_white)
    noise, fine = max(scale.noise, 1e-6), max(scale.fine, 1e-6)
    is_jpeg = has_block_grid(values)
    least = round(np.pi * (1.5 * scale.size) ** 2) if min_area is None else min_area
    factor = max(1, int(scale.size / _WORK_SIZE))
    if factor > 1:
        height, width = (-(-side // factor) for side in values.shape)
        pad = ((0, height * factor - values.shape[0]), (0, width * factor - values.shape[1]))
        values = np.pad(values, pad, mode="edge")
        values = np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA), np.float32)
        if area is not None:
            wide = np.pad(area.astype(np.float32), pad, mode="edge")
            area = cv2.resize(wide, (width, height), interpolation=cv2.INTER_AREA) >= 0.5
    return _Work(
        values, area, factor, noise, fine, scale.is_white, is_jpeg, scale.size / factor, -(-least // factor**2)
    )


def _draw_maps(work: _Work) -> tuple[dict[MapName, NDArray[np.float32]], float, bool]:
    """Return the maps, how sharp they are, and whether all of the image seems to be one layer of faint texture."""
    wide = texture_map(work.values, work.size, "contrast", work.noise)
    sample = _sample(wide, work.area)
    sharpness = find_sharpness(sample)
    is_full = _may_be_full(wide, sample, work)
    if is_full:
        warnings.warn(_EMPTY if work.is_jpeg else _FULL, GranumWarning, stacklevel=3)
    names: tuple[MapName, ...] = ("contrast", "gradient", "coarse")
    maps = {name: texture_map(work.values, work.size, name, work.noise, sharpness=sharpness) for name in names}
    return maps, sharpness, is_full and not work.is_jpeg


def _may_be_full(wide: NDArray[np.float32], sample: NDArray[np.float32], work: _Work) -> bool:
    """Return whether the only thing that is there is as rough as noise, yet more uneven.

    One population only: where there are cells and background, one of them is far away from the middle.
    """
    level = find_background(sample)
    low, middle, high = np.quantile(sample, [0.1, 0.5, 0.9])
    is_one = bool(max(middle - low, high - middle) < _ONE_POPULATION and middle < level.threshold)
    return level.found and level.spread > _FULL_SPREAD and is_one and is_unlike_noise(wide, work.area, work.size)


def _find_level(
    plane: NDArray[np.float32], name: MapName, sharpness: float, is_full: bool, work: _Work
) -> BackgroundLevel:
    white = white_noise_level(round(4 * work.size) / 4, name, round(4 * sharpness) / 4)
    white += float(np.log(work.fine / work.noise / work.factor))  # shrinking averages noise
    sample = _sample(plane, work.area)
    if is_full:  # half way from the noise to what is usual in this layer
        return BackgroundLevel(white, 0.2, 0.5 * (white + float(np.median(sample))), False)
    return find_background(sample, white=white, is_white=work.is_white)


def _fill_outside(values: NDArray[np.float32], area: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the values, outside the area replaced by the mean of what is near inside, so that its border is smooth."""
    weight = area.astype(np.float32)
    share, total = blur(weight, 8.0), blur(values * weight, 8.0)
    return np.where(area, values, total / np.maximum(share, np.float32(1e-6))).astype(np.float32)


def _sample(plane: NDArray[np.float32], area: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    every = max(1, int(np.sqrt(plane.size / 200_000)))
    few = plane[::every, ::every]
    if area is None:
        return few.ravel()
    inside = area[::every, ::every]
    return few[inside] if inside.any() else plane[area]


def _by_level(plane: NDArray[np.float32], level: BackgroundLevel, shift: float, work: _Work) -> NDArray[np.bool_]:
    """Return what is above the threshold, in pieces that reach well above it somewhere."""
    mask = plane > level.threshold - shift
    mask &= plane > seen_from_outside(plane, work.size)
    if work.area is not None:
        mask &= work.area
    return drop_faint(mask, plane, level.threshold - shift)


def _by_clusters(
    maps: dict[MapName, NDArray[np.float32]], level: BackgroundLevel, shift: float, work: _Work, seed: int
) -> NDArray[np.bool_]:
    """Return the clusters of k-means over all maps whose middle is rougher than the background."""
    names = sorted(maps)
    sample = np.stack([_sample(maps[name], work.area) for name in names], axis=1).astype(np.float64)
    if len(sample) > _N_SAMPLE:
        sample = sample[np.sort(np.random.default_rng(seed).choice(len(sample), _N_SAMPLE, replace=False))]
    k = min(_CLUSTERS, len(np.unique(sample, axis=0)))
    centres, _ = fit_kmeans(sample, k, seed)
    is_cell = centres[:, names.index("contrast")] > level.threshold - shift
    if not is_cell.any():
        return np.zeros(work.values.shape, np.bool_)
    nearest = {}
    for flag in (True, False):
        least = np.full(work.values.shape, np.inf, np.float32)
        for centre in centres[is_cell == flag]:
            distance = np.zeros(work.values.shape, np.float32)
            for name, at in zip(names, centre, strict=True):
                part = maps[name] - np.float32(at)
                part *= part
                distance += part
            np.minimum(least, distance, out=least)
        nearest[flag] = least
    mask = np.asarray(nearest[True] < nearest[False])
    mask &= maps["contrast"] > seen_from_outside(maps["contrast"], work.size)
    if work.area is not None:
        mask &= work.area
    return drop_faint(mask, maps["contrast"], level.threshold - shift)


def _majority(raw: dict[str, NDArray[np.bool_]], work: _Work) -> NDArray[np.bool_]:
    total = np.zeros(work.values.shape, np.uint8)
    for one in raw.values():
        total += one
    return np.asarray(total * 2 > len(raw))


def _tidy(
    mask: NDArray[np.bool_], plane: NDArray[np.float32], level: BackgroundLevel, work: _Work
) -> NDArray[np.bool_]:
    """Return a mask without specks, holes that are no background, and whiskers."""
    mask = keep_components(mask, connectivity=2, min_area=work.min_area)
    mask = open_mask(fill_rough_holes(mask, plane, level, work.size), work.size)
    if work.area is not None:
        mask &= work.area
    return keep_components(drop_thin(mask, work.size), connectivity=2, min_area=work.min_area)


def _without_halo(mask: NDArray[np.bool_], halo: Halo | None, work: _Work) -> NDArray[np.bool_]:
    """Return a mask without halos; gaps between cells that open by this stay open."""
    if halo is None or not halo.depth:
        return mask
    peeled = _smooth(peel_halo(mask, halo), work)
    opened = open_gaps(mask, peeled, halo, work.size, work.area)
    return keep_most(_smooth(opened, work), peeled)


def _smooth(mask: NDArray[np.bool_], work: _Work) -> NDArray[np.bool_]:
    """Return a mask without small holes, whiskers and specks."""
    holes = keep_components(~mask, connectivity=1, min_area=round(np.pi * (1.5 * work.size) ** 2))
    mask = open_mask(~holes, work.size)
    if work.area is not None:
        mask &= work.area
    return keep_components(drop_thin(mask, work.size), connectivity=2, min_area=work.min_area)


def _enlarge(
    mask: NDArray[np.bool_], work: _Work, shape: tuple[int, ...], area: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    if work.factor > 1:
        full = cv2.resize(mask.astype(np.float32), None, fx=work.factor, fy=work.factor, interpolation=cv2.INTER_LINEAR)
        mask = np.ascontiguousarray(full[: shape[0], : shape[1]] > 0.5)
    return mask if area is None else mask & area


def _explain(
    work: _Work, level: BackgroundLevel, halo: Halo | None, mask: NDArray[np.bool_], area: NDArray[np.bool_] | None
) -> Choice:
    n = mask.size if area is None else int(np.count_nonzero(area))
    share = int(np.count_nonzero(mask)) / max(n, 1)
    size = work.size * work.factor
    values = {
        "size": round(size, 2),
        "background_over_noise": round(float(np.exp(level.level)), 2) if level.found else None,
        "threshold_over_noise": round(float(np.exp(level.threshold)), 2),
        "halo_depth": 0 if halo is None else halo.depth * work.factor,
    }
    seen = (
        f"Background is {np.exp(level.level):.2f} times as rough as the noise of single pixels"
        if level.found
        else "No background was seen, so its roughness is taken from the noise of single pixels"
    )
    depth = 0 if halo is None else halo.depth * work.factor
    seam = f" Bright seams up to {depth} px deep are taken away." if depth else ""
    reason = (
        f"{seen}; cells are what is rougher than {np.exp(level.threshold):.2f} times, at a texture size of "
        f"{size:.1f} px: {100 * share:.1f} % of the area.{seam}"
    )
    return Choice("cell texture", values, reason)
