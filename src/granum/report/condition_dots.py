"""Conditions at one time: a dot for every well, a bar for mean and interval; instead of curves where time is one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from granum.plate.assay import Assay, Curve, Interval, Measure
from granum.plate.condition_names import name_conditions
from granum.report.assay_curves import plates_of
from granum.report.assay_text import curve_name, find_measure, interval_words, last_value, value_words
from granum.report.chart_axes import CHART_STYLE, Axis, nice_ticks

__all__ = ["dots_html"]

_WIDTH, _ROW, _TOP, _BOTTOM = 560, 26, 8, 44
_MOST = 48


def dots_html(assay: Assay) -> str:
    """Return a chart per measure; nothing for fewer than two conditions, or more than one time."""
    if len({image.time for image in assay.images}) != 1:
        return ""
    figures = []
    for name in dict.fromkeys(curve.measure for curve in assay.curves if not curve.measure.endswith("_t0")):
        rows = _rows(assay, name)
        if len(rows) > 1:
            figures.append(_figure(find_measure(assay, name), rows[:_MOST]))
    return f'<h2>Conditions side by side</h2><div class="charts apart">{"".join(figures)}</div>' if figures else ""


_Row = tuple[str, Interval, list[float]]


def _value(curve: Curve) -> Interval:
    last = last_value(curve)
    return Interval(None) if last is None else last[1]


def _rows(assay: Assay, measure: str) -> list[_Row]:
    plates = plates_of(assay)
    condition = name_conditions(assay.wells)
    wells: dict[tuple[str, str], list[float]] = {}
    for curve in assay.curves:
        if curve.level == "well" and curve.measure == measure and (value := _value(curve).value) is not None:
            owner = condition.get((curve.plate, curve.name), "")
            for plate in {curve.plate, ""}:
                wells.setdefault((plate, owner), []).append(value)
    rows: list[_Row] = []
    for curve in assay.curves:
        if curve.level == "condition" and curve.measure == measure and _value(curve).value is not None:
            rows.append(
                (curve_name(curve.plate, curve.name, plates), _value(curve), wells.get((curve.plate, curve.name), []))
            )
    return rows


def _figure(measure: Measure, rows: Sequence[_Row]) -> str:
    left = 16 + 7 * min(24, max(len(name) for name, _, _ in rows))
    height = _TOP + _ROW * len(rows) + _BOTTOM
    values = [value for _, mean, wells in rows for value in (mean.value, mean.high, *wells) if value is not None]
    high = max(1.0, *values) if measure.unit == "%" else 1.06 * max(values)
    low = min(0.0, *values)
    x = Axis(low, high if high > low else low + 1, False, left, _WIDTH - 16)
    floor = height - _BOTTOM
    said = ", ".join(f"{name} {interval_words(mean, measure.unit)}" for name, mean, _ in rows)
    label = f"{measure.title} of {len(rows)} conditions: {said}"
    parts = [
        f'<svg class="granum-chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}"'
        f' xmlns="http://www.w3.org/2000/svg">{CHART_STYLE}'
    ]
    for tick in nice_ticks(x.low, x.high, n=6):
        text = f"{100 * tick:g}" if measure.unit == "%" else f"{tick:g}"
        parts.append(f'<path class="grid" d="M{x(tick):.1f} {_TOP}V{floor}"/>')
        parts.append(f'<text x="{x(tick):.1f}" y="{floor + 18}" text-anchor="middle">{text}</text>')
    for i, (name, mean, wells) in enumerate(rows):
        y = _TOP + _ROW * (i + 0.5)
        short = name if len(name) <= 24 else name[:23] + "…"
        parts.append(f'<text class="title" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(short)}</text>')
        if mean.low is not None and mean.high is not None:
            ends = (x(max(x.low, mean.low)), x(min(x.high, mean.high)))
            parts.append(f'<path class="interval" d="M{ends[0]:.1f} {y:.1f}H{ends[1]:.1f}"/>')
        parts += [f'<circle class="well" cx="{x(value):.1f}" cy="{y:.1f}" r="3.4"/>' for value in wells]
        tip = escape(f"{name}: {value_words(mean.value, measure.unit)}")
        parts.append(f'<path class="mean" d="M{x(mean.value or 0):.1f} {y - 8:.1f}v16"><title>{tip}</title></path>')
    unit = f" ({measure.unit})" if measure.unit else ""
    middle = (left + _WIDTH - 16) / 2
    title = escape(measure.title + unit)
    parts.append(f'<text class="title" x="{middle:.0f}" y="{height - 8}" text-anchor="middle">{title}</text>')
    small = '<small class="quiet">dots: wells; line: mean; bar: 95 % interval</small>'
    return f"<figure><figcaption>{escape(measure.title)} {small}</figcaption>{''.join(parts)}</svg></figure>"
