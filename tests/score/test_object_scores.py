"""Scores of labels against true labels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from granum.errors import EmptyResultError, SettingError
from granum.score import DSB_THRESHOLDS, mean_object_scores, pool_object_scores, score_objects


@pytest.fixture
def truth():
    """Nine squares of 10 x 10."""
    labels = np.zeros((60, 60), np.int32)
    for k in range(9):
        labels[5 + 18 * (k // 3) :, 5 + 18 * (k % 3) :][:10, :10] = k + 1
    return labels


def test_the_truth_itself_scores_one_everywhere(truth):
    scores = score_objects(truth, truth)
    assert scores.average_precision == (1,) * 10
    assert scores.thresholds == DSB_THRESHOLDS
    assert (scores.f1(), scores.panoptic_quality(), scores.count_error, scores.d50_error) == (1, 1, 0, 0)


def test_missed_invented_and_shrunken_objects_give_the_figures_worked_out_by_hand(truth):
    prediction = truth.copy()
    prediction[truth == 1] = 0  # missed
    prediction[0:2, 0:2] = 10  # invented
    prediction[truth == 2] = 0  # shrunk to 8 x 10: IoU 0.8
    prediction[5:13, 23:33] = 2
    scores = score_objects(truth, prediction)
    assert scores.true_positives == (8,) * 7 + (7,) * 3
    assert scores.average_precision[0] == 8 / 10
    assert scores.average_precision[-1] == 7 / 11
    assert scores.mean_average_precision == pytest.approx((7 * 8 / 10 + 3 * 7 / 11) / 10)
    assert scores.precision() == scores.recall() == scores.f1() == 8 / 9
    assert scores.segmentation_quality() == pytest.approx(7.8 / 8)
    assert scores.panoptic_quality() == pytest.approx(7.8 / 9)
    assert scores.false_positives[0] == scores.false_negatives[0] == 1


def test_merged_neighbours_cost_a_count_and_a_diameter(truth):
    prediction = truth.copy()
    prediction[truth > 0] = 1 + (truth[truth > 0] - 1) // 3  # each row of three becomes one object
    scores = score_objects(truth, prediction)
    assert scores.count_error == pytest.approx(-2 / 3)
    assert scores.d50_error == pytest.approx(math.sqrt(3) - 1)
    assert scores.f1() == 0


def test_nothing_found_where_nothing_was_is_perfect_and_anything_else_is_not(truth):
    empty = np.zeros_like(truth)
    nothing, missed, invented = score_objects(empty, empty), score_objects(truth, empty), score_objects(empty, truth)
    assert (nothing.f1(), nothing.mean_average_precision, nothing.panoptic_quality(), nothing.count_error) == (
        1,
        1,
        1,
        0,
    )
    assert (missed.f1(), missed.precision(), missed.recall(), missed.panoptic_quality()) == (0, 0, 0, 0)
    assert (missed.count_error, invented.recall(), invented.average_precision[0]) == (-1, 0, 0)
    assert math.isnan(invented.count_error)
    assert math.isnan(missed.d50_error)


@settings(max_examples=40, deadline=None)
@given(arrays(np.int32, (7, 8), elements=st.integers(0, 4)), arrays(np.int32, (7, 8), elements=st.integers(0, 4)))
def test_figures_stay_in_range_and_average_precision_falls_with_the_threshold(truth, prediction):
    scores, swapped = score_objects(truth, prediction), score_objects(prediction, truth)
    curve = scores.average_precision
    assert all(1 >= a >= b >= 0 for a, b in itertools.pairwise(curve))
    assert 0 <= scores.panoptic_quality() <= scores.f1() <= 1
    assert (scores.precision(), scores.recall()) == (swapped.recall(), swapped.precision())
    assert scores.true_positives == swapped.true_positives


def test_pooling_equals_scoring_the_images_side_by_side(truth):
    other = np.roll(truth, 3, axis=1) * (truth % 2)
    pooled = pool_object_scores([score_objects(truth, truth), score_objects(truth, other)])
    shift = np.where(truth > 0, truth + 100, 0)
    together = score_objects(np.hstack([truth, shift]), np.hstack([truth, np.where(other > 0, other + 100, 0)]))
    assert pooled.true_positives == together.true_positives
    assert pooled.to_row() == pytest.approx(together.to_row())


def test_the_mean_over_images_takes_errors_without_sign(truth):
    fewer, more = truth * (truth > 1), truth.copy()
    more[0, 0] = 20
    means = mean_object_scores([score_objects(truth, fewer), score_objects(truth, more)])
    assert means["count_error_abs"] == pytest.approx(1 / 9)
    assert means["recall"] == pytest.approx((8 / 9 + 1) / 2)


def test_a_row_names_every_threshold_and_works_without_one_half(truth):
    row = score_objects(truth, truth, thresholds=(0.9, 0.7)).to_row()
    assert row["ap_0.70"] == row["ap_0.90"] == row["f1"] == 1
    with pytest.raises(SettingError, match=r"0\.5 was not scored; there are 0\.7, 0\.9"):
        score_objects(truth, truth, thresholds=(0.9, 0.7)).f1()


def test_bad_settings_are_errors(truth):
    with pytest.raises(SettingError, match="thresholds: is empty"):
        score_objects(truth, truth, thresholds=())
    with pytest.raises(SettingError, match="0 to 1"):
        score_objects(truth, truth, thresholds=(0.5, 50))
    with pytest.raises(SettingError, match="different thresholds"):
        pool_object_scores([score_objects(truth, truth), score_objects(truth, truth, thresholds=(0.5,))])
    for combine in (pool_object_scores, mean_object_scores):
        with pytest.raises(EmptyResultError, match="at least one image"):
            combine([])
