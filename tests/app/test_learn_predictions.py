from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from granum import pipeline
from granum.app.learn_layers import BLOCK
from granum.app.learn_planes import OpenPlane, OpenPlanes
from granum.app.learn_predictions import PlanePrediction, blocks_outward
from granum.app.preview_worker import PreviewSource
from granum.errors import GranumError
from granum.image import Image, PixelSize
from granum.learn.feature_cache import FeatureCache
from granum.learn.scribbles import make_scribbles
from granum.recipe import load_recipe


@pytest.fixture(scope="module")
def fixtures():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        return importlib.import_module("learn_fixtures")


@pytest.fixture(scope="module")
def models(fixtures):
    return {n: fixtures.make_model(n_channels=n) for n in (1, 3)}


def plane_of(pixels, area=None):
    channels = pixels if pixels.ndim == 3 else pixels[None]
    return OpenPlane(("a" * 16, 0, 0), "a.tif", channels, area, (), None)


def predict_all(model, plane, folder, order=None, cache_bytes=1 << 28):
    prediction = PlanePrediction("p", model, plane, folder, FeatureCache(cache_bytes))
    for row, column, _ in order or blocks_outward((0, 0, 1, 1), plane.shape):
        prediction.make(row, column)
    return prediction, {
        layer: np.load(folder / "p" / f"{layer}.npy", mmap_mode="r") for layer in ("classes", "uncertainty")
    }


@pytest.mark.parametrize("cache_bytes", [0, 1 << 28])
def test_blocks_in_any_order_are_the_prediction_of_the_whole_to_the_byte(fixtures, models, tmp_path, cache_bytes):
    picture = fixtures.two_phases(seed=3, shape=(600, 530))
    order = blocks_outward((500, 500, 600, 530), picture.shape)
    prediction, arrays = predict_all(models[1], plane_of(picture), tmp_path, order, cache_bytes)
    whole = models[1].predict(picture[None])
    np.testing.assert_array_equal(arrays["classes"], whole.classes)
    lead = np.sort(whole.probabilities, axis=0)
    expected = 65535 * (1 - (lead[-1].astype(float) - lead[-2]))
    assert np.abs(arrays["uncertainty"] - expected).max() <= 1
    assert prediction.is_complete
    assert prediction.ready() == ((0, 0, 600, 530),)
    assert prediction.areas() == {1: int((whole.classes == 1).sum()), 2: int((whole.classes == 2).sum())}


def test_outside_the_area_there_is_no_class_and_no_doubt(fixtures, models, tmp_path):
    picture = fixtures.two_phases(shape=(300, 400))
    area = np.ones(picture.shape, bool)
    area[250:] = False
    _, arrays = predict_all(models[1], plane_of(picture, area), tmp_path)
    assert not arrays["classes"][250:].any()
    assert not arrays["uncertainty"][250:].any()
    assert (arrays["classes"][:250] > 0).all()


