from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))  # tests are no package
from assay_fixtures import plate_assay, single_image

from granum.app.assay_body import make_assay_body
from granum.app.problems import Problem
from granum.report.assay_numbers import assay_numbers


def written(folder, assay):
    (folder / "assay.json").write_text(json.dumps(assay.to_json()))
    return folder


def test_the_page_gets_every_number_of_the_file_and_the_head_of_the_report(tmp_path):
    assay = plate_assay(rows=2, columns=3)
    body = make_assay_body(written(tmp_path, assay), "r1")
    assert [(one.name, one.value, one.unit, one.below) for one in body.numbers] == assay_numbers(assay)
    of_conditions = {one.name for one in body.curves if one.level == "condition"}
    assert {one.curve for one in body.wells} == of_conditions != set()
    assert [one.model_dump(exclude={"curve"}) for one in body.wells] == assay.to_json()["wells"]
    for part in ("curves", "survival", "measures"):
        assert [one.model_dump() for one in getattr(body, part)] == assay.to_json()[part], part
    assert [(one.model, one.parameters.keys()) for one in body.fits] == [
        (f.model, f.parameters.keys()) for f in assay.fits
    ]
    assert (body.kind, body.time_unit, body.before_corrections) == ("live-dead", "h", False)


def test_of_images_only_what_is_drawn_is_sent(tmp_path):
    assay = plate_assay(rows=2, columns=3)
    body = make_assay_body(written(tmp_path, assay), "r1")
    assert len(body.images) == len(assay.images)
    assert set(body.images[0].values) == {"viability", "n_nuclei"}
    assert body.images[3].values["viability"] == assay.images[3].values["viability"]


def test_what_is_to_be_looked_at_names_its_image_and_controls_say_what_they_mean(tmp_path):
    assay = plate_assay(rows=2, columns=3)
    body = make_assay_body(written(tmp_path, assay), "r1")
    assert assay.review
    assert assay.quality
    stems = {(image.file, image.frame): image.stem for image in assay.images}
    assert [one.stem for one in body.review] == [stems.get((one.file, one.frame), "") for one in assay.review]
    assert any(one.stem for one in body.review)
    assert all(one.verdict for one in body.quality)


def test_an_image_without_a_plate_has_its_head_and_nothing_else(tmp_path):
    body = make_assay_body(written(tmp_path, single_image(viability_low=float("nan"))), "r1", before_corrections=True)
    assert body.numbers[0].value == "80.0"
    assert (body.wells, body.curves, body.survival) == ([], [], [])
    assert body.before_corrections


def test_a_run_without_an_assay_says_so(tmp_path):
    with pytest.raises(Problem, match="r1: made no assay") as caught:
        make_assay_body(tmp_path, "r1")
    assert (caught.value.status, caught.value.code) == (404, "no_assay")


@pytest.mark.parametrize("damage", ["", "[]", '{"schema": 1}', '{"schema": 2}', "kind", "image"])
def test_a_file_that_somebody_else_wrote_is_damaged_in_one_line(tmp_path, damage):
    assay = single_image()
    content = json.dumps(replace(assay, kind="other").to_json()) if damage == "kind" else damage
    if damage == "image":
        content = json.dumps({**assay.to_json(), "images": [{"file": "a", "stem": "a", "frame": "x" * 9}]})
    (tmp_path / "assay.json").write_text(content)
    with pytest.raises(Problem) as caught:
        make_assay_body(tmp_path, "r1")
    assert (caught.value.status, caught.value.code) == (409, "damaged")
    assert "\n" not in str(caught.value)
