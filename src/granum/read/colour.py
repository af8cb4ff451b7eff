"""What happens to the samples of a pixel: grey written as RGB, alpha, true colour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import ReadError
from granum.image import Image, PixelSize

__all__ = ["RGB", "image_of_samples"]

RGB = ("red", "green", "blue")
_AT_ONCE = 4 * 2**20  # pixels that are compared in one piece: a whole picture would need as much memory again


def image_of_samples(
    load: Callable[[int], NDArray[Any]],
    path: Path,
    *,
    n_frames: int = 1,
    notes: list[str],
    tolerance: int = 0,
    pixel_size: PixelSize | None = None,
    frame_times_s: tuple[float, ...] | None = None,
    format: str,
    metadata: dict[str, Any] | None = None,
) -> Image:
    """Return an `Image` of frames whose pixels hold 1 to 4 samples (grey, grey-alpha, RGB, RGBA).

    Parameters
    ----------
    load : callable
        ``load(t)`` returns frame t as (Y, X) or (Y, X, S).
    path : Path
        Named in errors.
    n_frames : int
        Number of frames; the first one decides whether the file is grey.
    notes : list of str
        Extended by what was changed.
    tolerance : int
        Largest difference between the channels of a pixel that still counts as grey (JPEG rounds colours).
    pixel_size, frame_times_s, format, metadata
        Handed on to `Image`.

    Returns
    -------
    image : Image
        One channel when it is grey, else red, green and blue with ``colour=True``.
    """
    first = load(0)
    if first.ndim not in (2, 3) or (first.ndim == 3 and not 1 <= first.shape[2] <= 4):
        raise ReadError(f"{path}: holds pixels of shape {first.shape}, granum reads 1 to 4 samples per pixel.")
    samples = 1 if first.ndim == 2 else first.shape[2]
    if samples in (2, 4):
        alpha = first[..., -1]
        if alpha.min() != alpha.max():
            notes.append("The alpha (transparency) channel is not constant; it was dropped, the colours are as stored.")
    true_colour = samples >= 3 and not is_grey(first, tolerance)
    if samples >= 3 and not true_colour:
        notes.append("Stored as RGB but grey throughout; read as one grey channel.")

    def read_plane(t: int, c: int, z: int) -> NDArray[Any]:
        frame = load(t) if t else first_again()
        if frame.ndim == 2:
            return frame
        if true_colour:
            return frame[..., c]
        if samples >= 3 and t and not is_grey(frame, tolerance):
            raise ReadError(
                f"{path}: frame {t} is in colour while frame 0 is grey; convert the file to one or the other."
            )
        # the middle channel of a nearly grey JPEG carries most of its brightness
        return frame[..., 1 if samples >= 3 else 0]

    remembered: list[NDArray[Any]] = [first]

    def first_again() -> NDArray[Any]:
        # pixels decoded to look at the colours are handed out once, then let go
        return remembered.pop() if remembered else load(0)

    y, x = first.shape[:2]
    return Image(
        (n_frames, 3 if true_colour else 1, 1, y, x),
        first.dtype,
        read_plane,
        pixel_size,
        RGB if true_colour else (),
        frame_times_s,
        path,
        format,
        true_colour,
        tuple(notes),
        metadata or {},
    )


def is_grey(samples: NDArray[Any], tolerance: int = 0) -> bool:
    """Whether red, green and blue of every pixel agree within `tolerance`."""
    n_rows = max(1, _AT_ONCE // max(samples.shape[1], 1))
    for y in range(0, samples.shape[0], n_rows):  # a coloured picture is known by its first rows
        red, green, blue = (samples[y : y + n_rows, :, i] for i in range(3))
        for a, b in ((red, green), (green, blue), (red, blue)):
            if tolerance == 0:
                if not np.array_equal(a, b):
                    return False
            elif (np.maximum(a, b) - np.minimum(a, b)).max() > tolerance:
                return False
    return True
