"""Where simulated particles lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from granum.samples import place_discs


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 1), st.floats(0, 0.5))
def test_no_two_discs_overlap_more_than_allowed_and_all_centres_lie_in_the_frame(seed, touching, overlap):
    radii = np.random.default_rng(seed).uniform(2, 9, 60)
    discs = place_discs(radii, height=150, width=220, touching=touching, overlap=overlap, seed=seed)
    sums = discs[:, 2, None] + discs[None, :, 2]
    apart = squareform(pdist(discs[:, :2])) - (1 - overlap) * sums
    assert apart[np.triu_indices(len(discs), 1)].min() >= -1e-9
    assert discs[:, :2].min() >= -0.5
    assert (discs[:, :2].max(axis=0) <= [149.5, 219.5]).all()


def test_isolated_discs_keep_two_pixels_and_touching_ones_touch():
    radii = np.full(80, 5.0)
    apart = place_discs(radii, height=400, width=400, touching=0)
    assert pdist(apart[:, :2]).min() >= 12
    together = place_discs(radii, height=400, width=400, touching=1, overlap=0)
    distances = squareform(pdist(together[:, :2])) + np.diag([np.inf] * 80)
    assert distances.min(axis=1) == pytest.approx(np.full(80, 10), abs=1e-9)


def test_the_share_of_attached_discs_is_the_one_asked_for():
    discs = place_discs(np.full(600, 3.0), height=1500, width=1500, touching=0.3, overlap=0.05, seed=2)
    distances = squareform(pdist(discs[:, :2])) + np.diag([np.inf] * 600)
    # an attached disc makes its neighbour a touching one too
    assert 0.3 < (distances.min(axis=1) <= 6).mean() < 0.65


def test_no_disc_gives_no_row():
    assert place_discs(np.zeros(0), height=10, width=10).shape == (0, 3)
