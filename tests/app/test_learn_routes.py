"""Learning through the whole server: strokes in, predictions, models and searches out."""

from __future__ import annotations

import importlib
import json
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient

from granum.app.guard import Address
from granum.app.server import build
from granum.app.sessions import Sessions
from granum.learn.model_file import load_model

SLOW = 120
SHAPE = (300, 400)


class Bench:
    """A server over two pictures of two phases, and what a page that listens has heard."""

    def __init__(self, folder):
        self.folder, self.heard = folder, queue.Queue()
        sessions = Sessions()
        self.server = build(folder, sessions=sessions, address=Address(8642), url="http://127.0.0.1:8642")
        bearer = {"Authorization": f"Bearer {sessions.bearer}"}
        self.client = TestClient(self.server.app, base_url="http://127.0.0.1:8642", headers=bearer)
        assert self.server.parts.pictures.wait(60)
        images = self.client.get("/api/v1/images").json()["images"]
        self.ids = {one["name"]: one["id"] for one in images}
        self.n_strokes = self.n_looks = 0

    def listen(self):
        self.socket = self.client.websocket_connect("ws://127.0.0.1:8642/api/v1/socket").__enter__()
        self.socket.send_json({"type": "hello", "client": "page"})
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self):
        while True:
            try:
                self.heard.put(self.socket.receive_json())
            except Exception:  # closed, in whichever way: the test knows
                return

    def ask(self, method, path, expected=200, **about):
        answer = self.client.request(method, f"/api/v1{path}", **about)
        assert answer.status_code == expected, answer.text
        is_json = answer.content and answer.headers.get("content-type") == "application/json"
        return answer.json() if is_json else answer

    def stroke(self, image, class_id, y, x):
        self.n_strokes += 1
        stroke = {"id": f"s{self.n_strokes}", "tool": "brush", "class_id": class_id, "radius": 4}
        self.ask(
            "POST",
            f"/images/{self.ids[image]}/paint/scribbles/strokes",
            json=stroke | {"points": [[y, x], [y + 40, x]]},
        )

    def look(self, image, model="live", **more):
        self.n_looks += 1
        look = {"type": "learn_look", "request": self.n_looks, "image": self.ids.get(image, image), "model": model}
        self.socket.send_json(look | {"view": [0, 0, 100, 100]} | more)

    def until(self, condition):
        while True:
            message = self.heard.get(timeout=SLOW)
            if message["type"] == "learn_error" and message["request"] == self.n_looks:
                pytest.fail(message["message"])
            if condition(message):
                return message

    def complete(self, model="live"):
        return self.until(
            lambda m: (
                m["type"] == "learn_prediction"
                and m["complete"]
                and (m["request"], m["model"]) == (self.n_looks, model)
            )
        )

    def whole(self, prediction, layer="classes"):
        """Return a layer of a prediction, tile by tile."""
        dtype, halo = ("u1", 1) if layer == "classes" else ("<u2", 0)
        url = prediction[layer]["url"]
        answer = self.client.get(f"{url}/0/0/0")
        tile = np.frombuffer(answer.content, dtype)
        tile = tile.reshape([int(n) for n in answer.headers["x-tile-shape"].split(",")])
        return tile[halo : halo + SHAPE[0], halo : halo + SHAPE[1]]

    def close(self):
        if hasattr(self, "socket"):
            self.socket.close()
        return self.server.close()


@pytest.fixture(scope="module")
def fixtures():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        return importlib.import_module("learn_fixtures")


@pytest.fixture(scope="module")
def bench(tmp_path_factory, fixtures):
    folder = tmp_path_factory.mktemp("images")
    for number in (1, 2):
        tifffile.imwrite(folder / f"{number}.tif", fixtures.two_phases(number, SHAPE))
    bench = Bench(folder)
    bench.listen()
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def painted(bench):
    """The server after a few strokes, while nobody looks."""
    bench.stroke("1.tif", 1, 50, 60)
    bench.stroke("1.tif", 2, 50, 300)
    bench.stroke("2.tif", 1, 200, 100)
    bench.stroke("2.tif", 2, 200, 350)
    return bench


def test_from_nothing_to_a_prediction(bench, fixtures):
    state = bench.ask("GET", "/learn")
    assert state["painted"] == []
    assert "Nothing is painted" in state["problem"]
    bench.look("1.tif")
    bench.stroke("1.tif", 1, 50, 60)
    message = bench.until(lambda m: m["type"] == "learn" and m["state"]["painted"])
    assert "Only 'object'" in message["state"]["problem"]
    bench.stroke("1.tif", 2, 50, 300)
    done = bench.complete()
    classes = bench.whole(done)
    assert (classes[:, :180] == 1).mean() > 0.97
    assert (classes[:, 220:] == 2).mean() > 0.97
    assert done["areas"] == {str(k): int((classes == k).sum()) for k in (1, 2)}
    assert bench.whole(done, "uncertainty").shape == SHAPE
    state = bench.ask("GET", "/learn")
    assert state["problem"] == ""
    assert "features" in state["live"]
    assert state["painted"][0]["n_strokes"] == 2
    # strokes on another image, and undo, change what is seen here
    bench.stroke("2.tif", 2, 50, 60)
    second = bench.complete()
    assert second["key"] != done["key"]
    bench.ask("POST", f"/images/{bench.ids['2.tif']}/paint/scribbles/undo")
    bench.complete()
    bench.look("1.tif", on=False)


