from __future__ import annotations

import math

import numpy as np
import pytest

from granum.errors import ShapeError
from granum.measure import measure_confluency


def columns(n, width=10):
    mask = np.zeros((10, width), bool)
    mask[:, :n] = True
    return mask


def test_the_share_of_the_area_is_measured():
    assert measure_confluency(columns(3)) == {"confluency": 0.3}
    assert measure_confluency(columns(3), area=columns(6)) == {"confluency": 0.5}


def test_bounds_are_the_extremes_of_the_methods():
    summary = measure_confluency(columns(4), {"a": columns(3), "b": columns(6), "c": columns(4)})
    assert (summary["confluency_low"], summary["confluency"], summary["confluency_high"]) == (0.3, 0.4, 0.6)
    assert summary["confluency_b"] == 0.6
    assert summary["doubt"] == pytest.approx(0.5 * 0.3 / 0.4)


def test_methods_that_agree_leave_no_doubt_and_those_that_differ_wholly_leave_one():
    assert measure_confluency(columns(4), {"a": columns(4)})["doubt"] == 0
    assert measure_confluency(columns(1), {"a": columns(10), "b": columns(0)})["doubt"] == 1
    assert measure_confluency(columns(0), {"a": columns(0)})["doubt"] == 0


def test_votes_outside_of_the_area_do_not_count():
    summary = measure_confluency(columns(2), {"a": columns(10)}, columns(4))
    assert summary["confluency_a"] == 1
    assert summary["confluency"] == 0.5


def test_without_an_area_there_is_no_number():
    assert math.isnan(measure_confluency(columns(4), area=columns(0))["confluency"])


def test_votes_of_another_shape_are_named():
    with pytest.raises(ShapeError, match="votes"):
        measure_confluency(columns(4), {"a": columns(4, width=11)})
