"""The door: what every request must show before any other code sees it, and what every response carries.

In this order: the `Host` must be a name of this server (no DNS rebinding, 421), `Sec-Fetch-Site` and `Origin` must be
those of its own page for all that changes something and for sockets (403), and there must be a session cookie or a
bearer token (401). Other pages on localhost are strangers too: cookies do not know ports, so `SameSite` is not enough.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from granum.app.problems import Problem
from granum.app.sessions import IDLE_S, Sessions, is_author_secret, new_author_secret
from granum.app.sign_in import SIGN_IN_POLICY, sign_in_page

__all__ = ["LARGEST_BODY", "UPLOAD_PATH", "Address", "Guard"]

LARGEST_BODY = 4 * 2**20
UPLOAD_PATH = "/api/v1/images"
_LARGEST_LOGIN = 4096
_SLOWEST_LOGIN_S = 30.0
_AUTHOR_S = 400 * 24 * 3600
"""The longest that browsers keep a cookie; each sign-in renews it."""
_SAFE = ("GET", "HEAD", "OPTIONS")
Answer = tuple[int, Iterable[tuple[str, str]], bytes]
"""Status, headers, body."""
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Address:
    """Under which names a server is reached.

    Parameters
    ----------
    port : int
    names : tuple of str
        Further names or addresses; with a port where it differs from that of the server.
    behind_proxy : bool
        A proxy that ends TLS stands in front: names hold without a port too, and `X-Forwarded-Proto` is believed.
    """

    port: int
    names: tuple[str, ...] = ()
    behind_proxy: bool = False

    def hosts(self) -> frozenset[str]:
        """Return the values of `Host` that are accepted."""
        hosts = {f"{name}:{self.port}" for name in _LOOPBACK}
        bare = set(_LOOPBACK)
        for name in self.names:
            name = f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name.lower()
            if ":" in name.rpartition("]")[2]:
                hosts.add(name)
            else:
                hosts.add(f"{name}:{self.port}")
                bare.add(name)
                if self.behind_proxy:
                    hosts.add(name)
        return frozenset(hosts | bare) if self.port == 80 else frozenset(hosts)

    def origin(self, headers: Headers) -> str:
        """Return the `Origin` of the server's own page, for a request whose `Host` was accepted."""
        forwarded = headers.get("x-forwarded-proto", "") if self.behind_proxy else ""
        scheme = "https" if forwarded.partition(",")[0].strip().lower() == "https" else "http"
        return f"{scheme}://{headers['host'].lower()}"


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions, address: Address) -> None:
        self._app = app
        self._sessions = sessions
        self._address = address
        self._hosts = address.hosts()
        self.cookie = f"granum_{address.port}"
        # not of one port: who paints stays the same person when the server moves to another
        self.author_cookie = "granum_author"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        send = self._with_headers(send, headers)
        try:
            self._check_place(scope, headers)
            if scope["type"] == "http" and scope["path"] in ("/", "/login", "/logout"):
                answer = await self._answer(scope, headers, receive)
                if answer is not None:
                    await _respond(send, *answer)
                    return
            scope.setdefault("state", {})["author"] = self._author(headers)
            if scope["type"] == "http" and scope["method"] not in _SAFE and scope["path"] != UPLOAD_PATH:
                receive = await _read_bounded(headers, receive, LARGEST_BODY)
        except Problem as problem:
            await self._refuse(scope, headers, send, problem)
            return
        await self._app(scope, receive, send)

    # ------------------------------------------------------------------------------------------ checks

    def _check_place(self, scope: Scope, headers: Headers) -> None:
        """Refuse what does not come from the server's own page, or a program, to this server."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            shown = ", ".join(hosts)[:100] or "missing"
            text = f"Host is {shown}, which is no name of this server; granum app --allow-host NAME adds a name."
            raise Problem(421, "wrong_host", text)
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE
        site = headers.get("sec-fetch-site", "none")
        if site not in ("same-origin", "none"):
            followed_a_link = (
                not changes
                and headers.get("sec-fetch-mode") == "navigate"
                and headers.get("sec-fetch-dest") == "document"
                and not scope["path"].startswith("/api/")
            )
            if not followed_a_link:
                raise Problem(403, "foreign_page", "Another page asked for this; only granum's own page may.")
        if changes:
            origins, own = headers.getlist("origin"), self._address.origin(headers)
            if not origins and _bearer(headers) is not None:
                return
            if [origin.lower() for origin in origins] != [own]:
                shown = ", ".join(origins)[:100] or "missing"
                raise Problem(403, "foreign_origin", f"Origin is {shown}; only {own} may change something here.")

    def _author(self, headers: Headers) -> str:
        """Return who asks."""
        bearer = _bearer(headers)
        if bearer is not None:
            if self._sessions.is_bearer(bearer):
                return self._sessions.bearer_author
            raise Problem(401, "not_signed_in", "The bearer token is not that of this server.")
        for secret in _cookies(headers, self.cookie):
            session = self._sessions.find(secret)
            if session is not None:
                return session.author
        how = "open the link that granum app printed in its terminal; each link works once"
        how = "type the token of this server" if self._sessions.shared else how
        raise Problem(401, "not_signed_in", f"Not signed in: {how}.")

    # ------------------------------------------------------------------------------------------ signing in

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive) -> Answer | None:
        """Sign in or out; None when the request is for the app."""
        path, method = scope["path"], scope["method"]
        if path == "/":
            token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [None])[0]
            if token is None or method != "GET":
                return None
            return self._come_in(headers, token)
        if method != "POST":
            return 303, [("location", "./")], b""
        if path == "/logout":
            for secret in _cookies(headers, self.cookie):
                self._sessions.logout(secret)
            # the next person at this screen is another author
            return self._go_home(headers, {self.cookie: ("", 0), self.author_cookie: ("", 0)})
        try:
            async with asyncio.timeout(_SLOWEST_LOGIN_S):
                body = await _read_body(headers, receive, _LARGEST_LOGIN)
        except TimeoutError:
            raise Problem(408, "too_slow", "The form did not come within half a minute.") from None
        return self._come_in(headers, parse_qs(body.decode("latin-1")).get("token", [""])[0].strip())

    def _come_in(self, headers: Headers, token: str) -> Answer:
        """Give a cookie for a token, and take the token out of the address bar."""
        known = [secret for secret in _cookies(headers, self.author_cookie) if is_author_secret(secret)]
        author_secret = known[0] if known else new_author_secret()
        secret = self._sessions.login(token, author_secret)
        if secret is not None:
            cookies = {self.cookie: (secret, int(IDLE_S))}
            if self._sessions.shared:
                cookies[self.author_cookie] = (author_secret, _AUTHOR_S)
            return self._go_home(headers, cookies)
        if any(self._sessions.find(old) for old in _cookies(headers, self.cookie)):
            return self._go_home(headers, {})
        what = "This is not the token" if self._sessions.shared else "This link was used before, or is not"
        raise Problem(401, "wrong_token", f"{what} of this server.")

    def _go_home(self, headers: Headers, cookies: dict[str, tuple[str, int]]) -> Answer:
        """Lead to the page, with cookies: name -> value and seconds."""
        secure = "; Secure" if self._address.origin(headers).startswith("https:") else ""
        rest = f"HttpOnly; SameSite=Strict{secure}"
        given = [f"{name}={value}; Path=/; Max-Age={seconds}; {rest}" for name, (value, seconds) in cookies.items()]
        return 303, [("location", "./"), *(("set-cookie", cookie) for cookie in given)], b""

    # ------------------------------------------------------------------------------------------ responses

    async def _refuse(self, scope: Scope, headers: Headers, send: Send, problem: Problem) -> None:
        """Answer with an error: a page for people, JSON for programs."""
        content: dict[str, str]
        if scope["type"] == "http" and "text/html" in headers.get("accept", ""):
            depth, form = scope["path"].count("/") - 1, problem.status in (401, 408)
            body = sign_in_page(str(problem), form=form, depth=depth, shared=self._sessions.shared)
            content = {"content-type": "text/html; charset=utf-8", "content-security-policy": SIGN_IN_POLICY}
        else:
            shape = {"error": {"code": problem.code, "message": str(problem)}}
            content, body = {"content-type": "application/json"}, json.dumps(shape)
        if problem.status == 401:
            content["www-authenticate"] = 'Bearer realm="granum"'
        prefix = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
        await _respond(send, problem.status, content.items(), body.encode(), prefix)

    def _with_headers(self, send: Send, request: Headers) -> Send:
        """Put the security headers on whatever is answered."""
        host = request.get("host", "").lower()
        socket = f" ws://{host} wss://{host}" if host in self._hosts else ""
        policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self'; "
            f"font-src 'self'; connect-src 'self'{socket}; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
        )

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message.setdefault("headers", [])
                _harden(MutableHeaders(scope=message), policy)
            await send(message)

        return with_headers


def _harden(headers: MutableHeaders, policy: str) -> None:
    own = headers.get("content-security-policy", "")
    # a page of another kind (the report of a run) may bring a stricter place of its own, cut off from this origin
    sandboxed = own.startswith("sandbox")
    if not sandboxed and own != SIGN_IN_POLICY:
        headers["content-security-policy"] = policy
    headers["x-content-type-options"] = "nosniff"
    headers["x-frame-options"] = "DENY"
    # with no-referrer a browser sends the form of the sign-in page with `Origin: null`
    headers["referrer-policy"] = "same-origin" if own == SIGN_IN_POLICY else "no-referrer"
    headers["cross-origin-resource-policy"] = "same-origin"
    if not sandboxed:
        # browsers refuse a sandboxed page that asks for an opener policy
        headers["cross-origin-opener-policy"] = "same-origin"
    kind = headers.get("content-type", "")
    if kind.startswith(("text/html", "application/json")) or "set-cookie" in headers:
        headers["cache-control"] = "no-store"
    else:
        headers.setdefault("cache-control", "no-cache" if kind else "no-store")


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _cookies(headers: Headers, wanted: str) -> list[str]:
    """Values of a cookie; another port of this host may have set a false one beside ours."""
    found = []
    for header in headers.getlist("cookie"):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == wanted:
                found.append(value)
    return found[:8]


async def _respond(
    send: Send, status: int, headers: Iterable[tuple[str, str]], body: bytes, prefix: str = "http.response"
) -> None:
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    length = (b"content-length", str(len(body)).encode())
    await send({"type": f"{prefix}.start", "status": status, "headers": [*pairs, length]})
    await send({"type": f"{prefix}.body", "body": body})


async def _read_body(headers: Headers, receive: Receive, largest: int) -> bytes:
    """Read the whole body of a request, or refuse it before it fills the memory."""
    announced = headers.get("content-length", "0")
    parts, size = [], 0
    while size <= largest and (not announced.isdigit() or int(announced[:20]) <= largest):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "aborted", "The request broke off.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if not message.get("more_body", False):
            if size > largest:
                break
            return b"".join(parts)
    raise Problem(413, "too_large", f"The request is larger than {largest:,} bytes; send it in parts.")


async def _read_bounded(headers: Headers, receive: Receive, largest: int) -> Receive:
    """Read the body, and return a `receive` that gives it again."""
    pending: list[Any] = [{"type": "http.request", "body": await _read_body(headers, receive, largest)}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again
