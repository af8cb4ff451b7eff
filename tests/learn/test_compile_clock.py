from __future__ import annotations

import time

import numba

from granum.learn.compile_clock import CompileClock


def test_only_what_is_compiled_while_it_is_entered_counts():
    @numba.njit
    def inner(x):
        return x * 2

    @numba.njit
    def outer(x):
        return inner(x) + 1

    with CompileClock() as clock:
        assert clock.seconds == 0
        began = time.monotonic()
        outer(1)  # compiles the other one inside
        took = time.monotonic() - began
        after = clock.seconds
        assert 0 < after <= took
        outer(2)
        assert clock.seconds == after
    outer(1.5)
    assert clock.seconds == after
