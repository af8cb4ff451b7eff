"""The index may be deleted, cut, locked or full of nonsense: never an error, never a wrong hash."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from granum.app.index import Fingerprint, Index

MARK = Fingerprint(12, 34)


@pytest.fixture
def path(tmp_path):
    """The file of an index with three rows."""
    path = tmp_path / "index.sqlite"
    index = Index(path)
    for name in ("a", "b", "ü 画"):
        index.put(name, MARK, name * 3, '{"x": 1}')
    index.close()
    return path


def names(index: Index) -> set[str]:
    return set(index.load())


def test_what_was_put_comes_back(path):
    index = Index(path)
    assert index.load()["a"] == (MARK, "aaa", '{"x": 1}')
    index.put("a", Fingerprint(2**62, 2**62), "new", "{}")
    index.forget("b")
    index.close()
    assert {name: row[1] for name, row in Index(path).load().items()} == {"a": "new", "ü 画": "ü 画" * 3}


def test_without_a_file_nothing_is_kept_and_nothing_fails():
    index = Index(None)
    index.put("a", MARK, "x", "{}")
    assert names(index) == set()
    index.close()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_of_nonsense_is_made_anew(path, content):
    path.write_bytes(content)
    index = Index(path)
    assert names(index) == set()
    index.put("c", MARK, "x", "{}")
    index.close()
    assert names(Index(path)) == {"c"}


def test_a_cut_file_gives_nothing_wrong_and_works_again(path):
    whole = path.read_bytes()
    for size in range(0, len(whole), 500):
        path.write_bytes(whole[:size])
        index = Index(path)
        assert all(row[1] == name * 3 for name, row in index.load().items())
        index.put("c", MARK, "ccc", "{}")
        index.close()
        assert "c" in names(Index(path))


@given(st.integers(0, 8191), st.integers(1, 255))
def test_a_flipped_byte_never_gives_a_wrong_hash(tmp_path_factory, at, flip):
    path = tmp_path_factory.mktemp("index") / "index.sqlite"
    index = Index(path)
    index.put("a", MARK, "a" * 64, '{"x": 1}')
    index.close()
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= flip
    path.write_bytes(data)
    index = Index(path)
    assert index.load() in ({}, {"a": (MARK, "a" * 64, '{"x": 1}')})
    index.close()


def test_deleted_while_it_is_open_it_is_made_anew(path):
    index = Index(path)
    path.unlink()
    index.put("c", MARK, "x", "{}")
    index.close()
    assert names(Index(path)) == {"c"}


def test_locked_by_another_process_it_is_done_without(path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    index = Index(path)
    assert names(index) == set()
    index.put("c", MARK, "x", "{}")
    index.close()
    other.execute("ROLLBACK")
    other.close()
    assert names(Index(path)) == {"a", "b", "ü 画"}  # left alone: the other one may need it


def test_of_another_version_it_is_made_anew(path):
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    assert names(Index(path)) == set()


def test_a_folder_in_its_place_is_done_without(tmp_path):
    (tmp_path / "index.sqlite").mkdir()
    index = Index(tmp_path / "index.sqlite")
    index.put("a", MARK, "x", "{}")
    assert names(index) == set()
    index.close()


def test_a_name_that_is_no_text_is_not_kept_and_spoils_nothing(path):
    index = Index(path)
    index.put("bad \udcff name", MARK, "x", "{}")
    index.put("c", MARK, "ccc", "{}")
    index.close()
    assert names(Index(path)) == {"a", "b", "c", "ü 画"}
