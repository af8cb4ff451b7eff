"""`PixelModel`: all that is needed to give every pixel of an image its class; what a search finds and a file keeps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import ModelError, SettingError
from granum.learn.classifiers import FAMILIES, Classifier
from granum.learn.feature_scales import feature_halo
from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale, measure_intensity
from granum.learn.needed_features import needed_features
from granum.learn.probability_smoothing import smoothing_radius
from granum.learn.scribbles import PixelClass
from granum.learn.tiled_prediction import Prediction, Window, predict_tiles

__all__ = ["ContextStage", "PixelModel", "Stage"]


@dataclass(frozen=True, eq=False)
class Stage:
    """A classifier and the features that it sees.

    Parameters
    ----------
    columns : tuple of int
        Planes of the model's `FeatureSet`, in the order in which the classifier takes them.
    classifier : Classifier
        Trained on them.
    """

    columns: tuple[int, ...]
    classifier: Classifier


@dataclass(frozen=True, eq=False)
class ContextStage(Stage):
    """A second classifier, which also sees what the first says around a pixel (autocontext, 10.1109/TPAMI.2009.186).

    Parameters
    ----------
    columns : tuple of int
        As in `Stage`; planes of `context_planes` follow them.
    classifier : Classifier
        Trained on both.
    sigmas : tuple of float
        Scales in pixels at which the first probabilities are smoothed.
    """

    sigmas: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class PixelModel:
    """Image in, class and probabilities of every pixel out.

    Parameters
    ----------
    classes : tuple of PixelClass
        Sorted by id.
    n_channels : int
        C.
    channel_names : tuple of str
        Of the training images, or empty.
    dtype : str
        Of the training images, such as "uint8".
    pixel_size_nm : float or None
        Of the training images.
    features : FeatureSet
        What is computed.
    normalisation : {"image", "training"}
        Grey levels relative to each image, or to the training images.
    intensity : IntensityScale
        Of the training images together.
    first : Stage
        The classifier.
    context : ContextStage, optional
        The second one; the model answers with it then.
    prior : tuple of float
        Expected share of each class; classifiers are trained as if classes were equally frequent.
    smoothing_px : float
        Gaussian smoothing of the final probabilities; 0 = none.
    about : dict
        Report, leaderboard, where it comes from; JSON types.

    Raises
    ------
    ModelError
        When the parts do not fit each other.
    """

    classes: tuple[PixelClass, ...]
    n_channels: int
    channel_names: tuple[str, ...]
    dtype: str
    pixel_size_nm: float | None
    features: FeatureSet
    normalisation: Literal["image", "training"]
    intensity: IntensityScale
    first: Stage
    context: ContextStage | None = None
    prior: tuple[float, ...] = ()
    smoothing_px: float = 0.0
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_classes, n_planes = len(self.classes), self.features.n_features(self.n_channels)
        if not self.prior:
            object.__setattr__(self, "prior", (1.0 / n_classes,) * n_classes)
        prior = np.array(self.prior)
        ids = [known.id for known in self.classes]
        problem = ""
        if not ids or ids != sorted(set(ids)) or not 1 <= ids[0] <= ids[-1] <= 255:
            problem = f"class ids {ids} must ascend within 1 to 255"
        elif len(prior) != n_classes or not np.isfinite(prior).all() or prior.min() < 0 or prior.sum() <= 0:
            problem = f"prior {self.prior} must hold a share of 0 or more for each of {n_classes} classes"
        elif not re.fullmatch(r"bool|u?int(8|16|32|64)|float(16|32|64)", self.dtype):
            problem = f"dtype is {self.dtype!r}"
        elif self.intensity.n_channels != self.n_channels:
            problem = f"it is for {self.n_channels} channels, its intensity scale for {self.intensity.n_channels}"
        elif self.normalisation not in ("image", "training"):
            problem = f"normalisation is {self.normalisation!r}"
        elif not 0 <= self.smoothing_px <= 100:
            problem = f"smoothing_px is {self.smoothing_px}, must be 0 to 100"
        elif self.pixel_size_nm is not None and not 0 < self.pixel_size_nm < float("inf"):
            problem = f"pixel_size_nm is {self.pixel_size_nm}"
        elif self.context is not None and not (
            self.context.sigmas and all(0 <= sigma <= 100 for sigma in self.context.sigmas)
        ):
            problem = f"context sigmas {self.context.sigmas} must be 0 to 100"
        for stage in self.stages:
            more = n_classes * len(stage.sigmas) if isinstance(stage, ContextStage) else 0
            if stage.classifier.n_classes != n_classes or stage.classifier.n_features != len(stage.columns) + more:
                problem = problem or "a classifier is for another number of classes or features"
            if not all(0 <= column < n_planes for column in stage.columns):
                problem = problem or f"a classifier takes features beyond the {n_planes} that there are"
        if problem:
            raise ModelError(f"model: {problem}.")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in order."""
        return (self.first,) if self.context is None else (self.first, self.context)

    @property
    def halo(self) -> int:
        """How many pixels around a pixel its class depends on."""
        around = max(map(smoothing_radius, self.context.sigmas)) if self.context else 0
        used = (column for stage in self.stages for column in stage.columns)
        needed, _ = needed_features(self.features, self.n_channels, used)
        return feature_halo(needed) + around + smoothing_radius(self.smoothing_px)

    def describe(self) -> str:
        """Return it in a few words, such as "neural networks, 69 features, sigma 0.7 to 10 px"."""
        family = self.stages[-1].classifier.family
        words = [FAMILIES[family].title if family in FAMILIES else family]
        words.append(f"{len(set().union(*(stage.columns for stage in self.stages)))} features")
        if sigmas := self.features.sigmas:
            words.append(f"sigma {sigmas[0]:g} to {sigmas[-1]:g} px" if len(sigmas) > 1 else f"sigma {sigmas[0]:g} px")
        words.append("grey levels relative to each image" if self.normalisation == "image" else "absolute grey levels")
        if self.context:
            words.append("autocontext")
        if self.smoothing_px:
            words.append(f"smoothed {self.smoothing_px:g} px")
        return ", ".join(words)

    def check(
        self,
        channels: ArrayLike,
        *,
        channel_names: Sequence[str] = (),
        pixel_size_nm: float | None = None,
    ) -> list[str]:
        """Return what the user must know before using it on an image.

        Parameters
        ----------
        channels : (C, Y, X) array_like
            The image.
        channel_names : sequence of str
            Of the image, where they are known.
        pixel_size_nm : float, optional
            Of the image, where it is known.

        Raises
        ------
        ModelError
            When it cannot fit: another number or order of channels, another range of grey levels, a pixel size that
            differs more than twofold.
        """
        array = np.asarray(channels)
        if array.ndim != 3 or len(array) != self.n_channels:
            have = f"{len(array)} channels" if array.ndim == 3 else f"the shape {array.shape}"
            raise ModelError(
                f"model: it learnt from images of {self.n_channels} channel{'s' * (self.n_channels != 1)}, this image "
                f"has {have}; choose the channels that it learnt from."
            )
        warnings = []
        mine, theirs = self.channel_names, tuple(channel_names)
        if mine and theirs and mine != theirs:
            if sorted(mine) == sorted(theirs):
                raise ModelError(
                    f"model: it learnt from the channels {', '.join(mine)}, this image has them as "
                    f"{', '.join(theirs)}; give them in the order of the model."
                )
            warnings.append(
                f"The model learnt from channels named {', '.join(mine)}; those of this image are {', '.join(theirs)}."
            )
        learnt, found = np.dtype(self.dtype), array.dtype
        if self.normalisation == "training" and learnt != found:
            if {learnt.kind, found.kind} <= set("biu"):
                raise ModelError(
                    f"model: it goes by absolute grey levels of {learnt} images, this image is {found}; convert it as "
                    f"the training images were, or learn again with images of both kinds."
                )
            if learnt.kind != found.kind:
                warnings.append(
                    f"The model goes by absolute grey levels of {learnt} images and this image is {found}; its values "
                    f"must mean the same."
                )
        if self.pixel_size_nm and pixel_size_nm:
            ratio = pixel_size_nm / self.pixel_size_nm
            text = (
                f"{pixel_size_nm:.4g} nm per pixel, the images that the model learnt from {self.pixel_size_nm:.4g} nm"
            )
            if max(ratio, 1 / ratio) > 2:
                raise ModelError(
                    f"model: this image has {text}; structures look different at that scale, so resample the image or "
                    f"learn from images like it."
                )
            if max(ratio, 1 / ratio) > 1.2:
                warnings.append(f"This image has {text}; results may be worse than the model's score says.")
        return warnings

    def scale_for(self, channels: ArrayLike, area: NDArray[np.bool_] | None = None) -> IntensityScale:
        """Return the intensity scale with which features of this image are computed."""
        if self.normalisation == "training":
            return self.intensity
        return measure_intensity(np.asarray(channels), area=area)

    def predict(
        self,
        channels: ArrayLike,
        *,
        intensity: IntensityScale | None = None,
        area: NDArray[np.bool_] | None = None,
        window: Window | None = None,
        threads: int | None = None,
    ) -> Prediction:
        """Return the class and the probabilities of every pixel.

        Parameters
        ----------
        channels : (C, Y, X) or (Y, X) array_like
            The whole image, any integer or floating dtype.
        intensity : IntensityScale, optional
            What `scale_for` said, when it is known already.
        area : (Y, X) ndarray of bool, optional
            What may be analysed; pixels outside get class 0 and probability 0. Features look at all pixels as they are.
        window : tuple of int, optional
            (y0, x0, y1, x1); only this part is computed, bit for bit as in the whole image.
        threads : int, optional
            Default: as many as numba uses.

        Raises
        ------
        ModelError
            When the number of channels is another one.
        SettingError
            When `area` or `window` does not fit the image.

        Notes
        -----
        Works in tiles with at most about 100 MB of features at a time, whatever the size of the image.
        """
        array = np.asarray(channels)
        array = array[None] if array.ndim == 2 else array
        notes = self.check(array)
        if area is not None and (area.shape != array.shape[1:] or area.dtype != np.bool_):
            raise SettingError(f"area: is {area.dtype} {area.shape}, must be bool {array.shape[1:]}.")
        if intensity is None:
            intensity = self.scale_for(array, area)
        notes += self._compare_levels(array, area)
        notes += _note_not_finite(array, area, window)
        found = predict_tiles(self, array, intensity=intensity, area=area, window=window, threads=threads)
        return replace(found, notes=tuple(notes))

    def _compare_levels(self, channels: NDArray[Any], area: NDArray[np.bool_] | None) -> list[str]:
        """Return a warning when absolute grey levels are far from those of the training images."""
        if self.normalisation != "training":
            return []
        step = max(1, int(np.sqrt(channels[0].size / 250_000)))
        thin = np.s_[::step, ::step]
        found = measure_intensity(channels[:, *thin], area=None if area is None else area[thin])
        notes = []
        for k in range(self.n_channels):
            middle, learnt, width = found.offset[k], self.intensity.offset[k], self.intensity.scale[k]
            if abs(middle - learnt) > width or not 1 / 4 < found.scale[k] / width < 4:
                which = f" of channel {k + 1}" if self.n_channels > 1 else ""
                notes.append(
                    f"The grey levels{which} (median {middle:.4g}, range {found.scale[k]:.4g}) are far from those that "
                    f"the model learnt from ({learnt:.4g}, {width:.4g}), and it goes by absolute grey levels."
                )
        return notes

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to one file; see `save_model`."""
        from granum.learn.model_file import save_model

        save_model(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> PixelModel:
        """Read it from a file; see `load_model`."""
        from granum.learn.model_file import load_model

        return load_model(path)


def _note_not_finite(channels: NDArray[Any], area: NDArray[np.bool_] | None, window: Window | None) -> list[str]:
    """Return a note when analysed pixels have no value: they get a class all the same."""
    if channels.dtype.kind != "f":
        return []
    y0, x0, y1, x1 = window or (0, 0, *channels.shape[1:])
    lacks = ~np.isfinite(channels[:, y0:y1, x0:x1]).all(axis=0)
    if area is not None:
        lacks &= area[y0:y1, x0:x1]
    n_px = int(np.count_nonzero(lacks))
    if not n_px:
        return []
    return [f"{n_px} of {lacks.size} pixels are not finite; their classes are those of what lies around them, if any."]
