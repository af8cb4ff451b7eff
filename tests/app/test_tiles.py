"""The geometry of tiles, against plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum.app.tiles import TILE, count_levels, cut_decimated, halve, level_shape, tile_grid

SIDES = st.integers(1, 3000)


@given(SIDES, SIDES, st.integers(0, 14))
def test_a_level_is_the_one_before_halved_and_rounded_up(height, width, level):
    shape = (height, width)
    for _ in range(level):
        shape = (-(-shape[0] // 2), -(-shape[1] // 2))
    assert level_shape((height, width), level) == shape


@pytest.mark.parametrize(
    ("shape", "n"),
    [((1, 1), 1), ((512, 512), 1), ((513, 1), 2), ((1024, 1024), 2), ((1025, 3), 3), ((20000, 20000), 7)],
)
def test_the_last_level_is_the_first_that_fits_into_one_tile(shape, n):
    assert count_levels(shape) == n
    assert tile_grid(shape, n - 1) == (1, 1)


def test_the_grid_covers_the_plane():
    assert tile_grid((513, 1024), 0) == (2, 2)
    assert tile_grid((513, 1024), 1) == (1, 1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 4), (6, 6), (7, 3)])
def test_halving_takes_the_mean_of_four_and_repeats_odd_edges(dtype, shape):
    rng = np.random.default_rng(1)
    plane = (rng.random(shape) * 250).astype(dtype)
    out = halve(plane)
    assert out.dtype == plane.dtype
    assert out.shape == level_shape(shape, 1)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            ys, xs = (min(2 * y + 1, shape[0] - 1), min(2 * x + 1, shape[1] - 1))
            four = [float(plane[a, b]) for a in (2 * y, ys) for b in (2 * x, xs)]
            expected = sum(four) / 4
            assert out[y, x] == pytest.approx(np.floor(expected + 0.5) if plane.dtype.kind in "iu" else expected)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_halving_the_largest_and_smallest_values_overflows_nowhere(dtype):
    for value in (np.iinfo(dtype).max, np.iinfo(dtype).min):
        assert np.array_equal(halve(np.full((4, 6), value, dtype)), np.full((2, 3), value, dtype))


@given(
    st.integers(1, 1200),
    st.integers(1, 1200),
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_a_cut_is_every_nth_pixel_with_the_edge_repeated_around_it(height, width, level, y, x, halo):
    labels = (np.arange(height)[:, None] * 4096 + np.arange(width)).astype(np.uint32)
    rows, columns = tile_grid((height, width), level)
    y, x = min(y, rows - 1), min(x, columns - 1)
    small = np.pad(labels[:: 2**level, :: 2**level], halo, mode="edge")
    expected = small[y * TILE : (y + 1) * TILE + 2 * halo, x * TILE : (x + 1) * TILE + 2 * halo]
    cut = cut_decimated(labels, level, y, x, halo=halo)
    assert cut.flags.c_contiguous
    assert np.array_equal(cut, expected)
