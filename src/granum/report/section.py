"""One image in the report: its picture with hover labels, its numbers, its warnings, what was chosen and why.

A section is an HTML fragment written by the process that has the image in hand, so that the page around many sections
is put together from files and never holds more than one picture.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image, check_labels, check_same_shape
from granum.choice import Choice
from granum.image import PixelSize
from granum.learn.scribbles import PixelClass
from granum.object_table import ObjectTable, flag_names, named_columns
from granum.report.charts import draw_size_histogram
from granum.report.class_section import class_layer_html, class_legend_html
from granum.report.overlays import DOUBTFUL, PALETTE, outline_map, stretch_contrast
from granum.report.png import encode_palette_png
from granum.steps import Range

__all__ = ["UNIT_NAMES", "format_number", "format_values", "section_width", "table_html", "write_section"]

_TIP_COLUMNS = ("ecd", "feret_min", "feret_max", "area", "circularity", "solidity", "confidence")
_TIP_NAMES = {"ecd": "ECD", "feret_min": "min Feret", "feret_max": "max Feret"}
UNIT_NAMES = {"px": "px", "nm": "nm", "um": "µm", "mm": "mm"}


def section_width(n_sections: int) -> int:
    """Return the largest width of a picture, in pixels, so that a page with so many of them stays small."""
    return next(width for most, width in ((1, 1200), (6, 900), (20, 640), (10**9, 480)) if n_sections <= most)


def format_number(value: Any, *, digits: Annotated[int, Range(1, 15)] = 4) -> str:
    """Return a number for people: `digits` significant ones, thin blanks between thousands, a dash for none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}".replace(",", "\u2009")
    if value == 0:
        return "0"
    text = f"{float(value):#.{digits}g}".rstrip(".")  # with its zeros at the end, which count
    if "e" in text:
        mantissa, _, power = text.partition("e")
        sign = "⁻" if int(power) < 0 else ""
        return f"{mantissa}·10{sign}" + str(abs(int(power))).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return text


def format_values(values: Mapping[str, Any]) -> str:
    """Return "name = value, name = value" for what a step chose."""
    return ", ".join(f"{name} = {_format_value(value)}" for name, value in values.items())


def _format_value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return "{" + format_values(value) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_format_value(item) for item in value) + "]"
    return str(value)


