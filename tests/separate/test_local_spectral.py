import numpy as np
import pytest

from granum.errors import SettingError
from granum.separate.local_spectral import split_by_local_spectral


def test_two_squares_are_cut_at_the_bridge_between_them():
    mask = np.zeros((30, 70), bool)
    mask[5:25, 5:25] = mask[5:25, 40:65] = True
    mask[14:16, 25:40] = True
    labels = split_by_local_spectral(mask, [[15, 15], [15, 52]])
    assert (labels[5:25, 5:25] == 1).all()
    assert (labels[5:25, 40:65] == 2).all()


def test_a_bent_particle_is_kept_whole_where_distances_would_cut_it():
    mask = np.zeros((60, 80), bool)
    mask[5:55, 5:15] = mask[5:15, 5:45] = mask[45:55, 5:45] = True  # a C, and in its mouth a disc on a thin stalk
    disc = (np.mgrid[:60, :80][0] - 30) ** 2 + (np.mgrid[:60, :80][1] - 40) ** 2 < 100
    mask |= disc
    mask[30, 15:31] = True
    labels = split_by_local_spectral(mask, [[30, 10], [30, 40]])
    assert (labels[disc] == 2).mean() > 0.97
    assert (labels[5:15, 5:45] == 1).all()
    assert (labels[45:55, 5:45] == 1).all()


def test_more_peaks_than_one_eigenproblem_takes_are_halved_first():
    yy, xx = np.mgrid[:108, :108]
    rows = [(10 + 17 * i, 10 + 17 * j) for i in range(6) for j in range(6)]
    mask = np.zeros((108, 108), bool)
    for y, x in rows:
        mask |= (yy - y) ** 2 + (xx - x) ** 2 < 81
    labels = split_by_local_spectral(mask, rows)
    assert len({int(labels[y, x]) for y, x in rows}) == 36
    assert np.bincount(labels.ravel())[1:].min() > 120


@pytest.mark.parametrize(("setting", "value"), [("max_nodes", 10), ("neck_weight", -1.0), ("connectivity", 3)])
def test_a_setting_out_of_range_is_named(setting, value):
    with pytest.raises(SettingError, match=setting):
        split_by_local_spectral(np.ones((4, 4), bool), [[1, 1]], **{setting: value})
