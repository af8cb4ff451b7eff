from __future__ import annotations

import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.learn import (
    FeatureSet,
    PixelClass,
    TrainingImage,
    gather_training_data,
    make_scribbles,
    measure_intensity,
    pixel_features,
    training_data,
)
from granum.learn.known_pixels import KnownPixels
from granum.learn.pixel_features import sample_features

FEATURES = FeatureSet(sigmas=(1.0, 2.0), kinds=("gaussian", "gradient"))


def image_of(name, *strokes, seed=0, shape=(120, 150), channels=1, dtype=np.uint8, **more):
    """Strokes (class, row, first column, last column)."""
    pixels = np.random.default_rng(seed).integers(0, 250, (channels, *shape)).astype(dtype)
    plane = np.zeros(shape, np.uint8)
    for class_id, row, first, last in strokes:
        plane[row, first : last + 1] = class_id
    return TrainingImage(name, pixels, make_scribbles(plane, name=name) if strokes else None, **more)


def two_images():
    return [
        image_of("a", (2, 10, 0, 99), (2, 20, 0, 9), (5, 30, 0, 49)),
        image_of("b", (5, 90, 50, 89), (2, 100, 3, 3), seed=1, shape=(130, 160)),
        image_of("c", seed=2),
    ]


def test_everything_fits_together():
    images = two_images()
    data = gather_training_data(images, [PixelClass(5, "pore"), PixelClass(2, "grain")], features=FEATURES, n_sample=90)
    assert [one.name for one in data.classes] == ["grain", "pore"]
    assert data.names == FEATURES.names(1)
    assert data.painted.shape == (FEATURES.n_features(), 100 + 10 + 50 + 40 + 1)
    assert data.sample.shape == (FEATURES.n_features(), 90)
    assert np.bincount(data.sample_image).tolist() == [30, 30, 30]
    assert data.painted.dtype == data.sample.dtype == data.weights.dtype == np.float32
    assert data.labels.dtype == np.uint8
    assert data.painted.flags.c_contiguous
    assert data.intensity == tuple(measure_intensity(one.channels) for one in images)
    assert [(one.image, one.stroke, one.class_id, one.n_px) for one in data.strokes] == [
        ("a", 1, 2, 100),
        ("a", 2, 2, 10),
        ("a", 3, 5, 50),
        ("b", 1, 2, 1),
        ("b", 2, 5, 40),
    ]
    for i in range(data.labels.size):
        scribbles = images[data.image_of[i]].scribbles
        stroke = data.strokes[data.stroke_of[i]]
        y, x = data.y[i], data.x[i]
        assert scribbles.class_plane((y, x, y + 1, x + 1))[0, 0] == stroke.class_id == data.classes[data.labels[i]].id
        assert scribbles.name == stroke.image
    for number, image in enumerate(images):
        own = data.sample_image == number
        wanted = sample_features(
            image.channels, FEATURES, intensity=data.intensity[number], y=data.sample_y[own], x=data.sample_x[own]
        )
        np.testing.assert_array_equal(data.sample[:, own], wanted)
        own = data.image_of == number
        if not own.any():
            continue
        wanted = sample_features(
            image.channels, FEATURES, intensity=data.intensity[number], y=data.y[own], x=data.x[own]
        )
        np.testing.assert_array_equal(data.painted[:, own], wanted)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_pixels():
    one, two, other = (
        gather_training_data(two_images(), features=FEATURES, most_per_class=20, n_sample=60, seed=seed)
        for seed in (0, 0, 1)
    )
    for name in ("painted", "labels", "image_of", "stroke_of", "y", "x", "weights", "sample", "sample_y", "sample_x"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes(), name
    assert not np.array_equal(one.x, other.x)
    assert not np.array_equal(one.sample_x, other.sample_x)


def test_caps_count_per_class_and_image_and_weights_are_balanced():
    data = gather_training_data(two_images(), features=FEATURES, most_per_class=20, n_sample=0)
    assert np.bincount(data.stroke_of).tolist() == [10, 10, 20, 1, 20]
    assert data.sample.shape == (FEATURES.n_features(), 0)
    assert data.weights.mean() == pytest.approx(1)
    sums = np.bincount(data.labels, data.weights)
    assert sums[0] == pytest.approx(sums[1], rel=1e-5)
    of_stroke = np.bincount(data.stroke_of, data.weights)
    assert of_stroke[0] / of_stroke[1] == pytest.approx(np.sqrt(10), rel=1e-5)


def test_all_together_stay_in_bounds_and_it_is_said(monkeypatch):
    monkeypatch.setattr(training_data, "_MOST_PAINTED", 90)
    data = gather_training_data(two_images(), features=FEATURES, n_sample=0)
    assert data.labels.size <= 90
    assert "At most 29 pixels per class and image" in " ".join(data.notes)


def test_one_stroke_more_costs_one_stroke_and_gives_what_a_fresh_start_gives(monkeypatch):
    calls = []

    def count(channels, features, *, intensity, y, x):
        calls.append(len(y))
        return sample_features(channels, features, intensity=intensity, y=y, x=x)

    monkeypatch.setattr(pixel_features, "sample_features", count)
    before = image_of("a", (1, 10, 0, 99), (2, 30, 0, 99))
    after = image_of("a", (1, 10, 0, 99), (2, 30, 0, 99), (1, 50, 20, 49))
    cache = KnownPixels()
    settings = {"features": FEATURES, "most_per_class": 60, "n_sample": 50, "seed": 3}
    gather_training_data([before], cache=cache, **settings)
    again = gather_training_data([after], cache=cache, **settings)
    assert calls[1:] == [30]
    fresh = gather_training_data([after], **settings)
    for name in ("painted", "labels", "stroke_of", "y", "x", "weights", "sample", "sample_y", "sample_x"):
        assert getattr(again, name).tobytes() == getattr(fresh, name).tobytes(), name


def test_no_pixel_outside_the_area_or_without_a_number_is_learnt_from_or_sampled():
    area = np.ones((120, 150), np.bool_)
    area[100:] = False
    image = image_of("a", (1, 10, 0, 99), (2, 30, 0, 99), (2, 110, 0, 49), dtype=np.float32, area=area)
    image.channels[0, :15, :40] = np.nan
    data = gather_training_data([image], features=FEATURES, n_sample=2000)
    assert np.bincount(data.labels).tolist() == [60, 100]
    assert 1900 < data.sample_y.size <= 2000
    assert area[data.sample_y, data.sample_x].all()
    assert np.isfinite(image.channels[0, data.sample_y, data.sample_x]).all()
    assert "50 painted pixels lie outside" in data.notes[0]
    assert "40 painted pixels are not numbers" in data.notes[1]


def test_names_that_come_with_strokes_are_used_and_missing_classes_told():
    scribbles = make_scribbles(
        np.pad(np.ones((3, 30), np.uint8), ((0, 20), (0, 20)))
        + np.pad(2 * np.ones((3, 30), np.uint8), ((20, 0), (0, 20))),
        name="a",
        names={2: PixelClass(2, "pore", "#ff0000")},
    )
    image = TrainingImage("a", np.zeros((1, 23, 50), np.uint8), scribbles)
    data = gather_training_data([image], features=FEATURES)
    assert data.classes == (PixelClass(1, "class 1"), PixelClass(2, "pore", "#ff0000"))
    data = gather_training_data([image], [PixelClass(7, "crack")], features=FEATURES)
    assert data.notes[0] == "'crack' has no stroke; the model will not know it."


def test_images_of_different_types_and_pixel_sizes_are_learnt_from_with_a_note():
    images = [
        image_of("a", (1, 10, 0, 99), (1, 12, 0, 99), pixel_size_nm=2.0),
        image_of("b", (2, 10, 0, 99), (2, 12, 0, 99), dtype=np.uint16, pixel_size_nm=3.0),
    ]
    notes = gather_training_data(images, features=FEATURES).notes
    assert "uint16 (b), uint8 (a)" in notes[0]
    assert "2 nm (a) to 3 nm (b)" in notes[1]


@pytest.mark.parametrize(
    ("images", "settings", "error", "words"),
    [
        ([], {}, SettingError, "images: none"),
        ([image_of("a")], {}, SettingError, "nothing is painted"),
        ([image_of("a", (1, 3, 0, 9))], {}, SettingError, "only 'class 1' is painted"),
        ([image_of("a", (1, 3, 0, 9))], {"most_per_class": 0}, SettingError, "most_per_class is 0"),
        ([image_of("a", (1, 3, 0, 9))], {"n_sample": -1}, SettingError, "n_sample is -1"),
        ([image_of("a", (1, 3, 0, 9)), image_of("b", channels=3)], {}, ShapeError, "b: has 3 channels, a has 1"),
        (
            [image_of("a", channels=2, channel_names=("x", "y")), image_of("b", channels=2, channel_names=("y", "x"))],
            {},
            ShapeError,
            "its channels are y, x",
        ),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_with_a_sentence(images, settings, error, words):
    with pytest.raises(error, match=words):
        gather_training_data(images, features=FEATURES, **settings)


def test_strokes_of_another_size_name_the_image():
    image = image_of("a", (1, 3, 0, 9), (2, 9, 0, 9))
    with pytest.raises(ShapeError, match="a: the strokes are of an image of 120 x 150"):
        gather_training_data([TrainingImage("a", image.channels[:, :100], image.scribbles)], features=FEATURES)
