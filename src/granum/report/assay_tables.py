"""Tables of an assay: conditions at the last time, parameters of fits with intervals, how far controls are apart."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from granum.plate.assay import Assay, Curve, Fit, Interval
from granum.report.assay_curves import plates_of
from granum.report.assay_text import (
    curve_name,
    find_measure,
    interval_words,
    last_value,
    parameter_words,
    time_words,
    value_words,
)
from granum.report.section import format_number

__all__ = ["conditions_html", "fits_html", "log_rank_html", "quality_html", "z_prime_verdict"]

_MOST_ROWS = 200
_LOG_RANK = "log_rank"
# what is published of a fit stands before what it also has
_FIRST = ("doubling_time", "closing_rate", "ec50")
_TEST_NAMES = {
    "observed_deaths": "deaths", "expected_deaths": "expected if alike", "chi2": "χ²", "p_value": "p, nuclei",
    "p_value_wells": "p, wells",
}  # fmt: skip
_MODELS = {
    "exponential": "exponential growth", "logistic": "logistic growth", "gompertz": "Gompertz growth",
    "linear": "straight line", "dose_response": "four-parameter dose response",
}  # fmt: skip


def conditions_html(assay: Assay) -> str:
    """Return what was measured of each condition, or of each named thing that has curves, at its last time."""
    for level in ("condition", "well"):
        curves = [curve for curve in assay.curves if curve.level == level and not curve.measure.endswith("_t0")]
        names = list(dict.fromkeys((curve.plate, curve.name) for curve in curves))
        if len(names) > 1:
            break
    else:
        return ""
    if level == "well" and any(well.row for well in assay.wells):
        return ""  # they stand on the plate
    by_name: dict[tuple[str, str, str], Curve] = {(c.plate, c.name, c.measure): c for c in curves}
    measures = [find_measure(assay, name) for name in dict.fromkeys(curve.measure for curve in curves)]
    several = len({image.time for image in assay.images}) > 1
    rows = []
    plates = plates_of(assay)
    for plate, name in names[:_MOST_ROWS]:
        cells, times, n = [], set(), 0
        for measure in measures:
            curve = by_name.get((plate, name, measure.name))
            last = last_value(curve) if curve is not None else None
            cells.append(f"<td>{'' if last is None else escape(interval_words(last[1], measure.unit))}</td>")
            if last is not None:
                times.add(last[0])
                n = max(n, last[2])
        when = f"<td>{max(times):.4g}</td>" if several and times else "<td></td>" * several
        count = f"<td>{n or ''}</td>"
        label = escape(curve_name(plate, name, plates))
        rows.append(f'<tr><th scope="row" class="text">{label}</th>{when}{count}{"".join(cells)}</tr>')
    head = "".join(f"<th>{escape(m.title)}{f' ({m.unit})' if m.unit else ''}</th>" for m in measures)
    unit = "frame" if assay.time_unit == "frame" else f"last time ({assay.time_unit})"
    head = (f"<th>{escape(unit)}</th>" if several else "") + "<th>n</th>" + head
    title = "Conditions" if level == "condition" else "Wells"
    what = "n are replicates; intervals are at 95 %, over the replicates (Student's t)." if level == "condition" else ""
    more = f" The first {_MOST_ROWS} of {len(names)}." if len(names) > _MOST_ROWS else ""
    return (
        f'<h2>{title}</h2><p class="quiet">{what}{more}</p><div class="scroll tall" tabindex="0"><table><thead><tr>'
        f'<th class="text">{level}</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def fits_html(assay: Assay) -> str:
    """Return the parameters of all fits: conditions first, wells below when opened; refusals with their reason."""
    fits = [fit for fit in assay.fits if fit.model != _LOG_RANK]
    top = [fit for fit in fits if fit.level == "condition"]
    below = [fit for fit in fits if fit.level != "condition"] if top else []
    top = top or fits
    if not top:
        return ""
    more = ""
    if below:
        more = f"<details><summary>fits of single wells</summary>{_fit_table(assay, below)}</details>"
    return (
        '<h2>Fits</h2><p class="quiet">Parameters with 95 % intervals. Of models of the same curve the one with the '
        f"smaller AIC fits better.</p>{_fit_table(assay, top)}{more}"
    )


def _fit_table(assay: Assay, fits: Sequence[Fit]) -> str:
    plates = plates_of(assay)
    criteria: dict[tuple[str, ...], list[float]] = {}
    for fit in fits:
        if fit.aic is not None and fit.parameters:
            criteria.setdefault(_curve_of(fit), []).append(fit.aic)
    # conditions stay in the order of their curves; within one, what could be fitted comes before refusals
    places = {key: i for i, key in enumerate(dict.fromkeys((fit.measure, fit.plate, fit.name) for fit in fits))}
    ordered = sorted(fits, key=lambda fit: (places[fit.measure, fit.plate, fit.name], not fit.parameters))
    rows = []
    for fit in ordered[:_MOST_ROWS]:
        known = criteria.get(_curve_of(fit), [])
        best = " <b>best</b>" if len(known) > 1 and fit.aic == min(known) and fit.parameters else ""
        rows.append(
            f'<tr><th scope="row" class="text">{escape(curve_name(fit.plate, fit.name, plates))}</th>'
            f'<td class="text">{escape(find_measure(assay, fit.measure).title)}</td>'
            f'<td class="text">{escape(_MODELS.get(fit.model, fit.model))}{best}</td>'
            f'<td class="text wrap">{_parameters(fit)}</td><td>{"" if fit.aic is None else f"{fit.aic:.1f}"}</td>'
            f'<td class="text wrap">{escape(fit.note)}</td></tr>'
        )
    more = ""
    if len(fits) > _MOST_ROWS:
        more = f'<p class="quiet">The first {_MOST_ROWS} of {len(fits)}; fits.csv has all.</p>'
    return (
        '<div class="scroll tall" tabindex="0"><table><thead><tr>'
        '<th class="text">of</th><th class="text">measure</th><th class="text">model</th>'
        '<th class="text">parameters</th><th>AIC</th><th class="text">note</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{more}"
    )


def log_rank_html(assay: Assay) -> str:
    """Return the tests of the survival of conditions against the control; nothing without one."""
    tests = [fit for fit in assay.fits if fit.model == _LOG_RANK]
    if not tests:
        return ""
    names = [name for name in _TEST_NAMES if any(name in fit.parameters for fit in tests)]
    head = "".join(f"<th>{escape(_TEST_NAMES[name])}</th>" for name in names)
    rows = []
    for fit in tests[:_MOST_ROWS]:
        values = (fit.parameters.get(name, Interval(None)).value for name in names)
        cells = "".join(f"<td>{'' if value is None else escape(value_words(value, ''))}</td>" for value in values)
        label = escape(curve_name(fit.plate, fit.name, plates_of(assay)))
        rows.append(
            f'<tr><th scope="row" class="text">{label}</th>{cells}<td class="text wrap">{escape(fit.note)}</td></tr>'
        )
    return (
        '<h3>Compared with the control</h3><div class="scroll tall" tabindex="0"><table>'
        '<caption class="quiet">log-rank test</caption>'
        f'<thead><tr><td></td>{head}<th class="text">note</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _curve_of(fit: Fit) -> tuple[str, ...]:
    return fit.level, fit.plate, fit.name, fit.measure


def _parameters(fit: Fit) -> str:
    lines = []
    for name, interval in sorted(fit.parameters.items(), key=lambda item: not item[0].startswith(_FIRST)):
        if interval == Interval(None):
            continue
        words, unit = parameter_words(name)
        lines.append(escape(f"{words} {interval_words(interval)} {unit}".strip()))
    return "<br>".join(lines)


def z_prime_verdict(z_prime: float | None) -> str:
    """Return what a Z' means, in the words of Zhang, Chung and Oldenburg (1999)."""
    if z_prime is None:
        return "not computed"
    if z_prime >= 0.5:
        return "excellent: the controls are far apart"
    if z_prime > 0:
        return "marginal: only large effects are seen in a single well"
    return "the controls overlap: a single well says nothing"


