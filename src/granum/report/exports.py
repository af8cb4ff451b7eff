"""What a run found, in the formats of other programs: COCO, GeoJSON (QuPath), ImageJ ROIs, OME-Zarr labels, Parquet.

Everything is read from the run folder, so an export can be made at any time after the run.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from granum.errors import MissingExtraError, OutputError, ReadError, SettingError
from granum.image import PixelSize
from granum.report.export_formats import (
    coco_annotation,
    geojson_feature,
    imagej_roi_zip,
    write_ome_zarr_labels,
)
from granum.report.label_images import read_labels
from granum.report.provenance import to_json
from granum.report.tables import read_images_csv, read_objects_csv

__all__ = ["EXPORTS", "export_run"]

ExportName = Literal["coco", "geojson", "imagej-rois", "ome-zarr", "parquet"]


@dataclass(frozen=True)
class _LabelFile:
    """One label image of a run, with the rows of the table that belong to it."""

    file: str
    stem: str
    path: Path
    pixel_size: PixelSize | None
    frames: tuple[int, ...]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReadError(f"{path}: cannot be read as JSON ({error}).") from error
    return content if isinstance(content, dict) else {}


def _pixel_size(entry: Any) -> PixelSize | None:
    if not isinstance(entry, dict):
        return None
    return PixelSize(entry["y"], entry["x"], entry["unit"], entry.get("source", "file"))


def _label_files(out: Path) -> list[_LabelFile]:
    """Return the label images of a run in the order of its inputs."""
    if not (out / "images.csv").is_file():
        raise ReadError(f"{out}: is not the output folder of a run (it has no images.csv).")
    run = _read_json(out / "run.json") if (out / "run.json").is_file() else {}
    # what is said of an image wins over what is said of its file: a scale bar gives the size of the image
    entries = [entry for name in ("inputs", "images") for entry in run.get(name, []) if isinstance(entry, dict)]
    known = {str(entry.get("file")): entry for entry in entries}
    frames: dict[str, list[int]] = {}
    for row in read_images_csv(out / "images.csv"):
        frames.setdefault(str(row["file"]), []).append(int(row.get("frame") or 0))
    found = []
    for file, numbers in frames.items():
        entry = known.get(file, {})
        stem = str(entry.get("stem") or Path(file).stem)
        path = out / "labels" / f"{stem}.tif"
        if path.is_file():
            found.append(_LabelFile(file, stem, path, _pixel_size(entry.get("pixel_size")), tuple(numbers)))
    if not found:
        raise ReadError(f"{out}: holds no label images (labels/*.tif), so there is nothing to export.")
    return found


def _label_planes(entry: _LabelFile) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Yield the frame number and the labels of each plane."""
    labels = read_labels(entry.path)
    planes = labels[None] if labels.ndim == 2 else labels
    frames = entry.frames if len(entry.frames) == len(planes) else tuple(range(len(planes)))
    yield from zip(frames, planes, strict=True)


def _object_rows(out: Path) -> dict[tuple[str, int], dict[int, dict[str, Any]]]:
    """Return (file, frame) -> label -> row of objects.csv; empty where there is no table."""
    path = out / "objects.csv"
    if not path.is_file():
        return {}
    table = read_objects_csv(path)
    if "label" not in table:
        return {}
    names = [name for name in table if name not in ("file", "frame", "label")]
    columns = [table[name].tolist() for name in names]
    rows: dict[tuple[str, int], dict[int, dict[str, Any]]] = {}
    keys = zip(table["file"].tolist(), table["frame"].tolist(), table["label"].tolist(), strict=True)
    for i, (file, frame, label) in enumerate(keys):
        row = {name: column[i] for name, column in zip(names, columns, strict=True)}
        rows.setdefault((file, frame), {})[label] = row
    return rows


