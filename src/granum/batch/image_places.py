"""Which well, field and time each frame of a batch shows: from names, files and what was typed, told for all together.

Two images can not be the same field at the same time. Where names would have it so, every file counts as a field of its
own, and it is said: a wrong series would link strangers.
"""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from granum.batch.item import SourceFacts
from granum.errors import SettingError

__all__ = ["ImagePlace", "Places", "check_names", "find_places"]


@dataclass(frozen=True)
class ImagePlace:
    """Where and when one frame was taken; "" where nothing says so. `time` is NaN where it is not known."""

    plate: str
    well: str
    field: str
    time: float

    @property
    def series(self) -> tuple[str, str, str]:
        """Plate, well and field: frames that have them in common show the same cells."""
        return self.plate, self.well, self.field


@dataclass(frozen=True)
class Places:
    """The place of every frame, in order, the unit of their times ("h" or "frame"), and what the user must know."""

    places: tuple[ImagePlace, ...]
    time_unit: str
    notes: tuple[str, ...]


def check_names(paths: Sequence[Path], pattern: str | None) -> None:
    """Make sure that a typed pattern fits at least one name, before anything runs.

    Raises
    ------
    SettingError
        It cannot be used, or fits none.
    """
    from granum.plate.well_names import parse_image_name

    if pattern is None:
        return
    if not any(parse_image_name(file, pattern=pattern).convention for file in _with_folders(paths, pattern)):
        raise SettingError(
            f"names {pattern!r}: fits none of the {len(paths)} files, as {paths[0].name}; "
            "* stands for any text, as in '{well}_f{field}_t{time}_*'."
        )


def _with_folders(paths: Sequence[Path], pattern: str | None) -> list[str]:
    """Return the names with as many folders as tell them apart, one at least: no more of where they lie on a disk."""
    every = [path.absolute() for path in paths]
    common = len(Path(os.path.commonpath([path.parent for path in every])).parts)
    least = max(1, 0 if pattern is None else pattern.replace("\\", "/").count("/"))
    depths = [max(least, len(path.parts) - 1 - common) for path in every]
    return ["/".join(path.parts[1:][-1 - depth :]) for path, depth in zip(every, depths, strict=True)]


def find_places(
    frames: Sequence[tuple[SourceFacts, int]], *, names: str | None = None, interval_s: float | None = None
) -> Places:
    """Return where and when each frame was taken.

    Parameters
    ----------
    frames : sequence of (SourceFacts, int)
        Source and frame.
    names : str, optional
        Pattern of the names.
    interval_s : float, optional
        Typed; between the frames of a file, or the files of a series that are numbered in their names.
    """
    from granum.plate.name_sets import collect_times, parse_image_names

    sources = list({facts.source.stem: facts for facts, _ in frames}.values())
    parsed, notes = parse_image_names(_with_folders([facts.source.path for facts in sources], names), pattern=names)
    name_of = {facts.source.stem: name for facts, name in zip(sources, parsed, strict=True)}
    numbers = [name.time for name in parsed if name.time is not None and not name.time_unit]
    first = min(numbers, default=0.0)
    seconds: list[float | None] = []
    standing = [facts.source.file for facts in sources if not _times_grow(facts)]
    for facts, frame in frames:
        name = name_of[facts.source.stem]
        if facts.source.file in standing:
            seconds.append(None)
        elif facts.n_frames == 1 and interval_s is not None and name.time is not None and not name.time_unit:
            seconds.append((name.time - first) * interval_s)
        else:
            seconds.append(None if facts.frame_times_s is None else facts.frame_times_s[frame])
    times, unit, told = collect_times([name_of[f.source.stem] for f, _ in frames], [t for _, t in frames], seconds)
    if unit == "frame" and max(times, default=0) > 0 and not told:
        told = ["Neither files nor names tell times, and --interval was not given: times are numbers of frames."]
    if interval_s is not None and len(times) > 1 and len(set(times)) == 1:
        told.append(
            f"--interval was given, but neither names nor files number their times, as {frames[0][0].source.file}: all "
            "images stand at one time; say how names are built, as in --names '{field}_t{time}'."
        )
    if standing:
        n = len(standing)
        notes.append(f"The times of frames in {n} of {len(sources)} files do not grow, as in {standing[0]}: not used.")
    fields = {stem: _field(facts, name_of[stem]) for stem, facts in ((f.source.stem, f) for f in sources)}
    places = [
        ImagePlace(name_of[stem].plate, name_of[stem].well, fields[stem], time)
        for stem, time in zip((f.source.stem for f, _ in frames), times, strict=True)
    ]
    stems = [facts.source.stem for facts, _ in frames]
    places, apart = _keep_apart(places, stems)
    return Places(tuple(places), unit, tuple(dict.fromkeys((*notes, *told, *apart))))


def _times_grow(facts: SourceFacts) -> bool:
    times = facts.frame_times_s or ()
    return all(a < b for a, b in itertools.pairwise(times))


def _field(facts: SourceFacts, name: object) -> str:
    """Return the field of a file: as its name says, or for a name without a well, the name without its time."""
    from granum.plate.name_times import read_time
    from granum.plate.well_names import ImageName

    stem = facts.source.stem
    if not isinstance(name, ImageName) or (not name.well and not name.convention):
        return stem
    if name.well or name.convention != "words":
        return name.field or ("" if name.well else stem)
    found = read_time(stem)
    if found is None:
        return stem
    start, end = found[2]
    return f"{stem[:start].rstrip('_- ')}{stem[end:]}".strip("_- ") or stem


def _keep_apart(places: list[ImagePlace], stems: Sequence[str]) -> tuple[list[ImagePlace], list[str]]:
    """Return places of which no two are the same; files that would be the same become fields of their own."""
    taken: dict[ImagePlace, set[str]] = defaultdict(set)
    for place, stem in zip(places, stems, strict=True):
        if not math.isnan(place.time):
            taken[place].add(stem)
    twice = {place.series for place, files in taken.items() if len(files) > 1}
    if not twice:
        return places, []
    apart = [
        ImagePlace(place.plate, place.well, f"{place.field} {stem}".strip(), place.time)
        if place.series in twice
        else place
        for place, stem in zip(places, stems, strict=True)
    ]
    n: Mapping[tuple[str, str, str], int] = Counter(place.series for place in taken if place.series in twice)
    worst = max(n, key=lambda series: (n[series], series))
    where = " ".join(part for part in (worst[0], worst[1], f"field {worst[2]}" if worst[2] else "") if part)
    return apart, [
        f"{len(twice)} field{'s have' if len(twice) > 1 else ' has'} several files for the same time, as {where}: each "
        "file counts as a field of its own (--names says what the names mean)."
    ]