def test_what_cannot_be_looked_at_is_told_with_its_number(bench):
    for number, (more, code) in enumerate(
        [
            ({"image": "nothing"}, "not_found"), ({"t": 3}, "not_found"), ({"model": "model:none"}, "not_found"),
            ({"model": "/etc/passwd"}, "setting"), ({"view": [0, 0]}, "setting"), ({"image": "../x"}, "setting"),
        ],
        1000,
    ):  # fmt: skip
        bench.socket.send_json({"type": "learn_look", "request": number, "image": bench.ids["1.tif"]} | more)
        answer = bench.until(lambda m, number=number: m.get("request") == number)
        assert (answer["type"], answer["code"]) == ("learn_error", code)


def test_tiles_that_are_not_there_are_404(bench):
    for path in ("nothing/classes/tiles/0/0/0", "nothing/uncertainty/tiles/0/0/0"):
        bench.ask("GET", f"/learn/predictions/{path}", 404)
    bench.ask("GET", "/learn/predictions/nothing/mask/tiles/0/0/0", 422)


@pytest.mark.slow
def test_the_accepted_model_gives_the_same_bytes_in_a_job_by_the_command_line_and_on_screen(painted, tmp_path):
    bench = painted
    info = bench.ask("POST", "/learn/models", json={"name": "two phases", "model": "live"})
    assert Path(info["path"]).is_file()
    assert (info["n_images"], info["problem"]) == (2, "")
    bench.ask("POST", "/learn/models", 409, json={"name": "two phases", "model": "live"})
    bench.look("2.tif", "model:two phases")
    seen = bench.whole(bench.complete("model:two phases"))
    request = {"recipe": "scribbles", "settings": {"segment.learned.model": info["path"]}, "jobs": 1}
    scripts = bench.ask("POST", "/scripts", json=request)
    for text in scripts.values():
        assert info["path"] in text
    job = bench.ask("POST", "/jobs", json=request)
    done = bench.until(lambda m: m["type"] == "job" and m["job"]["id"] == job["id"] and m["job"]["finished"])
    assert done["job"]["state"] == "done", done
    result = bench.server.parts.jobs.result_folder(job["id"])
    script = tmp_path / "run.sh"
    script.write_text(scripts["command"].replace("granum run", f"{sys.executable} -m granum run", 1))
    subprocess.run(["bash", str(script)], cwd=tmp_path, check=True, capture_output=True, text=True)
    by_command = tmp_path / "granum_result"
    files = sorted(path.relative_to(result) for path in result.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(by_command) for path in by_command.rglob("*") if path.is_file())
    same = [path for path in files if path.suffix in (".tif", ".csv", ".toml", ".granum_model")]
    assert any("class" in str(path) for path in same)
    for path in same:
        assert (result / path).read_bytes() == (by_command / path).read_bytes(), path
    (classes,) = [path for path in files if path.suffix == ".tif" and "class" in str(path) and "2" in path.name]
    np.testing.assert_array_equal(tifffile.imread(result / classes), seen)
    model = load_model(info["path"])
    np.testing.assert_array_equal(model.predict(tifffile.imread(bench.folder / "2.tif")[None]).classes, seen)


def test_requests_may_name_models_of_the_project_alone(painted, tmp_path, fixtures):
    bench = painted
    outside = tmp_path / "m.granum"
    fixtures.make_model().save(outside)
    request = {"recipe": "scribbles", "settings": {"segment.learned.model": str(outside)}}
    for path in ("/jobs", "/scripts", "/recipes/check"):
        answer = bench.ask("POST", path, 422, json=request)
        assert "no model of this project" in answer["error"]["message"]
    answer = bench.ask("PUT", "/recipes/mine", 422, json=request)
    bench.socket.send_json({"type": "preview", "request": 77, "image": bench.ids["1.tif"], **request})
    answer = bench.until(lambda m: m["type"] == "preview_error" and m["request"] == 77)
    assert "no model of this project" in answer["message"]


