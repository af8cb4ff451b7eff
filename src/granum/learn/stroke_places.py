"""Paint here next: the places where one more stroke helps most.

The most uncertain pixels are no such places: they lie on the borders between phases, where no stroke fits, and all of
them look alike. A place is good when the model hesitates all around it, when a class may be there that is rare (a
stroke at random hardly ever meets it), and when little that is painted looks like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.errors import SettingError, ShapeError
from granum.learn.place_candidates import PlaceCandidates
from granum.learn.scribbles import Scribbles
from granum.learn.uncertainty import REACH_PX

__all__ = ["StrokePlace", "suggest_strokes"]

RARITY = 0.5
"""Exponent of one over the frequency of a class: 0 counts every hesitation alike, 1 looks for rare classes only."""
LEAST_UNSURE = 0.1
"""Mean of one minus the lead: where the model is surer than this there is nothing to ask."""
_MOST_PAINTED = 512
_FLOOR = 0.02  # of frequencies: a class that is never likely must not decide everything
_FAR = np.float32(4)  # mean squared difference of standardised features; unlike is unlike
_ALIKE = 0.25
_KNOWN = 0.05  # what a place counts that looks exactly like something painted: there may be no other


@dataclass(frozen=True)
class StrokePlace:
    """Where one more stroke helps.

    Parameters
    ----------
    image : int
        Number of the image.
    y, x : float
        Middle, in pixels.
    radius : float
        Of the part that is meant, in pixels.
    class_ids : tuple of int
        The classes between which the model hesitates, the likeliest first.
    reason : str
        Part of a sentence for the user.
    """

    image: int
    y: float
    x: float
    radius: float
    class_ids: tuple[int, ...]
    reason: str


@njit(cache=True, nogil=True)
def _distances(points, others, far):  # type: ignore[no-untyped-def]
    """Return for each of (n, F) points the mean squared difference to the nearest of (m, F) others, at most `far`."""
    n_features = points.shape[1]
    out = np.full(len(points), far, np.float32)
    for i in range(len(points)):
        nearest = far * n_features
        for j in range(len(others)):
            total = np.float32(0)
            first = 0
            while first < n_features and total < nearest:
                for f in range(first, min(first + 16, n_features)):
                    step = points[i, f] - others[j, f]
                    total += step * step
                first += 16
            nearest = min(nearest, total)
        out[i] = nearest / n_features
    return out


def suggest_strokes(
    candidates: PlaceCandidates,
    class_ids: Sequence[int],
    *,
    painted: NDArray[np.float32] | None = None,
    scribbles: Sequence[Scribbles | None] = (),
    most: int = 6,
    radius: float = 3.0 * REACH_PX,
) -> tuple[StrokePlace, ...]:
    """Return the places where one more stroke helps most, the best first.

    Parameters
    ----------
    candidates : PlaceCandidates
        Of one image, or of several: the first place then says which image to paint next.
    class_ids : sequence of int
        Of the K probabilities.
    painted : (F, m) ndarray of float32, optional
        Features of what is painted, with the same intensity scale. Without, nothing is known of what is new.
    scribbles : sequence of Scribbles or None
        What is painted on image 0, 1, ...: no place is where something is painted already.
    most : int
        Places that are returned, fewer when the model is sure.
    radius : float
        Of each place, in pixels.

    Raises
    ------
    ShapeError
        When classes or features are not those of the candidates.
    SettingError
        When `most` is below 1.

    Notes
    -----
    The score is uncertainty * sum over the classes of probability / frequency ** 0.5 * novelty / (novelty + median
    novelty): frequencies are those that the model sees in the candidates, novelty is the squared distance of the
    features to the nearest that are painted. Every next place is also as unlike the ones before as can be, in
    features and in space. Measured in `benchmarks/accuracy/paint_here_next.py`. About 0.1 s of a core
    for 2,048 candidates of 85 features.
    """
    if len(class_ids) != len(candidates.probabilities):
        raise ShapeError(f"class_ids: {len(class_ids)}, but there are {len(candidates.probabilities)} probabilities.")
    if painted is not None and (painted.ndim != 2 or len(painted) != len(candidates.features)):
        raise ShapeError(f"painted: {painted.shape}, but candidates have {len(candidates.features)} features.")
    if most < 1:
        raise SettingError(f"most is {most}, must be at least 1.")
    unsure = candidates.uncertainty
    if not (unsure >= LEAST_UNSURE).any():
        return ()
    probabilities = candidates.probabilities.astype(np.float64)
    frequency = np.maximum(probabilities.mean(axis=1), _FLOOR)
    score = unsure * (frequency[:, None] ** -RARITY * probabilities).sum(axis=0)
    score[~(unsure >= LEAST_UNSURE) | _is_painted(candidates, scribbles)] = 0  # NaN as well

    points, scale = _standardise(candidates.features)
    novelty, typical = np.ones(len(score), np.float32), 1.0
    if painted is not None and painted.shape[1]:
        step = -(-painted.shape[1] // _MOST_PAINTED)
        strokes = np.ascontiguousarray(scale(painted[:, ::step]).T)
        novelty = _distances(points, strokes, _FAR)
        typical = max(float(np.median(novelty)), 1e-6)
        score *= (_KNOWN * typical + novelty) / (typical + novelty)

    found: list[StrokePlace] = []
    for _ in range(most):
        best = int(np.argmax(score))
        if score[best] <= 0:
            break
        alike = _distances(points, points[best : best + 1], _FAR)
        share = float((alike < _ALIKE).mean())
        order = np.argsort(-probabilities[:, best], kind="stable")[:2]
        reason = _reason(share, bool(novelty[best] > 3 * typical))
        found.append(
            StrokePlace(
                int(candidates.image[best]),
                float(candidates.y[best]),
                float(candidates.x[best]),
                float(radius),
                tuple(int(class_ids[k]) for k in order),
                reason,
            )
        )
        # what looks like this is settled by the stroke; what lies under it cannot be painted twice
        score *= 1 - np.exp(-2 * alike)
        near = (candidates.y - found[-1].y) ** 2 + (candidates.x - found[-1].x) ** 2 < (4 * radius) ** 2
        score[near & (candidates.image == found[-1].image)] = 0
    return tuple(found)


def _standardise(features: NDArray[np.float32]) -> tuple[NDArray[np.float32], Any]:
    """Return (n, F) points whose features weigh the same, and the function that does so to other (F, m) features."""
    finite = np.nan_to_num(features, posinf=0.0, neginf=0.0)
    middle = finite.mean(axis=1, keepdims=True)
    spread = np.maximum(finite.std(axis=1, keepdims=True), 1e-6)

    def scale(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.clip(np.nan_to_num((planes - middle) / spread), -4.0, 4.0).astype(np.float32)

    return np.ascontiguousarray(scale(features).T), scale


def _reason(share: float, is_new: bool) -> str:
    """Return why a place is worth a stroke."""
    much = f"about {100 * share:.0f} %" if share >= 0.01 else "less than 1 %"
    if is_new:
        return f"nothing painted looks like this, and {much} of the places do"
    return f"the model hesitates here, and {much} of the places look like this"


def _is_painted(candidates: PlaceCandidates, scribbles: Sequence[Scribbles | None]) -> NDArray[np.bool_]:
    """Return which places are painted."""
    taken = np.zeros(len(candidates.y), np.bool_)
    for number, one in enumerate(scribbles):
        if one is not None:
            own = np.flatnonzero(candidates.image == number)
            flat = candidates.y[own].astype(np.int64) * one.shape[1] + candidates.x[own]
            taken[own] = np.isin(flat, one.y.astype(np.int64) * one.shape[1] + one.x)
    return taken
