from __future__ import annotations

import numpy as np
import pytest

from granum.track.death_model import find_rates, posterior_of, weigh_frames


def test_the_likelihood_of_a_step_is_the_product_over_its_frames():
    p = np.array([0.1, 0.3, 0.9])
    score = weigh_frames(np.array([4, 5, 7]), p, 0.01)
    q = 0.01 + 0.98 * p
    s = 0.2 + 0.6 * p  # the frames on both sides of a step are trusted less
    expected = [
        q[0] * q[1] * q[2], (1 - s[0]) * s[1] * q[2], (1 - q[0]) * (1 - s[1]) * q[2], (1 - q[0]) * (1 - q[1]) * s[2],
        (1 - q[0]) * (1 - q[1]) * (1 - q[2]),
    ]  # fmt: skip
    np.testing.assert_allclose(np.exp(score), expected)


def test_without_evidence_the_posterior_is_what_is_expected():
    share = posterior_of(np.zeros(4), 0.2, 0.1)
    np.testing.assert_allclose(share, [0.2, 0.8 * 0.1, 0.8 * 0.9 * 0.1, 0.8 * 0.9 * 0.9])


@pytest.mark.parametrize("wrong", [0.005, 0.05])
def test_rates_of_simulated_tracks_are_found(wrong):
    rng = np.random.default_rng(2)
    series = []
    for _ in range(300):
        start = rng.random() < 0.15
        death = 0 if start else 1 + rng.geometric(0.03)
        dead = np.arange(40) >= death
        judged = dead ^ (rng.random(40) < wrong)
        series.append((np.arange(40), np.where(judged, 0.995, 0.005)))
    rates, _ = find_rates(series, np.zeros(300, int))
    assert rates.start_dead == pytest.approx(0.15, abs=0.05)
    assert rates.dying == pytest.approx(0.03, rel=0.2)
    assert rates.wrong == pytest.approx(wrong, rel=0.4)
    given, _ = find_rates(series, np.zeros(300, int), 0.02)
    assert given.wrong == 0.02


def test_one_track_claims_nothing_extreme():
    rates, _ = find_rates([(np.arange(5), np.full(5, 0.02))], np.zeros(1, int))
    assert 0.002 < rates.dying < 0.05
    assert 0.05 < rates.start_dead < 0.2
