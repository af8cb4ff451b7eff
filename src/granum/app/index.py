"""A disposable index: which file had which hash and what it said, so that a folder of 10,000 images opens at once.

Whatever happens to `index.sqlite` (deleted, cut, locked, unreadable), it is made anew or done without; nobody is told,
because nothing is lost. A row counts only when its checksum fits: a damaged page must not give an image a wrong hash.
"""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

__all__ = ["Fingerprint", "Index"]

_SCHEMA = 1
_WAIT_S = 0.25
_log = logging.getLogger("granum.app")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Fingerprint:
    """What tells cheaply that a file is still the same one."""

    size: int
    mtime_ns: int


class Index:
    """The index of one project; to be used by one thread at a time.

    Parameters
    ----------
    path : Path or None
        The database file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None
        self._try(lambda: None)

    def load(self) -> dict[str, tuple[Fingerprint, str, str]]:
        """Return name -> (fingerprint, sha256, facts as JSON) of all rows that are whole."""

        def read() -> dict[str, tuple[Fingerprint, str, str]]:
            rows = self._connection().execute("SELECT name, size, mtime_ns, sha256, facts, checksum FROM files")
            return {
                name: (Fingerprint(size, mtime_ns), sha256, facts)
                for name, size, mtime_ns, sha256, facts, checksum in rows
                if checksum == _checksum(name, size, mtime_ns, sha256, facts)
            }

        return self._try(read) or {}

    def put(self, name: str, fingerprint: Fingerprint, sha256: str, facts: str) -> None:
        """Remember a file; one whose name is not valid text is hashed anew each time."""
        if not _is_text(name):
            return
        values = (name, fingerprint.size, fingerprint.mtime_ns, sha256, facts)
        row = (*values, _checksum(*values))
        self._try(lambda: self._connection().execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", row))

    def forget(self, name: str) -> None:
        """Forget a file."""
        if not _is_text(name):
            return
        self._try(lambda: self._connection().execute("DELETE FROM files WHERE name = ?", (name,)))

    def commit(self) -> None:
        """Make what was put and forgotten last."""
        self._try(lambda: self._connection().commit())

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        self._drop()

    # ------------------------------------------------------------------------------------------------

    def _try(self, action: Callable[[], _T]) -> _T | None:
        """Do something; after a failure once more with a new file; after the second one do without from now on."""
        for attempt in range(2):
            if self._path is None:
                return None
            try:
                if self._database is not None and not self._path.exists():
                    self._drop()  # deleted under our hands: writing on would go nowhere
                self._connection()
                return action()
            except (sqlite3.Error, OSError, ValueError, TypeError) as error:
                _log.info("the index is made anew: %s", error)
                self._drop()
                locked = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
                if attempt or locked or not self._remove():
                    self._path = None
        return None

    def _connection(self) -> sqlite3.Connection:
        if self._database is None:
            if self._path is None:
                raise sqlite3.OperationalError("no file")
            database = sqlite3.connect(self._path, timeout=_WAIT_S, check_same_thread=False)
            self._database = database
            (schema,) = database.execute("PRAGMA user_version").fetchone()
            if schema not in (0, _SCHEMA):
                raise sqlite3.DatabaseError(f"schema {schema}")
            database.execute(
                "CREATE TABLE IF NOT EXISTS files (name TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT,"
                " facts TEXT, checksum INTEGER) WITHOUT ROWID"
            )
            database.execute(f"PRAGMA user_version = {_SCHEMA}")
            database.commit()
        return self._database

    def _drop(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            try:
                database.close()
            except sqlite3.Error as error:
                _log.info("the index did not close: %s", error)

    def _remove(self) -> bool:
        """Delete the damaged file; False when that is not possible."""
        if self._path is None:
            return False
        try:
            for suffix in ("", "-journal", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        except OSError as error:
            _log.info("the index cannot be removed: %s", error)
            return False
        return True


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _checksum(name: str, size: int, mtime_ns: int, sha256: str, facts: str) -> int:
    return zlib.crc32("\0".join((name, str(size), str(mtime_ns), sha256, facts)).encode())
