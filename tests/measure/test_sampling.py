import json
import math

import numpy as np
import pytest

from granum.errors import SettingError
from granum.measure import border_weights, measure_objects, sample_adequacy
from granum.object_table import FLAGS


def test_the_figures_that_iso_13322_1_names_come_out():
    # "over 6 000 particles ... volume-mean diameter ... D90 or other percentiles, at least 61 000", at 1.6 and 5 %
    found = sample_adequacy(6500, 1.6)
    assert found.needed_volume_mean == pytest.approx(6000, rel=0.02)
    assert found.needed_percentiles == pytest.approx(61000, rel=0.01)
    assert found.enough_volume_mean
    assert not found.enough_percentiles
    assert found.error_volume_mean < 0.05 < found.error_percentiles


def test_the_needed_number_holds_the_promised_error():
    gsd, rng = 1.3, np.random.default_rng(0)
    needed = sample_adequacy(0, gsd, relative_error=0.1).needed_volume_mean
    volumes = np.exp(3 * math.log(gsd) * rng.normal(size=(2000, needed)))
    error = np.abs(volumes.mean(axis=1) / math.exp(4.5 * math.log(gsd) ** 2) - 1)
    assert (error < 0.1).mean() == pytest.approx(0.95, abs=0.02)


def test_one_size_needs_one_particle_and_none_reach_nothing():
    found = sample_adequacy(0, 1.0)
    assert found.needed_percentiles == 1
    assert not found.enough_number_mean


def test_adequacy_is_json_and_one_sentence():
    found = sample_adequacy(40, 1.4)
    json.dumps(found.to_json(), allow_nan=False)
    assert str(found).startswith("40 particles are not enough for the volume mean within 5%")


@pytest.mark.parametrize(
    ("n", "gsd", "settings", "name"),
    [
        (-1, 1.2, {}, "n"),
        (5, 0.9, {}, "gsd"),
        (5, math.nan, {}, "gsd"),
        (5, 1.2, {"relative_error": 2}, "relative_error"),
    ],
)
def test_values_out_of_range_are_named(n, gsd, settings, name):
    with pytest.raises(SettingError, match=f"^{name}: .* out of range"):
        sample_adequacy(n, gsd, **settings)


def test_border_weights_bring_the_true_share_of_large_objects_back():
    rng = np.random.default_rng(2)
    shape, n = (200, 300), 40000
    size = np.where(rng.random(n) < 0.5, 10, 90)
    y, x = rng.integers(-100, 300, n), rng.integers(-100, 400, n)  # the square's first pixel, over a larger field
    whole = (y >= 0) & (x >= 0) & (y + size <= shape[0]) & (x + size <= shape[1])
    objects = {
        "bbox_height": size[whole],
        "bbox_width": size[whole],
        "flags": np.zeros(int(whole.sum()), np.int32),
    }
    weights = border_weights(objects, shape)
    share = weights[objects["bbox_width"] == 90].sum() / weights.sum()
    plain = (objects["bbox_width"] == 90).mean()
    assert plain < 0.35
    assert share == pytest.approx(0.5, abs=0.03)


def test_objects_at_the_border_weigh_nothing():
    labels = np.zeros((50, 60), np.int32)
    labels[0:10, 5:15], labels[20:30, 20:40] = 1, 2
    objects = measure_objects(labels, labels)
    weights = border_weights(objects, labels.shape)
    assert weights[0] == 0
    assert weights[1] == pytest.approx(50 * 60 / (40 * 40))


def test_a_shape_that_is_too_small_is_refused():
    objects = {"bbox_height": np.array([9]), "bbox_width": np.array([4]), "flags": np.array([0])}
    with pytest.raises(SettingError, match=r"shape: \(9, 9\)"):
        border_weights(objects, (9, 9))
    objects["flags"][0] = FLAGS["touches_border"][0]
    assert border_weights(objects, (9, 9)).tolist() == [0]
