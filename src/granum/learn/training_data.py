"""`TrainingImage` in, `TrainingData` out: features of the painted pixels, and of a sample of all pixels."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError, ShapeError
from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale
from granum.learn.known_pixels import KnownPixels
from granum.learn.pixel_choice import add_neighbours, choose_painted, choose_sample, weigh_strokes
from granum.learn.scribble_checks import check_scribbles, fit_scribbles
from granum.learn.scribbles import PixelClass, Scribbles, StrokeCount

__all__ = ["TrainingData", "TrainingImage", "gather_training_data"]

_MOST_PAINTED = 300_000


@dataclass(frozen=True, eq=False)
class TrainingImage:
    """One plane of an image, painted or not.

    Parameters
    ----------
    name : str
        For messages.
    channels : (C, Y, X) ndarray
        Its pixels as they are in the file.
    scribbles : Scribbles, optional
        What was painted on it; images without are looked at for grey levels and class frequencies.
    area : (Y, X) ndarray of bool, optional
        What may be analysed (without info bars).
    channel_names : tuple of str
        Empty when the file gives none.
    pixel_size_nm : float, optional
        Where it is known.
    """

    name: str
    channels: NDArray[Any]
    scribbles: Scribbles | None = None
    area: NDArray[np.bool_] | None = None
    channel_names: tuple[str, ...] = ()
    pixel_size_nm: float | None = None


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Features of painted pixels and of a sample of all pixels, each computed with the intensity scale of its image.

    Parameters
    ----------
    classes : tuple of PixelClass
        Sorted by id; index in this tuple = the number in `labels`.
    features : FeatureSet
        The full bank.
    names : tuple of str
        Name of each plane.
    images : tuple of TrainingImage
        Those that were given, in order.
    intensity : tuple of IntensityScale
        Of each image.
    painted : (F, n) ndarray of float32
        Features of the painted pixels that were kept: at most `most_per_class` per class and image, as many of each
        stroke as possible.
    labels : (n,) ndarray of uint8
        Class index of each.
    image_of, stroke_of : (n,) ndarray of int32
        Its image (index) and stroke (index in `strokes`, so it is unique over all images).
    y, x : (n,) ndarray of int32
        Where it is.
    weights : (n,) ndarray of float32
        Every class weighs the same, and within it every stroke by the root of its pixels; the mean is 1.
    sample : (F, m) ndarray of float32
        Features of pixels drawn evenly from the analysed area of every image, whether painted or not, and of a
        neighbour of each.
    sample_image, sample_y, sample_x : (m,) ndarray of int32
        Where they are.
    strokes : tuple of StrokeCount
        Every stroke that is learnt from, with all its pixels; in the order of `stroke_of`, whose numbers are 0, 1, 2...
    notes : tuple of str
        What the user must know.
    """

    classes: tuple[PixelClass, ...]
    features: FeatureSet
    names: tuple[str, ...]
    images: tuple[TrainingImage, ...]
    intensity: tuple[IntensityScale, ...]
    painted: NDArray[np.float32]
    labels: NDArray[np.uint8]
    image_of: NDArray[np.int32]
    stroke_of: NDArray[np.int32]
    y: NDArray[np.int32]
    x: NDArray[np.int32]
    weights: NDArray[np.float32]
    sample: NDArray[np.float32]
    sample_image: NDArray[np.int32]
    sample_y: NDArray[np.int32]
    sample_x: NDArray[np.int32]
    strokes: tuple[StrokeCount, ...] = ()
    notes: tuple[str, ...] = ()


