"""Size distributions as SVG, drawn here so that a report needs no plotting package and no script."""

from __future__ import annotations

import math
from html import escape
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import EmptyResultError, SettingError
from granum.report.chart_axes import BOTTOM, LEFT, RIGHT, TOP, Axis, draw_frame, nice_ticks
from granum.steps import Range

__all__ = ["choose_bins", "draw_cumulative", "draw_size_histogram", "nice_ticks"]

_WIDE = 6.0  # 95th over 5th percentile from which the size axis is logarithmic


def choose_bins(sizes: ArrayLike) -> tuple[NDArray[np.float64], bool]:
    """Return the edges of the histogram's bins, and whether they are logarithmic.

    Parameters
    ----------
    sizes : (N,) array_like
        Positive sizes.

    Returns
    -------
    edges : (M + 1,) float64 ndarray
        8 to 40 bins (from 50 sizes on at least 14) after Freedman and Diaconis [1]_, with round edges where the axis
        is linear.
    log : bool
        True when the 95th percentile is over six times the 5th.

    References
    ----------
    .. [1] D. Freedman, P. Diaconis, Z. Wahrscheinlichkeitstheorie verw. Gebiete 57, 453-476 (1981),
       doi:10.1007/BF01025868
    """
    values = np.asarray(sizes, dtype=np.float64)
    if not values.size:
        raise EmptyResultError("size distribution: there is no object to draw.")
    low_tail, q1, q3, high_tail = np.percentile(values, (5, 25, 75, 95))
    log = bool(high_tail > _WIDE * low_tail)
    smallest, largest = float(values.min()), float(values.max())
    if log:
        values, (q1, q3) = np.log(values), np.log([q1, q3])
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9 * max(abs(high), 1e-300):  # all alike: one bin in the middle of an axis
        pad = 0.5 if log else max(abs(low) * 0.1, 1e-12)
        edges = low + np.linspace(-4.5, 4.5, 10) * pad / 4.5
        return np.asarray(np.exp(edges) if log else edges, dtype=np.float64), log
    width = 2 * (q3 - q1) / np.cbrt(values.size)
    fewest = 8 if values.size < 50 else 14
    n = int(np.clip(np.ceil((high - low) / width) if width > 0 else fewest, fewest, 40))
    if log:
        edges = np.asarray(np.exp(np.linspace(low, high, n + 1)), dtype=np.float64)
        edges[0], edges[-1] = smallest, largest  # exp(log(x)) may miss x by a rounding
        return edges, True
    raw = (high - low) / n
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((1, 2, 2.5, 5, 10), key=lambda factor: abs(math.log(factor * power / raw))) * power
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    edges = np.asarray(np.arange(first, max(last, first + 1) + 1) * step, dtype=np.float64)
    edges[0], edges[-1] = min(edges[0], smallest), max(edges[-1], largest)
    return edges, False


def _frame(
    axis: Axis, top: float, height: int, width: int, x_title: str, y_title: str, label: str
) -> tuple[list[str], float]:
    """Return the opening of a chart with its grid and axes, and pixels per unit of y."""
    floor = height - BOTTOM
    y = Axis(0, top, False, floor, TOP)
    parts = draw_frame(axis, y, height=height, width=width, x_title=x_title, y_title=y_title, label=label)
    return parts, (floor - TOP) / top


def _legend(entries: list[tuple[str, str]]) -> str:
    """Return the keys in a row above the plot, where they cover nothing."""
    parts, x = [], LEFT
    for kind, text in entries:
        key = (
            f'<rect class="bars" x="{x}" y="7" width="18" height="9"/>'
            if kind == "bars"
            else f'<path class="{kind}" d="M{x} 12h18"/>'
        )
        parts.append(f'{key}<text x="{x + 24}" y="16">{escape(text)}</text>')
        x += 44 + 7 * len(text)
    return "".join(parts)


def _positive(sizes: ArrayLike, weights: ArrayLike | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values = np.asarray(sizes, dtype=np.float64).ravel()
    given = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64).ravel()
    if given.shape != values.shape:
        raise SettingError(f"weights: {given.size} weights for {values.size} sizes; there must be one each.")
    good = np.isfinite(values) & (values > 0) & np.isfinite(given) & (given > 0)
    if not good.any():
        raise EmptyResultError("size distribution: there is no object to draw.")
    return values[good], given[good]


