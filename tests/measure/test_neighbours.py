import numpy as np
import pytest

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
