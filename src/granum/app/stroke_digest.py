"""What tells the strokes of a project from others: a digest that is the same again after an undo.

A search and a model carry the digest of what they have learnt from, so that the page can tell that strokes have changed
since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from granum.learn.scribbles import Scribbles

__all__ = ["STROKES", "all_strokes", "plane_strokes"]

STROKES = "strokes_sha256"
"""Key of a model's `about`."""


def plane_strokes(plane: tuple[str, int, int], scribbles: Scribbles) -> str:
    """Return a digest of what is painted on a plane: which pixels, with which classes."""
    digest = hashlib.sha256(repr((plane, scribbles.shape)).encode())
    for column, dtype in ((scribbles.y, "<i8"), (scribbles.x, "<i8"), (scribbles.class_ids, "u1")):
        digest.update(column.astype(dtype).tobytes())
    return digest.hexdigest()


def all_strokes(planes: Iterable[str]) -> str:
    """Return one digest of those of all planes, in any order."""
    return hashlib.sha256(" ".join(sorted(planes)).encode()).hexdigest()
