from __future__ import annotations

import json

import pytest

from granum.app.job_folder import JobFolder, Status, write_json_whole
from granum.errors import OutputError, ReadError


@pytest.fixture
def folder(tmp_path):
    return JobFolder(tmp_path)


def test_a_status_survives_its_file(folder):
    failures = ({"file": "ü.tif", "frame": 0, "error": "no"},)
    status = Status("running", 3, 1, 2, "b.tif", failures, "", "", 1.5, 77, "token")
    folder.write_status(status)
    assert folder.read_status() == status
    assert [path.name for path in folder.path.iterdir()] == ["status.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"failures": 3}',
        "\0",
        '{"pid": "1"}',
        '{"state": "happy"}',
        '{"order": null}',
        '{"failures": [1]}',
        '{"seconds": "1"}',
    ],
)
def test_a_lost_status_is_that_of_an_interrupted_job(folder, text):
    assert folder.read_status().state == "interrupted"
    folder.status.write_text(text)
    assert folder.read_status().state == "interrupted"


def test_keys_of_a_newer_granum_do_no_harm(folder):
    folder.status.write_text(json.dumps({"state": "done", "mood": "good"}))
    assert folder.read_status() == Status("done")


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_job_that_cannot_be_read_is_told(folder, text):
    folder.job.write_text(text)
    with pytest.raises(ReadError, match=r"job\.json"):
        folder.read_job()


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_other(folder, monkeypatch):
    write_json_whole(folder.job, {"a": 1}, sync=True)
    with monkeypatch.context() as patched:
        patched.setattr(
            "pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        with pytest.raises(OutputError, match="No space left"):
            write_json_whole(folder.job, {"a": 2})
    assert json.loads(folder.job.read_text()) == {"a": 1}
    assert [path.name for path in folder.path.iterdir()] == ["job.json"]


def test_only_one_can_hold_a_folder(folder):
    with folder.held() as first, JobFolder(folder.path).held() as second:
        assert (first, second) == (True, False)
    with folder.held() as third:
        assert third


def test_items_are_read_from_the_ledger_and_half_written_ones_are_not_seen(folder):
    assert folder.committed_keys() == []
    for name, n in (("b", 2), ("a", 1), (".tmp-c-1", 3)):
        place = folder.ledger / "items" / name
        place.mkdir(parents=True)
        item = {"row": {"file": f"{name}.tif", "frame": n}, "n_labels": n, "warnings": ["w"]}
        (place / "item.json").write_text(json.dumps(item))
    assert folder.committed_keys() == ["a", "b"]
    note = folder.note("b")
    assert (note.file, note.frame, note.n_objects, note.warnings) == ("b.tif", 2, 2, ("w",))
    assert folder.note("gone") is None
    (folder.ledger / "items" / "b" / "item.json").write_text("[]")
    assert folder.note("b") is None
    assert folder.in_result() == []
    assert not folder.is_complete
