import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from skimage import morphology

from granum.errors import SettingError, ShapeError
from granum.segment import find_tree_objects, label_components, segment_by_component_tree
from granum.segment.max_tree import build_max_tree, describe_components, number_components

CORNERS = np.ones((3, 3), int)


def discs(shape=(120, 160), noise=0.0, seed=0):
    """Discs of radius 9 of very different brightness on a slope, and their labels."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    image, truth = 0.1 * x + 20.0, np.zeros(shape, np.int32)
    for number, (cy, cx, height) in enumerate(
        [(20, 25, 150), (20, 90, 40), (60, 130, 60), (90, 30, 50), (90, 80, 100)]
    ):
        disc = (y - cy) ** 2 + (x - cx) ** 2 <= 81
        image[disc] += height
        truth[disc] = number + 1
    return image + np.random.default_rng(seed).normal(0, noise, shape) if noise else image, truth


def test_bright_and_dim_discs_on_a_slope_are_each_found_whole():
    image, truth = discs(noise=3.0)
    found = find_tree_objects(image, polarity="bright")
    assert found.labels.max() == 5
    for number in range(1, 6):
        label = np.bincount(found.labels[truth == number]).argmax()
        both = ((found.labels == label) & (truth == number)).sum()
        assert both / ((found.labels == label) | (truth == number)).sum() > 0.85


def test_the_result_is_labels_and_one_row_for_each():
    image, _ = discs(noise=3.0)
    found = find_tree_objects(image, polarity="bright")
    assert found.labels.dtype == np.int32
    assert_array_equal(found.pixels, np.bincount(found.labels.ravel())[1:])
    assert_allclose(found.evidence, found.edge * np.sqrt(found.pixels))
    _, first = np.unique(found.labels, return_index=True)
    assert (np.diff(first[1:]) > 0).all()
    assert ndimage.label(found.labels > 0, CORNERS)[1] == found.labels.max()
    assert_array_equal(segment_by_component_tree(image, polarity="bright"), found.labels > 0)


@pytest.mark.parametrize("polarity", ["bright", "dark"])
def test_each_object_is_a_piece_of_the_image_above_its_level(polarity):
    image, _ = discs(noise=2.0)
    image = np.round(image if polarity == "bright" else 1000 - image)
    found = find_tree_objects(image, polarity=polarity, smoothing=0.0)
    assert found.labels.max() >= 5
    step = (image.max() - image.min()) / 4095
    for label, level in enumerate(found.level, 1):
        above = image >= level - step if polarity == "bright" else image <= level + step
        pieces = ndimage.label(above, CORNERS)[0]
        piece = pieces[found.labels == label]
        assert piece[0] > 0
        assert (piece == piece[0]).all()
        assert (pieces == piece[0]).sum() == found.pixels[label - 1]


def test_many_objects_win_over_the_bright_body_that_holds_them():
    y, x = np.mgrid[:200, :200]
    body = (y - 100) ** 2 + (x - 100) ** 2 < 50**2
    spots = body & (((y % 16) - 8) ** 2 + ((x % 16) - 8) ** 2 < 16) & ((y - 100) ** 2 + (x - 100) ** 2 < 42**2)
    image = 50 * np.exp(-((y - 100) ** 2 + (x - 100) ** 2) / 3200) + 100 * spots
    mask = segment_by_component_tree(image, polarity="bright")
    assert label_components(mask, connectivity=2).max() > 10
    assert not mask[body & ~ndimage.binary_dilation(spots, iterations=4)].any()


def test_textured_discs_stay_whole():
    image, truth = discs()
    grain = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=image.shape), 1.5)
    image = 100.0 * (truth > 0) * (1 + 0.2 * grain / grain.std()) + np.random.default_rng(4).normal(0, 2, image.shape)
    assert find_tree_objects(image, polarity="bright").labels.max() == 5


def test_a_noise_free_background_gives_no_objects():
    image, truth = discs()
    mask = segment_by_component_tree(image, polarity="bright")
    assert mask.any()
    assert not mask[truth == 0].any()
    flat = np.full((80, 90), 0.1)
    flat[30:50, 40:60] += 1 / 3
    for smoothing in (0.0, 1.0, 2.5):
        assert find_tree_objects(flat, polarity="bright", smoothing=smoothing).labels.max() == 1


def test_dark_objects_are_bright_objects_of_the_negative():
    image, _ = discs(noise=3.0)
    image = np.round(image)
    mask = segment_by_component_tree(image, polarity="bright")
    dark = segment_by_component_tree(512 - image, polarity="dark")
    assert (mask == dark).mean() > 0.999
    assert_array_equal(segment_by_component_tree(512 - image), dark)


def test_gain_and_offset_do_not_change_the_mask():
    image = np.round(discs(noise=3.0)[0]).astype(np.uint16)
    mask = segment_by_component_tree(image, polarity="bright")
    assert_array_equal(segment_by_component_tree(image * 4.0 - 1024, polarity="bright"), mask)


def test_only_the_analysed_area_has_objects():
    image, truth = discs(noise=3.0)
    area = np.ones(image.shape, bool)
    area[:, 70:] = False
    image[:, 70:] = 1e6
    found = find_tree_objects(image, area, polarity="bright")
    assert not found.labels[~area].any()
    assert set(truth[found.labels > 0]) >= {1, 4}
    assert not segment_by_component_tree(image, np.zeros(image.shape, bool)).any()


def test_sizes_are_held_between_the_limits():
    image, _ = discs(noise=3.0)
    assert find_tree_objects(image, polarity="bright", min_area=100).pixels.min() >= 100
    assert find_tree_objects(image, polarity="bright", max_area_share=0.01).pixels.max() <= 0.01 * image.size
    assert not segment_by_component_tree(image, max_area_share=0.0).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.float32, np.float64, ">u2", ">f4"])
def test_dtypes_strides_and_read_only_images_give_one_mask(dtype):
    image = np.clip(np.round(discs(noise=2.0)[0] / 2), 0, 255)
    mask = segment_by_component_tree(image, polarity="bright")
    typed = image.astype(dtype)
    typed.flags.writeable = False
    before = typed.copy()
    assert_array_equal(segment_by_component_tree(typed, polarity="bright"), mask)
    assert_array_equal(typed, before)
    spaced = np.repeat(typed, 2, axis=1)[:, ::2]
    assert_array_equal(segment_by_component_tree(spaced, polarity="bright"), mask)


@pytest.mark.parametrize("value", [0, 7.3, np.nan, np.inf])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (30, 40)])
def test_constant_images_have_no_objects(shape, value):
    found = find_tree_objects(np.full(shape, value))
    assert found.labels.shape == shape
    assert not found.labels.any()
    assert found.level.shape == found.pixels.shape == found.evidence.shape == (0,)


@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (2, 2)])
def test_thin_images_are_taken(shape):
    image = np.arange(np.prod(shape), dtype=float).reshape(shape)
    assert segment_by_component_tree(image, min_area=1, max_area_share=1.0).shape == shape


def test_missing_and_huge_values_are_taken():
    image, _ = discs(noise=3.0)
    image[5:8, 5:8] = np.nan
    assert find_tree_objects(image, polarity="bright").labels.max() == 5
    huge = np.where(discs()[1] > 0, 1e308, -1e308)
    assert find_tree_objects(huge, polarity="bright").labels.max() == 5


@pytest.mark.parametrize(
    "setting", [{"smoothing": -1}, {"min_area": 0}, {"max_area_share": 2}, {"n_levels": 1}, {"polarity": "up"}]
)
def test_settings_out_of_range_are_named(setting):
    with pytest.raises(SettingError, match=next(iter(setting))):
        segment_by_component_tree(np.eye(5), **setting)


def test_three_axes_are_refused():
    with pytest.raises(ShapeError, match="two axes"):
        segment_by_component_tree(np.zeros((2, 3, 4)))


SMALL = arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(1, 6))


@settings(deadline=None, max_examples=60)
@given(SMALL)
def test_components_are_those_of_scikit_image(image):
    levels = image.ravel()
    order, parent = build_max_tree(levels, image.shape[1])
    node, _, area, level = number_components(levels, order, parent, 1)
    assert_array_equal(np.sort(order), np.arange(levels.size))
    assert_array_equal(level[node], levels)
    # area of each pixel's component at its own level, by labelling
    for value in np.unique(levels):
        pieces = ndimage.label(image >= value, CORNERS)[0].ravel()
        at = levels == value
        assert_array_equal(area[node[at]], np.bincount(pieces)[pieces[at]])
    if min(image.shape) < 3:
        return  # scikit-image's tree takes no thin images
    theirs, _ = morphology.max_tree(image, connectivity=2)
    up = theirs.ravel()
    canonical = (levels[up] != levels) | (up == np.arange(up.size))
    assert canonical.sum() == area.size


@settings(deadline=None, max_examples=60)
@given(SMALL, st.integers(2, 6))
def test_small_components_left_out_are_an_area_opening(image, least):
    levels = image.ravel()
    order, parent = build_max_tree(levels, image.shape[1])
    node, _, _, level = number_components(levels, order, parent, least)
    if min(image.shape) >= 3:  # scikit-image's tree takes no thin images
        assert_array_equal(level[node].reshape(image.shape), morphology.area_opening(image, least, connectivity=2))


@settings(deadline=None, max_examples=60)
@given(SMALL)
def test_edge_and_convexity_are_those_of_each_component_alone(image):
    width = image.shape[1]
    levels, gradient = image.ravel(), np.linspace(1, 2, image.size, dtype=np.float32)
    order, parent = build_max_tree(levels, width)
    node, above, _, level = number_components(levels, order, parent, 1)
    convexity, edge = describe_components(levels, gradient, node, above, width)
    for row in range(above.size):
        pieces = ndimage.label(image >= level[row], CORNERS)[0]
        inside = pieces == pieces.ravel()[np.flatnonzero(node == row)[0]]
        wide = np.pad(inside, 1)
        pairs = [(wide[:, 1:], wide[:, :-1]), (wide[1:], wide[:-1])]
        diagonals = [(wide[1:, 1:], wide[:-1, :-1]), (wide[1:, :-1], wide[:-1, 1:])]
        outline = sum((a != b).sum() for a, b in pairs) + 0.5**0.5 * sum((a != b).sum() for a, b in diagonals)
        y, x = np.nonzero(inside)
        spans = [np.ptp(v) + 1 for v in (y, x, y + x, y - x)]
        hull = 2 * (spans[0] + spans[1] + 0.5**0.5 * (spans[2] + spans[3]))
        assert_allclose(convexity[row], hull / outline, rtol=1e-5)
        field = gradient.reshape(image.shape)
        means = [(field[:, 1:] + field[:, :-1])[inside[:, 1:] != inside[:, :-1]] / 2]
        means.append((field[1:] + field[:-1])[inside[1:] != inside[:-1]] / 2)
        along = np.concatenate(means)
        assert_allclose(edge[row], along.mean() if along.size else 0, rtol=1e-4, atol=1e-6)
