from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import disk

from granum.choice import Choice
from granum.image import PixelSize
from granum.report.label_images import write_labels
from granum.report.provenance import write_json
from granum.report.section import write_section
from granum.report.tables import join_csv, write_images_csv, write_objects_csv

HALF_NM = PixelSize(0.5, 0.5, "nm", "typed")


@pytest.fixture
def discs():
    """An image of discs of known radii, its labels and its object table; disc 1 touches the border, 2 has a hole."""
    labels = np.zeros((120, 160), dtype=np.int32)
    spots = [(5, 5, 9), (40, 40, 14), (40, 90, 8), (90, 40, 10), (90, 120, 16), (20, 130, 5), (70, 140, 7)]
    for label, (y, x, radius) in enumerate(spots, start=1):
        labels[disk((y, x), radius, shape=labels.shape)] = label
    labels[38:42, 38:42] = 0
    image = np.where(labels > 0, 180, 60).astype(np.uint16) + np.arange(160, dtype=np.uint16)[None, :] // 8
    k = int(labels.max())
    area = np.bincount(labels.ravel())[1:].astype(np.int64)
    rows, columns = np.indices(labels.shape)
    objects = {
        "label": np.arange(1, k + 1),
        "y": np.array([rows[labels == i].mean() for i in range(1, k + 1)]),
        "x": np.array([columns[labels == i].mean() for i in range(1, k + 1)]),
        "area": area,
        "ecd": np.sqrt(4 * area / np.pi),
        "feret_min": np.sqrt(4 * area / np.pi) * 0.98,
        "bbox_height": np.array([np.ptp(rows[labels == i]) + 1 for i in range(1, k + 1)]),
        "bbox_width": np.array([np.ptp(columns[labels == i]) + 1 for i in range(1, k + 1)]),
        "confidence": np.linspace(0.4, 1, k),
        "flags": np.array([1, 4, 0, 0, 2, 16, 0]),
    }
    return image, labels, objects


@pytest.fixture
def make_run(tmp_path, discs):
    """Return a function that writes a run folder as the batch does, without its report; returns it and its sections."""

    def build(files=("discs.tif",), *, size=HALF_NM, text="because it scored best"):
        image, labels, objects = discs
        out = tmp_path / "out"
        (out / "labels").mkdir(parents=True)
        rows, inputs, images, tables, sections = [], [], [], [], []
        for i, file in enumerate(files):
            stem = f"stem{i}"
            part = tmp_path / f"{i}.csv"
            write_objects_csv(part, objects, size, file=file)
            tables.append(part)
            write_labels(out / "labels" / f"{stem}.tif", labels, size)
            row = {"file": file, "frame": 0, "n_objects": 7, "area_fraction": 0.1234, "threshold": 120.0}
            row |= {"height_px": 120, "width_px": 160, "analysed_px": 19200, "flags": [], "warnings": [text]}
            rows.append(row)
            side = {"y": size.y, "x": size.x, "unit": size.unit, "source": size.source} if size else None
            if size:
                row[f"pixel_size_{size.unit}"] = size.mean
            files_of = [{"name": file, "path": file, "sha256": "ab"}]
            inputs.append({"file": file, "stem": stem, "pixel_size": side, "files": files_of})
            images.append({"file": file, "frame": 0, "stem": stem, "pixel_size": side, "warnings": [text]})
            choice = Choice(
                "smoothing", {"sigma": 2.0}, text, [{"sigma": 2.0, "score": 0.9}, {"sigma": 0.0, "score": 0.1}]
            )
            section = tmp_path / f"{i}.html"
            write_section(
                section, image, labels, objects, file=file, pixel_size=size, choices=[choice], warnings=[text], row=row,
                n_sections=len(files),
            )  # fmt: skip
            sections.append(section)
        join_csv(out / "objects.csv", tables)
        write_images_csv(out / "images.csv", rows)
        run = {
            "granum": "0.1.0",
            "seed": 0,
            "recipe": {"name": "particles", "summary": "Count and size particles.", "sha256": "0123456789abcdef"},
            "settings": [
                {"do": "segment.threshold", "settings": {"method": "otsu"}},
                {"do": "measure.objects", "settings": {}},
            ],
            "inputs": inputs,
            "images": images,
            "failed": [],
            "seconds": {"segment.threshold": 0.01},
            "versions": {"granum": "0.1.0", "python": "3.11"},
            "machine": {"system": "Linux", "cores": 2},
            "warnings": [text],
        }
        write_json(out / "run.json", run)
        return out, sections

    return build