def _write_compact(path: Path, value: Any) -> None:
    text = json.dumps(to_json(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8", newline="")


def _frame_name(entry: _LabelFile, frame: int) -> str:
    return entry.stem if len(entry.frames) == 1 else f"{entry.stem}_t{frame:04d}"


def _export_coco(out: Path, place: Path) -> None:
    """One JSON file: polygons where an object has no hole, run lengths where it has one."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    rows = _object_rows(out)
    for entry in _label_files(out):
        for frame, labels in _label_planes(entry):
            image = {
                "id": len(images) + 1,
                "file_name": entry.file,
                "height": labels.shape[0],
                "width": labels.shape[1],
            }
            images.append(image if len(entry.frames) == 1 else {**image, "frame": frame})
            confidence = {label: row.get("confidence") for label, row in rows.get((entry.file, frame), {}).items()}
            for annotation in coco_annotation(labels, confidence):
                annotations.append({"id": len(annotations) + 1, "image_id": len(images), **annotation})
    place.mkdir()
    categories = [{"id": 1, "name": "object", "supercategory": ""}]
    info = {"description": "made by granum", "version": "1.0"}
    content = {"info": info, "licenses": [], "images": images, "categories": categories, "annotations": annotations}
    _write_compact(place / "coco.json", content)


def _export_geojson(out: Path, place: Path) -> None:
    """One file per image and frame, as QuPath takes them by drag and drop."""
    place.mkdir()
    rows = _object_rows(out)
    for entry in _label_files(out):
        for frame, labels in _label_planes(entry):
            features = list(geojson_feature(labels, rows.get((entry.file, frame), {})))
            content = {"type": "FeatureCollection", "features": features}
            _write_compact(place / f"{_frame_name(entry, frame)}.geojson", content)


def _export_imagej_rois(out: Path, place: Path) -> None:
    """One zip per label image, for the ROI Manager; the ROIs of a series know their frame."""
    place.mkdir()
    for entry in _label_files(out):
        data = imagej_roi_zip(list(_label_planes(entry)))
        (place / f"{entry.stem}.zip").write_bytes(data)


def _export_ome_zarr(out: Path, place: Path) -> None:
    """One OME-Zarr 0.4 store per label image, with a pyramid."""
    place.mkdir()
    for entry in _label_files(out):
        write_ome_zarr_labels(place / f"{entry.stem}.zarr", read_labels(entry.path), entry.pixel_size)


def _export_parquet(out: Path, place: Path) -> None:
    """objects.csv and images.csv as Parquet, text as text and numbers as numbers."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("parquet: needs pyarrow; install it with: pip install 'granum[tables]'") from error
    place.mkdir()
    for name in ("objects", "images"):
        path = out / f"{name}.csv"
        if not path.is_file():
            raise ReadError(f"{out}: is not the output folder of a run (it has no {name}.csv).")
        table = read_objects_csv(path)
        columns = {key: pyarrow.array(values.tolist(), from_pandas=True) for key, values in table.items()}
        pyarrow.parquet.write_table(pyarrow.table(columns), place / f"{name}.parquet")


EXPORTS: dict[str, Callable[[Path, Path], None]] = {
    "coco": _export_coco,
    "geojson": _export_geojson,
    "imagej-rois": _export_imagej_rois,
    "ome-zarr": _export_ome_zarr,
    "parquet": _export_parquet,
}


def export_run(out: str | Path, to: str, place: str | Path | None = None, *, overwrite: bool = False) -> Path:
    """Write what a run found in the format of another program.

    Parameters
    ----------
    out : str or Path
        The output folder of a run.
    to : {"coco", "geojson", "imagej-rois", "ome-zarr", "parquet"}
        The format.
    place : str or Path, optional
        The new folder; by default OUT-<format> beside the run folder, which itself is never changed.
    overwrite : bool
        Replace a folder that an earlier export has made.

    Returns
    -------
    place : Path
        The folder, there whole or not at all.

    Raises
    ------
    SettingError
        For an unknown format.
    ReadError
        When `out` is not a run folder, or has no labels.
    OutputError
        When `place` exists, or cannot be written.
    MissingExtraError
        When the format needs a package that is not installed.
    """
    from granum.steps import nearest_name

    out = Path(out)
    if to not in EXPORTS:
        raise SettingError(f"--to {to!r}: no such format; {nearest_name(to, EXPORTS)}")
    place = Path(place) if place is not None else out.resolve().with_name(f"{out.resolve().name}-{to}")
    if place.exists() and not overwrite:
        raise OutputError(f"{place}: exists; choose another place (-o), or allow to overwrite it (--overwrite).")
    if place.exists() and place.resolve() in (out.resolve(), *out.resolve().parents):
        raise OutputError(f"{place}: holds the run itself and is not overwritten; choose another place.")
    temporary = place.with_name(f".{place.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        EXPORTS[to](out, temporary)
        if place.exists():
            shutil.rmtree(place)
        temporary.rename(place)
    except OSError as error:
        raise OutputError(f"{place}: cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return place