def draw_size_histogram(
    sizes: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    unit: str = "px",
    quantity: str = "equivalent circular diameter",
    lognormal: tuple[float, float] | None = None,
    width: Annotated[int, Range(240, 2000)] = 560,
    height: Annotated[int, Range(140, 2000)] = 280,
) -> str:
    """Draw the share of objects, and of their volume, per class of size.

    Parameters
    ----------
    sizes : (N,) array_like
        Positive sizes; others are left out.
    weights : (N,) array_like, optional
        Weight of each object, such as the border correction; 1 by default.
    unit, quantity : str
        Title of the size axis.
    lognormal : (float, float), optional
        Median and geometric standard deviation of the curve to draw.
    width, height : int
        Size of the drawing in CSS pixels, 240..2000 and 140..2000; it scales with the page.

    Returns
    -------
    svg : str
        An `<svg>` element, the same text for the same input.

    Raises
    ------
    EmptyResultError
        When no size is positive.
    """
    values, weight = _positive(sizes, weights)
    edges, log = choose_bins(values)
    axis = Axis(float(edges[0]), float(edges[-1]), log, LEFT, width - RIGHT)
    number = 100 * np.histogram(values, edges, weights=weight)[0] / weight.sum()
    cubes = weight * (values / values.max()) ** 3
    volume = 100 * np.histogram(values, edges, weights=cubes)[0] / cubes.sum()
    curve = _lognormal_curve(edges, lognormal, log) if lognormal is not None and lognormal[1] > 1 else None
    highest = max(number.max(), volume.max(), curve[1].max() if curve is not None else 0)
    label = f"Histogram of {len(values)} sizes from {values.min():.4g} to {values.max():.4g} {unit}"
    parts, scale = _frame(axis, highest * 1.08, height, width, f"{quantity} ({unit})", "share per class (%)", label)
    floor = height - BOTTOM
    steps = [f"M{axis(float(edges[0])):.1f} {floor}"]
    for i, share in enumerate(number.tolist()):
        left, right = axis(float(edges[i])), axis(float(edges[i + 1]))
        y = floor - share * scale
        if share:
            tip = f"{edges[i]:.4g} to {edges[i + 1]:.4g} {unit}: {share:.3g} % of number, {volume[i]:.3g} % of volume"
            parts.append(
                f'<rect class="bars" x="{left + 0.5:.1f}" y="{y:.1f}" width="{max(0.5, right - left - 1):.1f}"'
                f' height="{floor - y:.1f}"><title>{escape(tip)}</title></rect>'
            )
        steps.append(f"V{floor - volume[i] * scale:.1f}H{right:.1f}")
    parts.append(f'<path class="volume" d="{"".join(steps)}V{floor}"/>')
    entries = [("bars", "by number"), ("volume", "by volume")]
    if curve is not None:
        points = " ".join(
            f"{axis(x):.1f},{floor - y * scale:.1f}" for x, y in zip(curve[0].tolist(), curve[1].tolist(), strict=True)
        )
        parts.append(f'<polyline class="fit" points="{points}"/>')
        entries.append(("fit", "log-normal fit"))
    parts.append(_legend(entries) + "</svg>")
    return "".join(parts)


def _lognormal_curve(
    edges: NDArray[np.float64], lognormal: tuple[float, float], log: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points of the log-normal density in percent per class."""
    median, gsd = lognormal
    if log:
        x = np.geomspace(edges[0], edges[-1], 160)
        per_class = math.log(edges[1] / edges[0])
    else:
        x = np.linspace(max(edges[0], edges[-1] * 1e-6), edges[-1], 160)
        per_class = (edges[1] - edges[0]) / x
    s = math.log(gsd)
    density = np.exp(-0.5 * (np.log(x / median) / s) ** 2) / (s * math.sqrt(2 * math.pi))
    return x, 100 * density * per_class


def draw_cumulative(
    sizes: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    unit: str = "px",
    quantity: str = "equivalent circular diameter",
    marks: dict[str, float] | None = None,
    width: Annotated[int, Range(240, 2000)] = 560,
    height: Annotated[int, Range(140, 2000)] = 280,
) -> str:
    """Draw the share of objects, and of their volume, that are not larger than each size.

    Parameters
    ----------
    sizes, weights, unit, quantity, width, height
        As for `draw_size_histogram`.
    marks : dict of float, optional
        Name -> size of vertical lines; by default D10, D50 and D90 by number.

    Returns
    -------
    svg : str
        An `<svg>` element, the same text for the same input.

    Raises
    ------
    EmptyResultError
        When no size is positive.
    """
    values, weight = _positive(sizes, weights)
    order = np.argsort(values, kind="stable")
    values, weight = values[order], weight[order]
    edges, log = choose_bins(values)
    axis = Axis(float(edges[0]), float(edges[-1]), log, LEFT, width - RIGHT)
    q0 = np.cumsum(weight) / weight.sum()
    cubes = weight * (values / values[-1]) ** 3
    q3 = np.cumsum(cubes) / cubes.sum()
    if marks is None:
        marks = {f"D{p}": float(values[np.searchsorted(q0, p / 100 - 1e-12)]) for p in (10, 50, 90)}
    label = f"Cumulative distribution of {len(values)} sizes"
    parts, scale = _frame(axis, 100, height, width, f"{quantity} ({unit})", "not larger (%)", label)
    floor = height - BOTTOM
    texts = []
    for i, (name, size) in enumerate(marks.items()):
        if not axis.low <= size <= axis.high:
            continue
        x = axis(size)
        parts.append(f'<path class="mark" d="M{x:.1f} {TOP}V{floor}"/>')
        side, anchor = (-4, "end") if x > LEFT + 90 else (4, "start")
        texts.append(
            f'<text class="title on-plot" x="{x + side:.1f}" y="{floor - 8 - 15 * (len(marks) - 1 - i)}"'
            f' text-anchor="{anchor}">{escape(name)} {size:.4g}</text>'
        )
    for kind, share in (("volume", q3), ("number", q0)):
        keep = np.unique(np.searchsorted(share, np.linspace(0, 1, 400)).clip(0, len(share) - 1))
        path = [f"M{LEFT} {floor}"]
        path += [
            f"H{axis(x):.1f}V{floor - 100 * y * scale:.1f}"
            for x, y in zip(values[keep].tolist(), share[keep].tolist(), strict=True)
        ]
        parts.append(f'<path class="{kind}" d="{"".join(path)}H{width - RIGHT}"/>')
    parts += [*texts, _legend([("number", "by number"), ("volume", "by volume")]), "</svg>"]
    return "".join(parts)
