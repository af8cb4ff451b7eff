"""Where, when and in which channel an image was taken, as its name says it.

Instruments write names of a fixed shape, those come first. Names that people give are read word by word; there a
wrong well is worse than none, so what could be a field, a clone or a cell line is left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from granum.errors import SettingError
from granum.plate.name_pattern import match_pattern
from granum.plate.name_times import read_time
from granum.plate.vendor_names import VENDOR_NAMES
from granum.plate.well_positions import format_well, row_number, well_position

__all__ = ["ImageName", "parse_image_name"]


@dataclass(frozen=True)
class ImageName:
    """What the name of an image says.

    Parameters
    ----------
    plate, field, channel : str
        As written; "" where the name does not say.
    well : str
        As in "B03"; "" where the name holds none, or not for sure.
    time : float or None
        In hours where `time_unit` is "h", in hours since 1970 where it is "date", else a number of a frame as it is
        counted in the name.
    time_unit : {"h", "date", ""}
        What `time` is.
    convention : str
        Which convention the name follows: "incucyte", "harmony", ..., "words", "pattern"; "" for none.
    """

    plate: str = ""
    well: str = ""
    field: str = ""
    time: float | None = None
    channel: str = ""
    time_unit: str = ""
    convention: str = ""


_ENDING = re.compile(
    r"(?i)(\.ome)?\.(tiff?|png|jpe?g|bmp|gif|nd2|czi|lif|lsm|vsi|oir|oib|dv|zarr|h5|hdf5|npy|npz|avi|mp4|flex|stk)$"
)
FOLDER_TIME = re.compile(r"(?i)(?:timepoint|time_?point|time|t)[_ -]?(\d+)")
_FIELD = re.compile(r"(?i)(?:f|s|field|fld|site|pos|position|fov|xy|tile)[-=]?(\d{1,4})")
_CHANNEL = re.compile(r"(?i)(?:(?:ch|channel|chan)[-=]?\d{1,2}|c\d{1,2}|w\d{1,2}(?:[A-Z][A-Za-z0-9-]*)?)")
_STAINS = {
    "hoechst", "hoechst33342", "dapi", "draq5", "draq7", "pi", "calcein", "calceinam", "ethd", "ethd1", "ethd-1",
    "sytox", "syto", "brightfield", "bf", "bright", "phase", "ph", "dic", "gfp", "egfp", "rfp", "yfp", "cfp",
    "mcherry", "fitc", "tritc", "cy3", "cy5", "texasred", "txred", "annexin", "live", "dead",
}  # fmt: skip
_PLATE = re.compile(r"(?i)plate[-_ ]?([A-Za-z0-9]+)")
_WORD_WELL = re.compile(r"(?i)(?<![A-Za-z0-9])well[-_ =]?([A-Z]{1,2}[-_ ]?\d{1,2})(?![A-Za-z0-9])")
# letters that number something else: time, field, site, channel, wavelength, plane, position, day, replicate, passage
_AXES = {"T": "time", "F": "field", "S": "field", "C": "channel", "W": "channel"}
_NEVER = set("TSWZXYPRUV")


def parse_image_name(file: str, *, pattern: str | None = None) -> ImageName:
    """Read plate, well, field, time and channel from the name of an image.

    Parameters
    ----------
    file : str
        Name of the file, with its folders where they are known: ``TimePoint_3/`` tells the time.
    pattern : str, optional
        How names are built, as in ``"{well}_f{field}_t{time}_*"``: ``{plate}``, ``{well}`` (or ``{row}`` and
        ``{column}``), ``{field}``, ``{time}`` and ``{channel}`` are read, ``*`` and ``?`` are anything. With a
        pattern nothing is guessed.

    Returns
    -------
    name : ImageName
        `well` is "" where the name does not say one; the caller tells the user.

    Raises
    ------
    SettingError
        The pattern cannot be used.

    Notes
    -----
    Known without a pattern: Incucyte, ImageXpress (with ``TimePoint_`` folders), Opera, Phenix and Operetta, Yokogawa
    CV7000, InCell, ArrayScan, MetaMorph (its stage positions are fields), ScanR, Nikon JOBS, CellProfiler, and words
    between ``_`` or spaces: ``B03_f1_t012_hoechst``, ``well_B3``. "B03" alone counts; "B3" only beside a field, a
    time or a channel, or as the first word; letters that count something else (C01, F1, T2) only where the name has
    another channel, field or time, or where the other names say so (`parse_image_names`). Words joined by ``-``
    ("d0-c3-005") are no wells: they may be days, clones or concentrations.

    Examples
    --------
    >>> parse_image_name("VID123_B3_1_00d04h30m.tif").well, parse_image_name("VID123_B3_1_00d04h30m.tif").time
    ('B03', 4.5)
    >>> parse_image_name("d0-c3-005.jpg").well
    ''
    >>> parse_image_name("x_7_c3.png", pattern="x_{field}_{well}.*").well
    'C03'
    """
    if pattern is not None:
        return _by_pattern(file, pattern)
    pieces = [piece for piece in re.split(r"[/\\]", file) if piece]
    if not pieces:
        return ImageName()
    stem, folders = _ENDING.sub("", pieces[-1]), pieces[:-1]
    found = _by_vendor(pieces[-1], stem) or _by_words(stem).name
    return _with_folder_time(found, folders)


def _with_folder_time(found: ImageName, folders: list[str]) -> ImageName:
    if found.time is None:
        for folder in reversed(folders[-3:]):
            if (time := FOLDER_TIME.fullmatch(folder)) is not None:
                return replace(found, time=float(time[1]), convention=found.convention or "words")
    return found


def read_words(file: str) -> WordReading | None:
    """Return what the words of a name say; None where an instrument wrote it."""
    name = re.split(r"[/\\]", file)[-1]
    stem = _ENDING.sub("", name)
    return None if _by_vendor(name, stem) is not None else _by_words(stem)


def _well(text: str) -> str:
    row, column = well_position(text)
    return format_well(row, column) if row else ""


def _number(text: str | None) -> str:
    """Return a number without leading zeros, other text as it is."""
    return "" if text is None else (str(int(text)) if text.isascii() and text.isdigit() else text)


def _by_pattern(file: str, pattern: str) -> ImageName:
    parts = match_pattern(file, pattern)
    if parts is None:
        return ImageName()
    well = parts.get("well", "")
    if "row" in parts:
        row = int(parts["row"]) if parts["row"].isdigit() else row_number(parts["row"])
        column = int(parts["column"])
        well = f"{parts['row']}{column}" if not 1 <= row <= 32 or not 1 <= column <= 48 else format_well(row, column)
    time, unit = None, ""
    if text := parts.get("time", ""):
        if re.fullmatch(r"[0-9]+(?:[.,][0-9]+)?", text):
            time = float(text.replace(",", "."))
        elif (read := read_time("t" + text)) is not None:
            time, unit, _ = read
        else:
            raise SettingError(
                f"names {pattern!r}: {{time}} is {text!r} in {file}, which is no time; write 12, 4h or 0d04h00m."
            )
    return ImageName(
        parts.get("plate", ""),
        _well(well),
        _number(parts.get("field")),
        time,
        parts.get("channel", ""),
        unit,
        "pattern",
    )


def _by_vendor(name: str, stem: str) -> ImageName | None:
    for convention, expression in VENDOR_NAMES:
        if (found := expression.fullmatch(stem)) is None and (
            convention != "opera" or (found := expression.match(name)) is None
        ):
            continue
        parts = found.groupdict()
        if parts.get("row"):
            row, column = int(parts["row"].lstrip("rR")), int(parts["col"].lstrip("cC"))
        elif parts.get("letter"):
            row, column = row_number(parts["letter"]), int(parts["col"])
        elif parts.get("well"):
            row, column = well_position(parts["well"])
        else:
            row, column = -1, -1  # has no well by nature
        if row >= 0 and not (1 <= row <= 32 and 1 <= column <= 48):
            continue
        time, unit = (float(parts["time"]), "") if parts.get("time") else (None, "")
        if parts.get("clock") and (read := read_time(parts["clock"])) is not None:
            time, unit, _ = read
        return ImageName(
            parts.get("plate") or "", format_well(row, column) if row > 0 else "", _number(parts.get("field")),
            time, _number(parts.get("channel")), unit, convention,
        )  # fmt: skip
    return None


@dataclass(frozen=True)
class WordReading:
    """What the words of a name say, and what they may say: decided with the other names of the same images."""

    name: ImageName
    before: str = ""
    slot: tuple[int, int] = (-1, 0)
    likely: str = ""


def _by_words(stem: str) -> WordReading:
    """Read a name that somebody gave: words between underscores, spaces, commas and brackets."""
    text, plate, well, before = stem, "", "", ""
    if (named := _WORD_WELL.search(text)) is not None and (well := _well(named[1])):
        before = text[: named.start()]
        text = before + "_" + text[named.end() :]
    if (named := _PLATE.search(text)) is not None:
        plate = named[0]
        text = text[: named.start()] + "_" + text[named.end() :]
    time, unit, found_time = None, "", read_time(text)
    if found_time is not None:
        time, unit, (start, end) = found_time
        text = text[:start] + "_" + text[end:]
    words = [word for word in re.split(r"[_ ,()\[\]]+", text) if word]
    field, channel, rest = "", "", []
    for position, word in enumerate(words):
        if not channel and (word.lower() in _STAINS or (_CHANNEL.fullmatch(word) and not _looks_like_well(word))):
            channel = word
        elif not field and (number := _FIELD.fullmatch(word)) and not _looks_like_well(word):
            field = _number(number[1])
        else:
            rest.append((position, word))
    roles = {"time": time is not None, "field": bool(field), "channel": bool(channel)}
    slot, likely = (-1, len(words)), ""
    if not well:
        place, certain = _well_of_words(rest, roles, len(words))
        if place >= 0:
            slot, before = (place, len(words)), "_".join(words[:place])
            well, likely = (_well(words[place]), "") if certain else ("", _well(words[place]))
    if well:  # beside a well, F01 and C01 are what they say
        for position, word in rest:
            if position == slot[0] or not _looks_like_well(word):
                continue
            if not field and word[0] in "FS":
                field = str(int(word[1:]))
            elif not channel and word[0] in "CW":
                channel = word
    if not (well or field or channel or time is not None):
        return WordReading(ImageName(), before, slot, likely)
    return WordReading(ImageName(plate, well, field, time, channel, unit, "words"), before, slot, likely)


def _looks_like_well(word: str) -> bool:
    """Tell a capital with one or two digits: B3, F01."""
    return re.fullmatch(r"[A-Z]{1,2}[0-9]{1,2}", word) is not None and well_position(word)[0] > 0


def _well_of_words(words: list[tuple[int, str]], roles: dict[str, bool], n_words: int) -> tuple[int, bool]:
    """Return the place of the one word that can be a well, or -1, and whether it can be nothing else."""
    sure: dict[str, int] = {}
    likely: dict[str, int] = {}
    for position, word in words:
        if re.fullmatch(r"[a-z][0-9]{2}", word) and position == 0:
            word = word.upper()  # b03_f1: small letters count as the first word only
        if not _looks_like_well(word):
            continue
        letters, taken = word.rstrip("0123456789"), any(roles.values())
        digits = word[len(letters) :]
        padded = len(digits) == 2 and int(digits) <= 24 and len(letters) == 1
        if letters in _AXES and not roles[_AXES[letters]]:
            if padded:
                likely.setdefault(_well(word), position)
        elif letters in _NEVER:
            if padded and sum(roles.values()) >= 2:
                sure.setdefault(_well(word), position)
        elif padded or taken or (position == 0 and len(letters) == 1 and _numbers_follow(words, n_words)):
            sure.setdefault(_well(word), position)
    found = sure or likely
    return (next(iter(found.values())), bool(sure)) if len(found) == 1 else (-1, False)


def _numbers_follow(words: list[tuple[int, str]], n_words: int) -> bool:
    """Tell whether the first word is all of the name, or only numbers follow it."""
    return len(words) == n_words and all(word.isdigit() for _, word in words[1:])
