import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from granum.errors import ShapeError
from granum.measure.runs import find_runs

small_labels = hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.integers(0, 4))


def painted(runs):
    labels = np.zeros(runs.shape, np.int32)
    for k, value in enumerate(runs.values):
        for r in range(runs.start[k], runs.start[k + 1]):
            labels[runs.rows[r], runs.first[r] : runs.last[r] + 1] = value
    return labels


@given(small_labels)
def test_runs_paint_the_labels_again_in_raster_order(labels):
    runs = find_runs(labels)
    np.testing.assert_array_equal(painted(runs), labels)
    for k in range(len(runs)):
        place = runs.rows[runs.start[k] : runs.start[k + 1]] * 1000 + runs.first[runs.start[k] : runs.start[k + 1]]
        assert (np.diff(place) > 0).all()


@given(small_labels, st.integers(1, 5))
def test_wider_images_take_the_block_path_and_agree(labels, repeat):
    wide = np.repeat(labels, 3 * repeat, axis=1)
    np.testing.assert_array_equal(painted(find_runs(wide)), wide)


def test_the_number_of_threads_changes_nothing(blobs):
    import numba

    runs = find_runs(blobs)
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = find_runs(blobs)
    finally:
        numba.set_num_threads(threads)
    for name in ("values", "start", "rows", "first", "last"):
        np.testing.assert_array_equal(getattr(runs, name), getattr(alone, name))


def test_huge_label_values_are_kept_without_huge_tables():
    labels = np.array([[0, 2**31 - 1, 0, 3]])
    runs = find_runs(labels)
    assert runs.values.tolist() == [3, 2**31 - 1]
    assert runs.first.tolist() == [3, 1]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", ">i4", ">u2"])
def test_any_integer_type_gives_the_same_runs(blobs, dtype):
    labels = blobs % 100
    np.testing.assert_array_equal(find_runs(labels.astype(dtype)).first, find_runs(labels).first)


@pytest.mark.parametrize("labels", [np.full((3, 3), -1, np.int32), np.zeros((2, 2)), np.zeros((0, 4), np.int32)])
def test_labels_that_are_none_are_refused(labels):
    with pytest.raises(ShapeError, match="labels"):
        find_runs(labels)


def test_strided_and_read_only_labels_are_taken(blobs):
    strided = np.repeat(np.repeat(blobs, 2, axis=0), 2, axis=1)[::2, ::2]
    strided.setflags(write=False)
    np.testing.assert_array_equal(painted(find_runs(strided)), blobs)
