"""Fits of all curves of an assay: each well by itself, a condition as the mean over its replicates, doses at the end.

A fit through the mean curve of a condition would know nothing of the spread between wells. So a condition's parameter
is the mean of those of its replicates, with Student's interval: the figure to publish.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from granum.plate.assay import Curve, Fit, Interval, Measure, Quality, Well
from granum.plate.assay_quality import assay_quality
from granum.plate.curves import mean_interval
from granum.plate.dose_response import fit_dose_response
from granum.plate.growth import GrowthFit, fit_exponential, fit_growth_curve
from granum.plate.wound import fit_closing

__all__ = ["compare_controls", "fit_conditions", "fit_doses", "fit_wells"]

_FEWEST_TIMES = 4
_MODELS: Mapping[str, tuple[str, ...]] = {
    "confluency": ("exponential", "logistic", "gompertz", "linear"),
    "n_nuclei": ("exponential",),
}
_WOUND_COVER = 0.4  # share that cells cover around a fresh wound, at least
_TIMES = ("doubling_time", "midpoint", "from", "to", "half_closure_time")
_RATES = ("rate", "closing_rate")
_RATIO = ("doubling_time", "rate", "plateau")  # positive, so their logarithms are averaged


def fit_wells(curves: Sequence[Curve], time_unit: str) -> list[Fit]:
    """Return the fits of the curves of wells that have a model; refusals are fits with a note and no parameters."""
    fits = []
    for curve in curves:
        if curve.level != "well" or sum(value is not None for value in curve.value) < 2:
            continue
        if len(curve.time) < _FEWEST_TIMES:
            continue
        for model in _MODELS.get(curve.measure, ()):
            if model == "linear" and not _may_be_wound(curve):
                continue
            fits.append(_fit(curve, model, time_unit))
    return fits


def _may_be_wound(curve: Curve) -> bool:
    """Whether cells cover much of the area from the start and more later: dishes that are sown start with less."""
    values = [value for value in curve.value if value is not None]
    return values[0] >= _WOUND_COVER and values[-1] > values[0]


def _fit(curve: Curve, model: str, time_unit: str) -> Fit:
    values = np.array([math.nan if value is None else value for value in curve.value])
    if model == "linear":
        closing = fit_closing(curve.time, 1 - values)
        line = tuple(1 - value for value in closing.value)
        found = GrowthFit(dict(closing.parameters), closing.time, line, None, closing.note)
    elif model == "exponential":
        found = fit_exponential(curve.time, values)
    else:
        found = fit_growth_curve(curve.time, values, model="gompertz" if model == "gompertz" else "logistic")
    parameters = {_with_unit(name, time_unit): value for name, value in found.parameters.items()}
    return Fit(
        "well",
        curve.name,
        curve.measure,
        model,
        parameters,
        found.aic,
        found.time,
        found.value,
        found.note,
        curve.plate,
    )


def _with_unit(name: str, unit: str) -> str:
    return f"{name}_{unit}" if name in _TIMES else f"{name}_per_{unit}" if name in _RATES else name


def fit_conditions(
    fits: Sequence[Fit], conditions: Mapping[tuple[str, str], str], replicates: Mapping[tuple[str, str], str]
) -> list[Fit]:
    """Return the fits of conditions: means over the replicates of what was fitted to each well.

    Parameters
    ----------
    fits : sequence of Fit
        Of wells.
    conditions, replicates : dict
        (plate, well) -> name of the condition, and of the replicate ("" is one of its own).
    """
    groups: dict[tuple[str, str, str], list[Fit]] = defaultdict(list)
    for fit in fits:
        if condition := conditions.get((fit.plate, fit.name)):
            groups[condition, fit.measure, fit.model].append(fit)
    result = []
    for (condition, measure, model), members in groups.items():
        good = [fit for fit in members if fit.parameters]
        empty = Fit("condition", condition, measure, model, {})
        if not good:
            result.append(
                replace(
                    empty, note=members[0].note if len(members) == 1 else f"None of {len(members)} wells has a fit."
                )
            )
            continue
        if len(members) == 1:
            note = " ".join(part for part in (good[0].note, "One well: the intervals are of its fit.") if part)
            result.append(replace(good[0], level="condition", name=condition, plate="", note=note))
            continue
        same: dict[tuple[str, ...], list[Fit]] = defaultdict(list)
        for fit in good:
            name = replicates.get((fit.plate, fit.name), "")
            same[(fit.plate, name) if name else (fit.plate, "", fit.name)].append(fit)
        parameters = {name: _mean(list(same.values()), name) for name in good[0].parameters}
        note = f"Means over {len(same)} replicates"
        note += (
            "." if len(good) == len(members) else f"; {len(members) - len(good)} of {len(members)} wells have no fit."
        )
        criteria = [fit.aic for fit in good if fit.aic is not None]
        aic = math.fsum(criteria) if len(criteria) == len(members) else None
        time, value = _mean_line(good)
        result.append(replace(empty, parameters=parameters, aic=aic, time=time, value=value, note=note))
    return result


def _mean(groups: Sequence[Sequence[Fit]], name: str) -> Interval:
    """Return the mean of a parameter over replicates with Student's interval, of its logarithm where it is a ratio."""
    in_logs = any(name == ratio or name.startswith((f"{ratio}_per_", f"{ratio}_")) for ratio in _RATIO)
    means = []
    for members in groups:
        values = [
            one.value for fit in members if (one := fit.parameters.get(name)) is not None and one.value is not None
        ]
        if in_logs:
            values = [math.log(value) for value in values if value > 0]
        if values:
            means.append(math.fsum(values) / len(values))
    found = mean_interval(means)
    if name.startswith(("from_", "to_")):  # ends of a window were chosen, not measured
        return Interval(found.value)
    ends = [
        math.exp(end) if in_logs and end is not None and end < 700 else end
        for end in (found.value, found.low, found.high)
    ]
    return Interval(*ends)


