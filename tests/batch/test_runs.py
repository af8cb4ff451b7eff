from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tifffile

from granum.batch import runs
from granum.batch.ledger import Ledger
from granum.batch.runners import SerialRunner
from granum.batch.runs import run_batch
from granum.errors import GranumError, OutputError, ReadError, RecipeError, SettingError
from granum.recipe import parse_recipe
from granum.report import page
from granum.report.label_images import read_labels
from granum.report.tables import read_images_csv, read_objects_csv


def bytes_of(out, *, but=("run.json", "report.html", "DONE")):
    """All files of a run folder that must not depend on when and how it was made."""
    files = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name not in but}


def break_file(path):
    path.write_bytes(path.read_bytes()[:60])


def test_files_in_their_natural_order_give_rows_in_that_order(quick, pictures, tmp_path):
    summary = run_batch(quick, [pictures], tmp_path / "out")
    assert (summary.n_done, summary.n_skipped, summary.n_objects, summary.failures) == (3, 0, 15, ())
    assert [row["n_objects"] for row in read_images_csv(tmp_path / "out" / "images.csv")] == [3, 5, 7]
    assert read_objects_csv(tmp_path / "out" / "objects.csv")["file"].tolist() == (
        ["field_3.tif"] * 3 + ["field_5.tif"] * 5 + ["field_7.tif"] * 7
    )
    assert not Ledger(tmp_path / "out").folder.exists()


def test_pictures_are_made_only_for_the_images_that_the_report_shows(quick, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "MOST_SECTIONS", 1)
    monkeypatch.setattr(runs, "_SPARE_SECTIONS", 0)
    break_file(pictures / "field_3.tif")
    out = tmp_path / "out"
    run_batch(quick, [pictures], out)  # the ledger stays, as an image failed
    sections = sorted(path.parent.name for path in Ledger(out).items.glob("*/section.html"))
    assert len(sections) == 1
    text = (out / "report.html").read_text(encoding="utf-8")
    assert text.count("<section") == 1
    assert "The other 1 images stand in the table above." in text


def test_frames_of_a_series_share_a_label_stack(quick, series, tmp_path):
    out = tmp_path / "out"
    run_batch(quick, [series], out)
    labels = read_labels(out / "labels" / "movie.tif")
    assert labels.shape == (3, 64, 64)
    assert labels.max(axis=(1, 2)).tolist() == [1, 2, 3]
    assert sorted(path.name for path in (out / "overlays").iterdir()) == [f"movie_t{t}.png" for t in range(3)]
    assert [row["frame"] for row in read_images_csv(out / "images.csv")] == [0, 1, 2]


def test_a_bad_file_does_not_stop_the_rest_and_resume_tries_only_it(quick, pictures, tmp_path, stand_ins):
    whole = (pictures / "field_5.tif").read_bytes()
    break_file(pictures / "field_5.tif")
    out = tmp_path / "out"
    summary = run_batch(quick, [pictures], out)
    assert [failure.file for failure in summary.failures] == ["field_5.tif"]
    assert isinstance(summary.failures[0].error, ReadError)
    run = json.loads((out / "run.json").read_text())
    assert [entry["file"] for entry in run["failed"]] == ["field_5.tif"]
    assert (summary.n_done, summary.n_objects) == (2, 10)

    (pictures / "field_5.tif").write_bytes(whole)
    stand_ins.CALLS.clear()
    again = run_batch(quick, [pictures], out, resume=True)
    assert stand_ins.CALLS == ["above", "label"]
    assert (again.n_done, again.n_skipped, again.failures) == (3, 2, ())
    assert not Ledger(out).folder.exists()
    run_batch(quick, [pictures], tmp_path / "at_once")
    assert bytes_of(out) == bytes_of(tmp_path / "at_once")


