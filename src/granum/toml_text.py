"""Reads TOML that strangers may have written: a text that would cost seconds or gigabytes is refused before it is read.

The standard reader follows nested brackets by recursion and looks up each part of a dotted key from the start, so that
a few kilobytes of ``a.a.a...`` or ``[[[[`` can stop a server. Nothing of granum is nested that deep.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from granum.errors import RecipeError

__all__ = ["read_toml"]

DEEPEST = 16
LARGEST = 1_000_000
# strings and comments may hold any number of dots and brackets; one without an end goes on to the end of the text
_STRINGS = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\\?\Z)|\'\'\'.*?(?:\'\'\'|\Z)|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)
_NO_KEY = re.compile(r'[^\w".\- \t]+')


def read_toml(text: str, *, where: str = "recipe") -> dict[str, Any]:
    """Return the tables of a TOML text.

    Parameters
    ----------
    text : str
        The TOML.
    where : str
        Name of the file for messages.

    Raises
    ------
    RecipeError
        It is not TOML, larger than a million characters, or nested deeper than 16 tables or lists.
    """
    if len(text) > LARGEST:
        raise RecipeError(f"{where}: has {len(text):,} characters; this is no recipe.")
    if _depth(text) > DEEPEST:
        raise RecipeError(f"{where}: is nested deeper than {DEEPEST} tables or lists; this is no recipe.")
    try:
        return tomllib.loads(text)
    except ValueError as error:  # more than a TOMLDecodeError: numbers of thousands of digits too
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a number has too many digits"
        raise RecipeError(f"{where}: is not valid TOML: {reason}.") from None


def _depth(text: str) -> int:
    """Return an upper bound of how deep a text is nested, in linear time."""
    plain = _STRINGS.sub('""', text)
    deepest = max((piece.count(".") + 1 for piece in _NO_KEY.split(plain)), default=0)
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", plain):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
