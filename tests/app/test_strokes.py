from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from granum.app import strokes as strokes_file
from granum.app.paint_messages import Stroke
from granum.app.problems import Problem
from granum.app.strokes import FARTHEST_FILL, check_points, cover, fill, quantise, split_runs
from granum.app.tiles import TILE

SHAPE = (40, 1050)  # three tiles wide
coordinates = st.tuples(st.floats(-20, 60, allow_nan=False), st.floats(480, 560) | st.floats(-20, 30))
radii = st.floats(0, 30)


def to_mask(runs, shape):
    mask = np.zeros(shape, bool)
    for row, first, last in zip(*runs, strict=True):
        assert not mask[row, first : last + 1].any()
        mask[row, first : last + 1] = True
    return mask


def from_tiles(pieces, shape):
    mask = np.zeros(shape, bool)
    for (y, x), runs in pieces.items():
        for row, first, last in runs.astype(int):
            mask[y * TILE + row, x * TILE + first : x * TILE + last + 1] = True
    return mask


def near_path(path, radius, shape):
    """The rule of the brush, pixel by pixel."""
    ys, xs = np.mgrid[: shape[0], : shape[1]].astype(float)
    mask = np.zeros(shape, bool)
    radius = max(radius, 0.5)
    for a, b in zip(path, np.concatenate([path[1:], path[-1:]]), strict=True):
        dy, dx = b - a
        length = dy * dy + dx * dx
        t = np.clip(((ys - a[0]) * dy + (xs - a[1]) * dx) / length, 0, 1) if length else 0.0
        ey, ex = ys - (a[0] + t * dy), xs - (a[1] + t * dx)
        mask |= ey * ey + ex * ex <= radius * radius
    for y, x in np.floor(path + 0.5).astype(int):
        if 0 <= y < shape[0] and 0 <= x < shape[1]:
            mask[y, x] = True
    return mask


def winding(path, shape):
    """Pixel centres with a winding number that is not 0; coordinates times 64 are integers, so this is exact."""
    corners = np.round(path * 64).astype(np.int64)
    ys, xs = (64 * np.mgrid[: shape[0], : shape[1]]).astype(np.int64)
    number = np.zeros(shape, np.int64)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        side = (b[1] - a[1]) * (ys - a[0]) - (xs - a[1]) * (b[0] - a[0])
        number += (a[0] <= ys) & (b[0] > ys) & (side > 0)
        number -= (a[0] > ys) & (b[0] <= ys) & (side < 0)
    return number != 0


@settings(max_examples=150, deadline=None)
@given(points=st.lists(coordinates, min_size=1, max_size=6), radius=radii)
def test_a_brush_covers_what_lies_within_its_radius(points, radius):
    path = quantise(value for point in points for value in point).reshape(-1, 2)
    radius = float(quantise([radius])[0])
    runs = cover("brush", path, radius, SHAPE)
    expected = near_path(path, radius, SHAPE)
    np.testing.assert_array_equal(to_mask(runs, SHAPE), expected)
    np.testing.assert_array_equal(from_tiles(split_runs(runs), SHAPE), expected)


@settings(max_examples=150, deadline=None)
@given(points=st.lists(coordinates, min_size=3, max_size=7))
def test_a_polygon_covers_its_inside_and_its_outline(points):
    path = quantise(value for point in points for value in point).reshape(-1, 2)
    runs = cover("polygon", path, 0.0, SHAPE)
    expected = winding(path, SHAPE) | near_path(np.concatenate([path, path[:1]]), 0.5, SHAPE)
    np.testing.assert_array_equal(to_mask(runs, SHAPE), expected)


@settings(max_examples=100, deadline=None)
@given(points=st.lists(st.tuples(st.floats(0, 39), st.floats(0, 39)), min_size=1, max_size=5))
def test_the_thinnest_brush_is_one_connected_line(points):
    path = quantise(value for point in points for value in point).reshape(-1, 2)
    mask = to_mask(cover("brush", path, 0.0, (40, 40)), (40, 40))
    assert ndimage.label(mask, np.ones((3, 3)))[1] == 1
    np.testing.assert_array_equal(mask, to_mask(cover("brush", path, 0.5, (40, 40)), (40, 40)))


def test_points_are_rounded_to_64ths_and_stay_when_rounded_again():
    values = quantise([0.1, -0.1, 1 / 128, 12345.678])
    np.testing.assert_array_equal(values * 64, [6, -6, 1, 790123])
    np.testing.assert_array_equal(quantise(values), values)


