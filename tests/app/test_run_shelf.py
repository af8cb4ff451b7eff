from __future__ import annotations

import json
import re
import secrets
from datetime import UTC, datetime

import pytest

from granum.app.job_folder import Status
from granum.app.own_mark import own_mark
from granum.app.problems import Problem
from granum.app.run_plan import plan_run
from granum.app.run_shelf import RunShelf
from granum.errors import OutputError


@pytest.fixture
def plan(bench):
    return plan_run(bench.ask(), bench.project, bench.pictures)


def test_runs_of_one_second_and_of_a_clock_that_goes_back_have_their_own_ids_and_keep_their_order(bench, plan):
    times = iter([2030, 2030, 2030, 2001, 2029])
    shelf = RunShelf(bench.project, lambda: datetime(next(times), 1, 1, tzinfo=UTC))
    ids = [shelf.make(plan).id for _ in range(5)]
    assert len(set(ids)) == 5
    assert all(re.fullmatch(r"20\d\d0101T000000Z-[0-9a-f]{6}", id) for id in ids)
    assert ids[3].startswith("2001")
    assert [run.id for run in shelf.find()] == ids[::-1]
    assert [run.id for run in RunShelf(bench.project).find()] == ids[::-1]
    orders = [run.folder.read_status().order for run in shelf.find()]
    assert orders == [5, 4, 3, 2, 1]


def test_a_name_that_is_taken_is_not_used_again(bench, plan, monkeypatch):
    ends = iter(["aaaaaa", "aaaaaa", "bbbbbb"])
    token = secrets.token_hex
    monkeypatch.setattr(secrets, "token_hex", lambda n: next(ends) if n == 3 else token(n))
    shelf = RunShelf(bench.project, lambda: datetime(2030, 1, 1, tzinfo=UTC))
    assert [shelf.make(plan).id[-6:] for _ in range(2)] == ["aaaaaa", "bbbbbb"]


def test_what_was_asked_for_stands_in_job_json(bench, plan):
    run = RunShelf(bench.project).make(plan)
    content = json.loads(run.folder.job.read_text())
    assert content["schema"] == 1
    assert content["recipe"]["toml"] == plan.recipe_toml
    assert content["inputs"][0]["path"] == str(bench.folder / "field_3.tif")
    assert run.folder.read_status() == Status("queued", 1, mark=own_mark(run.folder.job))
    assert run.describe(Status()).state == "queued"


def test_damaged_runs_are_left_out_and_named_once(bench, plan, caplog):
    shelf = RunShelf(bench.project)
    damaged, good = shelf.make(plan), shelf.make(plan)
    damaged.folder.job.write_text("{}")
    bench.project.path("runs", "notes").mkdir()
    bench.project.path("runs", "20300101T000000Z-aaaaaa").symlink_to("/")
    fresh = RunShelf(bench.project)
    for _ in range(2):
        assert [run.id for run in fresh.find()] == [good.id]
    assert caplog.text.count(damaged.id) == 1
    with pytest.raises(Problem):
        fresh.get(damaged.id)


def test_names_that_are_no_ids_are_not_looked_for(bench):
    shelf = RunShelf(bench.project)
    for name in ("", "..", "../..", "notes", "20300101T000000Z-aaaaaa/..", "20300101T000000Z-AAAAAA"):
        with pytest.raises(Problem, match="does not exist"):
            shelf.get(name)


def test_a_run_that_was_deleted_by_hand_is_forgotten_and_one_that_was_copied_is_found(bench, plan):
    shelf = RunShelf(bench.project)
    run = shelf.make(plan)
    copy = run.folder.path.with_name("20300101T000000Z-cccccc")
    run.folder.path.rename(copy)
    with pytest.raises(Problem):
        shelf.get(run.id)
    assert shelf.get(copy.name).is_old
    assert [one.id for one in shelf.find()] == [copy.name]


def test_a_run_that_cannot_be_written_leaves_nothing(bench, plan):
    bench.project.place.mkdir()
    bench.project.path("runs").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="cannot be written"):
        RunShelf(bench.project).make(plan)
