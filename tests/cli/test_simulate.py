"""`granum simulate`, called as a function."""

from __future__ import annotations

import json

import numpy as np
import pytest

from granum.cli.simulate import simulate
from granum.errors import OutputError, SettingError
from granum.read import read_image
from granum.report.label_images import read_labels
from granum.samples import simulate_particles


def test_it_writes_images_labels_and_truth_that_granum_reads_back(tmp_path):
    simulate("haadf", tmp_path / "out", size=96, count=6, seed=5, images=2, pixel_size="0.25 nm", dtype="uint16")
    expected = simulate_particles("haadf", size=96, count=6, seed=6, pixel_size_nm=0.25, dtype="uint16")
    image = read_image(tmp_path / "out/images/haadf_0006.tif")
    assert np.array_equal(image.plane(), expected.image)
    assert image.pixel_size is not None
    assert image.pixel_size.nm == pytest.approx((0.25, 0.25))
    assert np.array_equal(read_labels(tmp_path / "out/labels/haadf_0006.tif"), expected.labels)
    truth = json.loads((tmp_path / "out/truth.json").read_text())
    assert truth["images"]["haadf_0006"] == expected.truth
    assert sorted(truth["images"]) == ["haadf_0005", "haadf_0006"]


def test_the_labels_it_writes_open_as_an_image_with_the_same_pixel_size(tmp_path):
    simulate("discs", tmp_path / "out", size=64, count=3, pixel_size="2 um")
    labels = read_image(tmp_path / "out/labels/discs_0000.tif")
    assert labels.pixel_size is not None
    assert labels.pixel_size.nm == pytest.approx((2000, 2000))


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        simulate("tem", tmp_path / folder, size=64, count=3, info_bar=True)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 3
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)


def test_it_never_writes_into_a_folder_that_holds_something(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="not an empty folder"):
        simulate("tem", tmp_path, size=64, count=3)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"images": 0}, "--images: 0 is out of range"),
        ({"pixel_size": "0.5 x 0.6 nm"}, "not square"),
        ({"pixel_size": "0.5"}, "pixel size"),
        ({"shape": "star"}, "shape: 'star'"),
    ],
)
def test_a_wrong_option_is_an_error_and_leaves_no_output(tmp_path, settings, message):
    with pytest.raises(SettingError, match=message):
        simulate("tem", tmp_path / "out", **{"size": 64, "count": 2, **settings})
    assert not (tmp_path / "out").exists()
