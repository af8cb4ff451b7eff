"""Plate maps that lie beside the images, or are sent by the page: their text, whatever a spreadsheet has written."""

from __future__ import annotations

from pathlib import Path

from granum.app.problems import Problem
from granum.errors import SettingError
from granum.plate.table_text import decode_table
from granum.read.image_files import natural_key

__all__ = ["LARGEST_MAP", "MapFiles", "map_text"]

LARGEST_MAP = 1_000_000
"""Bytes; a plate of 1,536 wells with ten columns has a tenth of that."""
_ENDINGS = (".csv", ".tsv", ".txt")
_MOST = 200


class MapFiles:
    """Tables that lie directly in the folder of the images.

    Parameters
    ----------
    folder : Path
        The folder of the images.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Return their names, those that are called a map or a layout first."""
        try:
            found = [path for path in self._folder.iterdir() if self._is_one(path)]
        except OSError:
            return []
        found.sort(key=lambda path: (not _is_likely(path.name), natural_key(path)))
        return [path.name for path in found[:_MOST]]

    def read(self, name: str) -> str:
        """Return the text of one.

        Raises
        ------
        Problem
            404 when there is none of this name.
        SettingError
            It is too large, or no text.
        """
        if name not in self.names():
            raise Problem(404, "not_found", f"{name[:100]!r}: is no table in the folder of the images.")
        try:
            content = (self._folder / name).read_bytes()
        except OSError as error:
            raise SettingError(f"{name}: cannot be read ({error.strerror or error}).") from error
        return map_text(content, name)

    def _is_one(self, path: Path) -> bool:
        # a link could lead to any file of who started the server
        if path.suffix.lower() not in _ENDINGS or path.is_symlink() or not path.is_file():
            return False
        try:
            path.name.encode("utf-8")
            return path.stat().st_size <= LARGEST_MAP
        except (OSError, UnicodeEncodeError):
            return False


def map_text(content: bytes, name: str) -> str:
    """Return the text of a plate map, line feeds only.

    Raises
    ------
    SettingError
        When it is too large or no text.
    """
    if len(content) > LARGEST_MAP:
        raise SettingError(f"{name}: has {len(content)} bytes, no plate map is that large.")
    text, _ = decode_table(content, Path(name))
    return "".join(f"{line}\n" for line in text.splitlines())


def _is_likely(name: str) -> bool:
    folded = name.casefold()
    return "map" in folded or "layout" in folded or "plate" in folded
