"""`simulate_strokes`: strokes as a person at the microscope paints them, from the true classes.

A person starts in the thick of a phase, draws for a second in a slowly turning line, keeps off the edge, and puts a dab
on what is too small for a line. So simulated strokes say much about the middle of phases and little about their edges,
as real ones do, and learning from them is as hard.
"""

from __future__ import annotations

import math
from typing import Annotated, get_type_hints

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_labels
from granum.errors import SettingError, ShapeError
from granum.steps import Range

__all__ = ["simulate_strokes"]

_MOST_TRIES = 2000  # strokes that add nothing, one after the other


def simulate_strokes(
    classes: ArrayLike,
    *,
    n_px: Annotated[int, Range(1, 10_000_000)] = 1000,
    width: Annotated[int, Range(1, 101)] = 3,
    length: Annotated[float, Range(1, 10_000)] = 60.0,
    slip: Annotated[float, Range(0, 1)] = 0.0,
    seed: Annotated[int, Range(0)] = 0,
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Paint strokes of every class.

    Parameters
    ----------
    classes : (Y, X) array_like of int
        True class of each pixel, 1 to 255; 0 is never painted.
    n_px : int
        About how many pixels of each class are painted, 1 to 10,000,000; fewer where the class has fewer.
    width : int
        Width of the brush in px, 1 to 101.
    length : float
        Median length of a stroke in px, 1 to 10,000.
    slip : float
        Share of the strokes that are painted without care, 0 to 1: what reaches over the edge of the class stays.
    seed : int
        Same seed and settings, same strokes.

    Returns
    -------
    painted : (Y, X) ndarray of uint8
        Class of each painted pixel, 0 = unpainted.
    strokes : (Y, X) ndarray of int32
        Number of the stroke that painted it, 1 to S.

    Raises
    ------
    SettingError
        A setting out of its range.
    ShapeError
        When `classes` is not a plane of class numbers.

    Notes
    -----
    0.1 s per Mpx and class.

    Examples
    --------
    >>> import numpy as np
    >>> classes = np.repeat(np.array([[1, 2]], np.uint8), 50, axis=0).repeat(50, axis=1)
    >>> painted, strokes = simulate_strokes(classes, n_px=200, seed=1)
    >>> bool((painted[painted > 0] == classes[painted > 0]).all())
    True
    """
    settings = {"n_px": n_px, "width": width, "length": length, "slip": slip, "seed": seed}
    for name, annotation in get_type_hints(simulate_strokes, include_extras=True).items():
        for limits in getattr(annotation, "__metadata__", ()):
            if settings[name] not in limits:
                raise SettingError(f"{name}: {settings[name]!r} is out of range, must be {limits}.")
    plane = check_labels(classes, name="classes")
    if int(plane.max()) > 255:
        raise ShapeError(f"classes: has the number {plane.max()}, classes are 1 to 255.")
    painted, strokes = np.zeros(plane.shape, np.uint8), np.zeros(plane.shape, np.int32)
    number = 0
    for class_id in map(int, np.unique(plane[plane > 0])):
        rng = np.random.default_rng((seed, class_id))
        own = plane == class_id
        wanted = min(n_px, int(np.count_nonzero(own)))
        depth = _depth(own)
        places, odds = _starting_places(own, depth, width)
        n_done, n_idle = 0, 0
        while n_done < wanted and n_idle < _MOST_TRIES:
            start = divmod(int(places[np.searchsorted(odds, rng.random() * odds[-1])]), plane.shape[1])
            path = _draw_path(start, depth, rng, length=length, keep_off=1.5 * width)
            careless = bool(rng.random() < slip)
            rows, columns = _cover(path, width, plane.shape)
            free = strokes[rows, columns] == 0
            if not careless:
                free &= own[rows, columns]
            n_idle = 0 if free.any() else n_idle + 1
            if not free.any():
                continue
            number += 1
            painted[rows[free], columns[free]] = class_id
            strokes[rows[free], columns[free]] = number
            n_done += int(np.count_nonzero(free & own[rows, columns]))
    return painted, strokes


def _depth(own: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance of each pixel of a class from its edge; the edge of the image is none."""
    import cv2

    if own.all():
        return np.full(own.shape, np.float32(1e6))
    return np.asarray(cv2.distanceTransform(own.astype(np.uint8), cv2.DIST_L2, 5), dtype=np.float32)


def _starting_places(
    own: NDArray[np.bool_], depth: NDArray[np.float32], width: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return places in a class and cumulated odds: thick parts are seen first, but only up to a few brushes."""
    places = np.flatnonzero(own)
    odds = np.minimum(depth.ravel()[places].astype(np.float64), 4.0 * width) ** 2
    return places, np.cumsum(odds)


def _draw_path(
    start: tuple[int, int],
    depth: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    length: float,
    keep_off: float,
) -> NDArray[np.float64]:
    """Return points (y, x) one pixel apart: a line that turns slowly and turns away from the edge of its class."""
    height, width = depth.shape
    y, x = float(start[0]), float(start[1])
    margin = min(keep_off, 0.7 * float(depth[start]))
    n_steps = max(1, round(float(length * math.exp(rng.normal(0, 0.5)))))
    heading, bend = rng.uniform(0, 2 * math.pi), 0.0
    points = [(y, x)]
    for _ in range(n_steps):
        bend = 0.8 * bend + rng.normal(0, 0.05)
        heading += bend
        # the hand goes on where there is room: straight on, else a little to either side, else it stops
        for turn in (0.0, 0.35, -0.35, 0.8, -0.8, 1.4, -1.4):
            ny, nx = y + math.sin(heading + turn), x + math.cos(heading + turn)
            row, column = math.floor(ny + 0.5), math.floor(nx + 0.5)
            if 0 <= row < height and 0 <= column < width and depth[row, column] >= margin:
                break
        else:
            break
        heading += turn
        y, x = ny, nx
        points.append((y, x))
    return np.array(points)


def _cover(
    path: NDArray[np.float64], width: int, shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pixels whose centre is within half a brush of a point of the path, each once."""
    reach = width / 2
    side = np.arange(-math.ceil(reach), math.ceil(reach) + 1)
    near = np.floor(path + 0.5).astype(np.int64)
    rows = near[:, 0, None, None] + side[None, :, None]
    columns = near[:, 1, None, None] + side[None, None, :]
    rows, columns = np.broadcast_arrays(rows, columns)
    apart = (rows - path[:, 0, None, None]) ** 2 + (columns - path[:, 1, None, None]) ** 2
    # the pixel under the hand is always painted, however thin the brush
    hit = (apart <= reach**2) | ((side[:, None] == 0) & (side[None, :] == 0))[None]
    hit &= (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    flat = np.unique(rows[hit] * shape[1] + columns[hit])
    return flat // shape[1], flat % shape[1]
