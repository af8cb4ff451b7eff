from __future__ import annotations

import numpy as np
import pytest

from granum.errors import ModelError
from granum.learn import FeatureSet, IntensityScale, compute_features, map_features, measure_intensity

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["u1", "u2", ">u2", "i2", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 9), (300, 301)])
@pytest.mark.parametrize("with_area", [False, True])
def test_the_median_and_the_2_to_98_percent_range_are_those_of_numpy(dtype, shape, with_area):
    plane = RNG.gamma(3, 20, shape).clip(0, 120).astype(dtype)
    area = RNG.random(shape) < 0.6 if with_area else None
    if area is not None:
        area[0, 0] = True
    values = plane if area is None else plane[area]
    low, middle, high = np.percentile(values.astype(np.float64), (2, 50, 98))
    scale = measure_intensity(plane[None], area=area)
    tolerance = 1e-2 if dtype == "f2" else 1e-6
    assert scale.offset[0] == pytest.approx(middle, rel=tolerance)
    assert scale.scale[0] == pytest.approx(high - low or 1.0, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_few_bright_pixels_a_constant_plane_and_an_empty_area_have_a_scale(dtype):
    plane = np.full((100, 100), 7, dtype)
    area = np.zeros(plane.shape, np.bool_)
    assert measure_intensity(plane[None]) == IntensityScale((7.0,), (1.0,))
    assert measure_intensity(plane[None], area=area) == IntensityScale((0.0,), (1.0,))
    plane[3, 3:6] = 107
    assert measure_intensity(plane[None]) == IntensityScale((7.0,), (100.0,))


def test_what_is_not_finite_does_not_count():
    plane = np.arange(100, dtype=np.float32).reshape(10, 10)
    wanted = measure_intensity(plane[None, :9])
    plane[9] = [np.nan, np.inf, -np.inf, *[np.nan] * 7]
    assert measure_intensity(plane[None]) == wanted
    assert measure_intensity(np.full((1, 3, 3), np.nan)) == IntensityScale((0.0,), (1.0,))


def test_true_and_false_are_1_and_0():
    plane = np.eye(9, dtype=np.bool_)[None]
    assert measure_intensity(plane) == measure_intensity(plane.astype(np.uint8))


def test_every_channel_has_its_own_scale():
    channels = np.stack([np.arange(256), 10 * np.arange(256)]).reshape(2, 16, 16).astype(np.uint16)
    scale = measure_intensity(channels)
    assert scale.n_channels == 2
    assert scale.offset[1] == pytest.approx(10 * scale.offset[0])
    assert scale.scale[1] == pytest.approx(10 * scale.scale[0])


def test_features_are_mapped_to_what_another_scale_would_have_given():
    channels = RNG.integers(0, 4000, (2, 40, 50)).astype(np.uint16)
    features = FeatureSet(sigmas=(1.0, 3.5))
    old, new = IntensityScale((900.0, 100.0), (700.0, 50.0)), IntensityScale((1500.0, 0.0), (300.0, 900.0))
    mapped = map_features(compute_features(channels, features, intensity=old), features.names(2), old=old, new=new)
    wanted = compute_features(channels, features, intensity=new)
    np.testing.assert_allclose(mapped, wanted, rtol=2e-3, atol=2e-3)


def test_json_there_and_back_and_what_is_none():
    scale = IntensityScale((1.0, 2.5), (3.0, 0.5))
    assert IntensityScale.from_json(scale.to_json()) == scale
    for wrong in (
        None,
        {},
        {"offset": [1], "scale": [0]},
        {"offset": [1], "scale": [1, 2]},
        {"offset": ["x"], "scale": [1]},
    ):
        with pytest.raises(ModelError, match="intensity"):
            IntensityScale.from_json(wrong)
