"""Kaplan-Meier steps with their bands, the numbers at risk under the time axis, and medians with intervals."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from html import escape

from granum.plate.assay import Assay, Survival
from granum.report.assay_curves import plates_of
from granum.report.assay_tables import log_rank_html
from granum.report.assay_text import curve_name, interval_words, time_words
from granum.report.chart_axes import BOTTOM, LEFT, RIGHT, Axis, draw_frame, nice_ticks
from granum.report.series_lines import N_STYLES, draw_band, draw_line, draw_mark, legend_html

__all__ = ["survival_html"]

_WIDTH, _HEIGHT, _TOP = 560, 300, 14


def survival_html(assay: Assay) -> str:
    """Return charts of at most 8 curves each with their tables; nothing where no curve has two times."""
    by_level = {
        level: [one for one in assay.survival if one.level == level and len(one.time) > 1]
        for level in ("condition", "well", "field")
    }
    curves = next((found for found in by_level.values() if found), [])
    if not curves:
        return ""
    groups = [curves[i : i + N_STYLES] for i in range(0, min(len(curves), 6 * N_STYLES), N_STYLES)]
    more = len(curves) - 6 * N_STYLES
    note = f'<p class="quiet">The other {more} curves are left out; survival.csv has them.</p>' if more > 0 else ""
    figures = "".join(_figure(assay, group) for group in groups)
    return f'<h2>Survival</h2><div class="charts apart">{figures}</div>{note}{log_rank_html(assay)}'


def _steps(time: Sequence[float], value: Sequence[float | None]) -> tuple[list[float], list[float | None]]:
    """Return a line that holds each value until the next time."""
    times: list[float] = []
    values: list[float | None] = []
    for i, (t, v) in enumerate(zip(time, value, strict=True)):
        if i:
            times.append(t)
            values.append(value[i - 1])
        times.append(t)
        values.append(v)
    return times, values


def _figure(assay: Assay, curves: Sequence[Survival]) -> str:
    plates, unit = plates_of(assay), assay.time_unit
    names = [curve_name(one.plate, one.name, plates) for one in curves]
    low = min(0.0, *(one.time[0] for one in curves))
    x = Axis(low, max(one.time[-1] for one in curves), False, LEFT, _WIDTH - RIGHT)
    y = Axis(0.0, 1.0, False, _HEIGHT - BOTTOM, _TOP)
    ends = ", ".join(f"{name} {100 * one.survival[-1]:.1f} %" for name, one in zip(names, curves, strict=True))
    parts = draw_frame(
        x, y, height=_HEIGHT, width=_WIDTH, x_title="frame" if unit == "frame" else f"time ({unit})",
        y_title="alive (%)", label=f"Kaplan-Meier curves until {time_words(x.high, unit)}: alive at the end {ends}",
        top=_TOP, n_y=5, y_text=lambda tick: f"{100 * tick:g}",
    )  # fmt: skip
    for i, one in enumerate(curves):
        times, lows = _steps(one.time, one.low)
        parts.append(draw_band(x, y, times, lows, _steps(one.time, one.high)[1], i))
    for i, (name, one) in enumerate(zip(names, curves, strict=True)):
        parts.append(draw_line(x, y, *_steps(one.time, one.survival), i))
        parts.append(draw_mark(x(one.time[-1]), y(one.survival[-1]), i, f"{name}: {100 * one.survival[-1]:.1f} %"))
    legend = legend_html(names) if len(curves) > 1 else ""
    return (
        '<figure><figcaption>Share still alive <small class="quiet">Kaplan-Meier, with 95 % bands</small></figcaption>'
        f"{''.join(parts)}</svg>{legend}{_at_risk(names, curves, x, unit)}{_medians(names, curves, unit)}</figure>"
    )


def _at_risk(names: Sequence[str], curves: Sequence[Survival], x: Axis, unit: str) -> str:
    """Return how many are still watched at round times: where few are left, the curve means little."""
    ticks = nice_ticks(x.low, x.high, n=6)
    head = "".join(f'<th scope="col">{tick:g}</th>' for tick in ticks)
    rows = []
    for name, one in zip(names, curves, strict=True):
        cells = []
        for tick in ticks:
            i = bisect_left(one.time, tick - 1e-9)
            cells.append(f"<td>{one.at_risk[i] if i < len(one.at_risk) else '–'}</td>")
        rows.append(f'<tr><th scope="row" class="text">{escape(name)}</th>{"".join(cells)}</tr>')
    when = "frame" if unit == "frame" else unit
    return (
        f'<div class="scroll" tabindex="0"><table><caption class="quiet">nuclei at risk</caption><thead><tr>'
        f'<th class="text">{escape(when)}</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _medians(names: Sequence[str], curves: Sequence[Survival], unit: str) -> str:
    rows = []
    for name, one in zip(names, curves, strict=True):
        median = "not reached" if one.median.value is None else interval_words(one.median)
        if one.median.value is None and one.median.low is not None:
            median = f"not reached (over {one.median.low:.4g})"
        rows.append(
            f'<tr><th scope="row" class="text">{escape(name)}</th><td>{one.at_risk[0] if one.at_risk else 0}</td>'
            f"<td>{one.n_deaths}</td><td>{one.n_censored}</td><td>{escape(median)}</td></tr>"
        )
    return (
        '<div class="scroll" tabindex="0"><table><caption class="quiet">survival</caption><thead><tr><td></td>'
        "<th>at the start</th><th>deaths</th><th>lost from view</th>"
        f"<th>median ({escape(unit)}), 95 %</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
