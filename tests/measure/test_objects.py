import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.measure import measure_intensity, measure_objects, measure_shape
from granum.object_table import COLUMNS, flag_names
from granum.steps import load_step


def test_the_table_has_every_column_of_the_schema_in_its_order(blobs, grey):
    objects = measure_objects(blobs, grey)
    # what two stains tell is added by `judge_nuclei`
    later = {"state", "p_dead", "live_mean", "dead_mean", "dead_ring", "dead_ratio", "cell_area", "n_in_clump"}
    assert list(objects) == [name for name in COLUMNS if name not in {"file", "frame"} | later]
    assert {len(values) for values in objects.values()} == {len(np.unique(blobs)) - 1}


def test_the_parts_give_the_same_columns_as_the_whole(blobs, grey):
    objects = measure_objects(blobs, grey)
    for part in (measure_shape(blobs), measure_intensity(blobs, grey)):
        for name in set(part) & set(objects):
            np.testing.assert_array_equal(objects[name], part[name], err_msg=name)


def test_no_objects_give_empty_columns_of_the_same_types(blobs, grey):
    full, empty = measure_objects(blobs, grey), measure_objects(np.zeros((9, 9), np.int32), grey[:9, :9])
    assert list(full) == list(empty)
    for name, values in full.items():
        assert empty[name].shape == (0,)
        assert empty[name].dtype == values.dtype, name


def test_nothing_but_the_neighbour_of_a_single_object_is_nan(blobs, grey):
    objects = measure_objects(blobs, grey)
    assert all(np.isfinite(values).all() for values in objects.values())
    single = measure_objects((blobs == 9000).astype(np.uint8), grey)
    assert [name for name, values in single.items() if np.isnan(values).any()] == ["neighbour_distance"]


def test_settings_leave_out_columns(blobs, grey):
    basic = measure_objects(blobs, grey, intensity=False, shape="basic")
    assert "feret_min" not in basic
    assert "contrast" not in basic
    assert "near_resolution_limit" in flag_names(int(basic["flags"][0]) | int(basic["flags"].max()))
    with pytest.raises(SettingError, match="'full', 'basic'"):
        measure_objects(blobs, grey, shape="some")


def test_confidence_goes_by_label_also_with_gaps():
    labels = np.zeros((30, 60), np.int32)
    labels[5:20, 5:20], labels[5:20, 25:40] = 1, 3
    per_label = measure_objects(labels, labels, None, np.array([0.9, 0.1, 0.3]))
    assert per_label["confidence"].tolist() == [0.9, 0.3]
    assert [flag_names(value) for value in per_label["flags"]] == ["", "low_confidence"]
    per_object = measure_objects(labels, labels, None, [0.2, 0.7])
    assert per_object["confidence"].tolist() == [0.2, 0.7]
    assert measure_objects(labels, labels)["confidence"].tolist() == [1, 1]
    with pytest.raises(ShapeError, match=r"confidence: has shape \(1,\), needs one value per object \(2\)"):
        measure_objects(labels, labels, None, [0.2])


@pytest.mark.parametrize(
    "image",
    [
        np.full((8, 9), np.nan), np.zeros((8, 9), bool), np.full((8, 9), -300, np.int16),
        np.full((8, 9), 4e9, np.uint32),
        np.full((8, 9), 1e300), np.arange(72.0).reshape(8, 9).astype(">f4"), np.arange(144).reshape(8, 18)[:, ::2],
        np.full((8, 9), np.inf, np.float16),
    ],
)  # fmt: skip
def test_any_image_gives_a_whole_table(image):
    labels = np.zeros((8, 9), np.int32)
    labels[2:5, 2:6], labels[7, 8] = 1, 2
    image.setflags(write=False)
    objects = measure_objects(labels, image)
    assert objects["area"].tolist() == [12, 1]
    assert all(np.isfinite(values).all() for name, values in objects.items())


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 2)])
def test_the_smallest_images_are_measured(shape):
    labels = np.ones(shape, np.int32)
    objects = measure_objects(labels, np.ones(shape))
    assert objects["area"][0] == labels.size
    assert objects["feret_max"][0] == pytest.approx(np.hypot(*shape))
    assert flag_names(objects["flags"][0]) == "touches_border|near_resolution_limit"


def test_seventy_thousand_objects_are_measured_one_by_one():
    labels = np.zeros((530, 532), np.int32)
    labels[::2, ::2] = np.arange(1, 265 * 266 + 1).reshape(265, 266)
    objects = measure_objects(labels, labels)
    np.testing.assert_array_equal(objects["intensity_mean"], objects["label"])
    np.testing.assert_allclose(objects["neighbour_distance"], 2)


def test_the_recipe_step_reads_labels_and_image():
    step = load_step("measure.objects")
    assert step.reads == ("labels", "image")
    assert step.reads_if_there == ("area", "confidence")
    assert set(step.settings) == {"intensity", "shape"}
    assert all(setting.help for setting in step.settings.values())
