"""Resampling of objects with replacement, for the uncertainty of means and fits."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

__all__ = ["resample_sums"]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@njit(cache=True)
def _scrambled(state):  # type: ignore[no-untyped-def]
    """Return 64 random bits of a counter (splitmix64)."""
    z = (state ^ (state >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def _resample_once(table, state, row):  # type: ignore[no-untyped-def]
    n, n_columns = table.shape
    size = np.uint64(n)
    for _ in range(n):
        state += _STEP
        pick = np.int64(((_scrambled(state) >> np.uint64(32)) * size) >> np.uint64(32))
        for column in range(n_columns):
            row[column] += table[pick, column]


@njit(cache=True, parallel=True)
def _resample(table, states, sums):  # type: ignore[no-untyped-def]
    for b in prange(len(states)):
        _resample_once(table, states[b], sums[b])


def resample_sums(table: NDArray[np.float64], *, n_resamples: int, seed: int) -> NDArray[np.float64]:
    """Return the column sums of `n_resamples` bootstrap samples of the rows of `table`, as (B, columns).

    Every resample has its own random stream, so the result depends on the seed alone, not on the threads.
    """
    states = np.random.default_rng(seed).integers(0, 2**64, n_resamples, dtype=np.uint64, endpoint=False)
    sums = np.zeros((n_resamples, table.shape[1]))
    if len(table):
        _resample(np.ascontiguousarray(table), states, sums)
    return sums
