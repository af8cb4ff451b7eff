from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import tifffile
from fastapi.testclient import TestClient

from granum.app.guard import Address
from granum.app.problems import Problem
from granum.app.server import build
from granum.app.sessions import Sessions
from granum.errors import ReadError


@pytest.fixture
def folder(tmp_path):
    y, x = np.mgrid[:64, :64]
    pixels = np.full((64, 64), 10, np.uint16)
    for cy, cx in ((16, 16), (16, 48), (48, 16), (48, 48)):
        pixels[(y - cy) ** 2 + (x - cx) ** 2 <= 36] = 900
    tifffile.imwrite(tmp_path / "four.tif", pixels)
    return tmp_path


def opened(folder):
    sessions = Sessions()
    server = build(folder, sessions=sessions, address=Address(8642), url="http://127.0.0.1:8642")
    bearer = {"Authorization": f"Bearer {sessions.bearer}"}
    return server, TestClient(server.app, base_url="http://127.0.0.1:8642", headers=bearer)


def test_all_parts_answer_and_end(folder):
    server, client = opened(folder)
    try:
        assert server.parts.pictures.wait(60)
        (image,) = client.get("/api/v1/images").json()["images"]
        assert (image["name"], image["status"]) == ("four.tif", "ready")
        for path in ("project", "recipes", "classes", "jobs", "openapi.json", "docs", f"images/{image['id']}"):
            assert client.get(f"/api/v1/{path}").status_code == 200, path
        assert client.get("/api/v1/nothing").json()["error"]["code"] == "not_found"
    finally:
        assert server.close() == []
    assert server.close() == []


def test_strokes_are_counted_when_a_project_is_opened_again(folder):
    for expected in (0, 1):
        server, client = opened(folder)
        try:
            assert server.parts.pictures.wait(60)
            (image,) = client.get("/api/v1/images").json()["images"]
            assert image["n_strokes"] == expected
            stroke = {"id": f"s{expected}", "tool": "brush", "class_id": 1, "radius": 3, "points": [[5, 5], [9, 9]]}
            answer = client.post(f"/api/v1/images/{image['id']}/paint/classes/strokes", json=stroke)
            assert answer.status_code == 200, answer.text
            assert client.get(f"/api/v1/images/{image['id']}").json()["n_strokes"] == expected + 1
        finally:
            server.close()


def test_a_second_server_on_the_same_project_is_refused_with_the_address_of_the_first(folder):
    server, _ = opened(folder)
    try:
        with pytest.raises(Problem, match=re.escape("http://127.0.0.1:8642")):
            opened(folder)
    finally:
        server.close()
    second, _ = opened(folder)
    second.close()


def test_a_folder_that_is_none_is_refused_and_nothing_stays_open(tmp_path):
    with pytest.raises(ReadError, match="not a folder"):
        opened(tmp_path / "missing")


def documented_routes():
    """Return the routes of docs/contributing/app.md as (method, path with nameless parameters)."""
    text = (Path(__file__).parents[2] / "docs" / "contributing" / "app.md").read_text(encoding="utf-8")
    table = text.partition("## Routes")[2].partition("## The socket")[0]
    found = set()
    for cell in re.findall(r"^\| (.+?) \|", table, re.MULTILINE):
        method, last = "", ""
        for named, path in re.findall(r"(?:\b(GET|POST|PUT|PATCH|DELETE) )?(/[^`\s,?]*)", cell.replace("`", " ")):
            # "/undo, /redo": the second stands for the last part of the first
            path = path if named else re.sub(r"/[^/]*$", path, last)
            method, last = named or method, path
            found.add((method, re.sub(r"\{[^}]*\}", "{}", path)))
    return found


def test_the_routes_are_those_of_the_documentation(folder):
    server, client = opened(folder)
    try:
        paths = client.get("/api/v1/openapi.json").json()["paths"]
    finally:
        server.close()
    there = {
        (method.upper(), re.sub(r"\{[^}]*\}", "{}", path.removeprefix("/api/v1")))
        for path, methods in paths.items()
        for method in methods
    }
    assert there == documented_routes()


def children_of(process):
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_server_however_it_ends(serve, folder, number):
    served = serve(folder)
    end = time.monotonic() + 30
    while not children_of(served.process):
        assert time.monotonic() < end
        time.sleep(0.05)
    # until the workers have started and work
    time.sleep(1)
    children = children_of(served.process)
    start = time.monotonic()
    served.stop(number)
    if number != signal.SIGKILL:
        assert time.monotonic() - start < 3
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    # and the next server may have the project
    again = serve(folder)
    assert httpx.get(f"{again.url}/api/v1/images", headers=again.headers).status_code == 200
