"""Lines of a chart that belong to something: colour and mark of a series, bands, gaps where values are missing.

Colours alone do not tell series apart for everybody, so each has a mark of its own as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from granum.report.chart_axes import Axis

__all__ = ["N_STYLES", "draw_band", "draw_line", "draw_mark", "draw_marks", "legend_html"]

N_STYLES = 8
_MARKS = (
    "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0z",  # disc
    "M-3 -3h6v6h-6z",  # square
    "M0 -4l4 7h-8z",  # triangle
    "M0 -4.4l3.6 4.4l-3.6 4.4l-3.6 -4.4z",  # diamond
    "M0 4l4 -7h-8z",  # triangle that stands on its tip
    "M-1.2 -4h2.4v2.8h2.8v2.4h-2.8v2.8h-2.4v-2.8h-2.8v-2.4h2.8z",  # plus
    "M-4.4 -1.6h8.8v3.2h-8.8z",  # bar
    "M-1.6 -4.4h3.2v8.8h-3.2z",  # post
)
_MOST_MARKS = 30

Values = Sequence[float | None]


def _runs(time: Sequence[float], value: Values) -> Iterator[list[tuple[float, float]]]:
    """Yield the pieces of a line between missing values."""
    run: list[tuple[float, float]] = []
    for t, v in zip(time, value, strict=True):
        if v is not None:
            run.append((t, v))
        elif run:
            yield run
            run = []
    if run:
        yield run


def draw_line(x: Axis, y: Axis, time: Sequence[float], value: Values, style: int, kind: str = "line") -> str:
    """Return a line; `kind` "line", "thin" or "dashed"; a value between two missing ones is a short stroke."""
    parts = []
    for run in _runs(time, value):
        points = [f"{x(t):.1f} {y(v):.1f}" for t, v in run]
        parts.append(f"M{points[0]}L{' '.join(points[1:])}" if len(points) > 1 else f"M{points[0]}h1")
    return f'<path class="{kind} s{style % N_STYLES}" d="{"".join(parts)}"/>' if parts else ""


def draw_band(x: Axis, y: Axis, time: Sequence[float], low: Values, high: Values, style: int) -> str:
    """Return the area between two lines, where both are known."""
    if len(low) != len(time) or len(high) != len(time):
        return ""
    both = [(a is None) or (b is None) for a, b in zip(low, high, strict=True)]
    lower, upper = (
        list(_runs(time, [None if gap else end for gap, end in zip(both, ends, strict=True)])) for ends in (low, high)
    )
    parts = []
    for under, over in zip(lower, upper, strict=True):
        if len(under) > 1:
            corners = [f"{x(t):.1f} {y(min(y.high, v)):.1f}" for t, v in over]
            corners += [f"{x(t):.1f} {y(max(y.low, v)):.1f}" for t, v in reversed(under)]
            parts.append(f"M{' L'.join(corners)}z")
    return f'<path class="band s{style % N_STYLES}" d="{"".join(parts)}"/>' if parts else ""


def draw_mark(at_x: float, at_y: float, style: int, tip: str = "") -> str:
    """Return the mark of a series at a place of the drawing, with a text for the pointer."""
    title = f"<title>{escape(tip)}</title>" if tip else ""
    style %= N_STYLES
    place = f"translate({at_x:.1f} {at_y:.1f})"
    return f'<path class="mark-of s{style}" transform="{place}" d="{_MARKS[style]}">{title}</path>'


def draw_marks(x: Axis, y: Axis, time: Sequence[float], value: Values, style: int, tips: Sequence[str]) -> str:
    """Return marks along a line, some of them where there are many values."""
    step = max(1, -(-len(time) // _MOST_MARKS))
    return "".join(
        draw_mark(x(time[i]), y(v), style, tips[i]) for i in range(0, len(time), step) if (v := value[i]) is not None
    )


def legend_html(names: Sequence[str], first: int = 0) -> str:
    """Return a line of marks and names."""
    items = "".join(
        f'<span><svg class="key" viewBox="-13 -7 26 14" aria-hidden="true">'
        f'<path class="line s{i % N_STYLES}" d="M-13 0h26"/>'
        f"{draw_mark(0, 0, i)}</svg>{escape(name)}</span>"
        for i, name in enumerate(names, start=first)
    )
    return f'<p class="legend">{items}</p>'
