"""Axes of the charts in the report: positions, ticks, grid and titles as SVG.

The colours are CSS variables of the page (`--ink`, `--muted`, `--grid`, ...) with values that also work where a chart
stands alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Annotated

from granum.steps import Range

__all__ = ["BOTTOM", "CHART_STYLE", "LEFT", "RIGHT", "TOP", "Axis", "draw_frame", "log_ticks", "nice_ticks"]

LEFT, RIGHT, TOP, BOTTOM = 54, 16, 32, 44  # margins around the plot, px
CHART_STYLE = (
    "<style>.granum-chart{font:12px/1.2 system-ui,sans-serif}.granum-chart text{fill:var(--muted,#667)}"
    ".granum-chart .title{fill:var(--ink,#223)}"
    ".granum-chart .on-plot{paint-order:stroke;stroke:var(--card,#fff);stroke-width:4px;stroke-linejoin:round}"
    ".granum-chart .grid{stroke:var(--grid,#8883);stroke-width:1}"
    ".granum-chart .axis{stroke:var(--muted,#667);stroke-width:1}"
    ".granum-chart .bars{fill:var(--number,#3d7fc4);fill-opacity:.85}"
    ".granum-chart .number{fill:none;stroke:var(--number,#3d7fc4);stroke-width:2}"
    ".granum-chart .volume{fill:none;stroke:var(--volume,#d17a00);stroke-width:2}"
    ".granum-chart .fit{fill:none;stroke:var(--fit,#7a4fb5);stroke-width:2;stroke-dasharray:6 4}"
    ".granum-chart .mark{stroke:var(--muted,#667);stroke-width:1;stroke-dasharray:3 3}</style>"
)


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, linear or logarithmic, onto pixels of the drawing; call it with a value."""

    low: float
    high: float
    log: bool
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return where on the drawing a value lies."""
        low, high, value = (
            (math.log(self.low), math.log(self.high), math.log(max(value, 1e-300)))
            if self.log
            else (self.low, self.high, value)
        )
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def nice_ticks(low: float, high: float, *, n: Annotated[int, Range(2, 20)] = 6) -> list[float]:
    """Return about `n` round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / n
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5 times powers of ten from `low` to `high`; only powers over more than three decades."""
    factors = (1,) if high / low > 1000 else (1, 2, 5)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [f * 10.0**p for p in powers for f in factors if low * 0.999 <= f * 10.0**p <= high * 1.001]


def draw_frame(
    x: Axis,
    y: Axis,
    *,
    height: Annotated[int, Range(1, 5000)],
    width: Annotated[int, Range(1, 5000)],
    x_title: str,
    y_title: str,
    label: str,
    top: Annotated[float, Range(0, 5000)] = TOP,
    y_text: Callable[[float], str] = "{:g}".format,
    x_ticks: list[tuple[float, str]] | None = None,
    n_y: Annotated[int, Range(2, 20)] = 4,
) -> list[str]:
    """Return the opening of a chart with its grid and axes; what is drawn in it, and the closing tag, follow.

    Parameters
    ----------
    x, y : Axis
        `x` from left to right, `y` linear, from the floor to `top`.
    height, width : int
        Of the drawing in CSS pixels.
    x_title, y_title : str
        Beside the axes.
    label : str
        What a screen reader says.
    top : float
        Where the plot begins.
    y_text : callable
        Makes the text of a tick.
    x_ticks : list of (float, str), optional
        Values and texts of the ticks; round numbers by default.
    n_y : int
        About how many lines the grid has.
    """
    floor = height - BOTTOM
    parts = [
        f'<svg class="granum-chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}"'
        f' xmlns="http://www.w3.org/2000/svg">{CHART_STYLE}<title>{escape(label)}</title>'
    ]
    for tick in nice_ticks(y.low, y.high, n=n_y):
        at = y(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{width - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 7}" y="{at + 4:.1f}" text-anchor="end">{escape(y_text(tick))}</text>')
    if x_ticks is None:
        ticks = log_ticks(x.low, x.high) if x.log else nice_ticks(x.low, x.high, n=7)
        x_ticks = [(tick, f"{tick:.4g}") for tick in (ticks if len(ticks) > 1 else [x.low, x.high])]
    for tick, text in x_ticks:
        at = x(tick)
        parts.append(f'<path class="axis" d="M{at:.1f} {floor}v5"/>')
        parts.append(f'<text x="{at:.1f}" y="{floor + 18}" text-anchor="middle">{escape(text)}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {floor}H{width - RIGHT}"/>')
    middle = (LEFT + width - RIGHT) / 2
    parts.append(
        f'<text class="title" x="{middle:.1f}" y="{height - 8}" text-anchor="middle">{escape(x_title)}</text>'
        f'<text class="title" transform="translate(13 {(top + floor) / 2:.1f}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_title)}</text>"
    )
    return parts
