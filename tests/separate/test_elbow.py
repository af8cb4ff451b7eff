import numpy as np
import pytest

from granum.errors import EmptyResultError, SettingError
from granum.separate.elbow import count_by_elbow, elbow_curve


def far_discs(n):
    yy, xx = np.mgrid[:40, : 100 * n]
    return sum(((yy - 20) ** 2 + (xx - 50 - 100 * i) ** 2 < 36) for i in range(n)).astype(bool)


def test_three_far_particles_are_an_elbow_at_three():
    assert count_by_elbow(far_discs(3), max_clusters=8) == 3


def test_the_curve_starts_at_the_variance_and_falls():
    mask = far_discs(2)
    curve = elbow_curve(mask, max_clusters=5)
    assert curve[0] == pytest.approx(np.argwhere(mask).var(axis=0).sum())
    assert (np.diff(curve) < 0).all()


def test_no_foreground_is_no_particle_but_has_no_curve():
    assert count_by_elbow(np.zeros((5, 5), bool)) == 0
    with pytest.raises(EmptyResultError, match="no foreground"):
        elbow_curve(np.zeros((5, 5), bool))


def test_one_pixel_is_one_particle():
    assert count_by_elbow(np.eye(1, dtype=bool)) == 1


def test_a_setting_out_of_range_is_named():
    with pytest.raises(SettingError, match="max_clusters: is 2, must lie in 3 to 1000"):
        elbow_curve(np.ones((4, 4), bool), max_clusters=2)
