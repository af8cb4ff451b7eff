from __future__ import annotations

import asyncio
import functools
import json
import threading

import pytest

from granum.app import hub as hubs
from granum.app.hub import Hub


def job(id, done):
    return {"type": "job", "job": {"id": id, "done": done}}


async def drain(listener):
    return [json.loads(await listener.take()) for _ in range(listener.n_waiting)]


def in_loop(function):
    """Run an asynchronous test; a wait without an end fails it."""

    @functools.wraps(function)
    def run(**fixtures):
        asyncio.run(asyncio.wait_for(function(**fixtures), 20))

    return run


@in_loop
async def test_messages_come_in_their_order_to_everybody():
    hub = Hub()
    first, second = hub.join("a"), hub.join("b")
    for n in range(5):
        hub.publish({"type": "paint", "version": n})
    for listener in (first, second):
        assert [message["version"] for message in await drain(listener)] == [0, 1, 2, 3, 4]


@in_loop
async def test_a_message_for_one_client_reaches_nobody_else_and_for_nobody_is_dropped():
    hub = Hub()
    first, second = hub.join("a"), hub.join("b")
    hub.send("b", {"type": "preview_result"})
    hub.send("c", {"type": "preview_result"})
    assert await drain(first) == []
    assert await drain(second) == [{"type": "preview_result"}]


@in_loop
async def test_newer_news_of_a_job_replace_older_ones_and_stand_where_they_came():
    hub = Hub()
    listener = hub.join("a")
    hub.publish(job("one", 1))
    hub.publish(job("two", 1))
    hub.publish({"type": "runs", "runs": ["r"]})
    for done in range(2, 1000):
        hub.publish(job("one", done))
    assert await drain(listener) == [job("two", 1), {"type": "runs", "runs": ["r"]}, job("one", 999)]


@in_loop
async def test_progress_of_previews_and_images_is_news_but_strokes_are_never_dropped_for_others():
    hub = Hub()
    listener = hub.join("a")
    for n in range(100):
        hub.send("a", {"type": "preview_progress", "request": n % 2, "step": n})
        hub.publish({"type": "images", "images": [{"id": "x", "progress": n}], "removed": []})
        hub.publish({"type": "paint", "version": n})
    found = await drain(listener)
    assert sum(message["type"] == "paint" for message in found) == 100
    assert [message["step"] for message in found if message["type"] == "preview_progress"] == [98, 99]
    assert [message["images"][0]["progress"] for message in found if message["type"] == "images"] == [99]


@in_loop
async def test_removed_images_are_never_replaced():
    hub = Hub()
    listener = hub.join("a")
    for n in range(3):
        hub.publish({"type": "images", "images": [{"id": "x"}], "removed": [str(n)]})
    assert [message["removed"] for message in await drain(listener)] == [["0"], ["1"], ["2"]]


@in_loop
async def test_a_full_queue_becomes_one_resync_and_goes_on_after_it():
    hub = Hub()
    slow, quick = hub.join("slow"), hub.join("quick")
    got = []
    for n in range(hubs.MOST_MESSAGES + 3):
        hub.publish({"type": "paint", "version": n})
        got += await drain(quick)
    assert len(got) == hubs.MOST_MESSAGES + 3
    assert [message.get("version", message["type"]) for message in await drain(slow)] == [
        "resync", hubs.MOST_MESSAGES + 1, hubs.MOST_MESSAGES + 2,
    ]  # fmt: skip


@in_loop
async def test_large_messages_are_bounded_by_their_size(monkeypatch):
    monkeypatch.setattr(hubs, "MOST_BYTES", 10_000)
    hub = Hub()
    listener = hub.join("a")
    for _ in range(50):
        hub.publish({"type": "preview_result", "text": "x" * 3000})
        assert listener._size <= 10_000
    hub.publish({"type": "preview_result", "text": "x" * 30_000})
    assert await drain(listener) == [{"type": "resync"}]


@in_loop
async def test_threads_may_publish_while_clients_come_and_go():
    hub = Hub()
    listener = hub.join("stays")

    def publish(kind):
        for n in range(500):
            hub.publish({"type": "job", "job": {"id": kind, "done": n}})

    threads = [threading.Thread(target=publish, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    last = {}
    while len(last) < 4 or set(last.values()) != {499}:
        hub.leave(hub.join("comes"))
        message = json.loads(await listener.take())
        assert message["job"]["done"] > last.get(message["job"]["id"], -1)
        last[message["job"]["id"]] = message["job"]["done"]
    for thread in threads:
        thread.join()
    assert hub.n_listeners == 1


@in_loop
async def test_who_has_left_gets_nothing_and_holds_nothing():
    hub = Hub()
    listener = hub.join("a")
    hub.publish({"type": "paint"})
    hub.leave(listener)
    hub.leave(listener)
    hub.publish({"type": "paint"})
    assert (listener.n_waiting, hub.n_listeners) == (0, 0)


@in_loop
async def test_a_client_that_comes_again_takes_over_and_the_end_of_the_old_socket_does_not_take_it_out():
    hub = Hub()
    old = hub.join("a")
    new = hub.join("a")
    hub.leave(old)
    hub.send("a", {"type": "hello"})
    assert await drain(new) == [{"type": "hello"}]


def test_publishing_after_the_end_of_the_loop_is_no_error():
    hub = Hub()

    async def join():
        return hub.join("a")

    listener = asyncio.run(join())
    hub.publish({"type": "paint"})
    hub.publish({"type": "paint"})
    assert listener._gone


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), "\udce9.tif", "ü", "</script>"])
def test_every_message_is_json_that_browsers_read(odd):
    text = hubs.to_text({"type": "x", "list": [{"value": odd}, (1, odd)]})
    assert text.isascii()
    value = json.loads(text, parse_constant=pytest.fail)["list"][0]["value"]
    assert value == (None if isinstance(odd, float) else odd)
