from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

import psutil
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

import granum
from granum.app import hub as hubs
from granum.app import socket_routes
from granum.app.guard import Address, Guard
from granum.app.hub import Hub
from granum.app.problems import Problem
from granum.app.sessions import Sessions


class Previews:
    """Takes requests as the real ones do, and remembers them."""

    def __init__(self):
        self.asked, self.forgotten = [], []

    def submit(self, client, request):
        if request.image == "missing":
            raise Problem(404, "not_found", "There is no image missing.")
        self.asked.append((client, request))

    def forget(self, client):
        self.forgotten.append(client)


class Learning:
    """Takes looks as the real one does, and remembers them."""

    def __init__(self):
        self.looks, self.forgotten = [], []

    def look(self, client, request):
        if request.image == "missing":
            raise Problem(404, "not_found", "There is no image missing.")
        self.looks.append((client, request))

    def forget(self, client):
        self.forgotten.append(client)


class Server:
    """The socket behind the guard, served in a thread."""

    def __init__(self, **options):
        self.hub, self.previews, self.learning = Hub(), Previews(), Learning()
        app = FastAPI()
        app.include_router(socket_routes.make_router(self.hub, self.previews, self.learning), prefix="/api/v1")
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.sessions = Sessions(**options)
        config = uvicorn.Config(
            Guard(app, sessions=self.sessions, address=Address(self.port)), log_level="warning", lifespan="off",
            ws="websockets-sansio", ws_max_size=2**20, ws_per_message_deflate=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self.uvicorn = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.uvicorn.run, kwargs={"sockets": [self.listening]}, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return f"ws://127.0.0.1:{self.port}/api/v1/socket"

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.sessions.bearer}"}

    @contextlib.contextmanager
    def connect(self, hello=True):
        with connect(self.address, additional_headers=self.headers, compression=None, max_queue=None) as client:
            if hello:
                client.send(json.dumps({"type": "hello", "client": "page"}))
                assert json.loads(client.recv(10))["type"] == "hello"
            yield client

    def stop(self):
        self.uvicorn.should_exit = True
        self.thread.join(20)
        self.listening.close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


def wait(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def preview(**changes):
    return json.dumps({"type": "preview", "request": 7, "image": "0123456789abcdef", **changes})


def test_a_hello_is_answered_with_version_and_author(server):
    with server.connect(hello=False) as client:
        client.send('{"type": "hello", "client": "page-1"}')
        assert json.loads(client.recv(10)) == {"type": "hello", "version": granum.__version__, "author": "local"}


def test_previews_are_handed_on_and_answered_to_the_one_who_asked(server):
    with server.connect() as first, server.connect() as second:
        first.send(preview(request=1, level=2))
        wait(lambda: server.previews.asked)
        client, request = server.previews.asked[0]
        assert (request.request, request.level) == (1, 2)
        server.hub.send(client, {"type": "preview_result", "request": 1})
        server.hub.publish({"type": "runs", "runs": []})
        assert [json.loads(first.recv(10))["type"] for _ in range(2)] == ["preview_result", "runs"]
        assert json.loads(second.recv(10))["type"] == "runs"
    wait(lambda: len(server.previews.forgotten) == 2)
    assert client in server.previews.forgotten


def test_looks_are_handed_on_and_forgotten_when_the_page_leaves(server):
    with server.connect() as page:
        page.send('{"type": "learn_look", "request": 3, "image": "a", "view": [0, 1, 2, 3], "model": "model:x"}')
        wait(lambda: server.learning.looks)
        client, look = server.learning.looks[0]
        assert (look.request, look.on, look.view, look.model) == (3, True, [0, 1, 2, 3], "model:x")
    wait(lambda: server.learning.forgotten == [client])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"image": "missing"}, "not_found"), ({"image": "../x"}, "setting"), ({"view": [1]}, "setting"),
        ({"t": -1}, "setting"), ({"model": "x" * 300}, "setting"), ({"more": 1}, "setting"),
    ],
)  # fmt: skip
def test_a_look_that_cannot_be_is_answered_with_its_number(server, changes, code):
    with server.connect() as page:
        page.send(json.dumps({"type": "learn_look", "request": 7, "image": "a", **changes}))
        answer = json.loads(page.recv(10))
        assert (answer["type"], answer["code"], answer["request"]) == ("learn_error", code, 7)
    with server.connect(hello=False) as page:
        page.send(json.dumps({"type": "learn_look", "request": 7, "image": "a"}))
        assert json.loads(page.recv(10))["code"] == "no_hello"