def quality_html(assay: Assay) -> str:
    """Return Z' and SSMD of the controls of each plate; nothing without controls."""
    if not assay.quality:
        return ""
    several = len(plates_of(assay)) > 1
    rows = []
    for one in assay.quality[:_MOST_ROWS]:
        z_prime, ssmd = (format_number(value, digits=3) for value in (one.z_prime, one.ssmd))
        note = "; ".join(text for text in (z_prime_verdict(one.z_prime), one.note) if text)
        plate = f'<td class="text">{escape(one.plate)}</td>' if several else ""
        rows.append(
            f'<tr>{plate}<td class="text">{escape(find_measure(assay, one.measure).title)}</td>'
            f"<td>{escape(time_words(one.time, assay.time_unit))}</td><td>{z_prime}</td><td>{ssmd}</td>"
            f'<td>{one.n_positive}</td><td>{one.n_negative}</td><td class="text wrap">{escape(note)}</td></tr>'
        )
    plate = '<th class="text">plate</th>' if several else ""
    return (
        f'<h2>Controls</h2><div class="scroll tall" tabindex="0"><table><thead><tr>{plate}<th class="text">measure</th>'
        "<th>time</th><th>Z′</th><th>SSMD</th><th>positive wells</th><th>negative wells</th>"
        f'<th class="text">meaning</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )
