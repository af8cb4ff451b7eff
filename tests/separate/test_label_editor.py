from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum.errors import GranumError
from granum.segment.components import label_components
from granum.separate.label_boxes import LabelBoxes, close_gaps
from granum.separate.label_editor import LabelEditor

coordinates = st.one_of(st.integers(-3, 26).map(float), st.floats(-3, 26))
points = st.lists(st.tuples(coordinates, coordinates).map(list), min_size=2, max_size=4)
some = st.lists(st.integers(1, 12), min_size=1, max_size=3)
edits = st.one_of(
    st.fixed_dictionaries({"op": st.sampled_from(["delete", "merge", "fill"]), "labels": some}),
    st.fixed_dictionaries({"op": st.just("split"), "labels": some.map(lambda labels: labels[:1]), "points": points}),
    st.fixed_dictionaries(
        {"op": st.sampled_from(["draw", "erase"]), "points": points, "radius": st.sampled_from([0.0, 0.5, 1.5, 4.0])}
    ),
)


def scene():
    labels = np.zeros((24, 24), np.int32)
    for n, (y, x) in enumerate([(2, 2), (2, 13), (13, 2), (13, 13)], 1):
        labels[y : y + 9, x : x + 9] = n
    labels[5:8, 5:8] = 0
    labels[8, 11:13] = 1
    return labels


def same_boxes(editor):
    fresh = LabelBoxes(editor.labels)
    assert fresh.values().tolist() == editor.boxes.values().tolist()
    for label in fresh.values().tolist():
        assert fresh.get(label) == editor.boxes.get(label)


@given(st.lists(edits, max_size=8))
def test_any_edits_keep_the_books_and_are_taken_back_pixel_by_pixel(wanted):
    editor = LabelEditor(scene())
    past = [(editor.labels.copy(), set(editor.edited))]
    for edit in wanted:
        before = editor.labels.copy()
        try:
            change = editor.apply(edit)
        except GranumError:
            assert (editor.labels == before).all()
            same_boxes(editor)
            continue
        y0, x0, y1, x1 = change.dirty
        outside = np.ones(before.shape, bool)
        outside[y0:y1, x0:x1] = False
        changed = editor.labels != before
        assert not changed[outside].any()
        assert not (y1 > y0 and not changed.any())
        if edit["op"] in ("split", "merge"):
            assert ((editor.labels > 0) == (before > 0)).all()
        if edit["op"] == "split":
            for label in (*edit["labels"], *change.new_labels):
                assert label_components(editor.labels == label, connectivity=2).max() == 1
        for label in change.new_labels:
            assert label not in before
            assert label in editor.edited
        assert editor.edited <= set(editor.boxes.values().tolist())
        # an object is touched by hand exactly when its pixels are not what they were
        for label in np.unique(editor.labels).tolist():
            if label and ((editor.labels == label) != (before == label)).any():
                assert label in editor.edited
        same_boxes(editor)
        past.append((editor.labels.copy(), set(editor.edited)))
    while len(past) > 1:
        past.pop()
        editor.take_back()
        assert (editor.labels == past[-1][0]).all()
        assert editor.edited == past[-1][1]
        same_boxes(editor)
    with pytest.raises(GranumError, match="no correction to take back"):
        editor.take_back()


@given(st.lists(edits, max_size=6))
def test_numbering_without_gaps_keeps_order_and_pixels(wanted):
    editor = LabelEditor(scene())
    for edit in wanted:
        try:
            editor.apply(edit)
        except GranumError:
            continue
    values = editor.boxes.values()
    numbered = close_gaps(editor.labels, values)
    assert np.unique(numbered[numbered > 0]).tolist() == list(range(1, len(values) + 1))
    assert (np.concatenate([[0], values])[numbered] == editor.labels).all()


def test_labels_of_edits_that_were_taken_back_are_not_given_again():
    editor = LabelEditor(scene())
    cut = {"op": "split", "labels": [1], "points": [[-1, 4], [24, 4]]}
    assert editor.apply(cut).new_labels == (5,)
    editor.take_back()
    assert editor.next_label == 6
    assert editor.apply(cut).new_labels == (6,)
    editor.take_back()
    assert editor.apply({**cut, "first": 5}).new_labels == (5,)
    assert editor.next_label == 7


def test_a_failed_erase_leaves_everything_as_it_was():
    editor = LabelEditor(scene())
    before = editor.labels.copy()
    with pytest.raises(GranumError, match="label 2 is in use"):
        editor.apply({"op": "erase", "points": [[12, 6], [0, 6]], "radius": 1, "first": 2})
    assert (editor.labels == before).all()
    assert editor.n_edits == 0
    assert editor.edited == set()
    same_boxes(editor)


def test_a_memory_map_is_corrected_in_place(tmp_path):
    place = np.lib.format.open_memmap(tmp_path / "labels.npy", mode="w+", dtype=np.int32, shape=(24, 24))
    place[:] = scene()
    editor = LabelEditor(place)
    editor.apply({"op": "delete", "labels": [2]})
    assert editor.n_objects == 3
    place.flush()
    assert 2 not in np.load(tmp_path / "labels.npy")