def test_two_pages_with_the_same_name_are_two_clients(server):
    with server.connect() as first, server.connect() as second:
        first.send(preview(request=1))
        second.send(preview(request=2))
        wait(lambda: len(server.previews.asked) == 2)
        assert len({client for client, _ in server.previews.asked}) == 2


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("", "not_json"), ("{", "not_json"), ("[]", "not_json"), ("3", "not_json"), ('"preview"', "not_json"),
        ("[" * 100_000, "not_json"), (b"\x00\xff", "not_json"), ("{}", "unknown_type"), ('{"type": 3}', "unknown_type"),
        ('{"type": "shutdown"}', "unknown_type"), ('{"type": "hello"}', "setting"),
        ('{"type": "hello", "client": "../x"}', "setting"), ('{"type": "hello", "client": "a", "more": 1}', "setting"),
        ('{"type": "preview", "request": "x"}', "setting"),
    ],
)  # fmt: skip
def test_what_is_no_message_is_answered_with_an_error_and_the_socket_stays(server, sent, code):
    with server.connect() as client:
        client.send(sent)
        answer = json.loads(client.recv(10))
        assert (answer["type"], answer["code"]) == ("error", code)
        client.send('{"type": "hello", "client": "still-here"}')
        assert json.loads(client.recv(10))["type"] == "hello"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"image": "missing"}, "not_found"), ({"image": "../../etc/passwd"}, "setting"), ({"level": 99}, "setting"),
        ({"settings": {"a.b": {}}}, "setting"), ({"more": 1}, "setting"),
        ({"toml": "x" * 300_000}, "setting"), ({"layers": "labels"}, "setting"),
    ],
)  # fmt: skip
def test_a_preview_that_cannot_be_made_is_answered_with_its_number(server, changes, code):
    with server.connect() as client:
        client.send(preview(**changes))
        answer = json.loads(client.recv(10))
        assert (answer["type"], answer["code"], answer["request"]) == ("preview_error", code, changes.get("request", 7))
        assert server.previews.asked == []


def test_a_preview_before_the_hello_is_refused(server):
    with server.connect(hello=False) as client:
        client.send(preview())
        assert json.loads(client.recv(10))["code"] == "no_hello"


def test_a_huge_message_ends_the_socket_and_nothing_else(server):
    with server.connect() as other:
        with server.connect() as client:
            client.send("x" * (2**20 + 10))
            with pytest.raises(ConnectionClosed):
                client.recv(10)
        server.hub.publish({"type": "runs", "runs": []})
        assert json.loads(other.recv(10))["type"] == "runs"


def test_a_stranger_gets_no_socket(server):
    for headers, status in (({}, 403), ({"Authorization": "Bearer x"}, 401), ({"Origin": "http://127.0.0.1:1"}, 403)):
        with pytest.raises(InvalidStatus) as refused:
            connect(server.address, additional_headers=headers)
        assert refused.value.response.status_code == status
    assert server.hub.n_listeners == 0


def test_twenty_tabs_all_get_the_news(server):
    with contextlib.ExitStack() as stack:
        tabs = [stack.enter_context(server.connect()) for _ in range(20)]
        for n in range(50):
            server.hub.publish({"type": "paint", "version": n})
        for tab in tabs:
            assert [json.loads(tab.recv(10))["version"] for _ in range(50)] == list(range(50))
    wait(lambda: server.hub.n_listeners == 0)


def test_the_number_of_sockets_is_bounded(server, monkeypatch):
    monkeypatch.setattr(socket_routes, "MOST_SOCKETS", 2)
    with server.connect(), server.connect(), server.connect(hello=False) as third:
        with pytest.raises(ConnectionClosed) as closed:
            third.recv(10)
        assert closed.value.rcvd.code == 1013


def raw_client(server):
    """Open a socket that reads only when told to."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    raw.connect(("127.0.0.1", server.port))
    head = (
        f"GET /api/v1/socket HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {server.sessions.bearer}\r\n\r\n"
    )
    raw.sendall(head.encode())
    assert raw.recv(12) == b"HTTP/1.1 101"
    return raw


@pytest.mark.slow
def test_a_slow_client_holds_neither_memory_nor_the_others(server):
    """A client that reads 10 kB/s, and one that reads nothing, while 100 MB pass by."""
    slow, stalled = raw_client(server), raw_client(server)
    over = threading.Event()

    def read_slowly():
        while not over.wait(0.1):
            slow.recv(1000)

    reader = threading.Thread(target=read_slowly, daemon=True)
    reader.start()
    text = "x" * 10_000
    with server.connect() as quick:
        wait(lambda: server.hub.n_listeners == 3)
        before, largest = psutil.Process().memory_info().rss, 0
        for n in range(10_000):
            server.hub.publish({"type": "paint", "version": n, "text": text})
            # the quick one keeps pace, message by message
            assert json.loads(quick.recv(10))["version"] == n
            if n % 100 == 0:
                largest = max(largest, psutil.Process().memory_info().rss - before)
        for listener in server.hub._listeners.values():
            assert listener.n_waiting <= hubs.MOST_MESSAGES
            assert listener._size <= hubs.MOST_BYTES
    over.set()
    reader.join(10)
    # two queues of 2 MB, what the sockets hold, and slack of the allocator; without a bound it would be 200 MB
    assert largest < 40e6
    slow.close()
    stalled.close()
    wait(lambda: server.hub.n_listeners == 0)


def test_a_client_that_was_too_slow_finds_a_resync_and_then_the_news(server, monkeypatch):
    monkeypatch.setattr(hubs, "MOST_MESSAGES", 5)
    with server.connect() as client:
        # while the loop is held no message can be taken, so the queue overflows for certain
        held, go_on = threading.Event(), threading.Event()
        loop = next(iter(server.hub._listeners.values()))._loop
        loop.call_soon_threadsafe(lambda: (held.set(), go_on.wait(20)))
        assert held.wait(10)
        for n in range(7):
            server.hub.publish({"type": "paint", "version": n})
        go_on.set()
        found = [json.loads(client.recv(10)) for _ in range(2)]
        assert [message.get("version", message["type"]) for message in found] == ["resync", 6]


def test_a_client_that_takes_nothing_for_too_long_is_cut_off(server, monkeypatch):
    monkeypatch.setattr(socket_routes, "SLOWEST_SEND_S", 0.3)
    raw = raw_client(server)
    wait(lambda: server.hub.n_listeners == 1)
    # until the buffers of both sides are full
    while server.hub.n_listeners:
        server.hub.publish({"type": "paint", "text": "x" * 500_000})
        time.sleep(0.005)
    wait(lambda: len(server.previews.forgotten) == 1)
    raw.close()


def test_a_client_that_vanishes_is_forgotten(server):
    raw = raw_client(server)
    wait(lambda: server.hub.n_listeners == 1)
    raw.close()
    wait(lambda: server.hub.n_listeners == 0 and len(server.previews.forgotten) == 1)


def test_the_end_of_the_server_ends_the_sockets(server):
    with server.connect() as client:
        start = time.monotonic()
        server.stop()
        with pytest.raises(ConnectionClosed):
            client.recv(10)
        assert time.monotonic() - start < 3
