from __future__ import annotations

import numpy as np
import pytest

from granum.image import PixelSize
from granum.object_table import COLUMNS, FLAGS, flag_names, named_columns


@pytest.fixture
def objects():
    return {
        "label": np.array([1, 2]),
        "area": np.array([10, 20]),
        "ecd": np.array([3.5, 5.0]),
        "bbox_height": np.array([4, 6]),
        "bbox_width": np.array([5, 7]),
        "y": np.array([1.0, 2.0]),
        "flags": np.array([0, 3]),
        "shell": np.array([0.1, 0.2]),
    }


def test_flags_are_powers_of_two_and_each_has_a_meaning():
    bits = [bit for bit, _ in FLAGS.values()]
    assert bits == [2**n for n in range(len(bits))]
    assert all(meaning.endswith(".") for _, meaning in FLAGS.values())


def test_columns_are_found_under_their_own_name_and_explained():
    for name, column in COLUMNS.items():
        assert column.name == name
        assert column.meaning.endswith(".")


def test_flag_bits_become_names():
    assert flag_names(0) == ""
    assert flag_names(1) == "touches_border"
    assert flag_names(1 | 8) == "touches_border|saturated"


def test_without_a_pixel_size_there_is_no_physical_column(objects):
    named = named_columns(objects, None)
    assert list(named) == ["label", "y", "area_px", "ecd_px", "bbox_height_px", "bbox_width_px", "flags", "shell"]
    assert named["flags"].tolist() == ["", "touches_border|was_split"]


def test_a_pixel_size_adds_its_unit_and_leaves_the_pixels(objects):
    named = named_columns(objects, PixelSize(2, 2, "um", "typed"))
    assert named["area_um2"].tolist() == [40, 80]
    assert named["ecd_um"].tolist() == [7, 10]
    assert named["ecd_px"].tolist() == [3.5, 5]
    assert "y_um" not in named


def test_oblong_pixels_scale_each_way_by_its_own_side(objects):
    named = named_columns(objects, PixelSize(1, 4, "nm", "file"))
    assert named["area_nm2"].tolist() == [40, 80]
    assert named["ecd_nm"].tolist() == [7, 10]
    assert named["bbox_height_nm"].tolist() == [4, 6]
    assert named["bbox_width_nm"].tolist() == [20, 28]


def test_columns_stand_in_the_order_of_the_schema(objects):
    backwards = dict(reversed(objects.items()))
    assert list(named_columns(backwards, None)) == list(named_columns(objects, None))
