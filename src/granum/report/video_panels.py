"""Panels of an assay's video: brightfield with stains, stains alone, gradient, classes; one contrast for all frames.

The contrast comes from a sample of the frames, so a field that dies gets redder and does not flicker.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_image
from granum.errors import EmptyResultError
from granum.image import PixelSize
from granum.learn.class_colours import colour_classes
from granum.learn.scribbles import PixelClass
from granum.report.class_images import class_palette

__all__ = ["FrameList", "PanelPainter", "VideoFrame"]

_SAMPLE = 8  # frames that the contrast is taken from
_NOISE = 12.0  # white is at least so many standard deviations of the background over it: an empty stain stays dark
_STAINS = {
    "live": ("blue", np.array([0.10, 0.35, 1.0], np.float32)),
    "dead": ("red", np.array([1.0, 0.10, 0.08], np.float32)),
}
_TINT = np.float32(0.4)  # of the class colour over a picture
_SMALLEST = 240  # pixels of the longer side of a panel, where there is room: smaller fields are enlarged
_UNITS = {"nm": "nm", "um": "µm", "mm": "mm"}

_Planes = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """What is known of one time; planes that are missing are None.

    Parameters
    ----------
    time : float
        In the time unit of the assay.
    brightfield, live, dead : (Y, X) array_like, optional
        Channels as they were read; for confluency the one image is the brightfield.
    classes : (Y, X) ndarray of uint8, optional
        Class ids, 0 where there is none.
    """

    time: float
    brightfield: ArrayLike | None = None
    live: ArrayLike | None = None
    dead: ArrayLike | None = None
    classes: NDArray[np.uint8] | None = None


class FrameList(Protocol):
    """Frames that are asked for by number, so that only one is in memory: a list, or what reads them from files."""

    def __len__(self) -> int:
        """Return the number of frames."""
        ...

    def __getitem__(self, index: int, /) -> VideoFrame:
        """Return a frame."""
        ...


class PanelPainter:
    """Draws the frames of a series as pictures of one size.

    Parameters
    ----------
    frames : FrameList
        The series; up to 8 of its frames are read for the contrast.
    width : int
        Largest width and height of a picture.
    time_unit : str
        "h", "min", "s", "d", or "frame" where times are numbers of frames.
    pixel_size : PixelSize, optional
        For the scale bar; none is drawn without it.
    names : mapping of str to str
        Role ("live", "dead", "brightfield") -> name for people.
    legend : sequence of PixelClass
        Names and colours of the classes.

    Attributes
    ----------
    size : (int, int)
        Rows and columns of a picture, both even.
    panels : list of (str, str)
        Kind and title, in reading order.

    Raises
    ------
    EmptyResultError
        When no frame has a picture.
    """

    def __init__(
        self,
        frames: FrameList,
        width: int,
        time_unit: str,
        pixel_size: PixelSize | None,
        names: Mapping[str, str],
        legend: Sequence[PixelClass],
    ) -> None:
        self.time_unit, self.pixel_size = time_unit, pixel_size
        self.names = {"live": "live stain", "dead": "dead stain", **names}
        self.legend = colour_classes(legend)
        self.palette = class_palette(legend)
        n = len(frames)
        chosen = np.unique(np.linspace(0, n - 1, min(_SAMPLE, n)).round().astype(int)).tolist() if n else []
        samples: dict[str, list[NDArray[np.float32]]] = {}
        shapes: list[tuple[int, ...]] = []
        has_classes = False
        for index in chosen:
            frame = frames[index]
            has_classes |= frame.classes is not None
            for role, plane in _planes(frame).items():
                shapes.append(plane.shape)
                samples.setdefault(role, []).append(_thinned(plane))
        if not shapes:
            raise EmptyResultError("video: none of its frames has a picture.")
        self.shape = max(shapes)
        self.limits = {role: _limits(role, np.concatenate(parts)) for role, parts in samples.items()}
        self.panels = self._choose_panels(has_classes)
        self._lay_out(width)

    def _choose_panels(self, has_classes: bool) -> list[tuple[str, str]]:
        """Return kind and title of the panels: as many as there is something to show in."""
        stains = [f"{self.names[role]} ({_STAINS[role][0]})" for role in _STAINS if role in self.limits]
        brightfield = self.names.get("brightfield", "brightfield" if stains else "image")
        if "brightfield" in self.limits and stains:
            panels = [("composite", ", ".join([brightfield, *stains])), ("stains", ", ".join(stains))]
            panels.append(("gradient", "gradient magnitude (Sobel)"))
            return [*panels, ("classes", "classes")] if has_classes else panels
        panels = [("stains", ", ".join(stains)) if stains else ("brightfield", brightfield)]
        return [*panels, ("classes" if stains else "overlay", "classes")] if has_classes else panels

    def _lay_out(self, width: int) -> None:
        """Choose columns and the size of a panel, so that the picture is about as wide as a screen."""
        n, (rows, columns) = len(self.panels), self.shape
        options = [c for c in range(1, n + 1) if n % c == 0]
        self.columns = min(options, key=lambda c: abs(math.log(columns * c / (rows * (n // c)) / 1.5)))
        down = n // self.columns
        room = min(width / (self.columns * columns), width / (down * rows))
        self.scale = min(1.0, room)
        if room > 1 and max(rows, columns) < _SMALLEST:
            self.scale = float(min(math.floor(room), math.ceil(_SMALLEST / max(rows, columns))))
        self.panel = (max(2, round(rows * self.scale)), max(2, round(columns * self.scale)))
        self.text_px = max(10, min(18, self.panel[1] // 34))
        self.bar = self.text_px + 10
        height, wide = down * (self.panel[0] + self.bar), self.columns * self.panel[1]
        self.size = (height + height % 2, wide + wide % 2)

    def draw(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Return (Y, X, 3) red, green, blue of one frame, always of `size`."""
        picture = np.full((*self.size, 3), 18, np.uint8)
        planes: _Planes = {}
        for role, plane in _planes(frame).items():
            if role in self.limits:
                low, high = self.limits[role]
                planes[role] = np.clip((self._fit(plane) - low) / (high - low), 0, 1)
        colours = None
        if frame.classes is not None:
            colours = self._fit(self.palette[frame.classes].astype(np.float32)) / np.float32(255)
        for i, (kind, title) in enumerate(self.panels):
            top = i // self.columns * (self.panel[0] + self.bar)
            left = i % self.columns * self.panel[1]
            inside = picture[top + self.bar : top + self.bar + self.panel[0], left : left + self.panel[1]]
            inside[:] = (255 * np.clip(self._panel(kind, planes, colours), 0, 1)).round().astype(np.uint8)
            if i == 0:
                self._draw_scale_bar(inside)
            right = self._time_words(frame.time) if i == 0 else ""
            header = picture[top : top + self.bar, left : left + self.panel[1]]
            _write_header(header, title, right, self.text_px, self.legend if kind in ("classes", "overlay") else ())
        return picture

    def _fit(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a plane at the size of a panel; frames of another size keep their scale and are cut or filled."""
        import cv2

        rows, columns = (max(1, round(n * self.scale)) for n in plane.shape[:2])
        if plane.shape[:2] == self.shape:
            rows, columns = self.panel
        way = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_NEAREST
        small = np.asarray(cv2.resize(plane, (columns, rows), interpolation=way), dtype=np.float32)
        if small.shape[:2] == self.panel:
            return small
        fitted = np.zeros((*self.panel, *small.shape[2:]), np.float32)
        part = small[: self.panel[0], : self.panel[1]]
        fitted[: part.shape[0], : part.shape[1]] = part
        return fitted

    def _panel(self, kind: str, planes: _Planes, colours: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Return a panel, (Y, X, 3), 0 to 1."""
        black = np.zeros((*self.panel, 3), np.float32)
        if kind == "classes":
            return black if colours is None else colours
        if kind in ("brightfield", "gradient", "overlay"):
            grey = planes.get("gradient" if kind == "gradient" else "brightfield")
            shown = black if grey is None else np.repeat(grey[:, :, None], 3, axis=2)
            if kind != "overlay" or colours is None:
                return shown
            painted = colours.max(axis=2, keepdims=True) > 0
            return np.asarray(np.where(painted, (1 - _TINT) * shown + _TINT * colours, shown), dtype=np.float32)
        dark = black
        if kind == "composite" and "brightfield" in planes:
            dark = np.repeat(np.float32(0.7) * planes["brightfield"][:, :, None], 3, axis=2)
        for role, (_, colour) in _STAINS.items():  # light over light: neither hides the other
            if role in planes:
                dark = 1 - (1 - dark) * (1 - planes[role][:, :, None] * colour)
        return np.asarray(dark, dtype=np.float32)

    def _time_words(self, time: float) -> str:
        return f"frame {time:g}" if self.time_unit == "frame" else f"{time:.1f} {self.time_unit}"

    def _draw_scale_bar(self, picture: NDArray[np.uint8]) -> None:
        """Draw a bar of a round length, about a fifth of the panel, with its length over it, into the picture."""
        if self.pixel_size is None:
            return
        per_pixel = self.pixel_size.x / self.scale
        most = 0.25 * self.panel[1] * per_pixel
        power = 10.0 ** math.floor(math.log10(most))
        length = next(factor * power for factor in (5, 2, 1) if factor * power <= most)
        n = max(1, round(length / per_pixel))
        height, edge = max(2, self.text_px // 4), self.text_px // 2
        bottom, left = self.panel[0] - edge, edge
        text = _text(f"{length:g} {_UNITS[self.pixel_size.unit]}", self.text_px)
        if bottom - height - text.shape[0] - 2 < 0 or left + max(n, text.shape[1]) > self.panel[1]:
            return
        picture[bottom - height - 1 : bottom + 1, left - 1 : left + n + 1] = 0
        picture[bottom - height : bottom, left : left + n] = 255
        _stamp(picture, text, bottom - height - text.shape[0] - 2, left, shadow=True)


def _planes(frame: VideoFrame) -> _Planes:
    """Return what a frame shows, as float32, with the gradient of the brightfield."""
    import cv2

    found: _Planes = {}
    for role in ("brightfield", "live", "dead"):
        plane = getattr(frame, role)
        if plane is not None:
            found[role] = np.ascontiguousarray(check_image(plane), dtype=np.float32)
    if "brightfield" in found and len(found) > 1:
        dx, dy = (cv2.Sobel(found["brightfield"], cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
        found["gradient"] = np.asarray(cv2.magnitude(dx, dy), dtype=np.float32)
    return found


def _thinned(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    step = max(1, int(np.sqrt(plane.size / 100_000)))
    return plane[::step, ::step].ravel()


def _limits(role: str, values: NDArray[np.float32]) -> tuple[float, float]:
    """Return what becomes black and white; a stain's black is its background, and noise alone is never white."""
    if role == "brightfield":
        low, high = np.percentile(values, (0.3, 99.7)).tolist()
    else:
        lowest, low, high = np.percentile(values, (2.5, 20, 99.8)).tolist()
        if role == "gradient":
            low = 0.0
        else:
            high = max(high, low + _NOISE * (low - lowest) / 1.12)  # the 2.5th lies 1.12 sigma under the 20th
    return (low, high) if high > low else (low, low + 1.0)


@cache
def _font(px: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(px)


@cache
def _text(words: str, px: int) -> NDArray[np.uint8]:
    """Return words as a picture of how much of each pixel is ink, 0 to 255."""
    from PIL import Image, ImageDraw

    font = _font(px)
    wide = math.ceil(font.getlength(words.replace("µ", "u"))) + 2
    picture = Image.new("L", (max(1, wide), px + px // 3), 0)
    pen = ImageDraw.Draw(picture)
    pen.text((0, 0), words.replace("µ", "u"), fill=255, font=font)
    for i, letter in enumerate(words):
        if letter == "µ":  # the font that comes with Pillow has none: a u with a tail
            left, foot = font.getlength(words[:i].replace("µ", "u")) + px / 12, font.getbbox("u")[3] - 1
            pen.rectangle((left, foot - px // 4, left + max(1, px // 12) - 1, foot + px // 4), fill=255)
    return np.asarray(picture)


def _stamp(
    picture: NDArray[np.uint8],
    ink: NDArray[np.uint8],
    top: int,
    left: int,
    *,
    colour: tuple[int, int, int] = (255, 255, 255),
    shadow: bool = False,
) -> None:
    """Write ink into a picture, cut where it does not fit."""
    for offset, shade in ((1, (0, 0, 0)), (0, colour)) if shadow else ((0, colour),):
        y, x = max(0, top + offset), max(0, left + offset)
        there = picture[y : y + ink.shape[0], x : x + ink.shape[1]]
        share = ink[: there.shape[0], : there.shape[1], None].astype(np.float32) / np.float32(255)
        mixed = there.astype(np.float32) * (1 - share) + np.array(shade, np.float32) * share
        there[:] = mixed.round().astype(np.uint8)


def _write_header(header: NDArray[np.uint8], title: str, right: str, px: int, legend: Sequence[PixelClass]) -> None:
    """Write a panel's title, its time at the right end, and its legend as far as there is room."""
    end = header.shape[1] - px // 2
    if right:
        ink = _text(right, px)
        end -= ink.shape[1]
        _stamp(header, ink, 4, end)
        end -= px // 2
    x = px // 2
    ink = _text(title, px)[:, : max(0, end - x)]
    _stamp(header, ink, 4, x, colour=(205, 211, 217))
    x += ink.shape[1] + px
    for one in legend:
        ink = _text(one.name, px)
        if x + px + ink.shape[1] > end:
            break
        colour = tuple(bytes.fromhex(one.colour[1:]))
        header[4 + px // 4 : 4 + px, x : x + px * 3 // 4] = colour
        _stamp(header, ink, 4, x + px, colour=(205, 211, 217))
        x += 2 * px + ink.shape[1]
