import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from granum.errors import SettingError, ShapeError
from granum.separate.local_kmeans import split_by_local_kmeans


def discs(shape, *rows):
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, bool)
    for y, x, radius in rows:
        mask |= (yy - y) ** 2 + (xx - x) ** 2 < radius**2
    return mask


def clump(seed, *, size=160, n=60):
    rng = np.random.default_rng(seed)
    rows = np.column_stack([rng.uniform(5, size - 6, (n, 2)), rng.uniform(5, 11, n)])
    return discs((size, size), *rows), rows[:, :2] + rng.normal(0, 0.01, (n, 2))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("connectivity", [1, 2])
def test_every_component_gets_what_scikit_learn_gives_it(seed, connectivity):
    from sklearn.cluster import KMeans

    mask, peaks = clump(seed)
    labels = split_by_local_kmeans(mask, peaks, connectivity=connectivity)
    components, n = ndi.label(mask, ndi.generate_binary_structure(2, connectivity))
    nearest = np.floor(peaks + 0.5).astype(int)
    of = components[nearest[:, 0], nearest[:, 1]]
    compared = 0
    for component in range(1, n + 1):
        own, where = peaks[of == component], np.argwhere(components == component).astype(float)
        mine = labels[components == component]
        if len(own) > 1:
            theirs = KMeans(len(own), init=own, n_init=1).fit_predict(where)
            np.testing.assert_array_equal(mine - mine.min(), theirs)
            compared += len(own)
        else:
            assert np.ptp(mine) == 0
    assert compared > 20


def test_one_clump_of_hundreds_of_peaks_still_equals_scikit_learn():
    import warnings

    from sklearn.cluster import KMeans

    rng = np.random.default_rng(0)
    mask = ndi.binary_opening(rng.random((150, 200)) < 0.97)
    mask[75] = mask[:, 100] = True
    peaks = np.argwhere(mask)[rng.choice(int(mask.sum()), 300, replace=False)] + rng.normal(0, 0.01, (300, 2))
    labels = split_by_local_kmeans(mask, peaks, max_iterations=8, connectivity=1)
    assert ndi.label(mask)[1] == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns that eight iterations are few
        model = KMeans(300, init=peaks, n_init=1, max_iter=8).fit(np.argwhere(mask).astype(float))
    np.testing.assert_array_equal(labels[mask], model.labels_ + 1)


def test_without_iterations_each_pixel_goes_to_its_nearest_peak_and_ties_to_the_earlier():
    labels = split_by_local_kmeans(np.ones((3, 5), bool), [[1, 0], [1, 4]], max_iterations=0)
    np.testing.assert_array_equal(labels, [[1, 1, 1, 2, 2]] * 3)
    labels = split_by_local_kmeans(np.ones((3, 5), bool), [[1, 4], [1, 0]], max_iterations=0)
    np.testing.assert_array_equal(labels, [[2, 2, 1, 1, 1]] * 3)


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.booleans())
def test_power_cells_are_those_of_comparing_every_pixel_with_every_centre(seed, n, size_weighted):
    rng = np.random.default_rng(seed)
    mask = np.ones((40, 50), bool)
    mask[rng.integers(0, 40, 5), rng.integers(0, 50, 5)] = False
    peaks = rng.uniform(0, [39, 49], (n, 2))
    labels = split_by_local_kmeans(mask, peaks, size_weighted=size_weighted, max_iterations=0)
    nearest = np.floor(peaks + 0.5).astype(int)
    inside = mask[nearest[:, 0], nearest[:, 1]]
    radius = np.maximum(ndi.distance_transform_edt(mask)[nearest[:, 0], nearest[:, 1]] - 0.5, 0)[inside]
    where = np.argwhere(mask)
    value = ((where[:, None] - peaks[inside]) ** 2).sum(2) - (radius**2 if size_weighted else 0)
    if inside.any():
        expected = np.unique(value.argmin(1), return_inverse=True)[1] + 1
        np.testing.assert_array_equal(labels[mask], expected)


def test_a_small_disc_at_a_large_one_keeps_its_shape_only_when_weighted():
    large, small = discs((80, 100), (40, 36, 28)), discs((80, 100), (40, 70, 9))
    peaks = [[40, 36], [40, 70]]

    def overlap(labels):
        got = labels == labels[40, 74]
        return (got & small).sum() / (got | small).sum()

    assert overlap(split_by_local_kmeans(large | small, peaks, size_weighted=True)) > 0.9
    assert overlap(split_by_local_kmeans(large | small, peaks)) < 0.5


@pytest.mark.parametrize("size_weighted", [False, True])
def test_the_number_of_threads_changes_nothing(size_weighted):
    mask, peaks = clump(7)
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        one = split_by_local_kmeans(mask, peaks, size_weighted=size_weighted)
    finally:
        numba.set_num_threads(threads)
    np.testing.assert_array_equal(one, split_by_local_kmeans(mask, peaks, size_weighted=size_weighted))


def test_two_peaks_in_one_place_make_one_object():
    labels = split_by_local_kmeans(discs((20, 20), (10, 10, 6)), [[10, 10], [10, 10]])
    assert labels.max() == 1


def test_peaks_on_the_background_are_left_out():
    mask = discs((20, 40), (10, 10, 6), (10, 30, 6))
    np.testing.assert_array_equal(split_by_local_kmeans(mask, [[10, 10], [1, 20], [10, 30]]), ndi.label(mask)[0])


def test_seventy_thousand_objects_keep_their_own_labels():
    mask = np.zeros((530, 532), bool)
    mask[::2, ::2] = True
    assert split_by_local_kmeans(mask, np.empty((0, 2))).max() == mask.sum() > 2**16


@pytest.mark.parametrize(
    ("setting", "value"), [("max_iterations", -1), ("tolerance", 2.0), ("connectivity", 8), ("tolerance", float("nan"))]
)
def test_a_setting_out_of_range_is_named(setting, value):
    with pytest.raises(SettingError, match=setting):
        split_by_local_kmeans(np.ones((4, 4), bool), [[1, 1]], **{setting: value})


def test_a_peak_outside_the_image_is_an_error():
    with pytest.raises(ShapeError, match="peaks: row 1"):
        split_by_local_kmeans(np.ones((4, 4), bool), [[1, 1], [9, 1]])
