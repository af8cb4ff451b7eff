"""Grey levels relative to each image, or as they are? Answered from left-out images, in a few milliseconds.

The same phase is brighter in the next image of one microscope and means the same in another's, and the wrong choice
costs more than any choice of classifier. With strokes on two images or more it can be measured. With strokes on one it
cannot: then unpainted images tell how much grey levels move, and the rest is said to the user.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from granum.learn.intensity import IntensityScale, map_features
from granum.learn.search_space import Normalisation
from granum.learn.training_data import TrainingData

__all__ = ["NormalisationChoice", "choose_normalisation", "map_to_training", "pool_intensity"]

_MOST_GROUPS = 5
_MOST_PX = 3000
_RIDGE = 1e-2
_LEAST_GAIN = 0.01
# variance of a share of which nothing is known
_SPREAD_OF_ONE = 0.25
# in ranges of grey levels: so far apart that levels can hardly mean the same
_FAR = 0.5
# so close that nothing speaks against it
_CLOSE = 0.15
# so close that both are nearly the same
_NEAR = 0.1


@dataclass(frozen=True)
class NormalisationChoice:
    """What was chosen.

    Parameters
    ----------
    normalisation : {"image", "training"}
        The better one, as far as can be told.
    is_measured : bool
        False with strokes on one image only: a search could not tell either.
    note : str
        One sentence for the user when it is not measured, else "".
    """

    normalisation: Normalisation
    is_measured: bool
    note: str = ""


def pool_intensity(scales: tuple[IntensityScale, ...]) -> IntensityScale:
    """Return the median offset and scale of several images, channel by channel."""
    offset = np.median([scale.offset for scale in scales], axis=0)
    factor = np.median([scale.scale for scale in scales], axis=0)
    return IntensityScale(tuple(map(float, offset)), tuple(map(float, factor)))


def map_to_training(
    planes: NDArray[np.float32], data: TrainingData, image_of: NDArray[np.int32], training: IntensityScale
) -> NDArray[np.float32]:
    """Return features of pixels of many images as they are with one intensity scale for all, in new memory."""
    mapped = np.empty_like(planes)
    for image in np.unique(image_of):
        own = image_of == image
        mapped[:, own] = map_features(planes[:, own], data.names, old=data.intensity[image], new=training)
    return mapped


def choose_normalisation(data: TrainingData) -> NormalisationChoice:
    """Return how grey levels should be taken.

    Parameters
    ----------
    data : TrainingData
        Painted pixels of all images.

    Notes
    -----
    By least squares on features and their squares, leaving painted images out; about 0.1 s. A few strokes cannot tell,
    and a choice that flips with every stroke is worse than either; so the gain is weighed against its standard error
    between strokes, and how far grey levels move between the images says where the burden of proof lies. Far apart,
    "training" must be better by two standard errors, because what it loses when the next image comes out brighter is
    more; close together, it stays unless it is clearly worse: it does not mind how much of an image a phase covers.
    """
    painted = np.unique(data.image_of)
    if painted.size < 2:
        return _without_truth(data)
    training = pool_intensity(tuple(data.intensity[image] for image in painted))
    rng = np.random.default_rng(0)
    kept = np.sort(rng.permutation(data.labels.size)[:_MOST_PX])
    group = np.searchsorted(painted, data.image_of[kept]) % _MOST_GROUPS
    relative = data.painted[:, kept]
    absolute = map_to_training(relative, data, data.image_of[kept], training)
    labels, weights = data.labels[kept], data.weights[kept].astype(np.float64)
    from threadpoolctl import threadpool_limits

    # sums of several threads differ in the last bits, and a choice must not
    with threadpool_limits(1, user_api="blas"):
        better = _right(absolute, labels, weights, group).astype(np.float64) - _right(relative, labels, weights, group)
    gain, error = _mean_of_strokes(better, data.stroke_of[kept], labels)
    moved, _ = _spread(data)
    if moved <= _CLOSE:
        is_training = gain > -max(error, _LEAST_GAIN)
    else:
        is_training = gain > max((2.0 if moved > _FAR else 1.0) * error, _LEAST_GAIN)
    return NormalisationChoice("training" if is_training else "image", is_measured=True)


def _spread(data: TrainingData) -> tuple[float, float]:
    """Return how far grey levels move between images, in ranges, and how much their ranges differ, as a ratio."""
    offset = np.array([scale.offset for scale in data.intensity])
    factor = np.array([scale.scale for scale in data.intensity])
    moved = np.ptp(offset, axis=0) / np.median(factor, axis=0)
    return float(moved.max()), float((factor.max(axis=0) / factor.min(axis=0)).max())


def _without_truth(data: TrainingData) -> NormalisationChoice:
    """Return the safer choice, and why, when only one image is painted."""
    advice = "Paint on a second image to let the search decide."
    if len(data.images) < 2:
        note = (
            "Only one image is painted: whether grey levels mean the same in other images cannot be told, so they are "
            f"taken relative to each image. {advice}"
        )
        return NormalisationChoice("image", is_measured=False, note=note)
    moved, stretched = _spread(data)
    if moved <= _NEAR and stretched <= 1.0 + 2 * _NEAR:
        note = (
            "Only one image is painted, but grey levels are nearly the same in all images, so they are taken as they "
            f"are. {advice}"
        )
        return NormalisationChoice("training", is_measured=False, note=note)
    amount = "differ so much between the images that they cannot mean the same" if moved > _FAR else "differ"
    note = (
        f"Only one image is painted, and grey levels {amount} (the median moves by {100 * moved:.0f} % of the range), "
        f"so they are taken relative to each image. {advice}"
    )
    return NormalisationChoice("image", is_measured=False, note=note)


def _right(
    planes: NDArray[np.float32], labels: NDArray[np.uint8], weights: NDArray[np.float64], group: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which pixels come out right when their group is left out."""
    rows = planes.T.astype(np.float64)
    rows = np.where(np.isfinite(rows), rows, 0.0)
    rows = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9)
    # a phase of middling grey levels has no linear answer
    rows = np.concatenate([rows, np.minimum(rows**2, 9.0), np.ones((len(rows), 1))], axis=1)
    n_classes = int(labels.max()) + 1
    target = np.eye(n_classes)[labels]
    right = np.zeros(labels.size, bool)
    for one in np.unique(group):
        train, test = group != one, group == one
        per_class = np.bincount(labels[train], weights[train], minlength=n_classes)
        share = weights[train] / np.where(per_class > 0, per_class, 1.0)[labels[train]]
        weighted = rows[train] * (share / share.sum())[:, None]
        system = weighted.T @ rows[train]
        system[np.diag_indices_from(system)] += _RIDGE
        found = rows[test] @ np.linalg.solve(system, weighted.T @ target[train])
        right[test] = found.argmax(axis=1) == labels[test]
    return right


def _mean_of_strokes(
    values: NDArray[np.float64], strokes: NDArray[np.int32], labels: NDArray[np.uint8]
) -> tuple[float, float]:
    """Return the mean over classes of the mean over strokes, and its standard error; one stroke tells of no spread."""
    _, first, stroke = np.unique(strokes, return_index=True, return_inverse=True)
    means = np.bincount(stroke, values) / np.bincount(stroke)
    class_of = labels[first]
    found, variances = [], []
    for one in np.unique(class_of):
        own = means[class_of == one]
        found.append(own.mean())
        variances.append(own.var(ddof=1) / own.size if own.size > 1 else _SPREAD_OF_ONE)
    return float(np.mean(found)), float(np.sqrt(np.sum(variances)) / len(found))
