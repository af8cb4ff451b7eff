"""The table of formats: extension, first bytes, reader, what metadata it gives."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from granum.errors import ReadError
from granum.image import Image
from granum.read.zarr_store import is_zarr_folder

__all__ = ["FORMATS", "Format", "find_format", "is_image_name"]


@dataclass(frozen=True)
class Format:
    """One family of files.

    Parameters
    ----------
    name : str
        As the user knows it.
    extensions : tuple of str
        Lower case, with the dot.
    first_bytes : tuple of (int, bytes)
        Offsets and bytes, any one of which proves the format; empty when nothing does.
    reader : str
        "module:function".
    gives : str
        Metadata that is read.
    extra : str
        Package to install, or "".
    """

    name: str
    extensions: tuple[str, ...]
    first_bytes: tuple[tuple[int, bytes], ...]
    reader: str
    gives: str
    extra: str = ""

    def matches(self, head: bytes) -> bool:
        """Whether the first bytes of a file prove this format."""
        return any(head[at : at + len(magic)] == magic for at, magic in self.first_bytes)

    def load_reader(self) -> Callable[..., Image]:
        """Import and return the reader."""
        module, function = self.reader.split(":")
        found: Callable[..., Image] = getattr(importlib.import_module(module), function)
        return found


_TIFF = ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+"))

FORMATS: tuple[Format, ...] = (
    Format("TIFF", (".tif", ".tiff", ".btf", ".tf8"), _TIFF, "granum.read.tiff:read_tiff",
           "axes, pixel size, channel names and times of OME and ImageJ files; pixel size of Zeiss and FEI SEM files"),
    Format("PNG", (".png",), ((0, b"\x89PNG\r\n\x1a\n"),), "granum.read.plain:read_png", "none"),
    Format("JPEG", (".jpg", ".jpeg"), ((0, b"\xff\xd8\xff"),), "granum.read.plain:read_jpeg", "EXIF orientation"),
    Format("BMP", (".bmp",), ((0, b"BM"),), "granum.read.plain:read_bmp", "none"),
    Format("MRC", (".mrc", ".mrcs", ".map", ".ccp4", ".rec", ".st"), ((208, b"MAP "), (208, b"MAP\0")),
           "granum.read.mrc:read_mrc", "pixel size, stack or volume"),
    Format("DM3/DM4", (".dm3", ".dm4"), ((0, b"\0\0\0\x03"), (0, b"\0\0\0\x04")), "granum.read.gatan_dm:read_dm",
           "pixel size, frame times, microscope"),
    Format("SER", (".ser",), ((0, b"II\x97\x01"),), "granum.read.fei_ser:read_ser", "pixel size, frame times"),
    Format("EMD", (".emd",), ((0, b"\x89HDF\r\n\x1a\n"),), "granum.read.emd:read_emd",
           "pixel size, detectors (Velox), frame times (NCEM)"),
    Format("OME-Zarr", (".zarr",), (), "granum.read.zarr_store:read_zarr",
           "axes, pixel size, channel names, frame times"),
    Format("NPY", (".npy",), ((0, b"\x93NUMPY"),), "granum.read.plain:read_npy", "none"),
    Format("ND2", (".nd2",), ((0, b"\xda\xce\xbe\x0a"),), "granum.read.vendor:read_nd2",
           "axes, pixel size, channel names", "nd2"),
    Format("LIF", (".lif",), ((0, b"\x70\0\0\0"),), "granum.read.vendor:read_lif", "axes, pixel size", "liffile"),
    Format("CZI", (".czi",), ((0, b"ZISRAWFILE"),), "granum.read.vendor:read_czi", "axes", "czifile"),
)  # fmt: skip

_BY_EXTENSION = {extension: format for format in FORMATS for extension in format.extensions}
_STRANGERS = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an office file"),
    (b"GIF8", "a GIF"),
    (b"RIFF", "a WebP or AVI"),
    (b"\x1f\x8b", "a gzip file"),
    (b"<!DO", "a web page"),
    (b"<htm", "a web page"),
)


def is_image_name(path: Path) -> bool:
    """Whether the name says that granum can read it."""
    return path.suffix.lower() in _BY_EXTENSION


def find_format(path: Path) -> tuple[Format, str]:
    """Return the format of a file and a note, which is empty unless the name is wrong.

    The first bytes decide; the extension counts only where they prove nothing.

    Raises
    ------
    ReadError
        Missing, empty, a plain folder, no regular file, or no known format.
    """
    if path.is_dir():
        if is_zarr_folder(path):
            return _BY_EXTENSION[".zarr"], ""
        raise ReadError(f"{path}: is a folder, not an image file; give the files in it, or the folder to a command.")
    if not path.exists():
        raise ReadError(f"{path}: no such file.")
    if not path.is_file():
        raise ReadError(f"{path}: is not a regular file.")
    with path.open("rb") as file:
        head = file.read(256)
    if not head:
        raise ReadError(f"{path}: is empty (0 bytes).")
    named = _BY_EXTENSION.get(path.suffix.lower())
    if named is not None and named.matches(head):
        return named, ""
    proved = next((format for format in FORMATS if format.matches(head)), None)
    # two letters prove a bitmap only where nothing else is claimed
    if proved is not None and not (proved.name == "BMP" and named is not None):
        return proved, f"Named {path.suffix or 'without extension'} but it is {proved.name}; read as {proved.name}."
    if named is not None and named.name == "MRC" and path.stat().st_size >= 1024:
        return named, ""  # old MRC files have no mark
    stranger = next((what for magic, what in _STRANGERS if head.startswith(magic)), "not an image that granum reads")
    if named is not None:
        raise ReadError(f"{path}: is named like {named.name} but is {stranger}; it is damaged or wrongly named.")
    known = " ".join(sorted(_BY_EXTENSION))
    raise ReadError(f"{path}: is {stranger}; granum reads {known}.")
