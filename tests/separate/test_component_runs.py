import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage as ndi

from granum.separate.component_runs import component_pixels, find_component_runs, group_peaks, peak_radii


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))), st.sampled_from([1, 2]))
def test_the_runs_of_each_component_are_its_pixels_in_image_order(mask, connectivity):
    expected, n = ndi.label(mask, ndi.generate_binary_structure(2, connectivity))
    runs = find_component_runs(mask, connectivity)
    assert len(runs.offsets) - 1 == n
    for component in range(n):
        np.testing.assert_array_equal(component_pixels(runs, component), np.argwhere(expected == component + 1))


@given(arrays(bool, (9, 11)))
def test_the_radius_at_a_peak_is_the_exact_distance_to_the_background_less_half_a_pixel(mask):
    if not mask.any() or mask.all():
        return
    where = np.argwhere(mask).astype(float)
    expected = ndi.distance_transform_edt(mask)[mask] - 0.5
    np.testing.assert_allclose(peak_radii(find_component_runs(mask, 1), where), expected)


def test_without_background_the_radius_is_the_diagonal():
    runs = find_component_runs(np.ones((30, 40), bool), 1)
    assert peak_radii(runs, np.array([[3.0, 3.0]]))[0] == pytest.approx(49.5)


def test_peaks_are_grouped_by_component_in_their_own_order():
    mask = np.array([[1, 1, 0, 1, 1, 1]], bool)
    order, offsets = group_peaks(find_component_runs(mask, 1), np.array([[0, 5.0], [0, 1], [0, 2], [0, 3.4]]))
    np.testing.assert_array_equal(order, [1, 0, 3])
    np.testing.assert_array_equal(offsets, [0, 1, 3])
