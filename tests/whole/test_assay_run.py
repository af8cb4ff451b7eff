"""A plate from the command line to curves: the folder of an assay is a contract too."""

from __future__ import annotations

import csv
import hashlib
import json

import numpy as np
import pytest
import tifffile

from granum.cli.main import main
from granum.plate import read_assay
from granum.report.label_images import read_labels
from granum.report.tables import read_images_csv, read_objects_csv
from granum.samples import DeathLaw, PlateCondition, simulate_live_dead_plate

MADE_ANEW = {"run.json", "report.html", "DONE"}  # they hold times
TIMES = 4


@pytest.fixture(scope="module")
def plate():
    """Two wells at four times: one in which nothing dies, one in which most cells do."""
    conditions = (
        PlateCondition("untreated", DeathLaw(1e6), 0.0, "negative"),
        PlateCondition("drug", DeathLaw(14.0, 2.0), 1.0, "positive"),
    )
    return simulate_live_dead_plate(
        conditions=conditions, replicates=1, size=320, count=14, hours=24, interval_h=8, dead_at_start=0.0, seed=3
    )


@pytest.fixture(scope="module")
def pictures(plate, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plate")
    for well in plate.wells:
        for t, scene in enumerate(plate.series(well.well)):
            planes = np.stack([scene.brightfield, scene.live, scene.dead])
            about = {"axes": "CYX", "Channel": {"Name": ["BF", "Hoechst 33342", "Draq7 (Cy5)"]}}
            tifffile.imwrite(folder / f"{well.well}_f1_t{t}.ome.tif", planes, ome=True, metadata=about)
    with (folder.parent / "map.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(plate.map_rows[0]))
        writer.writeheader()
        writer.writerows(plate.map_rows)
    return folder


def run(pictures, out, *more):
    words = ["run", "live-dead", str(pictures), "-o", str(out), "--plate-map", str(pictures.parent / "map.csv")]
    assert main([*words, "--interval", "8 h", *more]) == 0
    return out


@pytest.fixture(scope="module")
def out(pictures, tmp_path_factory):
    return run(pictures, tmp_path_factory.mktemp("run") / "out", "--video")


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_folder_holds_what_was_promised_and_nothing_else(out, plate):
    stems = [f"{well.well}_f1_t{t}" for well in plate.wells for t in range(TIMES)]
    files = set(files_of(out))
    videos = {name for name in files if name.startswith("videos/")}
    assert {name.partition(".")[0] for name in videos} == {f"videos/{well.well}_1" for well in plate.wells}
    assert files - videos == {
        "run.json", "recipe.toml", "images.csv", "objects.csv", "report.html", "DONE", "assay.json", "wells.csv",
        "conditions.csv", "survival.csv", "fits.csv", "quality.csv", "tracks.csv", "events.csv",
        "lives.csv", "plate_map.csv",
        *(f"labels/{stem}.tif" for stem in stems), *(f"cells/{stem}.tif" for stem in stems),
        *(f"overlays/{stem}.png" for stem in stems), *(f"classes/{stem}.tif" for stem in stems),
        *(f"class_overlays/{stem}.png" for stem in stems),
    }  # fmt: skip
    lines = (out / "DONE").read_text().splitlines()
    written = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    assert set(written) == files - {"DONE"}
    for name, digest in written.items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest


@pytest.mark.slow
def test_every_image_has_its_place_and_its_viability(out, plate):
    rows = read_images_csv(out / "images.csv")
    assert [(row["well"], row["time_h"]) for row in rows] == [
        (well.well, 8 * t) for well in plate.wells for t in range(TIMES)
    ]
    for well in plate.wells:
        mine = [row for row in rows if row["well"] == well.well]
        assert {row["condition"] for row in mine} == {well.condition.name}
        truth = plate.series(well.well)
        np.testing.assert_allclose([row["viability"] for row in mine], truth.viability, atol=0.12)
    objects = read_objects_csv(out / "objects.csv")
    assert set(objects["state"]) == {"live", "dead"}
    for row in rows:
        mine = objects["file"] == row["file"]
        assert row["n_live"] == (objects["state"][mine] == "live").sum()
        assert row["n_dead"] == (objects["state"][mine] == "dead").sum()


@pytest.mark.slow
def test_cells_share_the_ids_of_their_nuclei(out):
    for path in (out / "labels").iterdir():
        labels, cells = read_labels(path), read_labels(out / "cells" / path.name)
        assert (cells[labels > 0] == labels[labels > 0]).all()
        assert set(np.unique(cells)) == set(np.unique(labels))


@pytest.mark.slow
def test_the_assay_tells_the_conditions_apart(out):
    assay = read_assay(out / "assay.json")
    assert (assay.kind, assay.time_unit, len(assay.images), len(assay.wells)) == ("live-dead", "h", 8, 2)
    curves = {c.name: c for c in assay.curves if c.level == "condition" and c.measure == "viability"}
    assert curves["untreated"].value[-1] > 0.9 > 0.6 > curves["drug"].value[-1]
    survival = {s.name: s for s in assay.survival if s.level == "condition"}
    assert survival["drug"].n_deaths > 3 > survival["untreated"].n_deaths
    assert all((out / film).is_file() for film in assay.videos)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Viability" in page
    assert "https://" not in page


@pytest.mark.slow
def test_two_processes_give_the_same_bytes(out, pictures, tmp_path):
    again = run(pictures, tmp_path / "again", "--jobs", "2")
    first, second = files_of(out), files_of(again)
    for name in second.keys() - MADE_ANEW - {"assay.json"}:
        assert first[name].read_bytes() == second[name].read_bytes(), name
    one, two = (json.loads(files["assay.json"].read_text()) for files in (first, second))
    assert {**one, "videos": []} == {**two, "videos": []}


def test_a_wrong_map_or_pattern_is_one_sentence_before_anything_runs(pictures, tmp_path, capsys):
    words = ["run", "live-dead", str(pictures), "-o", str(tmp_path / "out")]
    assert main([*words, "--plate-map", str(tmp_path / "none.csv")]) == 3
    assert "none.csv: cannot be read" in capsys.readouterr().err
    assert main([*words, "--names", "{well}_{plate}_{nonsense}"]) == 2
    assert "{nonsense} is unknown" in capsys.readouterr().err
    assert main(["run", "particles", *words[2:], "--video"]) == 2
    assert "makes no assay" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