def test_models_travel_as_files_and_are_checked(painted, fixtures, tmp_path):
    bench = painted
    fixtures.make_model(about={"report": {"miou": 0.5, "low": 0.4, "high": 0.6}}).save(tmp_path / "m.granum")
    data = (tmp_path / "m.granum").read_bytes()
    info = bench.ask("PUT", "/learn/models?name=travelled", content=data)
    assert (info["name"], info["miou"], info["n_bytes"]) == ("travelled", 0.5, len(data))
    state = bench.until(lambda m: m["type"] == "learn" and any(o["name"] == "travelled" for o in m["state"]["models"]))
    assert state["state"]["models"]
    back = bench.ask("GET", "/learn/models/travelled/file")
    assert back.content == data
    assert "travelled.granum" in back.headers["content-disposition"]
    assert bench.ask("PUT", "/learn/models?name=travelled", 409, content=data)["error"]["code"] == "exists"
    for name, sent in (("cut", data[:-100]), ("text", b"hello"), ("empty", b"")):
        assert name in bench.ask("PUT", f"/learn/models?name={name}", 422, content=sent)["error"]["message"]
    bench.ask("PUT", "/learn/models?name=..%2Fx", 422, content=data)
    bench.look("1.tif", "model:travelled")
    bench.complete("model:travelled")
    bench.ask("DELETE", "/learn/models/travelled", 204)
    bench.ask("DELETE", "/learn/models/travelled", 404)
    bench.ask("GET", "/learn/models/travelled/file", 404)


@pytest.mark.slow
def test_a_search_finds_a_model_that_can_be_looked_at_and_kept(painted):
    bench = painted
    bench.ask("POST", "/learn/search/stop", 409)
    bench.ask("POST", "/learn/models", 409, json={"name": "best", "model": "search"})
    bench.ask("POST", "/learn/search", 422, json={"budget_s": 0})
    bench.look("1.tif", "search")
    begun = bench.ask("POST", "/learn/search", json={"budget_s": 600, "seed": 1})
    assert begun["state"] == "running"
    bench.ask("POST", "/learn/search", 409, json={"budget_s": 4})
    bench.complete("search")  # the first model, before anything is scored
    bench.until(lambda m: m["type"] == "learn" and m["state"]["search"]["report"])
    bench.ask("POST", "/learn/search/stop")
    done = bench.until(lambda m: m["type"] == "learn" and m["state"]["search"]["state"] != "running")
    search = done["state"]["search"]
    assert search["state"] == "stopped", search
    best = [one for one in search["leaderboard"] if one["is_best"]]
    assert len(best) == 1
    assert search["report"]["miou"] == pytest.approx(best[0]["miou"], abs=0.2)
    info = bench.ask("POST", "/learn/models", json={"name": "best", "model": "search"})
    assert info["miou"] == pytest.approx(search["report"]["miou"])
    assert info["n_strokes"] >= 4


def test_a_model_and_a_search_are_told_to_be_older_once_strokes_have_changed_and_not_after_undo(painted):
    bench = painted

    def older(state):
        return [one["is_older"] for one in state["models"] if one["name"] == "then"]

    bench.ask("POST", "/learn/models", json={"name": "then", "model": "live"})
    bench.ask("POST", "/learn/search", json={"budget_s": 60})
    bench.ask("POST", "/learn/search/stop")

    def told(condition):
        return bench.until(
            lambda m: m["type"] == "learn" and m["state"]["search"] is not None and condition(m["state"]["search"])
        )["state"]

    told(lambda search: search["state"] != "running")
    state = bench.ask("GET", "/learn")
    assert (older(state), state["search"]["is_older"]) == ([False], False)
    bench.stroke("1.tif", 2, 150, 330)
    state = told(lambda search: search["is_older"])
    assert older(state) == [True]
    bench.ask("POST", f"/images/{bench.ids['1.tif']}/paint/scribbles/undo")
    state = told(lambda search: not search["is_older"])
    assert older(state) == [False]
    bench.ask("DELETE", "/learn/models/then", 204)


def test_a_read_only_project_can_be_looked_at_and_predicted_but_keeps_nothing(painted):
    bench = painted
    project = bench.server.parts.project
    bench.ask("POST", "/learn/models", json={"name": "kept", "model": "live"})
    project.read_only = "The disk is read-only."
    try:
        bench.look("1.tif", "model:kept")
        bench.complete("model:kept")
        for method, path, body in (
            ("POST", "/learn/models", {"name": "x", "model": "live"}), ("POST", "/learn/search", {"budget_s": 1}),
            ("DELETE", "/learn/models/kept", None), ("PUT", "/learn/models?name=y", None),
        ):  # fmt: skip
            assert bench.ask(method, path, 409, json=body)["error"]["code"] == "read_only"
        assert bench.ask("GET", "/learn")["models"]
    finally:
        project.read_only = ""


def test_the_process_that_learns_may_be_killed(painted):
    bench = painted
    process = bench.server.parts.learning._process._process
    assert process is not None
    process.kill()
    end = time.monotonic() + SLOW
    while bench.server.parts.learning._process._process is process:
        assert time.monotonic() < end
        time.sleep(0.05)
    bench.stroke("1.tif", 1, 100, 100)
    bench.look("1.tif")
    assert bench.complete()["ready"] is not None
    assert json.dumps(bench.ask("GET", "/learn"))
