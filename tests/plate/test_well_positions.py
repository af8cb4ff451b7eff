from __future__ import annotations

import pytest

from granum.errors import SettingError
from granum.plate.well_positions import format_well, plate_size, well_position


def test_every_well_of_a_1536_well_plate_is_written_and_read_back():
    names = [format_well(row, column) for row in range(1, 33) for column in range(1, 49)]
    assert len(set(names)) == 1536
    assert [well_position(name) for name in names] == [(row, column) for row in range(1, 33) for column in range(1, 49)]
    assert names[0] == "A01"
    assert names[-1] == "AF48"


@pytest.mark.parametrize("text", ["AG1", "A0", "A49", "A100", "", "3B", "ABC1", "Ä1", "A١"])
def test_what_is_no_well_has_no_place(text):
    assert well_position(text) == (0, 0)


def test_spellings_of_one_well():
    assert {well_position(text) for text in ("b3", "B03", " B 3 ", "B-3", "B003")} == {(2, 3)}


def test_the_smallest_plate_that_holds_all():
    sizes = [plate_size([well]) for well in ("B03", "C04", "D06", "F08", "H12", "P24", "AF48")]
    assert sizes == [6, 12, 24, 48, 96, 384, 1536]
    assert plate_size([]) == 6


def test_a_place_beyond_every_plate_is_refused():
    with pytest.raises(SettingError, match="row 33"):
        format_well(33, 1)
