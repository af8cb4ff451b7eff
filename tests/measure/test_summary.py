import json

import numpy as np
import pytest

from granum.errors import SettingError
from granum.measure import measure_objects, summarise_image


@pytest.fixture(scope="module")
def labels():
    labels = np.zeros((100, 200), np.int32)
    labels[10:30, 10:30], labels[50:60, 50:60], labels[0:10, 100:110], labels[60:70, 50:60] = 1, 2, 3, 4
    return labels


def test_counts_fractions_and_sizes_are_those_drawn(labels):
    summary = summarise_image(measure_objects(labels, labels), labels.size, 2.0)
    assert (summary["n_objects"], summary["n_touching_border"], summary["n_split"]) == (4, 1, 2)
    assert summary["area_fraction"] == 700 / 20000
    assert summary["density_per_mpx"] == pytest.approx(3.5 / 0.02)
    assert summary["density_per_um2"] == pytest.approx(3.5 / (20000 * 4e-6))
    assert summary["ecd_d50_px"] == pytest.approx(np.sqrt(400 / np.pi))
    assert summary["ecd_d50_nm"] == pytest.approx(2 * summary["ecd_d50_px"])
    assert summary["feret_min_d50_px"] == 10


def test_without_a_pixel_size_there_is_no_physical_value(labels):
    summary = summarise_image(measure_objects(labels, labels), labels.size)
    assert not [name for name in summary if name.endswith(("_nm", "_um2"))]


def test_pixels_that_are_not_square_use_both_sides(labels):
    summary = summarise_image(measure_objects(labels, labels), labels.size, (1.0, 4.0))
    assert summary["ecd_d50_nm"] == pytest.approx(2 * summary["ecd_d50_px"])


@pytest.mark.parametrize("kind", ["none", "one", "border only", "basic"])
def test_every_image_has_a_row_of_json(kind, labels):
    chosen = {"none": labels * 0, "one": labels == 1, "border only": labels == 3, "basic": labels}[kind]
    objects = measure_objects(
        chosen.astype(np.int32), labels, shape="basic" if kind == "basic" else "full", intensity=kind != "basic"
    )
    summary = summarise_image(objects, labels.size, 1.0)
    json.dumps(summary, allow_nan=False)
    assert (summary["ecd_d50_px"] is None) == (kind in ("none", "border only"))


@pytest.mark.parametrize("size", [0.0, -1.0, np.nan])
def test_a_pixel_size_that_is_none_is_refused(size, labels):
    with pytest.raises(SettingError, match="pixel_size_nm"):
        summarise_image(measure_objects(labels, labels), labels.size, size)


def test_an_area_of_nothing_is_refused(labels):
    with pytest.raises(SettingError, match="area_px"):
        summarise_image(measure_objects(labels, labels), 0)
