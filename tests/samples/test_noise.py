"""Texture, light and camera noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from granum.samples import add_camera_noise, draw_texture, draw_uneven_light
from granum.samples.camera import expose
from granum.samples.noise import draw_repeating_texture


@pytest.mark.parametrize("scale", [0, 1.5, 4, 30])
def test_texture_has_mean_zero_spread_one_and_the_correlation_asked_for(scale):
    texture = draw_texture((256, 300), scale=scale, seed=1)
    assert texture.shape == (256, 300)
    assert texture.mean() == pytest.approx(0, abs=1e-3)
    assert texture.std() == pytest.approx(1, abs=1e-3)
    # white noise after a Gaussian has the autocorrelation exp(-d^2 / 4 sigma^2)
    step = max(1, round(scale))
    correlation = (texture[:, step:] * texture[:, :-step]).mean()
    assert correlation == pytest.approx(math.exp(-(step**2) / (4 * scale**2)) if scale else 0, abs=0.2)


def test_grains_of_one_size_leave_nothing_coarse():
    def coarse_spread(**settings):
        return draw_texture((256, 256), scale=1.3, seed=1, **settings).reshape(8, 32, 8, 32).mean(axis=(1, 3)).std()

    assert coarse_spread(coarse_scale=4) < 0.35 * coarse_spread()


def test_shot_noise_has_the_variance_of_its_counts_and_no_strip_shows():
    flat = np.full((2100, 60), 0.5, np.float32)
    noisy = add_camera_noise(flat, electrons=40, read_noise=3, seed=0)
    assert noisy.mean() == pytest.approx(0.5, rel=0.01)
    assert (noisy * 40).var() == pytest.approx(0.5 * 40 + 9, rel=0.03)
    assert not np.array_equal(noisy[:1000], noisy[1024:2024])


def test_no_noise_returns_a_new_equal_image():
    image = np.random.default_rng(0).random((20, 20), dtype=np.float32)
    copy = add_camera_noise(image, electrons=math.inf)
    assert np.array_equal(copy, image)
    assert not np.shares_memory(copy, image)


def test_uneven_light_has_mean_one_and_the_strength_asked_for():
    light = draw_uneven_light((50, 70), strength=0.3, seed=2)
    assert light.mean() == pytest.approx(1, abs=1e-5)
    assert light.max() - light.min() == pytest.approx(0.3, abs=1e-5)


@pytest.mark.parametrize(("scale", "coarse"), [(0.7, 2.0), (8.0, 24.0), (30.0, 100.0)])
def test_a_repeating_texture_fits_itself_at_its_edges(scale, coarse):
    texture = draw_repeating_texture(scale, coarse, 3)
    assert texture.shape == (512, 512)
    assert float(texture.std()) == pytest.approx(1, abs=1e-3)
    steps = np.abs(np.diff(texture, axis=0)).mean(), np.abs(np.diff(texture, axis=1)).mean()
    assert np.abs(texture[0] - texture[-1]).mean() < 1.5 * steps[0]
    assert np.abs(texture[:, 0] - texture[:, -1]).mean() < 1.5 * steps[1]


@pytest.mark.parametrize("electrons", [0.5, 4.0, 6.0, 14.0, 300.0])
def test_a_camera_counts_photoelectrons_with_the_mean_deviation_and_skewness_of_poisson(electrons):
    plane = np.full((600, 600), electrons, np.float32)
    grey = expose(plane, gain=50, offset=5000, read_noise=0, noise=1, dtype="uint16", seed=1)
    counts = (grey.astype(float) - 5000) / 50
    assert counts.mean() == pytest.approx(electrons, abs=6 * np.sqrt(electrons / counts.size))
    assert counts.std() == pytest.approx(np.sqrt(electrons), rel=0.02)
    skewness = ((counts - counts.mean()) ** 3).mean() / counts.std() ** 3
    assert skewness == pytest.approx(1 / np.sqrt(electrons), rel=0.12, abs=0.015)
    quiet = expose(plane, gain=2, offset=100, read_noise=3, noise=0, dtype="uint16", seed=1)
    assert (quiet == int(100.5 + 2 * electrons)).all()
