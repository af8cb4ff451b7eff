import numpy as np
import pytest
from scipy import ndimage as ndi

from granum.errors import SettingError
from granum.separate.convexity import split_by_convexity


def polygon(shape, *corners):
    from skimage.draw import polygon as fill

    mask = np.zeros(shape, bool)
    mask[fill(*np.array(corners, float).T, shape)] = True
    return mask


def test_two_angular_particles_are_cut_where_they_touch():
    one = polygon((90, 130), (8, 14), (15, 50), (60, 60), (70, 20))
    other = polygon((90, 130), (40, 56), (20, 90), (60, 115), (75, 75))
    labels = split_by_convexity(ndi.binary_opening(one | other))  # a corner's last pixel hangs on by its own corner
    assert labels.max() == 2
    got = labels == labels[40, 30]
    assert (got & one).sum() / (got | one).sum() > 0.93


@pytest.mark.parametrize(
    "corners",
    [
        [(10, 10), (10, 60), (40, 60), (40, 10)],
        [(10, 10), (50, 35), (10, 60)],
        [(10, 20), (5, 45), (25, 65), (50, 50), (55, 25), (35, 8)],
    ],
)
def test_a_convex_particle_is_never_cut(corners):
    assert split_by_convexity(polygon((70, 75), *corners)).max() == 1


def test_the_gain_that_is_asked_for_stops_the_splitting():
    yy, xx = np.mgrid[:50, :80]
    mask = ((yy - 25) ** 2 + (xx - 25) ** 2 < 225) | ((yy - 25) ** 2 + (xx - 52) ** 2 < 225)
    assert split_by_convexity(mask).max() == 2
    assert split_by_convexity(mask, min_gain=0.2).max() == 1
    assert split_by_convexity(mask, min_solidity=0.5).max() == 1
    assert split_by_convexity(mask, max_neck=0.1).max() == 1
    assert split_by_convexity(mask, min_area=400).max() == 2
    assert split_by_convexity(mask, min_area=900).max() == 1


@pytest.mark.parametrize(
    ("setting", "value"), [("min_solidity", 1.5), ("min_gain", -0.1), ("max_neck", 3.0), ("min_area", -1.0)]
)
def test_a_setting_out_of_range_is_named(setting, value):
    with pytest.raises(SettingError, match=setting):
        split_by_convexity(np.ones((4, 4), bool), **{setting: value})
