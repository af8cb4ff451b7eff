"""Size distribution in the report: charts, statistics with intervals, what they mean, and how they were computed."""

from __future__ import annotations

from html import escape

from granum.report.charts import draw_cumulative, draw_size_histogram
from granum.report.run_sizes import RunSizes
from granum.report.section import UNIT_NAMES, format_number

__all__ = ["sizes_html", "statistics_methods"]


def sizes_html(sizes: RunSizes) -> str:
    """Return the charts, the table of statistics and the verdicts; empty for fewer than two whole objects."""
    found = sizes.distribution
    if found.n < 2:
        return ""
    unit = UNIT_NAMES[sizes.unit]
    curve = None if found.lognormal is None else (found.lognormal.median, found.lognormal.gsd)
    histogram = draw_size_histogram(sizes.values, sizes.weights, unit=unit, lognormal=curve)
    number = found.number
    marks = {
        name: value
        for name, value in (("D10", number.d10), ("D50", number.d50), ("D90", number.d90))
        if value is not None
    }
    cumulative = draw_cumulative(sizes.values, sizes.weights, unit=unit, marks=marks)
    rows = "".join(
        f'<tr><td class="text">{escape(name)}</td>{_value_cell(*by_number)}{_value_cell(*by_volume)}</tr>'
        for name, by_number, by_volume in _statistics(sizes)
    )
    cards = "".join(
        f'<div class="card"><h3>{escape(title)}</h3><p>{escape(text)}</p></div>' for title, text in _verdicts(sizes)
    )
    return (
        '<h2>Size distribution</h2><div class="charts">'
        f"<figure><figcaption>Histogram</figcaption>{histogram}</figure>"
        f"<figure><figcaption>Cumulative</figcaption>{cumulative}</figure></div>"
        '<div class="two" style="margin-top:16px"><div class="scroll"><table><thead><tr>'
        f'<th class="text">{unit}, with 95 % intervals</th><th>by number</th><th>by volume</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div><div>{cards}</div></div>"
    )


def _value_cell(value: float | None, interval: tuple[float, float] | None = None) -> str:
    if value is None:
        return "<td></td>"
    small = ""
    if interval is not None:
        small = f' <small class="quiet">{format_number(interval[0])} to {format_number(interval[1])}</small>'
    return f"<td>{format_number(value)}{small}</td>"


_Value = tuple[float | None, tuple[float, float] | None]


def _statistics(sizes: RunSizes) -> list[tuple[str, _Value, _Value]]:
    """Return the rows of the table of statistics: name, by number, by volume."""
    found = sizes.distribution
    number, volume, nothing = found.number, found.volume, (None, None)
    fit = found.lognormal
    rows: list[tuple[str, _Value, _Value]] = [
        ("D10", (number.d10, number.d10_interval), (volume.d10, volume.d10_interval)),
        ("D50", (number.d50, number.d50_interval), (volume.d50, volume.d50_interval)),
        ("D90", (number.d90, number.d90_interval), (volume.d90, volume.d90_interval)),
        ("span (D90 - D10) / D50", (number.span, None), (volume.span, None)),
        ("mean: D[1,0], D[4,3]", (found.d_1_0, found.d_1_0_interval), (found.d_4_3, found.d_4_3_interval)),
        ("Sauter mean D[3,2]", nothing, (found.d_3_2, found.d_3_2_interval)),
        ("standard deviation", (found.sd, None), nothing),
    ]
    if fit is not None:
        rows.append(("log-normal fit: median", (fit.median, fit.median_interval), nothing))
        rows.append(("log-normal fit: geometric SD", (fit.gsd, fit.gsd_interval), nothing))
    return rows


def _verdicts(sizes: RunSizes) -> list[tuple[str, str]]:
    """Return title and text of what the statistics mean."""
    found, verdicts = sizes.distribution, []
    if found.adequacy is not None:
        enough = found.adequacy
        reached = (
            f" This sample gives the mean diameter within {100 * enough.error_number_mean:.2g} % and the mean volume "
            f"within {100 * enough.error_volume_mean:.2g} %."
        )
        verdicts.append(("Enough objects? (ISO 13322-1)", f"{enough}{reached}"))
    if found.lognormal is not None:
        fit = found.lognormal
        sign, words = ("under", "fits") if fit.is_lognormal else ("over", "does not fit")
        verdicts.append(
            (
                "Log-normal?",
                f"A log-normal distribution {words}: its largest distance from the sample is {fit.ks:.3f}, {sign} the "
                f"{fit.ks_critical:.3f} at which it is rejected at 5 % (Lilliefors).",
            )
        )
    if sizes.nanomaterial is not None:
        verdicts.append(("Nanomaterial? (EU 2022/C 229/01)", sizes.nanomaterial.verdict))
    verdicts += [("Not computed", f"{name.replace('_', ' ')}: {why}.") for name, why in found.missing.items()]
    return verdicts


def statistics_methods(sizes: RunSizes) -> list[tuple[str, tuple[str, ...]]]:
    """Return the sentences of the methods paragraph on the statistics."""
    if sizes.distribution.n < 2:
        return []
    sentences: list[tuple[str, tuple[str, ...]]] = [
        (
            f"Sizes are equivalent circular diameters of {sizes.distribution.n} objects; objects at the border were "
            "left out and the others weighted after Miles and Lantuejoul.",
            ("miles", "iso13322"),
        ),
        (
            "Percentiles and moment means follow ISO 9276-2; intervals are at 95 % confidence (Woodruff for "
            "percentiles, bootstrap for means and fits) and do not include errors of the segmentation.",
            ("iso9276", "woodruff", "bootstrap"),
        ),
    ]
    if sizes.nanomaterial is not None and sizes.nanomaterial.fraction is not None:
        sentences.append(("The number fraction under 100 nm was taken from the minimum Feret diameter.", ("eu",)))
    return sentences