def test_when_every_file_fails_nothing_is_left(quick, pictures, tmp_path):
    for path in pictures.iterdir():
        break_file(path)
    with pytest.raises(ReadError, match="field_3"):
        run_batch(quick, [pictures], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_a_fault_in_a_step_is_a_failure_with_its_traceback(pictures, tmp_path, stand_ins):
    recipe = parse_recipe("[[step]]\ndo = 'stand_in.fail'\nkind = 'own'")
    with pytest.raises(
        RuntimeError, match=r"ZeroDivisionError: by zero \(in step 1 \(stand_in\.fail\) of the recipe\)"
    ):
        run_batch(recipe, [pictures], tmp_path / "out")


class Interrupting:
    """Does some jobs and is stopped."""

    def __init__(self, n_jobs):
        self.n_jobs = n_jobs

    def map(self, function, jobs):
        for n, done in enumerate(SerialRunner().map(function, jobs)):
            if function is not runs.inspect_source and n == self.n_jobs:
                raise KeyboardInterrupt
            yield done


def test_a_stopped_run_leaves_no_folder_and_goes_on_where_it_was(quick, pictures, tmp_path, stand_ins):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_batch(quick, [pictures], out, runner=Interrupting(2))
    assert not out.exists()
    stand_ins.CALLS.clear()
    summary = run_batch(quick, [pictures], out, resume=True)
    assert summary.n_skipped >= 2
    assert stand_ins.CALLS.count("above") == 3 - summary.n_skipped
    run_batch(quick, [pictures], tmp_path / "at_once")
    assert bytes_of(out) == bytes_of(tmp_path / "at_once")


def test_without_resume_a_stopped_run_starts_anew(quick, pictures, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_batch(quick, [pictures], out, runner=Interrupting(2))
    assert run_batch(quick, [pictures], out).n_skipped == 0


def test_a_run_killed_between_the_two_renames_is_finished_by_resume(quick, pictures, tmp_path, monkeypatch):
    out = tmp_path / "out"
    break_file(pictures / "field_3.tif")
    run_batch(quick, [pictures], out)
    (out).rename(Ledger(out).folder / "old")
    summary = run_batch(quick, [pictures], out, resume=True)
    assert (summary.n_done, summary.n_skipped) == (2, 2)
    assert (out / "DONE").exists()


def test_an_existing_folder_is_never_touched(quick, pictures, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists already; choose another"):
        run_batch(quick, [pictures], out)
    with pytest.raises(OutputError, match="is no run of granum"):
        run_batch(quick, [pictures], out, resume=True)
    assert bytes_of(out) == {"thesis.txt": b"mine"}


def test_resuming_a_finished_run_does_nothing_or_says_what_differs(quick, pictures, tmp_path, stand_ins):
    out = tmp_path / "out"
    run_batch(quick, [pictures], out)
    before = bytes_of(out, but=())
    stand_ins.CALLS.clear()
    summary = run_batch(quick, [pictures], out, resume=True)
    assert (summary.n_done, summary.n_skipped, summary.n_objects) == (3, 3, 15)
    assert stand_ins.CALLS == []
    with pytest.raises(OutputError, match="other settings"):
        run_batch(quick.with_settings({"above.level": 12}), [pictures], out, resume=True)
    with pytest.raises(OutputError, match="other settings"):
        run_batch(quick, [pictures], out, pixel_size="1 nm", resume=True)
    with pytest.raises(OutputError, match="other inputs"):
        run_batch(quick, [pictures / "field_3.tif"], out, resume=True)
    assert bytes_of(out, but=()) == before


def test_a_full_disk_stops_the_run_and_keeps_what_is_done(quick, pictures, tmp_path, monkeypatch):
    from granum.report import overlays

    real, n_written = overlays.write_overlay, 0

    def fill_up(path, *data):
        nonlocal n_written
        n_written += 1
        if n_written > 1:
            raise OSError(28, "No space left on device")
        real(path, *data)

    monkeypatch.setattr(overlays, "write_overlay", fill_up)
    with pytest.raises(OutputError, match="No space left on device"):
        run_batch(quick, [pictures], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(overlays, "write_overlay", real)
    assert run_batch(quick, [pictures], tmp_path / "out", resume=True).n_skipped == 1


def test_progress_counts_every_image(quick, pictures, tmp_path):
    seen = []
    run_batch(quick, [pictures], tmp_path / "out", progress=lambda *told: seen.append(told))
    assert seen == [(1, 3, "field_3.tif"), (2, 3, "field_5.tif"), (3, 3, "field_7.tif")]


def test_a_seed_reaches_the_recipe_that_is_written(pictures, tmp_path, stand_ins):
    recipe = parse_recipe("[[step]]\ndo = 'stand_in.shuffle'\n[[step]]\ndo = 'stand_in.above'")
    run_batch(recipe, [pictures], tmp_path / "out", seed=5)
    assert "seed = 5" in (tmp_path / "out" / "recipe.toml").read_text()
    assert json.loads((tmp_path / "out" / "run.json").read_text())["seed"] == 5


def test_wrong_settings_stop_before_anything_is_written(quick, pictures, tmp_path):
    for wrong, error in (
        ({"recipe": "particels"}, RecipeError),
        ({"channels": {"hoecst": "0"}}, SettingError),
        ({"pixel_size": "half a nm"}, SettingError),
        ({"jobs": 0}, SettingError),
        ({"inputs": [tmp_path / "nothing.tif"]}, SettingError),
    ):
        with pytest.raises(error):
            run_batch(**{"recipe": quick, "inputs": [pictures], "out": tmp_path / "out", **wrong})
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_an_image_that_asks_for_a_channel_gets_it(quick, tmp_path):
    colour = np.zeros((20, 20, 3), np.uint8)
    colour[5:9, 5:9, 1] = 200
    tifffile.imwrite(tmp_path / "colour.tif", colour, photometric="rgb")
    with pytest.raises(SettingError, match="--channel image=0"):
        run_batch(quick, [tmp_path / "colour.tif"], tmp_path / "out")
    assert run_batch(quick, [tmp_path / "colour.tif"], tmp_path / "out", channels={"image": "green"}).n_objects == 1


def test_several_processes_leave_the_same_bytes(pictures, series, tmp_path):
    inputs = [pictures, series]
    shutil.copy(series, pictures / "movie.tif")
    (pictures / "broken.tif").write_bytes(b"II*\0")
    for jobs in (1, 3):
        summary = run_batch("particles-seed", inputs, tmp_path / f"out{jobs}", jobs=jobs)
        assert summary.n_done == 9
        assert isinstance(summary.failures[0].error, GranumError)
    assert bytes_of(tmp_path / "out1") == bytes_of(tmp_path / "out3")