def _mean_line(fits: Sequence[Fit]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean of the lines of wells over the times that all have."""
    start, end = max(fit.time[0] for fit in fits), min(fit.time[-1] for fit in fits)
    if not start < end:
        return (), ()
    time = np.linspace(start, end, 40)
    line = np.mean([np.interp(time, fit.time, fit.value) for fit in fits], axis=0)
    return tuple(time.tolist()), tuple(line.tolist())


def fit_doses(wells: Sequence[Well], curves: Sequence[Curve], measures: Sequence[Measure], time_unit: str) -> list[Fit]:
    """Return the dose response of every substance for every measure, at the last time.

    Parameters
    ----------
    wells : sequence of Well
        With doses. Wells of one condition are one substance; negative controls are its dose 0 where it has none of
        its own. Positive controls count only where they have the same condition.
    curves : sequence of Curve
        Of wells.
    measures : sequence of Measure
        What to fit.
    time_unit : str
        For the note.
    """
    fits = []
    dosed = [well for well in wells if well.dose is not None]
    for name in dict.fromkeys(well.condition for well in dosed if well.dose):
        members = [well for well in dosed if well.condition == name]
        if len({well.dose for well in members if well.dose}) < 2:
            continue
        plates = {well.plate for well in members}
        borrowed = []
        if not any(well.dose == 0 for well in members):
            borrowed = [
                w for w in wells if w.control == "negative" and not w.dose and w.plate in plates and w.condition != name
            ]
        for measure in measures:
            at = {(c.plate, c.name): c for c in curves if c.level == "well" and c.measure == measure.name}
            points = [(0.0 if w in borrowed else w.dose, at.get((w.plate, w.well))) for w in [*members, *borrowed]]
            last = max((c.time[-1] for _, c in points if c is not None), default=None)
            pairs = [
                (d, c.value[-1]) for d, c in points if c is not None and c.time[-1] == last and c.value[-1] is not None
            ]
            if not pairs or last is None:
                continue
            found = fit_dose_response(np.array([d for d, _ in pairs], float), np.array([v for _, v in pairs], float))
            several = any(c is not None and len(c.time) > 1 for _, c in points)
            notes = [found.note, f"{len(pairs)} wells" + (f" at {last:g} {time_unit}" if several else "") + "."]
            if borrowed:
                notes.append(f"Dose 0 are the {len(borrowed)} wells of the negative control.")
            note = " ".join(part for part in notes if part)
            label = name or "all doses"
            line = (found.dose, found.value)
            fits.append(
                Fit("condition", label, measure.name, "dose_response", found.parameters, found.aic, *line, note)
            )
    return fits


def compare_controls(wells: Sequence[Well], curves: Sequence[Curve], measures: Sequence[Measure]) -> list[Quality]:
    """Return Z' and SSMD of every plate that has controls, for every measure, at the last time of both."""
    found = []
    for plate in dict.fromkeys(well.plate for well in wells if well.control):
        kinds = {w.well: w.control for w in wells if w.plate == plate and w.control}
        if set(kinds.values()) != {"positive", "negative"}:
            continue
        for measure in measures:
            here = [
                c
                for c in curves
                if c.level == "well" and c.plate == plate and c.measure == measure.name and c.name in kinds
            ]
            values: dict[float, dict[str, list[float]]] = defaultdict(lambda: {"positive": [], "negative": []})
            for curve in here:
                for time, value in zip(curve.time, curve.value, strict=True):
                    if value is not None:
                        values[time][kinds[curve.name]].append(value)
            both = [time for time, sides in values.items() if all(sides.values())]
            if both:
                last = values[max(both)]
                found.append(
                    assay_quality(last["positive"], last["negative"], plate=plate, measure=measure.name, time=max(both))
                )
    return found
