"""Scores against boxes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from granum.errors import ShapeError
from granum.score import centres_in_boxes


def dots(*centres, shape=(40, 40)):
    labels = np.zeros(shape, np.int32)
    for k, (y, x) in enumerate(centres):
        labels[y - 1 : y + 2, x - 1 : x + 2] = k + 1
    return labels


def test_each_box_takes_one_object_and_the_rest_are_wrong():
    scores = centres_in_boxes([[0, 0, 10, 10], [20, 20, 30, 30]], dots((3, 3), (7, 7), (35, 5)))
    assert (scores.true_positives, scores.n_boxes, scores.n_objects) == (1, 2, 3)
    assert (scores.precision, scores.recall, scores.f1) == (1 / 3, 1 / 2, 2 / 5)


def test_an_object_in_two_boxes_goes_where_both_boxes_get_one():
    # the first object lies in both boxes, the second only in the first box
    assert centres_in_boxes([[0, 0, 20, 20], [10, 10, 30, 30]], dots((15, 15), (4, 4))).f1 == 1


def test_the_number_of_pairs_equals_that_of_trying_all_assignments():
    rng = np.random.default_rng(3)
    for _ in range(20):
        corner = rng.integers(0, 30, (4, 2))
        boxes = np.hstack([corner, corner + rng.integers(4, 20, (4, 2))])
        centres = [(5, 5), (5, 20), (20, 5), (20, 20), (30, 33)]
        inside = [[y0 <= y <= y1 and x0 <= x <= x1 for y, x in centres] for y0, x0, y1, x1 in boxes]
        best = max(sum(inside[i][j] for i, j in enumerate(order)) for order in itertools.permutations(range(5), 4))
        assert centres_in_boxes(boxes, dots(*centres)).true_positives == best


def test_no_boxes_or_no_objects():
    nothing = np.zeros((5, 5), int)
    assert centres_in_boxes([], nothing).f1 == 1
    assert centres_in_boxes([], dots((3, 3))).precision == 0
    missed = centres_in_boxes([[0, 0, 4, 4]], nothing)
    assert (missed.f1, missed.recall, missed.precision) == (0, 0, 0)


def test_boxes_that_are_not_rows_of_four_are_an_error():
    with pytest.raises(ShapeError, match=r"boxes: has shape \(1, 3\)"):
        centres_in_boxes([[1, 2, 3]], dots((3, 3)))
