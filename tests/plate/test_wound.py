from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from granum.plate import check_monotone, fit_closing

REAL = Path(__file__).parents[3] / "shared/data/scratch_assay"
TIMES = np.arange(0, 24, 0.5)


def wound(rng, correlation=0.0, noise=0.008):
    error = np.zeros(len(TIMES))
    for k in range(len(TIMES)):
        error[k] = correlation * error[k - 1] * (k > 0) + rng.normal(0, noise)
    return np.clip(np.maximum(0.5 - 0.02 * TIMES, 0) + error, 0, 1)


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_the_interval_holds_the_rate_also_when_neighbouring_times_err_together(correlation):
    rng, hits = np.random.default_rng(0), 0
    for _ in range(100):
        rate = fit_closing(TIMES, wound(rng, correlation)).parameters["closing_rate"]
        hits += rate.low <= 0.02 <= rate.high
    assert hits >= 88


def test_one_bad_frame_weighs_little():
    area = 0.5 - 0.02 * TIMES
    area[10] = 0.9
    found = fit_closing(TIMES, area)
    assert found.parameters["closing_rate"].value == pytest.approx(0.02, rel=0.02)
    assert found.parameters["half_closure_time"].value == pytest.approx(12.5, abs=0.3)


def test_the_line_ends_where_the_wound_is_closed():
    found = fit_closing(range(12), [0.5, 0.4, 0.3, 0.2, 0.1, 0.01, 0, 0, 0, 0, 0, 0])
    assert found.parameters["closing_rate"].value == pytest.approx(0.1, rel=0.01)
    assert found.time[-1] == 5


def test_what_does_not_close_is_said():
    rng = np.random.default_rng(1)
    assert "cannot be told" in fit_closing(TIMES, 0.4 + rng.normal(0, 0.01, 48)).note
    assert "grows" in fit_closing(TIMES, 0.4 + 0.01 * TIMES).note
    half = fit_closing(TIMES, 0.5 - 0.005 * TIMES)
    assert half.parameters["half_closure_time"].value is None
    assert "not yet closed" in half.note


@pytest.mark.parametrize("area", [[], [0.5], [0.5, 0.4], [np.nan] * 9, [0.01] * 9, [None] * 5])
def test_too_few_open_times_are_refused(area):
    found = fit_closing(range(len(area)), area)
    assert found.parameters == {}
    assert found.note.startswith("No closing rate")


def test_noise_is_no_step_back_and_a_real_one_is():
    rng = np.random.default_rng(2)
    wrong = sum(check_monotone(range(20), rng.normal(0, 1, 20)).ok is False for _ in range(200))
    assert wrong <= 10
    assert all(check_monotone(TIMES, wound(rng)).ok for _ in range(50))
    back = 0.5 - 0.02 * TIMES
    back[24:] += 0.15
    assert check_monotone(TIMES, back + rng.normal(0, 0.005, 48)).ok is False
    assert "opens again" in fit_closing(TIMES, back).note
    assert check_monotone(TIMES, TIMES, rising=True).ok is True
    assert check_monotone([0, 1], [1, 0]).ok is None
    assert check_monotone(range(9), [0.5] * 9).ok is True


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/scratch_assay is not here")
def test_a_real_scratch_closes_all_the_way_and_its_rate_has_an_interval():
    import cv2
    from scipy.ndimage import uniform_filter

    areas = []
    for k in range(10):
        grey = cv2.imread(str(REAL / f"Scratch{k}.jpg"), cv2.IMREAD_GRAYSCALE).astype(float)
        mean = uniform_filter(grey, 15)
        texture = np.sqrt(np.maximum(uniform_filter(grey**2, 15) - mean**2, 0))
        areas.append(float((cv2.medianBlur((texture < 6).astype(np.uint8), 31) > 0).mean()))
    found = fit_closing(range(10), areas)
    assert found.monotone.ok is True
    assert 0 < found.parameters["closing_rate"].low < found.parameters["closing_rate"].high
