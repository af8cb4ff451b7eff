"""Starts the server: finds a port, says the address, opens the browser, and ends tidily.

Nothing but loopback is served without a token that somebody has chosen. On Ctrl-C the connections are closed within a
second; jobs are processes of their own and go on, everything else ends with the server.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from granum.app.connection import BoundedConnection, is_news, want_handles
from granum.app.guard import Address
from granum.app.problems import Problem
from granum.app.project import write_atomically
from granum.app.server import build
from granum.app.sessions import Sessions, check_token
from granum.app.uploads import SAMPLE_NAME, sample_bytes
from granum.errors import ReadError, SettingError

__all__ = ["DEFAULT_PORT", "serve"]

DEFAULT_PORT = 8642
_PORTS_TRIED = 10
_WILDCARDS = ("0.0.0.0", "::")
LARGEST_SOCKET_MESSAGE = 2**20


def _say(text: str) -> None:
    print(text, flush=True)


def serve(
    folder: str | Path,
    *,
    host: str | None = None,
    port: int | None = None,
    token: str | None = None,
    allow_host: Sequence[str] = (),
    behind_proxy: bool = False,
    open_browser: bool = True,
    print_token: bool = False,
    sample: bool = False,
    say: Callable[[str], None] = _say,
) -> None:
    """Serve a folder until Ctrl-C or SIGTERM.

    Parameters
    ----------
    folder : str or Path
        Images, or a project.
    host : str, optional
        Address to listen on; by default loopback only, for one user.
    port : int, optional
        By default the first free one from 8642.
    token : str, optional
        For scripts, and for the people on a lab server; made when not given.
    allow_host : sequence of str
        Further names that the server may be asked under.
    behind_proxy : bool
        A proxy that ends TLS stands in front.
    open_browser : bool
        Open the page.
    print_token : bool
        Print the token for scripts.
    sample : bool
        Put the bundled sample into the folder first, which is made when it is missing.
    say : callable
        Where lines for the user go.

    Raises
    ------
    SettingError
        The folder, the address or the token cannot be used; the sentence says why.
    """
    shared = host is not None or behind_proxy or bool(allow_host)
    _check(host, token, exposed=behind_proxy or bool(allow_host))
    if sample:
        _add_sample(Path(folder))
    want_handles()
    listening = _listen(host or "127.0.0.1", port)
    with contextlib.closing(listening):
        number = listening.getsockname()[1]
        address = Address(number, _names(host, allow_host), behind_proxy)
        url = _base(host, allow_host, number, behind_proxy)

        def invite(next_token: str) -> None:
            say(f"A browser came in. Link for another one: {url}/?token={next_token}")

        sessions = Sessions(bearer=token, shared=shared, on_login=invite)
        try:
            server = build(folder, sessions=sessions, address=address, url=url)
        except (ReadError, Problem) as error:
            raise SettingError(str(error)) from None
        try:
            link = f"{url}/?token={sessions.login_token}"
            say(f"granum app shows {server.parts.project.folder}")
            say(f"  {link}")
            if print_token:
                say(f"  token for scripts: {sessions.bearer}")
            if not (behind_proxy or is_loopback(host or "127.0.0.1")):
                say("Others on the network can read along; a proxy with TLS in front prevents that.")
            say("The link works once. Ctrl-C ends the app.")
            if open_browser and _has_desktop():
                threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()
            uvicorn.Server(_config(server.app)).run(sockets=[listening])
        finally:
            for line in server.close():
                say(line)


def _config(app: ASGIApp) -> uvicorn.Config:
    """Return how to serve: no log of addresses, as they may hold tokens; nothing believed that a proxy could say."""
    logging.getLogger("uvicorn.error").addFilter(is_news)
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        http=BoundedConnection,
        ws="websockets-sansio",
        ws_max_size=LARGEST_SOCKET_MESSAGE,
        ws_ping_timeout=60.0,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )


def _add_sample(folder: Path) -> None:
    """Make the folder, and the sample in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / SAMPLE_NAME).exists():
            write_atomically(folder / SAMPLE_NAME, sample_bytes())
    except OSError as error:
        raise SettingError(f"{folder}: the sample cannot be written there ({error.strerror or error}).") from None


def _check(host: str | None, token: str | None, *, exposed: bool) -> None:
    """Refuse to be open to others without a good token."""
    if host == "":
        raise SettingError("--host is empty; give an address, such as 127.0.0.1.")
    if token is not None:
        check_token(token)
    elif exposed or not is_loopback(host or "127.0.0.1"):
        what = f"--host {host}" if host is not None else "--allow-host and --behind-proxy"
        hint = "python -c 'import secrets; print(secrets.token_urlsafe(24))'"
        raise SettingError(
            f"{what} opens the app to others: give a --token of 16 characters or more, or set GRANUM_TOKEN ({hint})."
        )


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this computer only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _names(host: str | None, allow_host: Sequence[str]) -> tuple[str, ...]:
    """Return the names that people reach the server under; never a wildcard, which strangers' pages can ask for."""
    own = () if host is None else (socket.gethostname(),) if host in _WILDCARDS else (host.strip("[]"),)
    return (*allow_host, *own)


def _base(host: str | None, allow_host: Sequence[str], port: int, behind_proxy: bool) -> str:
    """Return the address to show."""
    name = (*allow_host, *_names(host, ()), "127.0.0.1")[0]
    if behind_proxy:
        return f"https://{name}" if allow_host else f"http://127.0.0.1:{port}"
    name = f"[{name}]" if name.count(":") > 1 else name
    return f"http://{name}" if ":" in name.rpartition("]")[2] else f"http://{name}:{port}"


def _listen(host: str, port: int | None) -> socket.socket:
    """Return a listening socket; without a wish, on the first free port from the usual one."""
    if port is not None and not 0 <= port <= 65535:
        raise SettingError(f"--port is {port}; it must be 0 to 65535 (0 is any free one).")
    wanted = [port] if port is not None else [*range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED), 0]
    for number in wanted:
        try:
            return _bind(host.strip("[]"), number)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                text = f"cannot listen on {host}, port {number}: {error.strerror or error}"
                raise SettingError(f"{text}; choose another --host or --port.") from None
    raise SettingError(f"port {port} is in use; choose another --port, or none: then a free one is found.")


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(256)
    except BaseException:
        listening.close()
        raise
    return listening


def _has_desktop() -> bool:
    """Whether a browser would come up in a window, and not inside the terminal."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"))
