"""The real server under attack: by programs that speak HTTP badly, by requests of nonsense, by another user."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import numpy as np
import psutil
import pytest
import tifffile
from websockets.sync.client import connect

pytestmark = pytest.mark.slow

LAB = ("--host", "127.0.0.1")
STROKE = {"tool": "brush", "class_id": 1, "radius": 6, "points": [[20, 20], [40, 60]]}


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "images"
    place.mkdir()
    y, x = np.mgrid[:200, :240]
    tifffile.imwrite(place / "a.tif", ((y % 40 - 20) ** 2 + (x % 40 - 20) ** 2 < 100).astype(np.uint8) * 200)
    return place


@pytest.fixture
def client(serve, folder):
    """A program that may do everything, and the server in `client.served`."""
    served = serve(folder, *LAB)
    with httpx.Client(base_url=f"{served.url}/api/v1", headers=served.headers, timeout=60) as client:
        client.served = served
        yield client


def image_of(client):
    """Wait for the one image and return its id."""
    for _ in range(600):
        (entry,) = client.get("/images").json()["images"]
        if entry["status"] == "ready":
            return entry["id"]
        threading.Event().wait(0.05)
    raise AssertionError("the image was not read")


# ------------------------------------------------------------------------------------------------ speaking badly

HOST = "Host: 127.0.0.1:{port}\r\n"
BEARER = "Authorization: Bearer {token}\r\n"
JSON = "Content-Type: application/json\r\n"
KEY = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n" + KEY
CHUNKED = "\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
OWN = "Origin: http://127.0.0.1:{port}\r\n"
PROJECT = "GET /api/v1/project HTTP/1.1\r\n"
CHECK = "POST /api/v1/recipes/check HTTP/1.1\r\n" + HOST + BEARER + JSON
SOCKET = "GET /api/v1/socket HTTP/1.1\r\n" + HOST
NEXT = "GET /api/v1/classes HTTP/1.1\r\n" + HOST + BEARER + "\r\n"
SPOKEN = {
    "own name": (PROJECT + HOST + BEARER, [200]),
    "own address of version 6": (PROJECT + "Host: [::1]:{port}\r\n" + BEARER, [200]),
    "name with a dot": (PROJECT + "Host: localhost.:{port}\r\n" + BEARER, [421]),
    "no port": (PROJECT + "Host: 127.0.0.1\r\n" + BEARER, [421]),
    "another port": (PROJECT + "Host: 127.0.0.1:1\r\n" + BEARER, [421]),
    "a zero before the port": (PROJECT + "Host: 127.0.0.1:0{port}\r\n" + BEARER, [421]),
    "a user in the name": (PROJECT + "Host: a@127.0.0.1:{port}\r\n" + BEARER, [421]),
    "version 4 in version 6": (PROJECT + "Host: [::ffff:127.0.0.1]:{port}\r\n" + BEARER, [421]),
    "octal address": (PROJECT + "Host: 0177.0.0.1:{port}\r\n" + BEARER, [421]),
    "two names": (PROJECT + HOST + "Host: evil.example\r\n" + BEARER, [421, 400]),
    "no name": (PROJECT.replace("1.1", "1.0") + BEARER, [421]),
    "a folded header": (PROJECT + HOST + " evil\r\n" + BEARER, [400]),
    "lines without CR": ((PROJECT + HOST + BEARER).replace("\r", ""), [400]),
    "a blank before the colon": (PROJECT + HOST + "Authorization : Bearer {token}\r\n", [400]),
    "two lengths of one body": (CHECK + "Content-Length: 4\r\nTransfer-Encoding: chunked" + CHUNKED + NEXT, [400]),
    "two lengths": (CHECK + "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{{}}" + NEXT, [400]),
    "a length with a sign": (CHECK + "Content-Length: +2\r\n\r\n{{}}", [400]),
    "an unknown coding": (CHECK + "Transfer-Encoding: xchunked" + CHUNKED, [400]),
    "trace": (PROJECT.replace("GET", "TRACE") + HOST + BEARER, [403, 405]),
    "asked beforehand": (PROJECT.replace("GET", "OPTIONS") + HOST + "Origin: http://evil.example\r\n", [401, 403]),
    "no page": (CHECK.replace(BEARER, "") + "Origin: null\r\nContent-Length: 2\r\n\r\n{{}}", [403]),
    "routes without a token": ("GET /api/v1/openapi.json HTTP/1.1\r\n" + HOST, [401]),
    "table of routes without a token": ("GET /api/v1/docs HTTP/1.1\r\n" + HOST, [401]),
    "files of the page without a token": ("GET /assets/index.js HTTP/1.1\r\n" + HOST, [401]),
    "a path that is another when normalised": ("GET /login/../api/v1/project HTTP/1.1\r\n" + HOST, [401]),
    "two slashes": ("GET //login HTTP/1.1\r\n" + HOST, [401]),
    "noise": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),
    "a socket": (SOCKET + BEARER + UPGRADE, [101]),
    "a socket without a token": (SOCKET + OWN + UPGRADE, [401]),
    "a socket of another page": (SOCKET + BEARER + "Origin: http://127.0.0.1:1\r\n" + UPGRADE, [403]),
    "a token as subprotocol": (SOCKET + OWN + UPGRADE + "Sec-WebSocket-Protocol: bearer, {token}\r\n", [401]),
    "a token in the address": ("GET /api/v1/socket?token={token} HTTP/1.1\r\n" + HOST + OWN + UPGRADE, [401]),
    "a socket elsewhere": (PROJECT + HOST + BEARER + UPGRADE, [403]),
}  # fmt: skip


def speak(port, text):
    """Send a text and return (status of each answer, all that came)."""
    came = b""
    with socket.create_connection(("127.0.0.1", port), timeout=2.0) as connection:
        connection.sendall(text.encode("latin-1"))
        try:
            while data := connection.recv(65536):
                came += data
                if b"HTTP/1.1 101" in came:
                    break
        except (TimeoutError, ConnectionError):
            pass  # it waits for more, or has cut us off
    return [int(line[9:12]) for line in came.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")], came.decode("latin-1")


def test_requests_that_are_spoken_badly_are_refused_and_none_hides_in_another(client):
    port, token = client.served.port, client.headers["Authorization"].partition(" ")[2]

    def spoken(text):
        text = text.format(port=port, token=token)
        return speak(port, text if "\r\n\r\n" in text else text + "\r\n")

    with ThreadPoolExecutor(12) as speakers:
        answers = list(speakers.map(spoken, [text for text, _ in SPOKEN.values()]))
    for (name, (_, wanted)), (statuses, came) in zip(SPOKEN.items(), answers, strict=True):
        assert len(statuses) == 1, (name, statuses)
        assert statuses[0] in wanted, (name, came)
        for secret in ("Traceback", token, str(client.served.folder)):
            assert secret not in came or statuses == [200], (name, came)
    assert client.get("/project").status_code == 200
    printed = "".join(client.served.lines)
    assert "ERROR" not in printed, printed
    assert "Traceback" not in printed, printed
    assert token not in printed


# ------------------------------------------------------------------------------------------------ asking for nonsense

NONSENSE = ["..", "%2e%2e", "..%2f..", "%5c..%5c", "a%00b", "%ff", "CON", "0", "-1", "9" * 30, "1e400", "nan",
            "a" * 300, "%F0%9F%98%80", "%22%3E%3Cscript%3E", "%0d%0aX-Evil:1", "2147483648"]  # fmt: skip
VALUES = [None, True, -1, 1e308, 10**30, 2**63, "x" * 1000, "\ud800", "\x00", "<b>", [], [[]], {}, {"a": 1}, [None],
          float("nan"), float("inf"), "nan", "9" * 5000, "=1+1", "../../x", "{a = " * 1000]  # fmt: skip
BODIES = [b"", b"[", b"[" * 100_000, b'{"a":' * 100_000, b"null", b"1" * 5000, b"\xff\xfe", b'{"a":1e999999}', b"[]"]
GOOD = {"layer": "scribbles", "run": "20260101T000000Z-abcdef", "stem": "a", "key": "k", "path": "a.csv", "name": "x",
        "format": "coco"}  # fmt: skip
NEEDED = {"id": "a1", "tool": "brush", "points": [[1, 1]], "op": "delete", "classes": []}
# of a search and of a kept model; nothing is painted, so neither comes to be
NEEDED |= {"budget_s": 1, "name": "a", "model": "live"}


def requests_of_nonsense(spec, image):
    """Yield (method, path, what httpx takes) for every route and every place where something can be wrong."""
    good = {**GOOD, "id": image, "image": image}
    for path, methods in spec["paths"].items():
        for method, about in methods.items():
            if method == "delete" or path.endswith("/sample"):
                continue
            parameters = about.get("parameters", [])
            inside = {one["name"]: good.get(one["name"], "0") for one in parameters if one["in"] == "path"}
            schema = about.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            model = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if schema else {}
            body = {name: NEEDED[name] for name in model.get("required", [])}
            # with an image that does not exist no job is started, whatever else is good
            body |= {"images": ["none"]} if path.endswith("/jobs") else {}
            sent = {"content": json.dumps(body).encode(), "headers": {"Content-Type": "application/json"}}
            sent = sent if model else {}
            for name in inside:
                for text in NONSENSE:
                    yield method, path.format(**{**inside, name: text}), sent
            place = path.format(**inside)
            for one in parameters:
                if one["in"] == "query":
                    for text in NONSENSE:
                        yield method, place, {**sent, "params": {one["name"]: text}}
            for name in model.get("properties", {}):
                for value in VALUES:
                    yield method, place, {**sent, "content": json.dumps({**body, name: value}).encode()}
            if model:
                for raw in BODIES:
                    yield method, place, {**sent, "content": raw}


def test_no_request_is_a_fault_of_granum(client):
    image = image_of(client)
    spec = client.get("/openapi.json").json()
    n = 0
    for method, path, sent in requests_of_nonsense(spec, image):
        answer = client.request(method.upper(), path.removeprefix("/api/v1"), **sent)
        n += 1
        where = method, path[:200], str(sent)[:300], answer.text[:300]
        assert answer.status_code < 500 or answer.status_code == 503, where
        assert "x-evil" not in answer.headers, where
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) == {"code", "message"}, where
            assert answer.json()["error"]["message"], where
    assert n > 1500
    # settings too, through the whole of a recipe
    settings = [f"{step['key']}.{one['name']}" for step in client.get("/recipes").json()["recipes"][0]["steps"]
                for one in step["settings"]]  # fmt: skip
    for name in settings:
        for value in VALUES:
            answer = client.post("/recipes/check", content=json.dumps({"settings": {name: value}}).encode(),
                                 headers={"Content-Type": "application/json"})  # fmt: skip
            assert answer.status_code in (200, 400, 422), (name, value, answer.text)
    assert "Traceback" not in "".join(client.served.lines)


def test_a_socket_that_is_flooded_answers_to_the_end_in_bounded_memory(client):
    image, served = image_of(client), client.served
    process = psutil.Process(served.process.pid)
    ends = []

    def listen(page):
        for text in page:
            message = json.loads(text)
            if message.get("request") == 2000 and message["type"] != "preview_progress":
                ends.append(message["type"])
                return

    address = f"ws://127.0.0.1:{served.port}/api/v1/socket"
    with connect(address, additional_headers=served.headers, max_size=2**24) as page:
        page.send(json.dumps({"type": "hello", "client": "flood"}))
        page.recv()
        before = process.memory_info().rss
        listener = threading.Thread(target=listen, args=(page,))
        listener.start()
        for number in range(2001):
            page.send(json.dumps({"type": "preview", "request": number, "image": image}))
            page.send("[" * 1000)
        listener.join(60)
    assert ends == ["preview_result"]
    assert process.memory_info().rss - before < 300 * 2**20
    assert client.get("/project").status_code == 200
    assert "Traceback" not in "".join(served.lines)


# ------------------------------------------------------------------------------------------------ another user


class User:
    """A browser of a lab server, without a browser."""

    def __init__(self, served):
        self.served = served
        self.client = httpx.Client(base_url=served.url, headers={"Origin": served.url}, timeout=60)

    def sign_in(self):
        token = self.served.headers["Authorization"].partition(" ")[2]
        answer = self.client.post("/login", data={"token": token})
        assert answer.status_code == 303
        return self

    @property
    def author(self):
        return self.client.get("/api/v1/project").json()["author"]

    def paint(self, image, id, **more):
        return self.client.post(f"/api/v1/images/{image}/paint/scribbles/strokes", json={**STROKE, "id": id, **more})

    def act(self, image, what, **query):
        return self.client.post(f"/api/v1/images/{image}/paint/scribbles/{what}", params=query)

    @contextmanager
    def socket(self):
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        address = f"ws://127.0.0.1:{self.served.port}/api/v1/socket"
        with connect(address, additional_headers={"Cookie": cookies}, origin=self.served.url) as page:
            page.send(json.dumps({"type": "hello", "client": "same-name"}))
            assert json.loads(page.recv())["type"] == "hello"
            yield page


@pytest.fixture
def users(client):
    users = [User(client.served).sign_in() for _ in range(2)]
    yield users
    for user in users:
        user.client.close()


def until(page, kind):
    """Read messages until one of a kind comes; return all of them."""
    told = [json.loads(page.recv(timeout=60))]
    while told[-1]["type"] != kind:
        told.append(json.loads(page.recv(timeout=60)))
    return told


def test_a_user_cannot_act_as_another(client, users):
    image = image_of(client)
    first, second = users
    assert first.author != second.author
    assert first.paint(image, "s1").json()["n_strokes"] == 1
    # nobody is somebody else by saying so
    for forged in ({"author": first.author}, {"user": first.author}):
        assert second.paint(image, "s2", **forged).status_code == 422
    assert second.act(image, "undo", author=first.author).json()["n_strokes"] == 1
    state = second.client.get(f"/api/v1/images/{image}/paint/scribbles").json()
    assert (state["n_strokes"], state["can_undo"]) == (1, False)
    # nor by using the same ids
    answer = second.paint(image, "s1")
    assert answer.json()["n_strokes"] == 1 if answer.status_code == 200 else answer.status_code == 409
    assert second.act(image, "undo", id="s1").json().get("n_strokes", 1) == 1
    # nor by a cookie of the other's public name, nor by taking over a session that was chosen beforehand
    second.client.cookies.set("granum_author", first.author)
    assert second.author != first.author
    thief = User(client.served)
    thief.client.cookies.set(f"granum_{client.served.port}", "chosen-beforehand-0123456789")
    thief.sign_in()
    assert "chosen-beforehand-0123456789" not in [one.value for one in thief.client.cookies.jar][-1:]
    stranger = httpx.get(f"{client.served.url}/api/v1/project",
                         headers={"Cookie": f"granum_{client.served.port}=chosen-beforehand-0123456789"})  # fmt: skip
    assert stranger.status_code == 401
    thief.client.close()
    assert first.act(image, "undo").json()["n_strokes"] == 0


def test_previews_of_one_user_are_neither_sent_to_nor_stopped_by_another(client, users):
    image = image_of(client)
    with users[0].socket() as first, users[1].socket() as second:
        first.send(json.dumps({"type": "preview", "request": 1, "image": image}))
        second.send(json.dumps({"type": "preview", "request": 1, "image": image, "recipe": "none"}))
        second.close()  # drops what it has asked for, and nothing else
        told = until(first, "preview_result")
        assert [one["request"] for one in told if one["type"].startswith("preview")][-1:] == [1]
    with users[0].socket() as first, users[1].socket() as second:
        first.send(json.dumps({"type": "preview", "request": 2, "image": image}))
        key = until(first, "preview_result")[-1]["key"]
        httpx.put(f"{client.base_url}classes", headers=client.headers,
                  json={"classes": [{"id": 1, "name": "x", "colour": "#123456"}]}).raise_for_status()  # fmt: skip
        assert {one["type"] for one in until(second, "classes")} <= {"classes", "images"}
    # the name of a result cannot be guessed from what was asked for
    again = until_result(users[1], image)
    assert again.rpartition("-")[0] != key.rpartition("-")[0]


def until_result(user, image):
    with user.socket() as page:
        page.send(json.dumps({"type": "preview", "request": 3, "image": image}))
        return until(page, "preview_result")[-1]["key"]


def test_after_a_restart_a_person_signs_in_again_and_takes_back_older_strokes(serve, folder, chromium):
    served = serve(folder, *LAB)
    context = chromium.new_context()
    page = context.new_page()
    token = served.headers["Authorization"].partition(" ")[2]

    def come_in():
        page.goto(served.url)
        page.get_by_label("Token of this server").fill(token)
        page.get_by_role("button", name="Open").click()
        page.locator(".image-item").first.wait_for(timeout=60_000)

    def call(method, path, body=None):
        code = """async ([method, path, body]) => (await fetch("/api/v1" + path, {method,
            headers: {"Content-Type": "application/json"}, body: body && JSON.stringify(body)})).json()"""
        return page.evaluate(code, [method, path, body])

    come_in()
    with httpx.Client(base_url=f"{served.url}/api/v1", headers=served.headers) as client:
        image = image_of(client)
        author = call("GET", "/project")["author"]
        assert call("POST", f"/images/{image}/paint/scribbles/strokes", {**STROKE, "id": "old"})["n_strokes"] == 1
    served.stop()
    again = serve(folder, *LAB, port=served.port)
    assert again.url == served.url
    come_in()
    assert call("GET", "/project")["author"] == author
    assert call("POST", f"/images/{image}/paint/scribbles/undo")["n_strokes"] == 0
    # somebody else in another browser is somebody else
    other = chromium.new_context()
    page = other.new_page()
    come_in()
    assert call("GET", "/project")["author"] != author
    # what is in the cookie is for no script, and for no other site
    (cookie,) = [one for one in context.cookies() if one["name"] == "granum_author"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    context.close()
    other.close()
