"""Which cuts of an over-segmentation are kept: touching discs with known truth, and odd inputs."""

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage.measure import label
from skimage.morphology import convex_hull_image

from granum.errors import SettingError, ShapeError
from granum.separate.convex_merge import merge_convex_parts, split_by_shape
from granum.separate.distance import distance_map
from granum.separate.hulls import twice_hull_area
from granum.separate.part_graph import make_hulls


def draw_discs(shape, discs):
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for k, (cy, cx, r) in enumerate(discs, start=1):
        labels[(np.hypot(y - cy, x - cx) < r) & (labels == 0)] = k
    return labels


DISCS = draw_discs(
    (120, 170),
    [(25, 25, 18), (30, 60, 20), (60, 40, 15), (90, 30, 20), (80, 90, 25), (60, 128, 24), (105, 140, 9), (20, 100, 9)],
)


def same_partition(one, two):
    pairs = np.unique(np.stack([one.ravel(), two.ravel()]), axis=1)
    return len(pairs[0]) == len(np.unique(one)) == len(np.unique(two))


def test_touching_discs_come_apart_and_cover_the_mask():
    labels, confidence = split_by_shape(DISCS > 0)
    assert labels.dtype == np.int32
    assert confidence.dtype == np.float32
    assert labels.max() == len(confidence) == 8
    np.testing.assert_array_equal(labels > 0, DISCS > 0)
    overlap = np.histogram2d(DISCS.ravel(), labels.ravel(), bins=(np.arange(10), np.arange(10)))[0][1:, 1:]
    best = overlap.argmax(axis=1)
    assert len(set(best)) == 8
    assert (overlap.max(axis=1) > 0.8 * overlap.sum(axis=1)).all()


def test_labels_are_in_raster_order():
    labels, _ = split_by_shape(DISCS > 0)
    found = labels[labels > 0]
    first = [np.flatnonzero(found == k)[0] for k in range(1, labels.max() + 1)]
    assert (np.diff(first) > 0).all()


@pytest.mark.parametrize("flip", [np.flipud, np.fliplr, np.transpose, lambda a: np.rot90(a, 2)])
def test_a_turned_mask_gives_turned_objects(flip):
    labels, confidence = split_by_shape(DISCS > 0)
    turned, turned_confidence = split_by_shape(np.ascontiguousarray(flip(DISCS > 0)))
    assert turned.max() == labels.max()
    # the watershed breaks ties in raster order, which moves single pixels
    best = np.histogram2d(turned.ravel(), flip(labels).ravel(), bins=(np.arange(10), np.arange(10)))[0].max(axis=1)
    assert best.sum() > 0.99 * labels.size
    np.testing.assert_allclose(np.sort(turned_confidence), np.sort(confidence), atol=0.1)


def test_merging_does_not_depend_on_names_or_direction():
    parts = (np.arange(40)[:, None] // 8 * 9 + np.arange(72) // 8 + 1) * (DISCS[40:80, 60:132] > 0)
    distance = distance_map(parts > 0)
    merged, confidence = merge_convex_parts(parts, distance)
    assert 1 <= merged.max() < len(np.unique(parts))
    other, other_confidence = merge_convex_parts(np.where(parts > 0, 2000 - 37 * parts, 0), distance)
    np.testing.assert_array_equal(other, merged)
    np.testing.assert_array_equal(other_confidence, confidence)
    turned, _ = merge_convex_parts(np.fliplr(parts), np.fliplr(distance))
    assert same_partition(np.fliplr(turned), merged)


def test_hulls_are_those_of_scikit_image():
    area, hull, pool = make_hulls(DISCS, 8)
    for k in range(1, 9):
        start, n_left, n_right = hull[k]
        left, right = pool[start : start + n_left], pool[start + n_left : start + n_left + n_right]
        disc = np.equal(DISCS, k)
        assert area[k] == disc.sum()
        # scikit-image counts the pixel centres inside the same polygon: the area up to rounding at its outline
        inside = convex_hull_image(disc, offset_coordinates=True).sum()
        assert abs(twice_hull_area(left, right) / 8 - inside) < 0.03 * inside


def test_a_convex_object_is_one_whatever_it_was_cut_into():
    y, x = np.mgrid[:60, :90]
    mask = ((y - 30) / 25) ** 2 + ((x - 45) / 40) ** 2 < 1
    parts = np.where(mask, y // 7 * 20 + x // 6 + 1, 0)
    labels, confidence = merge_convex_parts(parts, distance_map(mask), max_neck=1)
    assert labels.max() == len(confidence) == 1


def test_confidence_falls_where_the_decision_is_close():
    y, x = np.mgrid[:60, :110]
    confidence = []
    for gap in (38, 32, 26):  # from touching discs to deep overlap
        mask = np.minimum(np.hypot(y - 30, x - 30), np.hypot(y - 30, x - 30 - gap)) < 20
        parts = np.where(mask, 1 + (x > 30 + gap / 2), 0)
        labels, values = merge_convex_parts(parts, distance_map(mask), max_deficit=0.05)
        assert labels.max() == 2
        confidence.append(values.min())
    assert confidence[0] > confidence[1] > confidence[2] >= 0.5
    assert merge_convex_parts(mask.astype(int), distance_map(mask))[1] == 1


def test_a_dark_line_keeps_parts_apart_and_texture_does_not():
    parts = np.zeros((60, 90), np.int32)
    parts[15:45, 15:45], parts[15:45, 45:75] = 1, 2
    distance = distance_map(parts > 0)
    image = np.where(parts > 0, 110.0, 10.0).astype(np.float32)
    texture = ndi.gaussian_filter(np.random.default_rng(3).normal(size=image.shape), 2)
    textured = image + 12 * texture / texture.std()
    lined = textured.copy()
    lined[15:45, 43:47] -= 50
    assert merge_convex_parts(parts, distance)[0].max() == 1
    assert merge_convex_parts(parts, distance, textured)[0].max() == 1
    assert merge_convex_parts(parts, distance, lined)[0].max() == 2
    assert merge_convex_parts(parts, distance, lined + 1000.0)[0].max() == 2
    lined[22:38, 43:47] += 50  # bright in the middle: no line
    assert merge_convex_parts(parts, distance, lined)[0].max() == 1


def test_the_hard_cases_are_divided_without_gaps(hard_case):
    before = hard_case.mask.copy()
    labels, confidence = split_by_shape(hard_case.mask)
    again, same_confidence = split_by_shape(hard_case.mask)
    np.testing.assert_array_equal(hard_case.mask, before)
    np.testing.assert_array_equal(labels > 0, before)
    np.testing.assert_array_equal(np.unique(labels[before]), np.arange(1, labels.max() + 1))
    np.testing.assert_array_equal(again, labels)
    np.testing.assert_array_equal(same_confidence, confidence)
    assert len(confidence) == labels.max() >= hard_case.n_components
    assert ((confidence >= 0.5) & (confidence <= 1)).all()
    components = label(hard_case.mask, connectivity=1)
    pairs = np.unique(np.stack([labels[before], components[before]]), axis=1)
    assert len(pairs[0]) == labels.max()


def test_round_particles_are_counted_exactly(hard_discs):
    assert split_by_shape(hard_discs.mask)[0].max() == hard_discs.n_particles


def test_parts_that_meet_at_a_corner_of_background_stay_apart():
    parts = np.array([[1, 0], [0, 2]])
    np.testing.assert_array_equal(merge_convex_parts(parts, parts > 0, max_deficit=100, max_neck=0)[0], parts)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (20, 30)])
