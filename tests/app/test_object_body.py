from __future__ import annotations

import csv

import numpy as np

from granum import pipeline
from granum.app.object_body import make_object_body
from granum.image import Image, PixelSize
from granum.report.tables import write_objects_csv
from granum.samples import simulate_particles


def test_columns_and_values_are_those_of_objects_csv(tmp_path):
    size = PixelSize(0.5, 0.5, "nm", "typed")
    picture = simulate_particles("discs", size=256, count=15, seed=2).image
    result = pipeline.run("particles", Image.from_array(picture, pixel_size=size))
    write_objects_csv(tmp_path / "objects.csv", result.objects, size, file="a.tif")
    with (tmp_path / "objects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    body = make_object_body(result.objects, size, picture.size)
    assert [column.name for column in body.columns] == [name for name in rows[0] if name not in ("file", "frame")]
    assert body.n_objects == len(rows) == len(body.columns[0].values)
    for column in body.columns:
        for row, value in zip(rows, column.values, strict=True):
            wanted = row[column.name]
            assert wanted == value if isinstance(value, str) else float(wanted) == float(value)
    units = {column.name: column.unit for column in body.columns}
    assert (units["area_px"], units["area_nm2"], units["ecd_nm"], units["y"], units["label"]) == (
        "px2", "nm2", "nm", "px", "",
    )  # fmt: skip
    assert body.summary["n_objects"] == len(rows)
    assert body.summary["ecd_d50_nm"] == body.summary["ecd_d50_px"] * 0.5


def test_a_value_that_does_not_exist_is_none_and_no_table_is_no_objects():
    body = make_object_body({"label": np.array([1]), "neighbour_distance": np.array([np.nan])}, None, 0)
    assert body.columns[1].values == [None]
    assert make_object_body(None, None, 100).n_objects == 0
