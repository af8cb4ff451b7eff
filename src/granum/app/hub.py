"""Who listens on a socket, and what each still has to get.

Any thread may publish; nobody waits for a client. Each has a bounded queue: news about the same thing replaces older
news that was not sent yet, and a queue that is full becomes one `resync`. A message is turned into text once for all.
"""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections import OrderedDict
from typing import Any

__all__ = ["MOST_BYTES", "MOST_MESSAGES", "Hub", "Listener", "to_text"]

MOST_MESSAGES = 200
MOST_BYTES = 2 * 2**20
"""Of text that waits for one client."""
RESYNC = '{"type":"resync"}'


class Listener:
    """One socket; made and read in the event loop, filled from anywhere.

    Parameters
    ----------
    client : str
        Its name for `Hub.send`.
    """

    def __init__(self, client: str) -> None:
        self.client = client
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: OrderedDict[object, str] = OrderedDict()
        self._size = 0
        self._something = asyncio.Event()
        self._gone = False

    def put(self, key: object, text: str) -> None:
        """Add a message; one that waits under the same key is dropped for it. Never waits."""
        with self._lock:
            if self._gone:
                return
            older = self._waiting.pop(key, None)
            if older is not None:
                self._size -= len(older)
            if len(self._waiting) >= MOST_MESSAGES or self._size + len(text) > MOST_BYTES:
                self._waiting.clear()
                key, text, self._size = "resync", RESYNC, 0
            self._waiting[key] = text
            self._size += len(text)
            try:
                self._loop.call_soon_threadsafe(self._something.set)
            except RuntimeError:
                # the loop has ended between two lines: the server is going down, and nobody reads any more
                self._gone = True

    async def take(self) -> str:
        """Wait for the next message and return its text."""
        while True:
            with self._lock:
                if self._waiting:
                    _, text = self._waiting.popitem(last=False)
                    self._size -= len(text)
                    return text
                self._something.clear()
            await self._something.wait()

    def close(self) -> None:
        """Forget what waits; further messages are dropped."""
        with self._lock:
            self._gone = True
            self._waiting.clear()
            self._size = 0

    @property
    def n_waiting(self) -> int:
        """How many messages wait."""
        return len(self._waiting)


class Hub:
    """All listeners of a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, Listener] = {}

    def join(self, client: str) -> Listener:
        """Add a listener; call it in the event loop."""
        listener = Listener(client)
        with self._lock:
            older = self._listeners.pop(client, None)
            self._listeners[client] = listener
        if older is not None:
            older.close()
        return listener

    def leave(self, listener: Listener) -> None:
        """Take a listener out; one that has left already is left alone."""
        listener.close()
        with self._lock:
            if self._listeners.get(listener.client) is listener:
                del self._listeners[listener.client]

    def publish(self, message: dict[str, Any]) -> None:
        """Send a message to all clients; returns at once, from any thread."""
        with self._lock:
            listeners = list(self._listeners.values())
        if listeners:
            key, text = _key(message), to_text(message)
            for listener in listeners:
                listener.put(key, text)

    def send(self, client: str, message: dict[str, Any]) -> None:
        """Send a message to one client; returns at once, from any thread. Who has left gets nothing."""
        with self._lock:
            listener = self._listeners.get(client)
        if listener is not None:
            listener.put(_key(message), to_text(message))

    @property
    def n_listeners(self) -> int:
        """How many sockets are open."""
        return len(self._listeners)


def to_text(message: dict[str, Any]) -> str:
    """Return JSON that every browser can read: in ASCII, for file names that are no UTF-8, and without NaN."""
    try:
        return json.dumps(message, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(message), separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    """Replace what JSON has no number for by null."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _key(message: dict[str, Any]) -> object:
    """Return what a message is news about; a message that replaces nothing has a key of its own."""
    kind = message.get("type")
    if kind == "job":
        return (kind, message["job"]["id"])
    if kind == "preview_progress":
        return (kind, message["request"])
    if kind in ("classes", "project", "learn"):
        return kind
    if kind == "images" and len(message.get("images", [])) == 1 and not message.get("removed"):
        return (kind, message["images"][0]["id"])
    return object()
