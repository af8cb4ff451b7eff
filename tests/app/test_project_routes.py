"""Routes of the project."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from granum import __version__
from granum.app.problems import add_error_handlers
from granum.app.project import Project
from granum.app.project_routes import make_router


@pytest.fixture
def client(project, pictures, published):
    """A client of these routes alone."""
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(make_router(project, pictures, published.append))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_what_is_open(client, image_folder):
    about = client.get("/project").json()
    assert about["name"] == "my images"
    assert about["folder"] == str(image_folder)
    assert (about["version"], about["author"], about["read_only"]) == (__version__, "local", False)
    assert about["n_cores"] >= 1


def test_what_is_typed_is_kept_told_and_counts_for_all_images(client, project, pictures, published):
    published.clear()
    answer = client.patch("/project", json={"pixel_size": " 0.25 um "})
    assert answer.json()["pixel_size"] == "0.25 um"
    assert Project(project.folder).pixel_size == "0.25 um"
    assert [message["type"] for message in published] == ["project", "images"]
    assert published[0]["project"]["author"] == ""
    assert all(image["pixel_size"]["y"] == 0.25 for image in published[1]["images"])
    client.patch("/project", json={"interval_s": 1.5})
    assert (project.pixel_size, project.interval_s) == ("0.25 um", 1.5)
    client.patch("/project", json={"pixel_size": None})
    assert (project.pixel_size, project.interval_s) == (None, 1.5)


@pytest.mark.parametrize(
    "change",
    [
        {"pixel_size": "red"},
        {"pixel_size": "0 nm"},
        {"pixel_size": "x" * 101},
        {"interval_s": 0},
        {"interval_s": "1e400"},
        {"sigma": 1},
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(client, project, change):
    answer = client.patch("/project", json=change)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "setting"
    assert (project.pixel_size, project.interval_s) == (None, None)


def test_a_read_only_project_says_so(client, project):
    project.read_only = "The folder is read-only."
    assert client.get("/project").json()["read_only_reason"] == "The folder is read-only."
    answer = client.patch("/project", json={"interval_s": 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "read_only")