def table_html(rows: Sequence[Mapping[str, Any]], *, sortable: bool = False) -> str:
    """Return rows as an HTML table, everything escaped; columns are the union of the keys."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = {name for name in names if any(isinstance(row.get(name), str | dict | list) for row in rows)}
    kind = {name: ' class="text"' if name in text else "" for name in names}
    kind |= {name: ' class="text wrap"' for name in ("settings", "reason") if name in names}
    head = "".join(f"<th{kind[name]}>{escape(name.replace('_', ' '))}</th>" for name in names)
    body = "".join("<tr>" + "".join(_cell(row.get(name), name, kind[name]) for name in names) + "</tr>" for row in rows)
    start = '<table class="sortable">' if sortable else "<table>"
    return f"{start}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any, name: str, kind: str) -> str:
    text = escape("" if value is None else _format_value(value))
    if name == "warnings":  # one line in the table; all of it when pointed at, and in the image's own part
        return f'<td class="text long" title="{text}">{text}</td>'
    return f"<td{kind}>{text}</td>"


def _choice_html(choice: Mapping[str, Any]) -> str:
    candidates = choice.get("candidates") or []
    table = ""
    if candidates:
        table = (
            f"<details><summary>{len(candidates)} candidates</summary>"
            f'<div class="scroll tall">{table_html(candidates)}</div></details>'
        )
    return (
        f'<div class="card"><h3>{escape(str(choice.get("about", "")).capitalize())}</h3>'
        f'<div class="values">{escape(format_values(choice.get("chosen") or {}))}</div>'
        f"<p>{escape(str(choice.get('reason', '')))}</p>{table}</div>"
    )


def _warnings_html(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    return '<ul class="warnings">' + "".join(f"<li>{escape(text)}</li>" for text in warnings) + "</ul>"


def _pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 6)).decode("ascii")


def _label_map(labels: NDArray[np.int32]) -> tuple[str, bool]:
    """Return the labels as differences along rows, deflated, and whether they need 32 bits."""
    wide = int(labels.max(initial=0)) > 65535
    dtype = np.dtype("<u4" if wide else "<u2")
    coded = labels.astype(dtype)
    coded[:, 1:] = coded[:, 1:] - coded[:, :-1]  # wraps around, and wraps back when the page sums it up
    return _pack(coded.tobytes()), wide


def _tip_rows(objects: ObjectTable, pixel_size: PixelSize | None) -> dict[str, Any]:
    """Return the names and rows of what the pointer shows: label, then text per column."""
    n = len(objects["label"]) if "label" in objects else 0
    columns: list[list[Any]] = []
    names: list[str] = []
    named = named_columns({name: objects[name] for name in _TIP_COLUMNS if name in objects}, pixel_size)
    unit = pixel_size.unit if pixel_size is not None else "px"
    for name in _TIP_COLUMNS:
        for suffix, mark in ((f"_{unit}", UNIT_NAMES[unit]), (f"_{unit}2", UNIT_NAMES[unit] + "²"), ("", "")):
            if name + suffix in named:
                names.append(_TIP_NAMES.get(name, name))
                values = np.asarray(named[name + suffix], dtype=np.float64).tolist()
                columns.append([f"{value:.4g} {mark}".strip() if math.isfinite(value) else None for value in values])
                break
    if "flags" in objects:
        names.append("")
        columns.append([flag_names(int(value)).replace("_", " ").replace("|", ", ") for value in objects["flags"]])
    labels = [int(value) for value in objects["label"]] if n else []
    return {"names": names, "rows": [list(row) for row in zip(labels, *columns, strict=True)]}


def _picture_html(
    image: NDArray[Any],
    labels: NDArray[np.int32],
    objects: ObjectTable,
    area: NDArray[np.bool_] | None,
    pixel_size: PixelSize | None,
    width: int,
    classes: NDArray[np.uint8] | None = None,
    legend: Sequence[PixelClass] = (),
) -> str:
    """Return the viewer: grey picture, outlines of one pixel on it, and the data behind the pointer."""
    import cv2

    height_full, width_full = image.shape
    shrink = max(1.0, max(width_full / width, height_full / (1.5 * width)))
    size = (max(1, round(width_full / shrink)), max(1, round(height_full / shrink)))
    grey = stretch_contrast(image)
    if shrink > 1:
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        rows = np.minimum((np.arange(size[1]) + 0.5) * height_full / size[1], height_full - 1).astype(np.int64)
        columns = np.minimum((np.arange(size[0]) + 0.5) * width_full / size[0], width_full - 1).astype(np.int64)
        labels = np.ascontiguousarray(labels[rows[:, None], columns])
        area = None if area is None else area[rows[:, None], columns]
        classes = None if classes is None else np.ascontiguousarray(classes[rows[:, None], columns])
    if area is not None:
        grey = np.where(area, grey, (grey * np.float32(0.3)).astype(np.uint8)).astype(np.uint8)
    grow = max(1, min(4, 1600 // max(size)))  # lines stay thin on a small picture
    outlines = outline_map(
        np.repeat(np.repeat(labels, grow, axis=0), grow, axis=1), objects, width=1 if grow == 1 else round(1.5 * grow)
    )
    picture = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 84])[1].tobytes()
    label_map, wide = _label_map(labels)
    coarse = " coarse" if size[0] < 400 else ""
    return (
        f'<div class="viewer{coarse}" style="width:{max(size[0], min(640, 4 * size[0]))}px" data-width="{size[0]}"'
        f' data-height="{size[1]}" data-fullwidth="{width_full}" data-fullheight="{height_full}"'
        f' data-wide="{int(wide)}" data-map="{label_map}"'
        f' data-objects="{_pack(json.dumps(_tip_rows(objects, pixel_size), separators=(",", ":")).encode())}">'
        f'<img class="picture" width="{size[0]}" height="{size[1]}" alt="the image"'
        f' src="data:image/jpeg;base64,{base64.b64encode(picture).decode("ascii")}">'
        f"{'' if classes is None else class_layer_html(classes, legend)}"
        f'<img class="outlines" alt="outlines of the objects" src="data:image/png;base64,{_outline_png(outlines)}">'
        '<canvas></canvas><div class="tip"></div></div>'
    )


def _outline_png(outlines: NDArray[np.uint8]) -> str:
    """Return the outlines as a base64 PNG, transparent where there is none."""
    colours = np.concatenate([PALETTE[:1], PALETTE, DOUBTFUL])
    return base64.b64encode(encode_palette_png(outlines, colours, transparent=True, level=6)).decode("ascii")


def _facts(
    labels: NDArray[np.int32],
    objects: ObjectTable,
    pixel_size: PixelSize | None,
    row: Mapping[str, Any],
    has_labels: bool,
) -> str:
    n = int(labels.max(initial=0))
    facts = [f"{format_number(n)} object{'' if n == 1 else 's'}"] if has_labels else []
    sizes = np.asarray(objects.get("ecd", np.array([])), dtype=np.float64)
    sizes = sizes[np.isfinite(sizes)]
    if sizes.size:
        scale, unit = (pixel_size.mean, UNIT_NAMES[pixel_size.unit]) if pixel_size is not None else (1.0, "px")
        facts.append(f"median ECD {format_number(float(np.median(sizes)) * scale)} {unit}")
    if row.get("area_fraction") is not None:
        facts.append(f"area fraction {format_number(100 * float(row['area_fraction']), digits=3)} %")
    if row.get("threshold") is not None:
        facts.append(f"threshold {format_number(float(row['threshold']))}")
    facts.append(f"{labels.shape[1]} × {labels.shape[0]} px")
    facts.append(f"pixel {pixel_size}" if pixel_size is not None else "pixel size unknown: lengths are in pixels")
    return " · ".join(facts)


def write_section(
    path: str | Path,
    image: ArrayLike,
    labels: ArrayLike | None,
    objects: ObjectTable,
    area: ArrayLike | None = None,
    classes: NDArray[np.uint8] | None = None,
    *,
    file: str,
    frame: int | None = None,
    pixel_size: PixelSize | None = None,
    choices: Sequence[Choice] = (),
    warnings: Sequence[str] = (),
    row: Mapping[str, Any] | None = None,
    legend: Sequence[PixelClass] = (),
    class_fractions: Mapping[int, float] | None = None,
    n_sections: Annotated[int, Range(1, None)] = 1,
) -> None:
    """Write the part of `report.html` that shows one image and frame.

    Parameters
    ----------
    path : str or Path
        The fragment.
    image : (Y, X) array_like
        The picture as it was read.
    labels : (Y, X) array_like of int or None
        0 background, 1..K objects; None where the recipe makes no objects.
    objects : dict of (K,) ndarray
        Object table in pixels; may be empty.
    area : (Y, X) array_like of bool, optional
        The analysed area; the rest is darkened.
    classes : (Y, X) ndarray of uint8, optional
        Class ids, shown as a layer of colours.
    file : str
        Name of the input file.
    frame : int, optional
        Time point, where there are several.
    pixel_size : PixelSize, optional
        Lengths are shown in its unit.
    choices : sequence of Choice
        What the steps chose by themselves.
    warnings : sequence of str
        What the user must know; shown first.
    row : dict, optional
        The row of images.csv: `area_fraction` and `threshold` are shown.
    legend : sequence of PixelClass
        Names and colours of the classes.
    class_fractions : dict of float, optional
        Class id -> share of the analysed area.
    n_sections : int
        Number of sections of the page: the more, the smaller the pictures (1200 px wide for one, 480 px for 50). With
        more than one, each section has its own small histogram.

    Raises
    ------
    ShapeError
        When image, labels and area do not fit.

    Notes
    -----
    Everything that comes from a file is escaped. Same input, same bytes.
    """
    pixels, has_labels = check_image(image), labels is not None
    labels = np.zeros(pixels.shape, np.int32) if labels is None else check_labels(labels)
    check_same_shape(labels, pixels.shape, name="labels")
    analysed = check_area(area, pixels.shape)
    title = escape(file) + (f" · frame {int(frame)}" if frame is not None else "")
    object_legend = (
        '<p class="legend"><label><input type="checkbox" class="outlines-on" checked> outlines</label>'
        "<span><i></i>object</span><span><i class='dash'></i>touches the border</span>"
        "<span><i class='doubt'></i>separation doubtful</span><span>point at an object for its numbers</span></p>"
    )
    parts = [
        f'<section class="image"><h2>{title}</h2>',
        f'<p class="quiet">{escape(_facts(labels, objects, pixel_size, row or {}, has_labels))}</p>',
        _warnings_html(warnings) if n_sections > 1 else "",  # else they stand at the top of the page
        _picture_html(pixels, labels, objects, analysed, pixel_size, section_width(n_sections), classes, legend),
        class_legend_html(legend, class_fractions or {}) if classes is not None else "",
        object_legend if has_labels else "",
    ]
    sizes = np.asarray(objects.get("ecd", np.array([])), dtype=np.float64)
    if n_sections > 1 and (sizes > 0).sum() >= 5:
        scale, unit = (pixel_size.mean, UNIT_NAMES[pixel_size.unit]) if pixel_size is not None else (1.0, "px")
        chart = draw_size_histogram(sizes * scale, unit=unit, height=220)
        parts.append(
            f'<details><summary>size distribution</summary><div class="charts"><figure>{chart}</figure></div></details>'
        )
    if choices:
        cards = "".join(_choice_html(choice.to_json()) for choice in choices)
        heading = "What was chosen, and why"
        parts.append(
            f'<h2>{heading}</h2><div class="cards">{cards}</div>'
            if n_sections == 1
            else f'<details><summary>{heading.lower()}</summary><div class="cards">{cards}</div></details>'
        )
    Path(path).write_text("\n".join(part for part in parts if part) + "\n</section>\n", encoding="utf-8", newline="")
