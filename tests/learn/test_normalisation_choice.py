from __future__ import annotations

import numpy as np
import pytest

from granum.learn import PixelClass, TrainingImage, gather_training_data, make_scribbles
from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale
from granum.learn.normalisation_choice import choose_normalisation, map_to_training, pool_intensity

FEATURES = FeatureSet(sigmas=(1.0, 2.0), kinds=("gaussian", "deviation"))
CLASSES = (PixelClass(1, "matrix"), PixelClass(2, "phase"))


def image(number, *, level=100.0, contrast=40.0, share=0.4, is_painted=True, seed=0):
    """Return an image of stripes whose bright ones take a share of it."""
    rng = np.random.default_rng(seed * 100 + number)
    bright = (np.arange(90) % 30) < 30 * share
    classes = np.broadcast_to(bright, (80, 90)) + 1
    pixels = level + contrast * (classes == 2) + rng.normal(0, 4, (80, 90))
    painted = np.where(rng.random((80, 90)) < 0.02, classes, 0).astype(np.uint8)
    name = f"image {number}"
    scribbles = make_scribbles(painted, name=name) if is_painted else None
    return TrainingImage(name, pixels[None].astype(np.float32), scribbles)


def choose(*images):
    return choose_normalisation(gather_training_data(images, CLASSES, features=FEATURES, n_sample=200))


def test_levels_that_move_from_image_to_image_are_taken_relative():
    found = choose(*(image(n, level=level) for n, level in enumerate((80, 150, 110))))
    assert (found.normalisation, found.is_measured, found.note) == ("image", True, "")


def test_levels_that_mean_the_same_while_shares_change_are_taken_as_they_are():
    found = choose(*(image(n, share=share) for n, share in enumerate((0.1, 0.9, 0.2, 0.8))))
    assert (found.normalisation, found.is_measured) == ("training", True)


def test_when_both_are_as_good_it_depends_on_how_near_the_levels_are():
    assert choose(image(0), image(1)).normalisation == "training"
    assert choose(image(0), image(1), image(2, level=112, is_painted=False)).normalisation == "image"


@pytest.mark.parametrize("n_strokes", [2, 3, 5])
def test_with_few_strokes_the_choice_does_not_flip_from_stroke_to_stroke(n_strokes):
    chosen = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        images = []
        for n, level in enumerate((80.0, 150.0)):
            one = image(n, level=level, contrast=25.0, seed=seed)
            painted = np.zeros((80, 90), np.uint8)
            for _ in range(n_strokes):  # rows of ten pixels in any stripe, as far as it goes
                y, x = int(rng.integers(80)), int(rng.integers(80))
                bright = (np.arange(90) % 30) < 12
                run = np.arange(x, x + 10)
                painted[y, run[bright[run] == bright[x]]] = 1 + bright[x]
            images.append(TrainingImage(one.name, one.channels, make_scribbles(painted, name=one.name)))
        if len({int(c) for one in images for c in np.unique(one.scribbles.class_ids)}) == 2:
            chosen.append(choose(*images).normalisation)
    assert len(chosen) > 4
    assert set(chosen) == {"image"}


@pytest.mark.parametrize(
    ("others", "normalisation", "says"),
    [
        ([], "image", "cannot be told"),
        ([{"level": 101.0}, {"level": 99.0}], "training", "nearly the same"),
        ([{"level": 180.0}], "image", "cannot mean the same"),
        ([{"level": 112.0}], "image", "differ"),
    ],
)
def test_with_one_painted_image_the_choice_is_a_guess_and_says_so(others, normalisation, says):
    found = choose(image(0), *(image(n, is_painted=False, **one) for n, one in enumerate(others, 1)))
    assert (found.normalisation, found.is_measured) == (normalisation, False)
    assert says in found.note


def test_training_images_share_the_middle_scale():
    scales = tuple(IntensityScale((float(at),), (float(at + 1),)) for at in (10, 20, 90))
    assert pool_intensity(scales) == IntensityScale((20.0,), (21.0,))


def test_features_are_those_that_the_common_scale_gives():
    data = gather_training_data([image(0), image(1, level=150)], CLASSES, features=FEATURES, n_sample=100)
    training = pool_intensity(data.intensity)
    mapped = map_to_training(data.painted, data, data.image_of, training)
    at = data.names.index("c0 pixel 0")
    level = np.array([data.images[i].channels[0, y, x] for i, y, x in zip(data.image_of, data.y, data.x, strict=True)])
    np.testing.assert_allclose(mapped[at], (level - training.offset[0]) / training.scale[0], atol=1e-4)
