"""Names that come from outside become names of files: refused where they must be exact, cleaned where they are wishes.

The rules are those of the strictest system, so that a project can be copied from Linux to Windows.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

__all__ = ["clean_name", "is_safe_name", "numbered_name"]

_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"}
_DEVICES |= {f"{device}{digit}" for device in ("com", "lpt") for digit in "0123456789¹²³"}
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_LONGEST = 200
"""Bytes of UTF-8; file systems take 255, and a suffix such as " (12)" or ".part" must still fit."""


def is_safe_name(name: str) -> bool:
    """Whether a text names one file inside a folder on every system, and nothing else.

    Refused: empty, ".", "..", separators, drive letters and streams (":"), control characters, names of Windows
    devices with any extension, a dot or blank at the end, names over 255 bytes.
    """
    if not name or name in (".", "..") or _FORBIDDEN.search(name) or name[-1] in ". ":
        return False
    try:
        n_bytes = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return False
    return n_bytes <= 255 and not _is_device(name)


def clean_name(wish: str) -> str:
    """Return the file name nearest to a wish: the last part of a path, visible, storable on every system.

    The extension is kept; a name of which nothing is left becomes "image".
    """
    text = unicodedata.normalize("NFC", wish.encode("utf-8", errors="replace").decode("utf-8"))
    last = re.split(r"[/\\]", text)[-1]
    # letters of format (Cf) turn the direction of writing and can make "gpj.exe" look like "exe.jpg"
    plain = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    plain = _FORBIDDEN.sub("_", plain).lstrip(". ").rstrip(". ")
    if not plain:
        return "image"
    if _is_device(plain):
        plain = f"_{plain}"
    return _shorten(plain)


def numbered_name(name: str, number: int) -> str:
    """Return "name (2).ext" for number 2, and the name itself for 1."""
    path = PurePosixPath(name)
    return name if number == 1 else f"{path.stem} ({number}){path.suffix}"


def _is_device(name: str) -> bool:
    return name.split(".")[0].rstrip(" ").casefold() in _DEVICES


def _shorten(name: str) -> str:
    """Cut the stem of a long name, never its extension nor a letter in two."""
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix.encode()) <= 20 else ""
    stem = name[: len(name) - len(suffix)]
    room = _LONGEST - len(suffix.encode())
    cut = stem.encode()[:room].decode("utf-8", errors="ignore").rstrip(". ")
    return f"{cut}{suffix}"
