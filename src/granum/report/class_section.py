"""Classes in the report: the coloured layer over a picture, its legend with areas, and the scores of the model."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.learn.class_colours import colour_classes
from granum.learn.scribbles import PixelClass
from granum.report.class_images import class_palette
from granum.report.png import encode_palette_png

__all__ = [
    "class_layer_html",
    "class_legend_html",
    "class_shares",
    "classes_html",
    "confusion_html",
    "model_methods",
    "model_scores_html",
    "score_words",
]


def class_layer_html(classes: NDArray[np.uint8], legend: Sequence[PixelClass]) -> str:
    """Return the classes as an image of the same size as the picture, clear where there is no class."""
    png = encode_palette_png(classes, class_palette(legend), transparent=True, level=6)
    return f'<img class="classes" alt="classes" src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}">'


def class_legend_html(legend: Sequence[PixelClass], fractions: Mapping[int, float], *, switch: bool = True) -> str:
    """Return a line of colours, names and shares of the analysed area."""
    toggle = '<label><input type="checkbox" class="classes-on" checked> classes</label>' if switch else ""
    items = "".join(
        f"<span>{_swatch(one.colour)}{escape(one.name)}{_percent(fractions.get(one.id), ' ')}</span>"
        for one in colour_classes(legend)
    )
    return f'<p class="legend">{toggle}{items}</p>'


def _swatch(colour: str) -> str:
    return f'<i class="swatch" style="background:{escape(colour)}"></i>'


def _percent(value: float | None, before: str = "") -> str:
    return "" if value is None else f"{before}{100 * value:.1f} %"


def _entries(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [entry for entry in run.get("images") or [] if entry.get("classes")]


def class_shares(run: Mapping[str, Any]) -> dict[tuple[int, str], float]:
    """Return (id, name) -> share of the analysed area of all images together; what has no class counts, too."""
    n_pixels: dict[tuple[int, str], int] = {}
    total = 0
    for entry in _entries(run):
        areas = {(int(one["id"]), str(one["name"])): int(one["area_px"]) for one in entry["classes"]}
        for key, area in areas.items():
            n_pixels[key] = n_pixels.get(key, 0) + area
        total += int(entry.get("analysed_px") or sum(areas.values()))
    return {key: area / total for key, area in n_pixels.items()} if total else {}


def classes_html(run: Mapping[str, Any]) -> str:
    """Return the part of the page about classes: their areas in all images, and how good the model says it is."""
    entries = _entries(run)
    if not entries:
        return ""
    order: dict[tuple[int, str], list[float]] = {}
    colours: dict[tuple[int, str], str] = {}
    for entry in entries:
        for one in entry["classes"]:
            key = (int(one["id"]), str(one["name"]))
            if one["area_fraction"] is not None:
                order.setdefault(key, []).append(float(one["area_fraction"]))
            colours[key] = str(one["colour"])
    shares = class_shares(run)
    several = len(entries) > 1
    head = "<th class='text'>class</th><th>id</th><th>area, all pixels</th>"
    head += "<th>mean of images</th><th>smallest</th><th>largest</th>" if several else ""
    rows = []
    for key in sorted(colours):
        values = order.get(key, [])
        cells = [_percent(shares.get(key))]
        if several:
            cells += [_percent(f(values)) if values else "" for f in (lambda v: float(np.mean(v)), min, max)]
        rows.append(
            f'<tr><td class="text">{_swatch(colours[key])}{escape(key[1])}</td><td>{key[0]}</td>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    table = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    what = f"Shares of the analysed area of {len(entries)} images." if several else "Shares of the analysed area."
    models = "".join(_model_card(model) for model in run.get("models") or [])
    return f'<h2>Classes</h2><p class="quiet">{what}</p>{table}{models}'


def _model_card(model: Mapping[str, Any]) -> str:
    report = model.get("report") or {}
    description, file, sha256 = (escape(str(model.get(name, ""))) for name in ("description", "file", "sha256"))
    return (
        f'<h2>The model</h2><p class="quiet">{description}<br><code>{file}</code>, SHA-256 <code>{sha256}</code></p>'
        + (model_scores_html(report, model.get("classes") or []) if report else "<p>It carries no score.</p>")
    )


def score_words(report: Mapping[str, Any]) -> str:
    """Return "0.72 (95 %: 0.68 to 0.76)", or a dash where there is no score."""
    miou, low, high = (report.get(name) for name in ("miou", "low", "high"))
    if not isinstance(miou, int | float):
        return "–"
    interval = (
        f" (95 %: {low:.2f} to {high:.2f})" if isinstance(low, int | float) and isinstance(high, int | float) else ""
    )
    return f"{miou:.2f}{interval}"


def model_scores_html(report: Mapping[str, Any], classes: Sequence[Mapping[str, Any]]) -> str:
    """Return how good a model is on what it had not seen: the score, the scores of classes, the confusion matrix."""
    warnings = "".join(f"<li>{escape(str(text))}</li>" for text in report.get("warnings") or [])
    per_class = report.get("per_class") or []
    rows = "".join(
        f'<tr><td class="text">{escape(str(one.get("name", "")))}</td>'
        + "".join(f"<td>{_share(one.get(name))}</td>" for name in ("iou", "precision", "recall"))
        + "".join(f"<td>{_count(one.get(name))}</td>" for name in ("n_px", "n_strokes"))
        + "</tr>"
        for one in per_class
    )
    scores = (
        '<div class="scroll"><table><thead><tr><th class="text">class</th><th>IoU</th><th>precision</th><th>recall</th>'
        f"<th>painted pixels</th><th>strokes</th></tr></thead><tbody>{rows}</tbody></table></div>"
        if per_class
        else ""
    )
    names = [str(one.get("name", "")) for one in per_class or classes]
    return (
        f"<p><b>mean IoU {escape(score_words(report))}</b> on what it had not seen. "
        f"{escape(str(report.get('method', '')))}</p>"
        + (f'<ul class="warnings">{warnings}</ul>' if warnings else "")
        + f'<div class="two">{scores}{confusion_html(report.get("confusion") or [], names)}</div>'
    )


def _share(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, int | float) else "–"


def _count(value: Any) -> str:
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else "–"


def confusion_html(confusion: Sequence[Sequence[float]], names: Sequence[str]) -> str:
    """Return the confusion matrix: row = true class, column = predicted, shares of the true class."""
    if not confusion or len(confusion) != len(names):
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        f'<tr><td class="text">{escape(name)}</td>'
        + "".join(
            f'<td style="background:color-mix(in srgb,var(--accent) {round(60 * _within(value))}%,transparent)">'
            f"{100 * _within(value):.1f} %</td>"
            for value in row
        )
        + "</tr>"
        for name, row in zip(names, confusion, strict=True)
    )
    return (
        '<div class="scroll"><table><thead><tr><th class="text">true class \\ found as</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _within(value: Any) -> float:
    return min(1.0, max(0.0, float(value))) if isinstance(value, int | float) and value == value else 0.0


def model_methods(run: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    """Return what the methods paragraph says about the models of a run: what they learnt from, and their score."""
    sentences: list[tuple[str, tuple[str, ...]]] = []
    for model in run.get("models") or []:
        report = model.get("report") or {}
        names = ", ".join(str(one.get("name", "")) for one in model.get("classes") or [])
        learnt = ", ".join(
            f"{model[key]} {word}{'' if model[key] == 1 else 's'}"
            for key, word in (("n_strokes", "stroke"), ("n_images", "image"))
            if isinstance(model.get(key), int)
        ).replace(", ", " on ")
        text = f"The model (SHA-256 {str(model.get('sha256', ''))[:12]}) tells {names} apart"
        text += f" and was taught by {learnt}" if learnt else ""
        if isinstance(report.get("miou"), int | float):
            text += f"; on what it had not seen its mean IoU was {score_words(report)}"
        sentences.append((text + ".", ()))
    return sentences
