"""`PixelClass` and `Scribbles`: what was painted on one image, and by which strokes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PixelClass", "Scribbles"]


@dataclass(frozen=True, order=True)
class PixelClass:
    """A class that pixels can have.

    Parameters
    ----------
    id : int
        1 to 255, as it stands in label images; 0 is "unpainted".
    name : str
        For people.
    colour : str
        "#rrggbb", or "" where none was chosen.
    """

    id: int
    name: str
    colour: str = ""


@dataclass(frozen=True, eq=False)
class Scribbles:
    """What was painted on one image.

    Parameters
    ----------
    name : str
        Of the image, for messages.
    classes : (Y, X) ndarray of uint8
        Class id of each painted pixel, 0 = unpainted.
    strokes : (Y, X) ndarray of int32
        Number of the stroke that painted it, 1..S, 0 = unpainted; every stroke has one class.
    notes : tuple of str
        What the user must know, such as overlapping strokes of two classes.
    """

    name: str
    classes: NDArray[np.uint8]
    strokes: NDArray[np.int32]
    notes: tuple[str, ...] = ()
