"""PNG, JPEG, BMP and .npy: one picture, no pixel size.

Their resolution fields (pHYs, JFIF, BMP) describe printing and are never taken for a pixel size.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import ReadError
from granum.image import Image
from granum.read.bounds import check_declared_size
from granum.read.colour import image_of_samples

__all__ = ["read_bmp", "read_jpeg", "read_npy", "read_png"]

# the two chroma channels of a grey JPEG may each be off by one step before the conversion to RGB
_JPEG_GREY_TOLERANCE = 4
_LARGE_JPEG = 50_000_000


def read_png(path: Path, *, max_plane_bytes: int) -> Image:
    """Return a PNG of 1 to 16 bit; 16-bit RGB stays 16 bit."""
    import imagecodecs

    with path.open("rb") as file:
        head = file.read(33)
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise ReadError(f"{path}: is a truncated PNG: its header is not whole.")
    width, height, depth, kind = struct.unpack(">IIBB", head[16:26])
    samples = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}.get(kind, 4)
    size = path.stat().st_size
    bytes_per_pixel = samples * (2 if depth == 16 else 1)
    check_declared_size(path, (height, width), bytes_per_pixel, stored=size, max_bytes=max_plane_bytes)

    def load(t: int) -> NDArray[Any]:
        pixels: NDArray[Any] = imagecodecs.png_decode(path.read_bytes())
        return pixels

    _check_png_chunks(path)
    notes = ["Stored with a colour palette; read as the colours it stands for."] if kind == 3 else []
    return image_of_samples(load, path, notes=notes, format="PNG", metadata={"bit_depth": depth})


def read_jpeg(path: Path, *, max_plane_bytes: int) -> Image:
    """Return a JPEG turned upright by its EXIF tag; CMYK becomes RGB, 12 bit stays 12 bit."""
    precision, height, width, samples, frame_end = _jpeg_frame(path)
    bytes_per_pixel = samples * (2 if precision > 8 else 1)
    stored = path.stat().st_size
    check_declared_size(path, (height, width), bytes_per_pixel, stored=stored, max_bytes=max_plane_bytes)
    notes: list[str] = []
    if precision > 8:
        import imagecodecs

        def load(t: int) -> NDArray[Any]:
            data = path.read_bytes()
            _check_jpeg_end(path, data, frame_end)
            pixels: NDArray[Any] = imagecodecs.jpeg_decode(data)
            return pixels

    else:
        with _pillow_jpeg(path) as picture:
            orientation = picture.getexif().get(0x0112, 1)
            cmyk = picture.mode == "CMYK"
        if cmyk:
            notes.append("Stored as CMYK for printing; converted to RGB.")
        if orientation in range(2, 9):
            notes.append(f"Turned upright as its EXIF orientation {orientation} says.")
        # Pillow takes five times the memory of a colour picture; both decode to the same pixels
        direct = height * width > _LARGE_JPEG and not cmyk and orientation not in range(2, 9)

        def load(t: int) -> NDArray[Any]:
            from PIL import ImageOps

            if direct:
                import imagecodecs

                data = path.read_bytes()
                _check_jpeg_end(path, data, frame_end)
                pixels: NDArray[Any] = imagecodecs.jpeg_decode(data)
                return pixels
            with _pillow_jpeg(path) as picture:
                upright = ImageOps.exif_transpose(picture)
                return np.asarray(upright.convert("RGB") if upright.mode == "CMYK" else upright)

    return image_of_samples(load, path, notes=notes, tolerance=_JPEG_GREY_TOLERANCE, format="JPEG")


def read_bmp(path: Path, *, max_plane_bytes: int) -> Image:
    """Return a Windows bitmap."""
    from PIL.BmpImagePlugin import BmpImageFile

    # the class is called directly: Image.open refuses legitimate pictures above 179 megapixels
    with BmpImageFile(path) as picture:
        width, height = picture.size
        stored = path.stat().st_size
        check_declared_size(path, (height, width), 4, stored=stored, max_bytes=max_plane_bytes)

    def load(t: int) -> NDArray[Any]:
        with BmpImageFile(path) as picture:
            plain = picture.convert("RGB") if picture.mode == "P" else picture
            pixels = np.asarray(plain)
        return pixels.astype(np.uint8) * 255 if pixels.dtype == np.bool_ else pixels

    return image_of_samples(load, path, notes=[], format="BMP")


def read_npy(path: Path, *, max_plane_bytes: int) -> Image:
    """Return a NumPy array of 2 to 5 axes; pickled objects are refused.

    The axes are taken as YX, TYX, TCYX or TCZYX; a last axis of 3 or 4 bytes after two axes is RGB or RGBA.
    """
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype.kind not in "biuf":
        raise ReadError(f"{path}: holds {array.dtype}, granum reads bool, integers and floats.")
    axes = {2: "YX", 3: "TYX", 4: "TCYX", 5: "TCZYX"}.get(array.ndim)
    if axes is None:
        raise ReadError(f"{path}: has {array.ndim} axes, granum reads 2 to 5 (YX, TYX, TCYX, TCZYX).")
    check_declared_size(path, array.shape[-2:], array.dtype.itemsize, max_bytes=max_plane_bytes)
    if 0 in array.shape:
        raise ReadError(f"{path}: is an empty array of shape {array.shape}.")
    if array.ndim == 3 and array.shape[2] in (3, 4) and array.dtype == np.uint8:
        return image_of_samples(lambda t: np.array(array), path, notes=[], format="NPY")
    native = array.dtype.newbyteorder("=")
    five = array[tuple(slice(None) if letter in axes else None for letter in "TCZYX")]
    t, c, z, y, x = five.shape
    notes = (f"The file names no axes; its shape {array.shape} was read as {axes}.",) if array.ndim > 2 else ()

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        return np.array(five[t, c, z], dtype=native)

    def read_rows(t: int, c: int, z: int, y0: int, y1: int) -> NDArray[Any]:
        return np.array(five[t, c, z, y0:y1], dtype=native)

    return Image((t, c, z, y, x), native, read_plane, source=path, format="NPY", notes=notes, read_rows=read_rows)


def _check_png_chunks(path: Path) -> None:
    """Refuse a PNG whose chunks are cut or changed; libpng would print about it and go on."""
    with path.open("rb") as file:
        file.seek(8)
        kind = b""
        while kind != b"IEND":
            length, kind = struct.unpack(">I4s", _whole(path, file.read(8), 8))
            checksum = zlib.crc32(kind)
            while length > 0:
                part = _whole(path, file.read(min(length, 2**20)), min(length, 2**20))
                checksum, length = zlib.crc32(part, checksum), length - len(part)
            if struct.unpack(">I", _whole(path, file.read(4), 4))[0] != checksum:
                raise ReadError(f"{path}: is damaged: the checksum of its PNG chunk {kind!r} is wrong.")


def _whole(path: Path, data: bytes, n: int) -> bytes:
    if len(data) < n:
        raise ReadError(f"{path}: is a truncated PNG.")
    return data


def _pillow_jpeg(path: Path) -> Any:
    """Open a JPEG without Pillow's limit of 179 megapixels; the size was checked against granum's."""
    from PIL.JpegImagePlugin import JpegImageFile

    return JpegImageFile(path)


def _check_jpeg_end(path: Path, data: bytes, frame_end: int) -> None:
    """Refuse a JPEG that is cut, whose end the decoder would invent; pixels cannot hold the two bytes of the mark."""
    start = data.find(b"\xff\xda", frame_end)
    if start < 0 or data.find(b"\xff\xd9", start) < 0:
        raise ReadError(f"{path}: is a truncated JPEG: the mark of its end is missing.")


def _jpeg_frame(path: Path) -> tuple[int, int, int, int, int]:
    """Return (precision, height, width, components, end) of the frame header, walking the markers before it."""
    with path.open("rb") as file:
        file.seek(2)
        for _ in range(10_000):
            marker = file.read(1)
            while marker not in (b"", b"\xff"):  # stray bytes between segments are legal
                marker = file.read(1)
            while marker == b"\xff":
                marker = file.read(1)
            if marker == b"" or marker in b"\xd9\xda":
                break
            code = marker[0]
            if code == 0x01 or 0xD0 <= code <= 0xD7:
                continue
            length = struct.unpack(">H", file.read(2))[0]
            if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
                precision, height, width, components = struct.unpack(">BHHB", file.read(6))
                return precision, height, width, components, file.tell()
            file.seek(max(length - 2, 0), 1)
    raise ReadError(f"{path}: is a JPEG without a picture; it is truncated or damaged.")
