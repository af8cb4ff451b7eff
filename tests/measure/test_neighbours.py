import numpy as np
import pytest
from scipy.spatial import cKDTree

from granum.measure import measure_neighbours


def test_distances_equal_brute_force():
    rng = np.random.default_rng(0)
    y, x = rng.uniform(0, 100, (2, 80))
    distance = np.hypot(y[:, None] - y, x[:, None] - x)
    np.fill_diagonal(distance, np.inf)
    np.testing.assert_allclose(measure_neighbours({"y": y, "x": x}), distance.min(axis=1))


@pytest.mark.parametrize("n", [0, 1])
def test_a_lonely_object_has_no_neighbour(n):
    found = measure_neighbours({"y": np.zeros(n), "x": np.zeros(n)})
    assert found.shape == (n,)
    assert np.isnan(found).all()


def test_two_objects_with_one_centre_are_at_distance_zero():
    found = measure_neighbours({"y": np.array([5.0, 5.0]), "x": np.array([2.0, 2.0])})
    assert found.tolist() == [0, 0]


@pytest.mark.parametrize("flat", [0, 1, None])
def test_the_sweep_finds_what_a_tree_finds(flat):
    rng = np.random.default_rng(3)
    points = np.round(rng.uniform(0, 60, (300, 2)), 1)
    if flat is not None:
        points[:, flat] = 7.0
    expected = cKDTree(points).query(points, k=2)[0][:, 1]
    np.testing.assert_array_equal(measure_neighbours({"y": points[:, 0], "x": points[:, 1]}), expected)


def test_very_many_objects_are_searched_by_a_tree(monkeypatch):
    rng = np.random.default_rng(4)
    objects = {"y": rng.uniform(0, 90, 200), "x": rng.uniform(0, 90, 200)}
    few = measure_neighbours(objects)
    monkeypatch.setattr("granum.measure.neighbours._FEW", 10)
    np.testing.assert_array_equal(measure_neighbours(objects), few)