def with_info_bar(picture):
    """Return the picture with a black band and white letters at the bottom."""
    import cv2

    bar = np.zeros((40, picture.shape[1]), np.uint8)
    cv2.putText(bar, "HV 20 kV  x5000  2 um", (8, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)
    return np.vstack([picture, bar])


@pytest.mark.parametrize("n_channels", [1, 3])
def test_what_is_seen_is_what_a_run_gives_to_the_byte(fixtures, models, tmp_path, n_channels):
    picture = with_info_bar(fixtures.two_phases(seed=5, shape=(400, 512)))
    stack = np.stack([picture, 255 - picture, picture // 2])[:n_channels]
    path = tmp_path / "a.npy"
    np.save(path, stack[0] if n_channels == 1 else np.moveaxis(stack, 0, -1))
    size = PixelSize(2.0, 2.0, "nm", "typed")
    image = Image.from_array(stack, axes="CYX", pixel_size=size)
    models[n_channels].save(tmp_path / "m.granum")
    recipe = load_recipe("scribbles").with_settings({"segment.learned.model": str(tmp_path / "m.granum")})
    result = pipeline.run(recipe, image)
    opened = OpenPlanes()
    import granum.read

    read = granum.read.read_image
    try:
        granum.read.read_image = lambda path, pixel_size=None: image
        plane = opened.get(PreviewSource("a" * 16, path), 0, 0)
    finally:
        granum.read.read_image = read
    assert plane.area is not None
    assert plane.pixel_size_nm == 2.0
    np.testing.assert_array_equal(plane.area, result.layers["area"])
    _, arrays = predict_all(models[n_channels], plane, tmp_path)
    np.testing.assert_array_equal(arrays["classes"], result.classes)


def test_the_view_comes_first_then_what_is_near():
    order = blocks_outward((300, 300, 500, 500), (2048, 2048))
    assert len(order) == len({(row, column) for row, column, _ in order}) == 64
    assert order[0] == (1, 1, True)
    assert [inside for _, _, inside in order].count(True) == 1
    distances = [max(abs(row - 1), abs(column - 1)) for row, column, _ in order]
    assert distances[1:9] == [1] * 8
    order = blocks_outward((0, 0, 513, 700), (2048, 2048))
    assert {(row, column) for row, column, inside in order if inside} == {(r, c) for r in range(3) for c in range(3)}
    assert all(inside for _, _, inside in order[:9])


def test_the_places_to_paint_next_are_where_the_model_hesitates_and_nothing_is_painted(fixtures, models, tmp_path):
    picture = fixtures.two_phases(seed=3, shape=(600, 530))
    picture[400:520, 60:200] += 45  # neither dark nor bright
    prediction, arrays = predict_all(models[1], plane_of(picture), tmp_path)
    found = prediction.spots()
    assert found
    for spot in found:
        assert set(spot.class_ids) == {1, 2}
        around = arrays["uncertainty"][int(spot.y) - 4 : int(spot.y) + 5, int(spot.x) - 4 : int(spot.x) + 5]
        assert around.mean() >= 0.1 * 65535
    assert 380 < found[0].y < 540
    painted = np.zeros((600, 530), np.uint8)
    y, x = int(found[0].y), int(found[0].x)
    painted[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4] = 1
    again = prediction.spots(scribbles=make_scribbles(painted, name="a.tif"))
    assert all(painted[int(spot.y), int(spot.x)] == 0 for spot in again)


def test_places_are_the_same_whatever_the_order_of_blocks_and_the_memory(fixtures, models, tmp_path):
    picture = fixtures.two_phases(seed=3, shape=(600, 530))
    picture[400:520, 60:200] += 45
    order = blocks_outward((500, 500, 600, 530), picture.shape)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first, _ = predict_all(models[1], plane_of(picture), tmp_path / "one", order, 0)
    second, _ = predict_all(models[1], plane_of(picture), tmp_path / "two")
    assert first.spots()
    assert first.spots() == second.spots()


def test_planes_that_were_not_used_for_longest_are_dropped(tmp_path):
    sources = []
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", np.full((100, 100), number, np.uint8))
        sources.append(PreviewSource(f"{number}", tmp_path / f"{number}.npy"))
    planes = OpenPlanes(most_bytes=25_000)
    first, second = planes.get(sources[0], 0, 0), planes.get(sources[1], 0, 0)
    assert planes.get(sources[0], 0, 0) is first
    planes.get(sources[2], 0, 0)
    assert planes.get(sources[0], 0, 0) is first
    assert planes.get(sources[1], 0, 0) is not second


def test_a_plane_that_is_too_large_is_told_before_it_is_read(tmp_path, monkeypatch):
    from granum.app import learn_planes

    np.save(tmp_path / "a.npy", np.zeros((100, 100), np.uint8))
    monkeypatch.setattr(learn_planes, "LARGEST_BYTES", 9_999)
    with pytest.raises(GranumError, match="granum predict"):
        OpenPlanes().get(PreviewSource("a", tmp_path / "a.npy"), 0, 0)


def test_files_of_a_prediction_are_sparse_and_go_with_it(fixtures, models, tmp_path):
    plane = plane_of(np.zeros((6000, 6000), np.uint8))
    prediction = PlanePrediction("p", models[1], plane, tmp_path, FeatureCache(0))
    prediction.make(3, 4)
    assert prediction.ready() == ((3 * BLOCK, 4 * BLOCK, 4 * BLOCK, 5 * BLOCK),)
    assert not prediction.is_complete
    used = sum(path.stat().st_blocks * 512 for path in (tmp_path / "p").iterdir())
    assert used < 4_000_000
    prediction.close()
    assert not (tmp_path / "p").exists()
