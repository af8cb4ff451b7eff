import numba
import numpy as np

from granum.measure.bootstrap import resample_sums


def test_each_row_is_drawn_equally_often():
    sums = resample_sums(np.eye(20), n_resamples=5000, seed=1)
    np.testing.assert_array_equal(sums.sum(axis=1), 20)
    # a Poisson-like count of mean 1: standard error 0.014 over 5000 resamples
    np.testing.assert_allclose(sums.mean(axis=0), 1, atol=0.07)
    np.testing.assert_allclose(sums.var(axis=0), 0.95, atol=0.12)


def test_the_number_of_threads_changes_nothing():
    table = np.random.default_rng(0).normal(size=(50, 3))
    many = resample_sums(table, n_resamples=64, seed=2)
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        np.testing.assert_array_equal(resample_sums(table, n_resamples=64, seed=2), many)
    finally:
        numba.set_num_threads(threads)


def test_resamples_differ_from_each_other():
    sums = resample_sums(np.arange(1000.0)[:, None], n_resamples=200, seed=0)
    assert len(np.unique(sums)) > 190


def test_nothing_sums_to_zero():
    assert resample_sums(np.zeros((0, 2)), n_resamples=3, seed=0).tolist() == [[0, 0]] * 3
