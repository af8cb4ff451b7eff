from __future__ import annotations

import pytest

from granum.app.stroke_digest import all_strokes, plane_strokes
from granum.learn import Scribbles

PLANE = ("a" * 16, 0, 0)
PAINTED = {"y": [1, 2], "x": [3, 4], "class_ids": [1, 2], "strokes": [1, 2]}


def digest(plane=PLANE, **changes):
    return plane_strokes(plane, Scribbles.from_pixels("a.tif", (10, 12), **(PAINTED | changes)))


def test_the_same_pixels_are_the_same_strokes_whatever_their_numbers():
    assert digest() == digest(strokes=[5, 3])


@pytest.mark.parametrize(
    "other",
    [{"y": [1, 3]}, {"x": [3, 5]}, {"class_ids": [2, 2]}, {"plane": (PLANE[0], 1, 0)}, {"plane": ("b" * 16, 0, 0)}],
)
def test_another_pixel_class_or_plane_is_another_digest(other):
    assert digest(**other) != digest()


def test_the_order_of_planes_does_not_count_and_their_number_does():
    assert all_strokes(["a", "b"]) == all_strokes(["b", "a"])
    assert len({all_strokes([]), all_strokes(["a"]), all_strokes(["a", "b"])}) == 3
