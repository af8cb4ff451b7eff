"""Which part of the names of files tells the channel, where each channel is a file of its own: patterns from names.

Names are cut into words, numbers and what stands between them. The channel is the one piece that runs through the same
few values in every field; the names of stains say which is which. Where they do not, the order of the values is all
there is, and that is told: a wrong channel gives numbers that look right.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from granum.batch.plan import group_fields
from granum.channel_roles import ChannelRole
from granum.errors import SettingError

__all__ = ["GuessedPatterns", "guess_patterns", "order_patterns"]

_ENDING = re.compile(r"(\.ome)?\.[A-Za-z]\w*$")
_NUMBERS_CHANNELS = {"c", "ch", "chan", "channel", "w", "wv", "wavelength"}
_MOST_VALUES = 8
_LEAST_COMPLETE = 0.5
"""Share of the files that must stand in fields with all channels: some may be missing, but it must be a plate."""


@dataclass(frozen=True)
class GuessedPatterns:
    """Patterns for the channels of a recipe.

    Parameters
    ----------
    patterns : dict
        Name of the stain as files have it, or of the role -> pattern, in the order of the roles.
    by_order : tuple of str
        Roles for which names say no stain: the values were given to them in order.
    """

    patterns: dict[str, str]
    by_order: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Names:
    """Names of one shape: equally many pieces, words, numbers and separators at the same places."""

    rows: list[list[str]]
    endings: list[str]
    is_word: list[bool]
    is_number: list[bool]

    def column(self, at: int) -> list[str]:
        return [row[at] for row in self.rows]

    @property
    def columns(self) -> list[int]:
        return [at for at in range(len(self.is_word)) if self.is_word[at] or self.is_number[at]]


def guess_patterns(names: Sequence[str], roles: Sequence[ChannelRole]) -> GuessedPatterns | None:
    """Return patterns that tell the channels of a recipe by the names of files, or None.

    Parameters
    ----------
    names : sequence of str
        Names of all files, without folders.
    roles : sequence of ChannelRole
        Of the recipe; those that are needed must all be found.

    Notes
    -----
    The piece that tells the channel is one with names of stains, or a number after ``ch``, ``c`` or ``w``, or else the
    last word that differs. Pieces that change only together with it (``ch00_Hoechst``) are part of the pattern.

    Examples
    --------
    >>> roles = [ChannelRole("live", ("Hoechst",)), ChannelRole("dead", ("Draq7",))]
    >>> guess_patterns(["B03_f1_hoechst.tif", "B03_f1_draq7.tif"], roles).patterns
    {'hoechst': '*_hoechst.tif', 'draq7': '*_draq7.tif'}
    """
    if len(roles) < 2 or len(names) < 2:
        return None
    files = [Path(name) for name in names]
    # whole parts between underscores, where stains are written in ways that differ: "SYTOX-Green", "TL"
    for whole in (False, True):
        if (found := _guess(files, _usual_shape(names, roles, whole=whole), roles, whole=whole)) is not None:
            return found
    return None


def _guess(
    files: Sequence[Path], table: _Names, roles: Sequence[ChannelRole], *, whole: bool
) -> GuessedPatterns | None:
    found = []
    for at in table.columns:
        values = sorted(set(table.column(at)))
        if not 2 <= len(values) <= _MOST_VALUES:
            continue
        together = _together(table, at)
        rank = _rank(table, at, roles)
        if rank is None or (whole and rank > 0) or _complete_share(table, at, together) < _LEAST_COMPLETE:
            continue
        assigned = _assign(values, table.column(at), roles)
        if assigned is not None:
            found.append((rank, -at, at, together, assigned))
    for _, _, at, together, (value_of, by_order) in sorted(found, key=lambda one: one[:2]):
        patterns = {}
        for role in roles:
            if role.name in value_of:
                value = value_of[role.name]
                word = _stain(role, value)
                patterns[word] = _pattern(table, at, together, value)
        if _works(files, patterns):
            return GuessedPatterns(patterns, tuple(by_order))
    return None


def order_patterns(patterns: dict[str, str], roles: Sequence[ChannelRole]) -> dict[str, str]:
    """Return patterns in the order of the roles that they name: the first one names the main files of a run."""
    ranks = {word: next((n for n, role in enumerate(roles) if role.has_name(word)), len(roles)) for word in patterns}
    return {word: patterns[word] for word in sorted(patterns, key=lambda word: ranks[word])}


# ------------------------------------------------------------------------------------------------ names in pieces


def _usual_shape(names: Sequence[str], roles: Sequence[ChannelRole], *, whole: bool) -> _Names:
    """Return the pieces of those names that have the most usual shape."""
    stains = sorted({name for role in roles for name in (role.name, *role.names)}, key=len, reverse=True)
    words = ["[\\W_]*".join(map(re.escape, re.findall(r"\d+|[^\W\d_]+", stain))) for stain in stains]
    # a stain is one piece, whatever digits, hyphens or blanks it is written with
    pieces = re.compile(
        rf"(?P<word>(?<![^\W\d_])(?:{'|'.join(words)})(?![^\W_])|[^\W\d_]+)|(?P<number>\d+)|(?P<sign>[\W_]+?(?=[^\W_]|$))",
        re.IGNORECASE,
    )
    if whole:
        pieces = re.compile(r"(?P<word>[^_]+)|(?P<sign>_+)")
    shapes: dict[tuple[str, ...], list[tuple[list[str], str]]] = defaultdict(list)
    for name in names:
        ending = found[0] if (found := _ENDING.search(name)) else ""
        row, shape = [], []
        for piece in pieces.finditer(name[: len(name) - len(ending)]):
            row.append(piece[0])
            shape.append(piece[0] if piece.lastgroup == "sign" else str(piece.lastgroup))
        shapes[tuple(shape)].append((row, ending))
    kinds, rows = max(shapes.items(), key=lambda one: len(one[1]))
    return _Names(
        [row for row, _ in rows],
        [ending for _, ending in rows],
        [kind == "word" for kind in kinds],
        [kind == "number" for kind in kinds],
    )


def _together(table: _Names, at: int) -> set[int]:
    """Return the other pieces that change only when one changes, and always then."""
    mine = table.column(at)
    found = set()
    for other in table.columns:
        theirs = table.column(other)
        pairs = set(zip(mine, theirs, strict=True))
        if other != at and len(set(theirs)) > 1 and len(pairs) == len(set(mine)) == len(set(theirs)):
            found.add(other)
    return found


def _rank(table: _Names, at: int, roles: Sequence[ChannelRole]) -> int | None:
    """Return how likely a piece tells the channel, 0 for the most likely; None where it may be a well or a time."""
    values = set(table.column(at))
    if any(role.is_in(value) for role in roles for value in values):
        return 0
    before = table.rows[0][at - 1].casefold() if at and table.is_word[at - 1] else ""
    if table.is_number[at]:
        constant = at > 0 and len(set(table.column(at - 1))) == 1
        return 1 if before in _NUMBERS_CHANNELS and constant else None
    followed = at + 1 < len(table.is_number) and table.is_number[at + 1]
    later = [other for other in table.columns if other > at and len(set(table.column(other))) > 1]
    return None if followed or later else 2


def _complete_share(table: _Names, at: int, together: set[int]) -> float:
    """Return the share of the files in fields that have every value of a piece."""
    n_values = len(set(table.column(at)))
    rest = [other for other in table.columns if other != at and other not in together]
    groups: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in table.rows:
        groups[tuple(row[other] for other in rest)].add(row[at])
    return sum(len(values) for values in groups.values() if len(values) == n_values) / len(table.rows)


def _stain(role: ChannelRole, value: str) -> str:
    """Return the name under which a part of a name knows a role: the part itself, the longest stain in it, the role."""
    if role.has_name(value):
        return value
    stains = [name for name in role.names if ChannelRole("", (name,)).is_in(value)]
    return max(stains, key=len, default=role.name)


def _assign(
    values: Sequence[str], column: Sequence[str], roles: Sequence[ChannelRole]
) -> tuple[dict[str, str], list[str]] | None:
    """Return role -> value, and the roles that have theirs by order alone; None when a needed role has none."""
    counts = Counter(column)
    value_of: dict[str, str] = {}
    for role in roles:
        called = [value for value in values if role.is_in(value)]
        if called:
            value_of[role.name] = max(called, key=lambda value: counts[value])
    free = [value for value in values if not any(role.is_in(value) for role in roles)]
    open_roles = [role for role in roles if role.name not in value_of]
    needed = [role for role in open_roles if not role.optional]
    if value_of and not needed:
        return value_of, []
    if len(free) < len(needed):
        return None
    taking = open_roles if len(free) >= len(open_roles) and not value_of else needed
    by_order = [role.name for role in taking]
    return value_of | dict(zip(by_order, free, strict=False)), by_order


# ------------------------------------------------------------------------------------------------ patterns


def _pattern(table: _Names, at: int, together: set[int], value: str) -> str:
    """Return the pattern of the files in which a piece has a value: it, what changes with it, and what touches them."""
    rows = [row for row in table.rows if row[at] == value]
    marked = {at, *together}
    shown = set(marked)
    for place in marked:
        for step in (-1, 1):
            near = place + step
            # letters before a number belong to it (ch1), and so do the signs around: _ch1_
            if 0 <= near < len(table.is_word) and table.is_word[near] and len(set(table.column(near))) == 1:
                shown.add(near)
                near += step
            if 0 <= near < len(table.is_word) and not (table.is_word[near] or table.is_number[near]):
                shown.add(near)
    text = ""
    for place in range(len(table.is_word)):
        if place in shown:
            text += re.sub(r"[*?\[\]]", "?", rows[0][place])
        elif not text.endswith("*"):
            text += "*"
    endings = {ending for row, ending in zip(table.rows, table.endings, strict=True) if row[at] == value}
    all_endings = [
        {ending for row, ending in zip(table.rows, table.endings, strict=True) if row[at] == other}
        for other in set(table.column(at))
    ]
    return text + (min(endings) if all(len(one) == 1 for one in all_endings) else ".*")


def _works(files: Sequence[Path], patterns: dict[str, str]) -> bool:
    """Whether at least one field has a file for every pattern."""
    if not all("*" in pattern for pattern in patterns.values()):
        return False
    try:
        fields, _ = group_fields(files, patterns)
    except SettingError:
        return False
    return any(len(field) == len(patterns) for field in fields)
