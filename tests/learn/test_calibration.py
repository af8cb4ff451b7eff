from __future__ import annotations

import numpy as np
import pytest

from granum.learn.calibration import apply_temperature, fit_temperature


def draw(n: int, seed: int = 0):
    """Return probabilities (3, n) that are right, and classes drawn by them."""
    rng = np.random.default_rng(seed)
    chance = rng.dirichlet((0.6, 0.6, 0.6), n).T
    labels = (rng.random(n) > np.cumsum(chance, axis=0)).sum(axis=0).clip(0, 2).astype(np.uint8)
    return chance.astype(np.float32), labels


@pytest.mark.parametrize("too_sure", [0.5, 1.0, 2.0, 3.0])
def test_what_is_too_sure_is_found_and_undone(too_sure):
    chance, labels = draw(20_000)
    claimed = apply_temperature(chance, too_sure)
    power = fit_temperature(claimed, labels)
    assert power == pytest.approx(1 / too_sure, rel=0.1)
    undone = apply_temperature(claimed, power)
    np.testing.assert_allclose(undone.sum(axis=0), 1, atol=1e-5)
    sure = undone.max(axis=0) > 0.8
    right = undone.argmax(axis=0) == labels
    assert right[sure].mean() == pytest.approx(undone.max(axis=0)[sure].mean(), abs=0.02)


def test_weights_are_repeated_pixels():
    chance, labels = draw(400)
    claimed = apply_temperature(chance, 3.0)
    times = np.random.default_rng(1).integers(0, 4, 400)
    repeated = fit_temperature(np.repeat(claimed, times, axis=1), np.repeat(labels, times))
    assert fit_temperature(claimed, labels, weights=times.astype(float)) == pytest.approx(repeated, rel=1e-6)


def test_nothing_to_calibrate_with_changes_nothing():
    assert fit_temperature(np.zeros((3, 0), np.float32), np.zeros(0, np.uint8)) == 1.0
    assert fit_temperature(np.ones((2, 1), np.float32) / 2, np.zeros(1, np.uint8)) == pytest.approx(1.0, abs=1e-3)


def test_always_wrong_and_sure_is_as_unsure_as_can_be():
    claimed = np.tile(np.array([[1.0], [0.0]], np.float32), 50)
    assert fit_temperature(claimed, np.ones(50, np.uint8)) < 0.06
    assert fit_temperature(claimed, np.zeros(50, np.uint8)) <= 4.0
