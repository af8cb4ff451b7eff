"""Sums, medians and skirts of the regions of a stain, against what numpy says on the whole image."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from granum.segment.components import label_components
from granum.segment.stain_focus import median_outside, pick_regions, sums_in_regions, wide_regions


def _field(seed: int, size: tuple[int, int] = (120, 170)) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    values = cv2.GaussianBlur(rng.normal(0, 30, size).astype(np.float32), (0, 0), 3)
    return label_components(values > np.quantile(values, 0.85)), values


@pytest.mark.parametrize("seed", range(6))
def test_the_median_outside_is_that_of_numpy(seed: int) -> None:
    labels, values = _field(seed, (60 + seed, 71))
    if seed % 2:
        values = np.round(values)  # equal values, and both zeros
    assert median_outside(labels, values) == float(np.median(values[labels == 0]))


def test_there_is_no_median_without_a_background() -> None:
    assert median_outside(np.ones((3, 4), np.int32), np.ones((3, 4), np.float32)) == 0


def test_sums_and_choice_of_regions_are_those_of_numpy() -> None:
    labels, values = _field(1)
    n = int(labels.max())
    areas, sums = sums_in_regions(labels, values, n)
    np.testing.assert_array_equal(areas[1:], np.bincount(labels.ravel())[1:])
    np.testing.assert_array_equal(sums[1:], np.bincount(labels.ravel(), values.ravel())[1:])
    wanted = np.arange(n + 1) % 3 == 0
    np.testing.assert_array_equal(pick_regions(labels, wanted), wanted[labels] & (labels > 0))


@pytest.mark.parametrize("seed", range(5))
def test_windows_say_of_each_region_what_the_whole_image_says(seed: int) -> None:
    labels, values = _field(seed)
    nucleus = 12.0
    n, radius = int(labels.max()), math.sqrt(nucleus / math.pi)
    distance, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    own = np.zeros(int(nearest.max()) + 1, np.int32)
    own[nearest[labels > 0]] = labels[labels > 0]
    shell = (distance > 0.8 * radius) & (distance < 1.2 * radius)
    level = np.array([values[shell & (own[nearest] == name)].mean(dtype=np.float64) for name in range(1, n + 1)])
    height = np.array([values[labels == name].mean(dtype=np.float64) for name in range(1, n + 1)])
    ground = float(np.median(values[labels == 0]))
    expected = (np.bincount(labels.ravel())[1:] > 1.3 * nucleus) & (level - ground > 0.3 * (height - ground))
    found = wide_regions(values, labels, nucleus)
    np.testing.assert_array_equal(found[1:], expected)
    assert expected.any()
    assert not found[0]


def test_a_glow_is_wide_and_a_disc_is_not() -> None:
    y, x = np.mgrid[:200, :300].astype(np.float32)
    disc = 100 * ((y - 100) ** 2 + (x - 60) ** 2 < 15**2)
    glow = 100 * np.exp(-((y - 100) ** 2 + (x - 200) ** 2) / (2 * 28**2))
    values = (disc + glow).astype(np.float32)
    labels = label_components(values > 40)
    assert labels[100, 200] == 1
    assert wide_regions(values, labels, math.pi * 10**2).tolist() == [False, True, False]
