from __future__ import annotations

import numpy as np
import pytest
from moving_discs import crawl, move, paint, scatter

from granum.track.common_shift import find_common_shift
from granum.track.object_places import find_places

SHAPE = (300, 400)


def shift_of(before, after):
    return find_common_shift(find_places(paint(before, SHAPE)), find_places(paint(after, SHAPE)))


@pytest.mark.parametrize("shift", [(0, 0), (2, -1), (17, -23), (-60, 80)])
def test_a_shift_of_the_stage_is_found_among_crawling_cells(shift):
    discs = scatter(60)
    found = shift_of(discs, move(crawl(discs, 1.5), *shift))
    np.testing.assert_allclose(found, shift, atol=1.2)


def test_cells_that_appear_and_disappear_do_not_hide_it():
    discs = scatter(60)
    others = move(discs[15:], 30, 12) + [one for one in scatter(80, seed=9) if one[0] < 40][:12]
    np.testing.assert_allclose(shift_of(discs, others), (30, 12), atol=1)


def test_pictures_that_have_nothing_to_do_with_each_other_have_no_shift():
    for seed in range(1, 6):
        assert np.hypot(*shift_of(scatter(40), scatter(40, seed=seed))) < 6


def test_cells_that_crawl_are_no_stage():
    discs = scatter(60)
    assert np.hypot(*shift_of(discs, crawl(discs, 4, seed=3))) < 2.5


def test_too_few_objects_tell_nothing():
    assert shift_of([(50, 50, 6)], [(90, 50, 6)]) == (0, 0)
    assert shift_of([], []) == (0, 0)
