"""`ModelShelf`: the saved models of a project, one file each in ``models/``, and which models a request may name.

A model file holds JSON and arrays, nothing that runs; `granum.learn` checks it whenever it is opened. A name is never
given to other bytes: to replace a model, delete it first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from granum.app.file_names import is_safe_name
from granum.app.learn_messages import ModelInfo
from granum.app.paint_messages import ClassInfo
from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.stroke_digest import STROKES
from granum.errors import GranumError, OutputError, ReadError
from granum.steps import nearest_name

if TYPE_CHECKING:
    from granum.learn.pixel_model import PixelModel
    from granum.recipe import Recipe

__all__ = ["FOLDER", "MOST_BYTES", "SUFFIX", "ModelShelf", "ModelUpload", "check_models"]

FOLDER, SUFFIX = "models", ".granum"
MOST_BYTES = 500_000_000
"""Of an uploaded model; the largest forests of a search have some tens of MB."""
_NAME = re.compile(r"\w[\w .-]{0,63}")
_COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")


class ModelShelf:
    """The models of a project; every method may be called from any thread.

    Parameters
    ----------
    project : Project
        Where they are kept.
    changed : callable
        Called after a model was added or removed.
    """

    def __init__(self, project: Project, changed: Callable[[], None] = lambda: None) -> None:
        self._project, self._changed = project, changed
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[tuple[int, int], ModelInfo]] = {}

    def all(self) -> list[ModelInfo]:
        """Return all models, sorted by name; one that cannot be used says why."""
        try:
            found = sorted(self._folder.glob(f"*{SUFFIX}"), key=lambda path: path.name.casefold())
        except OSError:  # no folder yet, or none that may be read
            return []
        return [info for path in found if _NAME.fullmatch(path.stem) and (info := self._info(path)) is not None]

    def info(self, name: str) -> ModelInfo:
        """Return one model.

        Raises
        ------
        Problem
            404 when there is none; the nearest is named.
        """
        info = self._info(self._path(name))
        if info is None:
            there = [one.name for one in self.all()]
            hint = f"; {nearest_name(name, there)}" if there else ": the project has none yet."
            raise Problem(404, "not_found", f"model {name!r}: does not exist{hint}")
        return info

    def path(self, name: str) -> Path:
        """Return the file of a model; 404 when there is none."""
        return Path(self.info(name).path)

    def keep(self, name: str, source: Path) -> ModelInfo:
        """Keep a copy of a model file under a name.

        Raises
        ------
        Problem
            409 when the name is taken or the project is read-only, 422 when it cannot be a name.
        ModelError
            When the file is none of a model.
        """
        with self.begin(name) as upload:
            try:
                with source.open("rb") as file:
                    while chunk := file.read(1 << 20):
                        upload.write(chunk)
            except OSError as error:
                raise OutputError(f"model {name!r}: cannot be copied ({error.strerror or error}).") from None
            return upload.finish()

    def begin(self, name: str, size: int | None = None) -> ModelUpload:
        """Begin to write a model under a name; nothing is there before it is whole and checked.

        Raises
        ------
        Problem
            As `keep`; 413 when `size`, the announced bytes, is too much.
        """
        self._project.require_writable()
        name = name.removesuffix(SUFFIX)
        path = self._path(name)
        if path.exists():
            raise Problem(409, "exists", _taken(name))
        _check_size(name, size or 0)
        folder = self._project.make_folder(FOLDER)
        part = folder / f".{secrets.token_hex(8)}.part"
        try:
            return ModelUpload(self, name, path, part, part.open("xb"))
        except OSError as error:
            raise OutputError(f"{part}: cannot be written ({error.strerror}).") from None

    def remove(self, name: str) -> None:
        """Delete a model; runs that were made with it stay."""
        self._project.require_writable()
        path = self.path(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"model {name!r}: cannot be deleted ({error.strerror}).") from None
        self._changed()

    def adopt(self, name: str, part: Path, path: Path) -> ModelInfo:
        """Give a finished file its name, when it is a model and the name is free."""
        try:
            _load(part)
        except GranumError as error:  # the name of the hidden file says nothing to anybody
            shown = f"{name}{SUFFIX}"
            raise type(error)(str(error).replace(str(part), shown).replace(part.name, shown)) from None
        try:
            os.link(part, path)  # unlike a rename it never replaces what is there
            part.unlink()
        except FileExistsError:
            raise Problem(409, "exists", _taken(name)) from None
        except OSError:  # a disk without links
            if path.exists():
                raise Problem(409, "exists", _taken(name)) from None
            part.replace(path)
        info = self.info(name)
        self._changed()
        return info

    @property
    def _folder(self) -> Path:
        return self._project.path(FOLDER)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name) or not is_safe_name(f"{name}{SUFFIX}"):
            text = f"name {name[:80]!r}: use up to 64 letters, digits, spaces, dots, hyphens and underscores."
            raise Problem(422, "setting", text)
        return self._project.path(FOLDER, f"{name}{SUFFIX}")

    def _info(self, path: Path) -> ModelInfo | None:
        """Return what a file says; None when it is not there, or no plain file."""
        try:
            about = path.lstat()
        except OSError:
            return None
        if not path.is_file() or path.is_symlink():
            return None
        stamp = (about.st_size, about.st_mtime_ns)
        with self._lock:
            known = self._known.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, _describe(path, about.st_size, about.st_mtime))
            with self._lock:
                self._known[path] = known
        return known[1]


class ModelUpload:
    """A model on its way to the shelf; leaving the block without `finish` leaves nothing."""

    def __init__(self, shelf: ModelShelf, name: str, path: Path, part: Path, file: BinaryIO) -> None:
        self._shelf, self._name, self._path, self._part, self._file = shelf, name, path, part, file
        self._n_bytes = 0

    def __enter__(self) -> ModelUpload:
        return self

    def __exit__(self, *error: object) -> None:
        self.abort()

    def write(self, data: bytes) -> None:
        """Take more bytes; 413 when they are too many."""
        self._n_bytes += len(data)
        _check_size(self._name, self._n_bytes)
        try:
            self._file.write(data)
        except OSError as error:
            raise OutputError(f"model {self._name!r}: cannot be kept ({error.strerror}).") from None

    def finish(self) -> ModelInfo:
        """Check the file and give it its name."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise OutputError(f"model {self._name!r}: cannot be kept ({error.strerror}).") from None
        return self._shelf.adopt(self._name, self._part, self._path)

    def abort(self) -> None:
        """Remove what has come so far; nothing after `finish`."""
        with contextlib.suppress(OSError):  # bytes that found no room; they are not wanted any more
            self._file.close()
        self._part.unlink(missing_ok=True)


