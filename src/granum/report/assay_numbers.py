"""The numbers at the head of an assay's page: the result with its interval, what was counted, how good the plate is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from granum.measure.proportion import wilson_interval
from granum.plate.assay import Assay, Curve, Interval, PlateImage
from granum.report.assay_curves import best_fits, plates_of
from granum.report.assay_tables import z_prime_verdict
from granum.report.assay_text import curve_name, last_value, parameter_words, time_words, value_words
from granum.report.section import format_number

__all__ = ["assay_numbers"]

Number = tuple[str, str, str, str]  # name, value, unit, what stands below
_MAIN = {"live-dead": ("viability", "viability"), "confluency": ("confluency", "confluency")}


def assay_numbers(assay: Assay) -> list[Number]:
    """Return name, value, unit and small words of each number, the most important first.

    With conditions these are the highest and the lowest of their last values; without, the share of all that was
    counted at the last time.
    """
    name, title = _MAIN[assay.kind]
    times = sorted({image.time for image in assay.images})
    at = f" at {time_words(times[-1], assay.time_unit)}" if len(times) > 1 else ""
    last = [image for image in assay.images if image.time == times[-1]] if times else []
    numbers = _of_conditions(assay, name, title, at) or _of_images(last, name, title, at)
    numbers += _nuclei(assay, last, at)
    if len(times) > 1:
        numbers += _fitted(assay)
    numbers += [
        # two wells a side can look excellent by chance: then how few they are is what must be known
        (
            "Z′ of the controls",
            format_number(one.z_prime, digits=3),
            "",
            one.note.rstrip(".") or z_prime_verdict(one.z_prime).partition(":")[0],
        )
        for one in assay.quality
        if one.measure == name and one.z_prime is not None
    ][-1:]
    return [*numbers, *_extent(assay, times)]


def _below(interval: Interval, of: str) -> str:
    words = [of] if of else []
    if interval.low is not None and interval.high is not None:
        low, high = (f"{100 * end:.1f}" for end in (interval.low, interval.high))
        words.insert(0, f"95 %: {low} to {high}")
    return "; ".join(words)


def _of_conditions(assay: Assay, name: str, title: str, at: str) -> list[Number]:
    found: list[tuple[float, Interval, Curve, int]] = []
    for curve in assay.curves:
        last = last_value(curve) if curve.level == "condition" and curve.measure == name else None
        if last is not None and last[1].value is not None:
            found.append((last[1].value, last[1], curve, last[2]))
    if not found or (len(found) == 1 and found[0][3] < 2):
        return []
    plates = plates_of(assay)
    found.sort(key=lambda one: -one[0])

    def number(which: str, one: tuple[float, Interval, Curve, int]) -> Number:
        label = curve_name(one[2].plate, one[2].name, plates)
        wells = f"{one[3]} replicates" if one[3] > 1 else "1 replicate"
        return which, f"{100 * one[0]:.1f}", "%", "; ".join(part for part in (label, _below(one[1], wells)) if part)

    if len(found) == 1:
        return [number(title + at, found[0])]
    return [number(f"highest {title}{at}", found[0]), number(f"lowest {title}{at}", found[-1])]


def _of_images(last: Sequence[PlateImage], name: str, title: str, at: str) -> list[Number]:
    if len(last) == 1:
        value, low, high = (last[0].values.get(name + end) for end in ("", "_low", "_high"))
        if value is None:
            return []
        below = _below(Interval(value, low, high), "")
        if name == "confluency":  # how far its methods differ: no interval of 95 %
            below = below.replace("95 %:", "methods:")
        return [(title + at, f"{100 * value:.1f}", "%", below)]
    if name == "viability":
        live, dead = (sum(image.values.get(key) or 0 for image in last) for key in ("n_live", "n_dead"))
        if live + dead > 0:
            share = Interval(live / (live + dead), *wilson_interval(live, live + dead))
            return [
                (title + at, value_words(share.value, "%", with_unit=False), "%", _below(share, "all nuclei together"))
            ]
    values = [value for image in last if (value := image.values.get(name)) is not None]
    if not values:
        return []
    spread = f"mean of {len(values)} images, {100 * min(values):.1f} to {100 * max(values):.1f}"
    return [(title + at, f"{100 * sum(values) / len(values):.1f}", "%", spread)]


def _nuclei(assay: Assay, last: Sequence[PlateImage], at: str) -> list[Number]:
    if assay.kind != "live-dead":
        return []
    live, dead = (sum(image.values.get(key) or 0 for image in last) for key in ("n_live", "n_dead"))
    if not any(image.values.get("n_live") is not None for image in last):
        return []
    uncertain = sum(image.values.get("n_uncertain") or 0 for image in last)
    below = f"{format_number(round(live))} live, {format_number(round(dead))} dead"
    below += f"; {format_number(round(uncertain))} of them uncertain" if uncertain else ""
    return [("nuclei" + at, format_number(round(live + dead)), "", below)]


def _fitted(assay: Assay) -> list[Number]:
    """Return a doubling time or closing rate where there is only one curve to have one, and a median survival."""
    numbers: list[Number] = []
    for key, title in {"doubling_time": "doubling time", "closing_rate": "closing rate"}.items():
        found = [
            (parameter, value)
            for fit in best_fits(assay).values()
            for parameter, value in fit.parameters.items()
            if parameter.startswith(key) and value.value is not None
        ]
        if len(found) == 1:
            parameter, value = found[0]
            unit = parameter_words(parameter)[1]
            ends = "" if value.low is None or value.high is None else f"95 %: {value.low:.4g} to {value.high:.4g}"
            numbers.append((title, value_words(value.value, ""), unit, ends))
    if len(assay.survival) == 1 and assay.survival[0].median.value is not None:
        median = assay.survival[0].median
        ends = "" if median.low is None or median.high is None else f"95 %: {median.low:.4g} to {median.high:.4g}"
        numbers.append(("median survival", value_words(median.value, ""), assay.time_unit, ends))
    return numbers


def _extent(assay: Assay, times: Sequence[float]) -> list[Number]:
    named = {(image.plate, image.well) for image in assay.images if image.well}
    wells = [well for well in assay.wells if (well.plate, well.well) in named]  # not what stands for one
    parts = [f"{len(times)} times"] if len(times) > 1 else []
    if len(wells) > 1:
        n_fields = max(well.n_fields for well in wells)
        plates = plates_of(assay)
        parts = [f"{len(plates)} plates"] * (len(plates) > 1) + parts
        parts += [f"up to {n_fields} fields each"] if n_fields > 1 else []
        return [("wells", format_number(len(wells)), "", escape(", ".join(parts)))]
    if len(assay.images) > 1:
        return [("images", format_number(len(assay.images)), "", ", ".join(parts))]
    return []
