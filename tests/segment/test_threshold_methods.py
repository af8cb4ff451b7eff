import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from granum.segment.threshold_methods import isodata_bin, li_bin, otsu_bin, triangle_bin, yen_bin

METHODS = [otsu_bin, li_bin, isodata_bin, triangle_bin, yen_bin]


def best_cut_of_all(counts):
    """Otsu by exhaustive search, in integers: nothing rounds."""
    counts = [int(count) for count in counts]
    total, pixels = sum(level * count for level, count in enumerate(counts)), sum(counts)
    best, found = (-1, 1), None
    below = part = 0
    for cut, count in enumerate(counts[:-1]):
        below, part = below + count, part + cut * count
        value, divisor = (total * below - pixels * part) ** 2, below * (pixels - below)
        if value * best[1] > best[0] * divisor:
            best, found = (value, divisor), cut
    return found


@given(st.lists(st.integers(0, 3000), min_size=0, max_size=60), st.integers(1, 9), st.integers(1, 9))
def test_otsu_is_the_best_of_all_cuts(inner, first, last):
    counts = np.array([first, *inner, last])
    assert otsu_bin(counts) == best_cut_of_all(counts)


def test_otsu_is_the_best_of_all_65535_cuts():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(20_000, 4000, 50_000), rng.normal(41_000, 6000, 20_000)])
    counts = np.bincount(values.clip(0, 65_535).astype(int), minlength=65_536)
    counts[[0, -1]] += 1
    assert counts.size == 65_536
    assert otsu_bin(counts) == best_cut_of_all(counts)


def test_otsu_takes_the_lowest_of_equal_cuts():
    assert otsu_bin(np.array([5, 5, 5])) == 0
    assert otsu_bin(np.array([4, 0, 0, 0, 4])) == 0


@pytest.mark.parametrize("method", METHODS)
@given(counts=arrays(np.int64, st.integers(2, 700), elements=st.integers(0, 50)))
def test_every_method_leaves_something_on_both_sides(method, counts):
    counts[[0, -1]] += 1
    found = method(counts)
    assert 0 <= found < counts.size - 1


@pytest.mark.parametrize("method", METHODS)
def test_the_number_of_pixels_does_not_matter(method):
    rng = np.random.default_rng(0)
    counts = np.bincount(np.concatenate([rng.poisson(40, 3000), rng.poisson(110, 900)]))
    counts = np.trim_zeros(counts)
    assert method(counts * 1000) == method(counts)


@pytest.mark.parametrize("method", METHODS)
def test_two_levels_are_told_apart(method):
    for pair in ([3, 9], [9, 3], [4, 4]):
        assert_array_equal(method(np.array(pair)), 0)
