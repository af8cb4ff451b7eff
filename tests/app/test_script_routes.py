from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from granum.app.problems import add_error_handlers
from granum.app.run_messages import Scripts
from granum.app.run_plan import plan_run
from granum.app.script_export import make_scripts
from granum.app.script_routes import make_router

EDITS = {"0" * 64: {"0": [{"op": "delete", "labels": [1]}]}}


@pytest.fixture
def page(bench):
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(make_router(bench.jobs(), lambda run: EDITS if run in bench.edited else None))
    bench.edited = set()
    with TestClient(app) as client:
        yield client


def test_a_request_gets_its_scripts_and_nothing_is_run(bench, page):
    request = bench.ask(settings={"segment.threshold.method": "li"})
    answer = page.post("scripts", json=request.model_dump())
    assert Scripts.model_validate(answer.json()) == make_scripts(plan_run(request, bench.project, bench.pictures))
    assert not bench.project.place.exists()


def test_a_run_keeps_its_scripts_when_the_project_changes(bench, page):
    id = bench.run()
    before = page.get(f"runs/{id}/scripts").json()
    bench.project.set_pixel_size("3 nm")
    bench.add("another.tif", 2)
    assert page.get(f"runs/{id}/scripts").json() == before
    assert "another.tif" not in before["python"]
    bench.edited.add(id)
    after = page.get(f"runs/{id}/scripts").json()
    assert "--edits granum_edits.json" in after["command"]
    assert "0" * 64 in after["python"]


def test_what_does_not_exist_has_no_scripts(bench, page):
    assert page.get("runs/20300101T000000Z-aaaaaa/scripts").status_code == 404
    assert page.get("runs/a%20b/scripts").json()["error"]["code"] == "setting"
    assert page.post("scripts", json={"recipe": "../x"}).status_code == 404
    assert page.post("scripts", json={"images": ["x"]}).status_code == 404
