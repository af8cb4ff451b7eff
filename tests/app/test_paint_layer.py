from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from granum.app import paint_layer as paint_layer_file
from granum.app.paint_layer import MOST_UNDO, PaintLayer
from granum.app.paint_messages import Stroke
from granum.app.problems import Problem
from granum.app.strokes import cover

SHAPE = (700, 600)


class Book:
    """A list for a journal."""

    def __init__(self):
        self.records = []
        self.broken = False

    def append(self, record):
        if self.broken:
            raise Problem(507, "not_written", "disk full")
        self.records.append(record)
        return len(self.records)

    def replayed(self, shape=SHAPE):
        layer = PaintLayer(shape, self.append)
        for number, record in enumerate(list(self.records), 1):
            layer.replay(number, record)
        return layer


class Model:
    """What the pixels must be, by painting all active acts of the records anew."""

    def __init__(self, shape):
        self.shape = shape

    def plane(self, records):
        active = {}
        for record in records:
            if record["do"] == "paint":
                active[record["id"]] = True
            else:
                active[record["act"]] = record["do"] == "redo"
        plane = np.zeros(self.shape, np.uint8)
        for record in records:
            if record["do"] != "paint" or not active[record["id"]]:
                continue
            if record["tool"] == "fill":
                runs = np.reshape(record["runs"], (-1, 3)).T
            else:
                runs = cover(record["tool"], np.reshape(record["path"], (-1, 2)), record["radius"], self.shape)
            for row, first, last in zip(*runs, strict=True):
                plane[row, first : last + 1] = record["class"]
        return plane, sum(active.values())


def make_stroke(id, points=((10, 10),), tool="brush", class_id=1, radius=5.0):
    return Stroke(id=id, tool=tool, class_id=class_id, radius=radius, points=[list(point) for point in points])


def state(layer):
    plane = layer.tiles.window(0, 0, *layer.shape)
    return plane, layer.version, layer.n_strokes, layer.areas()


def check(layer, book):
    plane, n_active = Model(layer.shape).plane(book.records)
    np.testing.assert_array_equal(layer.tiles.window(0, 0, *layer.shape), plane)
    counts = np.bincount(plane.ravel(), minlength=256)
    assert layer.areas() == {one: counts[one] for one in range(1, 256) if counts[one]}
    assert layer.n_strokes == n_active
    assert layer.version == len(book.records)


acts = st.one_of(
    st.tuples(
        st.sampled_from(["brush", "eraser", "polygon", "fill"]),
        st.sampled_from("ab"),
        st.integers(1, 3),
        st.lists(st.tuples(st.integers(440, 640), st.integers(440, 590)), min_size=3, max_size=4),
    ),
    st.tuples(st.sampled_from(["undo", "redo", "reload"]), st.sampled_from("ab")),
)


@pytest.mark.parametrize("limits", [(200, 1000), (3, 4), (3, 1000), (200, 4)])
@settings(max_examples=25, deadline=None)
@given(steps=st.lists(acts, min_size=1, max_size=25))
def test_the_pixels_are_those_of_the_active_acts_in_order(limits, steps):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paint_layer_file, "MOST_UNDO", limits[0])
        patch.setattr(paint_layer_file, "MOST_ON_A_TILE", limits[1])
        book = Book()
        layer = book.replayed()
        for number, step in enumerate(steps):
            before = layer.tiles.window(0, 0, *SHAPE)
            if step[0] == "reload":
                again = book.replayed()
                for author in "ab":
                    assert again.can_undo(author) == layer.can_undo(author)
                    assert again.can_redo(author) == layer.can_redo(author)
                layer = again
                continue
            if step[0] in ("undo", "redo"):
                ack = getattr(layer, step[0])(step[1], f"u{number}")
            else:
                tool, author, class_id, points = step
                points = points[:1] if tool == "fill" else points
                ack = layer.paint(make_stroke(f"s{number}", points, tool, class_id, 20.0), author)
            check(layer, book)
            changed = np.argwhere(before != layer.tiles.window(0, 0, *SHAPE))
            box = [*changed.min(axis=0), *(changed.max(axis=0) + 1)] if len(changed) else []
            assert ack.dirty == box
        again = book.replayed()
        np.testing.assert_array_equal(state(again)[0], state(layer)[0])
        assert state(again)[1:] == state(layer)[1:]
        for level in range(2):
            one, other = layer.tiles.cut(level, 0, 0), again.tiles.cut(level, 0, 0)
            assert (one is None) == (other is None)
            np.testing.assert_array_equal(one, other)
            assert layer.tiles.version(level, 0, 0) == again.tiles.version(level, 0, 0)


