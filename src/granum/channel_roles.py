"""`ChannelRole`: what a channel is for in a recipe, whatever its stain is called; and the search for it in a file.

A recipe that needs a live stain takes Hoechst, DAPI or calcein alike, so it asks for a role and lists the names under
which that role is known. A role is found by what the user typed, then by what the file calls its channels. Where this
is not certain, an error says what to type: a wrong channel gives numbers that look right.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from granum.errors import RecipeError, SettingError
from granum.image import Image
from granum.steps import nearest_name

__all__ = [
    "ASSAY_KINDS",
    "ChannelRole",
    "FoundChannel",
    "find_channels",
    "parse_roles",
    "role_named",
    "swapped_patterns",
    "unknown_channel",
]

ASSAY_KINDS = ("live-dead", "confluency")
"""What the images of a recipe can make together."""

_ROLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PARTS = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")  # Cy5.5 is another dye than Cy5
_NONE = "none"
_FILE = re.compile(r"\.[A-Za-z]\w{1,4}$")


@dataclass(frozen=True)
class ChannelRole:
    """A channel that a recipe reads, by what it is for.

    Parameters
    ----------
    name : str
        The role, such as "live"; its layer is "channel.live".
    names : tuple of str
        What it is called in files and on the command line, beside its own name.
    optional : bool
        Whether the recipe works without it.
    about : str
        What it shows, for people.
    """

    name: str
    names: tuple[str, ...] = ()
    optional: bool = False
    about: str = ""

    def has_name(self, text: str) -> bool:
        """Whether a text is the role's name or one of its other names; signs, spaces and case do not count."""
        return _joined(text) in {_joined(name) for name in (self.name, *self.names)} and bool(_joined(text))

    def is_in(self, text: str) -> bool:
        """Whether one of its names stands in a text as whole words, as "Cy5" in "Draq7 (Cy5)" but not in "Cy5.5"."""
        runs = set(_runs(text))
        return any(_joined(name) in runs for name in (self.name, *self.names))


@dataclass(frozen=True)
class FoundChannel:
    """Where a role was found: a channel of the file or another image, and the name under which it was."""

    source: int | Image
    stain: str


def _joined(text: str) -> str:
    return "".join(_PARTS.findall(text.casefold()))


def _runs(text: str) -> Iterator[str]:
    """Yield every run of neighbouring words and numbers of a text, joined."""
    parts = _PARTS.findall(text.casefold())
    for start in range(len(parts)):
        for stop in range(start + 1, len(parts) + 1):
            yield "".join(parts[start:stop])


def parse_roles(tables: Any, *, where: str) -> tuple[ChannelRole, ...]:
    """Return the roles of the ``[channels.ROLE]`` tables of a recipe, in their order.

    Raises
    ------
    RecipeError
        A table, key or value that cannot be; the same name for two roles.
    """
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise RecipeError(f"{where}: channels must be tables, as in [channels.live] with names = ['Hoechst', 'DAPI'].")
    roles: list[ChannelRole] = []
    taken: dict[str, str] = {}
    for name, table in tables.items():
        here = f"{where}, [channels.{name}]"
        if not _ROLE_NAME.fullmatch(name) or name == "image":
            raise RecipeError(f"{here}: must be small letters, digits and _, and not 'image'.")
        for key in table:
            if key not in ("names", "optional", "about"):
                raise RecipeError(f"{here}: unknown key {key!r}; {nearest_name(key, ('names', 'optional', 'about'))}")
        names, optional, about = table.get("names", []), table.get("optional", False), table.get("about", "")
        if not isinstance(names, list) or not all(isinstance(one, str) and _joined(one) for one in names):
            raise RecipeError(f"{here}: names = {names!r}, must be a list of texts, as in ['Hoechst', 'DAPI'].")
        if not isinstance(optional, bool) or not isinstance(about, str):
            raise RecipeError(f"{here}: optional must be true or false, and about a text.")
        for one in {_joined(one): one for one in (name, *names)}.values():
            if (other := taken.setdefault(_joined(one), name)) != name:
                raise RecipeError(f"{here}: the name {one!r} belongs to [channels.{other}] already.")
        roles.append(ChannelRole(name, tuple(dict.fromkeys(names)), optional, about))
    return tuple(roles)


def role_named(roles: Sequence[ChannelRole], name: str) -> str | None:
    """Return the role that a typed channel name means, or None."""
    return next((role.name for role in roles if role.has_name(name)), None)


