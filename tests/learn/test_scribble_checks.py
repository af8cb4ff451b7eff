from __future__ import annotations

import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.learn import PixelClass, make_scribbles
from granum.learn.scribble_checks import check_classes, check_scribbles, fit_scribbles, name_classes


def painted(*strokes, name="a", names=None):
    """Strokes (class, row, pixels)."""
    plane = np.zeros((100, 100), np.uint8)
    for class_id, row, n_px in strokes:
        plane[row, :n_px] = class_id
    return make_scribbles(plane, name=name, names=names)


def test_two_classes_with_two_strokes_each_are_fine_and_nothing_is_said():
    used, notes = check_scribbles([painted((1, 0, 50), (1, 4, 50), (2, 8, 50), (2, 12, 50))])
    assert used == (PixelClass(1, "class 1"), PixelClass(2, "class 2"))
    assert notes == []


def test_nothing_and_one_class_only_are_refused_with_what_to_do():
    with pytest.raises(SettingError, match="nothing is painted; paint at least one stroke"):
        check_scribbles([])
    with pytest.raises(SettingError, match="nothing is painted"):
        check_scribbles([painted()])
    with pytest.raises(SettingError, match=r"only .pore. is painted; paint .* second class"):
        check_scribbles([painted((3, 0, 9)), painted((3, 0, 9))], [PixelClass(3, "pore"), PixelClass(1, "grain")])


def test_a_class_without_a_stroke_on_any_image_is_left_out_and_it_is_said():
    classes = [PixelClass(1, "grain"), PixelClass(2, "pore"), PixelClass(3, "crack")]
    used, notes = check_scribbles([painted((1, 0, 50), (1, 2, 50)), painted((2, 0, 50), (2, 2, 50))], classes)
    assert [one.id for one in used] == [1, 2]
    assert notes == ["'crack' has no stroke; the model will not know it."]


def test_a_single_pixel_and_a_single_stroke_are_learnt_from_with_a_note():
    _, notes = check_scribbles([painted((1, 0, 1), (2, 3, 50))])
    assert len(notes) == 2
    assert "'class 1' has 1 painted pixel in all" in notes[0]
    assert "'class 2' has one stroke only" in notes[1]


def test_numbers_of_objects_are_told_from_classes():
    _, notes = check_scribbles([painted(*[(n, 3 * n, 50) for n in range(1, 8)])])
    assert "look like numbers of objects" in notes[-1]
    _, notes = check_scribbles([painted(*[(n, 6 * n + d, 50) for n in range(1, 8) for d in (0, 3)])])
    assert notes == []


def test_names_come_from_the_user_then_from_the_strokes_then_from_the_number():
    scribbles = painted(
        (1, 0, 9), (2, 3, 9), (3, 6, 9), names={1: PixelClass(1, "x"), 2: PixelClass(2, "y", "#00ff00")}
    )
    named = name_classes([scribbles], [PixelClass(1, "grain")])
    assert [one.name for one in named] == ["grain", "y", "class 3"]


def test_two_files_that_name_one_number_differently_are_refused_unless_the_user_says_which():
    one = painted((1, 0, 9), names={1: PixelClass(1, "grain")})
    other = painted((1, 0, 9), name="b", names={1: PixelClass(1, "pore")})
    with pytest.raises(SettingError, match="class 1 is 'grain' on a and 'pore' on b"):
        name_classes([one, other])
    assert name_classes([one, other], [PixelClass(1, "phase")])[0].name == "phase"


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ([PixelClass(0, "a")], "number 0"),
        ([PixelClass(256, "a")], "number 256"),
        ([PixelClass(1, "a"), PixelClass(1, "b")], "two names"),
        ([PixelClass(1, "a"), PixelClass(2, "a")], "two numbers"),
    ],
)
def test_lists_of_classes_that_cannot_be_are_refused(classes, words):
    with pytest.raises(SettingError, match=words):
        check_classes(classes)


def test_strokes_of_another_size_are_refused_with_both_sizes():
    with pytest.raises(ShapeError, match="100 x 100 pixels, the image has 50 x 100"):
        fit_scribbles(painted((1, 0, 9)), np.zeros((1, 50, 100)))


def test_strokes_on_an_information_bar_and_on_nan_are_left_out_and_counted():
    image = np.ones((2, 100, 100), np.float32)
    image[1, 0, :4] = np.nan
    image[0, 0, 8] = np.inf
    area = np.ones((100, 100), np.bool_)
    area[90:] = False
    fitted = fit_scribbles(painted((1, 0, 9), (2, 50, 9), (2, 95, 7)), image, area=area)
    assert fitted.n_px == 4 + 9
    assert "7 painted pixels lie outside the analysed area" in fitted.notes[0]
    assert "5 painted pixels are not numbers" in fitted.notes[1]


def test_what_fits_is_handed_back_as_it_is():
    scribbles = painted((1, 0, 9))
    assert fit_scribbles(scribbles, np.zeros((3, 100, 100), np.uint16)) is scribbles
