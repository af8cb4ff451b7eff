"""Objects in the words of other programs; corners of pixels are whole numbers, the first pixel is (0, 0) to (1, 1)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.image import PixelSize
from granum.report.contours import Polygon, trace_contours
from granum.report.provenance import write_json

__all__ = ["coco_annotation", "encode_run_lengths", "geojson_feature", "imagej_roi_zip", "write_ome_zarr_labels"]

_COLOURS = {"object": [86, 180, 233], "touches border": [240, 228, 66], "low confidence": [235, 70, 10]}
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold: the same bytes on every day
_CHUNK = 1024
_SMALLEST_LEVEL = 256
_ZARR_UNIT = {"nm": "nanometer", "um": "micrometer", "mm": "millimeter"}


def _closed_xy(ring: NDArray[np.int32]) -> list[list[int]]:
    """Return the corners as [x, y], the first again at the end."""
    corners = [[int(x), int(y)] for y, x in ring]
    return [*corners, corners[0]]


def encode_run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Return COCO's uncompressed run lengths: down the columns, the first run is of background."""
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate([[0], changes, [flat.size]])
    runs = np.diff(bounds).tolist()
    return [0, *runs] if flat[0] else runs


def _box_run_lengths(labels: NDArray[np.int32], label: int, box: tuple[int, int, int, int]) -> list[int]:
    """Return `encode_run_lengths(labels == label)` from the object's box alone."""
    height, width = labels.shape
    y0, x0, y1, x1 = box
    inside = np.zeros((height, x1 - x0), dtype=bool)
    inside[y0:y1] = labels[y0:y1, x0:x1] == label
    runs = encode_run_lengths(inside)
    before, after = x0 * height, (width - x1) * height
    runs[0] += before
    if len(runs) % 2:  # ends with background
        runs[-1] += after
    elif after:
        runs.append(after)
    return runs


def _bounds(polygons: list[Polygon]) -> tuple[int, int, int, int]:
    corners = np.concatenate([polygon[0] for polygon in polygons])
    (y0, x0), (y1, x1) = corners.min(axis=0), corners.max(axis=0)
    return int(y0), int(x0), int(y1), int(x1)