def unknown_channel(name: str, recipe: str, known: Sequence[str], roles: Sequence[ChannelRole]) -> SettingError:
    """Return the error for a typed channel that a recipe does not read; it says which there are."""
    others = [other for role in roles for other in role.names]
    near = nearest_name(name, dict.fromkeys((*known, *others)))
    also = f" (or by their other names: {', '.join(others)})" if others else ""
    rest = f"; {near}" if near.startswith("did") else f"{also}."
    return SettingError(f"channel {name!r}: recipe {recipe!r} reads only {', '.join(known)}{rest}")


def find_channels(
    roles: Sequence[ChannelRole], image: Image, given: Mapping[str, int | str | Image], *, recipe: str = ""
) -> tuple[dict[str, FoundChannel], list[str]]:
    """Return where the channel of each role is; roles that may be missing and are, are left out.

    Parameters
    ----------
    roles : sequence of ChannelRole
        Of the recipe.
    image : Image
        The file; only its header is looked at.
    given : dict
        Role or one of its names -> index or name of a channel of `image`, another image, or "none" for an optional role
        that is not wanted. Other keys are not looked at.
    recipe : str
        Name of the recipe, for messages.

    Returns
    -------
    found : dict
        Role -> `FoundChannel`, in the order of the roles.
    notes : list of str
        What looks wrong: a channel given for one role that the file calls by the name of another.

    Raises
    ------
    SettingError
        A role is missing or given twice, two channels could be it, or one channel would be two roles.

    Notes
    -----
    Typed channels come first. A role that was not typed is the channel that the file calls exactly like the role, or
    else the one whose name holds one of the role's names as whole words. A recipe that needs one role takes the channel
    of a file that has no other.
    """
    found: dict[str, FoundChannel] = {}
    notes: list[str] = []
    typed = _typed(roles, given)
    for role in roles:
        if role.name in typed:
            word, source = typed[role.name]
            if source == _NONE and _NONE not in (name.casefold() for name in image.channel_names):
                if not role.optional:
                    raise SettingError(f"channel {word!r}: recipe {recipe!r} does not work without {role.name}.")
                continue
            found[role.name], note = _given(role, word, source, image, roles)
            notes += note
    used = {one.source for one in found.values() if isinstance(one.source, int)}
    for role in roles:
        if role.name not in typed:
            mine = _in_file(role, image, roles, used)
            if mine is not None:
                found[role.name] = FoundChannel(mine, _name(image, mine) or role.name)
    needed = [role for role in roles if not role.optional]
    if not found and len(needed or roles) == 1 and image.shape[1] == 1 and not typed:
        only = (needed or roles)[0]
        found[only.name] = FoundChannel(0, _name(image, 0) or only.name)
    missing = [role for role in needed if role.name not in found] or ([] if found else list(roles))
    if missing:
        used = {one.source for one in found.values() if isinstance(one.source, int)}
        raise SettingError(_missing(missing, image, used, recipe))
    _check_twice(found, image)
    return {role.name: found[role.name] for role in roles if role.name in found}, notes


def _typed(
    roles: Sequence[ChannelRole], given: Mapping[str, int | str | Image]
) -> dict[str, tuple[str, int | str | Image]]:
    """Return role -> (what was typed before the "=", what after it)."""
    typed: dict[str, tuple[str, int | str | Image]] = {}
    for word, source in given.items():
        role = role_named(roles, word)
        if role is None:
            continue
        if role in typed:
            raise SettingError(f"channel {word!r}: is the same as {typed[role][0]!r} ({role}); give it once.")
        typed[role] = word, source
    return typed


def _given(
    role: ChannelRole, word: str, source: int | str | Image, image: Image, roles: Sequence[ChannelRole]
) -> tuple[FoundChannel, list[str]]:
    """Return a channel that was typed, and a note when its file calls it by the name of another role."""
    if isinstance(source, Image):
        name = _name(source, 0) if source.shape[1] == 1 else ""
        place: int | Image = source
    else:
        try:
            place = image.channel_index(source)
        except SettingError as error:
            hint = ""
            if isinstance(source, str) and _FILE.search(source):
                hint = " A pattern of files needs a *, as in *_w2.tif."
            raise SettingError(f"channel {word!r}: {error}{hint}") from None
        name = _name(image, place)
    others = [other.name for other in roles if other is not role and other.is_in(name)]
    notes = []
    if others and not role.is_in(name):
        notes.append(
            f"channel.{role.name}: the file calls this channel {name!r}, which is a name of {others[0]}; "
            "are the channels swapped?"
        )
    plain = _joined(word) == _joined(role.name)
    return FoundChannel(place, name if plain and role.is_in(name) else word), notes


