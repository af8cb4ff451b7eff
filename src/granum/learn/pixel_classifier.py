"""The first model, while strokes are painted; and `learn_pixels`, arrays in and model out, for Python.

The first model is one pipeline that was good on every set that was looked at: small neural networks on all features. It
is not validated; that is what a search is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import SettingError, ShapeError
from granum.learn.class_prior import estimate_prior
from granum.learn.classifiers import fit_classifier
from granum.learn.normalisation_choice import choose_normalisation, map_to_training, pool_intensity
from granum.learn.pixel_model import PixelModel, Stage
from granum.learn.scribbles import PixelClass, make_scribbles
from granum.learn.training_data import TrainingData, TrainingImage

__all__ = ["fit_first_model", "learn_pixels"]

SMOOTHING_PX = 1.0
"""Sigma that smooths the posterior: better or equal on every set that was measured, and it removes speckle."""


def fit_first_model(data: TrainingData, *, seed: int = 0) -> PixelModel:
    """Return a model of what is painted, at once.

    Parameters
    ----------
    data : TrainingData
        Painted pixels of at least two classes.
    seed : int
        Of the networks.

    Returns
    -------
    model : PixelModel
        Three small networks, averaged, with class frequencies from the sample. ``about["notes"]`` says what
        could not be told.

    Raises
    ------
    SettingError
        Only one class is painted.

    Notes
    -----
    About 0.07 seconds of one core for 12,000 pixels of 85 features. It is not scored. Four networks of 16 and 16 need a
    third fewer multiplications per pixel, but were not as good everywhere: mIoU over six seeds -.001 on nickel
    superalloy (-.004 in three of them), +.005 on sandstone.
    """
    if np.unique(data.labels).size < 2:
        raise SettingError("strokes: only one class is painted; paint at least two, so that there is a difference.")
    choice = choose_normalisation(data)
    training = pool_intensity(tuple(data.intensity[image] for image in np.unique(data.image_of)))
    painted, sample = data.painted, data.sample
    if choice.normalisation == "training":
        painted = map_to_training(painted, data, data.image_of, training)
        sample = map_to_training(sample, data, data.sample_image, training)
    classifier = fit_classifier(
        "mlp", painted, data.labels, n_classes=len(data.classes), weights=data.weights, seed=seed
    )
    prior = estimate_prior(classifier.probabilities(sample))
    notes = [*data.notes, *([choice.note] if choice.note else [])]
    return PixelModel(
        classes=data.classes,
        n_channels=data.images[0].channels.shape[0],
        channel_names=data.images[0].channel_names,
        dtype=str(data.images[0].channels.dtype),
        pixel_size_nm=common_pixel_size(data.images),
        features=data.features,
        normalisation=choice.normalisation,
        intensity=training,
        first=Stage(tuple(range(len(data.names))), classifier),
        prior=tuple(map(float, prior)),
        smoothing_px=SMOOTHING_PX,
        about={"kind": "first model", "seed": seed, "notes": notes},
    )


def learn_pixels(
    images: Sequence[ArrayLike],
    strokes: Sequence[ArrayLike | None],
    *,
    class_names: Sequence[str] | None = None,
    budget_s: float = 60.0,
    seed: int = 0,
) -> PixelModel:
    """Learn pixel classes from strokes on a few images.

    Parameters
    ----------
    images : sequence of (Y, X) or (C, Y, X) array_like
        Any integer or floating dtype.
    strokes : sequence of (Y, X) array_like
        One per image, whole numbers of any dtype: class 1, 2, ... of each painted pixel, 0 = unpainted; None for an
        image without strokes.
    class_names : sequence of str, optional
        Name of class 1, class 2, ...
    budget_s : float
        Seconds of the search.
    seed : int
        Of all that is random.

    Returns
    -------
    model : PixelModel
        The best that was found; ``model.about["report"]`` says how good it is.

    Raises
    ------
    SettingError
        Nothing is painted, or one class only; a budget of 0.
    ShapeError
        Images and strokes do not fit.

    Examples
    --------
    >>> model = learn_pixels([image], [strokes], class_names=["matrix", "particle"])  # doctest: +SKIP
    >>> classes = model.predict(other).classes  # doctest: +SKIP
    """
    from granum.learn.model_search import search_model

    if len(images) != len(strokes):
        raise ShapeError(f"strokes: there are {len(strokes)}, but {len(images)} images; give one each, or None.")
    given = []
    for number, (image, painted) in enumerate(zip(images, strokes, strict=True), 1):
        channels = _as_channels(image, number)
        name = f"image {number}"
        scribbles = None if painted is None else make_scribbles(_as_integers(painted, name), name=name)
        given.append(TrainingImage(name, channels, scribbles))
    classes = [PixelClass(number, name) for number, name in enumerate(class_names or (), 1)]
    return search_model(given, classes, budget_s=budget_s, seed=seed).model


def common_pixel_size(images: Sequence[TrainingImage]) -> float | None:
    """Return the median pixel size of the images that have one."""
    sizes = [image.pixel_size_nm for image in images if image.pixel_size_nm]
    return float(np.median(sizes)) if sizes else None


def _as_channels(image: ArrayLike, number: int) -> NDArray[Any]:
    """Return an image as (C, Y, X)."""
    array = np.asarray(image)
    if array.dtype.kind not in "biuf":
        raise ShapeError(f"image {number}: has dtype {array.dtype}; must be real numbers (bool, integers or floats).")
    if array.ndim == 2:
        return array[None]
    if array.ndim != 3 or len(array) > min(array.shape[1:]):
        raise ShapeError(
            f"image {number}: has shape {array.shape}; must be (Y, X), or (C, Y, X) with channels first "
            "(a colour image: np.moveaxis(image, -1, 0))."
        )
    return array


def _as_integers(painted: ArrayLike, name: str) -> NDArray[Any]:
    """Return strokes as integers, which programs often keep as floats."""
    array = np.asarray(painted)
    if array.dtype.kind != "f":
        return array
    if not np.isfinite(array).all() or (array != np.round(array)).any() or np.abs(array).max(initial=0) > 255:
        raise ShapeError(f"strokes of {name}: hold values that are no class numbers; must be whole numbers, 0 to 255.")
    return array.astype(np.int64)
