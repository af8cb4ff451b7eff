"""`Image`: pixels with axes, pixel size and where everything came from.

It appears only at the edges (`read`, `pipeline`, `report`); stage functions take and return plain arrays.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import SettingError, ShapeError

__all__ = ["Image", "PixelSize"]

Unit = Literal["nm", "um", "mm"]
Provenance = Literal["file", "typed", "scale bar"]

NM_PER_UNIT: dict[str, float] = {"nm": 1.0, "um": 1e3, "mm": 1e6}
_NM_PER_WORD: dict[str, float] = {
    "pm": 1e-3, "å": 0.1, "a": 0.1, "ang": 0.1, "angstrom": 0.1, "angstroms": 0.1, "nm": 1.0, "nanometer": 1.0,
    "nanometers": 1.0, "nanometre": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "micron": 1e3, "microns": 1e3,
    "micrometer": 1e3, "micrometers": 1e3, "micrometre": 1e3, "mm": 1e6, "cm": 1e7, "m": 1e9,
}  # fmt: skip
_SMALLEST_NM, _LARGEST_NM = 1e-4, 1e9  # no picture of a laboratory goes beyond: a slip of the pen


@dataclass(frozen=True)
class PixelSize:
    """How much of the specimen one pixel covers.

    Parameters
    ----------
    y, x : float
        Height and width of a pixel in `unit`; positive and finite.
    unit : {"nm", "um", "mm"}
        Unit in which tables and reports are written; it becomes the suffix of column names.
    source : {"file", "typed", "scale bar"}
        Where the value came from. granum never guesses one.
    """

    y: float
    x: float
    unit: Unit
    source: Provenance

    def __post_init__(self) -> None:
        if self.unit not in NM_PER_UNIT:
            raise SettingError(f"pixel size: unit {self.unit!r} is not one of nm, um, mm.")
        for name in ("y", "x"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise SettingError(f"pixel size: {name} is {value!r} {self.unit}, must be a positive number.")

    @classmethod
    def of(cls, y: float, x: float, word: str, *, source: Provenance) -> PixelSize:
        """Return the size `y` by `x` given in any unit word (pm, Å, nm, µm, mm, cm, m), in the fitting unit.

        Raises
        ------
        SettingError
            When the unit is not a length, or the size is not positive.
        """
        scale = _NM_PER_WORD.get(word.strip().lower())
        if scale is None:
            raise SettingError(f"pixel size: unit {word!r} is not a length; use pm, Å, nm, um, mm or m.")
        y_nm = y * scale
        plain = word.strip().lower()
        if plain in ("mm", "cm"):
            unit: Unit = "mm"
        elif scale == 1e3:
            unit = "um"
        elif scale < 1e3:
            unit = "nm"
        else:  # metres say nothing about the scale of the picture
            unit = "nm" if y_nm < 100 else "um"
        # one rounding at most: converting through nm would turn 0.87 um into 0.8700000000000001 um
        factor = scale / NM_PER_UNIT[unit]
        return cls(y * factor, x * factor, unit, source)

    @classmethod
    def parse(cls, text: str, *, source: Provenance = "typed") -> PixelSize:
        """Return the size written as "0.5 nm", "0.325 µm", "2 Å/px" or "0.5 x 0.6 nm" (height x width).

        Raises
        ------
        SettingError
            When the text is not a positive number with a unit of length, or is absurdly small or large.
        """
        number = r"([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
        match = re.fullmatch(rf"\s*{number}(?:\s*[x×]\s*{number})?\s*([^\W\d_]+)\s*(?:/\s*(?:px|pixel))?\s*", text)
        if match is None:
            raise SettingError(f"pixel size: {text!r} is not a size; write a number and a unit, as in '0.5 nm'.")
        y = float(match[1])
        size = cls.of(y, float(match[2]) if match[2] else y, match[3], source=source)
        if not all(_SMALLEST_NM <= side <= _LARGEST_NM for side in size.nm):
            raise SettingError(f"pixel size: {text!r} is no pixel of a picture; sizes go from 0.1 pm to 1 m.")
        return size

    @property
    def nm(self) -> tuple[float, float]:
        """Height and width of a pixel in nanometres."""
        scale = NM_PER_UNIT[self.unit]
        return self.y * scale, self.x * scale

    @property
    def is_square(self) -> bool:
        """Whether height and width agree within 0.1 %."""
        return abs(self.y - self.x) <= 1e-3 * max(self.y, self.x)

    @property
    def mean(self) -> float:
        """Side of the square pixel of the same area, in `unit`."""
        return math.sqrt(self.y * self.x)

    def __str__(self) -> str:
        size = f"{self.x:.6g}" if self.is_square else f"{self.y:.6g} x {self.x:.6g}"
        return f"{size} {self.unit} ({'from the file' if self.source == 'file' else self.source})"


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels on the axes T, C, Z, Y, X, read plane by plane, with what the file says about them.

    Parameters
    ----------
    shape : tuple of int
        Sizes (T, C, Z, Y, X), each at least 1.
    dtype : numpy.dtype
        Type of the pixels.
    read_plane : callable
        ``read_plane(t, c, z)`` returns one (Y, X) array.
    pixel_size : PixelSize or None
        None when unknown.
    channel_names : tuple of str
        One name per channel; empty when the file gives none.
    frame_times_s : tuple of float or None
        Time of each frame in seconds.
    source : Path or None
        The file, or None for an array.
    format : str
        Short name of the file format ("TIFF", "DM4", "array").
    colour : bool
        True when the channels are the red, green and blue of a true colour picture.
    notes : tuple of str
        What the user must know about the reading (a doubtful pixel size, RGB turned to grey), one sentence each.
    metadata : dict
        What else the file says, JSON types only.
    read_rows : callable or None
        ``read_rows(t, c, z, y0, y1)`` returns rows of a plane without reading the rest; None where the file does not
        allow that. Whoever replaces `read_plane` replaces this too.
    """

    shape: tuple[int, int, int, int, int]
    dtype: np.dtype[Any]
    read_plane: Callable[[int, int, int], NDArray[Any]]
    pixel_size: PixelSize | None = None
    channel_names: tuple[str, ...] = ()
    frame_times_s: tuple[float, ...] | None = None
    source: Path | None = None
    format: str = "array"
    colour: bool = False
    notes: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    read_rows: Callable[[int, int, int, int, int], NDArray[Any]] | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 5 or min(self.shape) < 1:
            raise ShapeError(f"image: shape {self.shape} is not (T, C, Z, Y, X) with at least one pixel.")
        if self.channel_names and len(self.channel_names) != self.shape[1]:
            raise ShapeError(f"image: {len(self.channel_names)} channel names for {self.shape[1]} channels.")

    @classmethod
    def from_array(
        cls, array: ArrayLike, *, axes: str | None = None, pixel_size: PixelSize | str | None = None, **about: Any
    ) -> Image:
        """Return an `Image` around an array.

        Parameters
        ----------
        array : array_like
            The pixels.
        axes : str, optional
            One letter of TCZYX per axis, in any order; by default the last letters of "TYX".
        pixel_size : PixelSize or str, optional
            The size, or a text such as "0.5 nm".
        **about
            Other fields of `Image` (`channel_names`, `source`, ...).

        Raises
        ------
        ShapeError
            When the axes do not fit the array.
        """
        pixels = np.asarray(array)
        axes = "TYX"[-pixels.ndim :] if axes is None and pixels.ndim in (2, 3) else axes
        if axes is None or len(axes) != pixels.ndim or len(set(axes)) != len(axes) or not set("YX") <= set(axes):
            raise ShapeError(f"image: shape {pixels.shape} does not fit the axes {axes!r}; give one of TCZYX per axis.")
        if not set(axes) <= set("TCZYX"):
            raise ShapeError(f"image: axes {axes!r} may only hold the letters T, C, Z, Y, X.")
        order = [axes.index(letter) for letter in "TCZYX" if letter in axes]
        pixels = pixels.transpose(order)
        pixels = pixels[tuple(slice(None) if letter in axes else None for letter in "TCZYX")]
        size = PixelSize.parse(pixel_size) if isinstance(pixel_size, str) else pixel_size
        t, c, z, y, x = pixels.shape
        return cls((t, c, z, y, x), pixels.dtype, lambda t, c, z: pixels[t, c, z], size, **about)

    @property
    def n_frames(self) -> int:
        """Number of time points."""
        return self.shape[0]

    def channel_index(self, channel: int | str | None) -> int:
        """Return the index of a channel given by index, by name, or by None where there is only one.

        Raises
        ------
        SettingError
            When the choice is missing or does not exist; the message lists the channels.
        """
        n = self.shape[1]
        names = self.channel_names or tuple(str(i) for i in range(n))
        listed = ", ".join(f"{i} ({name})" if name != str(i) else str(i) for i, name in enumerate(names))
        where = self.source.name if self.source else "image"
        if channel is None:
            if n == 1:
                return 0
            kind = "is true colour" if self.colour else f"has {n} channels"
            raise SettingError(f"{where}: {kind}; choose one of {listed}, as in --channel image=0.")
        if isinstance(channel, str):
            if channel in names:
                return names.index(channel)
            folded = [name.casefold() for name in names]
            if folded.count(channel.casefold()) == 1:
                return folded.index(channel.casefold())
            if not channel.isdecimal():
                raise SettingError(f"{where}: no channel {channel!r}; it has {listed}.")
        index = int(channel)
        if not 0 <= index < n:
            raise SettingError(f"{where}: no channel {index}; it has {listed}.")
        return index

    def plane(self, *, frame: int = 0, channel: int | str | None = None, z: int | None = None) -> NDArray[Any]:
        """Return one (Y, X) plane.

        Raises
        ------
        SettingError
            When a channel or a z plane must be chosen, or does not exist.
        """
        where = self.source.name if self.source else "image"
        t, _, depth, _, _ = self.shape
        if not 0 <= frame < t:
            raise SettingError(f"{where}: no frame {frame}; it has {t}, counted from 0.")
        if z is None and depth > 1:
            raise SettingError(f"{where}: has {depth} z planes; choose one, as in --z 0.")
        if not 0 <= (z or 0) < depth:
            raise SettingError(f"{where}: no z plane {z}; it has {depth}, counted from 0.")
        return self.read_plane(frame, self.channel_index(channel), z or 0)

    def series(self, *, channel: int | str | None = None, z: int | None = None) -> NDArray[Any]:
        """Return all frames of one channel as (T, Y, X)."""
        return np.stack([self.plane(frame=t, channel=channel, z=z) for t in range(self.shape[0])])

    def with_pixel_size(self, pixel_size: PixelSize | str | None) -> Image:
        """Return the same image with another pixel size; a text such as "0.5 nm" counts as typed."""
        return replace(self, pixel_size=PixelSize.parse(pixel_size) if isinstance(pixel_size, str) else pixel_size)