def _in_file(role: ChannelRole, image: Image, roles: Sequence[ChannelRole], used: Collection[int]) -> int | None:
    """Return the channel that the file calls by a name of the role, or None; those that were typed are taken."""
    # a channel that is called exactly like one role is not taken for another, as "dead" in "live/dead"
    free = [
        i
        for i, name in enumerate(image.channel_names)
        if i not in used and not any(_joined(name) == _joined(other.name) for other in roles if other is not role)
    ]
    exact = [i for i in free if _joined(image.channel_names[i]) == _joined(role.name)]
    mine = exact or [i for i in free if role.is_in(image.channel_names[i])]
    if len(mine) > 1:
        names = " and ".join(f"{i} ({image.channel_names[i]})" for i in mine)
        raise SettingError(
            f"{_file(image)}: the channels {names} could both be {role.name}; choose one, as in "
            f"--channel {role.name}={mine[0]}."
        )
    return mine[0] if mine else None


def swapped_patterns(roles: Sequence[ChannelRole], patterns: Mapping[str, str]) -> list[str]:
    """Return what looks wrong with patterns of files: one given for a role that holds a name of another.

    A name that stands in the patterns of both says nothing: it is that of the experiment.

    Examples
    --------
    >>> roles = [ChannelRole("live", ("Hoechst",)), ChannelRole("dead", ("Draq7",))]
    >>> swapped_patterns(roles, {"live": "*_draq7.tif", "dead": "*_w2.tif"})[0][:50]
    "channel live: the files of '*_draq7.tif' are calle"
    """
    role_of = {word: name for word in patterns if (name := role_named(roles, word)) is not None}
    notes = []
    for word, mine in role_of.items():
        pattern = patterns[word]
        if any(role.name == mine and role.is_in(pattern) for role in roles):
            continue
        for other in roles:
            elsewhere = [patterns[one] for one, role in role_of.items() if role == other.name]
            if other.name != mine and other.is_in(pattern) and not any(other.is_in(one) for one in elsewhere):
                notes.append(
                    f"channel {word}: the files of {pattern!r} are called by a name of {other.name}; "
                    "are the channels swapped?"
                )
    return notes


def _check_twice(found: Mapping[str, FoundChannel], image: Image) -> None:
    """Raise when two roles would be the same pixels."""
    taken: dict[Any, str] = {}
    for role, one in found.items():
        source = one.source
        if isinstance(source, Image):
            key: Any = id(source) if source.source is None else source.source
            key = 0 if key == image.source and source.shape[1] == 1 else key
            what = str(source.source.name if source.source else "the same image")
        else:
            key, what = source, f"channel {source} {_name(image, source)}".strip()
        if key in taken:
            other = taken[key]
            raise SettingError(
                f"{_file(image)}: {what} would be both {other} and {role}; say which is which, as in "
                f"--channel {other}=0 --channel {role}=1."
            )
        taken[key] = role


def _missing(missing: Sequence[ChannelRole], image: Image, used: Collection[int], recipe: str) -> str:
    """Return what is missing, under which names it would have been found, what there is, and what to type."""
    n, names = image.shape[1], image.channel_names
    there = ", ".join(f"{i} ({names[i]})" if names else str(i) for i in range(n))
    has = f"{n} channel{'s' * (n > 1)}{'' if names else ' without names'}: {there}"
    wanted = "; ".join(
        f"{role.name} ({role.about.rstrip('.') + ', ' if role.about else ''}"
        f"called {', '.join(dict.fromkeys((role.name, *role.names)))})"
        for role in missing
    )
    free = [str(i) for i in range(n) if i not in used]
    inside = len(free) >= len(missing)
    values = free if inside else [f"*_w{i}.tif" for i in range(1, len(missing) + 1)]
    typed = " ".join(f"--channel {role.name}={value}" for role, value in zip(missing, values, strict=False))
    how = "the channel" if inside else "in which files it is"
    return (
        f"{_file(image)}: recipe {recipe!r} finds no channel for {wanted}. The file has {has}. "
        f"Say {how}, as in {typed}."
    )


def _name(image: Image, channel: int) -> str:
    return image.channel_names[channel] if image.channel_names else ""


def _file(image: Image) -> str:
    return image.source.name if image.source else "image"
