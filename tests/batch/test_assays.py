from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from granum.batch.runs import run_batch
from granum.errors import ReadError, SettingError
from granum.plate import read_assay
from granum.recipe import parse_recipe
from granum.report.tables import read_images_csv, read_objects_csv

ASSAY = """
name = "small-assay"
assay = "live-dead"

[channels.brightfield]
names = ["BF"]
optional = true

[channels.live]
names = ["Hoechst"]

[channels.dead]
names = ["Draq7"]

[[step]]
do = "stand_in.above"
from = { image = "channel.live" }

[[step]]
do = "stand_in.label"

[[step]]
do = "stand_in.cells"

[[step]]
do = "measure.objects"
from = { image = "channel.live" }

[[step]]
do = "stand_in.judge"
from = { dead = "channel.dead" }
"""
PLACES = [(15, 15), (15, 45), (45, 15), (45, 45)]


@pytest.fixture
def recipe(stand_ins):
    return parse_recipe(ASSAY)


def field(n_dead, *, size=64):
    """Four nuclei, `n_dead` of them dead: live and dead stain."""
    y, x = np.mgrid[:size, :size]
    live, dead = np.zeros((2, size, size), np.uint16)
    for number, (cy, cx) in enumerate(PLACES):
        disc = (y - cy) ** 2 + (x - cx) ** 2 <= 36
        live[disc] = 200
        dead[disc] = 500 if number < n_dead else 5
    return np.stack([live, dead])


def write(path, planes, names=("Hoechst", "Draq7"), axes="CYX"):
    tifffile.imwrite(path, planes, ome=True, metadata={"axes": axes, "Channel": {"Name": list(names)}})


@pytest.fixture
def plate(tmp_path):
    """Two wells at five times in a file each; in B04 one nucleus more is dead at each time, three in the end."""
    folder = tmp_path / "plate"
    folder.mkdir()
    for t in range(5):
        write(folder / f"B03_f1_t{t}.ome.tif", field(0))
        write(folder / f"B04_f1_t{t}.ome.tif", field(min(t, 3)))
    return folder


