"""What a file says about its image, as plain JSON that is kept in `images/<id>.json`, and the entry that is made of it.

The facts belong to the bytes of the file alone. What the user typed (pixel size, interval) is laid over them when an
entry is made, so that a change counts for all images at once.
"""

from __future__ import annotations

import re
from typing import Any

from granum import __version__
from granum.app.messages import ChannelInfo, ImageEntry, PixelSizeInfo
from granum.app.plane_values import ValueMap
from granum.app.tiles import count_levels
from granum.image import Image, PixelSize

__all__ = [
    "FACTS",
    "channel_colour",
    "channel_names",
    "facts_are_current",
    "facts_are_whole",
    "fill_entry",
    "header_facts",
    "value_maps",
]

FACTS = 2
"""Version of the facts; older ones are read from the file again."""
_TINTS = ("#00ff00", "#ff00ff", "#00ffff", "#ffff00", "#ff7f00", "#7f7fff")
_STAINS = {
    "dapi": "#7f7fff",
    "hoechst": "#7f7fff",
    "gfp": "#00ff00",
    "fitc": "#00ff00",
    "cy3": "#ff7f00",
    "cy5": "#ff00ff",
}
_PRIMARIES = ("#ff0000", "#00ff00", "#0000ff")


def header_facts(image: Image) -> dict[str, Any]:
    """Return what the header of an image says; the channels are filled in by who has seen the pixels."""
    t, _, z, y, x = image.shape
    size = image.pixel_size
    return {
        "facts": FACTS,
        "granum": __version__,
        "format": _clean(image.format),
        "dtype": image.dtype.name,
        "n_frames": t,
        "n_z": z,
        "height": y,
        "width": x,
        "colour": image.colour,
        "pixel_size": None if size is None else {"y": size.y, "x": size.x, "unit": size.unit, "source": size.source},
        "frame_times_s": None if image.frame_times_s is None else [float(one) for one in image.frame_times_s],
        "notes": [_clean(note) for note in image.notes],
        "channels": [],
    }


def facts_are_current(facts: Any) -> bool:
    """Whether facts were written by this granum; readers learn, so those of another one are read again."""
    return isinstance(facts, dict) and facts.get("facts") == FACTS and facts.get("granum") == __version__


def facts_are_whole(facts: Any) -> bool:
    """Whether an entry can be made of facts that somebody may have edited."""
    blank = ImageEntry(id="x", name="", size_bytes=0, uploaded=False, status="ready")
    try:
        return facts_are_current(facts) and len(value_maps(facts)) > 0 and bool(fill_entry(blank, facts, None, None))
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def channel_names(image: Image) -> list[str]:
    """Return a name for every channel."""
    n = image.shape[1]
    if image.channel_names:
        return [_clean(name) or f"channel {i}" for i, name in enumerate(image.channel_names)]
    return ["grey"] if n == 1 else [f"channel {i}" for i in range(n)]


def channel_colour(name: str, index: int, n: int, *, colour: bool) -> str:
    """Return the tint in which a channel is shown first."""
    if colour:
        return _PRIMARIES[index]
    if n == 1:
        return "#ffffff"
    folded = name.casefold()
    return next((tint for stain, tint in _STAINS.items() if stain in folded), _TINTS[index % len(_TINTS)])


def value_maps(facts: dict[str, Any]) -> list[ValueMap]:
    """Return how each channel's grey levels become tile values."""
    return [ValueMap(one["value_scale"], one["value_offset"], one["kept"], one["exact"]) for one in facts["channels"]]


def fill_entry(
    entry: ImageEntry, facts: dict[str, Any], pixel_size: str | None, interval_s: float | None
) -> ImageEntry:
    """Return an entry with what the file says and what the user typed.

    Raises
    ------
    ValueError
        When the facts are damaged (`KeyError`, `TypeError` and pydantic's errors, too).
    """
    shape = (int(facts["height"]), int(facts["width"]))
    notes = list(facts["notes"])
    size = None if facts["pixel_size"] is None else PixelSizeInfo.model_validate(facts["pixel_size"])
    if pixel_size is not None:
        typed = PixelSize.parse(pixel_size)
        stated = None if size is None else PixelSize(size.y, size.x, size.unit, size.source)
        if stated is not None and abs(stated.nm[1] - typed.nm[1]) > 0.01 * typed.nm[1]:
            notes.append(f"The typed pixel size {typed} replaces {stated}.")
        size = PixelSizeInfo(y=typed.y, x=typed.x, unit=typed.unit, source="typed")
    n_frames = int(facts["n_frames"])
    times = facts["frame_times_s"]
    if interval_s is not None and n_frames > 1:
        times = [interval_s * frame for frame in range(n_frames)]
    channels = [{key: value for key, value in one.items() if key not in ("kept", "exact")} for one in facts["channels"]]
    return ImageEntry.model_validate(
        {
            **entry.model_dump(),
            "format": facts["format"],
            "dtype": facts["dtype"],
            "n_frames": n_frames,
            "n_z": facts["n_z"],
            "height": shape[0],
            "width": shape[1],
            "n_levels": count_levels(shape),
            "channels": [ChannelInfo.model_validate(one) for one in channels],
            "colour": facts["colour"],
            "pixel_size": size,
            "frame_times_s": times,
            "notes": [*notes, *entry.notes],
        }
    )


def _clean(text: str) -> str:
    """Return text without control characters and halves of letters, which JSON and pages cannot carry."""
    plain = text.encode("utf-8", errors="replace").decode("utf-8")
    return re.sub(r"[\x00-\x1f\x7f]+", " ", plain).strip()[:1000]
