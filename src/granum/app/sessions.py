"""Who may come in: one-time login tokens, the sessions of browsers, and one bearer token for scripts.

Only digests of secrets are kept, and they are looked up by digest, so that no comparison takes longer for a better
guess. A login token works once; the next one is made at that moment. A lab server (``shared``) also lets everybody in
who types the bearer token, and gives each browser an author of its own, so that nobody undoes the work of another. The
author is the digest of a second secret that stays in the browser, so it is the same one after the server was restarted.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from granum.errors import SettingError

__all__ = ["IDLE_S", "Session", "Sessions", "check_token", "is_author_secret", "new_author_secret"]

IDLE_S = 7 * 24 * 3600.0
"""A session that was not used for so long is over."""
MOST_SESSIONS = 1000
SHORTEST_TOKEN = 16
_FEWEST_CHARACTERS = 6
_AUTHOR_SECRET = re.compile(r"[A-Za-z0-9_-]{22}")


def check_token(token: str) -> str:
    """Return a token that a person has chosen.

    Raises
    ------
    SettingError
        It is so short or uniform that it can be guessed, or has characters that no header can carry.
    """
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingError("--token: use ASCII letters, digits and signs only, without spaces.")
    if len(token) < SHORTEST_TOKEN:
        raise SettingError(f"--token has {len(token)} characters; it must have {SHORTEST_TOKEN} or more.")
    if len(set(token)) < _FEWEST_CHARACTERS:
        raise SettingError(f"--token repeats {len(set(token))} characters; use {_FEWEST_CHARACTERS} different or more.")
    return token


def new_author_secret() -> str:
    """Return a secret that nobody can guess, for a browser to keep."""
    return secrets.token_urlsafe(16)


def is_author_secret(text: str) -> bool:
    """Whether a text can have come from `new_author_secret`."""
    return _AUTHOR_SECRET.fullmatch(text) is not None


@dataclass
class Session:
    """One browser that came in."""

    author: str
    last_used: float


class Sessions:
    """All sessions of one server; may be used from any thread.

    Parameters
    ----------
    bearer : str, optional
        The token of scripts; made when not given.
    shared : bool
        Several people use this server: the bearer token may be typed into the login page, authors are told apart.
    on_login : callable, optional
        Told the next login token whenever one was used.
    clock : callable
        Seconds, for the expiry.
    """

    def __init__(
        self,
        *,
        bearer: str | None = None,
        shared: bool = False,
        on_login: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.shared = shared
        self.bearer = bearer if bearer is not None else secrets.token_urlsafe(32)
        self._bearer = _digest(self.bearer)
        self._clock = clock
        self._on_login = on_login
        self._lock = threading.Lock()
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()
        self._new_login_token()

    @property
    def login_token(self) -> str:
        """The token that the next browser comes in with."""
        return self._login_token

    def login(self, token: str, author_secret: str = "") -> str | None:
        """Return the secret of a new session's cookie, or None for a token that is wrong or was used before.

        Parameters
        ----------
        token : str
            What the visitor has shown.
        author_secret : str
            On a shared server: tells this browser from others; by itself it opens nothing.
        """
        digest = _digest(token)
        with self._lock:
            once = hmac.compare_digest(digest, self._login)
            if not once and not (self.shared and hmac.compare_digest(digest, self._bearer)):
                return None
            if once:
                self._new_login_token()
            secret = secrets.token_urlsafe(32)
            author = _author(author_secret or new_author_secret()) if self.shared else "local"
            self._sessions[_digest(secret)] = Session(author, self._clock())
            while len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)
            new = self._login_token
        if once and self._on_login is not None:
            self._on_login(new)
        return secret

    def find(self, secret: str) -> Session | None:
        """Return the session of a cookie, or None when there is none or it was idle for too long."""
        digest = _digest(secret)
        now = self._clock()
        with self._lock:
            session = self._sessions.get(digest)
            if session is None:
                return None
            if now - session.last_used > IDLE_S:
                del self._sessions[digest]
                return None
            session.last_used = now
            self._sessions.move_to_end(digest)
            return session

    def logout(self, secret: str) -> None:
        """End the session of a cookie."""
        with self._lock:
            self._sessions.pop(_digest(secret), None)

    def is_bearer(self, token: str) -> bool:
        """Whether this is the token of scripts."""
        return hmac.compare_digest(_digest(token), self._bearer)

    @property
    def bearer_author(self) -> str:
        """Who scripts paint and edit as."""
        return "script" if self.shared else "local"

    def _new_login_token(self) -> None:
        self._login_token = secrets.token_urlsafe(24)
        self._login = _digest(self._login_token)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _author(secret: str) -> str:
    """Return the public name of an author; 64 bits, so that nobody finds another secret of the same name."""
    return f"user-{_digest(secret).hex()[:16]}"
