import json
import math

import numpy as np
import pytest
from scipy import stats

from granum.errors import EmptyResultError
from granum.measure import fit_lognormal


def test_the_fit_equals_that_of_scipy():
    sizes = np.exp(np.random.default_rng(0).normal(1, 0.4, 500))
    shape, _, scale = stats.lognorm.fit(sizes, floc=0)
    found = fit_lognormal(sizes)
    assert found.median == pytest.approx(scale)
    assert found.gsd == pytest.approx(math.exp(shape))
    assert found.ks == pytest.approx(stats.kstest(sizes, stats.lognorm(shape, 0, scale).cdf).statistic)


def test_bootstrap_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(5)
    covered = np.zeros(2)
    for trial in range(120):
        fit = fit_lognormal(np.exp(rng.normal(2, 0.25, 150)), seed=trial, n_resamples=300, level=0.9)
        covered += [
            fit.median_interval[0] < math.exp(2) < fit.median_interval[1],
            fit.gsd_interval[0] < math.exp(0.25) < fit.gsd_interval[1],
        ]
    # 0.9 of 120, within four standard deviations of the binomial law (and a little short, as percentile intervals are)
    assert (covered >= 93).all()
    assert (covered <= 119).all()


def test_log_normal_samples_are_rejected_one_time_in_twenty():
    rng = np.random.default_rng(6)
    accepted = sum(fit_lognormal(np.exp(rng.normal(0, 1, 60)), n_resamples=100).is_lognormal for _ in range(250))
    assert 0.9 < accepted / 250 < 0.99


def test_two_populations_are_not_log_normal():
    rng = np.random.default_rng(7)
    sizes = np.exp(np.concatenate([rng.normal(1, 0.1, 200), rng.normal(2, 0.1, 200)]))
    assert not fit_lognormal(sizes).is_lognormal


def test_bootstrap_spread_equals_theory():
    sizes = np.exp(np.random.default_rng(8).normal(0, 0.5, 2000))
    fit = fit_lognormal(sizes, n_resamples=4000)
    half = (math.log(fit.median_interval[1]) - math.log(fit.median_interval[0])) / 2
    assert half == pytest.approx(1.96 * np.log(sizes).std() / math.sqrt(2000), rel=0.06)


def test_few_objects_give_a_fit_without_interval():
    fit = fit_lognormal([1.0, 2.0, 4.0])
    assert fit.median == pytest.approx(2)
    assert fit.median_interval is None
    json.dumps(fit.to_json(), allow_nan=False)


@pytest.mark.parametrize(("sizes", "reason"), [([], "0 objects"), ([1.0, 2.0], "2 objects"), ([3.0] * 9, "same size")])
def test_what_cannot_be_fitted_says_why(sizes, reason):
    with pytest.raises(EmptyResultError, match=reason):
        fit_lognormal(sizes)
