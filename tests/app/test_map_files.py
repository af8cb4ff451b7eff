from __future__ import annotations

import pytest

from granum.app.map_files import LARGEST_MAP, MapFiles, map_text
from granum.app.problems import Problem
from granum.errors import ReadError, SettingError


def test_maps_come_first_and_only_tables_of_the_folder_itself_are_listed(tmp_path):
    folder, outside = tmp_path / "images", tmp_path / "secret.csv"
    (folder / "deeper").mkdir(parents=True)
    outside.write_text("well\nA01\n")
    for name in ("a.csv", "Plate_Layout.tsv", "notes.txt", "image.tif", "deeper/other.csv"):
        (folder / name).write_text("well,condition\nB02,x\n")
    (folder / "link.csv").symlink_to(outside)
    (folder / "huge.csv").write_bytes(b"x" * (LARGEST_MAP + 1))
    maps = MapFiles(folder)
    assert maps.names() == ["Plate_Layout.tsv", "a.csv", "notes.txt"]
    assert maps.read("a.csv") == "well,condition\nB02,x\n"
    for name in ("link.csv", "../secret.csv", "deeper/other.csv", "huge.csv", ""):
        with pytest.raises(Problem, match="no table"):
            maps.read(name)
    assert MapFiles(tmp_path / "gone").names() == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encoding_of_a_spreadsheet_does_not_matter(encoding):
    assert map_text("well,dose (µM)\r\nB02,1\r\n".encode(encoding), "m.csv") == "well,dose (µM)\nB02,1\n"


def test_what_is_no_text_or_too_large_is_refused():
    with pytest.raises(ReadError, match=r"m\.csv: is not a text file"):
        map_text(b"PK\x03\x04\x00\x00", "m.csv")
    with pytest.raises(SettingError, match="no plate map is that large"):
        map_text(b"x" * (LARGEST_MAP + 1), "m.csv")
