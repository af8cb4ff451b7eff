"""Dose responses on a logarithmic axis: wells as marks, the fit dashed; a dose of 0 stands apart at the left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from granum.plate.assay import Assay, Fit, Well
from granum.report.assay_curves import plates_of, value_axis
from granum.report.assay_text import curve_name, find_measure, interval_words, last_value, parameter_words, value_words
from granum.report.chart_axes import LEFT, RIGHT, Axis, draw_frame, log_ticks
from granum.report.series_lines import N_STYLES, draw_line, draw_mark, legend_html

__all__ = ["dose_html"]

_WIDTH, _HEIGHT, _TOP = 560, 300, 14


def dose_html(assay: Assay) -> str:
    """Return a chart per measure that has a fitted dose response; nothing without one."""
    measures = list(dict.fromkeys(fit.measure for fit in assay.fits if fit.model == "dose_response"))
    figures = [_figure(assay, name) for name in measures]
    shown = "".join(figure for figure in figures if figure)
    return f'<h2>Dose response</h2><div class="charts apart">{shown}</div>' if shown else ""


def _points(assay: Assay, fit: Fit) -> list[tuple[float, float, str]]:
    """Return dose, last value and name of the wells behind a fit."""
    dosed = [well for well in assay.wells if well.dose is not None]
    own = [well for well in dosed if well.condition == fit.name] or [well for well in dosed if not well.condition]
    without = []
    if not any(well.dose == 0 for well in own):  # then the negative controls are dose 0, as in the fit
        without = [well for well in assay.wells if well.control == "negative" and not well.dose and well not in own]
    values = _last_values(assay, fit.measure)
    found = []
    for well in [*own, *without]:
        value = values.get((well.plate, well.well))
        if value is not None:
            found.append((well.dose or 0.0, value, _name(well, plates_of(assay))))
    return found


def _name(well: Well, plates: Sequence[str]) -> str:
    return curve_name(well.plate, well.well, plates)


def _last_values(assay: Assay, measure: str) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for curve in assay.curves:
        if curve.level == "well" and curve.measure == measure and (last := last_value(curve)) is not None:
            value = last[1].value
            if value is not None:
                found[curve.plate, curve.name] = value
    return found


def _figure(assay: Assay, name: str) -> str:
    measure, plates = find_measure(assay, name), plates_of(assay)
    fits = [fit for fit in assay.fits if fit.model == "dose_response" and fit.measure == name][:N_STYLES]
    points = [_points(assay, fit) for fit in fits]
    doses = [dose for group in points for dose, _, _ in group] + [dose for fit in fits for dose in fit.time]
    positive = [dose for dose in doses if dose > 0]
    if not positive:
        return ""
    low, high = min(positive), max(positive)
    if high < low * 1.01:
        low, high = low / 3, high * 3
    zero = low / (high / low) ** 0.12 if any(dose <= 0 for dose in doses) else None
    x = Axis(zero or low, high, True, LEFT + 8, _WIDTH - RIGHT - 4)
    values = [value for group in points for _, value, _ in group] + [v for fit in fits for v in fit.value]
    y = value_axis(values, measure.unit, _HEIGHT, _TOP)
    ticks = [(tick, f"{tick:.4g}") for tick in _some(log_ticks(low, high) or [low, high])]
    said = ", ".join(f"{curve_name(fit.plate, fit.name, plates)} {_middle(fit)}".strip() for fit in fits)
    parts = draw_frame(
        x, y, height=_HEIGHT, width=_WIDTH, x_title="dose", label=f"Dose response of {measure.title}: {said}",
        y_title=measure.title + (f" ({measure.unit})" if measure.unit else ""), top=_TOP, n_y=5,
        y_text=(lambda tick: f"{100 * tick:g}") if measure.unit == "%" else "{:g}".format,
        x_ticks=[(zero, "0"), *ticks] if zero else ticks,
    )  # fmt: skip
    for i, (fit, group) in enumerate(zip(fits, points, strict=True)):
        line = [(dose, value) for dose, value in zip(fit.time, fit.value, strict=True) if dose > 0]
        parts.append(draw_line(x, y, [dose for dose, _ in line], [value for _, value in line], i, "dashed"))
        for dose, value, well in group:
            tip = f"{well}, dose {dose:g}: {value_words(value, measure.unit)}"
            parts.append(draw_mark(x(dose if dose > 0 else zero or low), y(value), i, tip))
    legend = legend_html([curve_name(fit.plate, fit.name, plates) for fit in fits]) if len(fits) > 1 else ""
    small = '<small class="quiet">marks: wells at their last time; dashed: fit</small>'
    return f"<figure><figcaption>{escape(measure.title)} {small}</figcaption>{''.join(parts)}</svg>{legend}</figure>"


def _some(ticks: list[float]) -> list[float]:
    """Return at most 8 of the ticks: whole powers of ten, every so many of them, where there are more."""
    if len(ticks) <= 8:
        return ticks
    powers = [tick for tick in ticks if abs(math.log10(tick) - round(math.log10(tick))) < 1e-9]
    return powers[:: -(-len(powers) // 8)] if powers else ticks[:: -(-len(ticks) // 8)]


def _middle(fit: Fit) -> str:
    for name, interval in fit.parameters.items():
        words, unit = parameter_words(name)
        if words.startswith(("EC", "IC", "ED")):
            return f"{words} {interval_words(interval)} {unit}".strip()
    return ""
