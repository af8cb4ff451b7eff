from __future__ import annotations

import pytest

from granum.errors import SettingError
from granum.measure import wilson_interval


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(3, 7, 0.15822, 0.74954), (0, 10, 0.0, 0.27753), (10, 10, 0.72247, 1.0), (50, 100, 0.40383, 0.59617)],
)
def test_the_interval_is_that_of_published_tables(k: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(k, n) == pytest.approx((low, high), abs=5e-5)


def test_it_is_that_of_scipy_for_any_confidence() -> None:
    from scipy.stats import binomtest

    for k, n, confidence in ((1, 3, 0.9), (17, 2000, 0.99), (1999, 2000, 0.5)):
        expected = binomtest(k, n).proportion_ci(confidence, method="wilson")
        assert wilson_interval(k, n, confidence=confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_nothing_counted_says_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_sums_of_probabilities_lie_between_their_neighbours() -> None:
    assert wilson_interval(3, 10)[0] < wilson_interval(3.5, 10)[0] < wilson_interval(4, 10)[0]


@pytest.mark.parametrize(("k", "n"), [(4, 3), (-1, 3), (1, float("nan")), (float("nan"), 3), (1, float("inf"))])
def test_what_is_no_share_is_refused(k: float, n: float) -> None:
    with pytest.raises(SettingError, match="is no share"):
        wilson_interval(k, n)


def test_a_confidence_out_of_range_is_refused() -> None:
    with pytest.raises(SettingError, match=r"confidence: 1\.0"):
        wilson_interval(1, 2, confidence=1.0)
