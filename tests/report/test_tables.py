from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum.errors import OutputError, ReadError
from granum.image import PixelSize
from granum.report.tables import (
    format_cell,
    join_csv,
    read_images_csv,
    read_objects_csv,
    write_images_csv,
    write_objects_csv,
)


def test_objects_start_with_file_frame_label_and_units_are_in_the_names(tmp_path, discs):
    path = tmp_path / "objects.csv"
    write_objects_csv(path, discs[2], PixelSize(0.5, 0.5, "nm", "typed"), file="a.tif", frame=3)
    header, first, *_ = path.read_text().splitlines()
    assert header.split(",")[:7] == ["file", "frame", "label", "y", "x", "area_px", "area_nm2"]
    assert first.startswith("a.tif,3,1,")
    table = read_objects_csv(path)
    assert np.array_equal(table["area_nm2"], discs[2]["area"] / 4)
    assert table["flags"][:3].tolist() == ["touches_border", "low_confidence", ""]
    assert table["ecd_px"] == pytest.approx(discs[2]["ecd"], rel=1e-6)


def test_without_a_pixel_size_there_is_no_physical_column(tmp_path, discs):
    write_objects_csv(tmp_path / "o.csv", discs[2], file="a.tif")
    assert not [name for name in read_objects_csv(tmp_path / "o.csv") if name.endswith(("_nm", "_um", "_nm2"))]


def test_the_same_table_has_the_same_bytes_with_line_feeds_only(tmp_path, discs):
    for name in "ab":
        write_objects_csv(tmp_path / name, discs[2], file="ä.tif")
    data = (tmp_path / "a").read_bytes()
    assert data == (tmp_path / "b").read_bytes()
    assert b"\r" not in data
    assert data.decode("utf-8").endswith("\n")


@pytest.mark.parametrize("text", ["=1+2", "+A1", "-x", "@SUM(A1)", "\t=1", "=cmd|'/C calc'!A1"])
def test_text_that_a_spreadsheet_would_run_is_guarded_and_read_back(tmp_path, discs, text):
    path = tmp_path / "o.csv"
    write_objects_csv(path, discs[2], file=text)
    with path.open(encoding="utf-8", newline="") as stream:
        cell = list(csv.reader(stream))[1][0]
    assert cell == "'" + text
    assert read_objects_csv(path)["file"][0] == text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85"), min_size=1))
def test_any_file_name_survives_writing_and_reading(tmp_path_factory, text):
    if text[0] == "'":  # an apostrophe of its own before a formula sign cannot be told from the guard
        return
    path = tmp_path_factory.mktemp("names") / "o.csv"
    write_objects_csv(path, {"label": np.array([1])}, file=text)
    assert read_objects_csv(path)["file"].tolist() == [text]


def test_negative_numbers_are_numbers_not_formulas(tmp_path):
    write_objects_csv(tmp_path / "o.csv", {"label": np.array([1]), "contrast": np.array([-12.5])}, file="a")
    assert (tmp_path / "o.csv").read_text() == "file,frame,label,contrast\na,0,1,-12.5\n"


def test_missing_values_are_empty_cells_and_come_back_as_nan(tmp_path):
    objects = {"label": np.array([1, 2, 3]), "contrast": np.array([1.5, np.nan, np.inf])}
    write_objects_csv(tmp_path / "o.csv", objects, file="a")
    assert (tmp_path / "o.csv").read_text().splitlines()[2] == "a,0,2,"
    assert np.isnan(read_objects_csv(tmp_path / "o.csv")["contrast"][1:]).all()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (0.1 + 0.2, "0.3"), (1 / 3, "0.3333333"), (123456789, "123456789"), (True, "true"), (None, ""),
        (float("nan"), ""), (["a", "b"], "a|b"), ('say "hi", you', '"say ""hi"", you"'), ("two\nlines", "two lines"),
        (np.float32(2.5), "2.5"), (1e-9, "1e-09"), ({"b": 1, "a": 2}, '"{""a"": 2, ""b"": 1}"'),
    ],
)  # fmt: skip
def test_cells_are_written_the_same_way_everywhere(value, cell):
    assert format_cell(value) == cell


def test_whole_numbers_in_float_columns_keep_all_digits(tmp_path):
    objects = {"label": np.array([1]), "intensity_sum": np.array([1234567890.0])}
    write_objects_csv(tmp_path / "o.csv", objects, file="a")
    assert (tmp_path / "o.csv").read_text().endswith(",1234567890\n")


def test_no_object_gives_a_header_and_an_empty_table(tmp_path):
    write_objects_csv(tmp_path / "o.csv", {}, file="a")
    assert read_objects_csv(tmp_path / "o.csv")["file"].tolist() == []


