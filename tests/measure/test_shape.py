import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial import ConvexHull
from skimage.draw import disk, ellipse
from skimage.measure import perimeter_crofton, regionprops, regionprops_table
from skimage.morphology import convex_hull_image

from granum.measure import measure_shape
from granum.object_table import COLUMNS

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14)).filter(np.any)


def one(mask):
    return {name: values[0] for name, values in measure_shape(mask.astype(np.int32)).items()}


def corners(mask):
    y, x = np.nonzero(mask)
    return np.unique(np.concatenate([np.column_stack([y + a, x + b]) for a in (0, 1) for b in (0, 1)]), axis=0)


def test_moments_perimeter_and_boxes_equal_scikit_image(blobs):
    objects = measure_shape(blobs)
    theirs = regionprops_table(
        blobs,
        properties=[
            "label", "area", "centroid", "axis_major_length", "axis_minor_length", "perimeter_crofton", "eccentricity",
            "bbox", "equivalent_diameter_area",
        ],
    )  # fmt: skip
    assert len(objects["label"]) > 40
    np.testing.assert_array_equal(objects["label"], theirs["label"])
    np.testing.assert_array_equal(objects["area"], theirs["area"])
    np.testing.assert_array_equal(objects["bbox_height"], theirs["bbox-2"] - theirs["bbox-0"])
    np.testing.assert_array_equal(objects["bbox_width"], theirs["bbox-3"] - theirs["bbox-1"])
    for ours, name in (
        ("y", "centroid-0"), ("x", "centroid-1"), ("ecd", "equivalent_diameter_area"),
        ("major_axis", "axis_major_length"), ("minor_axis", "axis_minor_length"), ("perimeter", "perimeter_crofton"),
    ):  # fmt: skip
        np.testing.assert_allclose(objects[ours], theirs[name], rtol=1e-9, atol=1e-6)
    real = theirs["axis_major_length"] > 0  # scikit-image calls one pixel round, and so do we
    np.testing.assert_allclose(objects["eccentricity"][real], theirs["eccentricity"][real], atol=1e-6)


def test_orientation_is_that_of_scikit_image_counted_from_the_x_axis(blobs):
    objects = measure_shape(blobs)
    long = objects["eccentricity"] > 0.3
    theirs = np.degrees([region.orientation for region in regionprops(blobs)])
    # theirs runs from the row axis, counter-clockwise
    difference = (objects["orientation"] - (theirs + 90))[long]
    np.testing.assert_allclose((difference + 90) % 180 - 90, 0, atol=1e-6)
    assert (objects["orientation"] > -90).all()
    assert (objects["orientation"] <= 90).all()


@pytest.mark.parametrize(("angle", "expected"), [(0, 0), (30, 30), (90, 90), (-45, -45), (120, -60)])
def test_a_drawn_ellipse_has_its_axes_and_its_angle(angle, expected):
    mask = np.zeros((161, 161), bool)
    # scikit-image's rotation turns the column radius counter-clockwise
    mask[ellipse(80, 80, 20, 60, rotation=np.radians(angle))] = True
    found = one(mask)
    assert found["major_axis"] == pytest.approx(120, rel=0.02)
    assert found["minor_axis"] == pytest.approx(40, rel=0.02)
    assert (found["orientation"] - expected + 90) % 180 - 90 == pytest.approx(0, abs=0.5)


def test_a_disc_is_round():
    mask = np.zeros((121, 121), bool)
    mask[disk((60, 60), 50)] = True
    found = one(mask)
    assert found["ecd"] == pytest.approx(100, rel=0.01)
    assert found["circularity"] == pytest.approx(1, abs=0.02)
    assert found["feret_min"] == pytest.approx(100, abs=2)
    assert found["feret_max"] == pytest.approx(100, abs=2)
    assert found["convexity"] == 1
    assert 0.97 < found["solidity"] <= 1
    assert found["orientation"] == 0


def test_one_pixel_and_lines_have_the_sizes_of_pixel_squares():
    labels = np.zeros((9, 9), np.int32)
    labels[0, 0] = 1
    labels[2, 1:8] = 2
    labels[4:9, 1] = 3
    objects = measure_shape(labels)
    np.testing.assert_allclose(objects["feret_min"], [1, 1, 1])
    np.testing.assert_allclose(objects["feret_max"], np.sqrt([2, 50, 26]))
    np.testing.assert_allclose(objects["solidity"], [1, 1, 1])
    np.testing.assert_allclose(objects["convexity"], [1, 1, 1])
    np.testing.assert_allclose(objects["minor_axis"], 0)
    np.testing.assert_allclose(objects["major_axis"], [0, 4 * 2, 4 * np.sqrt(2)])
    np.testing.assert_allclose(objects["orientation"], [0, 0, 90])
    np.testing.assert_allclose(objects["eccentricity"], [0, 1, 1])


@given(masks)
def test_feret_and_hull_equal_brute_force_over_all_corners(mask):
    found = one(mask)
    points = corners(mask)
    hull = ConvexHull(points)
    assert found["solidity"] == pytest.approx(mask.sum() / hull.volume, rel=1e-9)
    farthest = max(np.hypot(*(a - b)) for a, b in itertools.combinations(points[hull.vertices], 2))
    assert found["feret_max"] == pytest.approx(farthest, rel=1e-12)
    widths = np.ptp(points @ hull.equations[:, :2].T, axis=0)  # the least width lies across an edge of the hull
    assert found["feret_min"] == pytest.approx(widths.min(), rel=1e-9)


