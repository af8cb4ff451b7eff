"""`ScoreReport`: how good a model is on what it had not seen, in the words that people read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["ClassScore", "ScoreReport"]


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class, 0 to 1.

    Parameters
    ----------
    class_id, name : int, str
        Of the class.
    iou, precision, recall : float
        Over all pixels of an unseen image, as estimated.
    n_px, n_strokes : int
        Painted pixels that it was tested on, and their strokes.
    """

    class_id: int
    name: str
    iou: float
    precision: float
    recall: float
    n_px: int
    n_strokes: int


@dataclass(frozen=True)
class ScoreReport:
    """Scores of a pipeline.

    Parameters
    ----------
    method : str
        One sentence: what was left out, and what the score speaks for.
    miou : float
        Mean of the classes' IoU on images that nobody painted, as estimated.
    low, high : float
        95 % interval.
    per_class : tuple of ClassScore
        In the order of the classes.
    confusion : tuple of tuple of float
        Row = true class, column = predicted; shares of all pixels of the true class.
    learning_curve : tuple of (int, float)
        (Painted pixels, mIoU), ascending.
    importance : tuple of (str, float)
        (Group of features, share), the largest first.
    warnings : tuple of str
        What the user must know.
    """

    method: str
    miou: float
    low: float
    high: float
    per_class: tuple[ClassScore, ...]
    confusion: tuple[tuple[float, ...], ...]
    learning_curve: tuple[tuple[int, float], ...] = ()
    importance: tuple[tuple[str, float], ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON types, with the keys of the app's message of the same name."""
        found = asdict(self)
        found["per_class"] = [dict(one) for one in found["per_class"]]
        for key in ("confusion", "learning_curve", "importance"):
            found[key] = [list(row) for row in found[key]]
        found["warnings"] = list(found["warnings"])
        return found
