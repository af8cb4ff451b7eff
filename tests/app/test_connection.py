"""What strangers can cost the web server before they have said who they are."""

from __future__ import annotations

import contextlib
import logging
import resource
import socket
import threading

import pytest
import uvicorn

from granum.app import connection
from granum.app.connection import LARGEST_HEAD, BoundedConnection, is_news, want_handles


async def echo(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def port():
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(echo, http=BoundedConnection, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    listening.close()


def talk(port, *pieces, seconds=10):
    """Send pieces and return all that comes until the server ends the connection; it must."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        # the server may end it while this side is still speaking
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                client.sendall(piece)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while data := client.recv(65536):
                answer += data
    return answer


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"


def test_a_large_body_is_no_large_head(port):
    body = b"x" * (20 * LARGEST_HEAD)
    assert talk(port, HEAD + b"Content-Length: %d\r\n\r\n" % len(body), body).endswith(body)
    chunks = b"".join(b"%x\r\n%s\r\n" % (5000, b"y" * 5000) for _ in range(50))
    assert talk(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunks, b"0\r\n\r\n").endswith(b"y" * 250_000)


def test_many_requests_on_one_connection_are_no_large_head(port):
    one = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n"
    last = one.replace(b"Host: a", b"Host: a\r\nConnection: close")
    assert talk(port, one * 10, last).count(b"HTTP/1.1 200") == 11


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /" + b"a" * 60_000,
        b"GET / HTTP/1.1\r\nX: " + b"a" * 60_000,
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 10_000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * 60_000,
    ],
    ids=["address", "one header", "many headers", "trailer"],
)
def test_a_head_without_an_end_is_cut_off(port, endless):
    more = b"X: a\r\n" if endless.endswith(b"\r\n") else b"aaaaaa"
    answer = talk(port, endless, *[more * 10_000] * 400)
    assert b" 400 " in answer or answer == b""  # what the client still sends may have overtaken the answer


def test_who_does_not_finish_a_head_is_cut_off(port, monkeypatch):
    monkeypatch.setattr(connection, "SLOWEST_HEAD_S", 0.2)
    for words in ([], [b"GET / HT"], [b"GET / HTTP/1.1\r\nHost: a\r\nX: "]):
        assert talk(port, *words) == b""
    # also the second request of a connection
    assert talk(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nX").count(b"HTTP/1.1") == 1


def test_a_slow_body_is_the_guards_question(port, monkeypatch):
    monkeypatch.setattr(connection, "SLOWEST_HEAD_S", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(HEAD + b"Content-Length: 2\r\n\r\na")
        threading.Event().wait(0.6)
        client.sendall(b"b")
        answer = b""
        while data := client.recv(65536):
            answer += data
    assert answer.endswith(b"\r\n\r\nab")


def test_noise_of_strangers_is_no_news():
    def record(text, *words):
        return logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, text, words, None)

    assert not is_news(record("Invalid HTTP request received."))
    assert not is_news(record("ASGI callable returned without completing handshake."))
    assert is_news(record("Exception in ASGI %s", "application"))


def test_more_handles_are_asked_for_and_never_fewer():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        want_handles()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(8192, before[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
        want_handles()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
