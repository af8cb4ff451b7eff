"""One server per project: a lock on a file that falls with the process, however it ends.

The file also says where the server that holds it can be reached, for the sentence that a second one is refused with.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
import time
from types import TracebackType

from granum.app.problems import Problem
from granum.app.project import Project

__all__ = ["ProjectLock"]

_FILE = "server.lock"
_HELD = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK}
_log = logging.getLogger("granum.app")


class ProjectLock:
    """Holds a project for this process.

    Nothing is locked where nothing can be written: any number of servers may look at a read-only project.

    Parameters
    ----------
    project : Project
        The project; its folder is made when it is missing.
    address : str
        Where this server can be reached, as in "http://127.0.0.1:8770"; never with a token.

    Raises
    ------
    Problem
        409 "in_use" when another server holds the project; the sentence names its address. 409 "no_lock" when the file
        cannot be opened.
    """

    def __init__(self, project: Project, address: str) -> None:
        self._handle: int | None = None
        if project.read_only:
            return
        path = project.make_folder() / _FILE
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        except OSError as error:
            raise Problem(409, "no_lock", f"{path}: cannot be opened ({error.strerror}); remove it.") from None
        try:
            if not _lock(handle):
                raise Problem(409, "in_use", _sentence(project, handle))
            os.ftruncate(handle, 0)
            os.lseek(handle, _CONTENT, os.SEEK_SET)
            os.write(handle, json.dumps({"address": address, "pid": os.getpid()}).encode() + b"\n")
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle

    def release(self) -> None:
        """Let the next server in; the file stays, as deleting it would let two in at once."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> ProjectLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


_CONTENT = 0 if sys.platform != "win32" else 1
"""Windows locks bytes, not files: the first one is the lock, the rest can be read by others."""


def _lock(handle: int) -> bool:
    """Lock an open file without waiting; False when another process holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        # some network shares know no locks; refusing them would lock their users out for good
        _log.warning("the project folder cannot be locked (%s); do not open it with two servers", error.strerror)
    return True


def _sentence(project: Project, handle: int) -> str:
    """Say who holds the project; the other server may be just about to write its address."""
    address = ""
    for _ in range(10):
        os.lseek(handle, _CONTENT, os.SEEK_SET)
        try:
            address = str(json.loads(os.read(handle, 4096).strip(b"\0"))["address"])
            break
        except (ValueError, KeyError, TypeError):
            time.sleep(0.05)
    where = f" at {address}" if address else ""
    return f"{project.folder} is already open in another granum server{where}; use that one, or stop it first."
