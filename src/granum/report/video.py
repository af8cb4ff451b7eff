"""Writes an assay's video: MP4 where OpenCV has an encoder whose films browsers play, else an animated GIF.

OpenCV's wheels cannot write H.264 on Linux, and their MPEG-4 (`mp4v`) plays in no browser; their VP9 in MP4 does.
"""

from __future__ import annotations

import struct
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from granum.errors import EmptyResultError, OutputError
from granum.image import PixelSize
from granum.learn.scribbles import PixelClass
from granum.report.video_panels import FrameList, PanelPainter, VideoFrame
from granum.steps import Range

__all__ = ["FrameList", "VideoFrame", "write_assay_video"]

_GIF_WIDTH = 640
_GIF_SAMPLE = 6  # frames that the palette is made from


def write_assay_video(
    path: str | Path,
    frames: FrameList,
    *,
    fps: Annotated[float, Range(0.1, 60)] = 6.0,
    width: Annotated[int, Range(64, 3840, unit="px")] = 1280,
    time_unit: str = "h",
    pixel_size: PixelSize | None = None,
    names: Mapping[str, str] | None = None,
    legend: Sequence[PixelClass] = (),
    gif: bool = False,
) -> Path:
    """Write the frames of one field as a video with the panels of a live-dead or a confluency assay.

    Parameters
    ----------
    path : str or Path
        The file; its ending becomes `.mp4` or `.gif`.
    frames : FrameList
        Anything with a length and frames by number; one is in memory at a time. Each is read once, and up to 8 of them
        once more before, for the contrast.
    fps : float
        Frames per second, 0.1..60.
    width : int
        Largest width and height of the picture, 64..3840.
    time_unit : str
        "h", "min", "s", "d", or "frame" where times are numbers of frames.
    pixel_size : PixelSize, optional
        For the scale bar; none is drawn without it.
    names : mapping of str to str, optional
        Role -> name of the stain, as in the layer `stains`.
    legend : sequence of PixelClass
        Names and colours of the classes.
    gif : bool
        Write a GIF in any case.

    Returns
    -------
    path : Path
        The file that was written.

    Raises
    ------
    EmptyResultError
        When there is no frame, or none with a picture.
    OutputError
        When it cannot be written.

    Notes
    -----
    Brightfield and stains make four panels: brightfield with the stains, the stains, the gradient's magnitude, the
    classes. Stains alone make two, one channel without stains makes two as well: the picture, and the classes over it.

    About 1 s per picture of 1280 x 960 pixels in VP9 (one core), a fourth of that at half the width. The GIF has at
    most 640 pixels and 256 colours; same input, same bytes.
    """
    painter = PanelPainter(frames, width, time_unit, pixel_size, names or {}, legend)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    encoder = None if gif else _find_encoder(painter.size)
    if encoder is not None:
        film = path.with_suffix(".mp4")
        part = film.with_name(f".{film.stem}.part.mp4")
        try:
            if _encode(part, encoder, fps, painter, frames):
                part.replace(film)
                return film
        finally:
            part.unlink(missing_ok=True)
    film = path.with_suffix(".gif")
    small = PanelPainter(frames, min(width, _GIF_WIDTH), time_unit, pixel_size, names or {}, legend)
    part = film.with_name(f".{film.stem}.part.gif")
    try:
        _write_gif(part, fps, small, frames)
        part.replace(film)
    except OSError as error:
        raise OutputError(f"{film}: cannot be written ({error.strerror or error}).") from error
    finally:
        part.unlink(missing_ok=True)
    return film


def _encoders() -> list[tuple[int, str]]:
    """Return backend and code of the encoders to try: the system's own H.264, which everything plays, then VP9."""
    import cv2

    system = {"darwin": [(cv2.CAP_AVFOUNDATION, "avc1")], "win32": [(cv2.CAP_MSMF, "H264")]}
    return [*system.get(sys.platform, []), (cv2.CAP_FFMPEG, "vp09")]


def _find_encoder(size: tuple[int, int]) -> tuple[int, str] | None:
    """Return the first encoder that writes pictures of this size and whose film shows them when it is read again."""
    import cv2

    picture = np.full((*size, 3), 30, np.uint8)
    picture[: size[0] // 2, :, 0] = 200
    with tempfile.TemporaryDirectory(prefix="granum-") as folder:
        for encoder in _encoders():
            path = Path(folder) / f"{encoder[1]}.mp4"
            film = cv2.VideoWriter(str(path), encoder[0], cv2.VideoWriter.fourcc(*encoder[1]), 5.0, size[::-1])
            works = film.isOpened()
            for _ in range(2 * works):
                film.write(picture)
            film.release()
            if works and path.is_file():
                seen, shown = _first_frame(path)
                if seen == 2 and shown is not None and np.abs(shown.astype(int) - picture).mean() < 12:
                    return encoder
    return None


def _first_frame(path: Path) -> tuple[int, NDArray[np.uint8] | None]:
    """Return the number of frames of a film and its first one."""
    import cv2

    film = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    there, picture = film.read() if film.isOpened() else (False, None)
    n = int(there)
    while there and film.grab():
        n += 1
    film.release()
    return n, np.asarray(picture) if there else None


def _encode(path: Path, encoder: tuple[int, str], fps: float, painter: PanelPainter, frames: FrameList) -> bool:
    """Write the film; False where it has not all its frames when it is read again (OpenCV does not tell)."""
    import cv2

    film = cv2.VideoWriter(str(path), encoder[0], cv2.VideoWriter.fourcc(*encoder[1]), fps, painter.size[::-1])
    if not film.isOpened():
        return False
    try:
        for index in range(len(frames)):
            film.write(np.ascontiguousarray(painter.draw(frames[index])[:, :, ::-1]))
    finally:
        film.release()
    return _first_frame(path)[0] == len(frames)


def _write_gif(path: Path, fps: float, painter: PanelPainter, frames: FrameList) -> None:
    """Write an animated GIF picture by picture, all with one palette."""
    from PIL import GifImagePlugin, Image

    n = len(frames)
    if not n:
        raise EmptyResultError("video: there is no frame.")
    chosen = np.unique(np.linspace(0, n - 1, min(_GIF_SAMPLE, n)).round().astype(int)).tolist()
    sheet = np.concatenate([painter.draw(frames[index])[::2, ::2] for index in chosen])
    palette = Image.fromarray(sheet).quantize(256, method=Image.Quantize.MEDIANCUT)
    colours = bytes(palette.getpalette("RGB") or []).ljust(768, b"\0")[:768]
    height, width = painter.size
    with path.open("wb") as out:
        out.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0) + colours)
        out.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")  # for ever
        for index in range(n):
            picture = Image.fromarray(painter.draw(frames[index]))
            indexed = picture.quantize(palette=palette, dither=Image.Dither.NONE)
            for piece in GifImagePlugin.getdata(indexed, duration=max(20, round(1000 / fps))):
                out.write(piece)
        out.write(b";")
