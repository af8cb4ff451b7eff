"""Which jobs were asked for by this user on this computer."""

from __future__ import annotations

import multiprocessing
import os
import stat

import pytest

from granum.app import own_mark as module
from granum.app.own_mark import has_own_mark, own_mark


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "state"))
    module._key.cache_clear()
    yield tmp_path / "state" / "granum"
    module._key.cache_clear()


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "run" / "job.json"
    path.parent.mkdir()
    path.write_text("{}")
    return path


def test_a_mark_holds_for_the_next_server_of_the_same_user(home, job):
    mark = own_mark(job)
    module._key.cache_clear()
    assert has_own_mark(job, mark)
    key = home / "queue.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert os.listdir(home) == ["queue.key"]  # noqa: PTH208
    assert key.read_bytes() not in mark.encode()


def test_a_mark_does_not_hold_elsewhere(home, job, monkeypatch, tmp_path):
    mark = own_mark(job)
    copy = tmp_path / "copy" / "job.json"
    copy.parent.mkdir()
    copy.write_bytes(job.read_bytes())
    assert not has_own_mark(copy, mark)
    monkeypatch.setattr(module.platform, "node", lambda: "another-computer")
    assert not has_own_mark(job, mark)
    monkeypatch.undo()


def test_a_mark_does_not_hold_for_another_user(home, job):
    mark = own_mark(job)
    (home / "queue.key").write_bytes(b"k" * 32)
    module._key.cache_clear()
    assert not has_own_mark(job, mark)


@pytest.mark.parametrize("mark", ["", "0" * 64, "ü", "\udce9"])
def test_what_is_no_mark_does_not_hold(home, job, mark):
    assert not has_own_mark(job, mark)


def test_a_job_that_was_changed_or_is_gone_has_no_mark(home, job):
    mark = own_mark(job)
    job.write_text('{"a": 1}')
    assert not has_own_mark(job, mark)
    job.unlink()
    assert own_mark(job) == ""
    assert not has_own_mark(job, "")


def test_where_no_key_can_be_kept_a_mark_holds_as_long_as_the_process(home, job):
    home.parent.mkdir()
    home.write_text("a file in the way")
    mark = own_mark(job)
    assert has_own_mark(job, mark)
    module._key.cache_clear()
    assert not has_own_mark(job, mark)


def test_a_damaged_key_is_not_used(home, job):
    home.mkdir(parents=True)
    (home / "queue.key").write_bytes(b"")
    mark = own_mark(job)
    module._key.cache_clear()
    assert not has_own_mark(job, mark)


def test_servers_that_start_at_once_have_one_key(home, job):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(own_mark, [job] * 8))) == 1
