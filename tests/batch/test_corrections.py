from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest

from granum.batch.corrections import read_edits
from granum.batch.ledger import Ledger
from granum.batch.runs import run_batch
from granum.errors import GranumError, OutputError, ReadError, SettingError
from granum.report.label_images import read_labels
from granum.report.tables import read_images_csv, read_objects_csv

DELETE = {"op": "delete", "labels": [1]}
CUT = {"op": "split", "labels": [2], "points": [[0, 24], [20, 24]]}


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def bytes_of(out, *, but=("run.json", "report.html", "DONE")):
    files = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name not in but}


@pytest.fixture
def edits(pictures):
    return {sha256_of(pictures / "field_5.tif"): {"0": [DELETE, CUT]}}


def test_corrections_change_only_their_own_image(quick, pictures, edits, tmp_path):
    run_batch(quick, [pictures], tmp_path / "plain")
    summary = run_batch(quick, [pictures], tmp_path / "out", edits=edits)
    assert summary.n_objects == 15
    assert any("2 corrections by hand" in warning for warning in summary.warnings)
    plain, out = bytes_of(tmp_path / "plain"), bytes_of(tmp_path / "out")
    changed = {name for name in out if plain.get(name) != out[name]}
    assert changed == {"edits.json", "images.csv", "objects.csv", "labels/field_5.tif", "overlays/field_5.png"}
    labels = read_labels(tmp_path / "out" / "labels" / "field_5.tif")
    assert np.unique(labels).tolist() == [0, 1, 2, 3, 4, 5]
    table = read_objects_csv(tmp_path / "out" / "objects.csv")
    here = table["file"] == "field_5.tif"
    assert ["edited" in flags for flags in table["flags"][here]] == [True, False, False, False, True]
    assert not any("edited" in flags for flags in table["flags"][~here])
    assert table["area_px"][here].tolist() == np.bincount(labels.ravel())[1:].tolist()
    rows = read_images_csv(tmp_path / "out" / "images.csv")
    assert [row["n_objects"] for row in rows] == [3, 5, 7]


def test_the_run_folder_carries_its_corrections_and_repeats_from_them(quick, pictures, edits, tmp_path):
    out, again = tmp_path / "out", tmp_path / "again"
    run_batch(quick, [pictures], out, edits=edits)
    assert json.loads((out / "edits.json").read_text()) == read_edits(edits)
    assert json.loads((out / "run.json").read_text())["edits"]["n_edits"] == 2
    assert f"{sha256_of(out / 'edits.json')}  edits.json\n" in (out / "DONE").read_text()
    # by content: other names, another place, another order
    moved = tmp_path / "moved"
    shutil.copytree(pictures, moved)
    run_batch(quick, [moved], again, edits=out / "edits.json")
    assert bytes_of(again) == bytes_of(out)


def test_without_corrections_the_folder_knows_nothing_of_them(quick, pictures, tmp_path):
    run_batch(quick, [pictures], tmp_path / "plain")
    run_batch(quick, [pictures], tmp_path / "out", edits={sha256_of(pictures / "field_3.tif"): {"0": []}})
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "plain")
    assert not (tmp_path / "out" / "edits.json").exists()
    assert "edits" not in json.loads((tmp_path / "out" / "run.json").read_text())


def test_frames_of_a_series_are_corrected_one_by_one(quick, series, tmp_path):
    edits = {sha256_of(series): {"2": [DELETE, {"op": "delete", "labels": [3]}]}}
    run_batch(quick, [series], tmp_path / "out", edits=edits)
    labels = read_labels(tmp_path / "out" / "labels" / "movie.tif")
    assert labels.max(axis=(1, 2)).tolist() == [1, 2, 1]
    assert (labels[2] > 0).sum() == 49


def test_resume_does_again_what_has_other_corrections(quick, pictures, edits, tmp_path, stand_ins):
    out = tmp_path / "out"
    whole = (pictures / "field_7.tif").read_bytes()
    (pictures / "field_7.tif").write_bytes(whole[:60])
    run_batch(quick, [pictures], out)
    (pictures / "field_7.tif").write_bytes(whole)
    stand_ins.CALLS.clear()
    summary = run_batch(quick, [pictures], out, edits=edits, resume=True)
    assert stand_ins.CALLS == ["above", "label"] * 2
    assert (summary.n_done, summary.n_skipped) == (3, 1)
    run_batch(quick, [pictures], tmp_path / "at_once", edits=edits)
    assert bytes_of(out) == bytes_of(tmp_path / "at_once")


def test_a_finished_run_with_other_corrections_is_not_taken_for_the_same(quick, pictures, edits, tmp_path):
    out = tmp_path / "out"
    run_batch(quick, [pictures], out, edits=edits)
    assert run_batch(quick, [pictures], out, edits=edits, resume=True).n_skipped == 3
    for other in (None, {sha256_of(pictures / "field_5.tif"): {"0": [DELETE]}}):
        with pytest.raises(OutputError, match="other corrections by hand"):
            run_batch(quick, [pictures], out, edits=other, resume=True)


def test_a_hash_that_no_input_has_is_told_and_leaves_nothing(quick, pictures, tmp_path):
    with pytest.raises(SettingError, match=f"no input has the SHA-256 {'ab' * 6}"):
        run_batch(quick, [pictures], tmp_path / "out", edits={"ab" * 32: {"0": [DELETE]}})
    assert not (tmp_path / "out").exists()
    assert not Ledger(tmp_path / "out").folder.exists()


def test_a_frame_that_is_not_there_is_told(quick, series, tmp_path):
    with pytest.raises(SettingError, match="has 3 frames, there is no frame 3"):
        run_batch(quick, [series], tmp_path / "out", edits={sha256_of(series): {"3": [DELETE]}})


def test_a_correction_that_does_not_go_fails_that_image_only(quick, pictures, tmp_path):
    edits = {sha256_of(pictures / "field_5.tif"): {"0": [{"op": "delete", "labels": [99]}]}}
    summary = run_batch(quick, [pictures], tmp_path / "out", edits=edits)
    assert [str(failure) for failure in summary.failures] == ["field_5.tif: edit 1: labels: there is no object 99; it was taken away or never existed."]  # fmt: skip  # noqa: E501
    assert summary.n_done == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "must be {SHA-256"),
        ({"short": {}}, "'short' must be the SHA-256"),
        ({"ab" * 32: []}, "must be the SHA-256"),
        ({"ab" * 32: {"-1": []}}, "'-1' must be a frame"),
        ({"ab" * 32: {"0": {}}}, "'0' must be a frame from 0 with a list"),
        ({"ab" * 32: {"0": [DELETE, {"op": "x"}]}}, "frame 0, edit 2: op: 'x'"),
    ],
)
def test_files_that_are_no_corrections_are_refused(content, message, tmp_path):
    path = tmp_path / "edits.json"
    path.write_text(json.dumps(content))
    with pytest.raises(SettingError, match=message):
        read_edits(path)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, None])
def test_files_that_cannot_be_read_are_told(text, tmp_path):
    path = tmp_path / "edits.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ReadError, match=r"edits\.json: cannot be read as a file of corrections"):
        read_edits(path)


def test_numbers_of_frames_may_be_numbers(tmp_path):
    assert read_edits({"ab" * 32: {0: [DELETE]}}) == {"ab" * 32: {"0": [DELETE]}}
    assert issubclass(SettingError, GranumError)