def test_appending_needs_the_same_columns(tmp_path, discs):
    path = tmp_path / "o.csv"
    write_objects_csv(path, discs[2], file="a", append=True)
    write_objects_csv(path, discs[2], file="b", append=True)
    assert read_objects_csv(path)["file"].tolist() == ["a"] * 7 + ["b"] * 7
    with pytest.raises(OutputError, match="columns are not the same"):
        write_objects_csv(path, discs[2], PixelSize(1, 1, "um", "typed"), file="c", append=True)


def test_joined_tables_have_all_columns_and_empty_cells(tmp_path, discs):
    sizes = (PixelSize(0.5, 0.5, "nm", "typed"), None, PixelSize(2, 2, "um", "file"))
    for name, size in zip("abc", sizes, strict=True):
        write_objects_csv(tmp_path / name, discs[2], size, file=f"={name}")
    join_csv(tmp_path / "all.csv", [tmp_path / name for name in "abc"])
    table = read_objects_csv(tmp_path / "all.csv")
    assert list(table)[:8] == ["file", "frame", "label", "y", "x", "area_px", "area_nm2", "area_um2"]
    assert table["file"].tolist() == ["=a"] * 7 + ["=b"] * 7 + ["=c"] * 7
    assert np.isfinite(table["ecd_nm"]).tolist() == [True] * 7 + [False] * 14
    assert np.array_equal(table["area_px"][7:14], discs[2]["area"])


def test_joining_equal_tables_is_plain_concatenation(tmp_path, discs):
    for name in "ab":
        write_objects_csv(tmp_path / name, discs[2], file=name)
    join_csv(tmp_path / "all.csv", [tmp_path / "a", tmp_path / "b"])
    rows = (tmp_path / "a").read_text() + "".join((tmp_path / "b").read_text().splitlines(keepends=True)[1:])
    assert (tmp_path / "all.csv").read_text() == rows


def test_images_have_a_row_each_and_the_flags_last(tmp_path):
    rows = [
        {"warnings": ["dark"], "flags": [], "threshold": 12.0, "n_objects": 3, "file": "a", "frame": 0, "time_s": 0.0},
        {"file": "b", "frame": 0, "n_objects": 0, "area_fraction": None, "flags": ["x", "y"], "warnings": []},
    ]
    write_images_csv(tmp_path / "i.csv", rows)
    header = (tmp_path / "i.csv").read_text().splitlines()[0]
    assert header == "file,frame,n_objects,area_fraction,threshold,time_s,flags,warnings"
    back = read_images_csv(tmp_path / "i.csv")
    assert back[0] == {
        "file": "a", "frame": 0, "n_objects": 3, "area_fraction": None, "threshold": 12, "time_s": 0,
        "flags": None, "warnings": "dark",
    }  # fmt: skip
    assert back[1]["flags"] == "x|y"


def test_seventy_thousand_objects_keep_their_labels(tmp_path):
    n = 70_000
    objects = {"label": np.arange(1, n + 1), "area": np.full(n, 2.0)}
    write_objects_csv(tmp_path / "o.csv", objects, file="a")
    table = read_objects_csv(tmp_path / "o.csv", ["label"])
    assert list(table) == ["label"]
    assert np.array_equal(table["label"], np.arange(1, n + 1))


@pytest.mark.parametrize(
    ("text", "message"), [("", "is empty"), ("a,b\n1\n", "line 2 has 1 cells"), (None, "cannot be")]
)
def test_tables_that_are_none_are_said(tmp_path, text, message):
    path = tmp_path / "o.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ReadError, match=message):
        read_objects_csv(path)


def test_reading_in_chunks_gives_the_same_table(tmp_path, monkeypatch):
    from granum.report import tables

    objects = {
        "label": np.arange(1, 11),
        "contrast": np.array([1.0] * 4 + [np.nan] + [2.5] * 5),
        "note": np.array(["7"] * 6 + ["seven"] * 4, dtype=object),
    }
    write_objects_csv(tmp_path / "o.csv", objects, file="a")
    whole = read_objects_csv(tmp_path / "o.csv")
    monkeypatch.setattr(tables, "_CHUNK", 3)
    chunked = read_objects_csv(tmp_path / "o.csv")
    for name, values in whole.items():
        assert chunked[name].dtype == values.dtype
        assert np.array_equal(chunked[name], values, equal_nan=values.dtype.kind == "f")
    assert read_objects_csv(tmp_path / "o.csv", max_rows=4)["label"].tolist() == [1, 2, 3, 4]
    assert read_objects_csv(tmp_path / "o.csv", ["label"], max_rows=0)["label"].tolist() == []
