"""What a run has already done: one committed folder per image and frame, that a killed run can go on from.

The folder ``.OUT.granum`` stands beside OUT until all is done. A result is built under a temporary name, fsynced and
renamed, so it is there whole or not at all; what is committed is read from the folder itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from granum.errors import OutputError

__all__ = ["Ledger", "commit", "publish", "sync_tree"]

_TEMPORARY = ".tmp-"


def _sync(path: Path) -> None:
    """Push a file or a folder to the disk; systems that cannot do it for folders are left alone."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Push a folder with all that is in it to the disk."""
    for path in sorted(folder.rglob("*")):
        _sync(path)
    _sync(folder)


def publish(built: Path, place: Path) -> None:
    """Give a finished folder its name: all its bytes first reach the disk, then one rename makes it visible.

    Raises
    ------
    OutputError
        When the rename is refused.
    """
    sync_tree(built)
    try:
        built.rename(place)
    except OSError as error:
        raise OutputError(f"{place}: cannot be written ({error.strerror or error}).") from error
    _sync(place.parent)


class Ledger:
    """The committed results of a run that is going on, or was interrupted.

    Parameters
    ----------
    out : Path
        The output folder of the run; the ledger stands beside it.
    """

    def __init__(self, out: Path) -> None:
        self.folder = out.parent / f".{out.name}.granum"
        self.items = self.folder / "items"

    @contextmanager
    def open(self, *, resume: bool) -> Iterator[Ledger]:
        """Hold the ledger for this process alone.

        Parameters
        ----------
        resume : bool
            Keep what an earlier run has committed; otherwise start empty.

        Raises
        ------
        OutputError
            When another process holds it, or it cannot be written.
        """
        try:
            self.items.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("a")
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written ({error.strerror or error}).") from error
        with lock:
            _lock(lock.fileno(), self.folder)
            for path in self.items.iterdir():
                if not resume or path.name.startswith(_TEMPORARY):
                    shutil.rmtree(path)
            yield self

    def committed(self) -> set[str]:
        """Return the keys of all committed results."""
        return {path.name for path in self.items.iterdir() if not path.name.startswith(_TEMPORARY)}

    def place(self, key: str) -> Path:
        """Return the folder of a committed result."""
        return self.items / key

    def remove(self) -> None:
        """Delete the ledger when its run is done."""
        shutil.rmtree(self.folder, ignore_errors=True)


def commit(items: Path, key: str, build: Callable[[Path], None]) -> None:
    """Build a result under a temporary name, and commit it.

    Parameters
    ----------
    items : Path
        Folder of the results.
    key : str
        Name of this one.
    build : callable
        Writes the files into the folder that it is given.
    """
    temporary = items / f"{_TEMPORARY}{key}-{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        build(temporary)
        publish(temporary, items / key)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _lock(handle: int, folder: Path) -> None:
    """Lock a file for this process; the lock falls with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows: the file that is open there cannot be deleted by another run, which is enough
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise OutputError(f"{folder}: another granum run is writing here; wait for it, or choose another -o.") from None
