"""The socket: a hello, then requests for previews and predictions from the page and news from the server.

Each socket is a client of its own: a page that comes back after its connection broke asks anew, and the end of the
broken one takes nothing from it. What a page sends is checked like any request, and answered with an error message.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any, Protocol, TypeVar

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool
from starlette.types import Message

import granum
from granum.app.hub import Hub, Listener, to_text
from granum.app.learn_messages import LearnLook
from granum.app.messages import Identifier
from granum.app.problems import Problem, validation_sentence
from granum.app.recipe_messages import PreviewRequest
from granum.errors import GranumError

__all__ = ["Looker", "Previewer", "make_router"]

MOST_SOCKETS = 200
SLOWEST_SEND_S = 60.0
"""A client that takes longer for one message is cut off; it may come back."""

Body = TypeVar("Body", bound=BaseModel)
_log = logging.getLogger("granum.app")


class Previewer(Protocol):
    """What the socket knows of `granum.app.previews`."""

    def submit(self, client: str, request: PreviewRequest) -> None:
        """Take a request; the newest of a client wins. Returns at once."""

    def forget(self, client: str) -> None:
        """Drop what a client has asked for."""


class Looker(Protocol):
    """What the socket knows of `granum.app.learning`."""

    def look(self, client: str, request: LearnLook) -> None:
        """Take what a page looks at; the newest of a client wins. Returns at once."""

    def forget(self, client: str) -> None:
        """Forget what a client looks at."""


class _Hello(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: str
    client: Identifier


def make_router(hub: Hub, previews: Previewer, learning: Looker | None = None) -> APIRouter:
    """Return the route of the socket."""
    router = APIRouter()

    @router.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        if hub.n_listeners >= MOST_SOCKETS:
            await websocket.close(1013, "too many sockets")
            return
        listener = hub.join(secrets.token_hex(8))
        author = getattr(websocket.state, "author", "local")
        work = [
            asyncio.create_task(_send_all(websocket, listener)),
            asyncio.create_task(_listen(websocket, listener, author, previews, learning)),
        ]
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except (TimeoutError, WebSocketDisconnect, OSError) as error:
            # usual ends of a connection; the page connects anew and asks for what it missed
            _log.debug("socket %s: %r", listener.client, error)
        finally:
            hub.leave(listener)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await run_in_threadpool(previews.forget, listener.client)
            if learning is not None:
                await run_in_threadpool(learning.forget, listener.client)

    return router


async def _send_all(websocket: WebSocket, listener: Listener) -> None:
    """Send what waits, one message after another; a client that takes nothing for too long is cut off."""
    while True:
        text = await listener.take()
        async with asyncio.timeout(SLOWEST_SEND_S):
            await websocket.send_text(text)


async def _listen(
    websocket: WebSocket, listener: Listener, author: str, previews: Previewer, learning: Looker | None
) -> None:
    """Answer all that a client sends until it leaves."""
    greeted = False
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        body: dict[str, Any] = {}
        try:
            body = _read(message)
            if body.get("type") == "hello":
                _check(_Hello, body)
                greeted = True
                hello = {"type": "hello", "version": granum.__version__, "author": author}
                listener.put(object(), to_text(hello))
            elif body.get("type") in ("preview", "learn_look") and not greeted:
                raise Problem(409, "no_hello", 'Say {"type": "hello", "client": ID} first.')
            elif body.get("type") == "preview":
                await run_in_threadpool(previews.submit, listener.client, _check(PreviewRequest, body))
            elif body.get("type") == "learn_look" and learning is not None:
                await run_in_threadpool(learning.look, listener.client, _check(LearnLook, body))
            else:
                has = f"type is {str(body.get('type'))[:40]!r}"
                raise Problem(422, "unknown_type", f"{has}; use hello, preview or learn_look.")
        except GranumError as error:
            listener.put(object(), to_text(_as_message(body, error)))


def _read(message: Message) -> dict[str, Any]:
    """Return the JSON object of a message."""
    text = message.get("text")
    if text is None:
        raise Problem(422, "not_json", "The socket takes JSON texts, not bytes.")
    try:
        body = from_json(text)
    except ValueError as error:
        raise Problem(422, "not_json", f"The message is no JSON: {error}.") from None
    if not isinstance(body, dict):
        raise Problem(422, "not_json", "The message must be a JSON object.")
    return body


def _check(model: type[Body], body: dict[str, Any]) -> Body:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise Problem(422, "setting", validation_sentence(error.errors())) from None


def _as_message(body: dict[str, Any], error: GranumError) -> dict[str, Any]:
    """Return the message for an error; that of a preview or a look names the request, so that the page knows which."""
    code = error.code if isinstance(error, Problem) else "not_possible"
    request = body.get("request")
    kind = {"preview": "preview_error", "learn_look": "learn_error"}.get(str(body.get("type")))
    if kind is not None and isinstance(request, int):
        return {"type": kind, "request": request, "code": code, "message": str(error)}
    return {"type": "error", "code": code, "message": str(error)}
