from __future__ import annotations

import json

import pytest

from granum.batch.ledger import Ledger
from granum.batch.run_folder import Failure, _joint_warnings, build_run_folder, publish_run_folder
from granum.errors import OutputError, ReadError


def test_a_failure_names_its_file_once():
    assert str(Failure("a.tif", None, ReadError("it is empty."))) == "a.tif: it is empty."
    assert str(Failure("a.tif", 3, ReadError("no plane."))) == "a.tif, frame 3: no plane."
    assert str(Failure("a.tif", None, ReadError("/data/a.tif: is empty."))) == "/data/a.tif: is empty."


def test_warnings_that_differ_only_in_numbers_are_one():
    results = [{"warnings": ["3.5 % saturated", "grey"]}, {"warnings": ["4 % saturated"]}, {"warnings": ["grey"]}]
    assert _joint_warnings(results, ["first"]) == [
        "first",
        "2 of 3 images, as in: 3.5 % saturated",
        "2 of 3 images: grey",
    ]
    assert _joint_warnings(results[:1], []) == ["3.5 % saturated", "grey"]


def test_an_older_folder_makes_way_only_when_the_new_one_is_complete(tmp_path):
    ledger = Ledger(tmp_path / "out")
    with ledger.open(resume=False):
        for text in ("old", "new"):
            built = ledger.folder / "built"
            built.mkdir()
            (built / "a.txt").write_text(text)
            publish_run_folder(built, tmp_path / "out", ledger)
    assert (tmp_path / "out" / "a.txt").read_text() == "new"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, quick):
    ledger = Ledger(tmp_path / "out")
    ledger.folder.write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        build_run_folder(ledger, quick, [], [], [], {})


def test_a_run_of_nothing_but_failures_can_be_described(tmp_path, quick):
    ledger = Ledger(tmp_path / "out")
    with ledger.open(resume=False):
        failure = Failure("a.tif", None, ReadError("is empty."))
        built = build_run_folder(ledger, quick, [], [], [failure], {"granum": "0"})
    run = json.loads((built / "run.json").read_text())
    assert run["failed"] == [{"file": "a.tif", "frame": None, "error": "a.tif: is empty."}]
