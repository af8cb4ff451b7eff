"""Routes of images: raw tiles with what caches need, uploads as streams, one shape of errors."""

from __future__ import annotations

import hashlib
import io
import socket
import threading
import time

import cv2
import numpy as np
import pytest
import tifffile
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from granum.app.picture_routes import FOREVER, entity_tag, make_router
from granum.app.problems import add_error_handlers
from granum.app.tile_store import MemoryTiles
from granum.app.uploads import Inbox


@pytest.fixture
def app(project, pictures):
    """An app of these routes alone."""
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(make_router(pictures, Inbox(project, pictures, limit=50_000_000)))
    return app


@pytest.fixture
def client(app):
    """A client of `app`."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def ids(pictures):
    """Name -> id."""
    return {entry.name: entry.id for entry in pictures.entries()}


def tiff(seed=0):
    data = io.BytesIO()
    tifffile.imwrite(data, np.random.default_rng(seed).integers(0, 999, (20, 30)).astype(np.uint16))
    return data.getvalue()


def test_the_list_and_one_image_say_the_same(client, pictures, ids):
    listed = client.get("/images").json()["images"]
    assert [one["name"] for one in listed] == ["colour.png", "frame2.tif", "frame10.tif", "series.tif"]
    for one in listed:
        assert client.get(f"/images/{one['id']}").json() == one


def test_every_tile_is_raw_little_endian_16_bit_with_its_shape(client, ids, image_folder):
    plane = tifffile.imread(image_folder / "frame2.tif")
    levels = MemoryTiles(plane).levels
    for level, y, x in ((0, 0, 0), (0, 1, 1), (0, 0, 1), (1, 0, 0)):
        answer = client.get(f"/images/{ids['frame2.tif']}/tiles/0/0/0/{level}/{y}/{x}")
        expected = levels[level][y * 512 : (y + 1) * 512, x * 512 : (x + 1) * 512]
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-tile-shape"] == f"{expected.shape[0]},{expected.shape[1]}"
        assert answer.content == expected.astype("<u2").tobytes()


def test_8_bit_and_colour_travel_as_16_bit_too(client, ids):
    answer = client.get(f"/images/{ids['colour.png']}/tiles/0/2/0/0/0/0")
    assert np.frombuffer(answer.content, "<u2").reshape(64, 80)[10, 20] == 30
    answer = client.get(f"/images/{ids['series.tif']}/tiles/2/0/0/0/0/0")
    assert np.frombuffer(answer.content, "<u2").reshape(64, 80)[0, 0] == 20


def test_a_tile_is_kept_for_good_only_when_its_url_names_a_version(client, ids):
    url = f"/images/{ids['frame2.tif']}/tiles/0/0/0/0/0/0"
    plain, versioned = client.get(url), client.get(url, params={"v": "1"})
    assert plain.headers["cache-control"] == "private, no-cache"
    assert versioned.headers["cache-control"] == FOREVER
    tag = plain.headers["etag"]
    for asked in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(url, headers={"If-None-Match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    others = {client.get(url[:-1] + x).headers["etag"] for x in "01"} | {
        client.get(url.replace("0/0/0/0/0/0", "0/0/0/1/0/0")).headers["etag"]
    }
    assert len(others) == 3


@pytest.mark.parametrize(
    "place",
    ["1/0/0/0/0/0", "0/1/0/0/0/0", "0/0/1/0/0/0", "0/0/0/2/0/0", "0/0/0/0/2/0", "0/0/0/0/0/2", "0/0/0/99999/0/0"],
)
def test_a_tile_that_is_not_there_is_404_in_the_one_shape(client, ids, place):
    answer = client.get(f"/images/{ids['frame2.tif']}/tiles/{place}", headers={"If-None-Match": "*"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("place", ["-1/0/0/0/0/0", "x/0/0/0/0/0", "0/0/0/1e400/0/0", "0/0/0/0/99999999999999999999/0"])
def test_coordinates_of_nonsense_are_refused(client, ids, place):
    answer = client.get(f"/images/{ids['frame2.tif']}/tiles/{place}")
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "setting"


@pytest.mark.parametrize(
    "id",
    ["0000000000000000", "..", "%2e%2e", "..%2f..%2fetc", "..%5c..%5cetc", "%2fetc%2fpasswd", "a%00b", "con", "x" * 99],
)
def test_an_id_that_is_not_there_is_never_a_path(client, id):
    for rest in ("", "/thumbnail", "/tiles/0/0/0/0/0/0", "/histogram", "/pixel?y=0&x=0"):
        answer = client.get(f"/images/{id}{rest}")
        assert answer.status_code in (404, 422)
        assert answer.json()["error"]["code"] in ("not_found", "setting")


def test_pixel_and_histogram_and_thumbnail(client, ids, image_folder):
    plane = tifffile.imread(image_folder / "frame2.tif")
    id = ids["frame2.tif"]
    assert client.get(f"/images/{id}/pixel", params={"y": 7, "x": 9}).json() == {"values": [float(plane[7, 9])]}
    assert client.get(f"/images/{id}/pixel", params={"y": 600, "x": 9}).status_code == 404
    assert client.get(f"/images/{id}/pixel", params={"y": -1, "x": 9}).status_code == 422
    shown = client.get(f"/images/{id}/histogram").json()
    assert sum(shown["counts"]) == plane.size
    assert shown["low"] == plane.min()
    assert shown["high"] > plane.max()
    thumbnail = client.get(f"/images/{id}/thumbnail")
    assert thumbnail.headers["content-type"] == "image/webp"
    picture = cv2.imdecode(np.frombuffer(thumbnail.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[:2] == (219, 256)
    tag = thumbnail.headers["etag"]
    assert client.get(f"/images/{id}/thumbnail", headers={"If-None-Match": tag}).status_code == 304


def test_an_upload_comes_as_a_stream_and_goes_with_delete(client, project):
    data = tiff()
    answer = client.post(
        "/images", params={"name": "../mine.tif"}, content=(data[i : i + 7] for i in range(0, len(data), 7))
    )
    assert answer.status_code == 200
    image = answer.json()["image"]
    assert (image["name"], image["id"]) == ("mine.tif", hashlib.sha256(data).hexdigest()[:16])
    assert client.post("/images", params={"name": "b.tif"}, content=data).json()["duplicate"]
    assert client.delete(f"/images/{image['id']}").status_code == 204
    assert client.get(f"/images/{image['id']}").status_code == 404
    assert list((project.place / "uploads").iterdir()) == []


def test_a_refused_upload_is_told_in_the_one_shape(client, project):
    for content, status, code in (
        (b"PK\3\4" * 9, 422, "unreadable"),
        (b"", 422, "unreadable"),
        (b"x" * 50_000_001, 413, "too_large"),
    ):
        answer = client.post("/images", params={"name": "a.tif"}, content=content)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert client.post("/images").status_code == 422
    assert list((project.place / "uploads").iterdir()) == []


def test_the_users_own_images_are_never_deleted(client, ids, image_folder):
    answer = client.delete(f"/images/{ids['frame2.tif']}")
    assert answer.status_code == 409
    assert (image_folder / "frame2.tif").exists()


def test_the_sample_is_one_click_away(client):
    answer = client.post("/images/sample")
    assert answer.json()["image"]["name"] == "granum sample.tif"
    assert client.post("/images/sample").json()["duplicate"]


def test_an_image_that_is_still_read_answers_503(client, pictures, monkeypatch, ids):
    picture = pictures._list.find(ids["frame2.tif"])
    monkeypatch.setattr(picture, "facts", None)
    monkeypatch.setattr(picture, "status", "reading")
    for rest in ("tiles/0/0/0/0/0/0", "thumbnail", "histogram"):
        answer = client.get(f"/images/{ids['frame2.tif']}/{rest}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "reading")


def test_an_upload_whose_browser_goes_away_leaves_nothing(app, project):
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        folder = project.place / "uploads"
        with socket.create_connection(("127.0.0.1", port)) as browser:
            browser.sendall(b"POST /images?name=a.tif HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
            browser.sendall(b"x" * 2_000_000)
            until(lambda: folder.exists() and any(path.stat().st_size > 10**6 for path in folder.iterdir()))
        until(lambda: list(folder.iterdir()) == [])
    finally:
        server.should_exit = True
        thread.join()


def until(true):
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_tag_names_everything_that_decides():
    assert entity_tag("a", 1, 2) == '"a-1-2"'
