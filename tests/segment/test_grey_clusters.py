from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from granum.errors import SettingError
from granum.segment import cluster_grey_levels

SHARED = Path(__file__).parents[3] / "shared" / "data"


def three_levels():
    image = np.full((60, 60), 100.0)
    image[:10] = 20
    image[50:, :20] = 230
    return image + np.random.default_rng(0).normal(0, 2, image.shape)


def test_clusters_are_numbered_from_the_darkest_and_cells_are_not_the_largest():
    mask, classes, legend, choice = cluster_grey_levels(three_levels())
    assert (classes[2, 30], classes[30, 30], classes[55, 5]) == (1, 2, 3)
    assert mask[:10].all()
    assert not mask[20:40].any()
    assert len(legend) == 3
    assert choice.chosen["centres"] == sorted(choice.chosen["centres"])


def test_the_cluster_of_cells_can_be_named():
    mask, classes, _, _ = cluster_grey_levels(three_levels(), cells=3)
    np.testing.assert_array_equal(mask, classes == 3)
    with pytest.raises(SettingError, match="there are 3 clusters"):
        cluster_grey_levels(three_levels(), cells=4)


def test_centres_are_those_of_all_pixels():
    from sklearn.cluster import KMeans

    image = three_levels()
    low, high = image.min(), image.max()
    levels = np.rint((image - low) * 255 / (high - low))
    centres = np.sort(KMeans(3, n_init=10, random_state=0).fit(levels.reshape(-1, 1)).cluster_centers_[:, 0])
    np.testing.assert_allclose(cluster_grey_levels(image)[3].chosen["centres"], centres, atol=0.1)


def test_fewer_levels_than_clusters_give_fewer_clusters():
    assert cluster_grey_levels(np.full((9, 9), 4))[1].max() == 1
    assert not cluster_grey_levels(np.full((9, 9), 4))[0].any()
    assert cluster_grey_levels(np.eye(9))[1].max() == 2


def test_outside_of_the_area_there_is_no_cluster():
    area = np.zeros((60, 60), bool)
    area[20:] = True
    mask, classes, _, _ = cluster_grey_levels(three_levels(), area)
    assert not classes[:20].any()
    assert not mask[:20].any()


def test_its_clusters_follow_bands_of_light_and_do_not_change_from_run_to_run():
    path = SHARED / "seed_confluency" / "d0-c3-005.jpg"
    if not path.exists():
        pytest.skip("../shared/data/seed_confluency is missing")
    image = cv2.imread(str(path), 0)
    classes = cluster_grey_levels(image)[1]
    largest = np.stack([(classes == k).mean(axis=1) for k in (1, 2, 3)]).max(axis=0)
    assert largest.mean() > 0.8
    np.testing.assert_array_equal(classes, cluster_grey_levels(image)[1])


@pytest.mark.parametrize("settings", [{"k": 1}, {"cells": -1}, {"seed": -1}], ids=str)
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        cluster_grey_levels(np.eye(20), **settings)
