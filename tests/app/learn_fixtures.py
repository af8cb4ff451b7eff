"""Images to learn from, and a model that is made in milliseconds."""

from __future__ import annotations

import numpy as np

from granum.learn import FeatureSet, PixelClass, measure_intensity
from granum.learn.classifiers import fit_classifier
from granum.learn.pixel_features import compute_features
from granum.learn.pixel_model import PixelModel, Stage

FEATURES = FeatureSet(sigmas=(1.0, 2.0), kinds=("gaussian", "gradient"))
CLASSES = (PixelClass(1, "dark", "#e69f00"), PixelClass(2, "bright"))


def two_phases(seed=0, shape=(300, 400)):
    """Return a picture of a dark phase on the left and a bright one on the right, with noise."""
    rng = np.random.default_rng(seed)
    picture = rng.normal(60, 8, shape)
    picture[:, shape[1] // 2 :] += 90
    return picture.clip(0, 255).astype(np.uint8)


def make_model(n_channels=1, about=None, classes=CLASSES):
    """Return a model of two phases."""
    channels = np.repeat(two_phases()[None], n_channels, axis=0)
    intensity = measure_intensity(channels)
    planes = compute_features(channels, FEATURES, intensity=intensity)
    labels = np.zeros(channels.shape[1:], np.uint8)
    labels[:, 200:] = 1
    chosen = np.random.default_rng(1).integers(0, labels.size, 500)
    classifier = fit_classifier(
        "logistic", planes.reshape(len(planes), -1)[:, chosen].copy(), labels.ravel()[chosen], n_classes=2
    )
    stage = Stage(tuple(range(len(planes))), classifier)
    return PixelModel(classes, n_channels, (), "uint8", None, FEATURES, "image", intensity, stage, about=about or {})


def quick_model(data):
    """Return a model of what is painted; stands for the first model where its quality does not matter."""
    classifier = fit_classifier("logistic", data.painted, data.labels, n_classes=len(data.classes))
    first = data.images[0]
    return PixelModel(
        data.classes, first.channels.shape[0], first.channel_names, str(first.channels.dtype), first.pixel_size_nm,
        data.features, "image", data.intensity[0], Stage(tuple(range(len(data.painted))), classifier),
    )  # fmt: skip
