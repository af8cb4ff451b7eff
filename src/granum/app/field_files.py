"""Channels in files of their own: which images of a project show one field, by the patterns of their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from granum.batch.channel_patterns import order_patterns
from granum.batch.plan import group_fields
from granum.channel_roles import role_named, unknown_channel
from granum.errors import SettingError

if TYPE_CHECKING:
    from granum.app.messages import ImageEntry
    from granum.app.run_messages import RunRequest
    from granum.recipe import Recipe

__all__ = ["Field", "FieldPictures", "check_patterns", "chosen_fields", "fields_of", "find_field", "in_app_words"]


_OPTIONS = {
    "--channel pattern": "pattern",
    "--names": "the pattern of names",
    "--interval was not given": "no interval between frames was given",
}


class FieldPictures(Protocol):
    """What is needed of the images of a project."""

    def files(self) -> Sequence[tuple[ImageEntry, Path]]:
        """Return every file that is ready, also those with the same bytes, as people sort them."""
        ...


@dataclass(frozen=True)
class Field:
    """One field: name of each pattern -> image and file, the main one first."""

    files: Mapping[str, tuple[ImageEntry, Path]]

    @property
    def ids(self) -> set[str]:
        """The ids of its images."""
        return {entry.id for entry, _ in self.files.values()}


def check_patterns(patterns: Mapping[str, str], recipe: Recipe, inside: Mapping[str, int | None]) -> dict[str, str]:
    """Return the patterns in the order in which a run takes them.

    Raises
    ------
    SettingError
        A channel that the recipe does not read, one that is given twice, a needed one that is missing, or a pattern
        without ``*``.
    """
    known = (*(["image"] if recipe.reads_image else []), *recipe.channels)
    roles: dict[str, str] = {}
    for word, pattern in patterns.items():
        role = role_named(recipe.roles, word)
        if role is None and word not in known and not recipe.reads_channels:
            raise unknown_channel(word, recipe.name, known, recipe.roles)
        if not any(sign in pattern for sign in "*?"):
            raise SettingError(f"channel {word!r}: the pattern {pattern!r} has no *, which stands for the field.")
        if "/" in pattern or "\\" in pattern:
            raise SettingError(f"channel {word!r}: the pattern {pattern!r} must be of names alone, without folders.")
        if role is not None:
            if role in roles:
                raise SettingError(f"channel {word!r}: is the same as {roles[role]!r} ({role}); give it once.")
            roles[role] = word
    both = [word for word in inside if word in patterns or (role_named(recipe.roles, word) or "") in roles]
    if both:
        raise SettingError(f"channel {both[0]!r}: is given as a channel and as a pattern; give it once.")
    taken = {role_named(recipe.roles, word) for word, index in inside.items() if index is not None} | set(roles)
    missing = [role for role in recipe.roles if not role.optional and role.name not in taken]
    if patterns and missing:
        raise SettingError(f"{missing[0].name}: say in which files it is. {missing[0].about}".strip())
    return order_patterns(dict(patterns), recipe.roles)


def fields_of(files: Sequence[tuple[ImageEntry, Path]], patterns: Mapping[str, str]) -> tuple[list[Field], list[Path]]:
    """Return all fields, also those that lack a channel, and the files that no pattern matches.

    Raises
    ------
    SettingError
        When two files are the same channel of the same field.
    """
    entry_of = {path: entry for entry, path in files}
    found, rest = group_fields(list(entry_of), patterns)
    fields = []
    for channels in found:
        order = [word for word in patterns if word in channels]
        if "image" in order:
            order = ["image", *(word for word in order if word != "image")]
        fields.append(Field({word: (entry_of[channels[word]], channels[word]) for word in order}))
    return fields, rest


def chosen_fields(fields: Sequence[Field], request: RunRequest, n_channels: int) -> list[Field]:
    """Return the fields that a request means: those of its images, without those that lack a channel if it says so."""
    images = None if request.images is None else set(request.images)
    found = [field for field in fields if images is None or field.ids & images]
    return [field for field in found if len(field.files) == n_channels] if request.complete_only else found


def find_field(files: Sequence[tuple[ImageEntry, Path]], patterns: Mapping[str, str], image: str) -> Field:
    """Return the field that an image belongs to, with all its channels.

    Raises
    ------
    SettingError
        No pattern matches the image, or a file of its field is missing.
    """
    fields, _ = fields_of(files, patterns)
    mine = next((field for field in fields if image in field.ids), None)
    if mine is None:
        names = [path.name for entry, path in files if entry.id == image]
        raise SettingError(f"{names[0] if names else 'this image'}: matches no pattern of the channels.")
    lacking = [word for word in patterns if word not in mine.files]
    if lacking:
        there = next(path for _, path in mine.files.values())
        raise SettingError(f"channel {lacking[0]}: no file goes with {there.name}.")
    return mine


def in_app_words(sentence: str) -> str:
    """Return a sentence of the command line without the option that it proposes: the page has fields for it."""
    for mark in (", as in --channel", "; say which is which, as in --"):
        if mark in sentence:
            sentence = sentence.partition(mark)[0] + "."
    for option, words in _OPTIONS.items():
        sentence = sentence.replace(option, words)
    return sentence
