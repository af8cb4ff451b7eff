"""What a connection may cost before anybody knows who is at its other end.

The web server waits for ever for the end of a request's head and keeps all of it. Here a head has a largest size and a
latest time, so that strangers who never finish a sentence take neither memory nor all the handles of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["LARGEST_HEAD", "SLOWEST_HEAD_S", "BoundedConnection", "is_news", "want_handles"]

LARGEST_HEAD = 64 * 2**10
"""Bytes of a request's first line and headers."""
SLOWEST_HEAD_S = 30.0
_HANDLES = 8192
_NOISE = (
    "Invalid HTTP request received.",
    "Unsupported upgrade request.",
    # said of every socket that the guard refuses, though it was answered
    "ASGI callable returned without completing handshake.",
)


class BoundedConnection(HttpToolsProtocol):
    """A connection whose requests begin within 30 seconds and 64 KiB, or not at all."""

    _silent = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._hear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless a head, or what follows a body, has no end."""
        self._silent += len(data)
        super().data_received(data)
        if self._silent > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response(f"The head of a request may have {LARGEST_HEAD} bytes.")

    def on_message_begin(self) -> None:
        """Wait for the head of the next request."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """Take the head; who asks is the guard's question."""
        self._hear()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; how large it may be is the guard's question too."""
        self._silent = 0
        super().on_body(body)

    def _wait(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(SLOWEST_HEAD_S, self._give_up)

    def _hear(self) -> None:
        self._silent = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.abort()


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line of the web server tells its user something: strangers must not fill the terminal."""
    return record.getMessage() not in _NOISE


def want_handles() -> None:
    """Ask for as many open files and connections as are allowed, up to 8192; many systems give 256 or 1024 at first."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _HANDLES if hard == resource.RLIM_INFINITY else min(_HANDLES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # the system has a smaller limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
