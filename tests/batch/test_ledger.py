from __future__ import annotations

import os
import subprocess
import sys

import pytest

from granum.batch.ledger import Ledger, commit, publish, sync_tree
from granum.errors import OutputError


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "out")


def write(folder):
    (folder / "a.txt").write_text("done")


def test_what_is_committed_is_there_whole_and_read_from_the_folder(ledger):
    with ledger.open(resume=False):
        commit(ledger.items, "k1", write)
        assert ledger.committed() == {"k1"}
        assert (ledger.place("k1") / "a.txt").read_text() == "done"


def test_a_result_that_fails_half_way_leaves_nothing(ledger):
    def fail(folder):
        write(folder)
        raise RuntimeError("half way")

    with ledger.open(resume=False):
        with pytest.raises(RuntimeError):
            commit(ledger.items, "k1", fail)
        assert list(ledger.items.iterdir()) == []


def test_resume_keeps_what_is_committed_and_clears_what_is_half_written(ledger):
    with ledger.open(resume=False):
        commit(ledger.items, "k1", write)
        (ledger.items / ".tmp-k2-77").mkdir()
        assert ledger.committed() == {"k1"}
    with ledger.open(resume=True):
        assert ledger.committed() == {"k1"}
        assert not (ledger.items / ".tmp-k2-77").exists()
    with ledger.open(resume=False):
        assert ledger.committed() == set()


def test_only_one_process_holds_a_ledger(ledger, tmp_path):
    code = f"""
from pathlib import Path
from granum.batch.ledger import Ledger
from granum.errors import OutputError
try:
    with Ledger(Path({str(tmp_path / "out")!r})).open(resume=True):
        print("held")
except OutputError as error:
    print(error)
"""
    with ledger.open(resume=False):
        refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    held = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "another granum run is writing here" in refused
    assert held == "held\n"


def test_a_folder_is_published_by_one_rename(tmp_path):
    built = tmp_path / "built"
    (built / "inner").mkdir(parents=True)
    (built / "inner" / "a.txt").write_text("x")
    sync_tree(built)
    publish(built, tmp_path / "out")
    assert not built.exists()
    assert (tmp_path / "out" / "inner" / "a.txt").read_text() == "x"


def test_publishing_over_something_else_is_refused(tmp_path):
    for name in ("built", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        publish(tmp_path / "built", tmp_path / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written"), Ledger(tmp_path / "out").open(resume=False):
        pass


def test_a_file_in_the_way_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"), Ledger(tmp_path / "file" / "out").open(resume=False):
        pass


def test_a_ledger_goes_away_when_its_run_is_done(ledger):
    with ledger.open(resume=False):
        ledger.remove()
    assert not ledger.folder.exists()
