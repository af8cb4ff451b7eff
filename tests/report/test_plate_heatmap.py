from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace

import assay_fixtures
import pytest

from granum.plate.assay import Assay, PlateImage, Well
from granum.report.page import write_report
from granum.report.plate_heatmap import PLATES, heatmap_html, plate_shape, row_letters
from granum.report.provenance import write_json
from granum.report.tables import write_images_csv


def packed(text):
    """Return what the page's script gets."""
    data = re.search(r'data-plate="([^"]+)"', text)[1]
    return json.loads(zlib.decompress(base64.b64decode(data)))


def cells(text):
    """Return the texts of the wells in reading order."""
    return re.findall(r'<td data-well="\d+"[^>]*>([^<]*)</td>', text)


@pytest.mark.parametrize("shape", PLATES)
def test_a_plate_is_as_large_as_its_kind_and_wells_without_image_are_empty(shape):
    wells = (Well("", "A01", 1, 1, "", "", "", None, 1, 1), Well("", "X", *shape, "", "", "", None, 1, 1))
    images = tuple(PlateImage("a", "a", 0, well=w.well, values={"viability": 0.5}) for w in wells)
    text = heatmap_html(Assay("live-dead", (assay_fixtures.VIABILITY,), "h", images, wells))
    assert plate_shape(wells) == shape
    assert text.count('<td class="no-image">') == shape[0] * shape[1] - 2
    assert text.count('scope="row"') == shape[0]
    assert text.count('scope="col"') == shape[1]
    assert cells(text) == ["50", "50"]


@pytest.mark.parametrize(("row", "letters"), [(1, "A"), (8, "H"), (26, "Z"), (27, "AA"), (32, "AF")])
def test_rows_have_the_letters_of_plates(row, letters):
    assert row_letters(row) == letters


def test_it_opens_with_the_first_measure_at_the_last_time():
    assay = assay_fixtures.plate_assay(2, 3)
    text = heatmap_html(assay)
    last = {c.name: c.value[-1] for c in assay.curves if c.level == "well" and c.measure == "viability"}
    assert cells(text) == [f"{100 * last[well.well]:.0f}" for well in assay.wells]
    assert "Viability, %, at 48 h</caption>" in text


def test_all_measures_and_times_are_there_for_the_menus_on_one_scale():
    assay = assay_fixtures.plate_assay(2, 3)
    data = packed(heatmap_html(assay))
    assert data["times"] == ["0 h", "12 h", "24 h", "36 h", "48 h"]
    shares, counts = data["layers"]
    assert (shares["low"], shares["high"]) == (0.0, 1.0)
    assert counts["low"] == 0.0
    assert counts["high"] == max(v for row in counts["values"] for v in row)
    for curve in assay.curves:
        if curve.level == "well" and curve.measure == "viability":
            well = [w.well for w in assay.wells].index(curve.name)
            assert [row[well] for row in shares["values"]] == pytest.approx(curve.value, rel=1e-3)


def test_many_times_are_thinned_but_first_and_last_stay():
    data = packed(heatmap_html(assay_fixtures.plate_assay(1, 3, tuple(float(t) for t in range(97)))))
    assert len(data["times"]) == 60
    assert (data["times"][0], data["times"][-1]) == ("0 h", "96 h")


def test_numbers_can_be_read_on_every_colour_of_the_scale():
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    data = packed(heatmap_html(assay_fixtures.plate_assay(2, 3)))
    colours = [data["colours"][i : i + 6] for i in range(0, len(data["colours"]), 6)]
    assert len(colours) == len(data["inks"])
    shades = [light(colour) for colour in colours]
    assert shades == sorted(shades)  # darker is less, for every eye and every printer
    for shade, ink in zip(shades, data["inks"], strict=True):
        contrast = (shade + 0.05) / 0.05 if ink == "0" else 1.05 / (shade + 0.05)
        assert contrast >= 4.5


def test_one_well_and_wells_whose_names_say_nothing_make_no_plate():
    assert heatmap_html(assay_fixtures.plate_assay(1, 2)) == ""
    assert heatmap_html(assay_fixtures.confluency_series(wells=3)) == ""
    assert heatmap_html(assay_fixtures.single_image()) == ""


def test_a_well_that_lacks_a_value_has_a_dash_and_no_colour():
    assay = assay_fixtures.plate_assay(1, 3, (0.0,))
    gap = replace(assay.curves[0], value=(None,))
    text = heatmap_html(replace(assay, curves=(gap, *assay.curves[1:])))
    first = re.search(r'<td data-well="0"[^>]*>–</td>', text)[0]
    assert "style" not in first


def test_several_plates_have_their_names():
    first, second = (assay_fixtures.plate_assay(1, 3, plate=name) for name in ("P1", "P2"))
    both = replace(
        first,
        images=first.images + second.images,
        wells=first.wells + second.wells,
        curves=first.curves + second.curves,
    )
    text = heatmap_html(both)
    assert text.count("<h3>P1</h3>") == text.count("<h3>P2</h3>") == 1
    assert "P2: Viability" in text


@pytest.mark.slow
def test_the_menus_paint_another_time_and_measure_as_python_would_and_the_page_has_no_fault(tmp_path, chromium):
    assay = assay_fixtures.plate_assay(2, 3)
    out = tmp_path / "run"
    out.mkdir()
    write_images_csv(out / "images.csv", [{"file": "a", "frame": 0, "n_objects": 1}])
    write_json(out / "run.json", {"recipe": {"name": "live-dead"}})
    write_json(out / "assay.json", assay.to_json())
    page = chromium.new_page()
    faults = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(write_report(out).as_uri())
    page.wait_for_selector(".choices:not([hidden])")
    looks = "(cells) => cells.map((cell) => [cell.textContent, cell.style.background, cell.style.color])"
    first = page.eval_on_selector_all("td[data-well]", looks)
    page.locator(".plate-time").fill("0")
    assert page.locator(".plate caption").inner_text() == "Viability, %, at 0 h"
    values = {c.name: c.value for c in assay.curves if c.level == "well" and c.measure == "viability"}
    shown = page.eval_on_selector_all("td[data-well]", looks)
    assert [cell[0] for cell in shown] == [f"{100 * values[well.well][0]:.0f}" for well in assay.wells]
    page.locator(".plate-measure").select_option("1")
    assert page.locator(".plate caption").inner_text() == "Nuclei, at 0 h"
    assert page.locator(".plate .low").inner_text() == "0"
    page.locator(".plate-measure").select_option("0")
    page.locator(".plate-time").fill("4")
    assert page.eval_on_selector_all("td[data-well]", looks) == first
    assert faults == []
