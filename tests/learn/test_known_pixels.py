from __future__ import annotations

import numpy as np
import pytest

from granum.learn import FeatureSet, measure_intensity, pixel_features
from granum.learn.known_pixels import KnownPixels
from granum.learn.pixel_features import sample_features

FEATURES = FeatureSet(sigmas=(1.0,), kinds=("gaussian", "gradient"))
IMAGE = np.random.default_rng(0).integers(0, 255, (1, 200, 300), dtype=np.uint8)


@pytest.fixture
def computed(monkeypatch):
    """Number of pixels of every call that computes features."""
    calls = []

    def count(channels, features, *, intensity, y, x):
        calls.append(len(y))
        return sample_features(channels, features, intensity=intensity, y=y, x=x)

    monkeypatch.setattr(pixel_features, "sample_features", count)
    return calls


def ask(known, y, x, *, name="a", features=FEATURES, image=IMAGE, area=None):
    return known.features(name, image, area, features=features, y=np.array(y, np.int32), x=np.array(x, np.int32))


def test_features_are_those_that_are_computed_anew_in_the_order_asked_for():
    known = KnownPixels()
    ask(known, [5, 100], [7, 250])
    y, x = [100, 3, 5, 5], [250, 9, 7, 8]
    wanted = sample_features(IMAGE, FEATURES, intensity=measure_intensity(IMAGE), y=y, x=x)
    np.testing.assert_array_equal(ask(known, y, x), wanted)


def test_only_new_pixels_are_computed(computed):
    known = KnownPixels()
    ask(known, [5, 100], [7, 250])
    ask(known, [100, 5], [250, 7])
    ask(known, [100, 6, 5], [250, 6, 7])
    assert computed == [2, 1]


def test_other_features_other_images_and_what_was_forgotten_are_computed_anew(computed):
    known = KnownPixels()
    area = np.ones(IMAGE.shape[1:], np.bool_)
    area[:20] = False
    ask(known, [50], [5])
    assert ask(known, [50], [5], features=FeatureSet(sigmas=(2.0,), kinds=("gaussian",))).shape == (2, 1)
    ask(known, [50], [5], name="b")
    ask(known, [50], [5], image=IMAGE[:, :150])
    ask(known, [50], [5], area=area)
    known.forget("b")
    ask(known, [50], [5], name="b")
    assert computed == [1] * 6


def test_memory_stays_in_bounds_and_the_oldest_goes_first(computed):
    y, x = np.arange(100), np.arange(100)
    known = KnownPixels(most_bytes=3 * 100 * (FEATURES.n_features() * 4 + 8))
    for name in "abcd":
        ask(known, y, x, name=name)
    assert known.nbytes <= 3 * 100 * (FEATURES.n_features() * 4 + 8)
    ask(known, y, x, name="d")
    ask(known, y, x, name="a")
    assert computed == [100] * 5


def test_the_scale_of_an_image_is_measured_in_its_area():
    area = np.zeros(IMAGE.shape[1:], np.bool_)
    area[:10] = True
    known = KnownPixels()
    assert known.intensity("a", IMAGE, area) == measure_intensity(IMAGE, area=area)
    assert known.intensity("a", IMAGE, None) == measure_intensity(IMAGE)


def test_a_sample_is_drawn_once_until_another_one_is_asked_for():
    drawn = []

    def draw():
        drawn.append(1)
        return np.array([1], np.int32), np.array([2], np.int32)

    known = KnownPixels()
    for n, seed, name in ((5, 0, "a"), (5, 0, "a"), (6, 0, "a"), (6, 1, "a"), (6, 1, "b"), (6, 1, "b")):
        y, x = known.sample(name, IMAGE, None, n=n, seed=seed, draw=draw)
        assert (y.tolist(), x.tolist()) == ([1], [2])
    assert len(drawn) == 4


def test_an_area_that_took_the_place_of_another_one_in_memory_is_counted_anew():
    known = KnownPixels()
    for rows in (10, 100, 50):
        area = np.zeros(IMAGE.shape[1:], np.bool_)
        area[:rows] = True
        assert known.intensity("a", IMAGE, area) == measure_intensity(IMAGE, area=area)
        del area
