from __future__ import annotations

from granum.learn.class_colours import CLASS_COLOURS, colour_classes
from granum.learn.scribbles import PixelClass


def test_a_class_keeps_its_colour_and_another_gets_the_one_of_its_id():
    given = [PixelClass(1, "a", "#abcdef"), PixelClass(2, "b"), PixelClass(12, "c", "red; evil")]
    assert [one.colour for one in colour_classes(given)] == ["#abcdef", CLASS_COLOURS[1], CLASS_COLOURS[1]]
    assert colour_classes(colour_classes(given)) == colour_classes(given)
