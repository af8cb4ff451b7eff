"""The steepness of an outline, against OpenCV's gradient and in noise."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from granum.segment.outline_steepness import _gradient, outline_steepness


@pytest.mark.parametrize("shape", [(40, 61), (1, 1), (1, 9), (9, 1), (2, 2), (3, 17)])
def test_the_gradient_is_that_of_opencv_up_to_rounding(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(3).normal(0, 100, shape).astype(np.float32)
    across = cv2.Sobel(image, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(image, cv2.CV_32F, 0, 1)
    np.testing.assert_allclose(_gradient(image), np.hypot(across, down), rtol=1e-5, atol=1e-3)


def test_a_sharp_disc_has_a_steep_outline_and_noise_has_none() -> None:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:200, :200]
    disc = np.hypot(y - 100, x - 100) < 40
    noise = rng.normal(0, 1, disc.shape).astype(np.float32)
    assert outline_steepness((100 * disc + noise).astype(np.float32), disc) > 10
    assert outline_steepness(noise, disc) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("full", [False, True])
def test_without_an_outline_there_is_no_steepness(full: bool) -> None:
    image = np.random.default_rng(2).normal(0, 1, (30, 30)).astype(np.float32)
    assert outline_steepness(image, np.full(image.shape, full)) == 0


def test_the_place_in_memory_does_not_matter() -> None:
    values = np.random.default_rng(4).normal(0, 1, 40 * 61 + 8).astype(np.float32)
    image = values[: 40 * 61].reshape(40, 61).copy()
    found = set()
    for shift in range(8):
        values[shift : shift + image.size] = image.ravel()
        moved = values[shift : shift + image.size].reshape(image.shape)
        found.add(_gradient(moved).tobytes())
    assert len(found) == 1
