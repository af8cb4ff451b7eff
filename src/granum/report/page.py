"""`report.html`: one self-contained page for a run, made from the files of its folder and one section per image.

Nothing is loaded from elsewhere and a content security policy says so; the one script is named by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import OutputError, ReadError
from granum.object_table import COLUMNS
from granum.plate.assay import Assay, read_assay
from granum.report.assay_methods import assay_methods
from granum.report.assay_numbers import assay_numbers
from granum.report.assay_section import assay_html
from granum.report.class_section import classes_html, model_methods
from granum.report.methods import write_methods
from granum.report.provenance_section import provenance_html, size_words
from granum.report.run_sizes import SIZE_COLUMNS, RunSizes, collect_sizes
from granum.report.section import UNIT_NAMES, format_number, table_html
from granum.report.size_section import sizes_html, statistics_methods
from granum.report.tables import read_images_csv, read_objects_csv

__all__ = ["MOST_SECTIONS", "write_report"]

MOST_SECTIONS = 50
"""Pictures that a report shows."""

_MOST_ROWS = 500
_TABLE_COLUMNS = (
    "label", "y", "x", "area", "ecd", "feret_min", "feret_max", "circularity", "solidity", "intensity_mean", "contrast",
    "confidence", "flags",
)  # fmt: skip
_HIDDEN_IMAGE_COLUMNS = {"height_px", "width_px", "analysed_px", "n_split", "density_per_mpx"}
_SHORT_NAMES = {
    "ecd": "ECD", "feret_min": "min Feret", "feret_max": "max Feret", "n_objects": "objects",
    "n_touching_border": "at the border", "n_low_confidence": "doubtful", "density_per_um2": "per µm²",
    "time_s": "time (s)",
}  # fmt: skip
_IMAGE_DETAILS = ("_px", "_nm", "_um", "_mm", "_median")


def write_report(folder: str | Path, sections: Sequence[str | Path] = ()) -> Path:
    """Write `report.html` into a run folder.

    Parameters
    ----------
    folder : str or Path
        A run folder with `run.json`, `images.csv` and `objects.csv`.
    sections : sequence of paths
        Fragments made by `write_section`, in the order of images.csv; the first 50 are shown, the others stand in the
        table of images and need not exist.

    Returns
    -------
    path : Path
        The page.

    Raises
    ------
    ReadError
        When a file of the run cannot be read.
    OutputError
        When the page cannot be written.

    Notes
    -----
    Memory goes with the numbers of the objects, not with the pictures: these are copied one by one. The page of one
    image has about 0.5 MB, that of 50 images about 10 MB. Same run, same bytes.
    """
    folder = Path(folder)
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReadError(f"{folder / 'run.json'}: cannot be read ({error}).") from error
    path = folder / "report.html"
    try:
        with path.open("w", encoding="utf-8", newline="") as out:
            out.writelines(_page(folder, run, [Path(section) for section in sections]))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}).") from error
    return path


def _resource(name: str) -> str:
    return (resources.files("granum.report") / name).read_text(encoding="utf-8")


def _page(folder: Path, run: dict[str, Any], sections: Sequence[Path]) -> Iterator[str]:
    """Yield the page piece by piece."""
    images = read_images_csv(folder / "images.csv")
    table = folder / "objects.csv"
    sizes = collect_sizes(read_objects_csv(table, SIZE_COLUMNS) if table.is_file() else {}, images)
    objects = read_objects_csv(table, max_rows=_MOST_ROWS) if table.is_file() else {}
    assay = read_assay(folder / "assay.json") if (folder / "assay.json").is_file() else None
    shown = [section for section in sections[:MOST_SECTIONS] if section.exists()]
    script = _resource("page.js")
    yield _head(_title(run, images), script)
    yield _header(run, images, sizes, assay)
    yield _warnings(run, sizes)
    if assay is not None:
        yield assay_html(assay, folder)
    yield classes_html(run)
    if len(images) > 1:
        yield _images_table(images)
    if len(sections) == len(shown) == 1:
        yield shown[0].read_text(encoding="utf-8")
    yield sizes_html(sizes)
    if len(sections) != 1:
        yield '<h2>Pictures</h2><div class="sections">' if shown else ""
        for section in shown:
            yield section.read_text(encoding="utf-8")
        yield "</div>" if shown else ""
        if len(sections) > len(shown):
            yield f'<p class="quiet">The other {len(sections) - len(shown)} images stand in the table above.</p>'
    yield _objects_table(objects, sizes.n_all, images, len(shown) if len(sections) == len(images) else 0)
    yield _methods(run, images, sizes, assay)
    yield provenance_html(run)
    yield (
        "<footer>Made by granum. This page loads nothing from elsewhere; it may be sent and archived as one file."
        f"</footer></main><script>{script}</script></body></html>\n"
    )


def _head(title: str, script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{_resource('page.css')}</style></head><body><main>"
    )


def _title(run: Mapping[str, Any], images: Sequence[Mapping[str, Any]]) -> str:
    files = list(dict.fromkeys(str(row["file"]) for row in images))
    if len(files) == 1:
        return files[0] + (f", {len(images)} frames" if len(images) > 1 else "")
    return f"{len(files)} images"


def _number(name: str, value: str, more: str = "") -> str:
    return f'<div><span class="name">{escape(name)}</span><b>{value}</b><span>{more}</span></div>'


def _with_unit(value: float | None, unit: str) -> str:
    return f"{escape(format_number(value))} <small>{escape(unit)}</small>"


def _interval_words(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    low, high = (format_number(value) for value in interval)
    return escape(f"95 %: {low} to {high}")


def _header(run: Mapping[str, Any], images: Sequence[Mapping[str, Any]], sizes: RunSizes, assay: Assay | None) -> str:
    recipe = run.get("recipe") or {}
    cells, words = _size_numbers(run, images, sizes) if assay is None else _assay_numbers(assay)
    return (
        f'<p class="over">granum · {escape(str(recipe.get("name", "")))}</p><h1>{escape(_title(run, images))}</h1>'
        f'<p class="quiet">{escape(str(recipe.get("summary") or ""))}</p><div class="numbers">{"".join(cells)}</div>'
        f'<p class="quiet">{words}</p>'
    )


def _assay_numbers(assay: Assay) -> tuple[list[str], str]:
    """Return what the assay was made for; sizes have their own part of the page."""
    cells = [
        _number(name, f"{escape(value)} <small>{escape(unit)}</small>", escape(more))
        for name, value, unit, more in assay_numbers(assay)
    ]
    if assay.kind == "confluency":
        return cells, (
            "Bounds of an image or well are those of the methods that vote; intervals over replicates, of fits and of "
            "controls are at 95 %."
        )
    return cells, "Intervals are at 95 % and do not include errors of the segmentation."


def _size_numbers(
    run: Mapping[str, Any], images: Sequence[Mapping[str, Any]], sizes: RunSizes
) -> tuple[list[str], str]:
    """Return the numbers of a page about objects, and what must be known to read them."""
    n = sum(int(row.get("n_objects") or 0) for row in images)
    unit, found = UNIT_NAMES[sizes.unit], sizes.distribution
    border = f"{format_number(sizes.n_border)} touch the border" if sizes.n_border else ""
    has_objects = any(row.get("n_objects") is not None for row in images) or not images
    cells = [_number("objects", format_number(n), border)] if has_objects else _class_numbers(run)
    if found.n:
        number = found.number
        low, high = (escape(format_number(value, digits=3)) for value in (number.d10, number.d90))
        cells += [
            _number("median size D50", _with_unit(number.d50, unit), _interval_words(number.d50_interval)),
            _number(
                "D10 to D90",
                f"{low}–{high} <small>{unit}</small>",
                escape(f"span {format_number(number.span, digits=3)}"),
            ),
            _number("mean size", _with_unit(number.mean, unit), _interval_words(found.d_1_0_interval)),
        ]
    if sizes.density is not None and has_objects:  # 0 of what nobody counted is no result
        cells.append(_number("number density", _with_unit(sizes.density, f"per {sizes.density_unit}")))
    fractions = [float(row["area_fraction"]) for row in images if row.get("area_fraction") is not None]
    if fractions:
        more = f"mean of {len(fractions)} images" if len(fractions) > 1 else ""
        cells.append(_number("area fraction", _with_unit(100 * float(np.mean(fractions)), "%"), more))
    words = (
        "Sizes are equivalent circular diameters (ECD) by number; objects cut by the border are left out of them, and "
        "the others weighted to make up for it."
    )
    if not has_objects:
        words = "Classes of pixels only: the recipe makes no objects."
    elif sizes.unit == "px" and n:
        words += " The pixel size is not known, so they are in pixels: give it as --pixel-size."
    return cells, words


def _class_numbers(run: Mapping[str, Any]) -> list[str]:
    """Return the mean share of each class, for the head of a page without objects."""
    shares: dict[str, list[float]] = {}
    for entry in run.get("images") or []:
        for one in entry.get("classes") or []:
            if one["area_fraction"] is not None:
                shares.setdefault(str(one["name"]), []).append(float(one["area_fraction"]))
    return [
        _number(
            name,
            f"{100 * float(np.mean(values)):.1f} <small>%</small>",
            f"mean of {len(values)} images" * (len(values) > 1),
        )
        for name, values in shares.items()
    ]


def _warnings(run: Mapping[str, Any], sizes: RunSizes) -> str:
    lines = [f"<b>failed</b> {escape(str(entry.get('error', entry)))}" for entry in run.get("failed") or []]
    lines += [escape(str(text)) for text in [*(run.get("warnings") or []), *sizes.warnings]]
    shown = "".join(f"<li>{line}</li>" for line in dict.fromkeys(lines))
    return f'<ul class="warnings">{shown}</ul>' if shown else ""


def _images_table(images: Sequence[Mapping[str, Any]]) -> str:
    several = len({row.get("frame") for row in images}) > 1
    names = [
        name for name in dict.fromkeys(name for row in images for name in row) if name not in _HIDDEN_IMAGE_COLUMNS
    ]
    names = [name for name in names if several or name != "frame"]
    names = [name for name in names if any(row.get(name) not in (None, "") for row in images)]
    stated = [name for name in names if not name.endswith(_IMAGE_DETAILS)]
    # one unit is enough on the page: the physical one, where there is one
    units = [unit for unit in ("nm", "um", "mm") if f"ecd_d50_{unit}" in names] or ["px"]
    sizes = [f"ecd_{which}_{unit}" for unit in units for which in ("d10", "d50", "d90")]
    first = [name for name in stated if name not in ("flags", "warnings", "threshold")]
    shown = [*first, *(name for name in sizes if name in names), *(name for name in stated if name not in first)]
    rows = [{_column_title(name): row.get(name) for name in shown} for row in images]
    table = table_html(rows, sortable=True)
    return f'<h2>Images</h2><div class="scroll tall">{table}</div>'


def _shown_columns(objects: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return the columns of the table on the page: physical ones where all objects have them, else pixels."""
    names = []
    for name in _TABLE_COLUMNS:
        quantity = COLUMNS[name].quantity
        if quantity not in ("length", "area"):
            options = [name]
        else:
            power = "2" if quantity == "area" else ""
            options = [f"{name}_{unit}{power}" for unit in ("nm", "um", "mm")] + [f"{name}_px"]
        for option in options:
            values = objects.get(option)
            if values is not None and (values.dtype.kind != "f" or np.isfinite(values).any()):
                names.append(option)
                break
    return names


