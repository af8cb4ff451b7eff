import warnings

import numba
import numpy as np
import pytest
from scipy import ndimage as ndi

from granum.errors import SettingError
from granum.separate.component_runs import find_component_runs, peak_radii
from granum.separate.local_kmeans import split_by_local_kmeans
from granum.separate.local_mixture import split_by_local_mixture


def ellipse(shape, y, x, along, across, angle):
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    dy, dx = yy - y, xx - x
    one, other = dy * np.cos(angle) + dx * np.sin(angle), dx * np.cos(angle) - dy * np.sin(angle)
    return (one / along) ** 2 + (other / across) ** 2 < 1


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def test_a_component_gets_what_scikit_learns_mixture_gives_it():
    from sklearn.mixture import GaussianMixture

    mask = ellipse((60, 90), 30, 26, 14, 20, 0.2) | ellipse((60, 90), 30, 58, 20, 13, 0.5)
    assert ndi.label(mask)[1] == 1
    peaks = np.array([[30.0, 26.0], [30.0, 58.0]])
    variance = peak_radii(find_component_runs(mask, 1), peaks) ** 2 / 4 + 1 / 12
    shares = (variance - 1 / 12) / (variance - 1 / 12).sum()
    model = GaussianMixture(
        2,
        means_init=peaks,
        weights_init=shares,
        precisions_init=np.eye(2) / variance[:, None, None],
        reg_covar=1 / 12,
        tol=1e-4,
        max_iter=500,
    )
    # granum fits at most 600 pixels per peak: leave out the same ones
    where = np.argwhere(mask)
    stride = max(int(np.sqrt(len(where) / 1200)), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(where[(where % stride == 0).all(axis=1)].astype(float))
    labels = split_by_local_mixture(mask, peaks, tolerance=1e-4, max_iterations=500)
    np.testing.assert_array_equal(labels[mask], model.predict(where.astype(float)) + 1)


def test_a_rod_that_stands_on_another_is_cut_at_its_foot_where_k_means_cuts_higher():
    bar, post = ellipse((100, 120), 20, 60, 50, 9, np.pi / 2), ellipse((100, 120), 60, 60, 33, 9, 0)
    mask, peaks = bar | post, [[20, 60], [60, 60]]
    labels, plain = split_by_local_mixture(mask, peaks), split_by_local_kmeans(mask, peaks)
    assert overlap(labels == 1, bar) > 0.97
    assert overlap(labels == 2, post) > 0.97
    assert overlap(plain == 2, post) < 0.85


def test_a_small_disc_at_a_large_one_keeps_its_shape():
    large, small = ellipse((80, 100), 40, 36, 28, 28, 0), ellipse((80, 100), 40, 70, 9, 9, 0)
    labels = split_by_local_mixture(large | small, [[40, 36], [40, 70]])
    assert overlap(labels == 2, small) > 0.8


def test_a_clump_of_many_particles_is_cut_at_every_neck():
    rows = [(10 + 17 * i, 10 + 17 * j) for i in range(6) for j in range(6)]
    mask = np.zeros((106, 106), bool)
    for y, x in rows:
        mask |= ellipse(mask.shape, y, x, 9, 9, 0)
    assert ndi.label(mask)[1] == 1
    labels = split_by_local_mixture(mask, rows)
    assert labels.max() == 36
    assert min(overlap(labels == labels[y, x], ellipse(mask.shape, y, x, 9, 9, 0)) for y, x in rows) > 0.85


def test_the_number_of_threads_changes_nothing():
    mask = np.random.default_rng(0).random((60, 80)) < 0.9
    peaks = np.argwhere(mask)[::150]
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        one = split_by_local_mixture(mask, peaks)
    finally:
        numba.set_num_threads(threads)
    np.testing.assert_array_equal(one, split_by_local_mixture(mask, peaks))


def test_a_setting_out_of_range_is_named():
    with pytest.raises(SettingError, match="max_iterations: is -3, must lie in 0 to 10000"):
        split_by_local_mixture(np.ones((4, 4), bool), [[1, 1]], max_iterations=-3)
