"""Splinters go back, small convex particles stay."""

from __future__ import annotations

import numpy as np

from granum.separate.slivers import merge_slivers


def disc(y: float, x: float, radius: float) -> np.ndarray:
    yy, xx = np.mgrid[:80, :120]
    return (yy - y) ** 2 + (xx - x) ** 2 <= radius**2


def test_a_crescent_beside_a_disc_is_joined_to_it():
    labels = np.zeros((80, 120), np.int32)
    labels[disc(40, 43, 15)] = 2
    labels[disc(40, 40, 15)] = 1
    merged, confidence, n = merge_slivers(labels, np.array([0.9, 0.4], np.float32))
    assert n == 1
    assert np.array_equal(merged, (labels > 0).astype(np.int32))
    assert confidence.tolist() == [np.float32(0.9)]


def test_a_small_round_particle_on_a_large_one_stays():
    labels = np.zeros((80, 120), np.int32)
    labels[disc(40, 61, 6)] = 2
    labels[disc(40, 40, 15)] = 1
    merged, _, n = merge_slivers(labels, np.ones(2, np.float32))
    assert n == 0
    assert np.array_equal(merged, labels)


def test_a_crooked_object_that_stands_alone_stays():
    labels = np.zeros((80, 120), np.int32)
    labels[disc(40, 23, 15) & ~disc(40, 17, 15)] = 1
    labels[disc(40, 80, 15)] = 2
    assert merge_slivers(labels, np.ones(2, np.float32))[2] == 0


def test_the_longest_border_decides_and_numbers_have_no_gaps():
    labels = np.zeros((40, 120), np.int32)
    labels[5:35, 5:40] = 1
    labels[5:35, 40:42] = 2
    labels[5:8, 42:50] = 2
    labels[8:35, 50:90] = 3
    labels[5:8, 50:90] = 3
    merged, confidence, n = merge_slivers(labels, np.array([1, 0.5, 0.7], np.float32))
    assert n == 1
    assert sorted(np.unique(merged)) == [0, 1, 2]
    assert merged[20, 41] == merged[20, 10]
    assert confidence.tolist() == [1, np.float32(0.7)]


def test_nothing_to_do_returns_the_input():
    labels = np.zeros((5, 5), np.int32)
    assert merge_slivers(labels, np.zeros(0, np.float32))[0] is labels


def test_a_strip_of_the_neck_between_two_discs_is_joined():
    labels = np.zeros((80, 120), np.int32)
    both = disc(40, 40, 15) | disc(40, 67, 15)
    xx = np.mgrid[:80, :120][1]
    labels[both & (xx < 52)] = 1
    labels[both & (xx >= 52) & (xx < 55)] = 2
    labels[both & (xx >= 55)] = 3
    merged, _, n = merge_slivers(labels, np.ones(3, np.float32))
    assert n == 1
    assert merged.max() == 2
    assert np.array_equal(merged > 0, both)