def test_undo_takes_back_the_own_act_after_anothers_and_after_reload():
    book = Book()
    layer = book.replayed()
    layer.paint(make_stroke("a1", class_id=1), "a")
    layer.paint(make_stroke("b1", [(10, 14)], class_id=2), "b")
    only_b = Book().replayed()
    only_b.paint(make_stroke("b1", [(10, 14)], class_id=2), "b")
    layer = book.replayed()
    ack = layer.undo("a", "u1")
    np.testing.assert_array_equal(state(layer)[0], state(only_b)[0])
    assert (ack.n_strokes, ack.can_undo, ack.can_redo) == (1, False, True)
    layer = book.replayed()
    assert layer.can_redo("a")
    assert not layer.can_redo("b")
    layer.redo("a")
    plane = layer.tiles.window(10, 0, 11, 20)[0]
    assert (plane[5], plane[12]) == (1, 2)  # below the stroke that came later


def test_new_paint_drops_what_the_same_author_could_redo():
    layer = Book().replayed()
    for author in "ab":
        layer.paint(make_stroke(f"{author}1"), author)
        layer.undo(author)
    layer.paint(make_stroke("a2"), "a")
    assert not layer.can_redo("a")
    assert layer.can_redo("b")
    assert layer.redo("a").dirty == []


def test_nothing_to_undo_is_an_empty_answer_and_no_record():
    book = Book()
    layer = book.replayed()
    assert layer.undo("a").model_dump() == {
        "version": 0, "dirty": [], "n_strokes": 0, "can_undo": False, "can_redo": False,
    }  # fmt: skip
    assert book.records == []


def test_the_same_id_is_one_stroke_with_one_answer_also_after_reload():
    book = Book()
    layer = book.replayed()
    first = layer.paint(make_stroke("s"), "a")
    undone = layer.undo("a", "u")
    layer.paint(make_stroke("t", [(50, 50)]), "a")
    for again in (layer, book.replayed()):
        assert again.paint(make_stroke("s"), "a") == first
        assert again.undo("a", "u") == undone
        with pytest.raises(Problem, match="id 's' is that of paint") as caught:
            again.undo("a", "s")
        assert caught.value.status == 409
    assert len(book.records) == 3


def test_what_could_not_be_written_did_not_happen():
    book = Book()
    layer = book.replayed()
    layer.paint(make_stroke("s"), "a")
    before = state(layer)
    book.broken = True
    for act in (
        lambda: layer.paint(make_stroke("t", [(50, 50)]), "a"),
        lambda: layer.paint(make_stroke("f", [(50, 50)], "fill", 2), "a"),
        lambda: layer.undo("a", "u"),
    ):
        with pytest.raises(Problem, match="disk full"):
            act()
        np.testing.assert_array_equal(state(layer)[0], before[0])
        assert state(layer)[1:] == before[1:]
    book.broken = False
    assert layer.paint(make_stroke("t", [(50, 50)]), "a").version == 2
    check(layer, book)


def test_strokes_without_effect_are_no_acts():
    book = Book()
    layer = book.replayed()
    assert layer.paint(make_stroke("s", [(-50, -50)]), "a").dirty == []
    layer.paint(make_stroke("t"), "a")
    assert layer.paint(make_stroke("f", [(10, 10)], "fill", 1), "a").dirty == []
    assert len(book.records) == 1


def test_an_eraser_takes_away_whatever_class_it_names():
    layer = Book().replayed()
    layer.paint(make_stroke("s"), "a")
    layer.paint(make_stroke("e", tool="eraser", class_id=3), "a")
    assert layer.areas() == {}


def test_an_eraser_over_an_undone_stroke_stays_above_it():
    book = Book()
    layer = book.replayed()
    layer.paint(make_stroke("s"), "a")
    layer.undo("a")
    layer.paint(make_stroke("e", [(10, 12)], tool="eraser"), "b")
    layer.redo("a")
    check(layer, book)
    assert layer.areas()[1] < 81


