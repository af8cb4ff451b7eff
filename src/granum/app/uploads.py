"""Images that come through the page: streamed to the disk, checked, named, and there whole or not at all.

Bytes go to a hidden file in `uploads/` and are hashed on the way. Only a file that a reader has opened gets its name;
everything else (aborted, too large, no image, the same bytes once more) is removed.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import shutil
import threading
from pathlib import Path
from typing import BinaryIO

from granum.app.file_names import clean_name, numbered_name
from granum.app.folder_scan import UPLOADS
from granum.app.messages import Uploaded
from granum.app.pictures import Pictures
from granum.app.problems import Problem
from granum.app.project import Project
from granum.errors import GranumError, OutputError, ReadError
from granum.read import find_format
from granum.read.formats import is_image_name

__all__ = ["SAMPLE_NAME", "Inbox", "Upload", "sample_bytes"]

LIMIT = 20 * 10**9
SAMPLE_NAME = "granum sample.tif"
_TEMPORARY = ".upload-"
_KEEP_FREE = 500 * 10**6


class Inbox:
    """Where uploads arrive.

    Parameters
    ----------
    project, pictures : Project, Pictures
        The project and its images.
    limit : int
        Most bytes of one upload.
    """

    def __init__(self, project: Project, pictures: Pictures, *, limit: int = LIMIT) -> None:
        self._project, self._pictures, self._limit = project, pictures, limit
        self._naming = threading.Lock()

    def clean(self) -> None:
        """Remove what uploads of a killed server have left; only while no other server has the project."""
        if self._project.read_only:
            return
        for path in (self._project.place / UPLOADS).glob(f"{_TEMPORARY}*"):
            path.unlink(missing_ok=True)

    def begin(self, name: str, size: int | None = None) -> Upload:
        """Begin an upload.

        Parameters
        ----------
        name : str
            The name that it should get; only its last part counts.
        size : int, optional
            Announced bytes.

        Raises
        ------
        Problem
            409 "read_only", 413 "too_large", 507 "no_space".
        """
        folder = self._project.make_folder(UPLOADS)
        if size is not None:
            self.check_size(clean_name(name), size)
            self._check_space(size)
        path = folder / f"{_TEMPORARY}{secrets.token_hex(8)}{Path(clean_name(name)).suffix}"
        try:
            file = path.open("xb")
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror}).") from None
        return Upload(self, file, path, clean_name(name), size)

    def add_sample(self) -> Uploaded:
        """Add the bundled simulated sample."""
        upload = self.begin(SAMPLE_NAME)
        try:
            upload.write(sample_bytes())
            return upload.finish()
        finally:
            upload.abort()

    def check_size(self, name: str, size: int) -> None:
        """Raise Problem 413 for more bytes than are taken."""
        if size > self._limit:
            raise Problem(
                413, "too_large",
                f"{name}: has more than {self._limit / 1e9:g} GB, the most that the page takes; copy it into"
                f" {self._project.folder} instead, where it is found by itself.",
            )  # fmt: skip

    def _check_space(self, size: int) -> None:
        free = shutil.disk_usage(self._project.place).free
        if size + _KEEP_FREE > free:
            raise Problem(
                507, "no_space", f"The disk has {free / 1e9:.1f} GB left, {size / 1e9:.1f} GB are to come; make room."
            )

    def accept(self, path: Path, name: str, sha256: str) -> Uploaded:
        """Give a finished file its name and put it on the list, unless its bytes are there already."""
        known = self._known(sha256)
        if known is not None:
            return known
        try:
            format, _ = find_format(path)
            self._pictures.check(path)
        except ReadError as error:
            sentence = str(error).replace(str(path), name).replace(path.name, name)
            raise Problem(422, "unreadable", sentence) from None
        if not is_image_name(Path(name)):
            name += format.extensions[0]  # or it would not be found again
        with self._naming:
            known = self._known(sha256)  # the same bytes may have come twice at the same time
            if known is not None:
                return known
            taken, number = self._pictures.names(), 1
            while (target := path.with_name(numbered_name(name, number))).name.casefold() in taken or target.exists():
                number += 1
            try:
                path.rename(target)
            except OSError as error:
                raise OutputError(f"{target.name}: cannot be kept ({error.strerror}).") from None
            return Uploaded(image=self._pictures.adopt(target, sha256), duplicate=False)

    def _known(self, sha256: str) -> Uploaded | None:
        id = self._pictures.id_of(sha256)
        return None if id is None else Uploaded(image=self._pictures.entry(id), duplicate=True)


class Upload:
    """One upload on its way; `abort` after `finish` does nothing.

    Parameters
    ----------
    inbox : Inbox
        Where it arrives.
    file, path : file, Path
        The hidden file.
    name : str
        The clean name.
    size : int or None
        Announced bytes.
    """

    def __init__(self, inbox: Inbox, file: BinaryIO, path: Path, name: str, size: int | None) -> None:
        self._inbox, self._file, self._path, self._name, self._size = inbox, file, path, name, size
        self._hash = hashlib.sha256()
        self._n_bytes = 0

    def write(self, data: bytes) -> None:
        """Take more bytes.

        Raises
        ------
        Problem
            413 "too_large", 507 "no_space".
        """
        self._n_bytes += len(data)
        self._inbox.check_size(self._name, self._n_bytes)
        try:
            self._file.write(data)
        except OSError as error:
            raise self._not_written(error) from None
        self._hash.update(data)

    def finish(self) -> Uploaded:
        """Put the file on the list of images.

        Raises
        ------
        Problem
            400 "aborted" when bytes are missing, 422 "unreadable" when it is no image.
        """
        if self._size is not None and self._n_bytes != self._size:
            raise Problem(400, "aborted", f"{self._name}: {self._n_bytes} of {self._size} bytes came; upload it again.")
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._not_written(error) from None
        self._file.close()
        try:
            return self._inbox.accept(self._path, self._name, self._hash.hexdigest())
        finally:
            self._path.unlink(missing_ok=True)

    def abort(self) -> None:
        """Remove what has come so far."""
        self._path.unlink(missing_ok=True)
        try:
            self._file.close()
        except OSError:  # bytes that found no room; they are not wanted any more
            return

    def _not_written(self, error: OSError) -> GranumError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Problem(507, "no_space", f"{self._name}: the disk is full; make room and upload it again.")
        return OutputError(f"{self._name}: cannot be kept ({error.strerror}).")


def sample_bytes() -> bytes:
    """Return the bundled sample, a simulated TEM picture with its pixel size, as a TIFF; always the same bytes."""
    import tifffile

    from granum.samples import demo_image

    sample = demo_image()
    size = float(sample.truth["pixel_size_nm"])
    data = io.BytesIO()
    tifffile.imwrite(
        data, sample.image, imagej=True, resolution=(1 / size, 1 / size), metadata={"axes": "YX", "unit": "nm"}
    )
    return data.getvalue()