def gather_training_data(
    images: Sequence[TrainingImage],
    classes: Sequence[PixelClass] = (),
    *,
    features: FeatureSet | None = None,
    most_per_class: int = 1500,
    n_sample: int = 8192,
    seed: int = 0,
    cache: KnownPixels | None = None,
) -> TrainingData:
    """Return the features of painted pixels, and of a sample of all pixels.

    Parameters
    ----------
    images : sequence of TrainingImage
        Painted or not, with the same channels.
    classes : sequence of PixelClass
        Names of the classes; those without a stroke are left out, with a note. None: those that come with the strokes,
        else "class 1", "class 2".
    features : FeatureSet, optional
        The full bank by default.
    most_per_class : int
        Pixels that are kept per class and image, at least 1: the same number of every stroke of the class as far as it
        has them, at least one. With many images fewer, so that all together stay below 300,000.
    n_sample : int
        About how many pixels the sample has, the same share of every image: half of them drawn evenly, half beside
        those; 0 for none.
    seed : int
        Decides which pixels.
    cache : KnownPixels, optional
        What was computed for the same images before; filled with what is new.

    Returns
    -------
    data : TrainingData
        Features are those of each image's own intensity scale.

    Raises
    ------
    SettingError
        Nothing is painted, or one class only; a setting is out of its range.
    ShapeError
        Images have different channels, or strokes are of another size than their image.

    Notes
    -----
    Only windows around painted and sampled pixels are looked at. With a cache, what one stroke more costs is the
    features around that stroke.
    """
    features = FeatureSet() if features is None else features
    _check(images, most_per_class, n_sample)
    known = KnownPixels() if cache is None else cache
    fitted, notes = [], list(_differences(images))
    for image in images:
        scribbles = None
        if image.scribbles is not None:
            scribbles = fit_scribbles(image.scribbles, image.channels, area=image.area)
            notes += scribbles.notes
        fitted.append(scribbles)
    used, more_notes = check_scribbles([one for one in fitted if one is not None], classes)
    notes += more_notes
    index_of = np.zeros(256, np.uint8)
    index_of[[one.id for one in used]] = np.arange(len(used))
    most = _most_of_all(fitted, most_per_class)
    if most < most_per_class:
        notes.append(
            f"At most {most} pixels per class and image are learnt from, instead of {most_per_class}: there are "
            f"{sum(one is not None for one in fitted)} painted images."
        )

    intensity: list[IntensityScale] = []
    strokes: list[StrokeCount] = []
    parts: list[tuple[NDArray[Any], ...]] = []
    samples: list[tuple[NDArray[Any], ...]] = []
    planes: list[NDArray[np.float32]] = []
    sample_planes: list[NDArray[np.float32]] = []
    shares = [n_sample * (i + 1) // len(images) - n_sample * i // len(images) for i in range(len(images))]
    for number, (image, scribbles, share) in enumerate(zip(images, fitted, shares, strict=True)):
        intensity.append(known.intensity(image.name, image.channels, image.area))
        y, x = _sample(known, image, share, seed)
        samples.append((np.full(y.size, number, np.int32), y, x))
        n_painted = 0
        if scribbles is not None and scribbles.n_px:
            counts = scribbles.counts()
            kept = choose_painted(scribbles, most_per_class=most, seed=seed)
            order = np.searchsorted([one.stroke for one in counts], scribbles.strokes[kept]).astype(np.int32)
            n_px = np.array([one.n_px for one in counts])[order]
            image_of = np.full(kept.size, number, np.int32)
            place = (scribbles.y[kept], scribbles.x[kept])
            parts.append((index_of[scribbles.class_ids[kept]], image_of, order + len(strokes), *place, n_px))
            strokes += counts
            y, x = np.concatenate([place[0], y]), np.concatenate([place[1], x])
            n_painted = kept.size
        # one call for both, so that a window that both need is computed once
        found = known.features(image.name, image.channels, image.area, features=features, y=y, x=x)
        planes.append(found[:, :n_painted])
        sample_planes.append(found[:, n_painted:])
    labels, image_of, stroke_of, y, x, n_px = (np.concatenate(column) for column in zip(*parts, strict=True))
    sample_image, sample_y, sample_x = (np.concatenate(column) for column in zip(*samples, strict=True))
    return TrainingData(
        classes=used,
        features=features,
        names=features.names(images[0].channels.shape[0]),
        images=tuple(images),
        intensity=tuple(intensity),
        painted=np.ascontiguousarray(np.concatenate(planes, axis=1)),
        labels=labels,
        image_of=image_of,
        stroke_of=stroke_of.astype(np.int32),
        y=y,
        x=x,
        weights=weigh_strokes(labels, stroke_of, n_px),
        sample=np.ascontiguousarray(np.concatenate(sample_planes, axis=1)),
        sample_image=sample_image,
        sample_y=sample_y,
        sample_x=sample_x,
        strokes=tuple(strokes),
        notes=tuple(dict.fromkeys(notes)),
    )


def _sample(known: KnownPixels, image: TrainingImage, n: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the sample of an image: other places in every image, the same ones whatever other images there are."""
    own_seed = (seed << 32) + zlib.crc32(image.name.encode(errors="replace"))
    shape, allowed = image.channels.shape[1:], _allowed(image)

    def draw() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        y, x = choose_sample(shape, (n + 1) // 2, allowed=allowed, seed=own_seed)
        return add_neighbours(y, x, shape, allowed=allowed, seed=own_seed)

    return known.sample(image.name, image.channels, image.area, n=n, seed=own_seed, draw=draw)


def _check(images: Sequence[TrainingImage], most_per_class: int, n_sample: int) -> None:
    if not images:
        raise SettingError("images: none are given; give at least one that is painted.")
    if most_per_class < 1:
        raise SettingError(f"most_per_class is {most_per_class}, must be at least 1.")
    if n_sample < 0:
        raise SettingError(f"n_sample is {n_sample}, must be 0 or more.")
    first = images[0]
    for image in images:
        if image.channels.ndim != 3 or not image.channels.size:
            raise ShapeError(f"{image.name}: pixels have shape {image.channels.shape}, need (C, Y, X).")
        if image.channels.shape[0] != first.channels.shape[0]:
            raise ShapeError(
                f"{image.name}: has {image.channels.shape[0]} channels, {first.name} has {first.channels.shape[0]}; "
                "images that are learnt from together need the same channels."
            )
        if image.channel_names and first.channel_names and image.channel_names != first.channel_names:
            raise ShapeError(
                f"{image.name}: its channels are {', '.join(image.channel_names)}, those of {first.name} are "
                f"{', '.join(first.channel_names)}; images that are learnt from together need the same channels."
            )


def _differences(images: Sequence[TrainingImage]) -> list[str]:
    """Return what is not the same in all images and matters to features."""
    notes = []
    dtypes = {image.channels.dtype.name: image.name for image in images}
    if len(dtypes) > 1:
        listed = ", ".join(f"{dtype} ({name})" for dtype, name in sorted(dtypes.items()))
        notes.append(f"The images have different types of pixels: {listed}; grey levels are compared as they are.")
    sizes = {image.pixel_size_nm: image.name for image in images if image.pixel_size_nm is not None}
    if sizes and max(sizes) > 1.02 * min(sizes):
        low, high = min(sizes), max(sizes)
        notes.append(
            f"The images have different pixel sizes, {low:g} nm ({sizes[low]}) to {high:g} nm ({sizes[high]}); features"
            " are measured in pixels, so the same thing looks different in them."
        )
    return notes


def _most_of_all(fitted: Sequence[Scribbles | None], most_per_class: int) -> int:
    """Return the largest number per class and image, at most `most_per_class`, that keeps all together in bounds."""
    stocks = [np.bincount(one.class_ids)[1:] for one in fitted if one is not None]
    sizes = np.concatenate([stock[stock > 0] for stock in stocks])
    low, high = 1, most_per_class
    while low < high:
        middle = (low + high + 1) // 2
        if np.minimum(sizes, middle).sum() <= _MOST_PAINTED:
            low = middle
        else:
            high = middle - 1
    return low


def _allowed(image: TrainingImage) -> Any:
    """Return the test of which pixels may be sampled; None when all may."""
    is_float = image.channels.dtype.kind == "f"
    if image.area is None and not is_float:
        return None

    def test(y: NDArray[np.int64], x: NDArray[np.int64]) -> NDArray[np.bool_]:
        good = np.ones(y.size, np.bool_) if image.area is None else image.area[y, x]
        return good & np.isfinite(image.channels[:, y, x]).all(axis=0) if is_float else good

    return test
