"""Scores of masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage as ndi

from granum.errors import SettingError, ShapeError
from granum.score import score_pixels

masks = arrays(np.bool_, (9, 11))


def naive_boundary_f(truth, mask, tolerance):
    outlines = [m & ~ndi.binary_erosion(m, border_value=1) for m in (truth, mask)]
    a, b = (np.argwhere(outline) for outline in outlines)
    if len(a) == 0 or len(b) == 0:
        return float(len(a) == len(b))
    distance = np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
    recall, precision = (distance.min(1) <= tolerance).mean(), (distance.min(0) <= tolerance).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@settings(max_examples=60, deadline=None)
@given(masks, masks, st.sampled_from([0, 1, 1.5, 2, 3]))
def test_scores_equal_the_definitions_written_out(truth, mask, tolerance):
    scores = score_pixels(truth, mask, tolerance=tolerance)
    union = (truth | mask).sum()
    assert scores.iou == (pytest.approx((truth & mask).sum() / union) if union else 1)
    assert scores.dice == pytest.approx(2 * scores.iou / (1 + scores.iou))
    assert scores.boundary_f == pytest.approx(naive_boundary_f(truth, mask, tolerance))


def test_an_outline_within_the_tolerance_is_perfect_and_one_beyond_is_not():
    yy, xx = np.mgrid[:80, :80]
    disc = (yy - 40) ** 2 + (xx - 40) ** 2 < 20**2
    bigger = (yy - 40) ** 2 + (xx - 40) ** 2 < 22**2
    assert score_pixels(disc, bigger, tolerance=2.5).boundary_f == 1
    assert score_pixels(disc, bigger, tolerance=1).boundary_f < 0.1


def test_the_border_of_the_image_is_no_outline():
    full, half = np.ones((20, 20), bool), np.ones((20, 20), bool)
    half[:, 10:] = False
    assert score_pixels(full, full).boundary_f == 1
    assert score_pixels(half, full).boundary_f == 0


def test_labels_are_taken_as_a_mask_and_empty_ones_agree():
    assert score_pixels(np.array([[0, 3, 9]]), np.array([[False, True, True]])).iou == 1
    empty = np.zeros((3, 3), bool)
    assert score_pixels(empty, empty).to_row() == {"iou": 1, "dice": 1, "boundary_f": 1, "tolerance": 2}


def test_bad_input_is_an_error():
    with pytest.raises(SettingError, match="0 to 1000"):
        score_pixels([[1]], [[1]], tolerance=-1)
    with pytest.raises(ShapeError, match="mask: has shape"):
        score_pixels(np.ones((2, 2)), np.ones((2, 3)))
