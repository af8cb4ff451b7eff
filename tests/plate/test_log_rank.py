from __future__ import annotations

import functools
import operator

import numpy as np
import pytest

from granum.plate import Life, log_rank
from granum.plate.log_rank import compare_with_control

SIX_MP = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def lives(times, well):
    return [Life("", well, "", "", 0, abs(time), time > 0) for time in times]


def test_the_published_figures_of_6_mp_are_met():
    found = log_rank(lives(SIX_MP, "A01"), lives(PLACEBO, "B01"))
    assert found.observed == 9
    assert found.expected == pytest.approx(19.25, abs=0.005)
    assert found.chi2 == pytest.approx(16.79, abs=0.005)
    assert found.p_value == pytest.approx(4.17e-5, rel=2e-3)
    assert found.p_value_wells is None  # one well each


def test_scipy_agrees():
    from scipy.stats import CensoredData, logrank

    rng = np.random.default_rng(1)
    groups = [(rng.integers(1, 20, 80), rng.random(80) < 0.7), (rng.integers(1, 26, 60), rng.random(60) < 0.5)]
    peer = logrank(*(CensoredData(uncensored=t[d], right=t[~d]) for t, d in groups))
    own = [[Life("", "x", "", "", 0, float(t), bool(d)) for t, d in zip(*group, strict=True)] for group in groups]
    assert log_rank(*own).p_value == pytest.approx(peer.pvalue, rel=1e-9)


def well_lives(rng, well, rate):
    return [Life("", well, "", "", 0, float(min(t, 48)), bool(t < 48)) for t in np.ceil(rng.exponential(1 / rate, 150))]


def test_wells_that_differ_by_themselves_are_no_effect_of_the_treatment():
    rng = np.random.default_rng(2)
    naive = robust = 0
    for _ in range(60):
        rates = 0.02 * np.exp(rng.normal(0, 0.4, 8))  # the same law in both groups
        wells = [well_lives(rng, f"A{k:02d}", rate) for k, rate in enumerate(rates.tolist())]
        found = log_rank(functools.reduce(operator.iadd, wells[:4], []), functools.reduce(operator.iadd, wells[4:], []))
        naive += found.p_value < 0.05
        robust += found.p_value_wells < 0.05
    assert naive > 30  # nuclei counted as independent: mostly "significant"
    assert robust <= 8


def test_wells_that_all_die_faster_are_an_effect():
    rng = np.random.default_rng(3)
    slow = functools.reduce(operator.iadd, (well_lives(rng, f"A{k:02d}", 0.01) for k in range(4)), [])
    fast = functools.reduce(operator.iadd, (well_lives(rng, f"B{k:02d}", 0.03) for k in range(4)), [])
    found = log_rank(fast, slow)
    assert found.p_value_wells < 0.01
    assert found.observed > found.expected
    (fit,) = compare_with_control({"slow": slow, "fast": fast}, "slow")
    assert fit.model == "log_rank"
    assert "use this one" in fit.note
    assert set(fit.parameters) == {"observed_deaths", "expected_deaths", "chi2", "p_value", "p_value_wells"}


def test_nothing_to_compare_is_no_test():
    assert log_rank([], lives([1, 2], "A01")) is None
    assert log_rank(lives([-1, -2], "A01"), lives([-1, -2], "B01")) is None
    (fit,) = compare_with_control({"a": lives([-1], "A01"), "b": lives([-2], "B01")}, "a")
    assert fit.parameters == {}
    assert "No death" in fit.note
