from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from granum.report.contours import fill_contours, trace_contours


def _signed_area(ring):
    y, x = ring[:, 0].astype(int), ring[:, 1].astype(int)
    return (np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


@settings(max_examples=150, deadline=None)
@given(hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3)))
def test_filling_the_contours_gives_back_every_label(labels):
    contours = trace_contours(labels)
    assert sorted(contours) == sorted(set(labels.ravel().tolist()) - {0})
    for label, polygons in contours.items():
        assert np.array_equal(fill_contours(polygons, labels.shape), labels == label)
        assert sum(_signed_area(ring) for polygon in polygons for ring in polygon) == np.sum(labels == label)
        for polygon in polygons:
            assert _signed_area(polygon[0]) > 0
            assert all(_signed_area(hole) < 0 for hole in polygon[1:])
            for ring in polygon:
                assert len({tuple(corner) for corner in ring.tolist()}) == len(ring)


def test_a_hole_belongs_to_the_part_that_surrounds_it():
    labels = np.zeros((12, 20), dtype=np.int32)
    labels[1:6, 1:6] = 1
    labels[3, 3] = 0
    labels[7:11, 10:19] = 1
    labels[8:10, 12:14] = 0
    labels[8, 16] = 0
    parts = trace_contours(labels)[1]
    assert [len(part) for part in parts] == [2, 3]


def test_an_island_in_a_hole_is_its_own_part():
    labels = np.zeros((9, 9), dtype=np.int32)
    labels[1:8, 1:8] = 1
    labels[2:7, 2:7] = 0
    labels[4, 4] = 1
    parts = trace_contours(labels)[1]
    assert [len(part) for part in parts] == [2, 1]
    assert parts[1][0].tolist() == [[4, 5], [5, 5], [5, 4], [4, 4]]


def test_contours_of_holes_and_parts_are_valid_for_shapely_rules():
    # two hole pixels that touch by a corner become two holes, not one ring that crosses itself
    labels = np.ones((4, 4), dtype=np.int32)
    labels[1, 1] = labels[2, 2] = 0
    (part,) = trace_contours(labels)[1]
    assert len(part) == 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_one_object_that_fills_the_frame_has_four_corners(shape):
    (part,) = trace_contours(np.ones(shape, dtype=np.int32))[1]
    assert len(part) == 1
    assert len(part[0]) == 4


def test_no_object_no_contour():
    assert trace_contours(np.zeros((5, 5), dtype=np.uint8)) == {}
