from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from granum.app.paint_tiles import PaintTiles, join_rects
from granum.app.strokes import cover, split_runs
from granum.app.tiles import TILE, count_levels, level_shape, tile_grid


def halve(plane):
    """The rule of the coarser copies, pixel by pixel."""
    height, width = plane.shape
    plane = np.pad(plane, ((0, height % 2), (0, width % 2)))
    half = np.zeros((plane.shape[0] // 2, plane.shape[1] // 2), np.uint8)
    for y, x in np.ndindex(half.shape):
        four = [int(one) for one in plane[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].ravel() if one]
        half[y, x] = max(four, key=lambda one: (four.count(one), one), default=0)
    return half


def cut(plane, y, x):
    """A tile with halo from a whole plane, edges repeated."""
    rows = np.clip(np.arange(y * TILE - 1, min((y + 1) * TILE, plane.shape[0]) + 1), 0, plane.shape[0] - 1)
    columns = np.clip(np.arange(x * TILE - 1, min((x + 1) * TILE, plane.shape[1]) + 1), 0, plane.shape[1] - 1)
    return plane[np.ix_(rows, columns)]


def draw(tiles, plane, path, radius, class_id, version):
    runs = cover("brush", np.array(path, dtype=float), radius, plane.shape)
    changed = None
    for key, piece in split_runs(runs).items():
        rect = tiles.write(key, piece, class_id, version)
        changed = changed if rect is None else join_rects(changed, rect)
    before = plane.copy()
    for row, first, last in zip(*runs, strict=True):
        plane[row, first : last + 1] = class_id
    where = np.argwhere(plane != before)
    expected = None if not len(where) else (*where.min(axis=0), *(where.max(axis=0) + 1))
    assert changed == expected


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_tile_at_every_level_is_the_reduced_plane(data):
    shape = data.draw(st.sampled_from([(700, 1100), (512, 513), (1025, 40), (1, 1), (511, 512)]))
    tiles, plane = PaintTiles(shape), np.zeros(shape, np.uint8)
    for version in range(1, data.draw(st.integers(1, 6)) + 1):
        point = st.tuples(st.integers(-10, shape[0] + 10), st.integers(-10, shape[1] + 10))
        path = data.draw(st.lists(point, min_size=1, max_size=3))
        draw(tiles, plane, path, data.draw(st.sampled_from([0.5, 4, 60])), data.draw(st.integers(0, 3)), version)
        if data.draw(st.booleans()):
            tiles.cut(0, 0, 0)  # coarser copies are made now and then
    level_plane = plane
    for level in range(count_levels(shape)):
        assert level_plane.shape == level_shape(shape, level)
        for y, x in np.ndindex(tile_grid(shape, level)):
            expected = cut(level_plane, y, x)
            got = tiles.cut(level, y, x)
            if got is None:
                assert not expected.any()
            else:
                np.testing.assert_array_equal(got, expected)
                assert got.flags.c_contiguous
        level_plane = halve(level_plane)
    counts = np.bincount(plane.ravel(), minlength=256)
    np.testing.assert_array_equal(tiles.areas[1:], counts[1:])


def test_a_thin_stroke_stays_visible_at_every_level():
    shape = (20_000, 20_000)
    tiles = PaintTiles(shape)
    for key, piece in split_runs(cover("brush", np.array([[7000.0, 300.0], [9000.0, 15_000.0]]), 0.5, shape)).items():
        tiles.write(key, piece, 1, 1)
    block = tiles.cut(6, 0, 0)
    assert block.shape == (315, 315)
    assert (block[:, 6:235] == 1).any(axis=0).all()


def test_memory_is_used_only_where_somebody_painted():
    tiles = PaintTiles((200_000, 200_000))
    runs = split_runs(cover("brush", np.array([[150_000.0, 150_000.0]]), 3, (200_000, 200_000)))
    for key, piece in runs.items():
        tiles.write(key, piece, 0, 1)
    assert tiles.nbytes == 0
    for key, piece in runs.items():
        tiles.write(key, piece, 5, 2)
    assert tiles.cut(9, 0, 0).max() == 5
    assert tiles.nbytes < 8 << 20


def test_versions_belong_to_a_tile_and_those_that_show_its_edge():
    shape = (4000, 4000)
    tiles = PaintTiles(shape)
    for version, y in ((3, 100.0), (8, 3000.0)):
        for key, piece in split_runs(cover("brush", np.array([[y, y]]), 2, shape)).items():
            tiles.write(key, piece, 1, version)
    assert [tiles.version(0, y, y) for y in range(8)] == [3, 3, 0, 0, 8, 8, 8, 0]
    assert tiles.version(3, 0, 0) == 8
    assert tiles.changed_since(3) == [(2560, 2560, 3072, 3072)]
    assert tiles.changed_since(8) == []


def test_writing_what_is_there_changes_nothing():
    tiles = PaintTiles((100, 100))
    piece = np.array([[5, 1, 9]], np.uint16)
    assert tiles.write((0, 0), piece, 2, 1) == (5, 1, 6, 10)
    assert tiles.write((0, 0), piece, 2, 2) is None
    assert tiles.version(0, 0, 0) == 1
    new = tiles.copy_of((0, 0))
    new[5, 3] = 0
    assert tiles.replace((0, 0), new, 3) == (5, 3, 6, 4)
    assert tiles.areas[2] == 8


@pytest.mark.parametrize("window", [(0, 0, 5, 5), (500, 500, 530, 1030), (511, 0, 513, 2)])
def test_a_window_is_a_part_of_the_plane(window):
    tiles, plane = PaintTiles((600, 1100)), np.zeros((600, 1100), np.uint8)
    draw(tiles, plane, [(0, 0), (599, 1099)], 20, 1, 1)
    y0, x0, y1, x1 = window
    np.testing.assert_array_equal(tiles.window(*window), plane[y0:y1, x0:x1])
