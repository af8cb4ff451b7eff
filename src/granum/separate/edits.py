"""Corrections of labels by hand, as plain dicts that can be written down, sent and replayed to the same pixels.

An edit is ``{"op": ..., "labels": [...], "points": [[y, x], ...], "radius": r}``; keys that an op has no use for may be
left out. A list of edits is replayed in order. Objects are 8-connected, background is 4-connected.

==========  ===========================================================================================================
op          what it does
==========  ===========================================================================================================
``delete``  The objects `labels` become background.
``merge``   The objects `labels`, two or more, get the smallest of their labels, whether they touch or not.
``split``   The one object in `labels` is cut along the path `points`. Every 8-connected part that is left becomes an
            object; the pixels of the cut go to the part that they touch, ring by ring, so no area is lost.
``draw``    With `radius` 0 the inside of the outline `points`, else all within `radius` of the path `points`, as far as
            it is background: a new object, or more of the one object in `labels`.
``erase``   The same shapes become background: of all objects, or of `labels` only. Where a piece of an object falls
            apart, its largest part stays with the object.
``fill``    The holes of the objects `labels`, as far as they are background, become part of them.
==========  ===========================================================================================================

Where an object falls apart the largest part keeps its label (of equal ones the first in reading order); the others get
new labels in reading order of their first pixels. New labels count on from the largest label ever used, or from
``first`` where an edit says so: then later edits keep their meaning when earlier ones are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_labels
from granum.errors import GranumError
from granum.separate.edit_checks import Edit
from granum.separate.label_boxes import close_gaps
from granum.separate.label_editor import EditChange, LabelEditor

__all__ = ["EditedLabels", "edit_labels", "number_edited"]


@dataclass(frozen=True, eq=False)
class EditedLabels:
    """Labels after corrections by hand.

    Parameters
    ----------
    labels : (Y, X) ndarray of int32
        They may have gaps.
    values : (K,) ndarray of int32
        All labels that there are, ascending.
    edited : (N,) ndarray of int32
        Labels that were made or changed by hand and still exist, ascending.
    changes : tuple of EditChange
        One per edit.
    """

    labels: NDArray[np.int32]
    values: NDArray[np.int32]
    edited: NDArray[np.int32]
    changes: tuple[EditChange, ...]

    def number(
        self, confidence: NDArray[np.float64] | None
    ) -> tuple[NDArray[np.int32], NDArray[np.float64] | None, NDArray[np.bool_]]:
        """Return the labels numbered 1..K in their order, their confidence, and which are touched by hand.

        Parameters
        ----------
        confidence : (N,) ndarray or None
            Of the labels 1..N before the corrections; what was touched by hand gets 1.
        """
        return number_edited(self.labels, self.values, self.edited, confidence)


def number_edited(
    labels: NDArray[np.int32],
    values: NDArray[np.int32],
    edited: NDArray[np.int32],
    confidence: NDArray[np.float64] | None,
) -> tuple[NDArray[np.int32], NDArray[np.float64] | None, NDArray[np.bool_]]:
    """See `EditedLabels.number`."""
    touched = np.isin(values, edited)
    if confidence is not None:
        known = np.ones(max(int(values[-1]) if len(values) else 0, len(confidence)))
        known[: len(confidence)] = confidence
        confidence = np.where(touched, 1.0, known[values - 1])
    return close_gaps(labels, values), confidence, touched


def edit_labels(labels: ArrayLike, *, edits: Sequence[Edit]) -> EditedLabels:
    """Replay corrections that were made by hand.

    Parameters
    ----------
    labels : (Y, X) array_like of int
        0 is background; each other value is one object.
    edits : sequence of dict
        The corrections in their order; see `granum.separate.edits` for what each op does.

    Returns
    -------
    result : EditedLabels
        The labels, which of them were touched by hand, and what each edit changed.

    Raises
    ------
    SettingError
        When an edit is not written as it must be.
    GranumError
        When an edit does not go with the labels: a label that is not there, a line that does not part the object, a
        drawing without background under it. The message begins with the number of the edit.

    Notes
    -----
    One pass over the labels finds where the objects lie; each edit then looks only at the boxes around its objects.

    Examples
    --------
    >>> labels = np.ones((3, 5), np.int32)
    >>> edit_labels(labels, edits=[{"op": "split", "labels": [1], "points": [[-1, 1], [3, 1]]}]).labels
    array([[2, 1, 1, 1, 1],
           [2, 1, 1, 1, 1],
           [2, 1, 1, 1, 1]], dtype=int32)
    """
    editor = LabelEditor(check_labels(labels).copy())
    changes = []
    for number, edit in enumerate(edits, 1):
        try:
            changes.append(editor.apply(edit))
        except GranumError as error:
            raise type(error)(f"edit {number}: {error}") from error
    return EditedLabels(editor.labels, editor.boxes.values(), np.array(sorted(editor.edited), np.int32), tuple(changes))
