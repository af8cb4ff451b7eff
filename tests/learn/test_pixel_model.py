import tracemalloc
from dataclasses import replace

import numba
import numpy as np
import pytest

from granum.errors import ModelError, SettingError
from granum.learn import tiled_prediction
from granum.learn.classifiers import fit_classifier
from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale, measure_intensity
from granum.learn.pixel_features import compute_features
from granum.learn.pixel_model import ContextStage, PixelModel, Stage
from granum.learn.probability_smoothing import context_planes, smooth_planes
from granum.learn.scribbles import PixelClass

CLASSES = (PixelClass(2, "matrix"), PixelClass(5, "pore"), PixelClass(9, "carbide"))
FEATURES = FeatureSet(sigmas=(1.0, 4.0), kinds=("gaussian", "gradient", "deviation"))


def make_image(shape=(150, 170), seed=0):
    random = np.random.default_rng(seed)
    rough = random.normal(size=(1, *shape)).astype(np.float32)
    smooth_planes(rough, 5.0)
    levels = np.digitize(rough[0], np.quantile(rough[0], (1 / 3, 2 / 3)))
    image = np.clip(80 + 40 * levels + 8 * random.normal(size=shape), 0, 255).astype(np.uint8)
    return image[None], levels.astype(np.uint8)


def make_model(family="logistic", *, context=None, seed=0, **changes):
    channels, levels = make_image(seed=seed)
    scale = measure_intensity(channels)
    planes = compute_features(channels, FEATURES, intensity=scale)
    columns = (0, 2, 3, 5, 1)
    settings = {"steps": 100} if family == "mlp" else {"rounds": 8} if family == "lightgbm" else {}
    at = np.random.default_rng(0).choice(levels.size, 400, replace=False)
    flat = planes.reshape(len(planes), -1)
    labels = levels.ravel()[at]
    train = {"n_classes": 3, **settings}
    first = fit_classifier(family, flat[list(columns)][:, at], labels, **train)
    second = None
    if context is not None:
        around = context_planes(first.probabilities(flat[list(columns)]).reshape(3, *levels.shape), context)
        both = np.concatenate([flat[[6, 0]], around.reshape(len(around), -1)])
        second = ContextStage((6, 0), fit_classifier(family, both[:, at], labels, **train), context)
    known = {
        "classes": CLASSES, "n_channels": 1, "channel_names": (), "dtype": "uint8", "pixel_size_nm": None,
        "features": FEATURES, "normalisation": "image", "intensity": scale, "first": Stage(columns, first),
        "context": second,
    }  # fmt: skip
    return PixelModel(**{**known, **changes})


MODELS = {
    "plain": {},
    "prior": {"prior": (0.7, 0.2, 0.1)},
    "smoothed": {"smoothing_px": 1.5, "prior": (0.5, 0.2, 0.3)},
    "context": {"family": "mlp", "context": (0.0, 2.0)},
    "all": {
        "family": "lightgbm",
        "context": (3.0,),
        "smoothing_px": 2.0,
        "prior": (0.2, 0.2, 0.6),
        "normalisation": "training",
    },
}


