from __future__ import annotations

import http.client
import io
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import tifffile
from fastapi import FastAPI, Request

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # which client it takes is no concern of granum's
    from fastapi.testclient import TestClient

from granum.app.paint_messages import ClassInfo
from granum.app.paint_routes import make_router
from granum.app.paint_store import PaintStore
from granum.app.problems import add_error_handlers
from granum.app.strokes import cover

SIZE = (1300, 2000)
URL = "/api/v1/images/i/paint/strokes"


class Folder:
    read_only = ""

    def __init__(self, root):
        self.root = root

    def path(self, *parts):
        return self.root.joinpath(*parts)


def make_app(root, said):
    """A small server; the header X-Author says who paints."""
    kept = [ClassInfo(id=1, name="object", colour="#e69f00"), ClassInfo(id=2, name="background", colour="#56b4e9")]
    app = FastAPI()
    add_error_handlers(app)

    @app.middleware("http")
    async def author(request: Request, call_next):
        request.state.author = request.headers.get("x-author", "local")
        return await call_next(request)

    store = PaintStore(Folder(root), lambda image: SIZE, said.append)

    def keep(classes):
        kept[:] = classes

    app.include_router(make_router(store, lambda: list(kept), keep, said.append), prefix="/api/v1")
    return app


@pytest.fixture
def said():
    return []


@pytest.fixture
def client(tmp_path, said):
    return TestClient(make_app(tmp_path, said))


def body(id="s", **changes):
    return {"id": id, "tool": "brush", "class_id": 1, "radius": 4, "points": [[100, 100], [120, 160]], **changes}


def test_a_stroke_is_painted_told_and_seen_in_its_tile(client, said):
    ack = client.post(f"{URL}/strokes", json=body()).json()
    assert ack == {"version": 1, "dirty": [96, 96, 125, 165], "n_strokes": 1, "can_undo": True, "can_redo": False}
    assert said[0]["type"] == "paint"
    state = client.get(URL).json()
    assert state["version"] == 1
    assert state["layer"]["kind"] == "classes"
    assert (state["layer"]["height"], state["layer"]["width"], state["layer"]["n_levels"]) == (*SIZE, 3)
    expected = np.zeros((514, 514), np.uint8)
    for row, first, last in zip(*cover("brush", np.array([[100.0, 100], [120, 160]]), 4, SIZE), strict=True):
        expected[row + 1, first + 1 : last + 2] = 1
    assert state["areas"] == {"1": int(expected.sum())}
    got = client.get(state["layer"]["url"] + "/0/0/0")
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["x-tile-shape"] == "514,514"
    np.testing.assert_array_equal(np.frombuffer(got.content, np.uint8).reshape(514, 514), expected)


