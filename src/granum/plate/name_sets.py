"""Names of all images of an assay together: what one name leaves open, the others often decide."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from granum.plate.well_names import FOLDER_TIME, ImageName, parse_image_name, read_words

__all__ = ["collect_times", "parse_image_names"]


def parse_image_names(files: Sequence[str], *, pattern: str | None = None) -> tuple[list[ImageName], list[str]]:
    """Read the names of all images of an assay.

    Parameters
    ----------
    files : sequence of str
        Names, better with their folders.
    pattern : str, optional
        As in `parse_image_name`.

    Returns
    -------
    names : list of ImageName
        In the order of `files`.
    notes : list of str
        What the user must know: names that hold no well, folders or first words that were taken as plates.

    Notes
    -----
    "exp_C03" alone may be a third channel: it counts as a well when other names have other letters at the same place,
    or numbers that channels do not reach. Where two images would be the same well, field, time and channel, the
    folder in which they differ is the plate, or else the words before the well.

    Examples
    --------
    >>> names, notes = parse_image_names(["exp_C03.tif", "exp_B03.tif", "exp_C04.tif"])
    >>> [name.well for name in names], notes
    (['C03', 'B03', 'C04'], [])
    """
    names = [parse_image_name(file, pattern=pattern) for file in files]
    notes: list[str] = []
    if pattern is None:
        names = _decide_likely_wells(files, names)
        names, told = _find_plates(files, names)
        notes += told
    # a pattern may leave wells out on purpose: "Scratch{time}" fits, and one dish has no wells
    wells = pattern is None or re.search(r"\{\s*(well|row)\s*\}", pattern, re.IGNORECASE) is not None
    lost = [file for file, name in zip(files, names, strict=True) if not (name.well if wells else name.convention)]
    if lost and (len(lost) < len(files) or pattern is not None):
        what = f"do not fit {pattern!r}" if pattern is not None else "hold no well"
        notes.append(f"{len(lost)} of {len(files)} names {what}, as {lost[0]}; these images count for no well.")
    return names, notes


def _decide_likely_wells(files: Sequence[str], names: list[ImageName]) -> list[ImageName]:
    """Take words such as C03 as wells where the other names show that this place holds wells."""
    read = [read_words(file) for file in files]
    seen: dict[tuple[int, int], set[str]] = defaultdict(set)
    for one in read:
        if one is not None and (well := one.likely or one.name.well) and one.slot[0] >= 0:
            seen[one.slot].add(well)
    result = []
    for name, one in zip(names, read, strict=True):
        if one is not None and one.likely and not name.well:
            there = seen[one.slot]
            letters = {well[0] for well in there}
            beyond = {well for well in there if well[0] in "CW" and int(well[1:]) > 5}
            if len(letters) > 1 or beyond:
                name = replace(name, well=one.likely, convention="words")
        result.append(name)
    return result


def _find_plates(files: Sequence[str], names: list[ImageName]) -> tuple[list[ImageName], list[str]]:
    """Tell plates apart by folders or first words where images would else be the same."""
    if _most_alike(files, names) < 2:
        return names, []
    parents = [[p for p in re.split(r"[/\\]", file)[:-1] if p and not FOLDER_TIME.fullmatch(p)] for file in files]
    common = 0
    while all(len(p) > common for p in parents) and len({p[common] for p in parents}) == 1:
        common += 1
    folders = ["/".join(p[common : common + 1]) for p in parents]
    words = [one.before.strip("_ -") if (one := read_words(file)) is not None else "" for file in files]
    for what, marks in (("folders", folders), ("words before the well", words)):
        if len(set(marks)) < 2:
            continue
        tried = [
            replace(name, plate="/".join(p for p in (name.plate, mark) if p)) if name.well else name
            for name, mark in zip(names, marks, strict=True)
        ]
        if _most_alike(files, tried) == 1:
            plates = sorted({name.plate for name in tried if name.well})
            return tried, [f"The same wells come again: the {what} are taken as plates ({', '.join(plates[:6])})."]
    return names, []


def _most_alike(files: Sequence[str], names: Sequence[ImageName]) -> int:
    """Return how many files claim to be the same image."""
    different = dict(zip(files, names, strict=True))
    keys = Counter((n.plate, n.well, n.field, n.time, n.channel) for n in different.values() if n.well)
    return max(keys.values(), default=0)


def collect_times(
    names: Sequence[ImageName], frames: Sequence[int], seconds: Sequence[float | None] = ()
) -> tuple[list[float], str, list[str]]:
    """Return the time of each image, the unit of all of them, and notes.

    Parameters
    ----------
    names : sequence of ImageName
        One per image and frame.
    frames : sequence of int
        Frame in its file, from 0.
    seconds : sequence of float or None
        Time of the frame as its file or the user tells it; () where nothing is known.

    Returns
    -------
    times : list of float
        In hours (dates since the first one of all), or numbers of frames; NaN where an image alone tells none.
    unit : {"h", "frame"}
    notes : list of str
        Where images do not tell their times alike.

    Notes
    -----
    A time in the name goes before a time in the file; files with several frames add their frame's time. Numbers of time
    points are counted from 0, whatever the first name says. Hours and numbers are never mixed: when a part of the
    images tells no hours, all are counted in frames where that is possible, and it is said.
    """
    given = list(seconds) or [None] * len(names)
    dates = [name.time for name in names if name.time_unit == "date" and name.time is not None]
    hours: list[float | None] = []
    counts: list[float | None] = []
    first = min((n.time for n in names if n.time is not None and n.time_unit == ""), default=0.0)
    for name, frame, second in zip(names, frames, given, strict=True):
        own = None if second is None else second / 3600
        if name.time is None:
            hours.append(own)
            counts.append(float(frame))
        elif name.time_unit == "":
            # the name counts time points: only the file can tell the hours
            hours.append(own if frame == 0 else None)
            counts.append(name.time - first + frame)
        else:
            zero = min(dates) if name.time_unit == "date" else 0.0
            hours.append(name.time - zero + (own or 0.0 if frame else 0.0))
            counts.append(None)
    if hours and all(time is not None for time in hours) and _orders_alike(hours, counts):
        return [float(time or 0.0) for time in hours], "h", []
    if all(count is not None for count in counts):
        told = sum(time is not None for time in hours)
        notes = [f"{told} of {len(names)} images tell their hours, the others do not: times are numbers of frames."]
        return [float(count or 0.0) for count in counts], "frame", notes if told else []
    lost = sum(time is None for time in hours)
    return (
        [math.nan if time is None else time for time in hours],
        "h",
        [f"{lost} of {len(names)} images tell no time; they stand in no curve."],
    )


def _orders_alike(hours: Sequence[float | None], counts: Sequence[float | None]) -> bool:
    """Tell whether hours of files grow with the numbers of time points in names (files may all say 0)."""
    by_count: dict[float, float] = {}
    for hour, count in zip(hours, counts, strict=True):
        if hour is not None and count is not None:
            by_count.setdefault(count, hour)
    ordered = [by_count[count] for count in sorted(by_count)]
    return all(a < b for a, b in pairwise(ordered))
