from __future__ import annotations

import json

import pytest

from granum.errors import ReadError
from granum.learn import PixelClass
from granum.learn.class_lists import classes_of_json, find_classes, read_classes

WANTED = (PixelClass(1, "grain", "#e69f00"), PixelClass(2, "pore, dark"))


@pytest.mark.parametrize(
    "text",
    [
        'id,name,colour\n2,"pore, dark",\n1,grain,#E69F00\n',
        '1,grain,e69f00\n2,"pore, dark"\n',
        "name;id;color\r\npore, dark;2;\r\ngrain;1;#e69f00\r\n\r\n",
        "\ufeff1\tgrain\t#e69f00\n2\tpore, dark\n",
    ],
)
def test_tables_of_every_common_kind_are_read(tmp_path, text):
    path = tmp_path / "classes.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_classes(path) == WANTED


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"classes": rows}])
@pytest.mark.parametrize("key", ["colour", "color"])
def test_json_lists_are_read_also_from_a_project(tmp_path, wrap, key):
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(wrap([{"id": 2, "name": "pore, dark"}, {"id": 1, "name": "grain", key: "#e69f00"}])))
    assert find_classes(tmp_path) == WANTED


def test_json_objects_give_names_by_number(tmp_path):
    path = tmp_path / "classes.json"
    path.write_text('{"2": "pore", "10": "crack"}')
    assert read_classes(path) == (PixelClass(2, "pore"), PixelClass(10, "crack"))
    assert classes_of_json({"classes": {"3": "x"}}) == (PixelClass(3, "x"),)
    assert classes_of_json({"classes": {"a": "x"}}) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no class"),
        ("1\n", "class 1 has 1 columns"),
        ("one,grain\n", "headings"),
        ("id,name\nx,grain\n", "'x' is no whole number"),
        ("1,grain\n1,pore\n", "two names"),
        ("1,grain\n2,grain\n", "two numbers"),
        ("0,grain\n", "number 0"),
        ("1,\n", "has no name"),
        ("1,grain,red\n", "'red'"),
    ],
)
def test_lists_that_are_wrong_are_refused_with_how_to_write_them(tmp_path, text, words):
    path = tmp_path / "classes.csv"
    path.write_text(text)
    with pytest.raises(ReadError, match=f"{words}.*id,name,colour"):
        read_classes(path)


@pytest.mark.parametrize("text", ["{", "3", '[{"id": 1}]', "[1, 2]"])
def test_json_that_is_no_list_is_refused(tmp_path, text):
    path = tmp_path / "classes.json"
    path.write_text(text)
    with pytest.raises(ReadError, match="no list of classes"):
        read_classes(path)


def test_two_lists_a_missing_one_and_bytes_are_refused(tmp_path):
    assert find_classes(tmp_path) == ()
    (tmp_path / "classes.csv").write_bytes(b"1,gr\xfc\n")
    with pytest.raises(ReadError, match="UTF-8"):
        find_classes(tmp_path)
    (tmp_path / "classes.json").write_text("{}")
    with pytest.raises(ReadError, match="both"):
        find_classes(tmp_path)
    with pytest.raises(ReadError, match="cannot be read"):
        read_classes(tmp_path / "missing.csv")