def _objects_table(
    objects: Mapping[str, NDArray[Any]], n: int, images: Sequence[Mapping[str, Any]], n_sections: int
) -> str:
    if not len(objects.get("label", ())):
        return ""
    names = _shown_columns(objects)
    places = {(row["file"], row.get("frame") or 0): i for i, row in enumerate(images)}
    several_files = len({row["file"] for row in images}) > 1
    several_frames = len({row.get("frame") for row in images}) > 1
    first = (["file"] if several_files else []) + (["frame"] if several_frames else [])
    columns = {name: objects[name][:_MOST_ROWS].tolist() for name in {*first, *names, "file", "frame", "label"}}
    ys, xs = (objects.get(axis, np.zeros(_MOST_ROWS))[:_MOST_ROWS].tolist() for axis in ("y", "x"))
    body = []
    for i in range(min(n, _MOST_ROWS)):
        section = places.get((columns["file"][i], columns["frame"][i]), -1)
        data = f' data-section="{section}" data-label="{columns["label"][i]}" data-y="{ys[i]:.1f}" data-x="{xs[i]:.1f}"'
        cells = "".join(_cell(name, columns[name][i]) for name in [*first, *names])
        body.append(f"<tr{data if 0 <= section < n_sections else ''}>{cells}</tr>")
    head = "".join(f"<th{_text_class(name)}>{escape(_column_title(name))}</th>" for name in [*first, *names])
    more = f" The first {_MOST_ROWS} of {format_number(n)};" if n > _MOST_ROWS else ""
    return (
        f'<h2>Objects</h2><p class="quiet">{more} all of them, with every column, are in objects.csv.</p>'.replace(
            '<p class="quiet"> all', '<p class="quiet">All'
        )
        + f'<div class="scroll tall"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _text_class(name: str) -> str:
    return ' class="text"' if name in ("file", "flags") else ""


def _column_title(name: str) -> str:
    """Return the head of a column: "ecd_nm" is "ECD (nm)", "ecd_d50_nm" is "ECD D50 (nm)"."""
    bare, _, unit = name.rpartition("_")
    for known, mark in UNIT_NAMES.items():
        if bare.startswith(("ecd_d", "ecd_mean")) and unit == known:
            return f"ECD {bare.removeprefix('ecd_').replace('d', 'D')} ({mark})"
        if bare in COLUMNS and unit in (known, f"{known}2"):
            return f"{_short(bare)} ({mark}{'²' if unit.endswith('2') else ''})"
    return _short(name)


def _short(name: str) -> str:
    return _SHORT_NAMES.get(name, name.replace("_", " "))


def _cell(name: str, value: Any) -> str:
    if name == "flags":
        return f'<td class="text">{escape(str(value).replace("_", " ").replace("|", ", "))}</td>'
    if not isinstance(value, float):
        return f"<td{_text_class(name)}>{escape(str(value))}</td>"
    if not math.isfinite(value):
        return "<td></td>"
    quantity = COLUMNS[name].quantity if name in COLUMNS else "length"
    style = {"position": ".1f", "ratio": ".3f"}.get(quantity, "#.4g")
    return f"<td>{f'{value:{style}}'.rstrip('.')}</td>"


def _methods(run: Mapping[str, Any], images: Sequence[Mapping[str, Any]], sizes: RunSizes, assay: Assay | None) -> str:
    recipe = run.get("recipe") or {}
    words = {size_words(entry.get("pixel_size")) for entry in run.get("images") or run.get("inputs") or []}
    known = sorted(word for word in words if word)
    text, references = write_methods(
        run.get("settings") or recipe.get("steps") or [],
        version=str(run.get("granum", "")),
        recipe=str(recipe.get("name", "")),
        recipe_hash=str(recipe.get("sha256", "")),
        n_images=len(images),
        pixel_size=None if not known or "" in words else ", ".join(known[:3]) + (" ..." if len(known) > 3 else ""),
        extra=[*model_methods(run), *(statistics_methods(sizes) if assay is None else assay_methods(assay))],
    )
    items = "".join(f"<li>{escape(reference)}</li>" for reference in references)
    return (
        '<h2>Methods, ready to paste</h2><div id="methods"><blockquote>'
        f'{escape(text)}</blockquote><ol class="references">{items}</ol></div>'
        '<button type="button" data-copy="methods">copy</button>'
    )
