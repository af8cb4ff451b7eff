from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage
from skimage.measure import label
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from granum.errors import SettingError, ShapeError
from granum.separate.hierarchy import flood_to_dynamic, merge_by_dynamic, watershed_hierarchy

steps = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.integers(0, 6))


def draw_relief(seed, shape, sigma=0.0):
    relief = np.random.default_rng(seed).permutation(shape[0] * shape[1]).reshape(shape).astype(np.float32)
    return ndimage.gaussian_filter(relief, sigma) if sigma else relief


def mark(tree, shape):
    markers = np.zeros(shape, np.int32)
    markers[tuple(tree.peaks.astype(int).T)] = np.arange(1, len(tree) + 1)
    return markers


@pytest.mark.parametrize("sigma", [0, 1.5])
@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (70, 90), (33, 32)])
def test_basins_equal_those_of_scikit_image(shape, sigma):
    relief = draw_relief(1, shape, sigma)
    mask = np.random.default_rng(2).random(shape) < 0.85
    labels, tree = watershed_hierarchy(relief, mask, connectivity=1)
    np.testing.assert_array_equal(labels, watershed(-relief, mark(tree, shape), 1, mask=mask))
    labels, tree = watershed_hierarchy(relief, connectivity=2)
    np.testing.assert_array_equal(labels, watershed(-relief, mark(tree, shape), 2))


@given(steps, st.sampled_from([1, 2]))
def test_a_plateau_is_one_maximum(relief, connectivity):
    labels, tree = watershed_hierarchy(relief, connectivity=connectivity)
    # a frame, because scikit-image leaves out images smaller than 3 x 3
    maxima = label(
        local_maxima(np.pad(relief.astype(int), 1, constant_values=-1), connectivity=connectivity),
        connectivity=connectivity,
    )
    assert len(tree) == maxima.max() == labels.max()
    assert np.isin(np.arange(1, len(tree) + 1), maxima[1:-1, 1:-1][tuple(tree.peaks.astype(int).T)]).all()


# scikit-image's reconstruction sets the shape of an array, which NumPy 2.5 deprecates
@pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")
@given(steps, st.integers(1, 6))
def test_maxima_that_survive_a_depth_are_those_of_the_reconstruction(relief, depth):
    _, tree = watershed_hierarchy(relief)
    tall = np.pad(relief + 20.0, 1)
    flattened = reconstruction(tall - depth + 0.5, tall, footprint=np.ones((3, 3)))
    assert tree.survives(0, depth).sum() == label(local_maxima(flattened), connectivity=2).max()


@given(steps, st.floats(0, 1), st.integers(0, 6))
def test_merging_keeps_every_pixel_and_one_connected_region_per_peak(relief, min_dynamic, depth):
    mask = relief > 0
    labels, tree = watershed_hierarchy(relief, mask)
    merged = merge_by_dynamic(labels, tree, min_dynamic=min_dynamic, min_depth=depth)
    np.testing.assert_array_equal(merged > 0, mask)
    peaks = tree.peaks[tree.survives(min_dynamic, depth)].astype(int)
    np.testing.assert_array_equal(merged[tuple(peaks.T)], np.arange(1, len(peaks) + 1))
    assert label(merged, connectivity=2).max() == merged.max() == len(peaks)


def test_a_low_rise_goes_to_the_peak_that_it_touches_and_not_to_the_highest():
    relief = np.array([[0, 9, 1, 5, 4, 4.5, 0]])
    labels, tree = watershed_hierarchy(relief, relief > 0)
    np.testing.assert_array_equal(tree.heights, [9, 5, 4.5])
    np.testing.assert_array_equal(tree.saddles, [-np.inf, 1, 4])
    np.testing.assert_array_equal(tree.parents, [-1, 0, 1])
    np.testing.assert_array_equal(merge_by_dynamic(labels, tree, min_dynamic=0.3), [[0, 1, 1, 2, 2, 2, 0]])
    np.testing.assert_array_equal(merge_by_dynamic(labels, tree, min_dynamic=0.9), [[0, 1, 1, 1, 1, 1, 0]])


