"""The page about a training: the score and what it speaks for, classes, confusion, learning curve, what was tried."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from granum.errors import OutputError
from granum.learn.class_colours import colour_classes
from granum.learn.pixel_model import PixelModel
from granum.report.class_section import class_legend_html, model_scores_html
from granum.report.section import table_html

__all__ = ["write_model_page"]

_WIDTH, _HEIGHT, _LEFT, _BELOW = 440, 220, 46, 34


def write_model_page(path: str | Path, model: PixelModel, leaderboard: Sequence[Any] = ()) -> None:
    """Write one self-contained HTML page about a model and how it was found.

    Parameters
    ----------
    path : str or Path
        The page; its folder is made.
    model : PixelModel
        The model; what it says about itself stands in ``about``.
    leaderboard : sequence of Trial
        What was tried, the best first.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    path = Path(path)
    report = model.about.get("report") or {}
    classes = colour_classes(model.classes)
    known = [{"id": one.id, "name": one.name} for one in classes]
    scores = (
        model_scores_html(report, known)
        if report
        else "<p>This model carries no score: it was made without a search. Search to get one.</p>"
    )
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>A model of {len(classes)} classes</title><style>{_css()}</style></head><body><main>",
        f'<p class="over">granum · training</p><h1>A model of {len(classes)} classes</h1>',
        f'<p class="quiet">{escape(model.describe())}</p>',
        class_legend_html(classes, {}, switch=False),
        f"<h2>How good it is</h2>{scores}",
        _curve_html(report.get("learning_curve") or []),
        _importance_html(report.get("importance") or []),
        _leaderboard_html(leaderboard),
        "<footer>Made by granum. This page loads nothing from elsewhere.</footer></main></body></html>\n",
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(part for part in parts if part), encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}).") from error


def _css() -> str:
    return (resources.files("granum.report") / "page.css").read_text(encoding="utf-8")


def _curve_html(curve: Sequence[Sequence[float]]) -> str:
    """Return the learning curve: is it worth painting more?"""
    points = [(float(n), float(score)) for n, score in curve]
    if len(points) < 2:
        return ""
    most = max(n for n, _ in points)
    low = max(0.0, min(score for _, score in points) - 0.1)
    high = min(1.0, max(score for _, score in points) + 0.05)

    def place(n: float, score: float) -> tuple[float, float]:
        x = _LEFT + (_WIDTH - _LEFT - 30) * n / most
        return x, 12 + (_HEIGHT - _BELOW - 12) * (1 - (score - low) / max(high - low, 1e-9))

    places = [place(n, score) for n, score in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="var(--number)"/>' for x, y in places)
    marks = "".join(
        f'<text x="{_LEFT - 6}" y="{place(0, score)[1] + 4:.1f}" text-anchor="end">{score:.2f}</text>'
        f'<path d="M{_LEFT} {place(0, score)[1]:.1f}H{_WIDTH - 12}" stroke="var(--line)"/>'
        for score in _ticks(low, high)
    )
    marks += "".join(
        f'<text x="{x:.1f}" y="{_HEIGHT - 22}" text-anchor="middle">{n:.0f}</text>'
        for number, ((x, _), (n, _)) in enumerate(zip(places, points, strict=True))
        if number + 1 == len(points) or places[number + 1][0] - x > 44  # one that would touch the next is left out
    )
    style = 'font-size="11" fill="var(--muted)"'
    return (
        '<h2>Would more strokes help?</h2><p class="quiet">Estimated mean IoU with part of the painted pixels; a curve '
        'that still rises asks for more strokes.</p><div class="charts" style="max-width:560px"><figure>'
        f'<svg class="granum-chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="learning curve"><g {style}>'
        f'{marks}<text x="{(_LEFT + _WIDTH - 12) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">painted pixels</text></g>'
        f'<polyline points="{line}" fill="none" stroke="var(--number)" stroke-width="2"/>{dots}</svg></figure></div>'
    )


def _ticks(low: float, high: float) -> list[float]:
    """Return round scores from low to high, about six at most."""
    step = next(step for step in (0.02, 0.05, 0.1, 0.2) if (high - low) / step <= 6 or step == 0.2)
    return [n * step for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _importance_html(importance: Sequence[Sequence[Any]]) -> str:
    """Return the shares of groups of features; groups of one sort ("scale: ...", "kind: ...") share a table."""
    sorts: dict[str, list[str]] = {}
    for name, share in importance:
        sort, colon, rest = str(name).partition(": ")
        row = f'<tr><td class="text">{escape(rest if colon else sort)}</td><td>{100 * float(share):.1f} %</td></tr>'
        sorts.setdefault(sort if colon else "features", []).append(row)
    tables = "".join(
        f'<div class="scroll"><table><thead><tr><th class="text">{escape(sort)}</th><th>share</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        for sort, rows in sorts.items()
    )
    words = "Share of each group of features in what the model decides."
    return f'<h2>What it goes by</h2><p class="quiet">{words}</p><div class="two">{tables}</div>' if tables else ""


def _leaderboard_html(leaderboard: Sequence[Any]) -> str:
    rows: list[Mapping[str, Any]] = [
        {
            "pipeline": str(trial.description),
            "state": str(trial.state),
            "mIoU": _rounded(trial.miou, 3),
            "95 % from": _rounded(trial.low, 3),
            "to": _rounded(trial.high, 3),
            "seconds": _rounded(trial.seconds, 1),
        }
        for trial in leaderboard
    ]
    return f'<h2>What was tried</h2><div class="scroll tall">{table_html(rows)}</div>' if rows else ""


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)
