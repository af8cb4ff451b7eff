from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from granum.errors import SettingError
from granum.samples import simulate_growth, simulate_wound


def test_growth_follows_the_logistic_law_in_every_frame():
    series = simulate_growth(size=200, hours=60, interval_h=15, start=0.1, capacity=0.9, doubling_h=10, seed=1)
    shares = [dish.mask.mean() for dish in series]
    assert shares == pytest.approx(series.confluency.tolist(), abs=1 / 200**2)
    odds = np.log(series.confluency / (0.9 - series.confluency))
    assert np.diff(odds) / 15 == pytest.approx(np.log(2) / 10)
    assert series.truth["confluency"] == pytest.approx(shares, abs=1e-4)
    assert json.loads(json.dumps(series.truth)) == series.truth


def test_most_of_what_is_covered_stays_covered():
    series = simulate_growth(size=200, hours=20, interval_h=10, start=0.2, doubling_h=10, seed=1)
    masks = [dish.mask for dish in series]
    for one, two in itertools.pairwise(masks):
        assert two[one].mean() > 0.8


def test_a_wound_closes_at_its_rate_and_no_cell_lies_in_it():
    series = simulate_wound(size=300, hours=16, interval_h=4, width_px=150, closing_px_h=8, seed=2)
    widths = []
    for dish in series:
        assert (~dish.mask).sum() == round(dish.truth["wound_share"] * 300 * 300)
        widths.append((~dish.mask).sum() / 300)
    assert widths == pytest.approx(series.truth["wound_width_px"], abs=0.01)
    slope = np.polyfit(series.times_h, widths, 1)[0]
    assert slope == pytest.approx(-8, abs=0.8)
    assert series.confluency[0] == pytest.approx(0.5, abs=0.04)


def test_a_wound_closes_and_stays_closed():
    series = simulate_wound(size=128, hours=12, interval_h=6, width_px=40, closing_px_h=5, seed=2)
    assert series.truth["wound_share"][-1] == 0
    assert series[2].mask.all()
    assert series[-1].image.tobytes() == series[2].image.tobytes()


@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (simulate_growth, {"start": 0.6, "capacity": 0.5}, "start: 0.6 is not below"),
        (simulate_growth, {"doubling_h": 0.0}, "doubling_h"),
        (simulate_wound, {"width_px": 60.0}, "width_px: 60 leaves no cells"),
        (simulate_wound, {"closing_px_h": -1.0}, "closing_px_h"),
    ],
)
def test_a_wrong_setting_is_an_error(make, settings, message):
    with pytest.raises(SettingError, match=message):
        make(**{"size": 64, **settings})


def test_a_frame_that_is_not_there_is_an_error():
    with pytest.raises(IndexError):
        simulate_growth(size=64, hours=4)[2]