def test_runs_are_cut_at_the_borders_of_tiles():
    pieces = split_runs(cover("brush", np.array([[511.5, 10.0], [511.5, 1100.0]]), 1.0, (2000, 2000)))
    assert sorted(pieces) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert all(piece.max() < TILE and piece.dtype == np.uint16 for piece in pieces.values())
    assert split_runs(cover("brush", np.array([[-50.0, -50.0]]), 3.0, (100, 100))) == {}


def make_stroke(**changes):
    return Stroke(**({"id": "a", "tool": "brush", "class_id": 1, "radius": 3, "points": [[5, 5]]} | changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"points": [[0, 0], [0, 1e6]]}, r"points: x is 1e\+06, must lie in -4096\.\.4295"),
        ({"points": [[-5000, 0]]}, r"points: y is -5000, must lie in -4096\.\.4195"),
        ({"tool": "polygon", "points": [[0, 0], [0, 9]]}, r"2 are given, a polygon takes 3\.\.20000"),
        ({"tool": "fill", "points": [[0, 0], [0, 9]]}, r"2 are given, a fill takes 1\.\.1"),
        ({"radius": 2000, "points": [[0, 0]] * 20_000}, "crosses 80020000 rows of pixels, at most 20000000"),
    ],
)
def test_absurd_points_are_refused_with_the_range(changes, told):
    with pytest.raises(Problem, match=told) as caught:
        check_points(make_stroke(**changes), (100, 200))
    assert caught.value.status == 422


def test_points_beside_the_image_are_fine():
    check_points(make_stroke(points=[[-100, -100], [300, 300]]), (100, 200))


def reader(plane):
    return lambda y0, x0, y1, x1: plane[y0:y1, x0:x1].copy()


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_fill_is_the_region_of_equal_class_joined_by_edges(data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    plane = (np.random.default_rng(seed).random((60, 70)) > 0.4).astype(np.uint8) * 3
    y, x = data.draw(st.integers(0, 59)), data.draw(st.integers(0, 69))
    runs = fill(reader(plane), [y + 0.49, x - 0.5], plane.shape)
    regions = ndimage.label(plane == plane[y, x])[0]
    np.testing.assert_array_equal(to_mask(runs, plane.shape), regions == regions[y, x])
    assert (np.diff(runs[0]) >= 0).all()


@pytest.mark.parametrize("reach", [60, 128, 129, 1000, 1025, FARTHEST_FILL])
def test_fill_goes_as_far_as_the_region_goes(reach):
    plane = np.zeros((3, 2 * FARTHEST_FILL + 100), np.uint8)
    start = FARTHEST_FILL + 50
    plane[:, start - reach - 1] = plane[:, start + reach + 1] = 1
    runs = fill(reader(plane), [1, start], plane.shape)
    np.testing.assert_array_equal(runs, [[0, 1, 2], [start - reach] * 3, [start + reach] * 3])


def test_a_region_that_goes_on_farther_is_refused():
    plane = np.zeros((3, 2 * FARTHEST_FILL + 100), np.uint8)
    plane[:, 10] = 1
    with pytest.raises(Problem, match="not closed within 4096 px") as caught:
        fill(reader(plane), [1, 11 + FARTHEST_FILL + 1], plane.shape)
    assert (caught.value.status, caught.value.code) == (422, "not_closed")
    with pytest.raises(Problem, match="not closed"):
        fill(reader(np.zeros((2 * FARTHEST_FILL, 2), np.uint8)), [FARTHEST_FILL - 2, 0], (2 * FARTHEST_FILL, 2))


def test_the_edge_of_the_image_closes_a_region():
    plane = np.zeros((FARTHEST_FILL + 1, 4), np.uint8)
    assert len(fill(reader(plane), [0, 0], plane.shape)[0]) == FARTHEST_FILL + 1


def test_fill_outside_the_image_and_of_grain_is_refused(monkeypatch):
    plane = np.zeros((5, 5), np.uint8)
    with pytest.raises(Problem, match="y 5, x 0, outside the image of 5 x 5"):
        fill(reader(plane), [4.5, 0], plane.shape)
    monkeypatch.setattr(strokes_file, "_MOST_RUNS", 4)
    with pytest.raises(Problem, match="more than 4 runs"):
        fill(reader(plane), [0, 0], plane.shape)
