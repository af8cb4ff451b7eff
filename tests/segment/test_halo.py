from __future__ import annotations

import numpy as np

from granum.segment.halo import depth_inside, kirsch_gradient, measure_halo, peel_halo

Y, X = np.mgrid[:160, :160]
RADIUS = np.hypot(Y - 80, X - 80)


def with_noise(image):
    return (image + np.random.default_rng(0).normal(0, 1, image.shape)).astype(np.float32)


def dark_cell_with_halo():
    image = np.zeros((160, 160))
    image[RADIUS < 36] = 60
    image[RADIUS < 30] = -40
    return with_noise(image), RADIUS < 38, RADIUS < 30


def test_a_bright_seam_around_a_dark_cell_is_peeled_off():
    values, mask, body = dark_cell_with_halo()
    halo = measure_halo(values, mask, 3.0, 1.0)
    assert 5 <= halo.depth <= 12
    peeled = peel_halo(mask, halo)
    assert (peeled & body).sum() > 0.95 * (peeled | body).sum()


def test_a_bright_round_cell_stays():
    values, mask, body = dark_cell_with_halo()
    round_cell = np.hypot(Y - 20, X - 20) < 9
    values = np.where(round_cell, 80, values).astype(np.float32)
    peeled = peel_halo(mask | round_cell, measure_halo(values, mask | round_cell, 3.0, 1.0))
    assert peeled[round_cell].mean() > 0.9
    assert peeled[RADIUS > 34][~round_cell[RADIUS > 34]].mean() < 0.02
    assert peeled[body].mean() > 0.95


def test_interference_contrast_has_no_halo():
    image = np.where(RADIUS < 36, 50 * (X - 80) / np.maximum(RADIUS, 1), 0)
    mask = RADIUS < 38
    halo = measure_halo(with_noise(image), mask, 3.0, 1.0)
    assert halo.depth == 0
    np.testing.assert_array_equal(peel_halo(mask, halo), mask)


def test_an_empty_and_a_full_mask_have_no_halo():
    values = with_noise(np.zeros((40, 50)))
    for mask in (np.zeros((40, 50), bool), np.ones((40, 50), bool)):
        assert measure_halo(values, mask, 3.0, 1.0).depth == 0


def test_kirsch_gradient_points_to_the_bright_side():
    ramp = np.tile(np.arange(20, dtype=np.float32), (20, 1))
    down, across = kirsch_gradient(ramp)
    assert (across[2:-2, 2:-2] > 0).all()
    np.testing.assert_allclose(down[2:-2, 2:-2], 0, atol=1e-4)
    down, across = kirsch_gradient(ramp.T.copy())
    assert (down[2:-2, 2:-2] > 0).all()


def test_depth_of_a_full_mask_is_finite():
    assert depth_inside(np.ones((5, 7), bool)).max() <= 12
