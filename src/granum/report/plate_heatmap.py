"""The plate as a table of coloured cells with their numbers; measure and time are chosen by the page's script.

A table, because numbers in cells can be read, copied, printed and spoken. Without the script it shows the first measure
at the last time.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

from granum.plate.assay import Assay, Measure, Well
from granum.report.assay_curves import plates_of
from granum.report.assay_text import find_measure, time_words, value_words

__all__ = ["PLATES", "heatmap_html", "plate_shape", "row_letters"]

PLATES = ((2, 3), (3, 4), (4, 6), (6, 8), (8, 12), (16, 24), (32, 48))  # 6, 12, 24, 48, 96, 384, 1536 wells
_LEVELS = 64
_MOST_TIMES = 60
_MOST_PLATES = 12


@dataclass(frozen=True)
class _Layer:
    """A measure in all wells of a plate at all times that can be chosen; `low` and `high` are the ends of the scale."""

    measure: Measure
    low: float
    high: float
    values: list[list[float | None]]  # by time, then by well


def plate_shape(wells: Sequence[Well]) -> tuple[int, int]:
    """Return rows and columns of the smallest plate that has all the wells."""
    rows, columns = max(well.row for well in wells), max(well.column for well in wells)
    return next((shape for shape in PLATES if shape[0] >= rows and shape[1] >= columns), (rows, columns))


def row_letters(row: int) -> str:
    """Return "A" for 1, "AA" for 27."""
    return ("" if row <= 26 else chr(64 + (row - 1) // 26)) + chr(65 + (row - 1) % 26)


@cache
def _colours() -> tuple[str, ...]:
    """Return the scale as "rrggbb": cividis, made to look the same to people with and without colour-blindness."""
    import cv2
    import numpy as np

    steps = np.linspace(0, 255, _LEVELS).round().astype(np.uint8)[:, None]
    bgr = cv2.applyColorMap(steps, cv2.COLORMAP_CIVIDIS)[:, 0]
    return tuple(f"{r:02x}{g:02x}{b:02x}" for b, g, r in bgr.tolist())


def heatmap_html(assay: Assay) -> str:
    """Return one table per plate, and its choices; nothing for fewer than two wells of a plate."""
    times = sorted({image.time for image in assay.images})
    if len(times) > _MOST_TIMES:
        step = (len(times) - 1) / (_MOST_TIMES - 1)
        times = [times[round(i * step)] for i in range(_MOST_TIMES)]
    parts = []
    plates = plates_of(assay)
    for plate in plates[:_MOST_PLATES]:
        wells = [well for well in assay.wells if well.plate == plate and well.row > 0]
        layers = [layer for measure in _measures(assay) if (layer := _layer(assay, measure, wells, times)) is not None]
        if len(wells) > 1 and layers:
            parts.append(_plate_html(assay, plate if len(plates) > 1 else "", wells, layers, times))
    if not parts:
        return ""
    more = len(plates) - _MOST_PLATES
    note = f'<p class="quiet">The other {more} plates are left out; wells.csv has them.</p>' if more > 0 else ""
    return f"<h2>Plate{'s' if len(plates) > 1 else ''}</h2>{''.join(parts)}{note}"


def _measures(assay: Assay) -> list[Measure]:
    with_curves = {curve.measure for curve in assay.curves if curve.level == "well"}
    named = {measure.name for measure in assay.measures}
    return [*assay.measures, *(find_measure(assay, name) for name in sorted(with_curves - named))]


def _layer(assay: Assay, measure: Measure, wells: Sequence[Well], times: Sequence[float]) -> _Layer | None:
    """Return the values of a measure from the curves of the wells, or from the only image of each well and time."""
    plate = wells[0].plate if wells else ""
    places = {well.well: i for i, well in enumerate(wells)}
    found: dict[tuple[float, int], float | None] = {}
    for curve in assay.curves:
        if curve.level == "well" and curve.plate == plate and curve.measure == measure.name and curve.name in places:
            found |= {(time, places[curve.name]): v for time, v in zip(curve.time, curve.value, strict=True)}
    if not found:
        seen: dict[tuple[float, int], list[float | None]] = {}
        for image in assay.images:
            if image.plate == plate and image.well in places:
                seen.setdefault((image.time, places[image.well]), []).append(image.values.get(measure.name))
        found = {key: values[0] for key, values in seen.items() if len(values) == 1}
    known = [value for value in found.values() if value is not None]
    if not known:
        return None
    low, high = (0.0, max(1.0, *known)) if measure.unit == "%" else (min(0.0, *known), max(known))
    if measure.unit != "%" and min(known) > 0.5 * max(known) and measure.name.endswith("_t0"):
        low = min(known)
    table = [[found.get((time, i)) for i in range(len(wells))] for time in times]
    return _Layer(measure, low, high if high > low else low + 1.0, table)


def _paint(value: float | None, low: float, high: float) -> str:
    """Return the style of a cell: its colour, and black or white for the number, whichever is read better."""
    if value is None:
        return ""
    at = round(min(1.0, max(0.0, (value - low) / (high - low))) * (_LEVELS - 1))
    colour = _colours()[at]
    return f' style="background:#{colour};color:{_ink(colour)}"'


def _ink(colour: str) -> str:
    r, g, b = (((c / 255 + 0.055) / 1.055) ** 2.4 if c > 10 else c / 3294.6 for c in bytes.fromhex(colour))
    return "#000" if 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 else "#fff"


def _cell_text(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{100 * value:.0f}" if unit == "%" else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _plate_html(
    assay: Assay, plate: str, wells: Sequence[Well], layers: Sequence[_Layer], times: Sequence[float]
) -> str:
    rows, columns = plate_shape(wells)
    shown, last = layers[0], max(i for i, row in enumerate(layers[0].values) if any(v is not None for v in row))
    places = {(well.row, well.column): (i, well) for i, well in enumerate(wells)}
    body = []
    for row in range(1, rows + 1):
        cells = []
        for column in range(1, columns + 1):
            i, well = places.get((row, column), (-1, None))
            if well is None:
                cells.append('<td class="no-image"></td>')
                continue
            value = shown.values[last][i]
            style, tip = _paint(value, shown.low, shown.high), escape(_well_words(well))
            cells.append(
                f'<td data-well="{i}" title="{tip}"{style}>{_cell_text(value, shown.measure.unit) or "–"}</td>'
            )
        body.append(f'<tr><th scope="row">{row_letters(row)}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">{column}</th>' for column in range(1, columns + 1))
    data = {
        "colours": "".join(_colours()),
        "inks": "".join("0" if _ink(colour) == "#000" else "1" for colour in _colours()),
        "times": [time_words(time, assay.time_unit) for time in times],
        "layers": [
            {
                "name": layer.measure.title,
                "unit": layer.measure.unit,
                "low": layer.low,
                "high": layer.high,
                "values": [[None if v is None else float(f"{v:.4g}") for v in row] for row in layer.values],
            }
            for layer in layers
        ],
    }
    packed = base64.b64encode(zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 9)).decode("ascii")
    size = "small" if columns > 12 else ""
    caption = f"{plate}: " if plate else ""
    caption += _caption(shown.measure, time_words(times[last], assay.time_unit) if len(times) > 1 else "")
    title = f"<h3>{escape(plate)}</h3>" if plate else ""
    return (
        f'<div class="plate {size}" data-plate="{packed}" data-time="{last}">{title}'
        f"{_choices(layers, times, assay.time_unit, last)}"
        f'<div class="scroll" tabindex="0" role="group" aria-label="plate {escape(plate)}"><table>'
        f'<caption class="quiet" aria-live="polite">{escape(caption)}</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        f"{_scale(shown)}</div>"
    )


def _caption(measure: Measure, at: str) -> str:
    return measure.title + (f", {measure.unit}" if measure.unit else "") + (f", at {at}" if at else "")


def _well_words(well: Well) -> str:
    """Return what is known of a well, for the pointer."""
    words = [well.well, well.condition, f"dose {well.dose:g}" if well.dose is not None else ""]
    words.append(f"{well.control} control" if well.control else "")
    words.append(f"{well.n_fields} fields" if well.n_fields > 1 else "")
    return ", ".join(word for word in words if word)


def _choices(layers: Sequence[_Layer], times: Sequence[float], unit: str, last: int) -> str:
    """Return the menus; hidden without the script and on paper."""
    parts = []
    if len(layers) > 1:
        options = "".join(f'<option value="{i}">{escape(one.measure.title)}</option>' for i, one in enumerate(layers))
        parts.append(f'<label>show <select class="plate-measure">{options}</select></label>')
    if len(times) > 1:
        parts.append(
            f'<label>time <input type="range" class="plate-time" min="0" max="{len(times) - 1}" value="{last}" step="1"'
            f' aria-valuetext="{escape(time_words(times[last], unit))}"></label>'
            f'<output class="plate-at">{escape(time_words(times[last], unit))}</output>'
        )
    return f'<p class="choices" hidden>{"".join(parts)}</p>' if parts else ""


def _scale(layer: _Layer) -> str:
    """Return the colour scale with its ends."""
    stops = ",".join(f"#{colour}" for colour in _colours()[:: _LEVELS // 8] + _colours()[-1:])
    low, high = (value_words(end, layer.measure.unit) for end in (layer.low, layer.high))
    return (
        f'<p class="plate-scale quiet"><span class="low">{escape(low)}</span>'
        f'<i style="background:linear-gradient(90deg,{stops})"></i><span class="high">{escape(high)}</span></p>'
    )
