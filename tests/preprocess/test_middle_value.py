from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from granum.preprocess import middle_value
from granum.preprocess.middle_value import median_of

floats = st.floats(-(2.0**100), 2.0**100, width=32)


@given(arrays(np.float32, st.integers(1, 60), elements=floats))
def test_it_is_numpys_median_bit_for_bit(values):
    before = middle_value._SMALL
    middle_value._SMALL = 0
    try:
        assert median_of(values) == np.median(values)
    finally:
        middle_value._SMALL = before


@pytest.mark.parametrize("n", [20_000, 20_001, 99_998])
@pytest.mark.parametrize("kind", ["noise", "few", "one", "two", "signs"])
def test_large_rows_of_all_kinds(n, kind):
    rng = np.random.default_rng(n)
    values = {
        "noise": lambda: rng.normal(3, 1e-3, n),
        "few": lambda: rng.integers(-2, 3, n),
        "one": lambda: np.full(n, -7.5),
        "two": lambda: np.repeat([1.0, 2.0], [n // 2, n - n // 2]),
        "signs": lambda: rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(-30, 30, n),
    }[kind]().astype(np.float32)  # fmt: skip
    got, wanted = median_of(values), np.median(values)
    assert got.dtype == wanted.dtype == np.float32
    assert got == wanted


def test_values_are_not_changed_and_may_have_gaps():
    values = np.random.default_rng(1).normal(size=(300, 400)).astype(np.float32)
    copy = values.copy()
    assert median_of(values.ravel()[::2]) == np.median(values.ravel()[::2])
    np.testing.assert_array_equal(values, copy)
