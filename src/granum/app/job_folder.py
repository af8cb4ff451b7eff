"""The folder of one run: what was asked for, how far it is, what is there; plain files, each whole or not at all.

``status.json`` has one writer at a time: the job process while it runs, the server before and after.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from granum.errors import OutputError, ReadError

__all__ = ["ItemNote", "JobFolder", "Status", "write_json_whole"]

_ITEM = "item.json"
_STATES = ("queued", "running", "done", "failed", "cancelled", "interrupted")


@dataclass(frozen=True)
class Status:
    """How far a job is.

    Parameters
    ----------
    state : str
        As in `messages.Job`.
    order : int
        Place in the queue.
    done, total : int
        Images and frames.
    current : str
        The file that is being done.
    failures : list of dict
        ``file``, ``frame`` and ``error`` of what could not be done.
    error : str
        Why the whole job has failed.
    finished : str
        When it ended.
    seconds : float
        How long it has worked, earlier attempts included.
    pid, token
        The process, see `processes.process_token`.
    mark : str
        Who put it into the queue, see `own_mark`.
    """

    state: str = "queued"
    order: int = 0
    done: int = 0
    total: int = 0
    current: str = ""
    failures: tuple[dict[str, Any], ...] = ()
    error: str = ""
    finished: str = ""
    seconds: float = 0.0
    pid: int = 0
    token: str = ""
    mark: str = ""


@dataclass(frozen=True)
class ItemNote:
    """One image and frame that is done."""

    file: str
    frame: int
    n_objects: int
    warnings: tuple[str, ...]


def write_json_whole(path: Path, content: Any, *, sync: bool = False) -> None:
    """Write JSON under another name and rename it, so that readers see the old text or the new one.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            json.dump(content, out, ensure_ascii=False, allow_nan=False, indent=1)
            out.write("\n")
            if sync:
                out.flush()
                os.fsync(out.fileno())
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}).") from error


class JobFolder:
    """``runs/<run>/``.

    Parameters
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.job = path / "job.json"
        self.status = path / "status.json"
        self.log = path / "log.txt"
        self.result = path / "result"
        self.ledger = path / ".result.granum"

    def read_job(self) -> dict[str, Any]:
        """Return ``job.json``.

        Raises
        ------
        ReadError
            When it is not there, or damaged.
        """
        try:
            content = json.loads(self.job.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ReadError(f"{self.job}: cannot be read ({error}).") from error
        if not isinstance(content, dict):
            raise ReadError(f"{self.job}: is no job.")
        return content

    def read_status(self) -> Status:
        """Return the status; one that is lost or damaged is that of an interrupted job."""
        try:
            content = json.loads(self.status.read_text(encoding="utf-8"))
            return _checked_status(content)
        except (OSError, ValueError, AttributeError, TypeError, KeyError):
            return Status(state="interrupted")

    def write_status(self, status: Status, *, sync: bool = False) -> None:
        """Write the status."""
        write_json_whole(self.status, asdict(status), sync=sync)

    def find_link(self) -> str:
        """Return the first link in the folder, or "": a run writes none, and one could lead its writing anywhere."""
        waiting = [self.path]
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        return Path(entry.path).relative_to(self.path).as_posix()
                    if entry.is_dir():
                        waiting.append(Path(entry.path))
        return ""

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the folder for this process while it works on it; False when another one does."""
        with (self.path / "lock").open("a") as lock:
            yield _lock(lock.fileno())

    @property
    def is_complete(self) -> bool:
        """Whether the result is there and nothing is left to be done."""
        return (self.result / "DONE").is_file() and not self.ledger.exists()

    def committed_keys(self) -> list[str]:
        """Return the keys of everything that is committed so far; [] when the run is complete."""
        try:
            return sorted(entry.name for entry in os.scandir(self.ledger / "items") if not entry.name.startswith("."))
        except OSError:
            return []

    def note(self, key: str) -> ItemNote | None:
        """Return the note of a committed item; None when it went to the result in this moment."""
        try:
            text = (self.ledger / "items" / key / _ITEM).read_text(encoding="utf-8")
        except OSError:
            return None
        try:
            content = json.loads(text)
            row = content["row"]
            return ItemNote(str(row["file"]), int(row["frame"]), int(content["n_labels"]), tuple(content["warnings"]))
        except (ValueError, KeyError, TypeError):  # not from granum
            return None

    def in_result(self) -> list[ItemNote]:
        """Return the notes of a finished run, in the order of its tables; [] when there is no result."""
        from granum.report.tables import read_images_csv

        try:
            run = json.loads((self.result / "run.json").read_text(encoding="utf-8"))
            rows = read_images_csv(self.result / "images.csv")
            return [
                ItemNote(entry["file"], entry["frame"], int(row["n_objects"] or 0), tuple(entry["warnings"]))
                for entry, row in zip(run["images"], rows, strict=True)
            ]
        except (OSError, ValueError, KeyError, TypeError, ReadError):
            return []


def _checked_status(content: Any) -> Status:
    """Return the status that a file holds; keys of a newer granum are left out, values of another type refused."""
    if not isinstance(content, dict):
        raise TypeError("no object")
    given = {field.name: content[field.name] for field in fields(Status) if field.name in content}
    failures = tuple(
        {"file": str(one["file"]), "frame": int(one["frame"]), "error": str(one["error"])}
        for one in given.pop("failures", ())
    )
    status = Status(**given, failures=failures)
    for field in fields(Status):
        value, kind = getattr(status, field.name), type(field.default)
        if not isinstance(value, int | float if kind is float else kind):
            raise TypeError(f"{field.name} is {value!r}")
    if status.state not in _STATES:
        raise ValueError(f"state is {status.state!r}")
    return status


def _lock(handle: int) -> bool:
    """Lock a file for this process; the lock falls with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system: the ledger of the run is the second barrier
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
