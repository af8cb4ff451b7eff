"""Which pixels are learnt from: some of each stroke, and a sample of all pixels of an image.

What a pixel's turn is depends on its place and the seed alone, never on what else is painted. So one stroke more leaves
most of the choice as it was, and what is known of those pixels can be used again. Asking for fewer pixels gives a part
of what asking for more gives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from granum.learn.scribbles import Scribbles

__all__ = ["add_neighbours", "choose_painted", "choose_sample", "weigh_strokes"]

_SMALL_PX = 1 << 16
_BAND_PX = 1 << 20
_BLOCK = 32  # blocks lie on the grid by which `sample_features` computes
_PER_BLOCK = 16
_LEAST_BLOCKS, _MOST_BLOCKS = 8, 128
# inverses of the plastic number and its square: the additive sequence in the plane that leaves the smallest holes
# (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences")
_STEP = np.array([0.7548776662466927, 0.5698402909980532])


def choose_painted(scribbles: Scribbles, *, most_per_class: int, seed: int) -> NDArray[np.int64]:
    """Return which painted pixels are kept: ascending places in the arrays of `scribbles`.

    Parameters
    ----------
    scribbles : Scribbles
        What was painted on one image.
    most_per_class : int
        Pixels that are kept of a class. Every stroke gives the same number, short ones all they have; at least one
        each, however many strokes there are.
    seed : int
        Decides which pixels of a stroke.
    """
    if not scribbles.n_px:
        return np.zeros(0, np.int64)
    turn = _hash(scribbles.y.astype(np.uint64) << np.uint64(32) | scribbles.x.astype(np.uint64), seed)
    order = np.lexsort((turn, scribbles.strokes))
    _, first, n_px = np.unique(scribbles.strokes[order], return_index=True, return_counts=True)
    class_of = scribbles.class_ids[order[first]]
    quota = np.empty_like(n_px)
    for class_id in np.unique(class_of):
        own = class_of == class_id
        quota[own] = _share(n_px[own], most_per_class)
    rank = np.arange(order.size) - np.repeat(first, n_px)
    return np.sort(order[rank < np.repeat(quota, n_px)])


def choose_sample(
    shape: tuple[int, int],
    n: int,
    *,
    allowed: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]] | None = None,
    seed: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return rows and columns of about `n` different pixels that stand for an image, fewer when it has fewer.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the image.
    n : int
        Pixels wanted.
    allowed : callable, optional
        (rows, columns) -> which of these pixels may be taken.
    seed : int
        Shifts the sequence of places.

    Notes
    -----
    Images up to 256 x 256 are covered evenly. Of larger ones, 8 to 128 blocks of 32 x 32 pixels are looked at, one for
    every 16 pixels wanted: the features of few windows are needed then, whatever the size of the image. Neighbouring
    pixels say much the same, so that the sample is worth less than as many pixels far apart.
    """
    n_all = shape[0] * shape[1]
    shift = _hash(np.arange(2, dtype=np.uint64), seed) / 2.0**64
    if n < 1:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    if n_all > _SMALL_PX:
        n_blocks = int(np.clip(n // _PER_BLOCK, _LEAST_BLOCKS, _MOST_BLOCKS))
        found = _pixels_of_blocks(shape, n, n_blocks, shift, allowed, seed)
        if found.size >= n // 2:
            return _split(found, shape[1])
    elif n < n_all // 4:
        flat = _places(np.arange(4 * n), shape, shift)
        flat = flat[np.sort(np.unique(flat, return_index=True)[1])]
        flat = flat[_is_allowed(flat, shape[1], allowed)]
        if flat.size >= n:
            return _split(flat[:n], shape[1])
    # little of the image may be taken: look at all of it, a band of rows at a time
    best = np.zeros(0, np.int64)
    rows_at_once = max(1, _BAND_PX // shape[1])
    for y in range(0, shape[0], rows_at_once):
        band = np.arange(y * shape[1], min(y + rows_at_once, shape[0]) * shape[1])
        best = np.concatenate([best, band[_is_allowed(band, shape[1], allowed)]])
        if best.size > n:
            best = best[np.argsort(_hash(best.astype(np.uint64), seed), kind="stable")[:n]]
    return _split(best, shape[1])


def add_neighbours(
    y: NDArray[np.int32],
    x: NDArray[np.int32],
    shape: tuple[int, int],
    *,
    allowed: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]] | None = None,
    seed: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return pixels with one of the eight neighbours of each, sorted; none twice, none outside.

    Notes
    -----
    Which neighbour depends on the pixel's place alone. Pairs tell how much changes from one pixel to the next, which is
    how well scores at edges can be known (`granum.learn.joint_table`).
    """
    flat = y.astype(np.int64) * shape[1] + x
    turn = (_hash(flat.astype(np.uint64), seed + 1) >> np.uint64(61)).astype(np.int64)
    step = turn + (turn >= 4)
    rows, columns = y + step // 3 - 1, x + step % 3 - 1
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    beside = rows[inside].astype(np.int64) * shape[1] + columns[inside]
    beside = beside[_is_allowed(beside, shape[1], allowed)]
    return _split(np.unique(np.concatenate([flat, beside])), shape[1])


def weigh_strokes(
    labels: NDArray[np.uint8], strokes: NDArray[np.int32], n_px: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the weight of each kept pixel: classes weigh the same, strokes by the root of their pixels, the mean is 1.

    Parameters
    ----------
    labels, strokes : (n,) ndarray
        Class index and stroke of each kept pixel.
    n_px : (n,) ndarray of int64
        Pixels that its stroke has painted, kept or not.

    Notes
    -----
    Pixels of one stroke are much alike: ten times as many are not ten times as much evidence.
    """
    _, stroke_index, n_kept = np.unique(strokes, return_inverse=True, return_counts=True)
    weights = np.sqrt(n_px) / n_kept[stroke_index]
    per_class = np.bincount(labels, weights)
    weights /= per_class[labels]
    return (weights / weights.mean()).astype(np.float32) if weights.size else weights.astype(np.float32)


def _share(sizes: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return how many of `most` each of several stocks gives: as even as their sizes allow, at least 1 each."""
    ascending = np.sort(sizes)
    left, quota = max(most, sizes.size), 0
    for done, size in enumerate(ascending):
        quota = left // (sizes.size - done)
        if size >= quota:
            break
        left -= int(size)
    shares: NDArray[np.int64] = np.minimum(sizes, max(quota, 1))
    # what does not divide goes to the first ones that have more
    spare = max(most - int(shares.sum()), 0)
    more = np.flatnonzero(sizes > shares)[:spare]
    shares[more] += 1
    return shares


def _pixels_of_blocks(
    shape: tuple[int, int],
    n: int,
    n_blocks: int,
    shift: NDArray[np.float64],
    allowed: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]] | None,
    seed: int,
) -> NDArray[np.int64]:
    """Return about n places in blocks that are spread over the image; blocks with nothing to take are passed over."""
    grid = (-(-shape[0] // _BLOCK), -(-shape[1] // _BLOCK))
    per_block = -(-n // n_blocks)
    inside = np.arange(_BLOCK * _BLOCK)
    corners = _places(np.arange(8 * n_blocks), grid, shift)
    found: list[NDArray[np.int64]] = []
    for corner in corners[np.sort(np.unique(corners, return_index=True)[1])]:
        y, x = corner // grid[1] * _BLOCK + inside // _BLOCK, corner % grid[1] * _BLOCK + inside % _BLOCK
        flat = (y * shape[1] + x)[(y < shape[0]) & (x < shape[1])]
        flat = flat[_is_allowed(flat, shape[1], allowed)]
        if flat.size:
            found.append(flat[np.argsort(_hash(flat.astype(np.uint64), seed), kind="stable")[:per_block]])
        if len(found) == n_blocks:
            break
    return np.concatenate(found)[:n] if found else np.zeros(0, np.int64)


def _places(index: NDArray[np.int64], shape: tuple[int, int], shift: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the places, as y * width + x, of members of the additive sequence."""
    part = (shift + (index[:, None] + 1) * _STEP) % 1.0
    yx = np.minimum((part * shape).astype(np.int64), np.asarray(shape) - 1)
    flat: NDArray[np.int64] = yx[:, 0] * shape[1] + yx[:, 1]
    return flat


def _is_allowed(
    flat: NDArray[np.int64],
    width: int,
    allowed: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]] | None,
) -> NDArray[np.bool_]:
    return np.ones(flat.size, np.bool_) if allowed is None else allowed(flat // width, flat % width)


def _split(flat: NDArray[np.int64], width: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return rows and columns, sorted."""
    flat = np.sort(flat)
    return (flat // width).astype(np.int32), (flat % width).astype(np.int32)


def _hash(keys: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return random-looking numbers that depend on key and seed alone (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        z = keys + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed
