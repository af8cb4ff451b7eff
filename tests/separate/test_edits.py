from __future__ import annotations

import json

import numpy as np
import pytest

from granum.errors import GranumError, SettingError
from granum.separate import edit_labels
from granum.separate.edit_checks import check_edit
from granum.separate.label_boxes import LabelBoxes, close_gaps


def scene(text):
    """Labels from a picture: "." is background, digits and letters are objects."""
    return np.array([[0 if sign == "." else int(sign, 36) for sign in line] for line in text.split()], np.int32)


PAIR = scene("""
    ..........
    .1111.222.
    .1..1.2.2.
    .1111.222.
    ..........
    .33333333.
    ..........
""")


def edited(labels, *edits):
    before = labels.copy()
    result = edit_labels(labels, edits=edits)
    assert (labels == before).all(), "the input was changed"
    assert result.labels.dtype == np.int32
    again = edit_labels(labels, edits=json.loads(json.dumps([check_edit(edit) for edit in edits])))
    assert (again.labels == result.labels).all()
    return result


def test_delete_takes_objects_away():
    result = edited(PAIR, {"op": "delete", "labels": [1, 3]})
    assert set(np.unique(result.labels)) == {0, 2}
    assert result.edited.tolist() == []
    assert result.changes[0].dirty == (1, 1, 6, 9)


def test_merge_gives_the_smallest_label_even_to_objects_apart():
    result = edited(PAIR, {"op": "merge", "labels": [3, 2]})
    assert (result.labels == np.where(PAIR == 3, 2, PAIR)).all()
    assert result.edited.tolist() == [2]
    assert result.changes[0].dirty == (5, 1, 6, 9)


def test_split_loses_no_pixel_and_the_largest_part_keeps_the_label():
    result = edited(PAIR, {"op": "split", "labels": [3], "points": [[4, 3], [6, 3]]})
    row = result.labels[5]
    assert row.tolist() == [0, 4, 4, 4, 3, 3, 3, 3, 3, 0]
    assert result.changes[0].new_labels == (4,)
    assert result.edited.tolist() == [3, 4]
    assert (result.labels[:5] == PAIR[:5]).all()


def test_parts_that_touch_by_a_corner_only_after_the_cut_are_parted():
    block = np.ones((9, 9), np.int32)
    result = edited(block, {"op": "split", "labels": [1], "points": [[-1, -1], [9, 9]]})
    assert np.unique(result.labels).tolist() == [1, 2]
    assert (result.labels > 0).all()
    assert np.bincount(result.labels.ravel()).min(initial=99, where=[False, True, True]) >= 36


def test_one_line_may_make_many_parts_named_in_reading_order():
    comb = scene("""
        1111111
        1.1.1.1
        1.1.1.1
        1.1.1.1
    """)
    result = edited(comb, {"op": "split", "labels": [1], "points": [[1, -1], [1, 7]]})
    assert result.changes[0].new_labels == (2, 3, 4, 5)
    assert result.labels[3].tolist() == [2, 0, 3, 0, 4, 0, 5]
    assert result.labels[0].tolist() == [1] * 7


def test_a_line_of_several_corners_cuts_along_all_of_them():
    block = np.ones((20, 20), np.int32)
    result = edited(block, {"op": "split", "labels": [1], "points": [[-1, 10], [10, 10], [10, -1]]})
    assert result.labels[0, 0] == 2
    assert result.labels[19, 19] == result.labels[0, 19] == result.labels[19, 0] == 1
    assert (result.labels[:9, :9] == 2).all()


@pytest.mark.parametrize("points", [[[4, 3], [4.4, 3]], [[2, 7], [2, 9]], [[50, 50], [60, 60]]])
def test_a_line_that_does_not_part_the_object_is_an_error(points):
    with pytest.raises(GranumError, match=r"edit 1: split: the line does not part object 3; draw it right across"):
        edit_labels(PAIR, edits=[{"op": "split", "labels": [3], "points": points}])


def test_draw_makes_an_object_of_background_only():
    result = edited(PAIR, {"op": "draw", "points": [[0, 0], [0, 9], [6, 9], [6, 0]], "radius": 0})
    assert (result.labels == np.where(PAIR == 0, 4, PAIR)).all()
    assert result.changes[0].new_labels == (4,)
    assert result.edited.tolist() == [4]


def test_draw_with_a_label_adds_to_that_object():
    result = edited(PAIR, {"op": "draw", "labels": [3], "points": [[6, 2], [6, 7]], "radius": 0.5})
    assert result.labels[6].tolist() == [0, 0, 3, 3, 3, 3, 3, 3, 0, 0]
    assert result.edited.tolist() == [3]
    assert result.changes[0].new_labels == ()


def test_drawing_on_objects_only_is_an_error():
    with pytest.raises(GranumError, match="no background under the drawing"):
        edit_labels(np.ones((9, 9), np.int32), edits=[{"op": "draw", "points": [[4, 4]], "radius": 2}])
    with pytest.raises(GranumError, match="no background under the drawing"):
        edit_labels(PAIR, edits=[{"op": "draw", "points": [[-40, -40]], "radius": 2}])


def test_erase_cuts_an_object_into_objects():
    result = edited(PAIR, {"op": "erase", "points": [[5, 4]], "radius": 0.5})
    assert result.labels[5].tolist() == [0, 4, 4, 4, 0, 3, 3, 3, 3, 0]
    assert result.changes[0] == type(result.changes[0])((5, 1, 6, 5), (4,))


def test_erase_of_some_labels_leaves_the_others():
    result = edited(PAIR, {"op": "erase", "labels": [1], "points": [[2, 5]], "radius": 20})
    assert set(np.unique(result.labels)) == {0, 2, 3}
    assert result.edited.tolist() == []


def test_erase_does_not_part_what_was_apart_before():
    merged = {"op": "merge", "labels": [1, 3]}
    result = edited(PAIR, merged, {"op": "erase", "points": [[5, 8]], "radius": 0.5})
    assert np.unique(result.labels).tolist() == [0, 1, 2]
    split = edited(PAIR, merged, {"op": "erase", "points": [[5, 6]], "radius": 0.5})
    assert split.labels[5].tolist() == [0, 1, 1, 1, 1, 1, 0, 4, 4, 0]


def test_erase_beside_all_objects_is_an_error():
    with pytest.raises(GranumError, match="nothing was erased"):
        edit_labels(PAIR, edits=[{"op": "erase", "points": [[0, 0]], "radius": 0.5}])


def test_fill_fills_holes_but_not_bays_nor_other_objects():
    labels = scene("""
        11111.1
        1...111
        1.2.1.1
        1...111
        11111..
    """)
    result = edited(labels, {"op": "fill", "labels": [1]})
    assert (result.labels == scene("11111.1 1111111 1121111 1111111 11111..")).all()
    with pytest.raises(GranumError, match="no holes"):
        edit_labels(labels, edits=[{"op": "fill", "labels": [2]}])


def test_a_hole_closed_by_corners_only_is_a_hole():
    ring = scene(".1. 1.1 .1.")
    assert edited(ring, {"op": "fill", "labels": [1]}).labels[1, 1] == 1


def test_new_labels_count_on_from_the_largest_ever_used():
    result = edited(
        PAIR,
        {"op": "delete", "labels": [3]},
        {"op": "draw", "points": [[5, 2]], "radius": 0.5},
        {"op": "delete", "labels": [4]},
        {"op": "draw", "points": [[5, 2]], "radius": 0.5},
    )
    assert np.unique(result.labels).tolist() == [0, 1, 2, 5]


def test_first_gives_the_new_labels_their_numbers():
    cut = {"op": "split", "labels": [3], "points": [[4, 4], [6, 4]], "first": 9}
    result = edited(PAIR, cut)
    assert result.changes[0].new_labels == (9,)
    with pytest.raises(GranumError, match="edit 2: first: label 9 is in use"):
        edit_labels(PAIR, edits=[cut, {"op": "draw", "points": [[0, 0]], "radius": 1, "first": 9}])
    with pytest.raises(GranumError, match="first: label 2 is in use"):
        edit_labels(PAIR, edits=[{"op": "draw", "points": [[0, 0]], "radius": 1, "first": 2}])


def test_a_label_that_is_gone_is_named():
    edits = [{"op": "delete", "labels": [2]}, {"op": "merge", "labels": [1, 2]}]
    with pytest.raises(GranumError, match="edit 2: labels: there is no object 2"):
        edit_labels(PAIR, edits=edits)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("delete", "must be a dict"),
        ({"op": "explode"}, "'explode' is not one of delete, merge"),
        ({"op": "delete"}, "delete needs 1 or more, there are 0"),
        ({"op": "merge", "labels": [1]}, "merge needs 2 or more"),
        ({"op": "merge", "labels": [1, 1]}, "merge needs 2 or more"),
        ({"op": "split", "labels": [1, 2], "points": [[0, 0], [1, 1]]}, "split needs 1, there are 2"),
        ({"op": "split", "labels": [1], "points": [[0, 0]]}, "at least 2"),
        ({"op": "draw", "points": [[0, 0], [1, 1]]}, "at least 3"),
        ({"op": "draw", "points": [[0, 0]], "radius": -1}, "radius: -1"),
        ({"op": "draw", "points": [[0, 0]], "radius": float("nan")}, "radius: nan"),
        ({"op": "draw", "points": [[0, 0]], "radius": True}, "radius: True"),
        ({"op": "erase", "points": [[0, float("inf")]], "radius": 1}, "finite"),
        ({"op": "erase", "points": [[0, 1, 2]], "radius": 1}, "pairs"),
        ({"op": "erase", "points": ["ab"], "radius": 1}, "pairs"),
        ({"op": "delete", "labels": [0]}, "whole numbers from 1"),
        ({"op": "delete", "labels": [True]}, "whole numbers from 1"),
        ({"op": "delete", "labels": [1.5]}, "whole numbers from 1"),
        ({"op": "delete", "labels": [2**40]}, "whole numbers from 1"),
        ({"op": "delete", "labels": "1"}, "whole numbers from 1"),
        ({"op": "delete", "labels": [1], "colour": "red"}, "'colour': is no key"),
        ({"op": "delete", "labels": [1], "first": 0}, "first: 0"),
    ],
)
def test_edits_that_are_none_are_refused(edit, message):
    with pytest.raises(SettingError, match=message):
        edit_labels(PAIR, edits=[edit])


def test_labels_far_apart_and_large_stay_what_they_are():
    labels = PAIR.copy()
    labels[labels == 2] = 2**24 + 1
    result = edited(labels, {"op": "split", "labels": [2**24 + 1], "points": [[2, 5], [2, 9]]})
    assert result.changes[0].new_labels == (2**24 + 2,)
    assert LabelBoxes(result.labels).values().tolist() == [1, 3, 2**24 + 1, 2**24 + 2]
    assert np.unique(close_gaps(result.labels, LabelBoxes(result.labels).values())).tolist() == [0, 1, 2, 3, 4]


def test_without_edits_the_labels_are_a_copy():
    result = edited(PAIR)
    assert (result.labels == PAIR).all()
    assert result.labels is not PAIR
    assert result.edited.tolist() == []
