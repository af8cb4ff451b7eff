"""The 95 % interval of a score: other images and other strokes could have been painted (bootstrap over both)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from granum.learn.held_out import HeldOut
from granum.learn.joint_table import EDGE_SHARE
from granum.learn.score_estimate import Score, Scorer

__all__ = ["score_interval"]

# where edges lie is known to 0.5 to 1.2 px: the share of the neighbour is 0.4 to 1
_EDGE_SHARES = (0.4, 1.0)
# mIoU from one image to the next, when there are too few images to see it
_USUAL_SPREAD = 0.05
_USUAL_WORTH = 3.0


def score_interval(
    scorer: Scorer,
    held_out: HeldOut,
    score: Score,
    *,
    prior: NDArray[np.float64] | None = None,
    n_resamples: int = 100,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % interval of the mean IoU on unseen images.

    Parameters
    ----------
    scorer, held_out, score : Scorer, HeldOut, Score
        The score, and what it came from.
    prior : (K,) ndarray, optional
        What the pipeline weighs its classes with, as for the score.
    n_resamples : int
        Each costs as much as a score.
    seed : int
        Of the resampling.

    Notes
    -----
    Three parts, added as variances: images and strokes (bootstrap; strokes within class and image), the spread between
    images as it usually is (it counts less the more images there are), and what is not known about edges.
    """
    data = scorer.data
    rng = np.random.default_rng(seed)
    images = np.unique(data.sample_image) if data.sample_image.size else np.unique(data.image_of)
    painted_images = np.unique(data.image_of)
    strokes, first = np.unique(data.stroke_of, return_index=True)
    stratum = data.labels[first].astype(np.int64) * (len(data.images) + 1) + data.image_of[first]
    stroke_at = np.searchsorted(strokes, data.stroke_of)
    found = np.empty(n_resamples)
    for at in range(n_resamples):
        times_image = _resample(np.zeros(images.size, np.int64), rng)
        of_image = np.zeros(len(data.images))
        of_image[images] = times_image
        if not of_image[painted_images].any():
            of_image[painted_images] = 1.0
        times_stroke = _resample(stratum, rng)
        painted_weights = times_stroke[stroke_at] * of_image[data.image_of]
        found[at] = scorer.score(
            held_out,
            prior=prior,
            known=score,
            painted_weights=painted_weights,
            sample_weights=of_image[data.sample_image],
        ).miou
    n_images = painted_images.size
    # the variance of a mean of few is found too small by resampling
    variance = float(found.var()) * n_images / max(n_images - 1, 1)
    variance += _USUAL_SPREAD**2 * _USUAL_WORTH / (n_images * (n_images - 1 + _USUAL_WORTH))
    edges = [
        scorer.score(held_out, prior=prior, known=score, edge_share=share).miou for share in (EDGE_SHARE, *_EDGE_SHARES)
    ]
    variance += ((max(edges) - min(edges)) / 3.0) ** 2
    half = 1.96 * float(np.sqrt(variance))
    return max(score.miou - half, 0.0), min(score.miou + half, 1.0)


def _resample(stratum: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how often each member is drawn when each stratum is drawn from with replacement."""
    times = np.zeros(stratum.size)
    for one in np.unique(stratum):
        own = np.flatnonzero(stratum == one)
        times[own] = np.bincount(rng.integers(own.size, size=own.size), minlength=own.size)
    return times
