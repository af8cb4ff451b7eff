import cv2
import numpy as np
import pytest

from granum.segment.calm_level import find_calm_places
from granum.segment.gradient_relief import measure_gradient, threshold_gradient
from granum.segment.grid_maximum import tile_extremes, usual_maximum


def noise(sd=6.0, shape=(600, 600), seed=0):
    return np.random.default_rng(seed).normal(100, sd, shape)


def usual(image, sigma):
    relief = measure_gradient(image, smoothing=sigma)
    return relief, usual_maximum(np.sort(tile_extremes(relief.magnitude, None, 25)[0]))


@pytest.mark.parametrize("sigma", [0.0, 0.7, 1.0, 1.4, 2.0, 2.8])
def test_of_noise_alone_the_level_is_the_usual_maximum_of_a_tile(sigma):
    relief, level = usual(noise(), sigma)
    assert relief.calm.level(relief.magnitude, sigma, 25) == pytest.approx(level, rel=0.1)
    assert relief.calm.share > 0.97
    assert relief.calm.seen


@pytest.mark.parametrize(("cover", "off"), [(0.5, 0.1), (0.8, 0.2), (0.95, 0.6)])
def test_texture_on_most_of_the_field_hardly_moves_the_level(cover, off):
    image = noise()
    y, x = np.mgrid[:600, :600]
    gaps = np.hypot((y + 30) % 60 - 30, (x + 30) % 60 - 30) < 60 * np.sqrt((1 - cover) / np.pi)
    texture = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 200, image.shape), (0, 0), 1.5)
    covered = image + np.where(gaps, 0, texture)
    _, empty = usual(image, 0)
    relief, level = usual(covered, 0)
    assert level > 2 * empty  # the usual tile is one of cells
    assert relief.calm.level(relief.magnitude, 0, 25) == pytest.approx(empty, rel=off)
    mask, _, _, by_noise = threshold_gradient(relief)
    assert by_noise
    assert mask[cv2.erode(gaps.astype(np.uint8), np.ones((5, 5))) > 0].mean() < 0.02
    assert mask[~gaps].mean() > 0.2


def jpeg(image, quality):
    return cv2.imdecode(cv2.imencode(".jpg", np.clip(image, 0, 255).astype(np.uint8), [1, quality])[1], 0)


def border(image):
    image[:200] = 0
    return image


@pytest.mark.parametrize(
    "change",
    [
        lambda image: jpeg(image, 80),
        lambda image: jpeg(image, 60),
        lambda image: jpeg(image, 30),
        lambda image: cv2.GaussianBlur(image, (0, 0), 2),
        lambda image: cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC),
        lambda image: cv2.medianBlur(image.astype(np.uint8), 3),
        lambda image: cv2.bilateralFilter(image.astype(np.uint8), 7, 25, 5),
        lambda image: (100.2 + (image - 100) / 40).round().astype(np.uint8),
        border,
    ],
    ids=["JPEG 80", "JPEG 60", "JPEG 30", "blurred", "enlarged", "median", "bilateral", "rounded", "border"],
)
def test_empty_fields_whose_noise_is_not_white_stay_empty(change):
    relief = measure_gradient(change(noise()))
    mask, _, _, by_noise = threshold_gradient(relief)
    assert not by_noise
    assert mask.mean() < 0.002 + 0.004 * (change is border)  # the edge of the border is steep


def test_what_is_too_small_or_constant_tells_nothing():
    for shape in ((1, 1), (5, 400), (12, 12)):
        flat = np.full(shape, 7.0)
        assert find_calm_places(flat, np.zeros(shape, np.float32)) is None


def test_only_the_area_counts():
    image = noise()
    image[:, 300:] = 100 + (image[:, 300:] - 100) / 10
    area = np.zeros(image.shape, bool)
    area[:, :300] = True
    magnitude = measure_gradient(image, smoothing=0).magnitude
    inside, everywhere = (find_calm_places(image, magnitude, a) for a in (area, None))
    assert inside.scale > 5 * everywhere.scale
