"""Grey levels to tile values and back, windows and histograms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from granum.app.plane_values import (
    ValueMap,
    coarse_level,
    colour_window,
    count_histogram,
    display_window,
    fine_sample,
    finite_range,
)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int16"])
@given(data=st.data())
def test_up_to_16_bit_nothing_is_lost(dtype, data):
    plane = data.draw(arrays.arrays(dtype, (3, 4)))
    values = ValueMap.of_type(plane.dtype)
    tiles = values.apply(plane)
    assert tiles.dtype == (np.uint8 if dtype in ("bool", "uint8") else np.uint16)
    assert np.array_equal(tiles.astype(np.float64) * values.scale + values.offset, plane.astype(np.float64))


@given(arrays.arrays("int64", (3, 4), elements=st.integers(-(2**40), -(2**40) + 65535)))
def test_wide_integers_that_span_little_are_only_shifted(plane):
    values = ValueMap.of_range(plane.dtype, *finite_range(plane))
    assert values.exact
    assert np.array_equal(values.apply(plane).astype(np.int64) + int(values.offset), plane)


@given(arrays.arrays(np.float64, (4, 5), elements=st.floats(-1e300, 1e300)))
def test_floats_come_back_to_within_half_a_step(plane):
    low, high = finite_range(plane)
    values = ValueMap.of_range(plane.dtype, low, high)
    back = values.apply(plane).astype(np.float64) * values.scale + values.offset
    assert np.all(np.abs(back / 2 - plane / 2) <= values.scale / 2 * 0.5001 + 1e-9 * max(abs(low), abs(high)))


def test_what_is_not_finite_becomes_zero_and_counts_for_nothing():
    plane = np.array([[np.nan, np.inf, -np.inf, 1.0, 3.0]], np.float32)
    assert finite_range(plane) == (1.0, 3.0)
    assert ValueMap.of_range(plane.dtype, 1.0, 3.0).apply(plane).tolist() == [[0, 0, 0, 0, 65535]]
    assert finite_range(plane[:, :3]) is None


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint64"])
def test_a_constant_plane_is_zero_with_its_value_as_offset(dtype):
    plane = np.full((2, 2), 7, dtype)
    values = ValueMap.of_range(plane.dtype, *finite_range(plane))
    assert not values.apply(plane).any()
    assert (values.scale, values.offset, values.exact) == (1.0, 7.0, plane.dtype.kind in "iu")


def test_the_whole_span_of_doubles_does_not_overflow():
    top = np.finfo(np.float64).max
    plane = np.array([[-top, 0, top]])
    values = ValueMap.of_range(plane.dtype, -top, top)
    assert np.isfinite(values.scale)
    assert values.apply(plane).tolist() in ([[0, 32767, 65535]], [[0, 32768, 65535]])


@pytest.mark.parametrize(
    "values", [[1e9, 1e9 + 1e-3], [0.0, 5e-324], [1e-310, 2e-310], [-1e300, 1e308], [-3.4e38, 3.4e38]]
)
def test_extreme_spans_run_from_the_first_to_the_last_tile_value(values):
    plane = np.array([values])
    map = ValueMap.of_range(plane.dtype, *finite_range(plane))
    first, last = map.apply(plane)[0]
    assert first == 0
    assert last == (65535 if map.scale != 1 else 0)


def test_the_window_leaves_out_the_outermost_pixels():
    plane = np.arange(10_000, dtype=np.uint16).reshape(100, 100)
    low, high = display_window(plane)
    assert (low, high) == (pytest.approx(30, abs=1), pytest.approx(9969, abs=1))
    assert display_window(np.full((3, 3), 5, np.uint16)) == (5.0, 6.0)


@pytest.mark.parametrize("side", [600, 1500, 4000])
@pytest.mark.parametrize("pitch", [8, 10])
def test_a_fine_lattice_is_shown_in_its_own_contrast_not_in_that_of_its_mean(side, pitch):
    y, x = np.ogrid[:side, :side]
    plane = (30_000 + 20_000 * np.cos(2 * np.pi * y / pitch) * np.cos(2 * np.pi * x / pitch)).astype(np.uint16)
    low, high = display_window(fine_sample(plane))
    assert low < 17_000
    assert high > 43_000


@pytest.mark.parametrize(
    ("largest", "top"), [(0, 255), (255, 255), (256, 1023), (4095, 4095), (4096, 16383), (65535, 65535)]
)
def test_true_colour_is_shown_from_zero_to_the_top_of_its_bits(largest, top):
    assert colour_window(largest) == (0, top)


def test_a_coarse_level_fits_into_one_tile():
    assert coarse_level(np.zeros((5000, 30), np.uint8)).shape == (313, 2)


@given(st.dictionaries(st.integers(0, 65535), st.integers(1, 50), min_size=1, max_size=20))
def test_bins_are_alike_and_hold_every_pixel(spread):
    counts = np.zeros(65536, np.int64)
    for value, n in spread.items():
        counts[value] = n
    low, high, bins = count_histogram(counts)
    assert len(bins) <= 256
    assert (high - low) % len(bins) == 0
    width = (high - low) // len(bins)
    expected = [0] * len(bins)
    for value, n in spread.items():
        expected[(value - low) // width] += n
    assert bins == expected


def test_no_pixel_gives_one_empty_bin():
    assert count_histogram(np.zeros(65536, np.int64)) == (0, 1, [0])
