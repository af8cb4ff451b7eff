from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from granum.errors import SettingError, ShapeError
from granum.segment.components import (
    component_areas,
    count_labels,
    keep_components,
    label_components,
    name_runs,
)

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=24))


@given(masks, st.sampled_from([1, 2]))
def test_labels_equal_those_of_scipy(mask, connectivity):
    expected, _ = ndimage.label(mask, ndimage.generate_binary_structure(2, connectivity))
    labels = label_components(mask, connectivity=connectivity)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (33, 64), (70, 129)])
@pytest.mark.parametrize("density", [0.0, 0.4, 0.6, 0.9, 1.0])
def test_strips_do_not_show(shape, density):
    mask = np.random.default_rng(3).random(shape) < density
    np.testing.assert_array_equal(label_components(mask), ndimage.label(mask)[0])


def test_more_objects_than_16_bits_hold():
    mask = np.zeros((532, 532), bool)
    mask[::2, ::2] = True
    labels = label_components(mask)
    assert labels.max() == 266 * 266 > 70_000
    np.testing.assert_array_equal(labels[mask], np.arange(1, 266 * 266 + 1))


def test_a_spiral_is_one_object():
    mask = np.zeros((41, 41), bool)
    for ring in range(0, 20, 2):
        mask[ring : 41 - ring, [ring, 40 - ring]] = True
        mask[[ring, 40 - ring], ring : 41 - ring] = True
        mask[ring + 1, ring] = False
        if ring:
            mask[ring, ring - 1] = mask[ring, ring - 2] = True
    assert label_components(mask).max() == ndimage.label(mask)[1] == 1


def test_corners_join_only_when_asked():
    mask = np.eye(3, dtype=bool)
    assert label_components(mask).max() == 3
    assert label_components(mask, connectivity=2).max() == 1


def test_any_dtype_order_and_protection_is_taken():
    mask = np.random.default_rng(0).random((30, 40)) < 0.5
    expected = ndimage.label(mask)[0]
    locked = mask.copy()
    locked.flags.writeable = False
    for same in (
        locked,
        np.asfortranarray(mask),
        mask.astype(">i2"),
        mask.astype(float),
        np.repeat(mask, 2, 1)[:, ::2],
    ):
        np.testing.assert_array_equal(label_components(same), expected)


def test_wrong_input_is_named():
    with pytest.raises(ShapeError, match="two axes"):
        label_components(np.zeros((2, 2, 2), bool))
    with pytest.raises(ShapeError, match="empty"):
        label_components(np.zeros((0, 4), bool))
    with pytest.raises(SettingError, match="connectivity: is 8, must be 1"):
        label_components(np.ones((2, 2), bool), connectivity=8)


@pytest.mark.parametrize("connectivity", [1, 2])
@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize(("least", "most"), [(0, None), (3, None), (0, 6), (2, 9), (10**30, None), (0, 0)])
def test_kept_components_are_those_of_the_wanted_areas(connectivity, inner, least, most):
    mask = np.random.default_rng(5).random((70, 90)) < 0.4
    labels = label_components(mask, connectivity=connectivity)
    areas = count_labels(labels, int(labels.max()))
    keep = (areas >= min(least, 10**6)) & (areas <= (mask.size if most is None else most))
    if inner:
        keep[np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))] = False
    keep[0] = False
    got = keep_components(mask, connectivity=connectivity, min_area=least, max_area=most, inner=inner)
    np.testing.assert_array_equal(got, keep[labels])


def test_no_component_is_kept_of_an_empty_mask_and_the_only_one_of_a_full_mask():
    assert not keep_components(np.zeros((3, 4), bool), connectivity=1).any()
    assert keep_components(np.ones((3, 4), bool), connectivity=1, min_area=12).all()
    assert not keep_components(np.ones((3, 4), bool), connectivity=1, inner=True).any()


@pytest.mark.parametrize("connectivity", [1, 2])
@pytest.mark.parametrize("shape", [(1, 1), (3, 15), (5, 16), (40, 67), (33, 200)])
def test_areas_of_components_need_no_labels(shape, connectivity):
    rng = np.random.default_rng(5)
    for share in (0.0, 0.02, 0.5, 0.98, 1.0):
        mask, part = rng.random(shape) < share, rng.random(shape) < 0.5
        labels, runs = label_components(mask, connectivity=connectivity), name_runs(mask, connectivity=connectivity)
        n = int(labels.max())
        expected = np.bincount(labels[mask], minlength=n + 1)
        np.testing.assert_array_equal(component_areas(runs), expected)
        np.testing.assert_array_equal(component_areas(runs, part), np.bincount(labels[mask & part], minlength=n + 1))
