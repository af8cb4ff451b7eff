from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum.errors import SettingError
from granum.segment.components import label_components
from granum.separate.drawing import outline_runs, path_runs, runs_box, supercover_runs

SHAPE = (30, 40)
numbers = st.one_of(
    st.integers(-8, 48).map(float), st.floats(-8, 48, allow_nan=False), st.integers(-16, 96).map(lambda n: n / 2)
)
points = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6)


def mask_of(runs, shape=SHAPE):
    mask = np.zeros(shape, bool)
    for y, a, b in zip(*runs, strict=True):
        assert 0 <= a <= b < shape[1]
        assert not mask[y, a : b + 1].any()
        mask[y, a : b + 1] = True
    return mask


def distance_to(path):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    path = np.asarray(path, float)
    nearest = np.full(SHAPE, np.inf)
    for (ay, ax), (by, bx) in zip(path, path[1:] if len(path) > 1 else path, strict=False):
        dy, dx = by - ay, bx - ax
        length = dy * dy + dx * dx
        t = np.clip(((y - ay) * dy + (x - ax) * dx) / length, 0, 1) if length > 0 else 0.0
        nearest = np.minimum(nearest, (y - ay - t * dy) ** 2 + (x - ax - t * dx) ** 2)
    return np.sqrt(nearest)


@given(points, st.one_of(st.integers(0, 9).map(float), st.floats(0, 12)))
def test_a_path_covers_what_lies_within_its_radius_and_the_pixels_under_its_points(path, radius):
    mask, distance, radius = mask_of(path_runs(path, SHAPE, radius=radius)), distance_to(path), max(radius, 0.5)
    under = np.zeros(SHAPE, bool)
    for y, x in np.floor(np.asarray(path) + 0.5).astype(int):
        if 0 <= y < SHAPE[0] and 0 <= x < SHAPE[1]:
            under[y, x] = True
    assert mask[under].all()
    assert mask[distance < radius - 1e-9].all()
    assert not mask[(distance > radius + 1e-9) & ~under].any()


def test_points_at_exactly_the_radius_are_covered():
    mask = mask_of(path_runs([[10, 10]], SHAPE, radius=5))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    assert (mask == ((y - 10) ** 2 + (x - 10) ** 2 <= 25)).all()


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=5))
def test_a_thin_path_has_no_gaps(path):
    mask = mask_of(path_runs(np.clip(path, 0, 29), SHAPE, radius=0))
    assert label_components(mask, connectivity=2).max() == 1


def winding(path, y, x):
    """Winding number of a point off the outline, by angles."""
    angles = np.arctan2(path[:, 0] - y, path[:, 1] - x)
    turns = np.diff(np.append(angles, angles[0]))
    return round(float(((turns + np.pi) % (2 * np.pi) - np.pi).sum() / (2 * np.pi)))


@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=7))
def test_an_outline_covers_its_inside_and_itself(path):
    mask = mask_of(outline_runs(path, SHAPE))
    path = np.asarray(path, float)
    distance = distance_to(np.concatenate([path, path[:1]]))
    for y, x in np.ndindex(SHAPE):
        if distance[y, x] > 1e-6:
            assert mask[y, x] == (winding(path, y, x) != 0)


def test_a_square_of_whole_numbers_has_all_its_sides():
    for path in ([[2, 3], [2, 6], [7, 6], [7, 3]], [[7, 3], [7, 6], [2, 6], [2, 3]]):
        mask = mask_of(outline_runs(path, SHAPE))
        assert mask[2:8, 3:7].all()
        assert mask.sum() == 24


def test_a_diamond_of_whole_numbers_has_all_its_corners():
    mask = mask_of(outline_runs([[5, 10], [10, 5], [15, 10], [10, 15]], SHAPE))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    assert (mask == (abs(y - 10) + abs(x - 10) <= 5)).all()


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=5))
def test_a_cut_covers_every_pixel_that_it_enters(path):
    mask = mask_of(supercover_runs(path, SHAPE))
    path = np.asarray(path, float)
    steps = np.linspace(0, 1, 400)[:, None]
    for a, b in itertools.pairwise(path):
        for y, x in np.floor(a + steps * (b - a) + 0.5).astype(int):
            if 0 <= y < SHAPE[0] and 0 <= x < SHAPE[1]:
                assert mask[y, x]
    # and nothing whose square is away from the path
    assert not mask[distance_to(path) > np.sqrt(0.5) + 1e-9].any()


@given(st.integers(4, 52).map(lambda n: n / 2), st.floats(2, 27))
def test_a_cut_parts_an_image_so_that_not_even_corners_touch(left, right):
    rest = ~mask_of(supercover_runs([[left, -1], [right, 40]], SHAPE))
    parts = label_components(rest, connectivity=2)
    assert parts.max() == 2
    assert (parts[0] == 1).all()
    assert (parts[-1] == 2).all()


def test_a_long_stroke_of_many_points_needs_few_runs():
    path = np.stack([np.linspace(100, 900, 20_000), np.linspace(100, 900, 20_000)], axis=1)
    rows, first, last = path_runs(path, (1000, 1000), radius=50)
    assert len(rows) == 901
    assert runs_box((rows, first, last)) == (50, 50, 951, 951)


def test_what_is_outside_the_image_is_left_out():
    for runs in (path_runs([[-50, -50]], SHAPE, radius=3), outline_runs([[-9, 0], [-9, 5], [-5, 3]], SHAPE)):
        assert len(runs[0]) == 0
        assert runs_box(runs) == (0, 0, 0, 0)


@pytest.mark.parametrize("bad", [[], [[1]], [[1, float("nan")]], [[1e9, 0]], "text", [[1, 2, 3]]])
def test_points_that_are_none_are_refused(bad):
    for draw in (
        lambda: path_runs(bad, SHAPE, radius=1),
        lambda: supercover_runs(bad, SHAPE),
        lambda: outline_runs(bad, SHAPE),
    ):
        with pytest.raises(SettingError, match="points"):
            draw()


@pytest.mark.parametrize("radius", [-1, float("nan"), float("inf")])
def test_a_radius_that_is_none_is_refused(radius):
    with pytest.raises(SettingError, match="radius"):
        path_runs([[1, 1]], SHAPE, radius=radius)
