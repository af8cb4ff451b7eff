from __future__ import annotations

import numpy as np
import pytest
from moving_discs import crawl, move, paint, scatter

from granum.errors import SettingError, ShapeError
from granum.track import link_labels

SHAPE = (300, 400)


def pairs(before, after, **settings):
    return [tuple(pair) for pair in link_labels(paint(before), paint(after), **settings).tolist()]


def test_what_overlaps_is_the_same_object():
    discs = scatter(60)
    found = link_labels(paint(discs, SHAPE), paint(crawl(discs, 1.5), SHAPE))
    np.testing.assert_array_equal(found, np.stack([np.arange(1, 61)] * 2, 1))
    assert found.dtype == np.int32


def test_numbers_mean_nothing():
    discs = scatter(60)
    before, after = paint(discs, SHAPE), paint(crawl(discs, 3, seed=2), SHAPE)
    names = np.concatenate([[0], np.random.default_rng(1).permutation(500)[:60] + 1]).astype(np.int32)
    found = link_labels(names[before], names[after])
    wanted = link_labels(before, after)
    assert sorted(map(tuple, found)) == sorted(map(tuple, names[wanted]))


def test_what_moved_out_of_its_own_place_is_found_next_to_it():
    assert pairs([(50, 50, 6)], [(50, 65, 6)]) == [(1, 1)]
    assert pairs([(50, 50, 6)], [(50, 70, 6)]) == []
    assert pairs([(50, 50, 6)], [(50, 65, 6)], reach=0.5) == []


def test_of_two_that_could_be_either_the_sum_decides():
    # the middle one lies nearer to the first, but then the second had nowhere to go
    before, after = [(50, 40, 5), (50, 50, 5)], [(50, 45.5, 5), (50, 57, 5)]
    assert pairs(before, after, shift=(0, 0)) == [(1, 1), (2, 2)]


def test_a_shift_of_the_whole_stage_breaks_nothing():
    discs = scatter(60)
    found = link_labels(paint(discs, SHAPE), paint(move(crawl(discs, 1), 24, -30), SHAPE))
    assert (found[:, 0] == found[:, 1]).all()
    assert len(found) >= 45


def test_one_that_becomes_two_of_about_half_its_size_has_divided():
    assert pairs([(50, 50, 10)], [(43, 50, 7), (57, 50, 7)]) == [(1, 1), (1, 2)]


def test_a_neighbour_that_comes_in_is_no_daughter():
    assert pairs([(50, 50, 8)], [(50, 50, 8), (50, 66, 8)]) == [(1, 1)]
    assert pairs([(50, 50, 10)], [(50, 50, 9), (62, 50, 2)]) == [(1, 1)]


def test_two_that_become_one_large_one_have_merged():
    assert pairs([(50, 45, 7), (50, 60, 6)], [(50, 52, 11)], shift=(0, 0)) == [(1, 1), (2, 1)]
    # one that vanishes beside another one of the same size as before is only gone
    assert pairs([(50, 45, 7), (50, 58, 6)], [(50, 46, 7)], shift=(0, 0)) == [(1, 1)]


def test_a_speck_does_not_continue_a_nucleus():
    assert pairs([(50, 50, 10)], [(50, 60, 1)]) == []


def test_frames_without_objects_have_no_links():
    assert pairs([], [(50, 50, 5)]) == []
    assert pairs([(50, 50, 5)], []) == []


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="previous: has shape"):
        link_labels(np.zeros((5, 6), np.int32), np.zeros((6, 6), np.int32))
    with pytest.raises(ShapeError, match="needs integers"):
        link_labels(np.zeros((5, 6)), np.zeros((5, 6), np.int32))
    with pytest.raises(SettingError, match="reach: -1"):
        link_labels(np.zeros((5, 6), np.int32), np.zeros((5, 6), np.int32), reach=-1)
