from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from granum.app.forms import RecipeShelf
from granum.app.map_files import LARGEST_MAP
from granum.app.plan_messages import PlanInfo
from granum.app.plan_routes import make_router
from granum.app.problems import add_error_handlers


@pytest.fixture
def page(bench):
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(make_router(bench.project, bench.pictures, RecipeShelf(bench.project.place / "recipes")))
    with TestClient(app) as client:
        yield client


def test_a_plan_is_told_and_nothing_is_written(bench, page):
    body = {"recipe": "confluency", "names": "field_{field}", "plate_map": "well\nB99\n", "guess": True}
    answer = page.post("/plan", json=body)
    plan = PlanInfo.model_validate(answer.json())
    assert [(one.file, one.field) for one in plan.names] == [(f"field_{n}.tif", str(n)) for n in (3, 5, 7)]
    assert "'B99' is no well" in plan.plate_map_problem
    assert not bench.project.place.exists()
    assert page.post("/plan", json={"recipe": "nothing"}).status_code == 404
    assert page.post("/plan", json={"patterns": {"live": ""}}).status_code == 422


def test_a_plate_map_comes_from_the_folder_or_as_raw_bytes(bench, page):
    (bench.folder / "map.csv").write_bytes("well,dose (µM)\r\nB02,1".encode("cp1252"))
    assert page.get("/plate-maps").json() == {"files": ["map.csv"]}
    text = "well,dose (µM)\nB02,1\n"
    assert page.get("/plate-maps/file?name=map.csv").json() == {"name": "map.csv", "text": text}
    assert page.get("/plate-maps/file?name=..%2Fmap.csv").status_code == 404
    sent = page.post("/plate-maps/text?name=x.csv", content=text.encode("utf-16"))
    assert sent.json() == {"name": "x.csv", "text": text}
    refused = page.post("/plate-maps/text?name=x.xlsx", content=b"PK\x00\x00")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "unreadable")
    assert page.post("/plate-maps/text?name=x.csv", content=b"x" * (LARGEST_MAP + 1)).status_code == 413
