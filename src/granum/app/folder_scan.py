"""Which image files there are: those directly in the folder, and those that were dropped into the page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from granum.app.index import Fingerprint
from granum.app.project import Project
from granum.read.image_files import list_images, natural_key

__all__ = ["UPLOADS", "FoundFile", "fingerprint", "scan_folder"]

UPLOADS = "uploads"


@dataclass(frozen=True)
class FoundFile:
    """One file that looks like an image.

    Parameters
    ----------
    key : str
        Its name in the folder, or "uploads/" and its name there.
    path : Path
        The file, or the folder of an OME-Zarr image.
    uploaded : bool
        Whether it came through the page.
    fingerprint : Fingerprint
        Size and time of the last change.
    """

    key: str
    path: Path
    uploaded: bool
    fingerprint: Fingerprint

    @property
    def name(self) -> str:
        """The name as text that can be shown, also when it is not valid UTF-8."""
        return self.path.name.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def scan_folder(project: Project) -> list[FoundFile]:
    """Return all image files of a project, sorted as people count; files that vanish meanwhile are left out.

    Raises
    ------
    OSError
        When the folder itself cannot be listed any more.
    """
    found = []
    uploads = project.place / UPLOADS
    for folder, uploaded in ((project.folder, False), (uploads, True)):
        if uploaded and not uploads.is_dir():
            continue
        for path in list_images(folder):
            try:
                mark = fingerprint(path)
            except OSError:
                continue
            found.append(FoundFile(f"{UPLOADS}/{path.name}" if uploaded else path.name, path, uploaded, mark))
    return sorted(found, key=lambda one: (natural_key(Path(one.path.name)), one.uploaded))


def fingerprint(path: Path) -> Fingerprint:
    """Return size and time of the last change; of an OME-Zarr folder the sum and the latest of all its files.

    Raises
    ------
    OSError
        When it is not there.
    """
    about = path.stat()
    if not path.is_dir():
        return Fingerprint(about.st_size, about.st_mtime_ns)
    size, latest = 0, about.st_mtime_ns
    for member in path.rglob("*"):
        one = member.stat()
        size += 0 if member.is_dir() else one.st_size
        latest = max(latest, one.st_mtime_ns)
    return Fingerprint(size, latest)
