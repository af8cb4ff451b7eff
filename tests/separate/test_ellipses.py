import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum.errors import SettingError
from granum.separate.ellipses import fit_ellipse, fit_overlapping_ellipses, split_by_ellipses


def outline(y, x, major, minor, angle, turn=2 * np.pi, n=60):
    t = np.linspace(0, turn, n, endpoint=False)
    along, across = major * np.cos(t), minor * np.sin(t)
    return np.stack(
        [y + along * np.cos(angle) - across * np.sin(angle), x + along * np.sin(angle) + across * np.cos(angle)], axis=1
    )


def filled(shape, y, x, major, minor, angle):
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    along = (yy - y) * np.cos(angle) + (xx - x) * np.sin(angle)
    across = (xx - x) * np.cos(angle) - (yy - y) * np.sin(angle)
    return (along / major) ** 2 + (across / minor) ** 2 < 1


@given(
    st.floats(-50, 500), st.floats(-50, 500), st.floats(5, 80), st.floats(0.3, 0.9), st.floats(-1.5, 1.5),
    st.floats(3.5, 2 * np.pi),
)  # fmt: skip
def test_part_of_an_exact_outline_gives_the_ellipse_back(y, x, major, ratio, angle, turn):
    found = fit_ellipse(outline(y, x, major, ratio * major, angle, turn))
    np.testing.assert_allclose(found, [y, x, major, ratio * major, angle], rtol=1e-4, atol=1e-3)


def test_points_on_a_line_have_no_ellipse():
    assert fit_ellipse([[i, 2 * i] for i in range(10)]) is None
    assert fit_ellipse([[0, 0], [0, 1], [1, 0]]) is None


def test_the_orientation_is_that_of_scikit_image():
    from skimage.measure import regionprops

    mask = filled((80, 90), 40, 45, 30, 14, 0.6)
    region = regionprops(mask.astype(int))[0]
    y, x, major, minor, angle = fit_overlapping_ellipses(mask)[0]
    np.testing.assert_allclose([y, x], region.centroid, atol=0.3)
    assert angle == pytest.approx(region.orientation, abs=0.02)
    assert 2 * major == pytest.approx(region.axis_major_length, rel=0.04)
    assert 2 * minor == pytest.approx(region.axis_minor_length, rel=0.06)


def test_overlapping_particles_come_back_whole():
    truth = np.array([[40.0, 45, 30, 18, 1.2], [45.0, 76, 26, 15, -0.6]])
    mask = filled((90, 130), *truth[0]) | filled((90, 130), *truth[1])
    found = fit_overlapping_ellipses(mask)
    found = found[np.argsort(found[:, 1])]
    assert len(found) == 2
    np.testing.assert_allclose(found[:, :4], truth[:, :4], atol=1.2)
    assert np.pi * np.prod(found[:, 2:4], axis=1).sum() > 1.05 * mask.sum()
    labels = split_by_ellipses(mask)
    assert labels.max() == 2
    assert labels[40, 45] != labels[45, 78]


def test_ellipses_are_placed_in_the_frame_of_the_image():
    mask = np.zeros((100, 200), bool)
    mask[50:, 120:] = filled((50, 80), 25, 40, 20, 12, 0.3)
    np.testing.assert_allclose(fit_overlapping_ellipses(mask)[0, :2], [75, 160], atol=0.3)


def test_no_foreground_has_no_ellipse():
    assert fit_overlapping_ellipses(np.zeros((9, 9), bool)).shape == (0, 5)


@pytest.mark.parametrize("setting", ["max_residual", "max_overlap", "min_inside"])
def test_a_setting_out_of_range_is_named(setting):
    with pytest.raises(SettingError, match=f"{setting}: is 1.2, must lie in 0 to 1"):
        split_by_ellipses(np.ones((4, 4), bool), **{setting: 1.2})
