from __future__ import annotations

import numpy as np
from moving_discs import paint

from granum.track.object_places import find_places, shared_pixels


def test_places_are_centroids_areas_and_distances_to_the_border():
    labels = np.zeros((10, 20), np.int32)
    labels[0:2, 3:6] = 7
    labels[4:7, 10:13] = 2
    places = find_places(labels)
    assert places.labels.tolist() == [2, 7]
    assert places.points.tolist() == [[5, 11], [0.5, 4]]
    assert places.areas.tolist() == [9, 6]
    assert places.to_border.tolist() == [3, 0]
    np.testing.assert_allclose(places.diameters, 2 * np.sqrt(np.array([9, 6]) / np.pi))


def test_an_empty_frame_has_no_places():
    places = find_places(np.zeros((4, 5), np.int32))
    assert len(places) == 0
    assert places.points.shape == (0, 2)


def test_shared_pixels_are_counted_after_the_shift():
    before, after = paint([(40, 50, 8), (80, 90, 8)]), paint([(60, 40, 8)])
    assert shared_pixels(before, after).tolist() == []
    area = int((after == 1).sum())
    assert shared_pixels(before, after, (20, -10)).tolist() == [[1, 1, area]]
    assert shared_pixels(before, after, (-20, -50)).tolist() == [[2, 1, area]]
    assert shared_pixels(before, after, (500, 0)).tolist() == []