def test_basins_do_not_reach_across_a_corner_of_background():
    relief = np.array([[3, 0], [0, 5]])
    labels, tree = watershed_hierarchy(relief, relief > 0, connectivity=2)
    np.testing.assert_array_equal(labels, [[1, 0], [0, 2]])
    assert np.isinf(tree.dynamics).all()


def test_the_answer_of_a_tile_is_that_of_the_whole_image():
    mask = ndimage.gaussian_filter(np.random.default_rng(4).random((120, 130)), 2) > 0.52
    distance = np.rint(ndimage.distance_transform_edt(mask))
    whole, _ = watershed_hierarchy(distance, mask)
    tile = np.s_[37:101, 21:115]
    part, _ = watershed_hierarchy(distance[tile], mask[tile])
    pieces = label(mask)
    inside = np.setdiff1d(
        pieces[tile],
        np.concatenate([pieces[:37].ravel(), pieces[101:].ravel(), pieces[:, :21].ravel(), pieces[:, 115:].ravel()]),
    )
    assert len(inside) > 5
    for piece in inside:
        here = whole[tile][pieces[tile] == piece]
        there = part[pieces[tile] == piece]
        np.testing.assert_array_equal(np.unique(here, return_inverse=True)[1], np.unique(there, return_inverse=True)[1])


def test_nothing_and_everything():
    labels, tree = watershed_hierarchy(np.ones((4, 6)), np.zeros((4, 6), bool))
    assert len(tree) == labels.max() == 0
    assert merge_by_dynamic(labels, tree).max() == 0
    labels, tree = watershed_hierarchy(np.ones((40, 60)))
    assert len(tree) == labels.min() == labels.max() == 1
    labels, _ = watershed_hierarchy(np.ones((1, 1)))
    assert labels == 1


def test_the_relief_is_not_touched():
    relief = draw_relief(0, (20, 30))
    relief.flags.writeable = False
    labels, tree = watershed_hierarchy(relief)
    before = labels.copy()
    merge_by_dynamic(labels, tree, min_dynamic=0.5)
    np.testing.assert_array_equal(labels, before)
    np.testing.assert_array_equal(watershed_hierarchy(np.asfortranarray(relief))[0], labels)


def test_wrong_input_is_named():
    labels, tree = watershed_hierarchy(np.eye(4))
    with pytest.raises(SettingError, match="connectivity: is 3"):
        watershed_hierarchy(np.eye(4), connectivity=3)
    with pytest.raises(ShapeError, match="mask: has shape"):
        watershed_hierarchy(np.eye(4), np.ones((3, 4), bool))
    with pytest.raises(SettingError, match=r"min_dynamic: is 1\.5"):
        merge_by_dynamic(labels, tree, min_dynamic=1.5)
    with pytest.raises(ShapeError, match="do not belong together"):
        merge_by_dynamic(labels + 100, tree)


@pytest.mark.parametrize(("min_dynamic", "min_depth"), [(0.0, 0.0), (0.1, 0.5), (1.0, 0.0)])
def test_flooding_to_a_dynamic_is_flooding_all_and_then_merging(min_dynamic, min_depth):
    rng = np.random.default_rng(8)
    mask = rng.random((60, 70)) < 0.8
    relief = rng.integers(0, 6, mask.shape).astype(np.float32)
    labels, tree = flood_to_dynamic(relief, mask, min_dynamic=min_dynamic, min_depth=min_depth)
    every, other = watershed_hierarchy(relief, mask)
    np.testing.assert_array_equal(labels, merge_by_dynamic(every, other, min_dynamic=min_dynamic, min_depth=min_depth))
    np.testing.assert_array_equal(tree.peaks, other.peaks)
