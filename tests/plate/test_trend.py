from __future__ import annotations

import numpy as np
import pytest

from granum.errors import ShapeError
from granum.plate import isotonic_fit, trend_test


@pytest.mark.parametrize("ties", [1, 0.2, 0.02])
def test_the_p_value_is_that_of_the_peer_with_ties_too(ties):
    from scipy.stats import kendalltau  # its numerator is the statistic of Jonckheere and Terpstra

    rng = np.random.default_rng(0)
    dose = np.repeat([0, 1, 3, 10, 30], 6)
    value = (
        np.round((dose * 0.01 + rng.normal(0, 0.4, 30)) / (1.01 - ties))
        if ties < 1
        else dose * 0.01 + rng.normal(0, 0.4, 30)
    )
    peer = kendalltau(dose, value, method="asymptotic")
    found = trend_test(dose, value)
    assert found.p_value == pytest.approx(peer.pvalue, rel=1e-9)
    assert found.direction == np.sign(peer.statistic)


def test_the_monotone_line_is_that_of_the_peer():
    from scipy.optimize import isotonic_regression

    rng = np.random.default_rng(1)
    value, weights = rng.normal(size=60).cumsum(), rng.uniform(0.5, 4, 60)
    np.testing.assert_allclose(isotonic_fit(value, weights), isotonic_regression(value, weights=weights).x, atol=1e-12)
    falling = isotonic_regression(value, weights=weights, increasing=False).x
    np.testing.assert_allclose(isotonic_fit(value, weights, rising=False), falling, atol=1e-12)


def test_the_monotone_share_tells_a_line_from_a_hump():
    dose = np.repeat([0, 1, 2, 3, 4], 3)
    assert trend_test(dose, -dose).monotone_share == pytest.approx(1)
    assert trend_test(dose, -dose).direction == -1
    assert trend_test(dose, 4 - (dose - 1.5) ** 2).monotone_share < 0.9


def test_what_has_no_order_has_no_trend():
    assert trend_test([], []).p_value is None
    assert trend_test([1, 1, 1], [1, 2, 3]).p_value is None
    assert trend_test([1, 2, 3], [5, 5, 5]).p_value is None
    assert trend_test([1, 2, np.nan, 3, 4], [1, 2, 3, np.nan, 3]).direction == 1
    with pytest.raises(ShapeError, match="shapes"):
        trend_test([1, 2], [1])
    assert isotonic_fit([]).size == 0
