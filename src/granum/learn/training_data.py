"""`TrainingImage` in, `TrainingData` out: features of the painted pixels, and of a sample of all pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale
from granum.learn.scribbles import PixelClass, Scribbles

__all__ = ["TrainingData", "TrainingImage"]


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
        Its image (index) and stroke (numbers go on from image to image, so they are unique).
    y, x : (n,) ndarray of int32
        Where it is.
    weights : (n,) ndarray of float32
        Every class weighs the same, and within it every stroke by the root of its pixels; the mean is 1.
    sample : (F, m) ndarray of float32
        Features of pixels drawn evenly from the analysed area of every image, whether painted or not.
    sample_image, sample_y, sample_x : (m,) ndarray of int32
        Where they are.
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
    notes: tuple[str, ...] = ()
