"""The run folder is a contract: what is in it, that it repeats bit for bit, and that a killed run can be resumed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile

from granum.cli.main import main
from granum.object_table import COLUMNS, FLAGS
from granum.report.label_images import read_labels
from granum.report.tables import read_images_csv, read_objects_csv

MADE_ANEW = {"run.json", "report.html", "DONE"}  # they hold times


def touching_discs(n, *, seed, size=128):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    image = rng.normal(40, 5, (size, size))
    for _ in range(n):
        cy, cx = rng.uniform(0, size, 2)
        image[(y - cy) ** 2 + (x - cx) ** 2 <= rng.uniform(5, 9) ** 2] += 100
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for n in range(12):
        tifffile.imwrite(folder / f"field {n}.tif", touching_discs(4 + n, seed=n))
    return folder


@pytest.fixture(scope="module")
def out(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "out"
    assert main(["run", "particles-seed", str(pictures), "-o", str(out), "--pixel-size", "0.5 nm"]) == 0
    return out


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def lasting_bytes(folder):
    return {name: path.read_bytes() for name, path in files_of(folder).items() if name not in MADE_ANEW}


def test_the_folder_holds_what_was_promised_and_nothing_else(out, pictures):
    stems = [f"field {n}" for n in range(12)]
    assert set(files_of(out)) == {
        "run.json", "recipe.toml", "images.csv", "objects.csv", "report.html", "DONE",
        *(f"labels/{stem}.tif" for stem in stems), *(f"overlays/{stem}.png" for stem in stems),
    }  # fmt: skip
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_done_holds_the_hash_of_every_other_file(out):
    lines = (out / "DONE").read_text().splitlines()
    written = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    files = files_of(out)
    assert set(written) == set(files) - {"DONE"}
    for name, digest in written.items():
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == digest


def test_run_json_traces_every_number(out, pictures):
    run = json.loads((out / "run.json").read_text())
    assert {
        "granum", "recipe", "settings", "versions", "seed", "inputs", "images", "machine", "seconds", "warnings",
        "failed", "started", "finished", "command", "reading",
    } == set(run)  # fmt: skip
    assert run["recipe"]["sha256"] == hashlib.sha256((out / "recipe.toml").read_bytes()).hexdigest()
    assert len(run["inputs"]) == len(run["images"]) == 12
    for entry in run["inputs"]:
        (file,) = entry["files"]
        assert hashlib.sha256((pictures / file["name"]).read_bytes()).hexdigest() == file["sha256"]
    assert list(run["settings"][0]) == ["do", "from", "into", "settings"]
    assert all(seconds > 0 for seconds in run["seconds"].values())


def test_tables_and_label_images_tell_the_same(out):
    images = read_images_csv(out / "images.csv")
    objects = read_objects_csv(out / "objects.csv")
    assert [row["file"] for row in images] == [f"field {n}.tif" for n in range(12)]
    for row in images:
        labels = read_labels(out / "labels" / row["file"])
        mine = objects["file"] == row["file"]
        assert row["n_objects"] == labels.max() == mine.sum()
        np.testing.assert_array_equal(objects["label"][mine], np.arange(1, labels.max() + 1))
        np.testing.assert_array_equal(objects["area_px"][mine], np.bincount(labels.ravel())[1:])
        assert row["area_fraction"] == pytest.approx((labels > 0).mean(), rel=1e-6)
        assert row["threshold"] > 0


def test_columns_are_those_of_the_schema_with_their_units(out):
    names = (out / "objects.csv").read_text().partition("\n")[0].split(",")
    assert names[:5] == ["file", "frame", "label", "y", "x"]
    for name in names:
        bare = name.removesuffix("_px").removesuffix("_nm2").removesuffix("_nm")
        assert bare in COLUMNS
    assert {"area_px", "area_nm2", "ecd_px", "ecd_nm", "feret_min_px", "flags"} <= set(names)
    flags = {flag for cell in read_objects_csv(out / "objects.csv")["flags"] for flag in cell.split("|") if flag}
    assert flags <= set(FLAGS)


def test_label_images_carry_the_pixel_size(out):
    with tifffile.TiffFile(out / "labels" / "field 3.tif") as file:
        assert file.is_ome
        assert 'PhysicalSizeX="0.5" PhysicalSizeXUnit="nm"' in file.ome_metadata
        assert file.pages[0].dtype == np.uint16


def test_the_report_is_one_page_that_loads_nothing(out):
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page


def test_running_the_written_recipe_again_gives_the_same_bytes(out, pictures, tmp_path):
    again = tmp_path / "again"
    words = ["run", str(out / "recipe.toml"), str(pictures), "-o", str(again), "--pixel-size", "0.5 nm"]
    assert main(words) == 0
    assert lasting_bytes(again) == lasting_bytes(out)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_goes_on_to_the_same_bytes(out, pictures, tmp_path, jobs):
    half = tmp_path / "half"
    words = [sys.executable, "-m", "granum", "run", "particles-seed", str(pictures), "-o", str(half)]
    words += ["--pixel-size", "0.5 nm", "--jobs", str(jobs)]
    with subprocess.Popen(words, start_new_session=True, stderr=subprocess.DEVNULL) as running:
        wait_for(lambda: len(committed(half)) >= 3 or running.poll() is not None)
        os.killpg(running.pid, signal.SIGKILL)
    done_before = committed(half)
    assert not half.exists()
    assert 3 <= len(done_before) < 12
    assert main([*words[3:], "--resume"]) == 0
    assert lasting_bytes(half) == lasting_bytes(out)
    assert [path.name for path in tmp_path.iterdir()] == ["half"]


def test_sigterm_leaves_no_process_and_can_be_resumed(out, pictures, tmp_path):
    half = tmp_path / "half"
    words = [sys.executable, "-m", "granum", "run", "particles-seed", str(pictures), "-o", str(half)]
    words += ["--pixel-size", "0.5 nm", "--jobs", "2"]
    with subprocess.Popen(words, start_new_session=True, stderr=subprocess.PIPE, text=True) as running:
        wait_for(lambda: len(committed(half)) >= 1 or running.poll() is not None)
        running.terminate()
        assert running.stderr.read().endswith("granum: stopped.\n")
    assert running.returncode == 143
    with pytest.raises(ProcessLookupError):
        wait_for(lambda: os.killpg(running.pid, 0))
    assert main([*words[3:], "--resume"]) == 0
    assert lasting_bytes(half) == lasting_bytes(out)


def committed(out):
    items = out.parent / f".{out.name}.granum" / "items"
    return [path for path in items.iterdir() if not path.name.startswith(".tmp-")] if items.exists() else []


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
