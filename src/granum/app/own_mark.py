"""Tells what this user has asked for on this computer from what came with the project of somebody else.

A project is a folder that people send one another. A job that waits in it names files and a recipe; it must not start
by itself on the computer of whoever opens it. So each entry of the queue carries a mark, made with a key that never
leaves the home of the user, over the computer, the place of the run and what is to be done.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import os
import platform
import secrets
import sys
import tempfile
from functools import cache
from pathlib import Path

__all__ = ["has_own_mark", "own_mark"]

_LENGTH = 32
_log = logging.getLogger("granum.app")


def own_mark(job: Path, at: Path | None = None) -> str:
    """Return the mark of a job for this user, this computer and this place; "" when it cannot be read.

    Parameters
    ----------
    job : Path
        Its ``job.json``.
    at : Path, optional
        The folder of the run, where it will be another one than that of `job` now.
    """
    try:
        asked = hashlib.sha256(job.read_bytes()).hexdigest()
        place = os.fsencode((at or job.parent).resolve())
    except OSError:
        return ""
    content = b"\0".join([platform.node().encode(), place, asked.encode()])
    return hmac.new(_key(_state_folder()), content, hashlib.sha256).hexdigest()


def has_own_mark(job: Path, mark: str) -> bool:
    """Whether a mark was made by `own_mark`, of this job as it is now."""
    expected = own_mark(job)
    return bool(expected) and hmac.compare_digest(expected.encode(), mark.encode("utf-8", "replace"))


def _state_folder() -> Path | None:
    """Return where programs keep what is theirs and not a setting; None for a user without a home."""
    name = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_STATE_HOME"
    place = os.environ.get(name, "")
    if Path(place).is_absolute():
        return Path(place) / "granum"
    try:
        return Path.home() / ".local" / "state" / "granum"
    except RuntimeError:
        return None


@cache
def _key(folder: Path | None) -> bytes:
    """Return the key of this user; where none can be kept, one for this process: then jobs wait to be resumed."""
    if folder is not None:
        try:
            return _kept_key(folder)
        except OSError as error:
            _log.info("no key can be kept in %s: %s", folder, error)
    return secrets.token_bytes(_LENGTH)


def _kept_key(folder: Path) -> bytes:
    """Read the key, made when there is none; two servers that make it at once take the same one."""
    path = folder / "queue.key"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".key-", dir=folder)  # nobody else may read it
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(_LENGTH))
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    key = path.read_bytes()
    if len(key) != _LENGTH:
        raise OSError(f"{path} has {len(key)} bytes")
    return key
