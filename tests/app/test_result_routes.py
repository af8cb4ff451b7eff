from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package
from result_fixtures import RUN, finish_run, write_images

from granum.app.pictures import Pictures
from granum.app.problems import add_error_handlers
from granum.app.project import Project
from granum.app.result_routes import make_router
from granum.app.results import Results
from granum.app.run_messages import EditAck, ObjectTableBody, Run, RunList
from granum.report.label_images import read_labels

PLACE = f"/api/v1/runs/{RUN}/images/field"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with one finished run; who asks is in the header X-Author."""
    folder = tmp_path_factory.mktemp("routes")
    write_images(folder, size=200, count=8)
    project = Project(folder)
    with Pictures(project, lambda message: None) as pictures:
        assert pictures.wait()
        place = finish_run(project, pictures, recipe="particles-seed")
        app = FastAPI()
        add_error_handlers(app)
        removed = []

        @app.middleware("http")
        async def who(request: Request, go_on):
            request.state.author = request.headers.get("X-Author", "ada")
            return await go_on(request)

        results = Results(project, pictures, lambda message: None)
        app.include_router(make_router(results, removed.append), prefix="/api/v1")
        with TestClient(app, raise_server_exceptions=False) as client:
            client.result, client.removed = place / "result", removed
            yield client
    project.close()


def test_runs_are_listed_and_told(server):
    runs = RunList.model_validate(server.get("/api/v1/runs").json())
    assert [run.id for run in runs.runs] == [RUN]
    assert Run.model_validate(server.get(f"/api/v1/runs/{RUN}").json()) == runs.runs[0]


def test_a_run_without_an_assay_says_so(server):
    answer = server.get(f"/api/v1/runs/{RUN}/assay")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_assay")
    assert server.get(f"/api/v1/runs/{RUN}").json()["assay"] == ""
    assert server.get(f"/api/v1/runs/{RUN}/assay?corrected=perhaps").status_code == 422
    assert server.get("/api/v1/runs/none/assay").status_code == 404


def test_a_tile_is_raw_and_little_endian_with_its_shape(server):
    answer = server.get(f"{PLACE}/labels/tiles/0/0/0/0?v=0")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    shape = tuple(map(int, answer.headers["X-Tile-Shape"].split(",")))
    tile = np.frombuffer(answer.content, "<u4").reshape(shape)
    labels = read_labels(server.result / "labels" / "field.tif")
    assert (tile == np.pad(labels, 1, mode="edge")).all()
    assert "immutable" in answer.headers["Cache-Control"]
    assert server.get(f"{PLACE}/labels/tiles/0/0/0/0").headers["Cache-Control"] == "no-store"


def test_edits_go_in_and_come_back(server):
    table = ObjectTableBody.model_validate(server.get(f"{PLACE}/objects").json())
    edit = {"id": "one", "op": "delete", "labels": [1]}
    ack = EditAck.model_validate(server.post(f"{PLACE}/edits?t=0", json=edit).json())
    assert (ack.n_objects, ack.n_edits, ack.can_undo) == (table.n_objects - 1, 1, True)
    assert server.get(f"{PLACE}/objects").json()["n_objects"] == table.n_objects - 1
    assert server.get(f"{PLACE}/edits").json() == {**ack.model_dump(), "dirty": []}
    other = server.post(f"{PLACE}/edits/undo", headers={"X-Author": "bob"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "nothing")
    assert server.post(f"{PLACE}/edits/undo?id=two").json()["n_edits"] == 0
    assert server.post(f"{PLACE}/edits/redo?id=three").json()["n_edits"] == 1
    assert server.post(f"{PLACE}/edits/undo").json()["can_redo"]
    assert server.get(f"{PLACE}/objects").json()["n_objects"] == table.n_objects


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"op": "delete", "labels": [99_999]}, "not_possible"),
        ({"op": "delete", "labels": []}, "setting"),
        ({"op": "delete", "labels": [0]}, "setting"),
        ({"op": "explode", "labels": [1]}, "setting"),
        ({"op": "draw", "points": [[0, 0]], "radius": 1e9}, "setting"),
        ({"op": "draw", "points": [[0, "1e400"]], "radius": 1}, "setting"),
        ({"op": "split", "labels": [1], "points": [[0, 0], [0, 1]]}, "not_possible"),
        ({"op": "delete", "labels": [1], "first": 7}, "setting"),
    ],
)
def test_edits_that_do_not_go_are_one_sentence(server, edit, code):
    answer = server.post(f"{PLACE}/edits", json={"id": "bad", **edit})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs/..", "/api/v1/runs/%2e%2e", "/api/v1/runs/..%2f..%2fetc", "/api/v1/runs/a%5cb",
        "/api/v1/runs/C:", "/api/v1/runs/no-such-run", f"/api/v1/runs/{RUN}/images/..%2f..%2fjob/objects",
        f"/api/v1/runs/{RUN}/images/%2e%2e/labels", f"/api/v1/runs/{RUN}/images/%2Fetc%2Fpasswd/objects",
        f"/api/v1/runs/{RUN}/images/field%00/objects", f"{PLACE}/objects?t=1", f"{PLACE}/labels/tiles/0/9/0/0",
        f"{PLACE}/labels/tiles/0/-1/0/0", f"{PLACE}/objects?t=-1", f"{PLACE}/objects?t=1e9",
    ],
)  # fmt: skip
def test_paths_that_lead_elsewhere_or_nowhere_are_refused(server, path):
    answer = server.get(path)
    assert answer.status_code in (404, 422)
    assert "root:" not in answer.text


def test_a_run_is_deleted_by_who_knows_its_job(server):
    assert server.delete(f"/api/v1/runs/{RUN}").status_code == 204
    assert server.removed == [RUN]


@pytest.fixture(scope="module")
def clustered(tmp_path_factory):
    """A server with a run that gives every pixel a class, frame by frame."""
    folder = tmp_path_factory.mktemp("classes")
    write_images(folder, size=200, count=8)
    project = Project(folder)
    with Pictures(project, lambda message: None) as pictures:
        assert pictures.wait()
        place = finish_run(project, pictures, recipe="pixel-clusters")
        app = FastAPI()
        add_error_handlers(app)
        app.include_router(make_router(Results(project, pictures, lambda message: None), print), prefix="/api/v1")
        with TestClient(app, raise_server_exceptions=False) as client:
            client.result = place / "result"
            yield client
    project.close()


def test_tiles_of_classes_are_the_class_image_of_the_run(clustered):
    for stem, t in (("field", 0), ("movie", 0), ("movie", 1)):
        url = f"/api/v1/runs/{RUN}/images/{stem}"
        layer = clustered.get(f"{url}/classes?t={t}").json()
        assert (layer["kind"], layer["height"], layer["width"]) == ("classes", 200, 200)
        answer = clustered.get(f"{layer['url']}/0/0/0?v={layer['version']}")
        assert answer.headers["Cache-Control"].endswith("immutable")
        shape = tuple(map(int, answer.headers["X-Tile-Shape"].split(",")))
        tile = np.frombuffer(answer.content, np.uint8).reshape(shape)
        page = tifffile.imread(clustered.result / "classes" / f"{stem}.tif", key=t)
        assert np.array_equal(tile[1:-1, 1:-1], page), (stem, t)
        assert np.array_equal(tile, np.pad(page, 1, mode="edge"))


def test_areas_of_classes_are_told_frame_by_frame(clustered):
    run = Run.model_validate(clustered.get(f"/api/v1/runs/{RUN}").json())
    assert all(image.has_objects for image in run.images)
    for image in run.images:
        assert len(image.classes) == image.n_frames
        for t, classes in enumerate(image.classes):
            page = tifffile.imread(clustered.result / "classes" / f"{image.stem}.tif", key=t)
            assert {one.id: one.area_px for one in classes} == {
                int(value): int(count)
                for value, count in zip(*np.unique(page[page > 0], return_counts=True), strict=True)
            }
            assert sum(one.area_fraction for one in classes) == pytest.approx(1)


def test_what_has_no_classes_says_so(server, clustered):
    assert server.get(f"{PLACE}/classes").status_code == 404
    assert Run.model_validate(server.get(f"/api/v1/runs/{RUN}").json()).images[0].classes == [[]]
    for path in ("nothing/classes", "field/classes?t=7", "field/classes/tiles/0/9/0/0", "field/classes/tiles/0/0/0/7"):
        answer = clustered.get(f"/api/v1/runs/{RUN}/images/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path


def test_a_run_of_classes_without_objects_can_be_looked_at(tmp_path):
    write_images(tmp_path, size=120, count=4)
    project = Project(tmp_path)
    toml = '[[step]]\ndo = "segment.pixel_clusters"\nk = 2\n'
    with Pictures(project, lambda message: None) as pictures:
        assert pictures.wait()
        finish_run(project, pictures, toml=toml)
        app = FastAPI()
        add_error_handlers(app)

        @app.middleware("http")
        async def who(request: Request, go_on):
            request.state.author = "ada"
            return await go_on(request)

        app.include_router(make_router(Results(project, pictures, lambda message: None), print), prefix="/api/v1")
        with TestClient(app, raise_server_exceptions=False) as client:
            run = Run.model_validate(client.get(f"/api/v1/runs/{RUN}").json())
            assert [(one.has_objects, len(one.classes[0])) for one in run.images] == [(False, 2), (False, 2)]
            table = ObjectTableBody.model_validate(client.get(f"{PLACE}/objects").json())
            assert (table.n_objects, table.columns) == (0, [])
            assert client.get(f"{PLACE}/edits").json()["n_edits"] == 0
            assert client.get(client.get(f"{PLACE}/classes").json()["url"] + "/0/0/0").status_code == 200
            for method, path in (("GET", "labels"), ("GET", "labels/tiles/0/0/0/0"), ("POST", "edits")):
                body = {"id": "one", "op": "delete", "labels": [1]} if method == "POST" else None
                answer = client.request(method, f"{PLACE}/{path}", json=body)
                assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
                assert "no label image of 'field'" in answer.json()["error"]["message"]
    project.close()


def test_a_damaged_class_image_is_told(clustered, tmp_path):
    path = clustered.result / "classes" / "field.tif"
    whole = path.read_bytes()
    try:
        for content in (whole[: len(whole) // 2], b"no TIFF"):
            path.write_bytes(content)
            answer = clustered.get(f"{PLACE}/classes/tiles/0/0/0/0")
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "damaged")
        tifffile.imwrite(path, np.ones((200, 200), np.uint16) * 300)
        assert clustered.get(f"{PLACE}/classes/tiles/0/0/0/0").status_code == 409
    finally:
        path.write_bytes(whole)
    assert clustered.get(f"{PLACE}/classes/tiles/0/0/0/0").status_code == 200
