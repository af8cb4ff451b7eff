"""Holes and pale neighbours that one threshold leaves out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from granum.segment.mask_completion import add_pale_neighbours, fill_dim_insides


def disc(shape: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return (yy - y) ** 2 + (xx - x) ** 2 <= radius**2


def shells(inside: float) -> np.ndarray:
    relief = np.zeros((100, 200), np.float32)
    for y, x in ((30, 30), (30, 90), (30, 150), (75, 60), (75, 120)):
        relief[disc(relief.shape, y, x, 15)] = 100
        relief[disc(relief.shape, y, x, 8)] = inside
    return relief


def test_insides_a_little_under_the_level_are_filled():
    relief = shells(45)
    filled = fill_dim_insides(relief > 50, relief, 50.0)
    assert np.array_equal(filled, relief > 0)


def test_insides_as_dark_as_the_background_stay_open():
    relief = shells(0)
    mask = relief > 50
    assert np.array_equal(fill_dim_insides(mask, relief, 50.0), mask)


def test_a_blurred_gap_between_touching_discs_stays_open_when_single_discs_have_no_holes():
    discs = np.zeros((120, 200), bool)
    for y, x in ((30, 30), (30, 60), (56, 45), (30, 150), (90, 150), (90, 100)):
        discs |= disc(discs.shape, y, x, 15.2)
    relief = ndi.gaussian_filter(100 * discs.astype(np.float32), 2)
    level = 40.0
    mask = relief > level
    gap = mask[20:50, 30:60].sum()
    filled = fill_dim_insides(mask, relief, level)
    assert filled[20:50, 30:60].sum() == gap


@pytest.mark.parametrize("value", [True, False])
def test_a_mask_of_one_kind_comes_back_as_it_is(value):
    mask = np.full((5, 6), value)
    assert np.array_equal(fill_dim_insides(mask, np.zeros((5, 6), np.float32), 0.0), mask)


def test_a_pale_disc_beside_a_strong_one_is_added():
    strong, pale = disc((80, 120), 40, 40, 15), disc((80, 120), 40, 69, 14)
    both = add_pale_neighbours(strong, strong | pale)
    assert both[pale].mean() > 0.95


def test_a_rim_around_a_strong_object_is_not_a_pale_neighbour():
    strong, larger = disc((80, 80), 40, 40, 15), disc((80, 80), 40, 40, 18)
    assert np.array_equal(add_pale_neighbours(strong, larger), strong)


def test_tissue_around_many_objects_is_not_a_pale_neighbour():
    nuclei = np.zeros((200, 200), bool)
    for y in range(20, 200, 30):
        for x in range(20, 200, 30):
            nuclei |= disc(nuclei.shape, y, x, 8)
    tissue = disc(nuclei.shape, 100, 100, 95)
    assert np.array_equal(add_pale_neighbours(nuclei & tissue, tissue), nuclei & tissue)


def test_nothing_strong_leaves_what_the_level_found():
    level = disc((30, 30), 15, 15, 6)
    assert np.array_equal(add_pale_neighbours(np.zeros_like(level), level), level)