def test_a_fill_is_replayed_as_it_was_whatever_happens_to_its_border():
    book = Book()
    layer = book.replayed()
    square = [(20, 20), (20, 60), (60, 60), (60, 20), (20, 20)]
    layer.paint(make_stroke("border", square, radius=1), "a")
    layer.paint(make_stroke("f", [(40, 40)], "fill", 2), "b")
    layer.undo("a")
    assert layer.areas() == {2: 37 * 37}
    assert book.replayed().areas() == layer.areas()


@pytest.mark.parametrize("limits", [(64, 1000), (1000, 10), (5, 1000)])
def test_changes_since_a_version_cover_all_that_changed(monkeypatch, limits):
    monkeypatch.setattr(paint_layer_file, "_MOST_RECTS", limits[0])
    monkeypatch.setattr(paint_layer_file, "_KEPT_RECTS", limits[1])
    book = Book()
    layer = book.replayed()
    rng = np.random.default_rng(0)
    planes = [state(layer)[0]]
    for number in range(100):
        layer.paint(make_stroke(f"s{number}", [rng.uniform(0, 600, 2)], class_id=number % 3 + 1), "a")
        planes.append(state(layer)[0])
    for one in (layer, book.replayed()):
        for since in (0, 10, 40, 99, 100):
            mask = np.zeros(SHAPE, bool)
            for y0, x0, y1, x1 in one.changes(since).dirty:
                mask[y0:y1, x0:x1] = True
            assert mask[planes[since] != planes[-1]].all()
    assert layer.changes(100).dirty == []
    assert layer.changes(99).dirty == [book_rect(layer)]
    assert layer.changes(101).dirty == [[0, 0, *SHAPE]]  # a version that never was
    assert layer.changes(101).version == 100


def book_rect(layer):
    return list(layer._recent[-1][1])


def test_lost_strokes_do_not_stop_a_replay():
    book = Book()
    layer = book.replayed()
    layer.paint(make_stroke("s"), "a")
    layer.paint(make_stroke("t", [(50, 50)]), "a")
    layer.undo("a")
    del book.records[1]
    again = book.replayed()
    assert again.n_left_out == 1
    assert again.n_strokes == 1


@pytest.mark.parametrize(
    "record",
    [
        {"do": "dance", "author": "a"},
        {"do": "paint", "author": "a"},
        {"do": "paint", "author": "a", "id": "s", "tool": "fill", "class": 1, "runs": [0, 0, 10_000]},
        {"do": "paint", "author": "a", "id": "s", "tool": "brush", "class": 300, "radius": 1, "path": [1, 1]},
        {"do": "undo", "author": "a"},
    ],
)
def test_records_of_something_else_are_told(record):
    with pytest.raises(Problem, match="record 1 of the strokes cannot be read"):
        PaintLayer(SHAPE, len).replay(1, record)


def test_ten_thousand_strokes_two_hundred_undo_across_reload_are_exact():
    """Row 29 of the fault list: pixels are those of painting what is left, whatever came in between."""
    shape = (2048, 2048)
    rng = np.random.default_rng(29)
    book = Book()
    layer = book.replayed(shape)
    for number in range(10_000):
        start = rng.uniform(0, 2048, 2)
        path = [start, start + rng.uniform(-40, 40, 2)]
        stroke = make_stroke(f"s{number}", path, "eraser" if number % 10 == 9 else "brush", number % 3 + 1, 6.0)
        layer.paint(stroke, "b" if number % 50 == 0 else "a")
    for number in range(100):
        layer.undo("a", f"u{number}")
    layer = book.replayed(shape)
    layer.paint(make_stroke("last", [(1000, 1000)], radius=200, class_id=3), "b")
    for number in range(100, MOST_UNDO + 5):
        ack = layer.undo("a", f"u{number}")
    assert not ack.can_undo
    check(layer, book)
    assert layer.n_strokes == 10_001 - MOST_UNDO
    for number in range(50):
        layer.redo("a", f"r{number}")
    check(layer, book)
    check(book.replayed(shape), book)
