"""Overlaps and one-to-one matching of label images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from granum.errors import SettingError, ShapeError
from granum.score import match_objects, measure_overlaps

small_labels = arrays(np.int32, (6, 7), elements=st.integers(0, 4))


def naive_iou(truth, prediction):
    """{(truth label, predicted label): IoU} by comparing whole masks."""
    return {
        (t, p): np.sum((truth == t) & (prediction == p)) / np.sum((truth == t) | (prediction == p))
        for t in np.unique(truth[truth > 0])
        for p in np.unique(prediction[prediction > 0])
        if np.any((truth == t) & (prediction == p))
    }


def best_matching(iou, threshold):
    """(number of pairs, sum of IoU) of the best one-to-one matching, by trying all."""
    pairs = [(t, p, v) for (t, p), v in iou.items() if v >= threshold]
    best = (0, 0.0)
    for n in range(1, len(pairs) + 1):
        for chosen in itertools.combinations(pairs, n):
            if len({t for t, _, _ in chosen}) == n == len({p for _, p, _ in chosen}):
                best = max(best, (n, sum(v for _, _, v in chosen)))
    return best


@settings(max_examples=60, deadline=None)
@given(small_labels, small_labels)
def test_overlaps_equal_a_comparison_of_whole_masks(truth, prediction):
    found = measure_overlaps(truth, prediction)
    pairs = zip(found.truth_labels[found.truth_index], found.prediction_labels[found.prediction_index], strict=True)
    expected = naive_iou(truth, prediction)
    assert dict(zip(pairs, found.iou, strict=True)) == pytest.approx(expected)
    assert found.truth_areas.tolist() == [np.sum(truth == t) for t in found.truth_labels]


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.int32, (4, 5), elements=st.integers(0, 3)),
    arrays(np.int32, (4, 5), elements=st.integers(0, 3)),
    st.sampled_from([0.05, 0.2, 0.34, 0.5, 0.7]),
)
def test_optimal_matching_is_as_good_as_the_best_of_all_matchings(truth, prediction, threshold):
    overlaps = measure_overlaps(truth, prediction)
    matches = match_objects(overlaps, threshold=threshold)
    assert len(set(overlaps.truth_index[matches])) == len(matches) == len(set(overlaps.prediction_index[matches]))
    number, total = best_matching(naive_iou(truth, prediction), threshold)
    assert len(matches) == number
    assert overlaps.iou[matches].sum() == pytest.approx(total)


def test_greedy_matching_takes_the_best_pair_and_may_lose_one():
    # true 1 overlaps both predictions, true 2 only the first: greedy gives the first to true 1
    truth = np.array([[1] * 6 + [2] * 2])
    prediction = np.array([[8] + [8] * 5 + [8] * 2])
    prediction[0, 0] = 9
    overlaps = measure_overlaps(truth, prediction)
    assert len(match_objects(overlaps, threshold=0.1)) == 2
    assert len(match_objects(overlaps, threshold=0.1, method="greedy")) == 1


def test_an_object_split_in_two_equal_halves_matches_one_half_at_an_iou_of_one_half():
    truth, prediction = np.ones((4, 4), int), np.ones((4, 4), int)
    prediction[:, 2:] = 2
    assert len(match_objects(measure_overlaps(truth, prediction), threshold=0.5)) == 1


def test_seventy_thousand_objects_keep_their_numbers():
    truth = np.zeros((600, 540), np.int32)
    truth[::2, ::2] = np.arange(1, 300 * 270 + 1).reshape(300, 270)
    overlaps = measure_overlaps(truth, truth[:, ::1] * 3)
    assert len(overlaps.truth_labels) == 81_000
    assert np.all(overlaps.iou == 1)
    assert np.array_equal(overlaps.prediction_labels[overlaps.prediction_index], 3 * overlaps.truth_labels)


def test_label_numbers_near_the_limit_of_int32_cost_no_memory():
    truth = np.array([[0, 2**31 - 1, 2**31 - 1]])
    overlaps = measure_overlaps(truth, np.array([[0, 0, 1]]))
    assert overlaps.iou.tolist() == [0.5]


@pytest.mark.parametrize("dtype", ["u1", ">u2", "<u4", "i8"])
def test_any_integer_dtype_and_stride_gives_the_same_overlaps(dtype):
    truth = np.array([[1, 1, 0, 2], [1, 0, 0, 2]], dtype=dtype)[:, ::-1]
    assert measure_overlaps(truth, truth).iou.tolist() == [1, 1]


def test_two_sizes_are_an_error_that_names_both():
    with pytest.raises(ShapeError, match=r"prediction: has shape \(2, 3\).*\(2, 2\)"):
        measure_overlaps(np.ones((2, 2), int), np.ones((2, 3), int))


@pytest.mark.parametrize("bad", [np.ones((2, 2)), np.ones((2, 2), bool), -np.ones((2, 2), int), np.ones((0, 2), int)])
def test_what_is_not_labels_is_an_error(bad):
    with pytest.raises(ShapeError, match="truth"):
        measure_overlaps(bad, np.ones(bad.shape, int))


def test_settings_out_of_range_are_errors_that_name_the_range():
    overlaps = measure_overlaps([[1]], [[1]])
    with pytest.raises(SettingError, match=r"threshold: 1\.5 .* 0 to 1"):
        match_objects(overlaps, threshold=1.5)
    with pytest.raises(SettingError, match="optimal, greedy"):
        match_objects(overlaps, method="best")
