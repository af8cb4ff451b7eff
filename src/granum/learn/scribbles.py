"""`PixelClass` and `Scribbles`: what was painted on one image, and by which strokes.

Painted pixels are kept as a list, not as a plane: strokes on an image of 20,000 x 20,000 pixels cost what the strokes
cost. The list is sorted by row, then column, so that the same painting is the same arrays however it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import ShapeError

__all__ = ["PixelClass", "Scribbles", "StrokeCount", "make_scribbles"]

_EIGHT = np.ones((3, 3), dtype=np.bool_)


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


@dataclass(frozen=True, order=True)
class StrokeCount:
    """How much one stroke has painted.

    Parameters
    ----------
    image : str
        Name of the image.
    stroke : int
        Number of the stroke on this image.
    class_id : int
        Its class.
    n_px : int
        Pixels that are still its own (later strokes may have painted over it).
    """

    image: str
    stroke: int
    class_id: int
    n_px: int


@dataclass(frozen=True, eq=False)
class Scribbles:
    """What was painted on one image: a list of pixels, sorted by row and column, each there once.

    Made by `make_scribbles` from planes, or `Scribbles.from_pixels` from pixels in any order.

    Parameters
    ----------
    name : str
        Of the image, for messages.
    shape : (int, int)
        Rows and columns of the image.
    y, x : (n,) ndarray of int32
        The painted pixels.
    class_ids : (n,) ndarray of uint8
        Class id of each, 1 to 255.
    strokes : (n,) ndarray of int32
        Number of the stroke that painted it, over 0; every stroke has one class.
    notes : tuple of str
        What the user must know, such as overlapping strokes of two classes.
    names : mapping of int to PixelClass
        The classes that came with the strokes, as far as they are known.
    """

    name: str
    shape: tuple[int, int]
    y: NDArray[np.int32]
    x: NDArray[np.int32]
    class_ids: NDArray[np.uint8]
    strokes: NDArray[np.int32]
    notes: tuple[str, ...] = ()
    names: Mapping[int, PixelClass] = field(default_factory=dict)

    @classmethod
    def from_pixels(
        cls,
        name: str,
        shape: tuple[int, int],
        *,
        y: NDArray[Any],
        x: NDArray[Any],
        class_ids: NDArray[Any],
        strokes: NDArray[Any],
        notes: tuple[str, ...] = (),
        names: Mapping[int, PixelClass] | None = None,
    ) -> Scribbles:
        """Return the scribbles of pixels in any order; of a pixel that comes twice the last one wins.

        Raises
        ------
        ShapeError
            When the arrays differ in length, a pixel is outside `shape`, a class is not 1 to 255, a stroke is not over
            0, or a stroke has two classes.
        """
        columns = [np.asarray(column).ravel() for column in (y, x, class_ids, strokes)]
        if len({column.size for column in columns}) > 1:
            raise ShapeError(
                f"{name}: y, x, class_ids and strokes have {[c.size for c in columns]} entries; give one of each."
            )
        rows, cols, ids, numbers = (column.astype(np.int64) for column in columns)
        if rows.size:
            if rows.min() < 0 or cols.min() < 0 or rows.max() >= shape[0] or cols.max() >= shape[1]:
                raise ShapeError(f"{name}: strokes reach outside the image of {shape[0]} x {shape[1]} pixels.")
            if ids.min() < 1 or ids.max() > 255:
                raise ShapeError(f"{name}: class ids go from {ids.min()} to {ids.max()}, must be 1 to 255.")
            if numbers.min() < 1 or numbers.max() > np.iinfo(np.int32).max:
                raise ShapeError(f"{name}: stroke numbers go from {numbers.min()} to {numbers.max()}, must be over 0.")
        flat = rows * shape[1] + cols
        _, last = np.unique(flat[::-1], return_index=True)
        kept = flat.size - 1 - last
        made = cls(
            name,
            (int(shape[0]), int(shape[1])),
            rows[kept].astype(np.int32),
            cols[kept].astype(np.int32),
            ids[kept].astype(np.uint8),
            numbers[kept].astype(np.int32),
            notes,
            dict(names or {}),
        )
        pairs = np.unique(made.strokes.astype(np.int64) << 8 | made.class_ids)
        twice = (pairs >> 8)[1:][np.diff(pairs >> 8) == 0]
        if twice.size:
            raise ShapeError(f"{name}: stroke {twice[0]} has pixels of two classes; every stroke has one.")
        return made

    @property
    def n_px(self) -> int:
        """Painted pixels."""
        return int(self.y.size)

    @property
    def n_strokes(self) -> int:
        """Strokes that have pixels."""
        return int(np.unique(self.strokes).size)

    def counts(self) -> list[StrokeCount]:
        """Return the class and the pixels of every stroke, sorted by its number."""
        numbers, first, n_px = np.unique(self.strokes, return_index=True, return_counts=True)
        ids = self.class_ids[first]
        return [StrokeCount(self.name, int(s), int(c), int(n)) for s, c, n in zip(numbers, ids, n_px, strict=True)]

    def class_plane(self, window: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
        """Return the class ids as a (Y, X) plane, 0 = unpainted; of a window (y0, x0, y1, x1) only that part."""
        return self._plane(self.class_ids, window)

    def stroke_plane(self, window: tuple[int, int, int, int] | None = None) -> NDArray[np.int32]:
        """Return the stroke numbers as a (Y, X) plane, 0 = unpainted; of a window (y0, x0, y1, x1) only that part."""
        return self._plane(self.strokes, window)

    def keep(self, kept: NDArray[np.bool_], *, notes: tuple[str, ...] = ()) -> Scribbles:
        """Return the pixels that are chosen by an (n,) mask, with more notes."""
        columns = (self.y[kept], self.x[kept], self.class_ids[kept], self.strokes[kept])
        return Scribbles(self.name, self.shape, *columns, (*self.notes, *notes), self.names)

    def _plane(self, values: NDArray[Any], window: tuple[int, int, int, int] | None) -> NDArray[Any]:
        y0, x0, y1, x1 = window if window is not None else (0, 0, *self.shape)
        first, last = np.searchsorted(self.y, (y0, y1))
        y, x, values = self.y[first:last] - y0, self.x[first:last] - x0, values[first:last]
        inside = (x >= 0) & (x < x1 - x0)
        plane = np.zeros((y1 - y0, x1 - x0), values.dtype)
        plane[y[inside], x[inside]] = values[inside]
        return plane


def make_scribbles(
    classes: NDArray[Any],
    *,
    name: str,
    strokes: NDArray[Any] | None = None,
    names: Mapping[int, PixelClass] | None = None,
    notes: tuple[str, ...] = (),
) -> Scribbles:
    """Return the scribbles of a plane of class ids.

    Parameters
    ----------
    classes : (Y, X) ndarray of any integer
        Class id of each painted pixel, 1 to 255, 0 = unpainted.
    name : str
        Of the image, for messages.
    strokes : (Y, X) ndarray of int, optional
        Number of the stroke of each painted pixel. Without it every 8-connected piece of one class is a stroke,
        numbered by class, then by its first pixel.
    names : mapping of int to PixelClass, optional
        Names of the classes.
    notes : tuple of str
        What the user must know.

    Raises
    ------
    ShapeError
        When `classes` is not a plane of integers, has negative numbers or numbers over 255, or `strokes` does not fit.

    Notes
    -----
    5 ms per Mpx and class that is painted.

    Examples
    --------
    >>> import numpy as np
    >>> plane = np.zeros((4, 6), np.uint8)
    >>> plane[0, :2], plane[2, 3:] = 1, 2
    >>> [(one.stroke, one.class_id, one.n_px) for one in make_scribbles(plane, name="a").counts()]
    [(1, 1, 2), (2, 2, 3)]
    """
    plane = np.asarray(classes)
    if plane.ndim != 2 or plane.dtype.kind not in "iub":
        raise ShapeError(
            f"{name}: strokes are a {plane.dtype} array of shape {plane.shape}; give a plane (Y, X) of whole numbers, "
            "0 where nothing is painted."
        )
    rows, cols = np.nonzero(plane)
    ids = plane[rows, cols].astype(np.int64)
    if ids.size and (ids.min() < 0 or ids.max() > 255):
        wrong = ids.min() if ids.min() < 0 else ids.max()
        raise ShapeError(
            f"{name}: the strokes have the number {wrong}; classes are 1 to 255 and 0 is unpainted. Numbers of objects "
            "are not classes: paint every phase with one number."
        )
    if strokes is None:
        numbers = _number_strokes(plane, rows, cols, ids)
    else:
        given = np.asarray(strokes)
        if given.shape != plane.shape or given.dtype.kind not in "iu":
            raise ShapeError(
                f"{name}: stroke numbers are a {given.dtype} array of shape {given.shape}; give whole numbers of shape "
                f"{plane.shape}."
            )
        numbers = given[rows, cols].astype(np.int64)
    shape = (plane.shape[0], plane.shape[1])
    return Scribbles.from_pixels(name, shape, y=rows, x=cols, class_ids=ids, strokes=numbers, notes=notes, names=names)


def _number_strokes(
    plane: NDArray[Any], rows: NDArray[Any], cols: NDArray[Any], ids: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the stroke number of each painted pixel: 8-connected pieces of one class."""
    from scipy import ndimage

    numbers = np.zeros(ids.size, np.int64)
    n_before = 0
    for class_id in np.unique(ids):
        own = ids == class_id
        y0, x0 = int(rows[own].min()), int(cols[own].min())
        box = np.s_[y0 : int(rows[own].max()) + 1, x0 : int(cols[own].max()) + 1]
        pieces, n_pieces = ndimage.label(plane[box] == class_id, structure=_EIGHT)
        numbers[own] = pieces[rows[own] - y0, cols[own] - x0] + n_before
        n_before += n_pieces
    return numbers
