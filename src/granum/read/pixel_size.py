"""One rule for every pixel size that a file states: believe it, doubt it aloud, or drop it aloud."""

from __future__ import annotations

import math

from granum.errors import SettingError
from granum.image import PixelSize

__all__ = ["pixel_size_from_file"]

SMALLEST_NM = 1e-4  # 0.1 pm: no microscope samples finer
_SPELT_OUT = {"meter": "m", "metre": "m", "centimeter": "cm", "millimeter": "mm", "picometer": "pm", "in": "inch"}
LARGEST_NM = 1e6  # 1 mm: coarser is a print resolution or a unit mix-up


def pixel_size_from_file(y: object, x: object, unit: object, notes: list[str], *, where: str) -> PixelSize | None:
    """Return the pixel size that a file states, or None, adding a note on what is wrong with it.

    Parameters
    ----------
    y, x : number
        Height and width of a pixel as stored.
    unit : str
        Unit word as stored.
    notes : list of str
        Extended by one sentence where the value is doubtful or useless.
    where : str
        What stated it ("the MRC header"), for the note.

    Returns
    -------
    size : PixelSize or None
        None when the value is missing, not positive, not a length, or absurd (below 0.1 pm, above 1 mm).
    """
    try:
        height, width = float(str(y)), float(str(x))
    except (TypeError, ValueError):
        notes.append(f"The pixel size in {where} is not a number and was dropped.")
        return None
    if not (math.isfinite(height) and math.isfinite(width) and height > 0 and width > 0):
        notes.append(f"The pixel size in {where} is {height:g} x {width:g} {unit}, not positive, and was dropped.")
        return None
    word = str(unit).strip().strip("\x00").replace("\\u00B5", "µ").replace("\\u00b5", "µ")
    word = _SPELT_OUT.get(word.lower(), word)
    try:
        size = PixelSize.of(height, width, word, source="file")
    except SettingError:
        notes.append(f"The pixel size in {where} is in {word or 'no unit'!r}, which is not a length, and was dropped.")
        return None
    if not all(SMALLEST_NM <= side <= LARGEST_NM for side in size.nm):
        notes.append(f"The pixel size in {where} is {height:g} x {width:g} {word}, not believable, and was dropped.")
        return None
    if not size.is_square:
        notes.append(
            f"The pixels are not square: {size.y:g} {size.unit} high and {size.x:g} {size.unit} wide in {where};"
            " check it, some cameras write this wrongly."
        )
    return size