def test_it_finds_the_classes():
    channels, levels = make_image(seed=1)
    found = make_model().predict(channels)
    truth = np.array([2, 5, 9], np.uint8)[levels]
    assert found.classes.dtype == np.uint8
    assert (found.classes == truth).mean() > 0.85
    assert found.probabilities.shape == (3, 150, 170)
    np.testing.assert_array_equal(np.array([2, 5, 9])[found.probabilities.argmax(axis=0)], found.classes)
    np.testing.assert_allclose(found.probabilities.sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_windows_tiles_and_threads_are_bit_for_bit_the_whole(name, monkeypatch):
    model = make_model(**MODELS[name])
    channels, _ = make_image(seed=1)
    whole = model.predict(channels)
    for window in ((0, 0, 150, 170), (70, 60, 71, 61), (40, 30, 110, 120), (0, 150, 30, 170), (130, 0, 150, 170)):
        y0, x0, y1, x1 = window
        for threads in (1, 2):
            part = model.predict(channels, window=window, threads=threads)
            np.testing.assert_array_equal(part.classes, whole.classes[y0:y1, x0:x1])
            np.testing.assert_array_equal(part.probabilities, whole.probabilities[:, y0:y1, x0:x1])
    monkeypatch.setattr(tiled_prediction, "_MOST_BYTES", 60_000)
    monkeypatch.setattr(tiled_prediction, "_WIDEST", 64)
    tiled = model.predict(channels)
    np.testing.assert_array_equal(tiled.probabilities, whole.probabilities)
    area = np.zeros((150, 170), bool)
    area[100:, 20:90] = True
    np.testing.assert_array_equal(
        model.predict(channels, area=area, intensity=model.scale_for(channels)).probabilities[:, area],
        whole.probabilities[:, area],
    )


@pytest.mark.parametrize("name", MODELS)
def test_a_pixel_depends_on_nothing_beyond_the_halo(name):
    model = make_model(**MODELS[name])
    channels, _ = make_image(shape=(220, 230), seed=2)
    scale = measure_intensity(channels)
    y, x, halo = 110, 115, model.halo
    assert halo < 100
    changed = np.random.default_rng(0).integers(0, 255, channels.shape).astype(np.uint8)
    inside = np.s_[:, y - halo : y + halo + 1, x - halo : x + halo + 1]
    changed[inside] = channels[inside]
    window = (y, x, y + 1, x + 1)
    np.testing.assert_array_equal(
        model.predict(channels, intensity=scale, window=window).probabilities,
        model.predict(changed, intensity=scale, window=window).probabilities,
    )


def test_it_is_what_its_parts_say():
    model = make_model("mlp", context=(0.0, 2.0), prior=(0.6, 0.3, 0.1), smoothing_px=1.0)
    channels, _ = make_image(seed=3)
    planes = compute_features(channels, FEATURES, intensity=model.scale_for(channels))
    first = model.first.classifier.probabilities(planes[[*model.first.columns]].reshape(5, -1)).reshape(3, 150, 170)
    both = np.concatenate([planes[[*model.context.columns]], context_planes(first, model.context.sigmas)])
    second = model.context.classifier.probabilities(both.reshape(len(both), -1)).reshape(3, 150, 170)
    second *= np.array([1.8, 0.9, 0.3], np.float32)[:, None, None]
    second /= second.sum(axis=0)
    smooth_planes(second, 1.0)
    np.testing.assert_allclose(model.predict(channels).probabilities, second, atol=1e-5)


def test_outside_the_area_there_is_no_class():
    model, (channels, _) = make_model(smoothing_px=1.0), make_image(seed=1)
    area = np.ones((150, 170), bool)
    area[120:] = False
    found = model.predict(channels, area=area)
    assert not found.classes[120:].any()
    assert not found.probabilities[:, 120:].any()
    assert found.classes[:120].all()
    nothing = model.predict(channels, area=np.zeros((150, 170), bool))
    assert not nothing.classes.any()
    part = model.predict(channels, area=area, window=(110, 5, 130, 60))
    np.testing.assert_array_equal(part.classes, found.classes[110:130, 5:60])


def test_the_scale_is_measured_in_the_area_or_that_of_the_training_images():
    channels, _ = make_image()
    channels = np.concatenate([channels, np.full((1, 60, 170), 255, np.uint8)], axis=1)
    area = np.arange(210)[:, None] < 150
    area = np.broadcast_to(area, (210, 170)).copy()
    model = make_model()
    assert model.scale_for(channels, area) == model.intensity
    assert model.scale_for(channels) != model.intensity
    assert make_model(normalisation="training").scale_for(channels) == model.intensity


@pytest.mark.parametrize("normalisation", ["image", "training"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 5)])
def test_tiny_constant_and_broken_images_have_classes_too(shape, normalisation):
    model = make_model("mlp", context=(2.0,), smoothing_px=1.5, normalisation=normalisation, dtype="float32")
    for value in (0.0, 100.0, np.nan, np.inf, -np.inf, 3e38):
        found = model.predict(np.full((1, *shape), value, np.float32))
        assert set(np.unique(found.classes)) <= {2, 5, 9}
        assert np.isfinite(found.probabilities).all()
        np.testing.assert_allclose(found.probabilities.sum(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_images_relative_to_themselves_may_have_any_dtype_and_gain(dtype):
    model, (channels, _) = make_model(), make_image(seed=1)
    gain = 1 if dtype is np.uint8 else 37
    same = model.predict((channels.astype(np.float64) * gain).astype(dtype))
    np.testing.assert_allclose(same.probabilities, model.predict(channels).probabilities, atol=1e-3)


def test_two_channels_are_two_channels():
    image, levels = make_image()
    channels = np.concatenate([np.zeros_like(image) + np.uint8(7), image])
    scale = measure_intensity(channels)
    planes = compute_features(channels, FEATURES, intensity=scale).reshape(FEATURES.n_features(2), -1)
    classifier = fit_classifier("logistic", planes[:, ::7], levels.ravel()[::7], n_classes=3)
    model = PixelModel(
        CLASSES, 2, ("Al", "Fe"), "uint8", 2.0, FEATURES, "image", scale,
        Stage(tuple(range(len(planes))), classifier),
    )  # fmt: skip
    found = model.predict(channels)
    assert (found.classes == np.array([2, 5, 9])[levels]).mean() > 0.85
    assert model.check(channels, channel_names=("Al", "Fe"), pixel_size_nm=2.1) == []
    with pytest.raises(ModelError, match="Al, Fe, this image has them as Fe, Al; give them in the order"):
        model.check(channels, channel_names=("Fe", "Al"))
    assert "Al, Fe" in model.check(channels, channel_names=("red", "green"))[0]


def test_images_that_do_not_fit_are_refused_with_a_reason():
    model, (channels, _) = make_model(pixel_size_nm=10.0), make_image()
    with pytest.raises(ModelError, match=r"images of 1 channel, this image has 2 channels; choose"):
        model.check(np.concatenate([channels, channels]))
    with pytest.raises(ModelError, match=r"the shape \(170,\)"):
        model.predict(channels[0, 0])
    assert model.check(channels, pixel_size_nm=11.0) == []
    assert "13 nm per pixel" in model.check(channels, pixel_size_nm=13.0)[0]
    assert "8 nm per pixel" in model.check(channels, pixel_size_nm=8.0)[0]
    for size in (21.0, 4.9):
        with pytest.raises(ModelError, match="resample the image or learn"):
            model.check(channels, pixel_size_nm=size)
    absolute = make_model(normalisation="training")
    with pytest.raises(ModelError, match="uint8 images, this image is uint16; convert it"):
        absolute.check(channels.astype(np.uint16))
    assert "float32" in absolute.check(channels.astype(np.float32))[0]
    with pytest.raises(SettingError, match="window"):
        model.predict(channels, window=(0, 0, 151, 170))
    with pytest.raises(SettingError, match="area"):
        model.predict(channels, area=np.ones((2, 2), bool))


def test_parts_that_do_not_fit_make_no_model():
    model = make_model()
    stage = model.first
    for changes in (
        {"classes": CLASSES[:2]}, {"classes": CLASSES[::-1]}, {"classes": (PixelClass(0, "a"), *CLASSES[1:])},
        {"prior": (1.0,)}, {"prior": (0.0, 0.0, 0.0)}, {"prior": (1.0, -1.0, 1.0)}, {"prior": (1.0, np.nan, 1.0)},
        {"n_channels": 2}, {"intensity": IntensityScale((0.0, 0.0), (1.0, 1.0))}, {"normalisation": "none"},
        {"smoothing_px": -1.0}, {"smoothing_px": np.nan}, {"smoothing_px": 1e9}, {"pixel_size_nm": 0.0},
        {"dtype": "object"},
        {"features": FeatureSet(sigmas=(1.0,), kinds=("gaussian",))},
        {"first": Stage(stage.columns[:3], stage.classifier)}, {"first": Stage((0, 1, 2, 3, 99), stage.classifier)},
        {"context": ContextStage(stage.columns, stage.classifier, (1.0,))},
        {"context": ContextStage(stage.columns, stage.classifier, ())},
    ):  # fmt: skip
        with pytest.raises(ModelError):
            replace(model, **changes)


def test_absolute_grey_levels_far_from_those_of_the_training_images_are_noted():
    channels, _ = make_image()
    absolute = make_model(normalisation="training")
    assert absolute.predict(channels).notes == ()
    for strange in (channels // 8, np.full_like(channels, 120), channels // 6 + np.uint8(200)):
        assert "absolute grey levels" in absolute.predict(strange).notes[0]
        assert make_model().predict(strange).notes == ()


def test_scales_that_no_stage_looks_at_are_not_computed():
    wide = replace(make_model(), features=FeatureSet(sigmas=(1.0, 4.0, 30.0), kinds=FEATURES.kinds))
    assert wide.halo == make_model().halo
    channels, _ = make_image(seed=1)
    np.testing.assert_array_equal(wide.predict(channels).probabilities, make_model().predict(channels).probabilities)


def test_pixels_without_a_value_are_noted_where_they_are_analysed():
    model, (channels, _) = make_model(), make_image()
    image = channels.astype(np.float32)
    image[0, 10:20, 30:40] = np.nan
    area = np.ones(image.shape[1:], np.bool_)
    assert "100 of" in " ".join(model.predict(image).notes)
    assert "50 of 400" in " ".join(model.predict(image, window=(0, 35, 20, 55)).notes)
    area[10:20, 30:40] = False
    assert not model.predict(image, area=area).notes


def test_it_describes_itself():
    model = make_model("mlp", context=(2.0,), smoothing_px=1.5)
    assert model.describe() == (
        "neural networks, 6 features, sigma 1 to 4 px, grey levels relative to each image, autocontext, smoothed 1.5 px"
    )


def test_memory_and_number_of_threads_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(tiled_prediction, "_MOST_BYTES", 2_000_000)
    model, (channels, _) = make_model("mlp", smoothing_px=1.0), make_image(shape=(1200, 1100))
    model.predict(channels, window=(0, 0, 50, 50))
    before = numba.get_num_threads()
    tracemalloc.start()
    model.predict(channels, threads=1)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert numba.get_num_threads() == before
    result = 1200 * 1100 * (3 * 4 + 1)
    assert most < result + 12_000_000
