"""A user's pattern for image names, such as ``{well}_f{field}_t{time}_*``: braces are read, ``*`` is anything."""

from __future__ import annotations

import re
from functools import lru_cache

from granum.errors import SettingError

__all__ = ["match_pattern"]

_PARTS = {
    "plate": r"[^/\\]+?",
    "well": r"[A-Za-z]{1,2}[-_ ]?[0-9]{1,3}",
    "row": r"[A-Za-z]{1,2}|[0-9]{1,2}",
    "column": r"[0-9]{1,2}",
    "field": r"[^/\\_]+?",
    "time": r"[0-9]+d[0-9]+h[0-9]+m|[0-9]+h[0-9]+m|[0-9]+(?:[.,][0-9]+)?(?:\s?[A-Za-z]+)?",
    "channel": r"[^/\\]+?",
}


def match_pattern(file: str, pattern: str) -> dict[str, str] | None:
    """Return what stands at the braces of a pattern, or None where the name does not fit.

    The pattern is held against the name with and without its ending; one with a slash against that many folders more.

    Raises
    ------
    SettingError
        The pattern has no braces, an unknown or repeated name in them, or braces that do not close.
    """
    expression, depth = _compile(pattern)
    pieces = file.replace("\\", "/").split("/")
    name = "/".join(pieces[-1 - depth :])
    # without its ending first: "x_{field}" means 3 in x_3.tif, not "3.tif"
    for text in (re.sub(r"(?i)(\.ome)?\.[A-Za-z][A-Za-z0-9]{1,5}$", "", name), name):
        if (found := expression.fullmatch(text)) is not None:
            return {key: value.strip() for key, value in found.groupdict().items()}
    return None


@lru_cache(maxsize=64)
def _compile(pattern: str) -> tuple[re.Pattern[str], int]:
    known = ", ".join("{" + name + "}" for name in _PARTS)
    seen: set[str] = set()
    text = ""
    for part in re.split(r"(\{[^{}]*\}|\*|\?)", pattern):
        if part in ("*", "?"):
            text += r"[^/]*" if part == "*" else r"[^/]"
        elif part.startswith("{") and part.endswith("}"):
            name = part[1:-1].strip().lower()
            if name not in _PARTS:
                raise SettingError(f"names {pattern!r}: {part} is unknown; there are {known}.")
            if name in seen:
                raise SettingError(f"names {pattern!r}: {part} stands there twice.")
            seen.add(name)
            text += f"(?P<{name}>{_PARTS[name]})"
        elif "{" in part or "}" in part:
            raise SettingError(f"names {pattern!r}: a brace is not closed; write them as in {{well}}_f{{field}}_*.")
        else:
            text += re.escape(part.replace("\\", "/"))
    if not seen:
        raise SettingError(f"names {pattern!r}: has nothing to read; write at least one of {known}.")
    if "well" in seen and seen & {"row", "column"}:
        raise SettingError(f"names {pattern!r}: has both {{well}} and {{row}} or {{column}}; one of them is enough.")
    if ("row" in seen) != ("column" in seen):
        raise SettingError(f"names {pattern!r}: {{row}} and {{column}} belong together.")
    return re.compile(text, re.IGNORECASE), pattern.replace("\\", "/").count("/")
