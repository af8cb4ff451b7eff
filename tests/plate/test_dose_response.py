from __future__ import annotations

import numpy as np
import pytest

from granum.errors import ShapeError
from granum.plate import fit_dose_response

DOSES = np.repeat([0, 0.1, 0.3, 1, 3, 10, 30, 100], 3)


def response(dose, ec50=5.0, slope=1.5):
    with np.errstate(divide="ignore"):
        return 0.95 - 0.85 / (1 + (ec50 / dose) ** slope)


def test_the_peer_finds_the_same_curve():
    from scipy.optimize import curve_fit

    value = response(DOSES) + np.random.default_rng(0).normal(0, 0.04, DOSES.size)

    def shape(x, start, end, log_ec50, slope):
        return start + (end - start) / (1 + (np.exp(log_ec50) / np.maximum(x, 1e-12)) ** slope)

    peer, _ = curve_fit(shape, DOSES, value, [1, 0, 1, 1])
    found = fit_dose_response(DOSES, value).parameters
    own = [found["start"].value, found["end"].value, np.log(found["ec50"].value), found["slope"].value]
    np.testing.assert_allclose(own, peer, rtol=1e-4)


def test_the_interval_holds_the_ec50_in_nearly_all_runs():
    rng, hits = np.random.default_rng(1), 0
    for _ in range(40):
        ec50 = fit_dose_response(DOSES, response(DOSES) + rng.normal(0, 0.05, DOSES.size)).parameters["ec50"]
        hits += ec50.low <= 5 <= ec50.high
    assert hits >= 34


def test_an_ec50_beyond_the_doses_is_a_bound_and_not_a_number():
    value = response(DOSES, ec50=300) + np.random.default_rng(2).normal(0, 0.02, DOSES.size)
    found = fit_dose_response(DOSES, value)
    ec50 = found.parameters["ec50"]
    assert ec50.value is None or ec50.high is None or ec50.high > 100
    assert ec50.low is not None
    assert ec50.low > 20
    assert "EC50" in found.note


def test_a_step_between_two_doses_leaves_the_ec50_between_them():
    ec50 = fit_dose_response(DOSES, np.where(DOSES > 20, 0.0, 1.0)).parameters["ec50"]
    assert (ec50.low, ec50.high) == pytest.approx((10, 30))


@pytest.mark.parametrize(
    ("dose", "value", "says"),
    [
        ([], [], "0 doses"),
        ([0, 1, 2, 3], [0, 1, 2, 3], "4 doses"),
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], "5 wells"),
        (DOSES, np.full(DOSES.size, 0.3), "equal"),
        (DOSES, np.full(DOSES.size, np.nan), "0 doses"),
        (DOSES, np.random.default_rng(3).normal(0, 1, DOSES.size), "a constant explains"),
    ],
)
def test_what_has_no_curve_is_refused_in_a_sentence_and_keeps_its_trend(dose, value, says):
    found = fit_dose_response(dose, value)
    assert set(found.parameters) == {"trend_p", "monotone_share"}
    assert says in found.note


def test_a_negative_dose_is_an_error():
    with pytest.raises(ShapeError, match="below 0"):
        fit_dose_response([-1, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6])
