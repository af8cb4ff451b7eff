from __future__ import annotations

import numpy as np
import pytest

from granum.errors import ShapeError
from granum.learn import PixelClass, Scribbles, make_scribbles


def two_strokes():
    plane = np.zeros((40, 60), np.uint8)
    plane[5, 10:20] = 1
    plane[20:30, 40] = 2
    return plane


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.uint64, ">u2", ">i4"])
def test_planes_of_every_integer_type_give_the_same_strokes(dtype):
    scribbles = make_scribbles(two_strokes().astype(dtype), name="a")
    np.testing.assert_array_equal(scribbles.class_plane(), two_strokes())
    assert (scribbles.class_ids.dtype, scribbles.strokes.dtype, scribbles.y.dtype) == (np.uint8, np.int32, np.int32)
    assert [(one.stroke, one.class_id, one.n_px) for one in scribbles.counts()] == [(1, 1, 10), (2, 2, 10)]


def test_pieces_of_one_class_that_touch_by_a_corner_are_one_stroke_and_apart_two():
    plane = np.zeros((10, 10), np.uint8)
    plane[1, 1] = plane[2, 2] = plane[7, 7] = 1
    plane[2, 3] = 2
    numbers = make_scribbles(plane, name="a").stroke_plane()
    assert numbers[1, 1] == numbers[2, 2] == 1
    assert numbers[7, 7] == 2
    assert numbers[2, 3] == 3


def test_windows_are_cut_out_of_the_planes():
    scribbles = make_scribbles(two_strokes(), name="a")
    np.testing.assert_array_equal(scribbles.class_plane((3, 15, 25, 45)), two_strokes()[3:25, 15:45])
    np.testing.assert_array_equal(scribbles.stroke_plane((21, 0, 22, 60)), scribbles.stroke_plane()[21:22])


def test_given_stroke_numbers_are_kept():
    numbers = np.where(two_strokes() == 1, 7, 3)
    numbers[5, 15:] = 9
    scribbles = make_scribbles(two_strokes(), name="a", strokes=numbers)
    assert [(one.stroke, one.class_id, one.n_px) for one in scribbles.counts()] == [(3, 2, 10), (7, 1, 5), (9, 1, 5)]


def test_pixels_in_any_order_are_sorted_and_of_two_the_last_wins():
    scribbles = Scribbles.from_pixels(
        "a",
        (10, 10),
        y=np.array([5, 1, 5]),
        x=np.array([5, 9, 5]),
        class_ids=np.array([1, 2, 3]),
        strokes=np.array([1, 2, 3]),
    )
    assert scribbles.y.tolist() == [1, 5]
    assert scribbles.class_ids.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": np.array([10, 0])}, "outside the image of 10 x 10"),
        ({"x": np.array([-1, 0])}, "outside the image"),
        ({"class_ids": np.array([0, 1])}, "class ids go from 0 to 1"),
        ({"class_ids": np.array([1, 256])}, "1 to 256"),
        ({"strokes": np.array([0, 1])}, "stroke numbers"),
        ({"strokes": np.array([4, 4])}, "stroke 4 has pixels of two classes"),
        ({"y": np.array([1])}, "entries"),
    ],
)
def test_pixels_that_cannot_be_are_refused_with_a_sentence(change, words):
    columns = {"y": np.array([1, 2]), "x": np.array([1, 2]), "class_ids": np.array([1, 2]), "strokes": np.array([1, 2])}
    with pytest.raises(ShapeError, match=words):
        Scribbles.from_pixels("a", (10, 10), **(columns | change))


@pytest.mark.parametrize(
    ("plane", "words"),
    [
        (np.zeros((4, 4, 3), np.uint8), "plane"),
        (np.zeros((4, 4)), "float64"),
        (np.full((4, 4), -2), "number -2"),
        (np.full((4, 4), 300), "number 300.*objects"),
    ],
)
def test_planes_that_are_none_are_refused(plane, words):
    with pytest.raises(ShapeError, match=words):
        make_scribbles(plane, name="a")
    with pytest.raises(ShapeError, match="stroke numbers are a"):
        make_scribbles(two_strokes(), name="a", strokes=np.ones((3, 3), int))


def test_nothing_painted_is_no_error_here_and_a_single_pixel_is_a_stroke():
    assert make_scribbles(np.zeros((5, 5), np.uint8), name="a").n_strokes == 0
    plane = np.zeros((5, 5), np.uint8)
    plane[4, 4] = 255
    scribbles = make_scribbles(plane, name="a", names={255: PixelClass(255, "speck")})
    assert (scribbles.n_px, scribbles.n_strokes, scribbles.names[255].name) == (1, 1, "speck")


def test_kept_pixels_carry_the_notes_on():
    scribbles = make_scribbles(two_strokes(), name="a", notes=("one",))
    kept = scribbles.keep(scribbles.class_ids == 2, notes=("two",))
    assert (kept.n_px, kept.notes) == (10, ("one", "two"))
