from __future__ import annotations

import numpy as np
import pytest

from granum.app.paint_layer import PaintLayer
from granum.app.paint_messages import Stroke
from granum.app.problems import Problem
from granum.app.stroke_map import StrokeMap

SHAPE = (1200, 1300)


class Book:
    """A layer with its records in a list."""

    def __init__(self, shape=SHAPE):
        self.kept = []
        self.layer = PaintLayer(shape, self.append, self.after)
        self.n = 0

    def append(self, record):
        self.kept.append(record)
        return len(self.kept)

    def after(self, number):
        return list(enumerate(self.kept, 1))[number:]

    def paint(self, points, class_id=1, *, radius=4.0, tool="brush", author="ann"):
        self.n += 1
        stroke = Stroke(id=f"s{self.n}", tool=tool, class_id=class_id, radius=radius, points=points)
        return self.layer.paint(stroke, author)

    def map(self):
        return self.layer.stroke_map()


def random_book(seed, n=80):
    rng = np.random.default_rng(seed)
    book = Book()
    for _ in range(n):
        author = f"author{rng.integers(2)}"
        do = rng.choice(["brush", "eraser", "polygon", "undo", "redo"], p=[0.5, 0.15, 0.1, 0.15, 0.1])
        if do in ("undo", "redo"):
            getattr(book.layer, do)(author)
            continue
        points = (rng.uniform(0, 1300, 2) + rng.uniform(-80, 80, (4, 2))).clip(-20, 1300).tolist()
        class_id = 0 if do == "eraser" else int(rng.integers(1, 4))
        book.paint(points, class_id, radius=float(rng.uniform(1, 20)), tool=do, author=author)
        if rng.random() < 0.3:
            book.map()  # in the middle as at the end
    return book


@pytest.mark.parametrize("seed", range(6))
def test_classes_are_those_of_the_layer_after_any_painting_erasing_undo_and_redo(seed):
    book = random_book(seed)
    scribbles = book.map().scribbles("a")
    np.testing.assert_array_equal(scribbles.class_plane(), book.layer.tiles.window(0, 0, *SHAPE))
    assert scribbles.n_px > 1000


@pytest.mark.parametrize("seed", range(6))
def test_following_record_by_record_gives_what_a_replay_gives(seed):
    book = random_book(seed)
    fresh = StrokeMap(SHAPE)
    for number, record in enumerate(book.kept, 1):
        fresh.follow(number, record)
    one, other = book.map().scribbles("a"), fresh.scribbles("a")
    for name in ("y", "x", "class_ids", "strokes"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.notes == other.notes


def test_pixels_are_sorted_and_strokes_keep_their_number_when_an_earlier_one_is_taken_back():
    book = Book()
    book.paint([[100, 500], [100, 530]], 1, author="ann")
    book.paint([[200, 500], [200, 530]], 2, author="bob")
    before = book.map().scribbles("a")
    flat = before.y.astype(int) * SHAPE[1] + before.x
    assert (np.diff(flat) > 0).all()
    assert [(one.stroke, one.class_id) for one in before.counts()] == [(1, 1), (2, 2)]
    book.layer.undo("ann")
    assert [(one.stroke, one.class_id) for one in book.map().scribbles("a").counts()] == [(2, 2)]
    book.layer.redo("ann")
    again = book.map().scribbles("a")
    np.testing.assert_array_equal(again.strokes, before.strokes)


def test_two_strokes_of_one_class_that_touch_stay_two():
    book = Book()
    book.paint([[100, 100], [100, 130]], 1)
    book.paint([[100, 130], [130, 130]], 1)
    scribbles = book.map().scribbles("a")
    assert scribbles.n_strokes == 2
    assert scribbles.notes == ()


def test_where_two_classes_overlap_the_later_wins_and_it_is_said_with_the_number_of_pixels():
    book = Book()
    book.paint([[100, 100], [100, 160]], 1, radius=3)
    first = book.map().scribbles("a").class_plane()
    book.paint([[80, 130], [120, 130]], 2, radius=3)
    scribbles = book.map().scribbles("a")
    n_both = int(((first == 1) & (scribbles.class_plane() == 2)).sum())
    assert n_both > 20
    assert scribbles.notes == (f"a: strokes of two classes overlap on {n_both} pixels; the later stroke counts.",)


def test_what_is_erased_and_painted_anew_is_no_overlap():
    book = Book()
    book.paint([[100, 100], [100, 160]], 1, radius=3)
    book.paint([[100, 100], [100, 160]], 0, radius=9, tool="eraser")
    book.paint([[100, 100], [100, 160]], 2, radius=3)
    scribbles = book.map().scribbles("a")
    assert scribbles.notes == ()
    assert scribbles.n_strokes == 1


def test_a_huge_plane_costs_what_was_painted():
    book = Book((200_000, 200_000))
    book.paint([[150_000, 150_000], [150_010, 150_020]], 1)
    book.paint([[10, 10], [10, 20]], 2)
    strokes = book.map()
    scribbles = strokes.scribbles("a")
    assert strokes.nbytes < 10_000_000
    assert scribbles.shape == (200_000, 200_000)
    assert scribbles.class_plane((149_990, 149_990, 150_030, 150_040)).max() == 1


def test_undo_of_a_stroke_that_was_lost_does_nothing_and_what_is_no_record_is_refused():
    strokes = StrokeMap(SHAPE)
    strokes.follow(1, {"do": "undo", "act": "gone"})
    assert strokes.scribbles("a").n_px == 0
    with pytest.raises(Problem, match="record 2"):
        strokes.follow(2, {"do": "dance"})
    record = {"do": "paint", "id": "a", "class": 999, "tool": "brush", "radius": 1, "path": [1, 1]}
    with pytest.raises(Problem, match="record 2"):
        strokes.follow(2, record)


def test_a_layer_without_records_says_so():
    with pytest.raises(RuntimeError, match="records"):
        PaintLayer(SHAPE, lambda record: 1).stroke_map()