@given(masks)
def test_perimeter_equals_crofton_of_scikit_image_for_any_mask(mask):
    assert one(mask)["perimeter"] == pytest.approx(perimeter_crofton(mask, directions=4), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_random_polygons_agree_with_their_own_geometry(seed):
    from skimage.draw import polygon

    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 9))
    vertices = 150 + 120 * np.column_stack([np.sin(angle), np.cos(angle)])
    mask = np.zeros((300, 300), bool)
    mask[polygon(*vertices.T)] = True
    hull = ConvexHull(vertices)
    found = one(mask)
    diameter = max(np.hypot(*(a - b)) for a, b in itertools.combinations(vertices, 2))
    assert found["feret_max"] == pytest.approx(diameter, abs=1.5)
    assert found["feret_min"] == pytest.approx(np.ptp(vertices @ hull.equations[:, :2].T, axis=0).min(), abs=1.5)
    assert found["area"] == pytest.approx(hull.volume, rel=0.01)


def test_solidity_and_convexity_stay_near_scikit_image_for_large_objects():
    mask = np.zeros((200, 200), bool)
    mask[disk((70, 100), 60)] = True
    mask[disk((130, 100), 50)] = True
    mask[disk((95, 40), 25)] = False
    found = one(mask)
    hull = convex_hull_image(mask)
    region = regionprops(mask.astype(int))[0]
    assert found["solidity"] == pytest.approx(region.solidity, abs=0.01)
    assert found["feret_max"] == pytest.approx(region.feret_diameter_max, abs=1)
    ratio = perimeter_crofton(hull, directions=4) / perimeter_crofton(mask, directions=4)
    assert found["convexity"] == pytest.approx(ratio, abs=0.01)


@settings(max_examples=40)
@given(masks, st.sampled_from(["flip", "mirror", "transpose", "rotate"]))
def test_flips_and_right_turns_change_no_size(mask, how):
    turned = {"flip": mask[::-1], "mirror": mask[:, ::-1], "transpose": mask.T, "rotate": np.rot90(mask)}[how]
    before, after = one(mask), one(np.ascontiguousarray(turned))
    for name in ("area", "ecd", "major_axis", "minor_axis", "feret_min", "feret_max", "perimeter", "solidity"):
        assert after[name] == pytest.approx(before[name], rel=1e-9, abs=1e-9), name
    assert after["convexity"] == pytest.approx(before["convexity"], rel=1e-9)


@settings(max_examples=30)
@given(masks, st.integers(0, 30), st.integers(0, 30))
def test_a_shift_moves_the_centroid_and_nothing_else(mask, dy, dx):
    moved = np.zeros((mask.shape[0] + dy, mask.shape[1] + dx), bool)
    moved[dy:, dx:] = mask
    before, after = one(mask), one(moved)
    assert (after["y"] - dy, after["x"] - dx) == pytest.approx((before["y"], before["x"]))
    for name in set(before) - {"x", "y"}:
        assert after[name] == pytest.approx(before[name], rel=1e-12, abs=1e-12), name


def test_columns_follow_the_schema_and_basic_leaves_out_the_outline(blobs):
    full, basic = measure_shape(blobs), measure_shape(blobs, basic=True)
    assert [name for name in COLUMNS if name in full] == list(full)
    left_out = {"feret_min", "feret_max", "perimeter", "circularity", "solidity", "convexity"}
    assert set(full) - set(basic) == left_out
    for name, values in basic.items():
        np.testing.assert_array_equal(values, full[name])


def test_no_objects_give_empty_columns_of_the_same_types(blobs):
    full, empty = measure_shape(blobs), measure_shape(np.zeros((4, 5), np.int32))
    for name, values in full.items():
        assert empty[name].shape == (0,)
        assert empty[name].dtype == values.dtype


def test_one_object_can_fill_the_image():
    found = measure_shape(np.ones((300, 200), np.uint8))
    assert found["area"][0] == 60000
    assert found["feret_min"][0] == 200
    assert found["feret_max"][0] == pytest.approx(np.hypot(300, 200))
    assert found["perimeter"][0] == pytest.approx(perimeter_crofton(np.ones((300, 200)), directions=4))


def test_seventy_thousand_objects_keep_their_own_label():
    labels = np.zeros((530, 532), np.int32)
    labels[::2, ::2] = np.arange(1, 265 * 266 + 1).reshape(265, 266)
    objects = measure_shape(labels)
    assert len(objects["label"]) == 70490
    assert objects["label"][-1] == 70490
    assert (objects["area"] == 1).all()
    assert (objects["y"][-1], objects["x"][-1]) == (528, 530)


def test_moments_stay_exact_far_from_the_origin():
    near, far = np.zeros((7, 9), np.int32), np.zeros((7, 60000), np.int32)
    near[2:4, 1:8] = 1
    far[2:4, 59990:59997] = 1
    ours, theirs = measure_shape(far), measure_shape(near)
    assert ours["major_axis"][0] == theirs["major_axis"][0]
    assert ours["x"][0] == 59993


def test_the_input_is_not_changed(blobs):
    labels = blobs.copy()
    labels.setflags(write=False)
    measure_shape(labels)
    np.testing.assert_array_equal(labels, blobs)
