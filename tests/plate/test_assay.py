"""`Assay`: what is written is what is read."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from granum.errors import ReadError
from granum.plate.assay import (
    Assay,
    Curve,
    Fit,
    Interval,
    Measure,
    PlateImage,
    Quality,
    Review,
    Survival,
    Well,
    read_assay,
)


def whole_assay():
    return Assay(
        kind="live-dead",
        measures=(Measure("viability", "Viability", "%"),),
        time_unit="h",
        images=(PlateImage("a.tif", "a", 3, well="B03", time=1.5, values={"viability": 0.5}),),
        wells=(Well("", "B03", 2, 3, "drug", "1", "", 2.5, 1, 1),),
        curves=(Curve("well", "B03", "viability", (0.0, 1.5), (1.0, None), (0.9, None), (1.0, None), (40, 0)),),
        survival=(
            Survival("well", "B03", (0.0, 1.0), (1.0, 0.5), (None, 0.2), (None, 0.8), (4, 4), 2, 2, Interval(1.0)),
        ),
        fits=(Fit("well", "B03", "viability", "linear", {"slope_per_h": Interval(-0.1, -0.2, 0.0)}, 3.0),),
        quality=(Quality("", "viability", 1.5, 0.6, 4.0, 4, 4),),
        review=(Review("a.tif", 3, "class_overlays/a.png", "B03", 1.5, 0.7, "3 nuclei are uncertain."),),
        videos=("videos/B03.mp4",),
        notes=("one well has no image.",),
    )


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "assay.json"
    path.write_text(json.dumps(whole_assay().to_json(), allow_nan=False))
    assert read_assay(path) == whole_assay()


def test_numbers_of_numpy_and_what_is_not_finite_become_json():
    image = PlateImage("a.tif", "a", 0, values={"viability": np.float32(0.5), "shift": math.nan})
    written = Assay("confluency", (), "h", (image,)).to_json()
    assert written["images"][0]["values"] == {"viability": 0.5, "shift": None}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": 2}', '{"schema": 1, "kind": "live-dead"}'])
def test_a_damaged_or_newer_file_is_refused_by_name(tmp_path, text):
    path = tmp_path / "assay.json"
    path.write_text(text)
    with pytest.raises(ReadError, match=r"assay\.json"):
        read_assay(path)
