"""What is taken away from a run: one of its files, all of them as a ZIP, or in the format of another program.

ZIPs are written while they are sent, uncompressed and with constant times: little memory however large the run is, and
the same bytes for the same files.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from granum.app.file_names import is_safe_name
from granum.app.problems import Problem
from granum.errors import OutputError

__all__ = ["MEDIA_TYPES", "REPORT_POLICY", "Downloads", "attachment_header", "stream_zip"]

MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".toml": "application/toml",
    "": "text/plain; charset=utf-8",
}
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Cuts the report off from the app: an origin of its own, no network. Its own policy allows its one script only."""
_CHUNK = 1 << 20
_TIME = (1980, 1, 1, 0, 0, 0)


class Downloads:
    """Everything that can be taken away from runs.

    Parameters
    ----------
    folder_of : callable
        Run id -> its run folder, edits included; raises a Problem when there is none.
    cache : Path
        Where exports are put together.
    original_of : callable, optional
        Run id -> its run folder as the run left it; default `folder_of`.
    """

    def __init__(
        self, folder_of: Callable[[str], Path], cache: Path, original_of: Callable[[str], Path] | None = None
    ) -> None:
        self._folder_of, self._cache = folder_of, cache / "exports"
        self._original_of = original_of or folder_of
        shutil.rmtree(self._cache, ignore_errors=True)  # left over from a server that was killed

    def file(self, run: str, name: str, *, as_run: bool = False) -> Path:
        """Return a file of a run folder.

        Parameters
        ----------
        run : str
            Id of the run.
        name : str
            Path inside the folder, with "/".
        as_run : bool
            As the run left it, without corrections by hand: at once, where a corrected file may have to be made first.

        Raises
        ------
        Problem
            When it is no file of the folder (404), however it was spelt.
        """
        folder = (self._original_of if as_run else self._folder_of)(run).resolve()
        missing = Problem(404, "not_found", f"run {run}: has no file {name[:200]!r}.")
        parts = name.split("/")
        if not all(is_safe_name(part) for part in parts):
            raise missing
        path = folder.joinpath(*parts)
        try:
            if path.resolve(strict=True) != path or not path.is_file():  # a link, wherever it leads
                raise missing
        except OSError:
            raise missing from None
        return path

    def zip(self, run: str) -> Iterator[bytes]:
        """Return the run folder as the pieces of a ZIP; all its files stand in a folder named like the run."""
        folder = self._folder_of(run)
        return stream_zip(folder, run)

    def export(self, run: str, to: str) -> Iterator[bytes]:
        """Return what a run found in the format of another program, as the pieces of a ZIP.

        Raises
        ------
        Problem
            No such run.
        SettingError
            No such format.
        """
        from granum.report import export_run

        folder = self._folder_of(run)
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(dir=self._cache))
        except OSError as error:
            raise OutputError(f"{self._cache}: cannot be written ({error.strerror or error}).") from error
        name = f"{run}-{to}"
        try:
            place = export_run(folder, to, scratch / "export")
            pieces = _then_remove(stream_zip(place, name), scratch)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        # one whose client left before the first piece never begins, and so never comes to its own `finally`
        weakref.finalize(pieces, shutil.rmtree, scratch, ignore_errors=True)
        return pieces


def attachment_header(name: str) -> str:
    """Return ``Content-Disposition`` for a file that is saved, not shown (RFC 6266): any name, no way out of it."""
    plain = "".join(sign if sign.isascii() and sign.isprintable() and sign not in '"\\%' else "_" for sign in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def stream_zip(folder: Path, name: str) -> Iterator[bytes]:
    """Yield a folder as a ZIP, piece by piece, about 1 MB each.

    Parameters
    ----------
    folder : Path
        Its plain files are taken, in the order of their names; links are left out.
    name : str
        The one folder inside the ZIP.
    """
    return _pieces(_files(folder), name)


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Return all plain files below a folder, by their names in it."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if not Path(place, one).is_symlink()]
        for file in files:
            path = Path(place, file)
            if path.is_file() and not path.is_symlink():
                found.append((path.relative_to(folder).as_posix(), path))
    return sorted(found)


def _pieces(files: list[tuple[str, Path]], name: str) -> Iterator[bytes]:
    sink = _Sink()
    # "w" on a sink that cannot seek: sizes follow the data of each file
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for inside, path in files:
            with path.open("rb") as source:
                entry = zipfile.ZipInfo(f"{name}/{inside}", _TIME)
                entry.file_size = os.fstat(source.fileno()).st_size  # tells whether 64 bits are needed
                entry.create_system = 3  # the same bytes on every system
                entry.external_attr = 0o644 << 16
                with archive.open(entry, "w") as target:
                    while data := source.read(_CHUNK):
                        target.write(data)
                        if sink.size >= _CHUNK:
                            yield sink.take()
    yield sink.take()


def _then_remove(pieces: Iterator[bytes], scratch: Path) -> Iterator[bytes]:
    try:
        yield from pieces
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class _Sink(io.RawIOBase):
    """A file that forgets: what was written is taken away piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        piece = bytes(data)
        self._pieces.append(piece)
        self.size += len(piece)
        return len(piece)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        pieces, self._pieces, self.size = self._pieces, [], 0
        return b"".join(pieces)
