from __future__ import annotations

import numpy as np
import pytest

from granum.samples import simulate_confluency
from granum.segment import segment_by_texture
from granum.segment.halo import measure_halo, peel_halo
from granum.segment.halo_gaps import open_gaps

Y, X = np.mgrid[:240, :240]


def with_noise(image):
    return (image + np.random.default_rng(0).normal(0, 1, image.shape)).astype(np.float32)


def two_cells_with_a_closed_channel():
    """Two dark halves of a disk with a halo around, and one as wide as the halo between them, closed at its ends."""
    radius = np.hypot(Y - 120, X - 120)
    channel = (np.abs(X - 120) < 8) & (radius < 60)
    image = np.zeros((240, 240))
    image[radius < 66] = 30
    image[radius < 60] = -20
    image[channel] = 30
    image[(radius > 52) & (radius < 60)] = -20
    bodies = (radius < 60) & ~(channel & (radius <= 52))
    return with_noise(image), radius < 68, bodies


def cut(values, rough, size=3.0):
    halo = measure_halo(values, rough, size, 1.0)
    peeled = peel_halo(rough, halo)
    return peeled, open_gaps(rough, peeled, halo, size)


def test_a_channel_that_is_closed_at_its_ends_is_opened():
    values, rough, bodies = two_cells_with_a_closed_channel()
    peeled, opened = cut(values, rough)
    channel = (np.abs(X - 120) < 4) & (np.abs(Y - 120) < 45)
    assert peeled[channel].all()
    assert not opened[channel & (np.abs(Y - 120) > 20)].any()
    assert opened[120, 120]  # too far from any background
    assert (opened & bodies).sum() > 0.9 * (opened | bodies).sum()


def test_a_bright_part_of_a_body_stays_in_it():
    values, rough, _ = two_cells_with_a_closed_channel()
    spot = np.hypot(Y - 120, X - 90) < 4
    values[spot] += 50
    opened = cut(values, rough)[1]
    assert opened[spot].all()


def test_a_rounded_bright_cell_among_the_others_stays():
    values, rough, _ = two_cells_with_a_closed_channel()
    radius = np.hypot(Y - 120, X - 85)
    values[radius < 14] = 160
    values[radius < 5] = -20
    opened = cut(values, rough)[1]
    assert opened[radius < 13].mean() > 0.95


def test_nothing_is_cut_without_a_halo_or_without_background():
    values, rough, _ = two_cells_with_a_closed_channel()
    flat = measure_halo(with_noise(np.zeros((240, 240))), rough, 3.0, 1.0)
    assert open_gaps(rough, rough, flat, 3.0) is rough
    halo = measure_halo(values, rough, 3.0, 1.0)
    full = np.ones_like(rough)
    full[:4] = False
    assert open_gaps(full, full, halo, 3.0) is full
    area = rough.copy()
    assert open_gaps(rough, rough, halo, 3.0, area) is rough


def test_fringes_where_nothing_differs_from_background_go():
    values, rough, bodies = two_cells_with_a_closed_channel()
    far = np.hypot(Y - 120, X - 120) < 72
    halo = measure_halo(values, rough, 3.0, 1.0)
    opened = open_gaps(far, far, halo, 3.0)
    assert not opened[np.hypot(Y - 120, X - 120) > 70].any()
    assert opened[bodies].mean() > 0.9


def test_gaps_between_simulated_cells_are_found():
    dish = simulate_confluency(confluency=0.5, size=384, seed=8)
    mask = segment_by_texture(dish.image)[0]
    kept = segment_by_texture(dish.image, halo="keep")[0]
    gaps = kept & ~dish.mask
    assert (mask & gaps).sum() < 0.5 * gaps.sum()
    assert (mask & dish.mask).sum() > 0.9 * (kept & dish.mask).sum()


@pytest.mark.parametrize("gain", [0.01, 1000.0])
def test_gain_and_offset_do_not_matter(gain):
    values, rough, _ = two_cells_with_a_closed_channel()
    first = cut(values, rough)[1]
    halo = measure_halo((values * gain + 7 * gain).astype(np.float32), rough, 3.0, gain)
    again = open_gaps(rough, peel_halo(rough, halo), halo, 3.0)
    assert np.mean(first != again) < 0.002
