from __future__ import annotations

import csv

import pytest

from granum.errors import OutputError
from granum.plate import Life, PlateImage, build_assay, write_assay_tables


def small():
    images = [
        PlateImage(f"{w}{t}.tif", f"{w}{t}", 0, "", w, "1", float(t), c, "", k, None, {"n_live": 9 - t, "n_dead": t})
        for t in (0, 1, 2, 3) for w, c, k in (("A01", '=drug, "new"', ""), ("A02", "DMSO", "negative"))
        if (w, t) != ("A01", 1)
    ]  # fmt: skip
    lives = [Life("", w, "1", "", 0.0, 3.0, w == "A01") for w in ("A01", "A02") for _ in range(3)]
    return build_assay("live-dead", images, lives=lives)


def test_every_table_has_its_rows_and_gaps_are_empty(tmp_path):
    written = write_assay_tables(tmp_path, small())
    assert written == ["wells.csv", "conditions.csv", "survival.csv", "fits.csv"]
    tables = {name: list(csv.DictReader((tmp_path / name).read_text("utf-8").splitlines())) for name in written}
    wells = tables["wells.csv"]
    assert [(row["well"], row["time_h"], row["viability"]) for row in wells[:4]] == [
        ("A01", "0", "1"), ("A01", "1", ""), ("A01", "2", "0.7777778"), ("A01", "3", "0.6666667"),
    ]  # fmt: skip
    assert wells[0]["condition"] == '\'=drug, "new"'  # a spreadsheet shows it and does not run it
    assert wells[3]["viability_t0"] == "0.6666667"
    assert wells[0]["viability_n"] == "9"
    assert tables["survival.csv"][0]["level"] == "well"
    refused = [row for row in tables["fits.csv"] if row["model"] == "exponential"]
    assert all(row["note"].startswith("No doubling time") and not row["parameter"] for row in refused)
    assert any(row["model"] == "log_rank" and row["parameter"] == "p_value" for row in tables["fits.csv"])


def test_the_same_assay_has_the_same_bytes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name in write_assay_tables(tmp_path / "a", small()):
        write_assay_tables(tmp_path / "b", small())
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert b"\r" not in (tmp_path / "a" / name).read_bytes()


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_assay_tables(tmp_path / "nowhere", small())
