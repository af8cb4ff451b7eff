"""`granum simulate live-dead` and `granum simulate confluency`, called as functions."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from granum.cli.simulate import simulate
from granum.errors import SettingError
from granum.read import read_image
from granum.report.label_images import read_labels
from granum.samples import simulate_live_dead_plate


def test_a_plate_has_one_file_per_well_field_time_and_channel(tmp_path):
    out = tmp_path / "out"
    simulate("live-dead", out, size=96, count=5, seed=3, hours=2.0, interval=1.0, replicates=1, fields=2)
    names = sorted(path.name for path in (out / "images").iterdir())
    assert len(names) == 3 * 2 * 3 * 3
    assert names[:3] == ["B02_f1_t000_brightfield.tif", "B02_f1_t000_draq7.tif", "B02_f1_t000_hoechst.tif"]
    plate = simulate_live_dead_plate(size=96, count=5, seed=3, hours=2.0, replicates=1, fields=2)
    frame = plate.series("C02", 2)[1]
    image = read_image(out / "images/C02_f2_t001_draq7.tif")
    assert np.array_equal(image.plane(), frame.dead)
    assert image.pixel_size is not None
    assert image.pixel_size.nm == pytest.approx((650, 650))
    assert np.array_equal(read_labels(out / "labels/C02_f2_t001_nuclei.tif"), frame.nuclei)
    assert np.array_equal(read_labels(out / "labels/C02_f2_t001_cells.tif"), frame.cells)
    assert np.array_equal(read_image(out / "classes/C02_f2_t001.tif").plane(), frame.classes)
    truth = json.loads((out / "truth.json").read_text())
    assert truth["images"]["C02_f2_t001"]["nuclei"] == frame.truth["nuclei"]
    assert truth["series"]["C02_f2"]["viability"] == plate.series("C02", 2).truth["viability"]
    with (out / "plate_map.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == plate.map_rows


def test_a_stack_holds_all_channels_and_times_by_name(tmp_path):
    simulate("live-dead", tmp_path / "out", size=64, count=2, hours=4.0, interval=2.0, replicates=1, stack=True)
    assert sorted(path.name for path in (tmp_path / "out/images").iterdir()) == [
        "B02_f1.tif",
        "C02_f1.tif",
        "D02_f1.tif",
    ]
    image = read_image(tmp_path / "out/images/C02_f1.tif")
    assert image.channel_names == ("hoechst", "draq7", "brightfield")
    assert image.frame_times_s == (0.0, 7200.0, 14400.0)
    frame = simulate_live_dead_plate(size=64, count=2, hours=4.0, interval_h=2.0, replicates=1).series("C02")[2]
    assert np.array_equal(image.plane(frame=2, channel=1), frame.dead)
    assert np.array_equal(image.plane(frame=2, channel=2), frame.brightfield)


def test_without_hours_a_plate_is_an_end_point(tmp_path, capsys):
    simulate("live-dead", tmp_path / "out", size=64, count=6, replicates=2, stains="calcein-ethd1", dtype="uint8")
    names = {path.name for path in (tmp_path / "out/images").iterdir()}
    assert {"B02_f1_calcein.tif", "B02_f1_ethd1.tif", "D03_f1_brightfield.tif"} <= names
    assert len(names) == 18
    assert json.loads((tmp_path / "out/truth.json").read_text())["images"]["B02_f1"]["time_h"] == 24
    assert "D03_f1 (drug high): 1 frame, viability" in capsys.readouterr().out


def test_dishes_go_from_empty_to_full(tmp_path):
    simulate("confluency", tmp_path / "out", size=64, images=3, seed=5, optics="brightfield")
    truth = json.loads((tmp_path / "out/truth.json").read_text())
    assert [one["confluency"] for one in truth["images"].values()] == [0, 0.5, 1]
    labels = read_labels(tmp_path / "out/labels/dish_0006.tif")
    assert (labels > 0).mean() == 0.5
    assert read_image(tmp_path / "out/images/dish_0006.tif").plane().shape == (64, 64)


@pytest.mark.parametrize("wound", [False, True])
def test_over_time_dishes_are_a_plate_of_two_conditions(tmp_path, wound):
    simulate("confluency", tmp_path / "out", size=96, hours=12.0, interval=6.0, replicates=2, wound=wound)
    assert len(list((tmp_path / "out/images").iterdir())) == 2 * 2 * 3
    assert (tmp_path / "out/images/C03_f1_t002_phase.tif").is_file()
    truth = json.loads((tmp_path / "out/truth.json").read_text())
    assert truth["series"]["B02_f1"]["kind"] == ("wound" if wound else "growth")
    covered = [series["confluency"][-1] for series in truth["series"].values()]
    assert min(covered[:2]) > max(covered[2:])
    lines = (tmp_path / "out/plate_map.csv").read_text().splitlines()
    assert lines[:2] == ["well,condition,dose,replicate,control", "B02,medium,,1,negative"]


@pytest.mark.parametrize("kind", ["live-dead", "confluency"])
def test_the_same_seed_writes_the_same_bytes(tmp_path, kind):
    for folder in ("one", "two"):
        simulate(kind, tmp_path / folder, size=64, count=2, replicates=1, stack=kind == "live-dead")
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) >= 3
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("live-dead", {"touching": 0.1}, "--touching: is not a setting of live-dead"),
        ("confluency", {"info_bar": True}, "--info-bar"),
        ("confluency", {"stack": True}, "--stack: is not a setting of confluency"),
        ("live-dead", {"wound": True}, "--wound: is not a setting of live-dead"),
        ("live-dead", {"images": 2}, "--images"),
        ("confluency", {"wound": True}, "--wound"),
        ("confluency", {"hours": 4.0, "replicates": 40}, "--replicates: 40"),
        ("live-dead", {"stains": "gfp"}, "stains: 'gfp'"),
        ("live-dead", {"replicates": 0}, "replicates: 0"),
        ("confluency", {"magnification": 0.0}, "magnification"),
    ],
)
def test_settings_that_do_not_fit_are_refused_and_leave_no_output(tmp_path, kind, settings, message):
    with pytest.raises(SettingError, match=message):
        simulate(kind, tmp_path / "out", **{"size": 64, **settings})
    assert not (tmp_path / "out").exists()
