"""Opening by a disc where it has room, and windows around pieces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from granum.segment.disc_opening import boxes_of, open_by_disc, widen_by_disc


@pytest.mark.parametrize("side", [3, 5, 9, 17, 41])
@pytest.mark.parametrize("share", [0.35, 0.6, 0.97])
def test_the_opening_is_that_of_cv2_also_at_the_frame(side: int, share: float) -> None:
    rng = np.random.default_rng(side)
    smooth = cv2.GaussianBlur(rng.normal(size=(97, 133)), (0, 0), side / 3)
    mask = smooth > np.quantile(smooth, 1 - share)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    expected = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, disc).view(np.bool_)
    found = open_by_disc(mask, disc)
    np.testing.assert_array_equal(found, expected)
    assert share < 0.9 or found.any()


@pytest.mark.parametrize("side", [1, 3, 9, 41])
def test_the_widening_is_that_of_cv2_also_at_the_frame(side: int) -> None:
    mask = np.random.default_rng(side).random((97, 133)) > 0.995
    mask[0, 130:] = mask[96, :3] = True
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    expected = cv2.dilate(mask.view(np.uint8), disc).view(np.bool_)
    np.testing.assert_array_equal(widen_by_disc(mask, disc), expected)


def test_a_disc_wider_than_the_image_opens_as_cv2_does() -> None:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (21, 21))
    for mask in (np.ones((7, 30), np.bool_), np.zeros((7, 30), np.bool_), np.eye(12, dtype=np.bool_)):
        expected = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, disc).view(np.bool_)
        np.testing.assert_array_equal(open_by_disc(mask, disc), expected)


def test_each_piece_lies_in_a_window_of_its_own_with_its_margin() -> None:
    mask = np.zeros((400, 600), np.bool_)
    mask[0:5, 0:7] = mask[200:210, 300:340] = mask[210, 340] = mask[215, 300] = True
    painted = np.zeros(mask.shape, np.int64)
    sizes = []
    for (rows, columns), core in boxes_of(mask, 9):
        painted[rows, columns] += core
        sizes.append(int(core.sum()))
        y, x = np.nonzero(core)
        assert y.min() >= min(9, rows.start + y.min())
        assert x.min() >= min(9, columns.start + x.min())
        assert core.shape[0] - y.max() > 9
        assert core.shape[1] - x.max() > 9
    np.testing.assert_array_equal(painted, mask)
    assert sorted(sizes) == [1, 35, 401]


def test_windows_that_would_cover_most_of_the_image_become_one() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[3:6, 3:6] = mask[30:33, 50:53] = True
    windows = list(boxes_of(mask, 20))
    assert len(windows) == 1
    np.testing.assert_array_equal(windows[0][1], mask)
    assert list(boxes_of(np.zeros((40, 60), np.bool_), 20)) == []
