"""Words and numbers of an assay for people: shares as percent, values with intervals, times, names of curves."""

from __future__ import annotations

import re
from collections.abc import Sequence

from granum.plate.assay import Assay, Curve, Interval, Measure
from granum.report.section import format_number

__all__ = [
    "curve_name",
    "find_measure",
    "interval_words",
    "last_value",
    "natural_order",
    "parameter_words",
    "time_words",
    "value_at",
    "value_words",
]

_UNITS = {
    "h": "h", "min": "min", "s": "s", "d": "d", "frame": "frames", "um": "µm", "um2": "µm²", "nm": "nm", "nm2": "nm²",
    "mm": "mm", "mm2": "mm²", "px": "px", "px2": "px²", "percent": "%",
}  # fmt: skip


def value_words(value: float | None, unit: str, *, with_unit: bool = True) -> str:
    """Return "87.3 %" for a share of 0.873 (unit "%"), else a number and its unit; a dash for none."""
    if value is None:
        return "–"
    text = f"{100 * value:z.1f}" if unit == "%" else _number(value)
    return f"{text} {unit}" if unit and with_unit else text


def _number(value: float) -> str:
    """Return a number of three digits, or all of a larger one."""
    if value == round(value) and abs(value) < 1e9:
        return format_number(round(value))
    return format_number(value, digits=3 if abs(value) < 1000 else 5)


def interval_words(interval: Interval, unit: str = "") -> str:
    """Return "87.3 (80.1 to 92.0)", without the brackets where there is no interval."""
    value = value_words(interval.value, unit, with_unit=False)
    if interval.value is None or (interval.low is None and interval.high is None):
        return value
    low, high = (value_words(end, unit, with_unit=False) for end in (interval.low, interval.high))
    if interval.low is None or interval.high is None:
        return f"{value} ({'at least ' + low if interval.low is not None else 'at most ' + high})"
    return f"{value} ({low} to {high})"


def time_words(time: float, unit: str) -> str:
    """Return "12.5 h", or "frame 12"."""
    return f"frame {time:g}" if unit == "frame" else f"{time:.4g} {unit}"


def parameter_words(name: str) -> tuple[str, str]:
    """Return a parameter's name and unit for people: "doubling_time_h" is ("doubling time", "h")."""
    parts = name.split("_")
    unit = ""
    if len(parts) > 1 and parts[-1] in _UNITS:
        unit = _UNITS[parts.pop()]
        if len(parts) > 1 and parts[-1] == "per":
            parts.pop()
            above = _UNITS[parts.pop()] if len(parts) > 1 and parts[-1] in _UNITS else ""
            unit = f"{above} per {unit.removesuffix('s') if unit == 'frames' else unit}".strip()
    return " ".join(part.upper() if re.fullmatch(r"(ec|ic|ed)\d+", part) else part for part in parts), unit


def find_measure(assay: Assay, name: str) -> Measure:
    """Return a measure; of "viability_t0" the one of viability, as a ratio; of an unknown one its bare name."""
    known = {measure.name: measure for measure in assay.measures}
    if name in known:
        return known[name]
    bare = name.removesuffix("_t0")
    if bare != name and bare in known:
        return Measure(name, f"{known[bare].title} relative to the first time", "")
    return Measure(name, name.replace("_", " "))


def curve_name(curve_plate: str, name: str, plates: Sequence[str]) -> str:
    """Return what a curve is called: with its plate where there are several."""
    return f"{curve_plate} · {name}" if curve_plate and len(plates) > 1 else name or "all"


def natural_order(text: str) -> tuple[tuple[int, float, str], ...]:
    """Return a key that sorts "B2" before "B10"."""
    parts = re.findall(r"\d+(?:\.\d+)?|\D+", text)
    return tuple((0, float(part), "") if part[0].isdigit() else (1, 0.0, part.casefold()) for part in parts)


def value_at(curve: Curve, index: int) -> Interval:
    """Return a value of a curve with its interval."""
    low, high = (ends[index] if index < len(ends) else None for ends in (curve.low, curve.high))
    return Interval(curve.value[index], low, high)


def last_value(curve: Curve) -> tuple[float, Interval, int] | None:
    """Return the last time at which a curve has a value, the value with its interval, and the number behind it."""
    for i in range(len(curve.time) - 1, -1, -1):
        if curve.value[i] is not None:
            return curve.time[i], value_at(curve, i), curve.n[i] if i < len(curve.n) else 0
    return None
