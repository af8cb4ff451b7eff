"""Lives of simulated cells: when each is born, dies, divides or comes loose, by laws that are known exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError
from granum.samples.setting_checks import check_ranges
from granum.steps import Range

__all__ = ["CellLineage", "DeathLaw", "draw_cell_lineage"]

_MOST_CELLS = 100_000
_REST_H = 8.0  # a daughter does not divide before


@dataclass(frozen=True)
class DeathLaw:
    """Weibull's law of dying: of the cells alive at the start, ``exp(-(t / scale_h) ** shape)`` are alive at time t.

    Parameters
    ----------
    scale_h : float
        Time in hours at which 37 % are left, 0.01 to 1e9.
    shape : float
        1 is a constant hazard (exponential law); above 1 cells die later and more together. 0.2 to 20.
    """

    scale_h: Annotated[float, Range(0.01, 1e9)] = 48.0
    shape: Annotated[float, Range(0.2, 20)] = 1.0

    def __post_init__(self) -> None:
        check_ranges(type(self), {"scale_h": self.scale_h, "shape": self.shape})

    def survival(self, time_h: float) -> float:
        """Return the share that is alive at a time, of those alive at time 0."""
        return math.exp(-((max(time_h, 0.0) / self.scale_h) ** self.shape))

    @property
    def median_h(self) -> float:
        """Time in hours at which half are left."""
        return self.scale_h * math.log(2) ** (1 / self.shape)

    def draw_death(self, born_h: float, rng: np.random.Generator) -> float:
        """Return a time of death of a cell that is alive at `born_h`; every cell has the same hazard at a time."""
        passed = (max(born_h, 0.0) / self.scale_h) ** self.shape
        return self.scale_h * float((passed + rng.exponential()) ** (1 / self.shape))


@dataclass(frozen=True, eq=False)
class CellLineage:
    """Lives of all cells; times in hours since the start, infinite where something never happens.

    Parameters
    ----------
    parent : (N,) ndarray of int64
        Rows are in the order of birth. Row of the mother; -1 for those that are there at the start.
    born_h, death_h, end_h : (N,) ndarray of float64
        Birth (0 or before for those that are there at the start), death, and when the cell divides or comes loose.
    divides : (N,) ndarray of bool
        Whether it ends by dividing.
    """

    parent: NDArray[np.int64]
    born_h: NDArray[np.float64]
    death_h: NDArray[np.float64]
    end_h: NDArray[np.float64]
    divides: NDArray[np.bool_]


def draw_cell_lineage(
    count: int,
    *,
    hours: float,
    death: DeathLaw,
    dead_at_start: NDArray[np.bool_],
    may_divide: NDArray[np.bool_],
    division_per_h: float,
    loose_per_h: float,
    seed: int = 0,
) -> CellLineage:
    """Draw the lives of cells and of all their daughters.

    Parameters
    ----------
    count : int
        Cells at the start.
    hours : float
        Until when.
    death : DeathLaw
        When they die.
    dead_at_start, may_divide : (count,) ndarray of bool
        Of the cells at the start; daughters are alive and may divide.
    division_per_h, loose_per_h : float
        Rates at which living cells divide and dead ones come off the dish.
    seed : int
        Seed.
    """
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, float, float, float, bool]] = []
    waiting = [(-1, 0.0, bool(dead_at_start[k]), bool(may_divide[k])) for k in range(count)]
    while waiting:
        following = []
        for parent, born, dead, may in waiting:
            dies = -float(rng.uniform(3, 24)) if dead else death.draw_death(born, rng)
            loose = dies + (float(rng.exponential(1 / loose_per_h)) if loose_per_h > 0 else math.inf)
            if dead:  # what lies loose at the start has been washed off
                loose += max(-dies, 0.0)
            rest = _REST_H if parent >= 0 else 0.0
            splits = born + rest + float(rng.exponential(1 / division_per_h)) if division_per_h > 0 else math.inf
            divides = may and splits < dies and splits <= hours
            if divides:
                following += [(len(rows), splits, False, True)] * 2
            rows.append((parent, born, math.inf if divides else dies, splits if divides else loose, divides))
        if len(rows) + len(following) > _MOST_CELLS:
            raise SettingError(
                f"division_per_h: {division_per_h:g} makes more than {_MOST_CELLS:,} cells; give less, or fewer hours."
            )
        waiting = following
    order = sorted(range(len(rows)), key=lambda row: rows[row][1])  # stable: the two daughters stay together
    place = {row: at for at, row in enumerate(order)}
    return CellLineage(
        np.array([place.get(rows[row][0], -1) for row in order], np.int64),
        np.array([rows[row][1] for row in order], np.float64),
        np.array([rows[row][2] for row in order], np.float64),
        np.array([rows[row][3] for row in order], np.float64),
        np.array([rows[row][4] for row in order], np.bool_),
    )
