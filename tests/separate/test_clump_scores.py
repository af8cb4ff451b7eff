"""The score of a clump: exact for rectangles, the same as regionprops' solidity, higher for the right cut."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage.measure import label, regionprops

from granum.separate.clump_scores import score_clumps


def two_discs():
    y, x = np.mgrid[:50, :80]
    left, right = np.hypot(y - 25, x - 25) < 15, np.hypot(y - 25, x - 52) < 15
    mask = left | right
    return mask, np.where(mask, 1 + (x > 38.5), 0).astype(np.int32)


def test_a_rectangle_is_perfect_and_a_cut_costs_its_share_of_the_outline():
    whole = np.zeros((20, 30), np.int32)
    whole[5:15, 4:24] = 1
    scores, counts = score_clumps(whole, whole, 1)
    assert_allclose(scores[1], 1)
    assert counts[1] == 1
    halves = whole.copy()
    halves[5:15, 14:24] = 2
    scores, counts = score_clumps(halves, whole, 1)
    # each half is 10 x 10: a quarter of its outline is cut
    assert_allclose(scores[1], 1 - 0.3 / 4)
    assert counts[1] == 2


def test_one_part_scores_its_solidity():
    rng = np.random.default_rng(4)
    image = np.zeros((90, 120), bool)
    for y, x, r in zip(rng.integers(10, 80, 9), rng.integers(10, 110, 9), rng.integers(4, 12, 9), strict=True):
        yy, xx = np.mgrid[:90, :120]
        image |= np.hypot(yy - y, xx - x) < r
    clumps = label(image, connectivity=1).astype(np.int32)
    scores, _ = score_clumps(clumps, clumps, int(clumps.max()))
    # the hull here goes round pixel centres with half a pixel to each side, as scikit-image's does
    assert_allclose(scores[1:], [region.solidity for region in regionprops(clumps)], atol=0.02)


def test_the_right_cut_beats_none_and_a_wrong_one():
    mask, right = two_discs()
    clumps = mask.astype(np.int32)
    x = np.mgrid[:50, :80][1]
    wrong = np.where(mask, 1 + (x > 25), 0).astype(np.int32)
    scores = [score_clumps(labels, clumps, 1)[0][1] for labels in (right, clumps, wrong)]
    assert scores[0] > scores[1]
    assert scores[0] > scores[2]


def test_every_clump_has_its_own_score():
    _, right = two_discs()
    labels = np.hstack([right, (right > 0) * 3]).astype(np.int32)
    clumps = np.hstack([right > 0, (right > 0) * 2]).astype(np.int32)
    scores, counts = score_clumps(labels, clumps, 2)
    assert_array_equal(counts[1:], [2, 1])
    alone = score_clumps(right, (right > 0).astype(np.int32), 1)[0][1]
    assert_allclose(scores[1], alone)
    assert scores[2] < scores[1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (12, 15)])
def test_a_full_frame_is_perfect_and_an_empty_one_has_no_clump(shape):
    full = np.ones(shape, np.int32)
    assert_allclose(score_clumps(full, full, 1)[0][1], 1)
    empty = np.zeros(shape, np.int32)
    scores, counts = score_clumps(empty, empty, 0)
    assert scores.shape == counts.shape == (1,)
