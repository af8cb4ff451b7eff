"""Times in names: "00d04h00m" and "t4.5h" are hours, "t012" is a number, "2021y03m04d_10h00m" a date."""

from __future__ import annotations

import datetime
import re

__all__ = ["read_time"]

_DATE = re.compile(r"(?<![0-9])((?:19|20)\d\d)y(\d\d)m(\d\d)d_(\d\d)h(\d\d)m(?:(\d\d)s)?(?![0-9A-Za-z])")
_CLOCK = re.compile(
    r"(?<![0-9A-Za-z.])(?:t|time)?(?:(\d+)d)?_?(\d+)h(?:_?(\d+)m(?:in)?)?(?:_?(\d+)s)?(?![0-9A-Za-z])", re.IGNORECASE
)
_DAYS = re.compile(r"(?<![0-9A-Za-z])day[ _-]?(\d+(?:\.\d+)?)(?![0-9A-Za-z.])", re.IGNORECASE)
_UNIT = re.compile(
    r"(?<![0-9A-Za-z.,])(?P<t>t|time|tp)?[=_ -]?(?P<n>\d+(?:[.,]\d+)?)"
    r"(?P<u>days?|d|hours?|hrs?|hr|h|min|mins|m|sec|s)(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"(?<![0-9A-Za-z])(?:timepoint|time|frame|tp|t)[ _=-]?(\d+)(?![0-9A-Za-z.])|(?<![0-9A-Za-z])T(\d{2,5})(?=[A-Z]\d)",
    re.IGNORECASE,
)
_HOURS = {"d": 24.0, "h": 1.0, "m": 1 / 60, "s": 1 / 3600}


def read_time(text: str) -> tuple[float, str, tuple[int, int]] | None:
    """Return the time in a name, its unit, and where it stands; None without one.

    The unit is "h", "date" (hours since 1970) or "" (a number of a frame). "24h" needs no "t" in front; lengths that
    other things have too ("5m", "10s", "2d", "100d") do.
    """
    if (found := _DATE.search(text)) is not None:
        try:
            year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
            moment = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
        except ValueError:  # the 31st of February is a number of something else
            return None
        return moment.timestamp() / 3600, "date", found.span()
    if (found := _CLOCK.search(text)) is not None:
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return days * 24 + hours + minutes / 60 + seconds / 3600, "h", found.span()
    if (found := _DAYS.search(text)) is not None:
        return float(found[1]) * 24, "h", found.span()
    for found in _UNIT.finditer(text):
        unit = found["u"].lower()
        if found["t"] or unit[0] == "h" or unit in ("day", "days", "min", "mins"):
            return float(found["n"].replace(",", ".")) * _HOURS[unit[0]], "h", found.span()
    if (found := _FRAME.search(text)) is not None:
        return float(found[1] or found[2]), "", found.span()
    return None
