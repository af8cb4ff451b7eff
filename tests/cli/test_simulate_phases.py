"""`granum simulate phases`, called as a function."""

from __future__ import annotations

import json

import numpy as np
import pytest

from granum.cli.simulate import simulate
from granum.errors import SettingError
from granum.learn import find_scribbles
from granum.read import read_image
from granum.samples import simulate_phases


def test_it_writes_images_classes_and_strokes_that_are_found_again_by_name(tmp_path, capsys):
    simulate("phases", tmp_path / "out", size=128, seed=5, images=3, painted=2, strokes=200, pixel_size="2 nm")
    expected = simulate_phases(size=128, seed=6, pixel_size_nm=2.0)
    images = [tmp_path / f"out/images/phases_000{n}.tif" for n in (5, 6, 7)]
    picture = read_image(images[1])
    assert np.array_equal(picture.plane(), expected.image)
    assert picture.pixel_size is not None
    assert picture.pixel_size.nm == pytest.approx((2, 2))
    assert np.array_equal(read_image(tmp_path / "out/classes/phases_0006.tif").plane(), expected.classes)
    found = find_scribbles(tmp_path / "out/scribbles", images)
    assert [one is not None for one in found.scribbles] == [True, True, False]
    plane = found.scribbles[1].class_plane()
    assert np.array_equal(plane[plane > 0], expected.classes[plane > 0])
    assert [one.name for one in found.classes] == ["matrix", "cuboid", "speck", "lamellar"]
    assert all(one.colour for one in found.classes)
    assert found.notes == ()
    truth = json.loads((tmp_path / "out/truth.json").read_text())["images"]
    assert truth["phases_0007"] == simulate_phases(size=128, seed=7, pixel_size_nm=2.0).truth
    assert truth["phases_0006"]["n_strokes"] > 4
    assert "phases_0007: no strokes" in capsys.readouterr().out


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        simulate("phases", tmp_path / folder, size=64, strokes=50, info_bar=True)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 6
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": 5}, "--count: is a setting of particles"),
        ({"touching": 0.1}, "--touching"),
        ({"painted": 2}, "--painted: 2 is out of range, must be 0 to 1"),
        ({"strokes": -1}, "--strokes: -1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, settings, message):
    with pytest.raises(SettingError, match=message):
        simulate("phases", tmp_path / "out", size=64, **settings)