def coco_annotation(
    labels: NDArray[np.int32], confidence: Mapping[int, float | None] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a COCO annotation per object, without `id` and `image_id`.

    Parameters
    ----------
    labels : (Y, X) int32 ndarray
        0 background, 1..K objects.
    confidence : dict, optional
        Label -> confidence, written as `score`.
    """
    areas = np.bincount(labels.ravel())
    for label, polygons in trace_contours(labels).items():
        y0, x0, y1, x1 = box = _bounds(polygons)
        segmentation: Any
        if all(len(polygon) == 1 for polygon in polygons):
            segmentation = [polygon[0][:, ::-1].ravel().tolist() for polygon in polygons]
        else:  # COCO's polygons cannot have holes
            segmentation = {"size": list(labels.shape), "counts": _box_run_lengths(labels, label, box)}
        annotation = {
            "category_id": 1,
            "iscrowd": 0,
            "label": label,
            "area": int(areas[label]),
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "segmentation": segmentation,
        }
        score = (confidence or {}).get(label)
        yield annotation if score is None else {**annotation, "score": score}


def _class_name(row: Mapping[str, Any]) -> str:
    flags = str(row.get("flags") or "").split("|")
    return next((name.replace("_", " ") for name in ("low_confidence", "touches_border") if name in flags), "object")


def geojson_feature(
    labels: NDArray[np.int32], rows: Mapping[int, Mapping[str, Any]] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a GeoJSON feature per object, as QuPath reads and writes them.

    Parameters
    ----------
    labels : (Y, X) int32 ndarray
        0 background, 1..K objects.
    rows : dict, optional
        Label -> row of objects.csv: numbers become measurements, flags the class.

    Notes
    -----
    Rings are closed and holes are rings of their own. An object of one part is a Polygon, never a MultiPolygon.
    """
    for label, polygons in trace_contours(labels).items():
        parts = [[_closed_xy(ring) for ring in polygon] for polygon in polygons]
        geometry = (
            {"type": "Polygon", "coordinates": parts[0]}
            if len(parts) == 1
            else {"type": "MultiPolygon", "coordinates": parts}
        )
        row = (rows or {}).get(label, {})
        name = _class_name(row)
        measurements = {
            key: value
            for key, value in row.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and value == value
        }
        yield {
            "type": "Feature",
            "geometry": geometry,
            "properties": {
                "objectType": "detection",
                "name": str(label),
                "classification": {"name": name, "color": _COLOURS[name]},
                "measurements": measurements,
            },
        }


def _roi(label: int, polygons: list[Polygon], position: int) -> bytes:
    """Return one ImageJ ROI: a traced outline, or a composite where there are holes or several parts."""
    import roifile

    name = f"{label:05d}"
    if len(polygons) == 1 and len(polygons[0]) == 1:
        roi = roifile.ImagejRoi.frompoints(polygons[0][0][:, ::-1].astype(np.int32), name=name)
        roi.roitype, roi.position = roifile.ROI_TYPE.TRACED, position
        return bytes(roi.tobytes())
    path: list[float] = []
    for ring in (ring for polygon in polygons for ring in polygon):
        corners = ring[:, ::-1].tolist()
        path += [0.0, *map(float, corners[0])]  # move
        for corner in corners[1:]:
            path += [1.0, *map(float, corner)]  # line
        path.append(4.0)  # close
    y0, x0, y1, x1 = _bounds(polygons)
    roi = roifile.ImagejRoi(
        roitype=roifile.ROI_TYPE.RECT, version=228, name=name, top=y0, left=x0, bottom=y1, right=x1, position=position
    )
    roi.shape_roi_size = len(path)
    roi.multi_coordinates = np.array(path, dtype=np.float32)
    return bytes(roi.tobytes())


def imagej_roi_zip(planes: Sequence[tuple[int, NDArray[np.int32]]]) -> bytes:
    """Return a zip of ImageJ ROIs, an entry per object, the same bytes for the same labels.

    Parameters
    ----------
    planes : sequence of (int, (Y, X) int32 ndarray)
        Frame number and labels; with more than one plane each ROI knows the position of its plane, from 1.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for number, (_, labels) in enumerate(planes, start=1):
            position = number if len(planes) > 1 else 0
            for label, polygons in trace_contours(labels).items():
                prefix = f"{number:04d}-" if len(planes) > 1 else ""
                entry = zipfile.ZipInfo(f"{prefix}{label:05d}.roi", date_time=_ZIP_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, _roi(label, polygons, position))
    return out.getvalue()


def write_ome_zarr_labels(path: Path, labels: NDArray[np.int32], pixel_size: PixelSize | None = None) -> None:
    """Write labels as an OME-Zarr 0.4 store (Zarr 2): ``labels/objects`` with a pyramid of nearest pixels.

    Parameters
    ----------
    path : Path
        The store, a new folder.
    labels : (Y, X) or (T, Y, X) int32 ndarray
        0 background, 1..K objects.
    pixel_size : PixelSize, optional
        The scale of the axes y and x, with its unit; 1 without unit when unknown.
    """
    import zarr
    from numcodecs import Zlib  # type: ignore[import-untyped]

    group = path / "labels" / "objects"
    group.mkdir(parents=True)
    for folder in (path, path / "labels", group):
        write_json(folder / ".zgroup", {"zarr_format": 2})
    axes: list[dict[str, str]] = [{"name": "t", "type": "time"}] if labels.ndim == 3 else []
    unit = {"unit": _ZARR_UNIT[pixel_size.unit]} if pixel_size is not None else {}
    axes += [{"name": name, "type": "space", **unit} for name in "yx"]
    size = [pixel_size.y, pixel_size.x] if pixel_size is not None else [1.0, 1.0]
    datasets: list[dict[str, Any]] = []
    level, factor = labels, 1
    while True:
        name = str(len(datasets))
        array = zarr.create_array(
            str(group / name),
            shape=level.shape,
            chunks=(*(1,) * (level.ndim - 2), *(min(_CHUNK, side) for side in level.shape[-2:])),
            dtype=level.dtype,
            compressors=Zlib(level=5),
            zarr_format=2,
            fill_value=0,
            chunk_key_encoding={"name": "v2", "separator": "/"},
        )
        array[...] = level
        scale = [1.0] * (labels.ndim - 2) + [step * factor for step in size]
        shift = [0.0] * (labels.ndim - 2) + [step * (factor // 2) for step in size]
        transforms: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
        if factor > 1:  # the pixel that is kept is the one at (factor / 2) of its block
            transforms.append({"type": "translation", "translation": shift})
        datasets.append({"path": name, "coordinateTransformations": transforms})
        if max(level.shape[-2:]) <= _SMALLEST_LEVEL or min(level.shape[-2:]) < 4:
            break
        factor *= 2
        level = np.ascontiguousarray(labels[..., factor // 2 :: factor, factor // 2 :: factor])
    write_json(path / "labels" / ".zattrs", {"labels": ["objects"]})
    multiscales = [{"version": "0.4", "name": "objects", "axes": axes, "datasets": datasets, "type": "nearest"}]
    write_json(group / ".zattrs", {"multiscales": multiscales, "image-label": {"version": "0.4"}})
