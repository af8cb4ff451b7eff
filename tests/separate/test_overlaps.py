"""Overlapping discs told by the size of the others."""

from __future__ import annotations

import numpy as np
import pytest

from granum.separate.overlaps import split_overlapping_discs


def draw(discs: list[tuple[float, float, float]], shape: tuple[int, int] = (260, 260)) -> np.ndarray:
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for k, (y, x, radius) in enumerate(discs, start=1):
        labels[(yy - y) ** 2 + (xx - x) ** 2 <= radius**2] = k
    return labels


def grid(radius: float = 9.0) -> list[tuple[float, float, float]]:
    return [(20.0 + 40 * i, 20.0 + 40 * j, radius) for i in range(6) for j in range(5)]


def with_pair(labels: np.ndarray, dy: float, dx: float) -> np.ndarray:
    yy, xx = np.mgrid[: labels.shape[0], : labels.shape[1]]
    pair = ((yy - 60) ** 2 + (xx - 230) ** 2 <= 81) | ((yy - 60 - dy) ** 2 + (xx - 230 - dx) ** 2 <= 81)
    labels[pair] = labels.max() + 1
    return labels


@pytest.mark.parametrize(("dy", "dx"), [(11.0, 0.0), (0.0, 11.0), (8.0, 8.0), (8.0, -8.0)])
def test_a_pair_without_a_neck_is_cut_across(dy, dx):
    labels = with_pair(draw(grid()), dy, dx)
    n = int(labels.max())
    cut, confidence, n_cut = split_overlapping_discs(labels, np.ones(n, np.float32))
    assert n_cut == 1
    assert cut.max() == n + 1 == len(confidence)
    assert np.array_equal(cut > 0, labels > 0)
    halves = (cut == n).sum(), (cut == n + 1).sum()
    assert abs(halves[0] - halves[1]) < 0.1 * sum(halves)
    centres = [np.argwhere(cut == k).mean(axis=0) for k in (n, n + 1)]
    assert np.hypot(*(centres[0] - centres[1])) == pytest.approx(np.hypot(dy, dx), rel=0.25)


def test_both_halves_are_marked_as_doubtful():
    labels = with_pair(draw(grid()), 11, 0)
    n = int(labels.max())
    confidence = split_overlapping_discs(labels, np.ones(n, np.float32))[1]
    assert (confidence[[n - 1, n]] < 0.5).all()
    assert (confidence[: n - 1] == 1).all()


def test_discs_of_many_sizes_are_left_alone():
    sizes = np.random.default_rng(0).uniform(3, 16, 30)
    discs = [(y, x, r) for (y, x, _), r in zip(grid(), sizes, strict=True)]
    labels = with_pair(draw(discs), 11, 0)
    assert split_overlapping_discs(labels, np.ones(int(labels.max()), np.float32))[2] == 0


def test_a_few_objects_tell_nothing():
    labels = with_pair(draw(grid()[:5]), 11, 0)
    assert split_overlapping_discs(labels, np.ones(int(labels.max()), np.float32))[2] == 0


def test_the_input_stays_as_it_was():
    labels = with_pair(draw(grid()), 11, 0)
    before = labels.copy()
    split_overlapping_discs(labels, np.ones(int(labels.max()), np.float32))
    assert np.array_equal(labels, before)
