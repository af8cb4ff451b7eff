"""Curves of an assay over time: conditions with their interval and replicates, fits as dashed lines, numbers below."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from granum.plate.assay import Assay, Curve, Fit, Measure
from granum.plate.condition_names import name_conditions
from granum.report.assay_text import curve_name, find_measure, interval_words, time_words, value_at, value_words
from granum.report.chart_axes import BOTTOM, LEFT, RIGHT, Axis, draw_frame
from granum.report.series_lines import N_STYLES, draw_band, draw_line, draw_marks, legend_html

__all__ = ["best_fits", "curves_html", "plates_of", "value_axis"]

_WIDTH, _HEIGHT, _TOP = 560, 300, 14
_MOST_CHARTS = 24
_MOST_ROWS = 200


def plates_of(assay: Assay) -> list[str]:
    """Return the plates in the order in which they come."""
    return list(dict.fromkeys(image.plate for image in assay.images))


def best_fits(assay: Assay) -> dict[tuple[str, str, str, str], Fit]:
    """Return (level, plate, name, measure) -> the fit with the smallest AIC, dose responses left out."""
    found: dict[tuple[str, str, str, str], Fit] = {}
    for fit in assay.fits:
        key = (fit.level, fit.plate, fit.name, fit.measure)
        known = found.get(key)
        if fit.model == "dose_response" or not fit.time:
            continue
        if known is None or (fit.aic is not None and (known.aic is None or fit.aic < known.aic)):
            found[key] = fit
    return found


def value_axis(values: Sequence[float], unit: str, height: int, top: float) -> Axis:
    """Return the vertical axis: 0 to 100 % for shares, else from 0 (or what is lower) to the largest value."""
    if unit == "%":
        low, high = 0.0, max(1.0, *values) if values else 1.0
    else:
        low, high = min(0.0, *values) if values else 0.0, 1.06 * max(values, default=1.0)
    return Axis(low, high if high > low else low + 1.0, False, height - BOTTOM, top)


def curves_html(assay: Assay) -> str:
    """Return the charts over time; nothing where no curve has two times."""
    names = list(dict.fromkeys([*(measure.name for measure in assay.measures), *(c.measure for c in assay.curves)]))
    figures: list[str] = []
    for name in names:
        figures += _figures(assay, find_measure(assay, name))
    if not figures:
        return ""
    more = (
        f'<p class="quiet">The other {len(figures) - _MOST_CHARTS} charts are left out; curves.csv has all values.</p>'
        if len(figures) > _MOST_CHARTS
        else ""
    )
    return f'<h2>Over time</h2><div class="charts apart">{"".join(figures[:_MOST_CHARTS])}</div>{more}'


def _drawn(curves: Sequence[Curve]) -> list[Curve]:
    return [curve for curve in curves if sum(value is not None for value in curve.value) > 1]


def _figures(assay: Assay, measure: Measure) -> list[str]:
    """Return the charts of one measure, at most 8 series in each."""
    curves = _drawn([curve for curve in assay.curves if curve.measure == measure.name])
    by_level = {level: [curve for curve in curves if curve.level == level] for level in ("condition", "well", "field")}
    level = next((level for level, found in by_level.items() if found), None)
    if level is None:
        return []
    main = by_level[level]
    if level == "condition":
        condition = name_conditions(assay.wells)
        thin = [(condition.get((curve.plate, curve.name), ""), curve) for curve in by_level["well"]]
        thin = thin if len(thin) > len(main) else []
    elif len(main) > N_STYLES:  # no plate map: a line for each well, all alike
        thin = [("", curve) for curve in main]
        return [_figure(assay, measure, [], thin, 0, f"each line is a {level}")]
    else:
        thin = []
    groups = [main[i : i + N_STYLES] for i in range(0, len(main), N_STYLES)]
    figures = []
    for i, group in enumerate(groups):
        names = {curve.name for curve in group}
        plates = {curve.plate for curve in group}
        behind = [(owner, c) for owner, c in thin if owner in names and (c.plate in plates or plates == {""})]
        part = f"{i + 1} of {len(groups)}" if len(groups) > 1 else ""
        figures.append(_figure(assay, measure, group, behind, 0, part))
    return figures


def _figure(
    assay: Assay, measure: Measure, main: Sequence[Curve], thin: Sequence[tuple[str, Curve]], first: int, part: str
) -> str:
    plates = plates_of(assay)
    every = [*main, *(curve for _, curve in thin)]
    fits = best_fits(assay)
    fitted = [fits.get((curve.level, curve.plate, curve.name, curve.measure)) for curve in main]
    times = [time for curve in every for time in curve.time]
    values = [value for curve in every for value in curve.value if value is not None]
    for fit in fitted:
        times, values = [*times, *(fit.time if fit else ())], [*values, *(fit.value if fit else ())]
    values += [end for curve in main for end in curve.high if end is not None]
    x = Axis(min(times), max(times), False, LEFT, _WIDTH - RIGHT)
    y = value_axis(values, measure.unit, _HEIGHT, _TOP)
    unit = "frame" if assay.time_unit == "frame" else f"time ({assay.time_unit})"
    title = measure.title + (f" ({measure.unit})" if measure.unit else "")
    label = f"{measure.title} over time from {time_words(x.low, assay.time_unit)} to "
    label += f"{time_words(x.high, assay.time_unit)}: {_ends(main or every, measure, plates)}"
    percent = (lambda tick: f"{100 * tick:g}") if measure.unit == "%" else (lambda tick: f"{tick:g}")
    parts = draw_frame(
        x, y, height=_HEIGHT, width=_WIDTH, x_title=unit, y_title=title, label=label, top=_TOP, n_y=5, y_text=percent
    )
    style = {curve.name: i for i, curve in enumerate(main, start=first)}
    parts += [draw_line(x, y, curve.time, curve.value, style.get(owner, first), "thin") for owner, curve in thin]
    parts += [draw_band(x, y, curve.time, curve.low, curve.high, i) for i, curve in enumerate(main, start=first)]
    for i, (curve, fit) in enumerate(zip(main, fitted, strict=True), start=first):
        name = curve_name(curve.plate, curve.name, plates)
        parts.append(draw_line(x, y, curve.time, curve.value, i))
        tips = [
            f"{name}, {time_words(time, assay.time_unit)}: {value_words(value, measure.unit)}"
            for time, value in zip(curve.time, curve.value, strict=True)
        ]
        parts.append(draw_marks(x, y, curve.time, curve.value, i, tips))
        if fit is not None:
            parts.append(draw_line(x, y, fit.time, fit.value, i, "dashed"))
    notes = [part] if part else []
    notes += ["thin: replicates"] if thin and main else []
    notes += ["dashed: fits"] if any(fit is not None for fit in fitted) else []
    small = f' <small class="quiet">{escape("; ".join(notes))}</small>' if notes else ""
    legend = (
        legend_html([curve_name(curve.plate, curve.name, plates) for curve in main], first) if len(main) > 1 else ""
    )
    return (
        f"<figure><figcaption>{escape(measure.title)}{small}</figcaption>{''.join(parts)}</svg>{legend}"
        f"{_numbers(assay, measure, main)}</figure>"
    )


def _ends(curves: Sequence[Curve], measure: Measure, plates: Sequence[str]) -> str:
    """Return where the curves begin and end, for who cannot see them."""
    words = []
    for curve in curves[:N_STYLES]:
        known = [value for value in curve.value if value is not None]
        ends = " to ".join(value_words(value, measure.unit) for value in (known[0], known[-1]))
        words.append(f"{curve_name(curve.plate, curve.name, plates)} {ends}")
    return ", ".join(words) + (f" and {len(curves) - N_STYLES} more" if len(curves) > N_STYLES else "")


def _numbers(assay: Assay, measure: Measure, curves: Sequence[Curve]) -> str:
    """Return the values as a table that opens."""
    times = sorted({time for curve in curves for time in curve.time})
    if not curves or len(times) > _MOST_ROWS:
        return ""
    plates = plates_of(assay)
    places = [{time: i for i, time in enumerate(curve.time)} for curve in curves]
    head = "".join(f"<th>{escape(curve_name(curve.plate, curve.name, plates))}</th>" for curve in curves)
    rows = []
    for time in times:
        cells = []
        for curve, place in zip(curves, places, strict=True):
            i = place.get(time)
            cells.append(f"<td>{'' if i is None else escape(interval_words(value_at(curve, i), measure.unit))}</td>")
        rows.append(f"<tr><td>{time:.4g}</td>{''.join(cells)}</tr>")
    unit = "frame" if assay.time_unit == "frame" else f"time ({assay.time_unit})"
    with_unit = f" in {measure.unit}" if measure.unit else ""
    of_methods = assay.kind == "confluency" and any(curve.level != "condition" for curve in curves)
    kind = "bounds by method" if of_methods else "95 % intervals"
    return (
        f"<details><summary>numbers{escape(with_unit)}, with {kind}</summary>"
        f'<div class="scroll tall" tabindex="0"><table><thead><tr><th>{escape(unit)}</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></details>"
    )
