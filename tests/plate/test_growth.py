from __future__ import annotations

import numpy as np
import pytest

from granum.plate import fit_exponential, fit_growth_curve

TIMES = np.arange(70.0)


def logistic(t):
    return 0.95 / (1 + np.exp(-0.12 * (t - 30)))


def test_pure_doubling_is_found_to_the_digit():
    found = fit_exponential(TIMES, 0.001 * 2 ** (TIMES / 17))
    assert found.parameters["doubling_time"].value == pytest.approx(17, rel=1e-9)


def test_lag_and_plateau_stay_outside_of_the_window():
    rng = np.random.default_rng(0)
    rise = np.clip((TIMES - 15) / 12, 0, 30 / 12)
    found = fit_exponential(TIMES, 0.05 * 2**rise * np.exp(rng.normal(0, 0.03, 70)))
    time = found.parameters["doubling_time"]
    assert time.low < 12 < time.high
    assert time.value == pytest.approx(12, rel=0.1)
    assert found.parameters["from"].value >= 12
    assert found.parameters["to"].value <= 48


def test_the_interval_of_the_early_rate_holds_it_in_most_runs():
    rng = np.random.default_rng(1)
    true, hits, values = 0.12 * (1 - logistic(0) / 0.95), 0, []
    for _ in range(20):
        rate = fit_exponential(TIMES, logistic(TIMES) * np.exp(rng.normal(0, 0.05, 70))).parameters["rate"]
        hits += rate.low <= true <= rate.high
        values.append(rate.value)
    assert hits >= 15
    assert np.mean(values) == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("model", ["logistic", "gompertz"])
def test_scipy_finds_the_same_curve(model):
    from scipy.optimize import curve_fit

    def shape(t, k, r, m):
        return k / (1 + np.exp(-r * (t - m))) if model == "logistic" else k * np.exp(-np.exp(-r * (t - m)))

    value = shape(TIMES, 0.9, 0.11, 28) + np.random.default_rng(2).normal(0, 0.01, 70)
    found = fit_growth_curve(TIMES, value, model=model).parameters
    peer, spread = curve_fit(shape, TIMES, value, [0.8, 0.1, 25])
    own = [found[name].value for name in ("plateau", "rate", "midpoint")]
    np.testing.assert_allclose(own, peer, rtol=1e-5)
    width = (found["midpoint"].high - found["midpoint"].low) / 2
    assert width == pytest.approx(2 * np.sqrt(spread[2, 2]), rel=0.6)  # ours knows of correlated times


def test_the_criterion_prefers_the_true_model():
    value = logistic(TIMES) + np.random.default_rng(4).normal(0, 0.01, 70)
    assert fit_growth_curve(TIMES, value).aic < fit_growth_curve(TIMES, value, model="gompertz").aic - 10


def test_correlated_errors_widen_the_interval():
    rng, hits = np.random.default_rng(5), 0
    for _ in range(60):
        noise = np.zeros(70)
        for k in range(1, 70):
            noise[k] = 0.7 * noise[k - 1] + rng.normal(0, 0.01)
        rate = fit_growth_curve(TIMES, logistic(TIMES) + noise).parameters["rate"]
        hits += rate.low <= 0.12 <= rate.high
    assert hits >= 52


def test_weights_of_zero_leave_points_out_and_gaps_are_gaps():
    value = logistic(TIMES)
    value[20] = 7.0
    weights = np.ones(70)
    weights[20] = 0
    gaps = value.copy()
    gaps[20] = np.nan
    assert fit_growth_curve(TIMES, value, weights).parameters == fit_growth_curve(TIMES, gaps).parameters


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "0 points above 0"),
        ([0.1, 0.2], "2 points above 0"),
        ([0.0] * 9, "9 more are 0"),
        ([0.5] * 9, "do not change"),
        ([np.nan] * 9, "0 points above 0"),
        (np.exp(-np.arange(9.0)), "the values fall"),
    ],
)
def test_what_has_no_doubling_time_is_refused_in_a_sentence(value, says):
    found = fit_exponential(range(len(value)), value)
    assert found.parameters == {}
    assert says in found.note


def test_noise_alone_doubles_never():
    rng = np.random.default_rng(6)
    found = [fit_exponential(TIMES, 0.3 * np.exp(rng.normal(0, 0.05, 70))) for _ in range(15)]
    assert sum(not one.parameters for one in found) >= 12


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "0 times"),
        ([0.1, 0.2], "2 times"),
        ([0.5] * 9, "do not change"),
        ([0.0] * 9, "do not change"),
        (1 - np.arange(9) / 9, "do not rise"),
        (0.001 * np.exp(np.arange(9.0)), "do not determine it"),
        ([np.inf] * 9, "0 times"),
    ],
)
@pytest.mark.parametrize("model", ["logistic", "gompertz"])
def test_what_has_no_growth_curve_is_refused_in_a_sentence(value, says, model):
    found = fit_growth_curve(range(len(value)), value, model=model)
    assert found.parameters == {}
    assert says in found.note
    assert model in found.note


def test_a_plateau_that_was_not_reached_is_called_an_extrapolation():
    found = fit_growth_curve(TIMES[:28], logistic(TIMES[:28]) + np.random.default_rng(7).normal(0, 0.002, 28))
    assert "extrapolation" in found.note or not found.parameters
