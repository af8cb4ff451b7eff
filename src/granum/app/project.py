"""The project folder: where everything that the app writes has its place, and what the user typed about the images.

Plain files are the truth. `project.json` is replaced as a whole (written beside it, pushed to the disk, renamed), so a
reader finds the old or the new one. The folder is made with the first write: looking at a read-only disk works.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from granum.app.file_names import is_safe_name
from granum.app.paint_messages import ClassInfo
from granum.app.problems import Problem
from granum.errors import OutputError, ReadError, SettingError
from granum.image import PixelSize

__all__ = ["FOLDER_NAME", "SCHEMA", "Project", "write_atomically"]

FOLDER_NAME = "granum_project"
SCHEMA = 1
_FILE = "project.json"
_MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Schema n -> function that turns it into n + 1; a copy of the old file is kept beside the new one."""
_CLASSES = (ClassInfo(id=1, name="object", colour="#e69f00"), ClassInfo(id=2, name="background", colour="#56b4e9"))
_LIST_OF_CLASSES = TypeAdapter(list[ClassInfo])


class Project:
    """One project folder, safe to use from several threads.

    Parameters
    ----------
    folder : str or Path
        A folder with images, whose project lies in ``granum_project`` inside it; or a project itself.
    create : bool
        Make `folder` when it does not exist.

    Attributes
    ----------
    folder : Path
        Where the images are.
    place : Path
        Where the project is kept; it may not exist before the first write.
    cache : Path
        Folder for what can be made again; a temporary one when nothing can be written to `place`.
    read_only : str
        Why nothing can be written, as a sentence, or "".

    Raises
    ------
    ReadError
        The folder does not exist or cannot be listed, the project is damaged, or a later granum wrote it.
    """

    def __init__(self, folder: str | Path, *, create: bool = False) -> None:
        given = Path(folder).expanduser().absolute()
        if create:
            try:
                given.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{given}: cannot be made ({error.strerror}); choose another folder.") from None
        if not given.is_dir():
            raise ReadError(f"{given}: is not a folder; give the folder that holds the images.")
        if not os.access(given, os.R_OK | os.X_OK):
            raise ReadError(f"{given}: may not be read; check the permissions of the folder.")
        is_project = (given / _FILE).is_file()
        self.place = given if is_project else given / FOLDER_NAME
        self.folder = given.parent if is_project and given.name == FOLDER_NAME else given
        self._lock = threading.RLock()
        self._temporary: str | None = None
        _check_entries(self.place)
        self.read_only = _why_read_only(given, self.place)
        self._about = self._load()

    # -------------------------------------------------------------------------------------------- places

    @property
    def cache(self) -> Path:
        """Folder for what can be made again; it exists."""
        if not self.read_only:
            try:
                (self.place / "cache").mkdir(parents=True, exist_ok=True)
            except OSError as error:
                self._cannot_write(error)
            else:
                return self.place / "cache"
        with self._lock:
            if self._temporary is None:
                self._temporary = tempfile.mkdtemp(prefix="granum-")
            return Path(self._temporary)

    def path(self, *parts: str) -> Path:
        """Return the path of something inside the project; parts may hold "/" between names.

        Raises
        ------
        Problem
            404 for anything that is not plainly inside: "..", absolute paths, drive letters, devices, control
            characters, links that lead out.
        """
        names = [name for part in parts for name in part.split("/")]
        if not names or not all(is_safe_name(name) for name in names):
            raise Problem(404, "not_found", f"{'/'.join(parts)[:200]!r} is not a name inside the project.")
        path = self.place.joinpath(*names)
        if not path.resolve().is_relative_to(self.place.resolve()):
            raise Problem(404, "not_found", f"{'/'.join(names)[:200]!r} leads out of the project folder.")
        return path

    def require_writable(self) -> None:
        """Raise a problem when nothing can be written here.

        Raises
        ------
        Problem
            409 "read_only".
        """
        if self.read_only:
            raise Problem(409, "read_only", self.read_only)

    def make_folder(self, *parts: str) -> Path:
        """Return a folder inside the project, made with its parents when it is missing; no parts: `place`.

        Raises
        ------
        Problem
            409 "read_only" when nothing can be written here.
        """
        self.require_writable()
        path = self.path(*parts) if parts else self.place
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._cannot_write(error)
            raise OutputError(f"{path}: cannot be made ({error.strerror}).") from None
        return path

    def write(self, data: bytes, *parts: str) -> Path:
        """Write a file of the project so that it is there whole or not at all, and return its path."""
        path = self.path(*parts)
        self.require_writable()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
        except OSError as error:
            self._cannot_write(error)
            raise OutputError(f"{path}: cannot be written ({error.strerror}); nothing was changed.") from None
        return path

    def close(self) -> None:
        """Remove the temporary cache of a read-only project."""
        with self._lock:
            if self._temporary is not None:
                shutil.rmtree(self._temporary, ignore_errors=True)
                self._temporary = None

    def _cannot_write(self, error: OSError) -> None:
        """Become read-only when the disk says so now; a full disk may have room again later."""
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            self.read_only = self.read_only or _read_only_sentence(self.place)
        self.require_writable()

    # -------------------------------------------------------------------------------------------- what was typed

    @property
    def name(self) -> str:
        """Name of the folder with the images."""
        return self.folder.name or str(self.folder)

    @property
    def pixel_size(self) -> str | None:
        """The typed pixel size, as in "0.5 nm"; it wins over those of the files."""
        value = self._about.get("pixel_size")
        return value if isinstance(value, str) else None

    @property
    def interval_s(self) -> float | None:
        """The typed time between frames in seconds."""
        value = self._about.get("interval_s")
        return float(value) if isinstance(value, int | float) else None

    @property
    def classes(self) -> list[ClassInfo]:
        """The classes of the painter."""
        return _LIST_OF_CLASSES.validate_python(self._about.get("classes", [one.model_dump() for one in _CLASSES]))

    def set_pixel_size(self, text: str | None) -> None:
        """Keep the typed pixel size, None for that of the files.

        Raises
        ------
        SettingError
            When it is not a size.
        """
        if text is not None:
            PixelSize.parse(text)
        self._change(pixel_size=text)

    def set_interval_s(self, value: float | None) -> None:
        """Keep the typed time between frames, None for that of the files."""
        if value is not None and not 0 < value < float("inf"):
            raise SettingError(f"interval_s is {value!r}, must be a positive number of seconds.")
        self._change(interval_s=value)

    def set_classes(self, classes: list[ClassInfo]) -> None:
        """Keep the classes of the painter.

        Raises
        ------
        SettingError
            When two have one number.
        """
        numbers = [one.id for one in classes]
        twice = sorted({n for n in numbers if numbers.count(n) > 1})
        if twice:
            raise SettingError(f"classes: number {twice[0]} stands there twice; every class needs its own.")
        self._change(classes=[one.model_dump() for one in classes])

    def _change(self, **values: Any) -> None:
        with self._lock:
            about = {**self._about, **values}
            text = json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            self.write(text.encode(), _FILE)
            self._about = about

    def _load(self) -> dict[str, Any]:
        """Return what project.json says, brought up to date; the file is left alone unless it is old."""
        from granum import __version__

        path = self.place / _FILE
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return {"schema": SCHEMA, "granum": __version__}
        except OSError as error:
            raise ReadError(f"{path}: cannot be read ({error.strerror}).") from None
        about = _parse(path, data)
        schema = about["schema"]
        if schema > SCHEMA:
            raise ReadError(
                f"{path}: was written by granum {about.get('granum', '?')} with schema {schema}, this granum"
                f" {__version__} knows {SCHEMA}; update granum to open it."
            )
        if schema == SCHEMA:
            return about
        for n in range(schema, SCHEMA):
            if n not in _MIGRATIONS:
                raise ReadError(f"{path}: schema {n} is not one that granum has ever written; it is damaged.")
            about = {**_MIGRATIONS[n](about), "schema": n + 1}
        about["granum"] = __version__
        if not self.read_only:
            self.write(data, f"project.schema{schema}.json")
            self.write((json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode(), _FILE)
        return about


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file under another name, push it to the disk, rename it, push the name."""
    handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_UMASK)  # mkstemp lets only the owner read, a project may be shared
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _read_umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_UMASK = _read_umask()  # at import: the mask can only be read by setting it, which threads must not see


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    """Return the checked content of project.json."""
    try:
        about = json.loads(data)
    except ValueError as error:
        raise ReadError(f"{path}: is damaged ({error}); move it away to start with an empty one.") from None
    schema = about.get("schema") if isinstance(about, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise ReadError(f"{path}: is not a granum project (no schema number); open the folder that holds the images.")
    if schema == SCHEMA:
        try:
            if about.get("pixel_size") is not None:
                PixelSize.parse(str(about["pixel_size"]))
            _LIST_OF_CLASSES.validate_python(about.get("classes", []))
        except (SettingError, ValidationError) as error:
            raise ReadError(f"{path}: is damaged ({str(error).splitlines()[0]}); correct it or move it away.") from None
    return dict(about)


def _check_entries(place: Path) -> None:
    """Refuse a project that somebody has sent with a link in it: the lock, say, would be written into its target."""
    try:
        entries = sorted(os.scandir(place), key=lambda entry: entry.name) if place.is_dir() else []
    except OSError as error:
        raise ReadError(f"{place}: cannot be listed ({error.strerror}).") from None
    for entry in entries:
        path = Path(entry.path)
        if entry.is_symlink() and not path.resolve().is_relative_to(place.resolve()):
            raise ReadError(
                f"{path}: is a link that leads out of the project; put a folder or file there, or remove it."
            )
        if not entry.is_symlink() and not entry.is_file() and not entry.is_dir():
            raise ReadError(f"{path}: is neither a file nor a folder; remove it.")


def _why_read_only(given: Path, place: Path) -> str:
    """Return why nothing can be written, or ""."""
    target = place if place.exists() else given
    return "" if os.access(target, os.W_OK | os.X_OK) else _read_only_sentence(target)


def _read_only_sentence(target: Path) -> str:
    return (
        f"{target} is read-only, so nothing can be painted, run or kept; copy the images to a folder of your own, or"
        " ask for write permission."
    )
