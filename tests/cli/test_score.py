"""`granum score`, called as a function."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from granum.cli.score import pair_files, score
from granum.errors import OutputError, ReadError, ShapeError
from granum.report.label_images import write_labels
from granum.score import score_objects


@pytest.fixture
def truth():
    labels = np.zeros((40, 40), np.int32)
    for k in range(4):
        labels[4 + 18 * (k // 2) :, 4 + 18 * (k % 2) :][:10, :10] = k + 1
    return labels


@pytest.fixture
def folders(tmp_path, truth):
    """Two true images, and a run that misses an object in the second."""
    for folder in ("truth", "run/labels"):
        (tmp_path / folder).mkdir(parents=True)
    for name, labels in (("a", truth), ("b", truth * (truth != 2))):
        write_labels(tmp_path / "truth" / f"{name}.tif", truth)
        write_labels(tmp_path / "run/labels" / f"{name}.tif", labels)
    return tmp_path / "truth", tmp_path / "run"


def test_a_run_folder_is_scored_against_a_folder_of_truth(folders, tmp_path, capsys, truth):
    score(*folders, csv=tmp_path / "s.csv", json=tmp_path / "s.json")
    with (tmp_path / "s.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["a", "b"]
    assert float(rows[1]["f1"]) == score_objects(truth, truth * (truth != 2)).f1() == 6 / 7
    document = json.loads((tmp_path / "s.json").read_text())
    assert document["pooled"]["n_truth"] == 8
    assert document["pooled"]["recall"] == 7 / 8
    assert document["mean"]["f1"] == pytest.approx((1 + 6 / 7) / 2)
    table = capsys.readouterr().out
    assert "0.857" in table
    assert "-25.0 %" in table
    assert "pooled" in table


def test_two_files_need_not_share_a_name(folders, capsys):
    score(folders[0] / "a.tif", folders[1] / "labels" / "b.tif")
    assert "0.857" in capsys.readouterr().out


def test_figures_that_are_not_defined_are_empty_and_null(tmp_path, truth):
    write_labels(tmp_path / "t.tif", truth)
    write_labels(tmp_path / "p.tif", 0 * truth)
    score(tmp_path / "t.tif", tmp_path / "p.tif", csv=tmp_path / "s.csv", json=tmp_path / "s.json")
    with (tmp_path / "s.csv").open() as file:
        assert next(csv.DictReader(file))["d50_error"] == ""
    assert json.loads((tmp_path / "s.json").read_text())["pooled"]["d50_error"] is None


def test_frames_of_a_series_are_scored_one_by_one(tmp_path, truth, capsys):
    write_labels(tmp_path / "t.tif", np.stack([truth, truth]))
    write_labels(tmp_path / "p.tif", np.stack([truth, truth * (truth != 2)]))
    score(tmp_path / "t.tif", tmp_path / "p.tif")
    out = capsys.readouterr().out
    assert "t[0]" in out
    assert "t[1]" in out


def test_labels_without_truth_are_left_out_and_truth_without_labels_is_an_error(folders):
    truth, run = folders
    (truth / "b.tif").unlink()
    assert [name for name, _, _ in pair_files(truth, run)] == ["a"]
    (run / "labels" / "a.tif").unlink()
    with pytest.raises(ReadError, match=r"no labels for 1 of 1 files of the truth \(a\)"):
        pair_files(truth, run)


def test_suffixes_of_ome_tiffs_do_not_belong_to_the_name(folders):
    truth, run = folders
    (truth / "a.tif").rename(truth / "a.ome.tif")
    assert [name for name, _, _ in pair_files(truth, run)] == ["a", "b"]
    (truth / "a.tif").write_bytes(b"")
    with pytest.raises(ReadError, match=r"a\.ome\.tif and a\.tif; keep one"):
        pair_files(truth, run)


def test_what_is_missing_is_named(tmp_path, folders):
    with pytest.raises(ReadError, match=r"truth: .*nowhere does not exist"):
        score(tmp_path / "nowhere", folders[1])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match=r"prediction: .*empty holds no label image"):
        score(folders[0], tmp_path / "empty")


def test_two_sizes_are_an_error_that_names_the_image(tmp_path, truth):
    write_labels(tmp_path / "t.tif", truth)
    write_labels(tmp_path / "p.tif", truth[:30])
    with pytest.raises(ShapeError, match="t: the truth is 40 x 40 px, the prediction 30 x 40"):
        score(tmp_path / "t.tif", tmp_path / "p.tif")


@pytest.mark.parametrize("option", ["csv", "json"])
def test_a_result_that_cannot_be_written_is_an_error(folders, tmp_path, option):
    with pytest.raises(OutputError, match=f"--{option} .*no_folder"):
        score(*folders, **{option: tmp_path / "no_folder" / "s.txt"})