def check_models(recipe: Recipe, folder: Path) -> None:
    """Refuse a recipe that names a file which is no model of the project.

    People share a server: a request from the page must not open a file of whoever started it. An empty name is none.

    Parameters
    ----------
    recipe : Recipe
        As a request asks for it.
    folder : Path
        The project's folder of models.

    Raises
    ------
    Problem
        422, with the models that there are.
    """
    for file in recipe.files:
        path = Path(file)
        inside = path.is_absolute() and path.parent == folder.absolute() and path.suffix == SUFFIX
        if not inside or not _NAME.fullmatch(path.stem) or path.is_symlink() or not path.is_file():
            there = sorted(one.stem for one in folder.glob(f"*{SUFFIX}") if _NAME.fullmatch(one.stem))
            has = f"it has {', '.join(there)}" if there else "it has none yet"
            raise Problem(422, "setting", f"model: {file[:200]!r} is no model of this project; {has}.")


def _taken(name: str) -> str:
    return f"model {name!r}: there is one of this name already; choose another, or delete it first."


def _check_size(name: str, n_bytes: int) -> None:
    if n_bytes > MOST_BYTES:
        limit = f"{MOST_BYTES // 1_000_000} MB"
        raise Problem(413, "too_large", f"model {name!r}: has more than {limit}; no model of granum has.")


def _load(path: Path) -> PixelModel:
    from granum.learn.model_file import load_model

    return load_model(path)


def _describe(path: Path, n_bytes: int, modified: float) -> ModelInfo:
    sha256, problem, model = "", "", None
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        model = _load(path)
    except (GranumError, OSError) as error:
        problem = str(error) if isinstance(error, GranumError) else str(ReadError(f"{path.name}: {error.strerror}."))
    about: dict[str, Any] = {} if model is None else dict(model.about)
    report = about.get("report") if isinstance(about.get("report"), dict) else {}
    return ModelInfo(
        name=path.stem,
        path=str(path.absolute()),
        sha256=sha256,
        description="" if model is None else model.describe(),
        classes=[] if model is None else list(_classes(model)),
        n_channels=0 if model is None else model.n_channels,
        n_images=_count(about, "n_images"),
        n_strokes=_count(about, "n_strokes"),
        miou=_score(report, "miou"),
        low=_score(report, "low"),
        high=_score(report, "high"),
        n_bytes=n_bytes,
        saved_at=datetime.fromtimestamp(modified, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        problem=problem,
        strokes=strokes if isinstance(strokes := about.get(STROKES), str) else "",
    )


def _classes(model: PixelModel) -> list[ClassInfo]:
    colours = {one.id: one.colour for one in model.classes if re.fullmatch(r"#[0-9a-f]{6}", one.colour)}
    return [
        ClassInfo(id=one.id, name=one.name or str(one.id), colour=colours.get(one.id, _COLOURS[n % len(_COLOURS)]))
        for n, one in enumerate(model.classes)
    ]


def _count(about: dict[str, Any], key: str) -> int:
    value = about.get(key, 0)
    return value if isinstance(value, int) else 0


def _score(report: Any, key: str) -> float | None:
    value = report.get(key) if isinstance(report, dict) else None
    return float(value) if isinstance(value, int | float) and value == value else None
