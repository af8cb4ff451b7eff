"""Size laws and outlines."""

from __future__ import annotations

import numpy as np
import pytest

from granum.samples import draw_diameters, draw_outlines


@pytest.mark.parametrize("shape", ["round", "facetted", "irregular", "mixed"])
def test_outlines_have_the_area_of_the_unit_circle(shape):
    outlines = draw_outlines(200, shape=shape, seed=1)
    theta = np.arange(96) * 2 * np.pi / 96
    y, x = outlines * np.sin(theta), outlines * np.cos(theta)
    area = 0.5 * np.abs((x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(axis=1))
    assert area == pytest.approx(np.full(200, np.pi), rel=0.02)
    assert outlines.min() > 0.2


def test_irregular_outlines_vary_more_than_round_ones():
    spread = {shape: draw_outlines(100, shape=shape).std(axis=1).mean() for shape in ("round", "irregular")}
    assert spread["irregular"] > 3 * spread["round"]
    assert spread["round"] > 0.005


def test_diameters_follow_the_median_and_the_spread():
    diameters = draw_diameters(20_000, median=30, log_sd=0.4, seed=3)
    assert np.median(diameters) == pytest.approx(30, rel=0.02)
    assert np.log(diameters).std() == pytest.approx(0.4, rel=0.03)


def test_the_second_law_takes_its_share():
    diameters = draw_diameters(5000, median=10, log_sd=0, second_median=50, second_share=0.2, seed=3)
    assert set(diameters) == {10.0, 50.0}
    assert (diameters == 50).mean() == pytest.approx(0.2, abs=0.03)