def test_nothing_and_everything(shape):
    labels, confidence = split_by_shape(np.zeros(shape, bool), np.ones(shape))
    assert labels.max() == len(confidence) == 0
    labels, confidence = split_by_shape(np.ones(shape, bool), np.ones(shape))
    np.testing.assert_array_equal(labels, np.ones(shape))
    np.testing.assert_array_equal(confidence, [1])


def test_seventy_thousand_parts_in_one_piece_and_apart():
    y, x = np.mgrid[:530, :530]
    tiles = (y // 2 * 265 + x // 2 + 1).astype(np.int32)
    assert tiles.max() > 70_000
    labels, confidence = merge_convex_parts(tiles, np.ones(tiles.shape), max_neck=1)
    assert labels.max() == len(confidence) == 1
    alone = np.zeros((530, 530), np.int32)
    alone[::2, ::2] = np.arange(1, 265**2 + 1).reshape(265, 265)
    labels, confidence = merge_convex_parts(alone, alone > 0)
    np.testing.assert_array_equal(labels, alone)
    np.testing.assert_array_equal(confidence, np.ones(265**2))


def test_one_part_that_touches_thousands_takes_them_all_up():
    labels = np.ones((200, 200), np.int32)
    labels[1::3, 1::3] = np.arange(2, 2 + labels[1::3, 1::3].size).reshape(labels[1::3, 1::3].shape)
    merged, _ = merge_convex_parts(labels, np.ones(labels.shape), max_neck=1)
    assert merged.max() == 1


def test_labels_with_huge_values_are_taken():
    labels = np.where(DISCS > 4, 2_000_000_000 + DISCS, DISCS)
    merged, _ = merge_convex_parts(labels, distance_map(labels > 0))
    assert same_partition(merged, merge_convex_parts(DISCS, distance_map(DISCS > 0))[0])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_deficit": -0.1}, r"max_deficit: is -0\.1"),
        ({"max_deficit": np.nan}, "max_deficit: is nan"),
        ({"max_neck": 1.5}, r"max_neck: is 1\.5"),
        ({"min_dip": 2}, "min_dip: is 2"),
        ({"smoothing": -1}, "smoothing: is -1"),
        ({"min_dynamic": 7}, "min_dynamic: is 7"),
    ],
)
def test_a_setting_out_of_range_is_named(settings, words):
    with pytest.raises(SettingError, match=words):
        split_by_shape(np.eye(4) > 0, **settings)


def test_wrong_arrays_are_named():
    with pytest.raises(ShapeError, match="distance: has shape"):
        merge_convex_parts(np.ones((3, 3), int), np.ones((3, 4)))
    with pytest.raises(ShapeError, match="image: has shape"):
        split_by_shape(np.ones((3, 3), bool), np.ones((3, 4)))
    with pytest.raises(ShapeError, match="two axes"):
        split_by_shape(np.ones((3, 3, 3), bool))
