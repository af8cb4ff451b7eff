import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage as ndi

from granum.errors import ShapeError
from granum.measure import flag_objects, measure_shape
from granum.measure.flags import flag_edited
from granum.object_table import FLAGS, flag_names

small_labels = hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3))


def raised(flags, name):
    return (flags & FLAGS[name][0]) != 0


@given(small_labels)
def test_was_split_means_a_component_with_more_than_one_label(labels):
    split = raised(flag_objects(labels, {}), "was_split")
    components, _ = ndi.label(labels > 0)
    expected = [
        any(len(np.unique(labels[components == c])) > 1 for c in np.unique(components[labels == value]))
        for value in np.unique(labels[labels > 0])
    ]
    assert split.tolist() == expected


@given(small_labels, st.data())
def test_touches_border_means_a_neighbour_that_is_not_analysed(labels, data):
    area = data.draw(hnp.arrays(np.bool_, labels.shape))
    outside = np.pad(~area, 1, constant_values=True)
    beside = ndi.binary_dilation(outside)[1:-1, 1:-1]
    expected = [bool(beside[labels == value].any()) for value in np.unique(labels[labels > 0])]
    assert raised(flag_objects(labels, {}, area), "touches_border").tolist() == expected


def test_objects_at_the_image_edge_are_flagged_and_kept():
    labels = np.zeros((40, 40), np.int32)
    labels[0:15, 5:20], labels[20:35, 5:20], labels[20:35, 25:40] = 1, 2, 3
    flags = flag_objects(labels, measure_shape(labels))
    assert [flag_names(value) for value in flags] == ["touches_border", "", "touches_border"]


def test_confidence_saturation_and_size_raise_their_flags():
    labels = np.zeros((60, 60), np.int32)
    labels[5:20, 5:20], labels[25:40, 5:20], labels[45:54, 5:30], labels[25:40, 30:45] = 1, 2, 3, 4
    objects = measure_shape(labels)
    objects["confidence"] = np.array([0.4, 0.5, 1, 1])
    objects["saturated_fraction"] = np.array([0.01, 0.02, 0, 0])
    names = [flag_names(value) for value in flag_objects(labels, objects)]
    assert names == ["low_confidence", "saturated", "near_resolution_limit", ""]


def test_a_table_of_other_labels_is_refused():
    labels = np.eye(4, dtype=np.int32)
    objects = measure_shape(labels * 2)
    with pytest.raises(ShapeError, match="measure both from the same labels"):
        flag_objects(labels, objects)


def test_objects_edited_by_hand_get_their_flag_and_keep_the_others():
    objects = {"flags": np.array([1, 2, 34], np.int32), "area": np.arange(3)}
    marked = flag_edited(objects, np.array([True, False, True]))
    assert marked["flags"].tolist() == [33, 2, 34]
    assert marked["flags"].dtype == np.int32
    assert objects["flags"].tolist() == [1, 2, 34]
    assert flag_edited({"area": np.arange(3)}, np.ones(3, bool)).keys() == {"area"}
    with pytest.raises(ShapeError, match="3 rows"):
        flag_edited(objects, np.ones(2, bool))
