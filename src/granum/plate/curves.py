"""Measures over time: of fields, of wells, of conditions over their replicates, and relative to the first time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from granum.plate.assay import Curve, Measure, PlateImage
from granum.plate.wells import Pooled, WellImages, pool_fields

__all__ = ["condition_curves", "curves_of_wells", "mean_interval", "ratio_interval", "relative_to_start"]


def curves_of_wells(wells: Sequence[WellImages], measures: Sequence[Measure]) -> list[Curve]:
    """Return the curve of every well and, where a well has several, of its named fields.

    Times that other wells of the plate have and this one lacks are gaps: None, never 0.
    """
    times: dict[tuple[str, bool, str], set[float]] = defaultdict(set)

    def group(one: WellImages) -> tuple[str, bool, str]:
        return one.well.plate, one.well.row > 0, "" if one.well.row else one.well.well

    for one in wells:
        times[group(one)] |= {image.time for image in one.images}
    curves = []
    for one in wells:
        points = sorted(times[group(one)])
        for measure in measures:
            curve = _curve(one.images, measure, points)
            if curve is None:
                continue
            curves.append(replace(curve, name=one.well.well, plate=one.well.plate))
            fields: dict[str, list[PlateImage]] = defaultdict(list)
            for image in one.images:
                fields[image.field].append(image)
            if one.well.row and len(fields) > 1 and "" not in fields:
                for field, members in sorted(fields.items(), key=lambda item: (len(item[0]), item[0])):
                    if (curve := _curve(members, measure, points)) is not None:
                        name = f"{one.well.well} f{field}"
                        curves.append(replace(curve, level="field", name=name, plate=one.well.plate))
    return curves


def _curve(images: Sequence[PlateImage], measure: Measure, points: Sequence[float]) -> Curve | None:
    """Return the curve of a place, None where it has no value at all."""
    at: dict[float, list[PlateImage]] = defaultdict(list)
    for image in images:
        at[image.time].append(image)
    pooled = [pool_fields(at[time], measure) if time in at else Pooled(None) for time in points]
    if all(one.value is None for one in pooled):
        return None
    return Curve(
        "well", "", measure.name, tuple(points), tuple(p.value for p in pooled), tuple(p.low for p in pooled),
        tuple(p.high for p in pooled), tuple(p.n for p in pooled),
    )  # fmt: skip


def ratio_interval(value: Pooled, start: Pooled) -> Pooled:
    """Return a measure relative to its start, with the interval of a ratio of two measured numbers.

    The interval (MOVER-R) takes both intervals for independent; those of the same cells are not, so it is rather too
    wide.

    References
    ----------
    .. [1] A. Donner, G. Y. Zou, "Closed-form confidence intervals for functions of the normal mean and standard
    deviation",
       Stat. Methods Med. Res. 21, 347-359 (2012), :doi:`10.1177/0962280210383082`.
    """
    if value.value is None or not start.value or start.value <= 0:
        return Pooled(None, n=value.n)
    a, b = value.value, start.value
    ratio = a / b
    ends = (value.low, value.high, start.low, start.high)
    if any(end is None for end in ends):
        return Pooled(ratio, n=value.n)
    a_low, a_high, b_low, b_high = (float(end or 0.0) for end in ends)
    low = high = None
    if (
        b_high * (2 * b - b_high) != 0
        and (inside := (a * b) ** 2 - a_low * b_high * (2 * a - a_low) * (2 * b - b_high)) >= 0
    ):
        low = (a * b - math.sqrt(inside)) / (b_high * (2 * b - b_high))
    if (
        b_low * (2 * b - b_low) > 0
        and (inside := (a * b) ** 2 - a_high * b_low * (2 * a - a_high) * (2 * b - b_low)) >= 0
    ):
        high = (a * b + math.sqrt(inside)) / (b_low * (2 * b - b_low))
    low = None if low is None else max(0.0, min(low, ratio))
    high = None if high is None else max(high, ratio)
    return Pooled(ratio, low, high, value.n)


def relative_to_start(curve: Curve) -> Curve | None:
    """Return ``<measure>_t0``: a curve divided by its value at the first time; None where that is missing or 0."""
    points = [
        Pooled(*point)
        for point in zip(curve.value, _ends(curve.low, curve), _ends(curve.high, curve), curve.n, strict=True)
    ]
    start = points[0]
    if len(points) < 2 or start.value is None or start.value <= 0:
        return None
    relative = [Pooled(1.0, 1.0, 1.0, start.n), *(ratio_interval(point, start) for point in points[1:])]
    value, low, high = (tuple(getattr(p, end) for p in relative) for end in ("value", "low", "high"))
    return replace(curve, measure=f"{curve.measure}_t0", value=value, low=low, high=high)


def _ends(ends: tuple[float | None, ...], curve: Curve) -> tuple[float | None, ...]:
    return ends or (None,) * len(curve.value)


def mean_interval(values: Sequence[float]) -> Pooled:
    """Return the mean with Student's 95 % interval; no interval for a single value."""
    from scipy.special import stdtrit

    n = len(values)
    if not n:
        return Pooled(None)
    mean = math.fsum(values) / n
    if n == 1:
        return Pooled(mean, n=1)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stdtrit(n - 1, 0.975)) * sd / math.sqrt(n)
    return Pooled(mean, mean - half, mean + half, n)


def condition_curves(
    curves: Sequence[Curve], conditions: Mapping[tuple[str, str], str], replicates: Mapping[tuple[str, str], str],
    shares: Sequence[str],
) -> list[Curve]:  # fmt: skip
    """Return the mean curve of each condition over its replicates, with Student's interval.

    Parameters
    ----------
    curves : sequence of Curve
        Of wells.
    conditions : dict
        (plate, well) -> name of the condition.
    replicates : dict
        (plate, well) -> name of the replicate; wells of one condition, plate and replicate are averaged first, as
        they are not independent. "" is a replicate of its own.
    shares : sequence of str
        Measures whose intervals end at 0 and 1.
    """
    groups: dict[tuple[str, str], dict[tuple[str, ...], list[Curve]]] = defaultdict(lambda: defaultdict(list))
    for curve in curves:
        key = curve.plate, curve.name
        if key in conditions:
            replicate = replicates.get(key, "")
            apart = (curve.plate, replicate) if replicate else (curve.plate, "", curve.name)
            groups[curve.measure, conditions[key]][apart].append(curve)
    result = []
    for (measure, name), members in groups.items():
        points = sorted({time for same in members.values() for curve in same for time in curve.time})
        pooled = []
        for time in points:
            means = []
            for same in members.values():
                values = [
                    value for curve in same for t, value in zip(curve.time, curve.value, strict=True) if t == time
                ]
                known = [value for value in values if value is not None]
                if known:
                    means.append(math.fsum(known) / len(known))
            one = mean_interval(means)
            if one.low is not None and one.high is not None:  # shares, counts and ratios: none is negative
                one = replace(one, low=max(0.0, one.low), high=min(1.0, one.high) if measure in shares else one.high)
            pooled.append(one)
        result.append(
            Curve(
                "condition", name, measure, tuple(points), tuple(p.value for p in pooled), tuple(p.low for p in pooled),
                tuple(p.high for p in pooled), tuple(p.n for p in pooled),
            )
        )  # fmt: skip
    return result
