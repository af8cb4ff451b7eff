import json

import numpy as np
import pytest
from scipy.stats import binomtest

from granum.measure import nanomaterial_fraction


def test_fraction_and_wilson_interval_equal_scipy():
    sizes = np.concatenate([np.full(70, 40.0), np.full(30, 140.0)])
    found = nanomaterial_fraction(sizes)
    expected = binomtest(70, 100).proportion_ci(0.95, method="wilson")
    assert found.fraction == pytest.approx(0.7)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.is_nanomaterial
    assert found.is_decided
    assert ": a nanomaterial by Recommendation 2022/C 229/01" in found.verdict


def test_one_half_is_a_nanomaterial_but_not_decided():
    found = nanomaterial_fraction([50.0, 150.0])
    assert found.is_nanomaterial
    assert not found.is_decided
    assert "count more particles" in found.verdict


def test_large_particles_are_not_a_nanomaterial():
    found = nanomaterial_fraction(np.full(50, 100.0))
    assert found.fraction == 0
    assert found.is_nanomaterial is False
    assert found.is_decided
    assert "not a nanomaterial" in found.verdict


def test_weights_move_the_fraction():
    assert nanomaterial_fraction([50.0, 150.0], [1, 3]).fraction == 0.25


def test_without_particles_there_is_no_verdict():
    found = nanomaterial_fraction([])
    assert found.fraction is None
    assert found.is_nanomaterial is None
    json.dumps(found.to_json(), allow_nan=False)
