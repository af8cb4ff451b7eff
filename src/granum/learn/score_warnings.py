"""What makes a score less than it seems: few strokes, an odd image, probabilities that could not be calibrated."""

from __future__ import annotations

import numpy as np

from granum.learn.score_estimate import Score, Scorer

__all__ = ["score_warnings"]

_FEW_STROKES = 3
_FEW_TESTED = 20
_ODD = 1.0
_TOO_SURE = 0.15


def score_warnings(scorer: Scorer, score: Score, *, normalisation: str = "") -> list[str]:
    """Return sentences for people.

    Parameters
    ----------
    scorer, score : Scorer, Score
        The score, and its data.
    normalisation : {"", "image", "training"}
        How the pipeline treats grey levels; with "training", images unlike all others are named.
    """
    data = scorer.data
    warnings = list(scorer.folds.notes)
    named = " ".join(warnings)
    for index, one in enumerate(data.classes):
        n_strokes = np.unique(data.stroke_of[data.labels == index]).size
        if n_strokes <= _FEW_STROKES and f"stroke of {one.name}:" not in named and f"of {one.name} is" not in named:
            plural = "" if n_strokes == 1 else "s"
            warnings.append(f"Only {n_strokes} stroke{plural} of {one.name}: its score is a guess.")
    if scorer.folds.kind == "stroke":
        warnings.append("Only one image is painted, so how well the model does on other images is not known.")
    if score.n_tested < _FEW_TESTED * len(data.classes):
        warnings.append(
            f"Only {score.n_tested} painted pixels could be tested: the probabilities are hardly calibrated, and the "
            "score is a guess."
        )
    elif score.power < _TOO_SURE:
        warnings.append(
            "The model is sure where it is wrong: on left-out strokes its probabilities say next to nothing, so the "
            "score does not either. Paint more, and on more images."
        )
    if not data.sample_image.size:
        warnings.append(
            "No pixels outside the strokes were looked at: the score speaks for strokes only, and is too good."
        )
    if normalisation == "training":
        warnings += _odd_images(scorer)
    return warnings


def _odd_images(scorer: Scorer) -> list[str]:
    """Return a sentence for each painted image whose grey levels are unlike those of all other painted ones."""
    data = scorer.data
    painted = np.unique(data.image_of)
    if painted.size < 2:
        return []
    found = []
    for at in painted:
        others = [data.intensity[other] for other in painted if other != at]
        own = data.intensity[at]
        for channel in range(own.n_channels):
            shifts = [abs(own.offset[channel] - one.offset[channel]) / one.scale[channel] for one in others]
            ratios = [abs(np.log2(own.scale[channel] / one.scale[channel])) for one in others]
            if min(shifts) > _ODD or min(ratios) > _ODD:
                found.append(
                    f"The grey levels of {data.images[at].name} are unlike those of all other painted images, so the "
                    "score of left-out images is low because of it."
                )
                break
    # of two images each is odd to the other: one sentence is enough
    return found[:1] if painted.size == 2 else found
