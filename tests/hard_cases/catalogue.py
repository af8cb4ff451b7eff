"""The hard cases that every splitter must survive: small masks with what they are known to contain.

`CASES[name]()` builds a fresh `Case`. `n_components` counts pixels joined by edges. `n_particles` is what a person
counts, None where there is no right answer; `discs` says that the particles are round, so that every method that knows
of roundness must find exactly them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    mask: np.ndarray
    n_components: int
    n_particles: int | None = None
    discs: bool = False


def discs(shape: tuple[int, int], *rows: tuple[float, float, float]) -> np.ndarray:
    """A mask of discs (y, x, radius); what hangs over the border is cut."""
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, bool)
    for y, x, radius in rows:
        mask |= (yy - y) ** 2 + (xx - x) ** 2 < radius**2
    return mask


def empty() -> Case:
    return Case(np.zeros((20, 30), bool), 0, 0)


def all_foreground() -> Case:
    return Case(np.ones((24, 31), bool), 1)


def one_pixel_image() -> Case:
    return Case(np.ones((1, 1), bool), 1, 1)


def one_pixel() -> Case:
    mask = np.zeros((9, 11), bool)
    mask[4, 5] = True
    return Case(mask, 1, 1)


def one_row() -> Case:
    mask = np.zeros((1, 40), bool)
    mask[0, 3:12] = mask[0, 20:33] = True
    return Case(mask, 2)


def one_column() -> Case:
    return Case(one_row().mask.T.copy(), 2)


def one_disc() -> Case:
    return Case(discs((40, 44), (20, 21, 13)), 1, 1, discs=True)


def two_touching_discs() -> Case:
    return Case(discs((50, 80), (25, 25, 15), (25, 52, 15)), 1, 2, discs=True)


def corners_touching() -> Case:
    mask = np.zeros((20, 20), bool)
    mask[2:9, 2:9] = mask[9:17, 9:17] = True
    return Case(mask, 2, 2)


def chain_of_five() -> Case:
    return Case(discs((40, 160), *((20.0, 22.0 + 28 * i, 15.0) for i in range(5))), 1, 5, discs=True)


def unequal_sizes() -> Case:
    return Case(discs((80, 100), (40, 36, 28), (40, 70, 9)), 1, 2, discs=True)


def ring() -> Case:
    outer, inner = discs((60, 60), (30, 30, 24)), discs((60, 60), (30, 30, 14))
    return Case(outer & ~inner, 1, 1)


def bent_rod() -> Case:
    mask = np.zeros((60, 60), bool)
    mask[8:18, 8:52] = mask[8:52, 8:18] = True
    return Case(mask, 1, 1)


def cut_by_border() -> Case:
    return Case(discs((50, 60), (0, 0, 12), (49, 30, 14), (20, 59, 10), (25, 25, 8)), 4, 4)


def read_only() -> Case:
    mask = two_touching_discs().mask
    mask.flags.writeable = False
    return Case(mask, 1, 2, discs=True)


def not_contiguous() -> Case:
    mask = np.zeros((100, 160), bool)
    mask[::2, ::2] = two_touching_discs().mask
    return Case(mask[::2, ::2][::-1], 1, 2, discs=True)


def many() -> Case:
    grid = [(8.0 + 14 * i, 8.0 + 14 * j, 5.0) for i in range(12) for j in range(12)]
    return Case(discs((176, 176), *grid), 144, 144, discs=True)


def noise() -> Case:
    mask = np.random.default_rng(3).random((40, 50)) < 0.55
    from scipy import ndimage as ndi

    return Case(mask, int(ndi.label(mask)[1]))


CASES: dict[str, Callable[[], Case]] = {
    build.__name__: build
    for build in (
        empty,
        all_foreground,
        one_pixel_image,
        one_pixel,
        one_row,
        one_column,
        one_disc,
        two_touching_discs,
        corners_touching,
        chain_of_five,
        unequal_sizes,
        ring,
        bent_rod,
        cut_by_border,
        read_only,
        not_contiguous,
        many,
        noise,
    )
}
