import numpy as np
import pytest
from numpy.testing import assert_array_equal

from granum.errors import SettingError, ShapeError
from granum.segment import paint_stain_classes


def field():
    """Two cells side by side, cut by the frame on the left and below; nucleus 2 is dead."""
    cells = np.zeros((8, 12), np.int32)
    cells[2:, 0:5], cells[2:, 5:9] = 1, 2
    nuclei = np.zeros_like(cells)
    nuclei[4:6, 1:3], nuclei[4:6, 6:8] = 1, 2
    return (
        nuclei,
        cells,
        {"label": np.array([1, 2]), "state": np.array(["live", "dead"]), "p_dead": np.array([0.1, 0.9])},
    )


def test_five_classes_the_later_over_the_earlier():
    nuclei, cells, objects = field()
    classes, legend = paint_stain_classes(nuclei, cells, objects)
    expected = np.array([
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0],
        [1, 1, 1, 1, 2, 2, 1, 1, 2, 0, 0, 0],
        [1, 3, 3, 1, 2, 2, 4, 4, 2, 0, 0, 0],
        [1, 3, 3, 1, 2, 2, 4, 4, 2, 0, 0, 0],
        [1, 1, 1, 1, 2, 2, 1, 1, 2, 0, 0, 0],
        [1, 1, 1, 1, 2, 2, 1, 1, 2, 0, 0, 0],
    ])  # fmt: skip
    assert classes.dtype == np.uint8
    assert_array_equal(classes, expected)
    assert [(one.id, one.name) for one in legend] == [
        (1, "cell"), (2, "outline"), (3, "live nucleus"), (4, "dead nucleus"),
    ]  # fmt: skip
    assert len({one.colour for one in legend}) == 4


def test_what_neither_stain_tells_is_painted_as_cell():
    nuclei, cells, objects = field()
    objects = {"label": objects["label"], "state": np.array(["unclear", "dead"]), "p_dead": np.array([np.nan, 0.9])}
    assert set(np.unique(paint_stain_classes(nuclei, cells, objects)[0])) == {0, 1, 2, 4}
    del objects["state"]
    assert set(np.unique(paint_stain_classes(nuclei, cells, objects)[0])) == {0, 1, 2, 4}


def test_outlines_may_be_wider_or_left_out_and_stay_in_their_cell():
    nuclei, cells, objects = field()
    none, _ = paint_stain_classes(nuclei, cells, objects, outline_width=0)
    assert not (none == 2).any()
    wide, _ = paint_stain_classes(nuclei, cells, objects, outline_width=2)
    assert not (wide[cells == 0]).any()
    assert (wide[2:4, :9] == 2).all()
    assert (wide[6:, 0] == 1).all()


def test_states_come_from_the_column_or_from_a_level_of_the_probability():
    nuclei, cells, objects = field()
    strict, _ = paint_stain_classes(nuclei, cells, objects, min_p_dead=0.95)
    assert not (strict == 4).any()
    del objects["state"]
    classes, _ = paint_stain_classes(nuclei, cells, objects)
    assert_array_equal(classes == 4, nuclei == 2)


def test_rows_may_come_in_any_order():
    nuclei, cells, objects = field()
    turned = {name: column[::-1] for name, column in objects.items()}
    assert_array_equal(paint_stain_classes(nuclei, cells, turned)[0], paint_stain_classes(nuclei, cells, objects)[0])


def test_an_empty_field_is_background():
    nothing = np.zeros((5, 7), np.int32)
    objects = {"label": np.zeros(0, int), "state": np.zeros(0, "U4")}
    classes, _ = paint_stain_classes(nothing, nothing, objects)
    assert not classes.any()


def test_what_does_not_fit_is_refused():
    nuclei, cells, objects = field()
    with pytest.raises(ShapeError, match="no row of nucleus 2"):
        paint_stain_classes(nuclei, cells, {name: column[:1] for name, column in objects.items()})
    with pytest.raises(ShapeError, match="'p_dead'"):
        paint_stain_classes(nuclei, cells, {"label": np.array([1, 2])})
    with pytest.raises(SettingError, match="'dying'"):
        paint_stain_classes(nuclei, cells, objects | {"state": np.array(["live", "dying"])})
    with pytest.raises(ShapeError, match="cells"):
        paint_stain_classes(nuclei, cells[:4], objects)
    with pytest.raises(SettingError, match="outline_width"):
        paint_stain_classes(nuclei, cells, objects, outline_width=-1)
    with pytest.raises(SettingError, match="min_p_dead"):
        paint_stain_classes(nuclei, cells, objects, min_p_dead=2.0)
    with pytest.raises(ShapeError, match="labels start at 1"):
        paint_stain_classes(nuclei, cells, objects | {"label": np.array([0, 2])})
