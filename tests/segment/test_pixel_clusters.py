from __future__ import annotations

import warnings
from pathlib import Path

import numba
import numpy as np
import pytest

from granum import pipeline
from granum.errors import GranumWarning, SettingError
from granum.image import Image
from granum.segment import cluster_features
from granum.segment.cluster_count import choose_count
from granum.segment.cluster_features import flatten_light
from granum.segment.pixel_clusters import cluster_pixels

BANDS = Path(__file__).parents[3] / "shared" / "data" / "seed_confluency" / "d0-c3-005.jpg"


def phases(size=96, *, seed=0, levels=(40, 110, 180)):
    """Vertical stripes of three grey levels, twice, with the same noise."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.tile(levels, 2), size // 6)[None].repeat(size, axis=0) + rng.normal(0, 5, (size, size))
    return np.clip(image, 0, 255).astype(np.uint8)


def cells_under_a_gradient(size=256, *, seed=0):
    """Rough patches on a smooth ground, whose light falls to a fifth from top to bottom; and where they are."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    rough = np.zeros((size, size), np.bool_)
    for cy, cx in ((60, 60), (60, 190), (190, 60), (200, 200)):
        rough |= (y - cy) ** 2 + (x - cx) ** 2 <= 22**2
    texture = np.where(rough, 0.35 * np.sin(y * 1.3) * np.sin(x * 1.1), 0)
    light = np.linspace(200, 40, size)[:, None]
    counts = light * (1 + texture)
    return np.clip(rng.normal(counts, 0.15 * np.sqrt(counts)), 0, 255).astype(np.uint8), rough


def inner_classes(classes):
    """The class in the middle of every stripe."""
    return [int(np.median(classes[:, left + 4 : left + 12])) for left in range(0, 96, 16)]


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("method", ["kmeans", "minibatch", "mixture"])
def test_three_phases_are_found_and_numbered_from_dark_to_bright(method):
    image = phases()
    classes, mask, legend, choice = cluster_pixels(image, k=3, method=method)
    means = [image[classes == number].mean() for number in (1, 2, 3)]
    assert means == sorted(means)
    assert inner_classes(classes) == [1, 2, 3, 1, 2, 3]
    assert (mask == (classes == 3)).all()
    assert [one.name for one in legend] == ["cluster 1", "cluster 2", "cluster 3"]
    assert choice.chosen["k"] == 3


@pytest.mark.parametrize("method", ["kmeans", "minibatch", "mixture"])
def test_repeated_runs_and_any_number_of_threads_give_the_same_bytes(method):
    image, threads = phases(), numba.get_num_threads()
    once = cluster_pixels(image, k=4, method=method, seed=3)[0]
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    try:
        again = cluster_pixels(image, k=4, method=method, seed=3)[0]
    finally:
        numba.set_num_threads(threads)
    assert once.tobytes() == again.tobytes()


def test_bands_of_rows_give_the_same_as_the_whole(monkeypatch):
    image = phases(seed=2)
    whole = cluster_pixels(image, k=3)[0]
    monkeypatch.setattr(cluster_features, "_BAND_BYTES", 1)
    assert cluster_pixels(image, k=3)[0].tobytes() == whole.tobytes()


def test_levels_times_a_number_or_plus_one_change_nothing():
    image = phases().astype(np.float32)
    plain, other = cluster_pixels(image, k=3)[0], cluster_pixels(4 * image + 1000, k=3)[0]
    assert (plain != other).mean() < 0.001


def test_the_number_is_chosen_and_the_reason_told():
    classes, _, _, choice = cluster_pixels(phases(levels=(30, 30, 220)))
    assert classes.max() == choice.chosen["k"] == 2
    assert "silhouette" in choice.reason
    assert choice.candidates[0]["k"] == 2


def test_the_gap_statistic_finds_one_cluster_in_noise_and_three_in_three():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(600, 2))
    assert choose_count(noise, 4, "gap", 0)[0] == 1
    three = np.concatenate([rng.normal(centre, 0.3, (200, 2)) for centre in ((0, 0), (5, 0), (0, 5))])
    for criterion in ("gap", "silhouette"):
        assert choose_count(three, 5, criterion, 0)[0] == 3


def test_bands_of_light_do_not_become_clusters_when_the_light_is_uneven():
    image, rough = cells_under_a_gradient()
    with pytest.warns(GranumWarning, match=r"set segment\.pixel_clusters\.light to uneven"):
        cluster_pixels(image, k=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classes, mask, _, choice = cluster_pixels(image, light="uneven")
    assert choice.chosen["k"] == 2
    assert overlap(mask, rough) > 0.7
    clear = ~rough.any(axis=1)
    assert (classes[clear] == 1).mean() > 0.97


@pytest.mark.skipif(not BANDS.is_file(), reason="../shared/data/seed_confluency is not there")
@pytest.mark.slow
def test_the_picture_of_the_seed_is_not_cut_into_its_light_bands():
    from granum.read import read_image

    image = read_image(BANDS).plane(channel=0)
    classes, *_ = cluster_pixels(image, light="uneven")
    assert classes.max() == 2
    # few cells lie in the picture: what is not the ground must stay few in every 100 rows, dark or bright
    share = (classes == 2).mean(axis=1)
    bands = [share[top : top + 128].mean() for top in range(0, len(share), 128)]
    assert max(bands) < 0.15
    assert min(bands) > 0.005


def test_nothing_outside_the_area_has_a_cluster_or_counts():
    image, area = phases(levels=(40, 110, 110)), np.ones((96, 96), np.bool_)
    area[:, 64:] = False
    with pytest.warns(GranumWarning, match=r"surface explains \d+ % .* may be uneven light, .* or phases that lie so"):
        classes, *_ = cluster_pixels(image, None, area, k=2)
    assert not classes[:, 64:].any()
    assert inner_classes(classes)[:4] == [1, 2, 2, 1]


@pytest.mark.parametrize("image", [np.zeros((8, 8)), np.full((1, 1), 3), np.full((5, 7), np.nan)])
def test_constant_images_are_one_cluster_with_a_warning(image):
    with pytest.warns(GranumWarning):
        classes, mask, legend, choice = cluster_pixels(image)
    assert (classes == 1).all()
    assert not mask.any()
    assert len(legend) == choice.chosen["k"] == 1


def test_settings_out_of_range_are_refused():
    image = phases(24)
    for settings, text in (
        ({"k": 0}, "k: 0 is out of range"),
        ({"method": "dbscan"}, "'dbscan' is not one of"),
        ({"k": 2, "objects": 3}, "there are 2 clusters"),
        ({"largest_k": 1}, "largest_k: 1"),
    ):
        with pytest.raises(SettingError, match=text):
            cluster_pixels(image, **settings)


def test_channels_count_together():
    left, right = phases(levels=(40, 200, 200)), phases(levels=(200, 200, 40), seed=1)
    classes, *_ = cluster_pixels(left, np.stack([left, right]), k=3)
    inner = inner_classes(classes)
    assert len(set(inner)) == 3
    assert inner[1] == 3  # bright in both


def test_flattening_takes_a_slope_away_and_keeps_noise_even():
    image, _ = cells_under_a_gradient()
    flat = flatten_light(image[None])[0]
    rows = flat[:, 100:150].std(axis=1)
    assert abs(flat[80:-80].mean(axis=1)).max() < 0.5
    assert 0.5 < np.median(rows[:100]) / np.median(rows[-100:]) < 2


def test_the_recipe_runs_from_end_to_end():
    result = pipeline.run("pixel-clusters", Image.from_array(phases()))
    assert result.classes is not None
    assert result.n_objects >= 1