def test_tiles_have_their_own_version_and_empty_ones_no_body(client):
    client.post(f"{URL}/strokes", json=body())
    first = client.get(f"{URL}/tiles/0/0/0/0/0")
    assert client.get(f"{URL}/tiles/0/0/0/0/2").status_code == 204
    client.post(f"{URL}/strokes", json=body("t", points=[[100, 1900]]))
    again = client.get(f"{URL}/tiles/0/0/0/0/0", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    edge = client.get(f"{URL}/tiles/0/0/0/0/3")
    assert edge.headers["x-tile-shape"] == "514,466"
    client.post(f"{URL}/undo")
    assert client.get(f"{URL}/tiles/0/0/0/0/3").status_code == 204
    client.post(f"{URL}/strokes", json=body("u", class_id=2))
    assert client.get(f"{URL}/tiles/0/0/0/0/0", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.parametrize("place", ["0/3/0", "0/0/4", "3/0/0", "9999/0/0"])
def test_tiles_that_do_not_exist_are_not_found(client, place):
    got = client.get(f"{URL}/tiles/0/0/{place}")
    assert got.status_code == 404
    assert "There is no tile" in got.json()["error"]["message"]


def test_undo_and_redo_belong_to_the_author(client):
    client.post(f"{URL}/strokes", json=body("a"), headers={"X-Author": "ann"})
    client.post(f"{URL}/strokes", json=body("b", points=[[500, 500]]), headers={"X-Author": "bob"})
    assert client.get(URL).json()["can_undo"] is False
    ack = client.post(f"{URL}/undo?id=u1", headers={"X-Author": "ann"}).json()
    assert ack["dirty"] == [96, 96, 125, 165]
    assert client.post(f"{URL}/undo?id=u1", headers={"X-Author": "ann"}).json() == ack
    assert client.get(URL, headers={"X-Author": "ann"}).json()["can_redo"] is True
    assert client.post(f"{URL}/redo", headers={"X-Author": "ann"}).json()["n_strokes"] == 2
    assert client.post(f"{URL}/redo", headers={"X-Author": "ann"}).json()["dirty"] == []


def test_changes_since_a_version(client):
    client.post(f"{URL}/strokes", json=body("a"))
    client.post(f"{URL}/strokes", json=body("b", points=[[500, 500]], radius=1))
    assert client.get(f"{URL}/changes?since=1").json() == {"version": 2, "dirty": [[499, 499, 502, 502]]}
    assert client.get(f"{URL}/changes?since=-1").status_code == 422


def raw(text):
    return {"content": text.encode(), "headers": {"content-type": "application/json"}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"radius": 1e9}, "less than or equal to 2000"),
        ({"radius": -1}, "greater than or equal to 0"),
        ({"points": []}, "at least 1"),
        ({"points": [[0]]}, "at least 2"),
        ({"points": [[0, 0, 0]]}, "at most 2"),
        ({"points": [[0, 1e9]]}, "must lie in -4096..6095"),
        ({"points": [[-1e300, 0]]}, "must lie in -4096..5395"),
        ({"points": [[0, 0]] * 20_001}, "at most 20000"),
        ({"class_id": 256}, "less than or equal to 255"),
        ({"class_id": 7}, "there is no class 7; there are: 1 'object', 2 'background'"),
        ({"tool": "spray"}, "'brush', 'eraser', 'fill' or 'polygon'"),
        ({"tool": "polygon"}, "takes 3..20000"),
        ({"t": -1}, "greater than or equal to 0"),
        ({"t": 10**12}, "frames"),
        ({"id": "../x"}, "pattern"),
        ({"colour": "red"}, "extra inputs"),
    ],
)
def test_absurd_strokes_are_refused_with_the_range(client, tmp_path, change, told):
    got = client.post(f"{URL}/strokes", json=body() | change)
    assert got.status_code in (404, 422)
    assert told in got.json()["error"]["message"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
@pytest.mark.parametrize("where", ["radius", "points"])
def test_numbers_that_are_none_are_refused(client, tmp_path, number, where):
    value = number if where == "radius" else f"[[0, {number}]]"
    text = json.dumps(body() | {where: "@"}).replace('"@"', value)
    got = client.post(f"{URL}/strokes", **raw(text))
    assert got.status_code == 422
    assert where in got.json()["error"]["message"]
    assert list(tmp_path.iterdir()) == []


def test_the_label_image_is_what_was_painted(client):
    client.post(f"{URL}/strokes", json=body("a"))
    client.post(f"{URL}/strokes", json=body("b", class_id=2, points=[[1299, 1999]], radius=30))
    got = client.get(f"{URL}/labels.tif")
    assert got.headers["content-disposition"] == 'attachment; filename="i_strokes_t0_z0.tif"'
    with tifffile.TiffFile(io.BytesIO(got.content)) as file:
        page = file.pages[0]
        assert (page.dtype, page.shape, page.is_tiled, len(file.pages)) == (np.uint8, SIZE, False, 1)
        labels = file.asarray()
    expected = np.zeros(SIZE, np.uint8)
    for class_id, path, radius in ((1, [[100.0, 100], [120, 160]], 4), (2, [[1299.0, 1999]], 30)):
        for row, first, last in zip(*cover("brush", np.array(path), radius, SIZE), strict=True):
            expected[row, first : last + 1] = class_id
    np.testing.assert_array_equal(labels, expected)
    assert client.get(f"{URL}/labels.tif").content == got.content


def test_an_empty_label_image_is_all_zero(client, tmp_path):
    assert not tifffile.imread(io.BytesIO(client.get(f"{URL}/labels.tif?t=1").content)).any()
    assert list(tmp_path.iterdir()) == []


def test_classes_are_kept_sorted_and_told(client, said):
    classes = client.get("/api/v1/classes").json()["classes"]
    classes = [{"id": 9, "name": "<b>pore</b>", "colour": "#009e73"}, *classes]
    got = client.put("/api/v1/classes", json={"classes": classes})
    assert [one["id"] for one in got.json()["classes"]] == [1, 2, 9]
    assert client.get("/api/v1/classes").json() == got.json()
    assert said == [{"type": "classes", **got.json()}]


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ([(1, "a"), (1, "b")], "is there twice"),
        ([(1, "a"), (2, " A ")], "is there twice"),
        ([(1, "  ")], "needs visible letters"),
        ([(1, "a\nb")], "needs visible letters"),
        ([(0, "a")], "greater than or equal to 1"),
        ([(256, "a")], "less than or equal to 255"),
    ],
)
def test_classes_need_numbers_and_names_of_their_own(client, said, classes, told):
    listed = [{"id": number, "name": name, "colour": "#000000"} for number, name in classes]
    got = client.put("/api/v1/classes", json={"classes": listed})
    assert got.status_code == 422
    assert told in got.json()["error"]["message"]
    assert said == []


