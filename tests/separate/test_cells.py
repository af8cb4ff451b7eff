import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from granum.errors import GranumWarning, SettingError, ShapeError
from granum.segment import label_components
from granum.separate import grow_cells

STEPS = {
    (dy, dx): cost
    for cost, ways in ((5, [(0, 1)]), (7, [(1, 1)]), (11, [(1, 2), (2, 1)]))
    for a, b in ways
    for dy, dx in {(a, b), (a, -b), (-a, b), (-a, -b), (b, a), (-b, a), (b, -a), (-b, -a)}
}


def plain_lengths(nuclei, area):
    """Dijkstra over single pixels, with a heap."""
    open_ = area | (nuclei > 0)
    height, width = nuclei.shape
    lengths = np.full(nuclei.shape, np.inf)
    heap = [(0, y, x) for y, x in np.argwhere(nuclei > 0)]
    while heap:
        length, y, x = heapq.heappop(heap)
        if length >= lengths[y, x]:
            continue
        lengths[y, x] = length
        for (dy, dx), cost in STEPS.items():
            v, u = y + dy, x + dx
            if not (0 <= v < height and 0 <= u < width) or not open_[v, u]:
                continue
            if cost == 7 and not (open_[y, u] or open_[v, x]):
                continue
            if abs(dy) == 2 and not (open_[y + dy // 2, x] and open_[y + dy // 2, u]):
                continue
            if abs(dx) == 2 and not (open_[y, x + dx // 2] and open_[v, x + dx // 2]):
                continue
            heapq.heappush(heap, (length + cost, v, u))
    return lengths


@st.composite
def fields(draw):
    """Nuclei, 1..K without gaps, each in one piece, and an area that may miss them."""
    shape = draw(st.tuples(st.integers(1, 14), st.integers(1, 14)))
    mask = draw(arrays(bool, shape, elements=st.sampled_from([False] * 7 + [True])))
    area = draw(arrays(bool, shape, elements=st.sampled_from([False, True, True])))
    return label_components(mask), area


@pytest.mark.filterwarnings("ignore::granum.errors.GranumWarning")
@given(fields())
def test_every_nucleus_keeps_its_number_its_pixels_and_one_cell_in_one_piece(field):
    nuclei, area = field
    cells = grow_cells(nuclei, area)
    assert_array_equal(cells[nuclei > 0], nuclei[nuclei > 0])
    assert_array_equal(np.unique(cells[cells > 0]), np.unique(nuclei[nuclei > 0]))
    assert not cells[~area & (nuclei == 0)].any()
    for label in np.unique(cells[cells > 0]):
        assert label_components(cells == label, connectivity=2).max() == 1
    # what is left lies where no nucleus comes
    assert_array_equal(cells > 0, np.isfinite(plain_lengths(nuclei, area)))


@pytest.mark.filterwarnings("ignore::granum.errors.GranumWarning")
@given(fields())
def test_flipped_and_shifted_fields_have_flipped_and_shifted_cells(field):
    nuclei, area = field
    cells = grow_cells(nuclei, area)
    for turn in (np.flipud, np.fliplr, np.transpose):
        assert_array_equal(grow_cells(turn(nuclei), turn(area)), turn(cells))
    around = ((3, 1), (0, 2))
    assert_array_equal(grow_cells(np.pad(nuclei, around), np.pad(area, around)), np.pad(cells, around))


@pytest.mark.filterwarnings("ignore::granum.errors.GranumWarning")
@given(fields())
def test_a_limit_is_the_length_of_the_way(field):
    nuclei, area = field
    lengths = plain_lengths(nuclei, area) / 5
    for limit in (0, 1, 2.5, 6):
        assert_array_equal(grow_cells(nuclei, area, max_distance=limit) > 0, lengths <= limit)


def test_the_border_lies_half_way_between_nuclei_in_any_direction():
    y, x = np.mgrid[:201, :201] - 100
    for angle in np.deg2rad([0, 10, 22.5, 45, 70, 90]):
        across = np.cos(angle) * x + np.sin(angle) * y
        along = -np.sin(angle) * x + np.cos(angle) * y
        nuclei = np.zeros(x.shape, np.int32)
        nuclei[(across + 40) ** 2 + along**2 < 64] = 1
        nuclei[(across - 40) ** 2 + along**2 < 64] = 2
        cells = grow_cells(nuclei, np.hypot(across, along) < 95)
        inside = (np.abs(along) < 60) & (np.abs(across) < 30)
        wrong = (cells != np.where(across < 0, 1, 2)) & inside
        assert np.abs(across[wrong]).max(initial=0) < 3


def test_the_way_goes_through_the_area_and_not_across_the_gap():
    nuclei = np.zeros((9, 40), np.int32)
    nuclei[1, 1], nuclei[7, 38] = 1, 2
    area = np.zeros(nuclei.shape, bool)
    area[0:3], area[6:9], area[:, 36:] = True, True, True
    cells = grow_cells(nuclei, area)
    assert cells[7, 0] == 2  # nucleus 1 is six pixels away, but on the other bank
    assert cells[0, 15] == 1


def test_equally_near_nuclei_share_by_number():
    assert_array_equal(grow_cells([[2, 0, 0, 0, 1]], np.ones((1, 5), bool)), [[2, 2, 1, 1, 1]])


def test_a_way_may_be_longer_than_a_byte_and_wind():
    area = np.zeros((41, 400), bool)
    area[::4] = True
    area[:, 0][2::8], area[:, -1][2::8] = False, False
    for row in range(0, 40, 4):
        area[row : row + 4, -1 if row % 8 == 0 else 0] = True
    nuclei = np.zeros(area.shape, np.int32)
    nuclei[0, 0] = 1
    assert_array_equal(grow_cells(nuclei, area) > 0, area)


def test_nuclei_outside_the_area_keep_their_own_pixels_and_are_told():
    nuclei = np.zeros((20, 20), np.int32)
    nuclei[2:5, 2:5], nuclei[12:15, 12:15] = 1, 2
    area = np.zeros((20, 20), bool)
    area[10:18, 10:18] = True
    with pytest.warns(GranumWarning, match=r"1 of 2 nuclei lie outside the cell area \(labels 1\)"):
        cells = grow_cells(nuclei, area)
    assert_array_equal(cells == 1, nuclei == 1)
    assert_array_equal(cells == 2, area)


def test_no_nucleus_is_no_cell_and_no_warning():
    assert not grow_cells(np.zeros((5, 5), np.int32), np.ones((5, 5), bool)).any()


def test_input_is_not_changed_and_nonsense_is_refused():
    nuclei, area = np.zeros((4, 6), np.int32), np.ones((4, 6), bool)
    nuclei[1, 1] = 1
    before = nuclei.copy()
    grow_cells(nuclei, area)
    assert_array_equal(nuclei, before)
    with pytest.raises(ShapeError, match="cell_mask"):
        grow_cells(nuclei, area[:3])
    with pytest.raises(SettingError, match="max_distance"):
        grow_cells(nuclei, area, max_distance=-1)
