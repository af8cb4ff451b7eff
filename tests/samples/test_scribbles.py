from __future__ import annotations

import cv2
import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.samples import simulate_phases, simulate_strokes

CLASSES = simulate_phases(size=300, seed=2, info_bar=True).classes


def test_strokes_lie_in_their_class_and_every_stroke_has_one():
    painted, strokes = simulate_strokes(CLASSES, n_px=600, seed=1)
    assert (painted[painted > 0] == CLASSES[painted > 0]).all()
    assert ((painted > 0) == (strokes > 0)).all()
    for number in range(1, strokes.max() + 1):
        assert len(np.unique(painted[strokes == number])) == 1
    assert not painted[CLASSES == 0].any()


def test_about_as_much_is_painted_as_was_asked_for_or_all_there_is():
    painted, _ = simulate_strokes(CLASSES, n_px=600, seed=1)
    counts = np.bincount(painted.ravel(), minlength=5)[1:]
    assert (counts >= 600).all()
    assert (counts < 1000).all()
    few = np.ones((40, 40), np.uint8)
    few[7, 7] = 2
    painted, _ = simulate_strokes(few, n_px=600, seed=1)
    assert painted[7, 7] == 2
    assert (painted == 1).sum() >= 600


def test_strokes_are_lines_of_the_width_of_the_brush_longer_where_there_is_room():
    classes = np.ones((400, 400), np.uint8)
    painted, strokes = simulate_strokes(classes, n_px=3000, width=5, length=80, seed=0)
    assert (painted == 1).sum() >= 3000
    for number in (1, 2, 3):
        own = (strokes == number).astype(np.uint8)
        assert cv2.connectedComponents(own)[0] >= 2
        assert cv2.distanceTransform(np.pad(own, 1), cv2.DIST_L2, 5).max() < 6
    sizes = np.bincount(strokes.ravel())[1:]
    assert np.median(sizes) > 150


def test_edges_are_painted_less_than_the_middle():
    classes = np.ones((300, 300), np.uint8)
    classes[:, 150:] = 2
    painted, _ = simulate_strokes(classes, n_px=6000, seed=0)
    near = (painted[:, 146:154] > 0).mean()
    assert near < 0.6 * (painted > 0).mean()


def test_careless_strokes_reach_over_the_edge():
    painted, _ = simulate_strokes(CLASSES, n_px=600, width=9, slip=1.0, seed=1)
    wrong = (painted > 0) & (painted != CLASSES)
    assert 0.02 < wrong.sum() / (painted > 0).sum() < 0.7


def test_the_same_seed_paints_the_same_and_one_class_does_not_change_another():
    one, two, other = (simulate_strokes(CLASSES, n_px=300, seed=seed) for seed in (1, 1, 2))
    assert one[0].tobytes() == two[0].tobytes()
    assert one[1].tobytes() == two[1].tobytes()
    assert not np.array_equal(one[0], other[0])
    alone, _ = simulate_strokes(np.where(CLASSES == 3, 3, 0), n_px=300, seed=1)
    np.testing.assert_array_equal(alone == 3, one[0] == 3)


def test_what_cannot_be_painted_is_refused():
    with pytest.raises(SettingError, match="width: 0 is out of range"):
        simulate_strokes(CLASSES, width=0)
    with pytest.raises(ShapeError, match="number 300"):
        simulate_strokes(np.full((9, 9), 300))
    painted, strokes = simulate_strokes(np.zeros((9, 9), np.uint8))
    assert not painted.any()
    assert not strokes.any()
