import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from granum.errors import GranumWarning, SettingError, ShapeError
from granum.samples.live_dead import simulate_live_dead
from granum.samples.live_dead_scene import LiveDeadLook
from granum.segment import find_cell_area


def field(shape=(260, 340), seed=0, at=((80, 90), (180, 240)), radius=38):
    """Brightfield with textured cells, their nuclei, and a stain of the nuclei."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    cells, nuclei = np.zeros(shape, bool), np.zeros(shape, np.int32)
    for number, (v, u) in enumerate(at, 1):
        cells |= np.hypot(y - v, x - u) < radius
        nuclei[np.hypot(y - v, x - u) < 9] = number
    bright = rng.normal(2000, 10, shape)
    bright[cells] += rng.normal(0, 200, cells.sum())
    stain = rng.normal(100, 3, shape) + 400 * (nuclei > 0)
    return bright.round(), stain.round(), nuclei, cells


def iou(one, two):
    return (one & two).sum() / (one | two).sum()


def test_cells_show_by_texture_whatever_gain_and_offset():
    bright, stain, nuclei, cells = field()
    mask, choice = find_cell_area(stain, bright, nuclei)
    assert iou(mask, cells) > 0.9
    assert choice.chosen["source"] == "brightfield"
    assert choice.chosen["share"] == pytest.approx(mask.mean(), abs=1e-6)
    assert f"{100 * mask.mean():.1f} %" in choice.reason
    for changed in (bright * 16, bright * 0.5, bright + 1000, bright.astype(np.uint16), bright.astype(np.float32)):
        assert_array_equal(find_cell_area(stain, changed, nuclei)[0], mask)


@given(st.integers(-40, 40), st.integers(-40, 40), st.integers(0, 3))
def test_shifted_and_flipped_fields_have_shifted_and_flipped_cells(down, right, flip):
    bright, stain, nuclei, _ = field((300, 400), at=((150, 200),))
    turn = (lambda a: a, np.flipud, np.fliplr, np.transpose)[flip]
    # tiles do not move with the picture, so the level may: the mask of a clear cell must not
    moved = [turn(np.roll(plane, (down, right), (0, 1))) for plane in (stain, bright, nuclei)]
    expected = turn(np.roll(find_cell_area(stain, bright, nuclei, min_area=200)[0], (down, right), (0, 1)))
    assert iou(find_cell_area(*moved, min_area=200)[0], expected) > 0.985


def test_the_mask_is_centred_on_the_cells():
    bright, stain, nuclei, cells = field()
    mask, _ = find_cell_area(stain, bright, nuclei)
    assert np.abs(np.argwhere(mask).mean(0) - np.argwhere(cells).mean(0)).max() < 0.3


def test_an_empty_field_has_no_cells():
    rng = np.random.default_rng(3)
    for sd in (0.6, 5, 300):
        bright = rng.normal(4000, sd, (700, 900)).round().astype(np.uint16)
        mask, choice = find_cell_area(np.zeros_like(bright), bright)
        assert not mask.any()
        assert choice.chosen["share"] == 0


def test_vignetting_and_seams_are_no_cells():
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:800, :1000]
    light = 1500 * (1 - 0.35 * (((y - 400) / 400) ** 2 + ((x - 500) / 500) ** 2))
    bright = rng.poisson(light).astype(np.float64)
    bright[:, 333:] += 120
    bright[:, 666:] -= 200
    bright[400:] *= 1.15
    assert not find_cell_area(bright, bright.round())[0].any()


def ring(shape, y0, x0, radius, width=5):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.abs(np.hypot(y - y0, x - x0) - radius) < width


@pytest.mark.parametrize("place", [(0, 0), (0, 339), (259, 0), (259, 339), (0, 170), (259, 170), (130, 0), (130, 339)])
def test_cells_at_every_border_and_corner_are_filled_and_the_background_is_not(place):
    # only the rim of each cell has texture, so that all else is a hole; one lies inside, one at the border
    shape = (260, 340)
    rng = np.random.default_rng(0)
    rims = ring(shape, 130, 170, 40) | ring(shape, *place, 40)
    bright = rng.normal(1000, 5, shape) + rims * rng.normal(0, 200, shape)
    y, x = np.mgrid[:260, :340]
    inside = np.hypot(y - 130, x - 170) < 40
    mask, _ = find_cell_area(bright, bright)
    assert mask[inside].all()
    assert 0.04 < mask.mean() < 0.12
    # a nucleus says how large holes of cells are; the one at the border shows half of its ring, a corner is not sure
    nuclei = np.zeros(shape, np.int32)
    nuclei[np.hypot(y - 130, x - 170) < 18] = 1
    mask, _ = find_cell_area(bright, bright, nuclei)
    assert mask[inside].all()
    at_border = (np.hypot(y - place[0], x - place[1]) < 30).astype(bool)
    corner = place[0] in (0, 259) and place[1] in (0, 339)
    assert mask[at_border].all() != corner
    assert mask.mean() < 0.12


def test_background_that_cells_enclose_is_no_hole():
    shape = (260, 340)
    bright = np.random.default_rng(0).normal(1000, 5, shape)
    wall = ring(shape, 130, 170, 90, 15)
    bright += wall * np.random.default_rng(1).normal(0, 200, shape)
    nuclei = np.zeros(shape, np.int32)
    for number, angle in enumerate(np.linspace(0, 2 * np.pi, 9)[:-1], 1):
        v, u = int(130 + 90 * np.sin(angle)), int(170 + 90 * np.cos(angle))
        nuclei[v - 7 : v + 8, u - 7 : u + 8] = number
    open_, _ = find_cell_area(bright, bright, nuclei)
    assert not open_[130, 170]
    assert iou(open_, wall) > 0.8
    nuclei[130, 170] = 4  # a few pixels of a nucleus elsewhere do not make a gap a cell
    assert not find_cell_area(bright, bright, nuclei)[0][130, 150]
    nuclei[125:136, 165:176] = 9  # now it is the flat middle of one large cell
    assert find_cell_area(bright, bright, nuclei)[0][130, 170]
    assert find_cell_area(bright, bright)[0][130, 170]
    assert not find_cell_area(bright, bright, max_hole_area=100)[0][130, 170]


def test_the_area_limits_what_is_looked_at():
    bright, stain, nuclei, cells = field()
    area = np.zeros(cells.shape, bool)
    area[:, :170] = True
    bright[:, 170:] = 0
    mask, _ = find_cell_area(stain, bright, nuclei, area=area)
    assert not mask[:, 170:].any()
    assert not mask[140:, 150:].any()  # the edge of the area is no cell
    assert iou(mask, cells & area) > 0.9


def test_without_brightfield_a_stain_that_fills_cells_shows_them():
    _, _, nuclei, cells = field()
    calcein = np.random.default_rng(0).normal(100, 5, cells.shape) + 80 * cells
    for stains in ({"live": "Calcein AM"}, None):  # by its name, or because it shows more than the nuclei
        mask, choice = find_cell_area(calcein, None, nuclei, stains)
        assert choice.chosen["source"] == "stain"
        assert iou(mask, cells) > 0.9


def test_without_anything_a_ring_is_a_guess_that_is_told():
    _, stain, nuclei, _ = field()
    with pytest.warns(GranumWarning, match="no channel shows the cells"):
        mask, choice = find_cell_area(stain, None, nuclei, {"live": "Hoechst 33342"})
    assert choice.chosen["source"] == "ring"
    assert 3.5 < mask.sum() / (nuclei > 0).sum() < 4.5  # a ring as wide as the nucleus' radius
    mask, _ = find_cell_area(stain, None, nuclei, source="ring", ring_width=0)
    assert_array_equal(mask, nuclei > 0)


def test_a_field_full_of_cells_is_told():
    bright, stain, nuclei, _ = field()
    with pytest.warns(GranumWarning, match="cells take"):
        find_cell_area(stain, bright, nuclei, offset=0.3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 3)])
def test_small_images_have_a_defined_result(shape):
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    mask, _ = find_cell_area(pixels, pixels, np.zeros(shape, np.int32))
    assert mask.shape == shape
    mask, _ = find_cell_area(pixels)
    assert mask.shape == shape


def test_nonsense_is_refused():
    bright, stain, nuclei, _ = field()
    with pytest.raises(ShapeError, match="brightfield"):
        find_cell_area(stain, bright[:10])
    with pytest.raises(ShapeError, match="labels"):
        find_cell_area(stain, bright, nuclei[:10])
    with pytest.raises(ShapeError, match="brightfield: is missing"):
        find_cell_area(stain, source="brightfield")
    with pytest.raises(ShapeError, match="labels: are missing"):
        find_cell_area(stain, source="ring")
    for name, value in {
        "source": "guess", "closing": "no", "tile": 1, "offset": -1.0, "smoothing": -1.0, "closing_radius": 101.0,
        "opening_radius": -1.0, "min_area": -1, "max_hole_area": -1, "ring_width": -1.0,
    }.items():  # fmt: skip
        with pytest.raises(SettingError, match=name):
            find_cell_area(stain, bright, nuclei, **{name: value})


def test_dead_cells_that_calcein_has_left_keep_a_ring():
    _, _, nuclei, cells = field()
    living = cells.copy()
    living[:, 170:] = False  # the cell of nucleus 2 is dead
    calcein = np.random.default_rng(0).normal(100, 5, cells.shape) + 80 * living
    mask, _ = find_cell_area(calcein, None, nuclei, {"live": "Calcein AM"})
    assert iou(mask[:, :170], living[:, :170]) > 0.9
    ring = mask[:, 170:].sum() / (nuclei == 2).sum()
    assert 3.5 < ring < 4.5


def test_the_published_closing_moves_the_mask_and_the_centred_one_does_not():
    # the texture of one cell, as the gradient shows it; what the published code makes of it lies right and below
    bright, stain, nuclei, cells = field(at=((130, 170),))
    places = []
    for closing in ("centred", "published"):
        mask, _ = find_cell_area(stain, bright, nuclei, closing=closing, min_area=500)
        places.append(np.argwhere(mask).mean(0) - np.argwhere(cells).mean(0))
    assert np.abs(places[0]).max() < 0.3
    assert places[1][1] > 1
    assert places[1][0] > 0.5


def test_outlines_lie_on_the_edge_and_not_where_the_gradient_begins():
    bright, stain, nuclei, cells = field(at=((130, 170),))
    fat, _ = find_cell_area(stain, bright, nuclei, trim=0.0)
    mask, choice = find_cell_area(stain, bright, nuclei)
    assert choice.chosen["trim"] == 1
    assert fat.sum() > 1.04 * cells.sum()
    assert mask.sum() == pytest.approx(cells.sum(), rel=0.02)
    at_frame, _ = find_cell_area(stain[130:], bright[130:], nuclei[130:])
    assert_array_equal(at_frame[2:], mask[132:])  # nothing is eaten from the frame


# number of cells -> area found over true area at least and at most (of the field, where it is empty), and least IoU
COVERS = {0: (0, 0.004, 0), 4: (0.75, 1.4, 0.6), 24: (0.75, 1.2, 0.7), 40: (0.65, 1.2, 0.62), 80: (0.75, 1.2, 0.62),
          140: (0.75, 1.2, 0.66), 300: (0.75, 1.1, 0.75)}  # fmt: skip


@pytest.mark.parametrize("count", [0, 4, 24, 40, 80, 140, 300])
@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_fields_are_found_from_empty_to_covered(count, noise):
    # with 80 cells and more hardly any tile is empty, and the usual one is as steep as cells are: 0.3 % of the area of
    # cells were found by it
    least, most, least_iou = COVERS[count]
    for dtype in ("uint16", "uint8"):
        made = simulate_live_dead(size=512, count=count, seed=1, look=LiveDeadLook(dtype=dtype, noise=noise))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GranumWarning)
            mask, choice = find_cell_area(made.live, made.brightfield, made.nuclei)
        if count == 0:
            assert mask.mean() < most
            assert choice.chosen["background"] == "tiles"
            continue
        true = made.cell_mask.mean()
        assert least * true < mask.mean() < most * true
        assert iou(mask, made.cell_mask) > least_iou
        if count <= 24:
            assert choice.chosen["background"] == "tiles"


def test_covered_fields_do_not_change_with_gain_and_offset():
    made = simulate_live_dead(size=384, count=80, seed=2)
    bright = made.brightfield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GranumWarning)
        mask, choice = find_cell_area(made.live, bright, made.nuclei)
        assert choice.chosen["background"] != "tiles"
        assert mask.any()
        for changed in (bright * 0.5, bright.astype(np.int32) * 16, bright.astype(np.int32) + 1000):
            assert_array_equal(find_cell_area(made.live, changed, made.nuclei)[0], mask)


def test_a_layer_without_a_gap_is_told():
    made = simulate_live_dead(size=384, count=300, seed=1)
    with pytest.warns(GranumWarning, match="nothing in the brightfield channel looks like background"):
        mask, choice = find_cell_area(made.live, made.brightfield, made.nuclei)
    assert choice.chosen["background"] == "not seen"
    assert mask.mean() > 0.8
