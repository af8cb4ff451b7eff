"""From what the user typed to the list of inputs: files, folders, globs, channels in files of their own."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from granum.errors import ReadError, SettingError

__all__ = ["Source", "find_files", "group_fields", "parse_channels", "plan_sources"]

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


@dataclass(frozen=True)
class Source:
    """One field of view: a file, and files with more channels of the same field.

    Parameters
    ----------
    file : str
        How tables name it: the file's name, or its path below the common folder where two have the same name.
    stem : str
        Unique name for files that are made from it.
    path : Path
        The file that the layer `image` is read from.
    channel_paths : dict
        Channel name -> file, for channels that stand in files of their own.
    """

    file: str
    stem: str
    path: Path
    channel_paths: Mapping[str, Path] = field(default_factory=dict)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All its files, each once."""
        return tuple(dict.fromkeys((self.path, *self.channel_paths.values())))


def find_files(inputs: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Return the image files that files, folders and globs stand for, each file once however it was typed.

    Raises
    ------
    SettingError
        When an input does not exist, matches nothing, or holds no image.
    """
    from granum.read import find_inputs

    try:
        found = find_inputs([Path(given) for given in inputs])
    except ReadError as error:
        raise SettingError(f"input {error}") from None
    places: dict[Path, Path] = {}
    for path in found:
        places.setdefault(path.resolve(), path)
    return list(places.values())


def parse_channels(options: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the channels of ``--channel NAME=PATTERN|INDEX|NAME`` as (channels of the same file, file patterns).

    Raises
    ------
    SettingError
        When an option has no name or no value, or a name comes twice.
    """
    inside: dict[str, str] = {}
    patterns: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not (equals and name and value):
            raise SettingError(
                f"channel {option!r}: write NAME=INDEX or NAME=PATTERN, as in hoechst=3 or hoechst=*_w2.tif."
            )
        if name in inside or name in patterns:
            raise SettingError(f"channel {name!r}: is given twice.")
        (patterns if any(sign in value for sign in "*?[") else inside)[name] = value
    return inside, patterns


def plan_sources(files: Sequence[Path], patterns: Mapping[str, str] | None = None) -> tuple[list[Source], list[str]]:
    """Return the fields of view in the order of their files, and a note on what was left out.

    Parameters
    ----------
    files : sequence of Path
        All input files.
    patterns : dict, optional
        Channel name -> pattern of file names. What the ``*`` of the patterns match tells which files show the same
        field. The pattern of the channel "image", or else the first one, names the main files. Files that no pattern
        matches are left out.

    Raises
    ------
    SettingError
        When a pattern matches nothing, two files are the same channel of the same field, or a field lacks a channel.
    """
    if not patterns:
        return _named([(path, {}) for path in files]), []
    fields, rest = group_fields(files, patterns)
    for name, pattern in patterns.items():
        lacking = [channels for channels in fields if name not in channels]
        if len(lacking) == len(fields):
            raise SettingError(f"channel {name}: {pattern!r} matches none of the {len(files)} files.")
        if lacking:
            raise SettingError(f"channel {name}: no file goes with {next(iter(lacking[0].values())).name}.")
    main = "image" if "image" in patterns else next(iter(patterns))
    groups = [(channels[main], {k: v for k, v in channels.items() if k != "image"}) for channels in fields]
    notes = [f"{len(rest)} files match no --channel pattern and were left out, as {rest[0].name}."] if rest else []
    return _named(groups), notes


def group_fields(files: Sequence[Path], patterns: Mapping[str, str]) -> tuple[list[dict[str, Path]], list[Path]]:
    """Return the files of each field by channel, also where some are missing, and the files that no pattern matches.

    Raises
    ------
    SettingError
        When two files are the same channel of the same field.
    """
    fields: dict[tuple[str, ...], dict[str, Path]] = {}
    rest: list[Path] = []
    for path in files:
        keys = {name: _match(pattern, path.name) for name, pattern in patterns.items()}
        for name, key in keys.items():
            if key is None:
                continue
            there = fields.setdefault(key, {}).setdefault(name, path)
            if there != path:
                raise SettingError(
                    f"channel {name}: {there.name} and {path.name} are both it; make the pattern narrower."
                )
        if not any(key is not None for key in keys.values()):
            rest.append(path)
    return list(fields.values()), rest


def _match(pattern: str, name: str) -> tuple[str, ...] | None:
    """Return what the wildcards of a pattern match in a file name, or None."""
    expression = ""
    for part in re.split(r"(\*|\?|\[[^\]]*\])", pattern):
        escaped = re.escape(part)
        if part in ("*", "?") or (part.startswith("[") and part.endswith("]")):
            escaped = "(" + fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\Z") + ")"
        expression += escaped
    found = re.fullmatch(expression, name, re.S)
    return None if found is None else found.groups()


def _named(groups: Sequence[tuple[Path, dict[str, Path]]]) -> list[Source]:
    """Return sources with names for tables and stems for files, both unique."""
    paths = [path for path, _ in groups]
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        absolute = [path.resolve() for path in paths]
        top = Path(os.path.commonpath([path.parent for path in absolute]))
        names = [path.relative_to(top).as_posix() for path in absolute]
    plain = [_safe(re.sub(r"(\.ome)?\.\w+$", "", name)) for name in names]
    folded = [stem.casefold() for stem in plain]
    sources: list[Source] = []
    taken: set[str] = set()
    for (path, channels), name, stem, key in zip(groups, names, plain, folded, strict=True):
        wanted = stem if folded.count(key) == 1 else _safe(name.replace(".", "_"))
        number, unique = 1, wanted
        while unique.casefold() in taken:
            number += 1
            unique = f"{wanted}_{number}"
        taken.add(unique.casefold())
        sources.append(Source(name, unique, path, channels))
    return sources


def _safe(name: str) -> str:
    """Return a name that every system takes for a file: no separators, no signs that shells and Windows forbid."""
    safe = re.sub(r"[^\w\-+=,.()\[\] ]", "_", name.replace("/", "_")).strip(" .") or "image"
    return f"{safe}_" if safe.casefold().partition(".")[0] in _RESERVED else safe
