from __future__ import annotations

import math

import numpy as np
import pytest

from granum.errors import ShapeError
from granum.plate import Life, kaplan_meier
from granum.plate.survival import risk_table, survival_of_wells, usable_lives

# remission of leukaemia in weeks, 6-MP: E. J. Freireich et al., Blood 21, 699 (1963); censored ones with a minus
SIX_MP = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def lives(times, well="A01", condition=""):
    return [Life("", well, "", condition, 0, abs(time), time > 0) for time in times]


def test_the_published_table_of_6_mp_is_met():
    found = kaplan_meier(lives(SIX_MP))
    assert found.time == (0, 6, 7, 10, 13, 16, 22, 23, 35)
    np.testing.assert_allclose(found.survival[1:8], [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], atol=5e-5)
    assert found.at_risk[1:8] == (21, 17, 15, 12, 11, 7, 6)
    assert (found.n_deaths, found.n_censored) == (9, 12)
    assert (found.median.value, found.median.low, found.median.high) == (23, 13, None)
    # log-log interval at 6 weeks as R's survfit prints it
    np.testing.assert_allclose((found.low[1], found.high[1]), (0.6197, 0.9516), atol=5e-5)


def test_the_published_median_of_placebo_is_met():
    found = kaplan_meier(lives(PLACEBO))
    assert (found.median.value, found.median.low, found.median.high) == (8, 4, 11)
    assert found.survival[-1] == 0
    assert found.low[-1] is None  # nobody left: no interval


def test_scipy_agrees_on_random_censored_lives():
    from scipy.stats import CensoredData, ecdf

    rng = np.random.default_rng(3)
    end, died = rng.integers(1, 30, 200), rng.random(200) < 0.6
    found = kaplan_meier([Life("", "A01", "", "", 0, float(t), bool(d)) for t, d in zip(end, died, strict=True)])
    peer = ecdf(CensoredData(uncensored=end[died], right=end[~died])).sf
    at = dict(zip(found.time, found.survival, strict=True))
    for time, share in zip(peer.quantiles, peer.probabilities, strict=True):
        if time in at:
            assert at[time] == pytest.approx(share, abs=1e-12)


def test_late_starts_count_from_then_on_and_give_the_truth_back():
    rng = np.random.default_rng(0)
    born = rng.uniform(0, 10, 40_000)
    death = rng.exponential(10, 40_000)  # of the clock: constant risk
    seen = death > born
    found = kaplan_meier(
        [Life("", "", "", "", float(b), float(d), True) for b, d in zip(born[seen], death[seen], strict=True)]
    )
    times, at_risk, _ = risk_table(
        usable_lives([Life("", "", "", "", 3, 5, True), Life("", "", "", "", 5, 9, False)])[0]
    )
    assert times.tolist() == [5]
    assert at_risk.tolist() == [1]  # who appears at 5 was not at risk at 5
    by_time = np.interp([12, 20], found.time, found.survival) / np.interp(6, found.time, found.survival)
    np.testing.assert_allclose(by_time, [math.exp(-0.6), math.exp(-1.4)], atol=0.02)


def test_who_was_never_followed_is_left_out_and_said():
    members = [*lives([5, 7, -9]), Life("", "A01", "", "", 4, 4, True), Life("", "A01", "", "", 4, 4, False)]
    result, groups, notes = survival_of_wells(members, {("", "A01"): "drug"})
    assert [one.level for one in result] == ["well", "condition"]
    assert len(groups["drug"]) == 3
    assert notes == ["Survival: 2 nuclei were seen only once, or were dead when first seen, and are not counted."]


def test_a_curve_that_falls_to_zero_before_the_others_appear_is_said():
    members = [Life("", "A01", "", "", 0, 2, True), Life("", "A01", "", "", 5, 9, False)]
    result, _, notes = survival_of_wells(members, {})
    assert result[0].survival[-1] == 0
    assert "stays at 0" in notes[0]


def test_nobody_dies_or_nobody_is_there():
    found = kaplan_meier(lives([-5, -7]))
    assert found.survival == (1.0, 1.0)
    assert found.median.value is None
    assert found.low == (None, None)
    with pytest.raises(ShapeError, match="no life"):
        kaplan_meier([])
    with pytest.raises(ShapeError, match="ends at 1"):
        kaplan_meier([Life("", "A01", "", "", 2, 1, True)])
    with pytest.raises(ShapeError, match="nan"):
        kaplan_meier([Life("", "A01", "", "", math.nan, 1, True)])