def test_a_class_with_strokes_cannot_be_deleted(client):
    client.post(f"{URL}/strokes", json=body())
    kept = [{"id": 2, "name": "background", "colour": "#56b4e9"}]
    got = client.put("/api/v1/classes", json={"classes": kept})
    assert got.status_code == 409
    assert "Class 1 'object' has 1 strokes" in got.json()["error"]["message"]
    client.post(f"{URL}/undo")
    assert client.put("/api/v1/classes", json={"classes": kept}).status_code == 409  # it could be redone
    client.post(f"{URL}/strokes", json=body("t", class_id=2))
    assert client.put("/api/v1/classes", json={"classes": kept}).status_code == 200


SERVER = """
import sys, pathlib
import uvicorn
sys.path.insert(0, {tests!r})
from test_paint_routes import make_app
uvicorn.run(make_app(pathlib.Path({root!r}), []), host="127.0.0.1", port={port}, log_level="error")
"""


def start_server(root):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tests = str(__file__).rsplit("/", 1)[0]
    code = SERVER.format(tests=tests, root=str(root), port=port)
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process, port
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise
            time.sleep(0.05)


def ask(port, method, path, sent=None):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        link.request(method, path, None if sent is None else json.dumps(sent), {"Content-Type": "application/json"})
        answer = link.getresponse()
        return answer.status, answer.read()
    finally:
        link.close()


@pytest.mark.slow
def test_a_stroke_that_was_acknowledged_survives_kill_9(tmp_path):
    """Row 2 of the fault list, with a real server process that is killed in the middle of strokes of two clients."""
    chance = random.Random(2)
    sent: dict[str, dict] = {}
    acknowledged: set[str] = set()
    number = 0
    for _ in range(4):
        process, port = start_server(tmp_path)
        stop = threading.Event()
        batches = []
        for _ in range(2):
            batch = []
            for _ in range(400):
                y, x = chance.uniform(0, 1300), chance.uniform(0, 2000)
                points = [[y, x], [y + chance.uniform(-60, 60), x + chance.uniform(-60, 60)]]
                batch.append(body(f"s{number}", class_id=1 + number % 2, radius=chance.uniform(1, 20), points=points))
                number += 1
            batches.append(batch)

        def work(batch, port=port, stop=stop):
            for stroke in batch:
                if stop.is_set():
                    return
                sent[stroke["id"]] = stroke
                try:
                    status, _ = ask(port, "POST", f"{URL}/strokes", stroke)
                except (OSError, http.client.HTTPException):
                    return
                if status == 200:
                    acknowledged.add(stroke["id"])

        threads = [threading.Thread(target=work, args=(batch,)) for batch in batches]
        n_before = len(acknowledged)
        for thread in threads:
            thread.start()
        while len(acknowledged) < n_before + 5 and any(thread.is_alive() for thread in threads):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        stop.set()
        for thread in threads:
            thread.join()
    assert len(acknowledged) >= 20
    process, port = start_server(tmp_path)
    try:
        status, data = ask(port, "GET", f"{URL}/labels.tif")
        assert status == 200
        # a lost answer is asked for again: strokes that were on the disk are not painted twice
        version = json.loads(ask(port, "GET", URL)[1])["version"]
        for one in sorted(acknowledged)[:10]:
            assert ask(port, "POST", f"{URL}/strokes", sent[one])[0] == 200
        assert json.loads(ask(port, "GET", URL)[1])["version"] == version
    finally:
        process.kill()
        process.wait()
    lines = (tmp_path / "annotations" / "i" / "strokes" / "journal.log").read_bytes().splitlines()
    order = [json.loads(line[9:])["id"] for line in lines]
    assert acknowledged <= set(order) <= set(sent)
    assert len(order) == len(set(order)) == version
    expected = np.zeros(SIZE, np.uint8)
    for one in order:
        stroke = sent[one]
        path = np.floor(np.array(stroke["points"]) * 64 + 0.5) / 64
        radius = np.floor(stroke["radius"] * 64 + 0.5) / 64
        for row, first, last in zip(*cover("brush", path, radius, SIZE), strict=True):
            expected[row, first : last + 1] = stroke["class_id"]
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)), expected)