@pytest.fixture
def plate_map(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text("well,condition,control\nB03,untreated,negative\nB04,drug,\nB05,drug,\n", encoding="utf-8")
    return path


def test_a_plate_becomes_an_assay(recipe, plate, plate_map, tmp_path):
    out = tmp_path / "out"
    summary = run_batch(recipe, [plate], out, plate_map=plate_map, interval_s=7200)
    assay = read_assay(out / "assay.json")
    assert (assay.kind, assay.time_unit, len(assay.images)) == ("live-dead", "h", 10)
    b04 = [image for image in assay.images if image.well == "B04"]
    assert [image.time for image in b04] == [0, 2, 4, 6, 8]
    assert [image.values["viability"] for image in b04] == [1, 0.75, 0.5, 0.25, 0.25]
    assert {image.condition for image in b04} == {"drug"}
    assert any("B05" in note for note in summary.warnings)
    rows = read_images_csv(out / "images.csv")
    assert [(row["well"], row["time_h"], row["condition"], row["n_dead"]) for row in rows][5:] == [
        ("B04", 0, "drug", 0), ("B04", 2, "drug", 1), ("B04", 4, "drug", 2), ("B04", 6, "drug", 3),
        ("B04", 8, "drug", 3),
    ]  # fmt: skip
    assert [row["time_s"] for row in rows][5:] == [0, 7200, 14400, 21600, 28800]
    run = json.loads((out / "run.json").read_text())
    assert run["assay"]["plate_map"]["name"] == "map.csv"
    assert (out / "plate_map.csv").read_bytes() == plate_map.read_bytes()


def test_nuclei_are_followed_to_their_death(recipe, plate, tmp_path):
    run_batch(recipe, [plate], tmp_path / "out", interval_s=7200)
    lives = read_objects_csv(tmp_path / "out" / "lives.csv")
    assert len(lives["track"]) == 8
    dead = lives["outcome"] == "died"
    assert set(lives["well"][dead]) == {"B04"}
    assert sorted(lives["death_h"][dead].tolist()) == [2, 4, 6]
    events = read_objects_csv(tmp_path / "out" / "events.csv")
    assert events["event"].tolist() == ["death"] * 3
    tracks = read_objects_csv(tmp_path / "out" / "tracks.csv")
    assert len(tracks["track"]) == 40
    objects = read_objects_csv(tmp_path / "out" / "objects.csv")
    assert set(objects["state"]) == {"live", "dead"}
    survival = [one for one in read_assay(tmp_path / "out" / "assay.json").survival if one.level == "well"]
    assert {one.name: one.n_deaths for one in survival}["B04"] == 3


def test_a_series_in_one_file_gives_the_same_as_a_file_for_each_time(recipe, tmp_path):
    stack = np.stack([field(min(t, 3)) for t in range(5)])
    write(tmp_path / "B04_f1.ome.tif", stack, axes="TCYX")
    run_batch(recipe, [tmp_path / "B04_f1.ome.tif"], tmp_path / "out", interval_s=7200)
    assay = read_assay(tmp_path / "out" / "assay.json")
    assert [(image.well, image.time, image.values["n_dead"]) for image in assay.images] == [
        ("B04", 0, 0), ("B04", 2, 1), ("B04", 4, 2), ("B04", 6, 3), ("B04", 8, 3),
    ]  # fmt: skip
    lives = read_objects_csv(tmp_path / "out" / "lives.csv")
    assert (lives["outcome"] == "died").sum() == 3


def test_one_bad_image_and_one_of_another_size_leave_the_rest(recipe, plate, tmp_path):
    (plate / "B03_f1_t1.ome.tif").write_bytes(b"no image")
    write(plate / "B04_f1_t4.ome.tif", field(3, size=72))
    out = tmp_path / "out"
    summary = run_batch(recipe, [plate], out, interval_s=7200)
    assert [failure.file for failure in summary.failures] == ["B03_f1_t1.ome.tif"]
    assay = read_assay(out / "assay.json")
    assert [image.time for image in assay.images] == [0, 4, 6, 8, 0, 2, 4, 6, 8]
    assert any("different sizes" in note for note in summary.warnings)
    assert len(read_objects_csv(out / "tracks.csv")["track"]) == 36


def test_the_same_assay_with_resume_and_from_files_of_one_channel(recipe, plate, tmp_path):
    out = tmp_path / "out"
    run_batch(recipe, [plate], out, interval_s=7200)
    again = run_batch(recipe, [plate], out, interval_s=7200, resume=True)
    assert again.n_skipped == 10
    with pytest.raises(Exception, match="other settings"):
        run_batch(recipe, [plate], out, interval_s=7200, resume=True, names="{well}_f{field}_t{time}.*")
    apart = tmp_path / "apart"
    apart.mkdir()
    for path in plate.iterdir():
        planes = tifffile.imread(path)
        for number, plane in enumerate(planes, 1):
            tifffile.imwrite(apart / f"{path.name.partition('.')[0]}_w{number}.tif", plane)
    patterns = {"live": "*_w1.tif", "Draq7": "*_w2.tif"}
    run_batch(recipe, [apart], tmp_path / "two", patterns=patterns, interval_s=7200)
    one, two = (read_images_csv(folder / "images.csv") for folder in (out, tmp_path / "two"))
    assert [row["n_dead"] for row in one] == [row["n_dead"] for row in two]
    assert [row["well"] for row in one] == [row["well"] for row in two]


def test_what_cannot_be_used_is_an_error_before_anything_runs(recipe, quick, plate, plate_map, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ReadError, match=r"none\.csv"):
        run_batch(recipe, [plate], out, plate_map=tmp_path / "none.csv")
    plate_map.write_text("well,condition\nB99,x\n", encoding="utf-8")
    with pytest.raises(ReadError, match="B99"):
        run_batch(recipe, [plate], out, plate_map=plate_map)
    with pytest.raises(SettingError, match="fits none of the 10 files"):
        run_batch(recipe, [plate], out, names="{well}-{field}")
    for about in ({"plate_map": plate_map}, {"names": "{well}_*"}, {"video": True}):
        with pytest.raises(SettingError, match="makes no assay"):
            run_batch(quick, [plate], out, **about)
    assert not out.exists()
    assert not (tmp_path / ".out.granum").exists()


def test_videos_are_made_of_fields_over_time(recipe, plate, tmp_path):
    out = tmp_path / "out"
    run_batch(recipe, [plate], out, interval_s=7200, video=True)
    videos = sorted(path.stem for path in (out / "videos").iterdir())
    assert videos == ["B03_1", "B04_1"]
    assay = read_assay(out / "assay.json")
    assert all((out / film).is_file() for film in assay.videos)
    assert len(assay.videos) == 2


def test_without_times_there_is_no_video_and_it_is_said(recipe, tmp_path):
    write(tmp_path / "B03_f1.ome.tif", field(1))
    out = tmp_path / "out"
    summary = run_batch(recipe, [tmp_path / "B03_f1.ome.tif"], out, video=True)
    assert any("no video" in note for note in summary.warnings)
    assert not (out / "videos").exists()
    assert "time_frame" not in read_images_csv(out / "images.csv")[0]
    assert not (out / "tracks.csv").exists()


def test_what_failed_and_is_tried_again_gives_the_bytes_of_a_run_without_failure(recipe, plate, plate_map, tmp_path):
    good = (plate / "B04_f1_t2.ome.tif").read_bytes()
    run_batch(recipe, [plate], tmp_path / "clean", interval_s=7200, plate_map=plate_map)
    (plate / "B04_f1_t2.ome.tif").write_bytes(good[:200])
    out = tmp_path / "out"
    assert run_batch(recipe, [plate], out, interval_s=7200, plate_map=plate_map).failures
    gap = read_objects_csv(out / "tracks.csv")
    assert len(gap["track"]) == 36
    (plate / "B04_f1_t2.ome.tif").write_bytes(good)
    again = run_batch(recipe, [plate], out, interval_s=7200, plate_map=plate_map, resume=True)
    assert (again.n_done, again.n_skipped, again.failures) == (10, 9, ())
    for path in (tmp_path / "clean").rglob("*"):
        if path.is_file() and path.name not in ("run.json", "report.html", "DONE"):
            assert (out / path.relative_to(tmp_path / "clean")).read_bytes() == path.read_bytes(), path.name
